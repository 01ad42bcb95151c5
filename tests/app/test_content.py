import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.governance.finding import Finds
from tests.pipeline.seam import House, Streams, openai_stream
from tests.values import CALL_ID, a_capability

from pointsman.app.content import Keeper
from pointsman.core.call import Asked, Call
from pointsman.core.place import Dialect
from pointsman.governance.finding import Finding
from pointsman.ledger import envelope
from pointsman.ledger.content.keys import KeyStore
from pointsman.ledger.content.store import ContentStore
from pointsman.ledger.trace import Trace
from pointsman.settings.retention_compile import retention_of
from pointsman.settings.retention_shape import Retention
from pointsman.surfaces.registry import BY_DIALECT
from pointsman.telemetry.said import Said

DETECTORS = [Finds("Ann Miller"), Finds("sk-[0-9]+", kind="secret:openai", data_class="secret")]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ContentStore]:
    keys = KeyStore(tmp_path / "keys.db", envelope.new_key())
    store = ContentStore(tmp_path / "content.db", keys)
    yield store
    store.close()
    keys.close()


def a_body(text: str) -> Call:
    return BY_DIALECT[Dialect.OPENAI_CHAT].decode(msgspec.json.encode({"model": "support", "messages": [{"role": "user", "content": text}]}), CALL_ID)


def keep(store: ContentStore, text: str, *, answer: bytes, told: dict[str, Any]) -> tuple[bytes | None, bytes | None] | None:
    house = House(a_capability(), detectors=DETECTORS, scripts={"acme/small": [Streams(openai_stream("x"))]})
    keeper = Keeper(store, retention_of(msgspec.convert(told, Retention)))
    call = a_body(text)

    async def main() -> None:
        trace = await _judged(house, call)
        kept = keeper.wanted(trace)
        if kept is not None:
            await keeper.keep(call, trace, kept=kept, answer=answer, stages=house.stages)

    asyncio.run(main())
    store.flush()
    found = store.read(CALL_ID, who="test")
    return None if found is None else (found.request, found.answer)


async def _judged(house: House, call: Call) -> Trace:
    intake = house.stages.intake
    principal = intake.identify(None, None, user=None)
    capability = intake.find(principal, call.capability)
    trace = Trace(call, principal, capability=capability, asked=Asked(), clock=house.stages.clock, book=house.stages.book)
    judged = await house.stages.judge.judge(call, principal.key.label, principal=principal, capability=capability, pause=asyncio.sleep, now_s=0)
    trace.under(judged.verdict, judged.seen.counts)
    return trace


def test_nothing_is_kept_unless_somebody_asked_for_it(store: ContentStore) -> None:
    assert keep(store, "Hello", answer=b"{}", told={}) is None


def test_in_full_the_question_is_kept_as_it_was_asked_less_its_secrets(store: ContentStore) -> None:
    kept = keep(store, "I am Ann Miller, key sk-12345", answer=b'{"a":"Hello Ann Miller"}', told={"content": "full"})

    assert kept is not None
    request, answer = kept
    assert request is not None
    assert b"Ann Miller" in request
    assert b"sk-12345" not in request
    assert answer == b'{"a":"Hello Ann Miller"}'


def test_a_secret_that_the_answer_says_is_not_kept(store: ContentStore) -> None:
    kept = keep(store, "Hello", answer=b'{"a":"try sk-12345"}', told={"content": "full"})

    assert kept is not None
    assert kept[1] == b'{"a":"try [secret removed]"}'


class Tires:
    """Finds nothing, and fails once it is tired."""

    name = "tires/1"
    is_tired = False

    def find(self, text: str) -> Iterator[Finding]:
        if self.is_tired:
            raise RuntimeError(text)
        yield from ()


def test_nothing_is_kept_where_a_detector_that_had_looked_at_the_call_fails_later(store: ContentStore) -> None:
    detector = Tires()
    house = House(a_capability(), detectors=[detector])
    keeper = Keeper(store, retention_of(Retention(content="full")))
    call = a_body("Hello")

    async def main() -> None:
        trace = await _judged(house, call)
        kept = keeper.wanted(trace)
        assert kept is not None
        detector.is_tired = True
        await keeper.keep(call, trace, kept=kept, answer=b'{"a":"Hello"}', stages=house.stages)

    asyncio.run(main())
    store.flush()
    assert store.read(CALL_ID, who="test") is None


def test_the_hash_of_an_answer_is_of_what_was_sent(store: ContentStore) -> None:
    keep(store, "Hello", answer=b'{"a":"try sk-12345"}', told={"content": "hash"})
    assert store.proves(CALL_ID, b'{"a":"try sk-12345"}', part="answer")


def test_filtered_both_are_kept_with_the_same_pseudonyms(store: ContentStore) -> None:
    kept = keep(store, "I am Ann Miller", answer=b'{"a":"Hello Ann Miller"}', told={"content": "filtered"})

    assert kept is not None
    request, answer = (part or b"" for part in kept)
    assert b"Ann" not in request + answer
    name = request.split(b"I am ")[1].split(b'"')[0]
    assert answer == b'{"a":"Hello ' + name + b'"}'


def test_a_call_that_was_never_judged_is_not_kept(store: ContentStore) -> None:
    house = House(a_capability())
    keeper = Keeper(store, retention_of(Retention(content="full")))
    principal = house.stages.intake.identify(None, None, user=None)
    trace = Trace(a_body("x"), principal, capability=a_capability(), asked=Asked(), clock=house.stages.clock, book=house.stages.book)
    assert keeper.wanted(trace) is None
    assert asyncio.run(_nothing(house)) == b""


async def _nothing(house: House) -> bytes:
    answer = await house.run(a_body("x"), Asked())
    return b"" if answer.body else b"-"


@pytest.mark.parametrize(("content", "count"), [("full", 1), ("filtered", 0), ("hash", 0)])
def test_only_what_is_kept_in_full_is_told_on_and_never_a_secret(store: ContentStore, content: str, count: int) -> None:
    told: list[Said] = []
    house = House(a_capability(), detectors=DETECTORS, scripts={"acme/small": [Streams(openai_stream("x"))]})
    keeper = Keeper(store, retention_of(msgspec.convert({"content": content}, Retention)), tell=told.append)
    call = a_body("I am Ann Miller, key sk-12345")

    async def main() -> None:
        trace = await _judged(house, call)
        kept = keeper.wanted(trace)
        assert kept is not None
        await keeper.keep(call, trace, kept=kept, answer=b'{"a":"try sk-12345"}', stages=house.stages)

    asyncio.run(main())
    assert len(told) == count
    for said in told:
        assert (said.call_id, b"Ann Miller" in said.request) == (CALL_ID, True)
        assert b"sk-12345" not in said.request + said.answer
