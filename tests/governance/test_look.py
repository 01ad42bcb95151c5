import asyncio

import msgspec
from tests.governance.finding import Finds
from tests.values import CALL_ID, a_call, a_capability

from pointsman.core.place import Dialect
from pointsman.governance.detection.scanner import Scanner
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
