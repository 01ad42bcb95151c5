"""
A stream that breaks is told to the SDK, a client that leaves stops the work at once, and both are charged for what was produced.
"""

import asyncio
import json
from collections.abc import Iterator

import pytest
from tests.journeys.gateway import Gateway, said
from tests.journeys.processes import eventually
from tests.journeys.sdks import GREETING, AnthropicClient, OpenAIClient, Sdk, every_sdk
from tests.journeys.upstreams import COST_NANO_USD, PRICE, Simulator, Upstreams, mock, settings, simulated

# What goes wrong after the first event, and what it is called in the ledger.
FAULTS = {"cut_after_chunks:60": {"cut"}, "error_event:60": {"server_error", "overloaded"}, "no_end_mark": {"cut"}, "stall:4": {"timeout_gap"}}
LONG = "tell me more and " * 40


@pytest.fixture(scope="module")
def fragile(upstreams: Upstreams, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    targets = {
        f"{fault.partition(':')[0]}-{dialect}": simulated(f"sim-mid!{fault}", dialect=dialect, deadlines={"gap_s": 1.0} if fault.startswith("stall") else {})
        for fault in FAULTS
        for dialect in ("openai", "anthropic")
    }
    waits = {name: simulated(model, dialect=dialect) for name, model, dialect in _WAITING}
    endless = simulated("sim-mid!stall:5", deadlines={"total_s": 2.0})
    more = {"targets": {**targets, **waits, "endless": endless, "cut-mock": mock("cut"), "cut-mock-anthropic": mock("cut", dialect="anthropic")}}
    with Gateway(tmp_path_factory.mktemp("fragile"), settings(upstreams, **more)) as running:
        yield running


# Name, model, dialect of targets that answer a little, or nothing, and then wait for as long as a client does.
_WAITING = (
    ("waits-openai", "sim-small!stall:6", "openai"),
    ("waits-anthropic", "sim-small!stall:7", "anthropic"),
    ("waits-openai-2", "sim-small!stall:8", "openai"),
    ("waits-anthropic-2", "sim-small!stall:9", "anthropic"),
    ("silent", "sim-small!slow_first_byte:40", "openai"),
    ("silent-anthropic", "sim-small!slow_first_byte:41", "anthropic"),
    ("silent-whole", "sim-small!slow_first_byte:42", "openai"),
)


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
@pytest.mark.parametrize("fault", FAULTS)
@every_sdk
def test_a_stream_that_breaks_midway_raises_in_the_sdk(fragile: Gateway, sdk: Sdk, fault: str, dialect: str) -> None:
    """Half an answer must never look like a whole one. What had arrived stays the caller's, and is paid for."""
    capability = f"{fault.partition(':')[0]}-{dialect}"
    words: list[str] = []
    with fragile.recorded(capability) as records, pytest.raises(sdk.errors.APIError, match=f"`{capability}` failed"):
        words.extend(sdk.words(sdk.client(fragile), capability, LONG))
    (record,) = records
    (attempt,) = fragile.attempts(record["call_id"])
    assert record["status"] == attempt["error"]
    assert attempt["error"] in FAULTS[fault]
    assert record["cost_nano_usd"] > 0
    assert attempt["first_byte_ms"] is not None
    assert words


@every_sdk
def test_a_stream_that_outlasts_its_time_is_ended(fragile: Gateway, sdk: Sdk) -> None:
    with fragile.recorded("endless") as records, pytest.raises(sdk.errors.APIError, match="timeout_total"):
        list(sdk.words(sdk.client(fragile), "endless", LONG))
    assert [(record["status"], record["cost_nano_usd"] > 0) for record in records] == [("timeout_total", True)]
    assert 1999 <= records[0]["latency_ms"] < 15_000  # the loop counts in whole milliseconds


@pytest.mark.parametrize("capability", ["cut-mock", "cut-mock-anthropic"])
@every_sdk
def test_the_third_partys_cut_raises_too(fragile: Gateway, sdk: Sdk, capability: str) -> None:
    with pytest.raises(sdk.errors.APIError):
        list(sdk.words(sdk.client(fragile), capability))


@pytest.mark.parametrize("upstream", ["openai", "anthropic"])
@every_sdk
def test_a_client_that_leaves_a_stream_stops_the_vendor_at_once_and_is_charged(fragile: Gateway, simulator: Simulator, sdk: Sdk, upstream: str) -> None:
    capability = f"waits-{upstream}" + ("" if isinstance(sdk, OpenAIClient) else "-2")
    with fragile.recorded(capability) as records:
        stream = sdk.words(sdk.client(fragile), capability, LONG)
        assert next(stream)
        stream.close()
    (record,) = records
    model = fragile.settings["targets"][capability]["model"]
    eventually(lambda: simulator.requests(model)[-1]["ended"] == "client_left", "the vendor's notice")
    (attempt,) = fragile.attempts(record["call_id"])
    assert (record["status"], attempt["error"], attempt["estimated"]) == ("cancelled", "cancelled", 1)
    assert attempt["tokens_out"] > 0
    assert record["cost_nano_usd"] == attempt["tokens_in"] * 1000 + attempt["tokens_out"] * 2000


@pytest.mark.parametrize(("capability", "is_stream"), [("silent", True), ("silent-anthropic", True), ("silent-whole", False)])
def test_a_client_that_gives_up_before_the_first_byte_stops_the_vendor_too(fragile: Gateway, simulator: Simulator, capability: str, *, is_stream: bool) -> None:
    openai = OpenAIClient()
    client = openai.client(fragile, timeout=2.0)
    with fragile.recorded(capability) as records, pytest.raises(openai.errors.APITimeoutError):
        list(openai.words(client, capability)) if is_stream else openai.create(client, capability)
    model = fragile.settings["targets"][capability]["model"]
    eventually(lambda: simulator.requests(model)[-1]["ended"] == "client_left", "the vendor's notice")
    assert [record["status"] for record in records] == ["cancelled"]


@every_sdk
def test_the_cost_of_a_stream_follows_as_a_trailer_and_is_on_record(gateway: Gateway, sdk: Sdk) -> None:
    path = "/v1/chat/completions" if isinstance(sdk, OpenAIClient) else "/v1/messages"
    body = {"model": "mock-anthropic", "stream": True, "max_tokens": 50, "messages": [{"role": "user", "content": "hello"}]}
    answer = gateway.post(path, json=body)
    assert answer.headers["trailer"] == "x-pointsman-cost-nano-usd"
    record = gateway.call(answer.headers["x-request-id"])
    assert (record["status"], record["cost_nano_usd"]) == ("ok", COST_NANO_USD)
    raw = asyncio.run(_raw(gateway, path, body))
    assert raw.endswith(b"0\r\nx-pointsman-cost-nano-usd: %d\r\n\r\n" % COST_NANO_USD)


async def _raw(gateway: Gateway, path: str, body: object) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    data = json.dumps(body).encode()
    writer.write(
        b"POST %b HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % (path.encode(), len(data))
    )
    writer.write(data)
    answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    return answer


@pytest.mark.parametrize("capability", ["mock-openai", "mock-anthropic", "sim-openai", "sim-anthropic", "llama-openai", "llama-anthropic"])
def test_usage_is_streamed_to_those_who_ask_and_to_no_one_else(gateway: Gateway, capability: str) -> None:
    quiet = said(gateway.chat(capability, GREETING, stream=True, max_tokens=8))
    told = said(gateway.chat(capability, GREETING, stream=True, max_tokens=8, stream_options={"include_usage": True}))
    assert not any(chunk.get("usage") for chunk in quiet)
    assert all(chunk["choices"] for chunk in quiet)
    assert told[-1]["choices"] == []
    assert told[-1]["usage"]["completion_tokens"] > 0


def test_what_a_whole_answer_cost_stands_in_its_head(gateway: Gateway) -> None:
    answer = AnthropicClient().create(gateway.anthropic(), "mock-openai")
    assert answer.headers["x-pointsman-cost-nano-usd"] == str(COST_NANO_USD)
    (attempt,) = gateway.attempts(answer.headers["x-request-id"])
    assert (attempt["tokens_in"], attempt["tokens_out"], attempt["price_id"]) == (40, 7, f"contract:{PRICE['id']}")
    assert answer.headers["request-id"] == answer.headers["x-request-id"]
