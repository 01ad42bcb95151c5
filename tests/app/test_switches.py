"""
Kill switches: heeded at the door, in the choice and before data leaves; known to every worker within a second; held while nothing can be read.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.app.test_gateway import a_gateway, ask
from tests.app.vendors import Vendor, a_vendor
from tests.storage.databases import each_database, each_place
from tests.values import a_snapshot, a_target

from pointsman.app.switches import CAPABILITY, TARGET, VENDOR, Off, Switches, switch_off, switch_on, switched, unknown_in
from pointsman.core.errors import BadRequest, Exhausted
from pointsman.decision.errors import SwitchedOff
from pointsman.storage.open import Place, open_writing
from pointsman.storage.sql import Database

__all__ = ["each_database", "each_place"]

TWO = """
capabilities:
  support: {{ladder: [acme/small, other/large], retries: {{per_target: 0}}}}
targets:
  acme/small: {{vendor: acme, model: small, price: {{input_usd_per_million: 1, output_usd_per_million: 2}}}}
  other/large: {{vendor: other, model: large, price: {{input_usd_per_million: 1, output_usd_per_million: 2}}}}
vendors:
  acme: {{kind: openai_compatible, base_url: "{acme}"}}
  other: {{kind: openai_compatible, base_url: "{other}"}}
"""


def off(kind: str = VENDOR, name: str = "acme", **more: Any) -> Off:
    return Off(**{"kind": kind, "name": name, "since_ms": 1, "actor": "ada", "reason": "it answers nonsense", **more})


def turn(place: Place, *what: Off, on: bool = False) -> None:
    with closing(open_writing(place)) as db:
        for one in what:
            if on:
                switch_on(db, one.kind, name=one.name)
            else:
                switch_off(db, one)


def scene(folder: Path, play: Callable[[Any, Vendor, Vendor], Awaitable[None]]) -> None:
    async def on_stage() -> None:
        async with a_vendor() as acme, a_vendor() as other, a_gateway(folder, TWO.format(acme=acme.base_url, other=other.base_url)) as gateway:
            await play(gateway, acme, other)

    asyncio.run(on_stage())


# ── rows ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_off_is_told_until_it_is_on(each_database: Database) -> None:
    switch_off(each_database, off())
    switch_off(each_database, off(TARGET, "acme/small"))
    switch_off(each_database, off(reason="still", since_ms=5))
    assert switched(each_database) == (off(TARGET, "acme/small"), off(reason="still"))  # since when it is off does not change
    assert switch_on(each_database, VENDOR, name="acme")
    assert not switch_on(each_database, VENDOR, name="acme")
    assert switched(each_database) == (off(TARGET, "acme/small"),)


@pytest.mark.parametrize("wrong", [{"kind": "moon"}, {"name": ""}, {"reason": ""}, {"reason": "x" * 501}])
def test_a_switch_says_what_and_why(each_database: Database, wrong: dict[str, str]) -> None:
    with pytest.raises(BadRequest):
        switch_off(each_database, Off(**{"kind": VENDOR, "name": "acme", "since_ms": 1, "actor": "ada", "reason": "why", **wrong}))
    assert switched(each_database) == ()


def test_a_name_that_nothing_bears_is_known_as_such() -> None:
    snapshot = a_snapshot()
    assert not unknown_in(snapshot, VENDOR, name="acme")
    assert not unknown_in(snapshot, CAPABILITY, name="support")
    assert unknown_in(snapshot, TARGET, name="acme")


# ── what a worker knows ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_vendor_that_is_off_shuts_all_its_targets(each_place: Place) -> None:
    known = Switches(each_place)
    turn(each_place, off())
    assert known.shuts(a_target()) is None
    known.look()
    assert known.shuts(a_target()) == off()
    assert known.shuts(a_target("own/rules", vendor=None)) is None
    turn(each_place, off(), on=True)
    known.look()
    assert (known.shuts(a_target()), known.off) == (None, ())
    known.close()


def test_while_the_ledger_cannot_be_read_what_was_known_last_holds(tmp_path: Path) -> None:
    place = tmp_path / "ledger.db"
    turn(place, off())
    known = Switches(place)
    known.look()
    place.rename(tmp_path / "away.db")
    known._let_go()  # as after any fault
    known.look()
    assert known.shuts(a_target()) == off()
    assert known.trouble == "switches cannot be read (Unusable); those known last hold"
    (tmp_path / "away.db").rename(place)
    known.look()
    assert known.trouble is None
    known.close()


def test_the_log_names_what_was_switched_off_and_not_why(tmp_path: Path, guarded_log: pytest.LogCaptureFixture) -> None:
    place = tmp_path / "ledger.db"
    turn(place, off())
    known = Switches(place)
    known.look()
    known.close()
    assert "the vendor `acme` was switched off" in guarded_log.text
    assert "it answers nonsense" not in guarded_log.text


def test_a_question_that_fails_is_asked_on_a_new_connection(tmp_path: Path) -> None:
    place = tmp_path / "ledger.db"
    turn(place, off())
    known = Switches(place)
    known.look()
    with closing(sqlite3.connect(place)) as connection:
        connection.execute("ALTER TABLE switch RENAME TO elsewhere")
    known.look()
    assert known.trouble == "switches cannot be read (OperationalError); those known last hold"
    assert known.shuts(a_target()) == off()
    with closing(sqlite3.connect(place)) as connection:
        connection.execute("ALTER TABLE elsewhere RENAME TO switch")
    known.look()
    assert known.trouble is None
    known.close()


# ── in a gateway ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_calls_go_to_the_next_target_and_say_why(tmp_path: Path) -> None:
    async def play(gateway: Any, acme: Vendor, other: Vendor) -> None:
        turn(tmp_path / "pointsman.db", off())
        gateway.switches.look()
        answer = await ask(gateway)
        assert (answer.trace.target, answer.trace.considered) == ("other/large", (("acme/small", "switched_off"),))
        assert (len(acme.keys), len(other.keys)) == (0, 1)

    scene(tmp_path, play)


def test_with_every_target_off_there_is_no_last_hope(tmp_path: Path) -> None:
    async def play(gateway: Any, acme: Vendor, other: Vendor) -> None:
        turn(tmp_path / "pointsman.db", off(), off(TARGET, "other/large"))
        gateway.switches.look()
        with pytest.raises(SwitchedOff, match="Every target of `support`"):
            await ask(gateway)
        assert (acme.keys, other.keys) == ([], [])

    scene(tmp_path, play)


def test_a_capability_that_is_off_answers_nothing_and_says_why(tmp_path: Path) -> None:
    async def play(gateway: Any, acme: Vendor, other: Vendor) -> None:
        turn(tmp_path / "pointsman.db", off(CAPABILITY, "support"))
        gateway.switches.look()
        with pytest.raises(SwitchedOff, match="it answers nonsense"):
            await ask(gateway)
        turn(tmp_path / "pointsman.db", off(CAPABILITY, "support"), on=True)
        gateway.switches.look()
        assert (await ask(gateway)).trace.target == "acme/small"
        assert (len(acme.keys), len(other.keys)) == (1, 0)

    scene(tmp_path, play)


def test_what_a_call_under_way_has_not_begun_it_does_not_begin(tmp_path: Path) -> None:
    """The first target fails while the second is being shut off: the call, whose ladder was chosen before, does not go there."""

    async def play(gateway: Any, acme: Vendor, other: Vendor) -> None:
        acme.may_answer.clear()
        under_way = asyncio.create_task(ask(gateway))
        await acme.asked(1)
        turn(tmp_path / "pointsman.db", off(TARGET, "other/large"))
        gateway.switches.look()
        acme.drop()
        with pytest.raises(Exhausted, match="`other/large` failed \\(switched_off\\)"):
            await under_way
        assert other.keys == []

    scene(tmp_path, play)


def test_a_start_knows_what_was_off_before_the_first_call(tmp_path: Path) -> None:
    turn(tmp_path / "pointsman.db", off(CAPABILITY, "support"))

    async def play(gateway: Any, _acme: Vendor, _other: Vendor) -> None:
        assert gateway.notes() == {}
        with pytest.raises(SwitchedOff):
            await ask(gateway)

    scene(tmp_path, play)


def test_after_its_end_nothing_is_read_any_more(tmp_path: Path) -> None:
    place = tmp_path / "ledger.db"
    turn(place, off())
    known = Switches(place)
    known.close()
    known.look()
    assert known.off == ()
    assert known.trouble is None
