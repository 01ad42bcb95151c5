import asyncio
import base64
from typing import Any

import msgspec
import pytest
from tests.governance.finding import Finds
from tests.values import CALL_ID, a_call, a_capability

from pointsman.core.call import Call
from pointsman.core.place import Dialect
from pointsman.governance.detection.identifiers.structured import StructuredDetector
from pointsman.governance.detection.scanner import Scanner
from pointsman.governance.detection.secrets import SecretDetector
from pointsman.governance.look import look
from pointsman.surfaces.registry import BY_DIALECT

SECRET = Finds("sk-[0-9]+", kind="secret:openai", data_class="secret")


def test_others_get_their_turn_while_a_long_call_is_searched() -> None:
    ticks = iter(range(10_000))
    scanner = Scanner([SECRET], clock=lambda: next(ticks) / 100, budget_s=1e9, key=b"k" * 32)
    turns: list[float] = []

    async def pause(seconds: float) -> None:
        turns.append(seconds)

    call = a_call("long " * 20_000)
    asyncio.run(look(call, scanner, pause=pause))

    assert turns
    assert set(turns) == {0}


def test_every_field_of_any_dialect_is_looked_at() -> None:
    """Where a field means nothing to us, it may still leave."""
    wire = {
        "model": "support",
        "messages": [{"role": "user", "content": "hi", "name": "sk-1"}],
        "metadata": {"sk-2": "sk-3"},
        "tools": [{"type": "function", "function": {"name": "f", "description": "sk-4", "parameters": {"type": "object", "properties": {"sk-5": {}}}}}],
        "provider": {"order": ["sk-6"]},
        "logit_bias": {"sk-7": 1},
    }
    call = BY_DIALECT[Dialect.OPENAI_CHAT].decode(msgspec.json.encode(wire), CALL_ID)
    scanner = Scanner([SECRET], clock=lambda: 0.0, key=b"k" * 32)

    seen = asyncio.run(look(call, scanner, pause=asyncio.sleep))

    assert dict(seen.counts) == {"secret:openai": 7}


def test_a_secret_cannot_be_let_pass() -> None:
    scanner = Scanner([SECRET], clock=lambda: 0.0, key=b"k" * 32)
    seen = asyncio.run(look(a_call("sk-1"), scanner, pause=asyncio.sleep))
    assert seen.heeding(a_capability(unheeded=frozenset({"secret:openai"}))).has_secrets


def test_what_is_sealed_by_a_vendor_is_no_secret_for_its_looks() -> None:
    guessed = Finds("[A-Za-z0-9]{20}", kind="secret:value", data_class="secret")
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "Zx8" * 10}
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": [thought]}, {"role": "user", "content": "Zx8" * 10}]
    wire = {"model": "support", "max_tokens": 9, "messages": messages}
    call = BY_DIALECT[Dialect.ANTHROPIC_MESSAGES].decode(msgspec.json.encode(wire), CALL_ID)
    scanner = Scanner([guessed], clock=lambda: 0.0, key=b"k" * 32)

    seen = asyncio.run(look(call, scanner, pause=asyncio.sleep))

    assert [spot.path[-1] for spot, ones in zip(seen.spots, seen.findings, strict=True) if ones] == ["content"]


def openai(*messages: dict[str, Any], **more: Any) -> Call:
    return BY_DIALECT[Dialect.OPENAI_CHAT].decode(msgspec.json.encode({"model": "support", "messages": messages, **more}), CALL_ID)


def used(arguments: str) -> dict[str, Any]:
    return {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "send", "arguments": arguments}}]}


def test_a_tool_may_call_its_fields_anything_and_all_that_is_found_in_them_counts() -> None:
    guessed = Finds("Zx8[A-Za-z0-9]*", kind="secret:value", data_class="secret")
    person = Finds("Miller")
    person.name = "sequence/1"
    scanner = Scanner([guessed, person], clock=lambda: 0.0, key=b"k" * 32)
    call = openai({"role": "user", "content": "Hi"}, used('{"data":"Zx8Zx8Zx8","user":"Miller"}'), metadata={"signature": "Zx8Zx8"}, user="Miller")

    seen = asyncio.run(look(call, scanner, pause=asyncio.sleep))

    assert dict(seen.counts) == {"secret:value": 2, "person": 1}


@pytest.mark.parametrize(
    ("part", "unread"),
    [
        ({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}, True),
        ({"type": "file", "file": {"file_id": "file-1"}}, True),
        ({"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}, True),
        ({"type": "note", "citations": [{"url": "https://example.com/"}]}, False),
    ],
)
def test_what_only_the_vendor_can_fetch_is_unread(part: dict[str, Any], unread: bool) -> None:
    scanner = Scanner([SECRET], clock=lambda: 0.0, key=b"k" * 32)
    seen = asyncio.run(look(openai({"role": "user", "content": [part]}), scanner, pause=asyncio.sleep))
    assert seen.unread is unread


def test_a_picture_that_a_tool_links_to_is_unread() -> None:
    result = {"type": "tool_result", "tool_use_id": "c", "content": [{"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}]}
    used_it = {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "draw", "input": {"url": "https://example.com"}}]}
    wire = {"model": "support", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}, used_it, {"role": "user", "content": [result]}]}
    scanner = Scanner([SECRET], clock=lambda: 0.0, key=b"k" * 32)
    for messages, unread in ((wire["messages"], True), (wire["messages"][:2], False)):
        call = BY_DIALECT[Dialect.ANTHROPIC_MESSAGES].decode(msgspec.json.encode({**wire, "messages": messages}), CALL_ID)
        assert asyncio.run(look(call, scanner, pause=asyncio.sleep)).unread is unread


def test_many_files_take_no_longer_than_a_call_is_worth_and_those_left_over_leave_the_call_unknown() -> None:
    ticks = iter(range(10_000))
    scanner = Scanner([SECRET], clock=lambda: next(ticks) / 10, budget_s=1e9, key=b"k" * 32)
    turns: list[float] = []

    async def pause(seconds: float) -> None:
        turns.append(seconds)

    file = base64.b64encode(b"Please read this.").decode()
    parts = [{"type": "file", "file": {"file_data": file}} for _ in range(50)]
    seen = asyncio.run(look(openai({"role": "user", "content": parts}), scanner, pause=pause))

    assert seen.failed == ("files",)
    assert len(turns) >= len(parts)


def test_a_secret_that_only_the_name_of_its_field_gives_away_is_found_and_nothing_but_it() -> None:
    """In the text of a message it stands beside its name; in the arguments of a tool and in metadata the two are apart."""
    value = "x9Kd8s7Fq2LmPz0wTt"
    scanner = Scanner([SecretDetector()], clock=lambda: 0.0, key=b"k" * 32)
    call = openai(
        {"role": "user", "content": "Hi"}, used(f'{{"env":{{"DB_PASSWORD":"{value}"}},"note":"{value}"}}'), metadata={"api_key": value, "list_key": "a"}
    )

    seen = asyncio.run(look(call, scanner, pause=asyncio.sleep))

    found = {spot.path[-1]: spot.text[one.start : one.end] for spot, ones in zip(seen.spots, seen.findings, strict=True) for one in ones}
    assert found == {"DB_PASSWORD": value, "api_key": value}


def test_the_name_and_number_of_a_tool_call_are_no_beginning_of_the_address_that_follows() -> None:
    call = openai(
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "send_mail", "arguments": '{"to":"ada@example.org"}'}}],
        }
    )
    scanner = Scanner([StructuredDetector()], clock=lambda: 0.0, key=b"k" * 32)

    seen = asyncio.run(look(call, scanner, pause=asyncio.sleep))

    assert [spot.text for spot, found in zip(seen.spots, seen.findings, strict=True) if found] == ["ada@example.org"]
