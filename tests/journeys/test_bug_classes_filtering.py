"""
Three classes of faults around what is hidden from vendors: not on every way (B16), put back wrongly in streams (B17), and tools as a way in (B19).

Behind the gateway stands a vendor that repeats what it hears and keeps every byte. What must be hidden is looked for in all that it was sent; what the caller
reads must be what was said, letter by letter.
"""

import json
import secrets
from collections.abc import Iterator
from typing import Any, Final

import httpx2
import pytest
from tests.journeys.asking import PATHS, ask
from tests.journeys.gateway import Gateway, Settings
from tests.journeys.parrot import Parrot
from tests.journeys.processes import PATIENCE_S

from pointsman.intake.keys import mint

_KEYS: Final = {name: mint(secrets.token_bytes(32)) for name in ("web", "raw", "ada", "bob")}
WEB: Final = _KEYS["web"].secret
MAIL: Final = "ada.lovelace@kraftwerk-nord.de"
SAID: Final = f'Write to {MAIL}, "quoted" \\ and ünïcödé \U0001f984, then again to {MAIL}.'
SECRET: Final = "ghp_" + "Zk3Q9vLx7TfWm2RbYc8NdHsJpA5uGe1KtBq4"
_DIALECTS: Final = ("openai", "anthropic")
_TARGETS: Final = ("echo", "echo-bytes", "echo-tool", "echo-tool-bytes", "echo-short", "echo-wait")
_FALLS: Final = 6
_NO_RETRIES: Final = {"per_target": 0}

_CRASHES: Final = """
class Crashing:
    name = "crashing"
    def find(self, text):
        if "crash me" in text:
            raise RuntimeError("as a detector may")
        return iter(())
class Late:
    name = "late"
    def find(self, text):
        if "be late" in text:
            import time
            time.sleep(1.2)
        return iter(())
"""


def _failing(index: int) -> list[str]:
    """Return two targets that fail. Each capability has its own: a breaker that opens for one would hide the other."""
    return [f"parrot-fail-{index}", f"macaw-fail-{index}"]


def _settings(parrot: Parrot) -> Settings:
    targets = {f"{vendor}-{name}": {"vendor": vendor, "model": f"{vendor}-{name}"} for vendor in ("parrot", "macaw") for name in _TARGETS}
    failing = {name: {"vendor": name.partition("-")[0], "model": name} for index in range(_FALLS) for name in _failing(index)}
    ladders: dict[str, Any] = {name: {"ladder": [name], "retries": _NO_RETRIES} for name in targets}
    return {
        "vendors": parrot.vendors(),
        "targets": {
            **targets,
            **failing,
            "own": {"vendor": "parrot", "model": "parrot-own", "place": "private"},
            "own-short": {"vendor": "parrot", "model": "own-short", "place": "private"},
        },
        "capabilities": {
            **ladders,
            **{f"falls-back-{index}": {"ladder": [*_failing(index), "parrot-echo"], "retries": _NO_RETRIES} for index in range(_FALLS)},
            "kept": {"ladder": ["parrot-echo"], "cache": True},
            "private-first": {"ladder": ["parrot-echo", "macaw-echo", "own"], "retries": _NO_RETRIES},
            "by-summary": {"ladder": ["parrot-echo-short"], "summariser": "own-short", "retries": _NO_RETRIES, "data_class": "restricted"},
        },
        "keys": {
            "web": {"sha256": _KEYS["web"].sha256},
            "raw": {"sha256": _KEYS["raw"].sha256, "scopes": ["call", "raw_targets"]},
            "ada": {"sha256": _KEYS["ada"].sha256},
            "bob": {"sha256": _KEYS["bob"].sha256},
        },
        "detection": {"plug_ins": ["crashing", "late"], "budget_ms": 1000},
        "audit": {"copies": ["file:outside"]},
    }


@pytest.fixture(scope="module")
def parrot() -> Iterator[Parrot]:
    with Parrot() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(parrot: Parrot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with two detectors of another package, which is on its path as an installed one would be."""
    package = tmp_path_factory.mktemp("package")
    (package / "crashing_detectors.py").write_text(_CRASHES)
    installed = package / "crashing_detectors-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: crashing-detectors\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("[pointsman.detectors]\ncrashing = crashing_detectors:Crashing\nlate = crashing_detectors:Late\n")
    with Gateway(tmp_path_factory.mktemp("filtering"), _settings(parrot), environ={"PYTHONPATH": str(package)}) as running:
        yield running


def hidden(parrot: Parrot, *words: str) -> bool:
    """Tell whether no body that any model was sent holds these words, plain or as JSON writes them."""
    told = b"\n".join(body for body in parrot.bodies() if b'"model":"parrot-own"' not in body)
    return all(form not in told for word in words for form in (word.encode(), json.dumps(word)[1:-1].encode(), word.upper().encode()))


# ── B16: on every way ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("vendor", ["parrot", "macaw"])
@pytest.mark.parametrize("dialect", _DIALECTS)
def test_b16_what_is_found_is_hidden_on_every_surface_from_every_vendor(gateway: Gateway, parrot: Parrot, dialect: str, vendor: str, stream: bool) -> None:
    before = len(parrot.heard)
    answer = ask(gateway, dialect, f"{vendor}-echo", SAID, key=WEB, stream=stream)
    assert answer.texts == [SAID]
    assert len(parrot.heard) == before + 1
    assert hidden(parrot, MAIL)


@pytest.mark.parametrize("stream", [False, True])
def test_b16_it_is_hidden_with_several_answers_too(gateway: Gateway, parrot: Parrot, stream: bool) -> None:
    answer = ask(gateway, "openai", "parrot-echo", SAID, key=WEB, stream=stream, n=3)
    assert answer.texts == [SAID] * 3
    assert hidden(parrot, MAIL)


def _everywhere(dialect: str, word: str) -> dict[str, Any]:
    """Return a body with a word wherever a protocol lets one stand."""
    schema = {"type": "object", "description": word, "properties": {"a": {"type": "string", "description": word, "enum": [word], "default": word}}}
    if dialect == "openai":
        calls = [{"id": "call_9", "type": "function", "function": {"name": "look", "arguments": json.dumps({"who": word, word: 1})}}]
        return {
            "messages": [
                {"role": "system", "content": word},
                {"role": "user", "content": [{"type": "text", "text": word}]},
                {"role": "assistant", "content": word, "tool_calls": calls},
                {"role": "tool", "tool_call_id": "call_9", "content": word},
                {"role": "user", "content": word},
            ],
            "tools": [{"type": "function", "function": {"name": "look", "description": word, "parameters": schema}}],
            "metadata": {"about": word},
            "stop": [word],
            "prediction": {"type": "content", "content": word},
            "made_up_field": {"deep": [{"deeper": word}]},
        }
    used = [{"type": "text", "text": word}, {"type": "tool_use", "id": "toolu_9", "name": "look", "input": {"who": word, "list": [word]}}]
    result = [{"type": "tool_result", "tool_use_id": "toolu_9", "content": [{"type": "text", "text": word}]}, {"type": "text", "text": word}]
    return {
        "system": [{"type": "text", "text": word}],
        "messages": [{"role": "user", "content": word}, {"role": "assistant", "content": used}, {"role": "user", "content": result}],
        "tools": [{"name": "look", "description": word, "input_schema": schema}],
        "metadata": {"user_id": word},
        "stop_sequences": [word],
        "made_up_field": {"deep": [{"deeper": word}]},
    }


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", _DIALECTS)
def test_b16_it_is_hidden_in_every_field(gateway: Gateway, parrot: Parrot, dialect: str, stream: bool) -> None:
    vendor = "parrot" if dialect == "openai" else "macaw"
    before = len(parrot.heard)
    answer = ask(gateway, dialect, f"{vendor}-echo", "", key=WEB, stream=stream, **_everywhere(dialect, MAIL))
    assert answer.raw.status_code == 200, answer.raw.text
    assert len(parrot.heard) == before + 1
    assert MAIL in "".join(answer.texts)
    assert hidden(parrot, MAIL)


def test_b16_a_target_that_is_named_raw_is_under_the_same_law(gateway: Gateway, parrot: Parrot) -> None:
    for dialect in _DIALECTS:
        answer = ask(gateway, dialect, "parrot-echo", SAID, key=_KEYS["raw"].secret)
        assert answer.texts == [SAID]
        headers = {"x-pointsman-data-class": "restricted"}
        assert ask(gateway, dialect, "macaw-echo", f"restricted for {dialect}", key=_KEYS["raw"].secret, headers=headers).raw.status_code == 403
    assert hidden(parrot, MAIL, "restricted for openai", "restricted for anthropic")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", _DIALECTS)
def test_b16_every_rung_of_a_fallback_sees_the_filtered_call(gateway: Gateway, parrot: Parrot, dialect: str, stream: bool) -> None:
    before = len(parrot.heard)
    index = 2 * _DIALECTS.index(dialect) + stream
    answer = ask(gateway, dialect, f"falls-back-{index}", SAID, key=WEB, stream=stream)
    assert answer.texts == [SAID]
    assert [one.model for one in parrot.heard[before:]] == [*_failing(index), "parrot-echo"]
    assert hidden(parrot, MAIL)


def test_b16_the_cache_gives_back_what_was_said_and_only_to_who_said_it(gateway: Gateway, parrot: Parrot) -> None:
    ada, bob = _KEYS["ada"].secret, _KEYS["bob"].secret
    first, again, other = (ask(gateway, "openai", "kept", f"For the cache: {SAID}", key=key) for key in (ada, ada, bob))
    assert (first.reason, again.reason, other.reason) == ("first_choice", "cache_hit", "first_choice")
    assert first.texts == again.texts == other.texts == [f"For the cache: {SAID}"]
    assert hidden(parrot, MAIL)


def test_b16_data_that_no_public_vendor_may_see_goes_past_all_of_them(gateway: Gateway, parrot: Parrot) -> None:
    words = "IBAN DE89 3704 0044 0532 0130 00, card 4111 1111 1111 1111"
    for dialect in _DIALECTS:
        for stream in (False, True):
            answer = ask(gateway, dialect, "private-first", words, key=WEB, stream=stream)
            assert answer.raw.headers["x-pointsman-place"] == "private"
    assert hidden(parrot, "DE89 3704 0044", "4111 1111 1111 1111")


def test_b16_where_only_a_summary_may_leave_the_vendor_sees_the_summary_alone(gateway: Gateway, parrot: Parrot) -> None:
    words = "the confidential plan of the northern plant"
    policy = {"rules": [{"id": "summary-only", "effect": "forbid", "classes": ["confidential"], "actions": ["infer"], "targets": {"zone": ["public_api"]}}]}
    gateway.reload({**gateway.settings, "policy": policy})
    answer = ask(gateway, "openai", "by-summary", words, key=WEB, headers={"x-pointsman-data-class": "confidential"})
    assert answer.raw.status_code == 200, answer.raw.text
    assert any(words.encode() in body for body in parrot.bodies("own-short")), "who summarises privately reads it"
    assert all(words.encode() not in body for body in parrot.bodies("parrot-echo-short"))
    assert any(b"Done." in body for body in parrot.bodies("parrot-echo-short"))


@pytest.mark.parametrize("words", ["crash me", "be late"])
@pytest.mark.parametrize("dialect", _DIALECTS)
def test_b16_a_detector_that_crashes_or_is_late_closes_and_does_not_open(gateway: Gateway, parrot: Parrot, dialect: str, words: str) -> None:
    vendor = "parrot" if dialect == "openai" else "macaw"
    said = [{"type": "text", "text": words}, {"type": "text", "text": f"closed by {dialect} after {words}"}]  # the second is not come to in time
    closed = ask(gateway, dialect, f"{vendor}-echo", said, key=WEB)
    assert closed.raw.status_code == 403
    assert "no_place_allowed" in closed.raw.text
    beside = ask(gateway, dialect, "private-first", said, key=WEB)
    assert beside.raw.headers["x-pointsman-place"] == "private"
    assert hidden(parrot, f"closed by {dialect}")


# ── B17: put back, letter by letter ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("way", ["echo", "echo-bytes"])
@pytest.mark.parametrize("vendor", ["parrot", "macaw"])
@pytest.mark.parametrize("dialect", _DIALECTS)
def test_b17_a_stream_is_put_back_whatever_its_borders(gateway: Gateway, parrot: Parrot, dialect: str, vendor: str, way: str) -> None:
    """The vendor sends a letter in each event, and with `bytes` each byte of the wire for itself."""
    answer = ask(gateway, dialect, f"{vendor}-{way}", SAID, key=WEB, stream=True)
    assert answer.texts == [SAID]
    assert hidden(parrot, MAIL)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("way", ["echo-tool", "echo-tool-bytes"])
@pytest.mark.parametrize("vendor", ["parrot", "macaw"])
@pytest.mark.parametrize("dialect", _DIALECTS)
def test_b17_arguments_of_tools_are_put_back_and_stay_json(gateway: Gateway, parrot: Parrot, dialect: str, vendor: str, way: str, stream: bool) -> None:
    tool: dict[str, Any] = {"name": "note", "description": "Notes a text."}
    schema = {"type": "object", "properties": {"text": {"type": "string"}}}
    told = {"type": "function", "function": {**tool, "parameters": schema}} if dialect == "openai" else {**tool, "input_schema": schema}
    answer = ask(gateway, dialect, f"{vendor}-{way}", SAID, key=WEB, stream=stream, tools=[told])
    assert answer.arguments == [{"text": SAID}], answer.raw.text[:500]
    assert hidden(parrot, MAIL)


@pytest.mark.parametrize("dialect", _DIALECTS)
def test_b17_a_stream_is_not_held_back_to_its_end(gateway: Gateway, parrot: Parrot, dialect: str) -> None:
    """Restoring waits for no more than what may be a pseudonym: what the vendor has said so far is there before it goes on."""
    body = {"model": "parrot-echo-wait", "stream": True, "max_tokens": 500, "messages": [{"role": "user", "content": SAID}]}
    headers = {"authorization": f"Bearer {WEB}"}
    parrot.released.clear()
    try:
        with httpx2.stream("POST", gateway.url + PATHS[dialect], json=body, headers=headers, timeout=PATIENCE_S) as answer:
            words = ""
            for line in answer.iter_lines():
                words += line
                if words.count('"text":"') + words.count('"content"') > len("Write to ") or MAIL in words:
                    break
            assert not parrot.released.is_set()
    finally:
        parrot.released.set()


def test_b17_what_only_looks_like_a_pseudonym_stays_as_it_was(gateway: Gateway, parrot: Parrot) -> None:
    """And nobody reads another's value by writing down what stands for it."""
    ask(gateway, "openai", "parrot-echo", SAID, key=WEB)
    sent = json.loads(parrot.bodies("parrot-echo")[-1])["messages"][-1]["content"]
    name = sent.removeprefix("Write to ").partition(",")[0]
    assert name != MAIL
    for stream in (False, True):
        for key in (WEB, _KEYS["bob"].secret):
            words = f"What is {name}? <EMAIL_1> [EMAIL_ADDRESS] {{{{email}}}} EMAIL_0000"
            assert ask(gateway, "openai", "parrot-echo", words, key=key, stream=stream).texts == [words]


def test_b17_two_values_and_two_callers_are_never_mixed(gateway: Gateway, parrot: Parrot) -> None:
    words = "From a.one@kraftwerk-nord.de to b.two@kraftwerk-nord.de and a.one@kraftwerk-nord.de"
    answers = [ask(gateway, dialect, "parrot-echo-bytes", words, key=key, stream=True) for dialect in _DIALECTS for key in (WEB, _KEYS["bob"].secret)]
    assert [answer.texts for answer in answers] == [[words]] * 4
    sent = {json.loads(body)["messages"][-1]["content"] for body in parrot.bodies("parrot-echo-bytes")[-4:]}
    assert len(sent) > 1, "the same value has other names for other callers"


# ── B19: tools ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("dialect", _DIALECTS)
def test_b19_secrets_in_definitions_arguments_and_results_of_tools_never_leave(gateway: Gateway, parrot: Parrot, dialect: str) -> None:
    vendor = "parrot" if dialect == "openai" else "macaw"
    for target in (f"{vendor}-echo", "private-first"):
        answer = ask(gateway, dialect, target, "", key=WEB, **_everywhere(dialect, f"token={SECRET}"))
        assert answer.raw.status_code == 200, answer.raw.text
        assert "[secret removed]" in "".join(answer.texts)
        assert SECRET not in answer.raw.text
    assert not any(SECRET.encode() in body for body in parrot.bodies())


@pytest.mark.parametrize("dialect", _DIALECTS)
@pytest.mark.parametrize("place", ["definition", "result", "arguments"])
def test_b19_what_a_tool_says_carries_its_class_to_the_whole_call(gateway: Gateway, parrot: Parrot, dialect: str, place: str) -> None:
    """An account number in any part of a tool closes the public vendors to the call, as one in the question would."""
    words = {name: "DE89 3704 0044 0532 0130 00" if name == place else "nothing" for name in ("definition", "result", "arguments")}
    before = len(parrot.heard)
    answer = ask(gateway, dialect, "private-first", "", key=WEB, **_with_tool(dialect, **words))
    assert answer.raw.headers["x-pointsman-place"] == "private", answer.raw.text
    assert {one.model for one in parrot.heard[before:]} == {"parrot-own"}
    record = gateway.call(answer.raw.headers["x-request-id"])
    assert "financial" in record["data_class"]


def _with_tool(dialect: str, *, definition: str, result: str, arguments: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"who": {"type": "string"}}}
    if dialect == "openai":
        call = {"id": "call_9", "type": "function", "function": {"name": "look", "arguments": json.dumps({"who": arguments})}}
        said = [
            {"role": "user", "content": "Look."},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_9", "content": result},
        ]
        return {"messages": said, "tools": [{"type": "function", "function": {"name": "look", "description": definition, "parameters": schema}}]}
    use = {"type": "tool_use", "id": "toolu_9", "name": "look", "input": {"who": arguments}}
    told = [{"type": "tool_result", "tool_use_id": "toolu_9", "content": result}]
    said = [{"role": "user", "content": "Look."}, {"role": "assistant", "content": [use]}, {"role": "user", "content": told}]
    return {"messages": said, "tools": [{"name": "look", "description": definition, "input_schema": schema}]}


@pytest.mark.parametrize("dialect", _DIALECTS)
def test_b19_no_credential_of_a_caller_is_passed_through_to_a_vendor(gateway: Gateway, parrot: Parrot, dialect: str) -> None:
    """The confused deputy: a vendor, or a tool behind it, is never handed the key that opened the gateway."""
    before = len(parrot.heard)
    assert ask(
        gateway, dialect, f"falls-back-{4 + _DIALECTS.index(dialect)}", "hello", key=WEB, headers={"cookie": WEB, "x-forwarded-authorization": WEB}
    ).texts == ["hello"]
    for one in parrot.heard[before:]:
        assert WEB not in json.dumps(one.headers) + one.body.decode()
        assert "cookie" not in one.headers
