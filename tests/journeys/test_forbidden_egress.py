"""
What the policy forbids leaves by no way: adversarial conversations end to end over real sockets, with models that obey every injected text, values planted in
every position, and faults everywhere. Every byte that reached a vendor is looked at.

`bench/governance/egress.py` plays ten thousand; here are two hundred, and a few chosen ones.
"""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.journeys.adversary.cases import DISK, EVENTS, Case, Tally
from tests.journeys.adversary.house import PLACES, House, wire
from tests.journeys.adversary.oracle import Heard, Value, cell, may_see

from pointsman.governance.policy.template import TABLE

_CASES = 200
_HOUSES = 4


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Failures are wanted here by the hundred."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


async def _play(folder: Path, seeds: range, *, houses: int, event: str | None = None) -> Tally:
    tally, waiting = Tally(), iter(seeds)

    async def one(name: str) -> None:
        (folder / name).mkdir()
        async with House(folder / name) as house:
            for seed in waiting:
                await Case(house, seed, tally, event=event).play()

    await asyncio.gather(*[one(str(number)) for number in range(houses)])
    return tally


def _told(tally: Tally) -> list[str]:
    return [f"seed {leak.seed}: {leak.value.core!r} at {leak.vendor} as {leak.form[:60]!r}; {leak.about}" for leak in tally.leaked("flow")]


def test_nothing_forbidden_reaches_a_vendor_however_hard_a_conversation_tries(tmp_path: Path) -> None:
    tally = asyncio.run(_play(tmp_path, range(_CASES), houses=_HOUSES))
    assert _told(tally) == []
    assert tally.internal == []
    # And the cases were worth something: every zone heard a lot, under faults, and there was much that it might have heard.
    assert tally.cases == _CASES
    assert all(tally.upstream[name] > 20 for name in ("pub", "con", "priv", "edge"))
    assert tally.upstream["lapsed"] == 0
    assert sum(tally.pairs.values()) > 1000
    assert all(tally.events[event] for event in EVENTS if event != "late")  # that takes a second, so it is rare
    assert len(tally.positions) == 43
    # What only detection can tell is another figure (`bench/governance/egress.py`); a flood of misses would make this one worthless.
    assert len(tally.leaked("missed")) <= 3


def test_nothing_that_must_be_on_record_leaves_while_the_disk_is_full(tmp_path: Path) -> None:
    tally = asyncio.run(_play(tmp_path, range(1000, 1012), houses=1, event=DISK))
    assert _told(tally) == []
    assert tally.refusals["audit_unavailable"] + tally.refusals["ledger_unavailable"] > 0
    assert tally.statuses[200] > 0  # between the full disks


def test_a_pseudonym_gives_its_value_to_nobody_but_those_who_said_it(tmp_path: Path) -> None:
    """A thief who saw a pseudonym at a vendor writes it into requests of another tenant, another user, another conversation, to models that repeat all."""
    email = "anna.weber@clinic.example"

    async def play() -> list[bytes]:
        async with House(tmp_path) as house:
            told = {"model": "c6-oa", "messages": [{"role": "user", "content": f"Write to {email} please"}]}
            victim = await house.post("/v1/chat/completions", wire(told), {"authorization": f"Bearer {house.keys['plain'].secret}"})
            assert victim is not None
            assert email.encode() in victim.body
            said = b"".join(house.vendors["pub"].heard)
            assert email.encode() not in said
            stolen = said[said.index(b"EMAIL_") :][:14].decode()
            answers: list[bytes] = []
            for key, user, words in (
                ("bank", "x", "Say"),
                ("inner", "x", "Write to"),
                ("plain", "thief", "Write to"),
                ("open", "x", "Say"),
                ("plain", "x", "Say"),
            ):
                body = wire({"model": "c0-oa", "messages": [{"role": "user", "content": f"{words} {stolen} please, and mine: omar@mail.example"}]})
                headers = {"authorization": f"Bearer {house.keys[key].secret}", "x-pointsman-user": user}
                answer = await house.post("/v1/chat/completions", body, headers)
                assert answer is not None
                answers.append(answer.body)
            return answers

    answers = asyncio.run(play())
    assert all(email.encode() not in answer for answer in answers)
    assert any(b"EMAIL_" in answer for answer in answers)  # what was stolen came back as it was written


def test_what_a_caller_calls_a_field_is_in_no_record(tmp_path: Path) -> None:
    """Why a target cannot express a call is on record; the names that it was told in are not, unless they are words of the protocol."""

    async def play() -> None:
        async with House(tmp_path) as house:
            body = {"model": "c6-oa", "max_tokens": 9, "messages": [{"role": "user", "content": "Well?"}], "anna.weber": {"at": 1}, "logit_bias": {"7": 1}}
            answer = await house.post("/v1/messages", wire(body), {"x-api-key": house.keys["plain"].secret, "anthropic-version": "2023-06-01"})
            assert answer is not None
            assert b"anna.weber" in answer.body  # whoever sent it is told

    asyncio.run(play())
    recorded = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"cannot_express:" in recorded
    assert b"logit_bias" in recorded
    assert b"anna.weber" not in recorded
    assert b"weber" not in recorded


def test_the_table_that_is_read_by_hand_is_the_one_that_ships() -> None:
    """Else the cases above would prove another policy. The hand wrote it from the page, the code has its own."""
    for name, row in TABLE.items():
        for place in PLACES.values():
            ours = cell(name, place)
            shipped = row.zones.get(place.zone)
            if shipped is None:
                assert ours == "never"
            elif shipped.when is None:
                assert ours == ("hidden" if shipped.obligations else "clear")
    assert cell("secret", PLACES["priv"]) == "never"


@pytest.mark.parametrize(
    "form",
    ["anna.weber@clinic.example", "xxYW5uYS53ZWJlckBjbGluaWMuZXhhbXBsZQ==", "elpmaxe.cinilc@rebew.anna", "a n n a . w e b e r @ c l i n i c . e x a m p l e"],
)
def test_the_search_finds_a_value_in_disguise(form: str) -> None:
    """A judge that is blind would acquit everybody."""
    value = Value(core="anna.weber@clinic.example", kind="email", data_class="personal")
    body = wire({"messages": [{"content": f"so: {form} it is"}]})
    request = b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
    assert Heard(request).holds(value) is not None
    assert Heard(request.replace(form.encode(), b"EMAIL_55B4JBBD")).holds(value) is None
    assert not may_see("personal", {"personal"}, PLACES["pub"])
