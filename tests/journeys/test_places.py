"""
The places beside the cloud: rules answer at no cost and veto, the cache answers again, own hardware costs its busy share.
"""

import asyncio
import time
from collections.abc import Iterator

import pytest
from tests.journeys.gateway import Gateway
from tests.journeys.sdks import GREETING, Asked, OpenAIClient, Sdk, Triage, every_sdk
from tests.journeys.upstreams import Simulator, Upstreams, mock, settings, simulated

_RULES = """name,phase,then,text,answer,message,when
opening hours,before,answer,".contains(""opening hours"")",We are open from 9 to 18.,,
no weapons,before,veto,".contains(""catapult"")",,We do not sell catapults. Ask for something else.,
no names,after,correct,,Our carrier is on its way.,,"answer.contains(""You said: carrier"")"
no promises,after,veto,,,We promise nothing. Ask a person.,"answer.contains(""You said: promise"")"
"""
_HOURLY_USD = 3600.0  # a thousand million nano-dollars a second, so that milliseconds can be seen


@pytest.fixture(scope="module")
def places(upstreams: Upstreams, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("places")
    (folder / "desk.csv").write_text(_RULES, encoding="utf-8")
    shape = {"type": "object", "properties": {"topic": {"type": "string"}, "urgent": {"type": "boolean"}}, "required": ["topic", "urgent"]}
    more = {
        "targets": {
            "own": {"vendor": "llama", "model": "tiny", "hardware": {"hourly_usd": _HOURLY_USD}},
            "own-slow": simulated("sim-small!slow_first_byte:0.3", place="private", hardware={"hourly_usd": _HOURLY_USD}, price=None),
            "rude": mock("gpt-4.1-mini"),
        },
        "capabilities": {
            "desk": {"ladder": ["sim-openai"], "rules": "desk.csv"},
            "kept-openai": {"ladder": ["sim-openai"], "cache": True},
            "kept-anthropic": {"ladder": ["sim-anthropic"], "cache": {"ttl_s": 60}},
            "shaped": {"ladder": ["rude", "sim-openai"], "output_schema": shape},
        },
    }
    with Gateway(folder, settings(upstreams, **more)) as running:
        yield running


@pytest.mark.parametrize("mode", ["whole", "stream"])
@every_sdk
def test_a_rule_answers_at_no_cost_and_asks_no_model(places: Gateway, simulator: Simulator, sdk: Sdk, mode: str) -> None:
    with places.recorded("desk") as records:
        said = sdk.ask(places, "desk", Asked("What are your opening hours?"), mode)
    assert (said.text, said.finish, said.tokens_in + said.tokens_out) == ("We are open from 9 to 18.", "done", 0)
    (record,) = records
    assert (record["status"], record["place"], record["reason"], record["cost_nano_usd"]) == ("ok", "rules", "rule", 0)
    assert simulator.times_asked("What are your opening hours?") == 0


@every_sdk
def test_a_rule_vetoes_with_its_own_words(places: Gateway, sdk: Sdk) -> None:
    client = sdk.client(places)
    with pytest.raises(sdk.errors.PermissionDeniedError, match="We do not sell catapults"):
        sdk.create(client, "desk", "One catapult, please.")
    with pytest.raises(sdk.errors.PermissionDeniedError, match="We do not sell catapults"):
        list(sdk.words(client, "desk", "One catapult, please."))


@pytest.mark.parametrize("mode", ["whole", "stream"])
@every_sdk
def test_a_rule_corrects_and_vetoes_what_a_model_said_before_a_word_is_sent(places: Gateway, sdk: Sdk, mode: str) -> None:
    assert sdk.ask(places, "desk", Asked("carrier name"), mode).text == "Our carrier is on its way."
    with places.recorded("desk") as records, pytest.raises(sdk.errors.PermissionDeniedError, match="We promise nothing"):
        sdk.ask(places, "desk", Asked("promise me something"), mode)
    (record,) = records
    assert (record["status"], record["cost_nano_usd"] > 0) == ("vetoed", True)
    assert sdk.ask(places, "desk", Asked(GREETING), mode).text == f"You said: {GREETING}"


@pytest.mark.parametrize("upstream", ["openai", "anthropic"])
@every_sdk
def test_the_same_question_is_answered_from_the_cache_whole_and_as_a_stream(places: Gateway, sdk: Sdk, upstream: str) -> None:
    capability, text = f"kept-{upstream}", f"kept for {sdk.name}, lookup one and lookup two"
    asked = Asked(text, tools=True)
    with places.recorded(capability, calls=4) as records:
        first = sdk.ask(places, capability, asked, "whole")
        again = sdk.ask(places, capability, asked, "whole")
        streamed = sdk.ask(places, capability, asked, "stream")
        sdk.ask(places, capability, Asked(text + "!", tools=True), "whole")
    assert (again.text, again.calls, again.finish, again.tokens_out) == (first.text, first.calls, first.finish, first.tokens_out)
    assert (streamed.text, streamed.calls) == (first.text, first.calls)
    assert [record["reason"] for record in records] == ["first_choice", "cache_hit", "cache_hit", "first_choice"]
    assert [record["place"] for record in records] == ["cloud", "cache", "cache", "cloud"]
    assert [record["cost_nano_usd"] == 0 for record in records] == [False, True, True, False]


@every_sdk
def test_an_answer_kept_from_a_stream_is_given_again_whole(places: Gateway, sdk: Sdk) -> None:
    text = f"a stream for {sdk.name}"
    with places.recorded("kept-anthropic", calls=2) as records:
        streamed = sdk.ask(places, "kept-anthropic", Asked(text), "stream")
        whole = sdk.ask(places, "kept-anthropic", Asked(text), "whole")
    assert whole.text == streamed.text == f"You said: {text}"
    assert records[1]["reason"] == "cache_hit"


@pytest.mark.parametrize("mode", ["whole", "stream"])
@every_sdk
def test_an_answer_of_the_wrong_shape_goes_to_the_next_target(places: Gateway, sdk: Sdk, mode: str) -> None:
    """The capability's schema holds whether or not the caller knows of it: the mock says prose, the simulator what it is asked for."""
    with places.recorded("shaped") as records:
        said = sdk.ask(places, "shaped", Asked("Say it in one word", shape=Triage), mode)
    assert isinstance(said.parsed, Triage)
    assert [row["error"] for row in places.attempts(records[0]["call_id"])] == ["not_json", None]


def test_own_hardware_costs_the_share_of_its_busy_time(places: Gateway) -> None:
    started = time.monotonic()
    answer = places.chat("own-slow")
    took_ns = (time.monotonic() - started) * 1e9
    (attempt,) = places.attempts(answer.headers["x-request-id"])
    assert (attempt["place"], attempt["price_id"]) == ("private", "hardware")
    assert 0.3e9 <= attempt["cost_nano_usd"] <= took_ns


def test_two_calls_at_once_share_the_hardware_between_them(places: Gateway) -> None:
    async def both() -> tuple[float, list[str]]:
        async with places.async_openai() as client:
            started = time.monotonic()
            ask = client.chat.completions.with_raw_response.create
            answers = await asyncio.gather(*(ask(model="own-slow", messages=[{"role": "user", "content": GREETING}]) for _ in range(2)))
            return (time.monotonic() - started) * 1e9, [answer.headers["x-request-id"] for answer in answers]

    took_ns, ids = asyncio.run(both())
    cost = sum(places.call(call_id)["cost_nano_usd"] for call_id in ids)
    assert 0.3e9 <= cost <= took_ns


def test_a_real_private_model_costs_time_not_tokens(places: Gateway) -> None:
    answer = OpenAIClient().create(places.openai(), "own")
    (attempt,) = places.attempts(answer.headers["x-request-id"])
    assert (attempt["price_id"], attempt["tokens_out"]) == ("hardware", 100)
    assert abs(attempt["cost_nano_usd"] - attempt["latency_ms"] * 1e6) <= attempt["latency_ms"] * 1e6 * 0.5
