"""
Watching the traffic of a promise in a real ledger: in the order it came, a page at a time, nothing twice.
"""

import random
from collections.abc import Iterator

from msgspec.structs import replace
from tests.decision.guarantee.test_gate import MADE
from tests.ledger.entries import START_MS, a_record
from tests.storage.databases import each_database, each_place

from pointsman.control.guarantee.watch import watched
from pointsman.core.entry import CallRecord
from pointsman.core.routing import Weighed
from pointsman.decision.guarantee.certificate import Standing
from pointsman.decision.guarantee.drift import LOSSES, SCORES, begun
from pointsman.decision.guarantee.pair import Pair
from pointsman.storage.batch import Batch
from pointsman.storage.records import write_batch
from pointsman.storage.sql import Database

__all__ = ["each_database", "each_place"]

CERTIFICATE = replace(
    MADE, targets=("small",), edges=tuple(part / 8 - 1 for part in range(1, 16)), seen=(60,) * 16, made_ms=START_MS, lapses_ms=START_MS + 10**9
)
STANDING = Standing(certificate=CERTIFICATE, drift=begun(CERTIFICATE))
LATER_MS = START_MS + 10**8


def calls(number: int, *, shift: float = 0.0, first: int = 0, capability: str = "triage") -> Iterator[CallRecord]:
    rng = random.Random(first)
    for at in range(first, first + number):
        ahead = rng.uniform(-1, 1) + shift
        weighed = tuple(
            Weighed(target=name, quality=quality, low=0.0, high=1.0, cost_nano_usd=None, latency_ms=None, value_nano_usd=0)
            for name, quality in (("big", 0.5), ("small", 0.5 + ahead))
        )
        yield a_record(at, at_ms=START_MS + 1_000 + at * 100, capability=capability, weighed=weighed)


def write(db: Database, *records: CallRecord) -> None:
    write_batch(db, Batch(records=records))


def test_calls_are_seen_once_however_often_one_looks(each_database: Database) -> None:
    write(each_database, *calls(40), *calls(10, first=100, capability="refunds"), a_record(999, at_ms=START_MS + 3_000, capability="triage"))
    once = watched(each_database, STANDING, until_ms=LATER_MS)
    write(each_database, *calls(5, first=200))
    twice = watched(each_database, once, until_ms=LATER_MS)

    assert (once.drift.calls, twice.drift.calls) == (40, 45)
    assert watched(each_database, STANDING, until_ms=LATER_MS).drift == twice.drift


def test_calls_that_came_before_the_certificate_or_without_its_incumbent_say_nothing(each_database: Database) -> None:
    other = replace(CERTIFICATE, incumbent="bigger")
    write(each_database, *calls(10))

    assert watched(each_database, Standing(certificate=other, drift=begun(other)), until_ms=LATER_MS).drift.calls == 0
    later = replace(CERTIFICATE, made_ms=START_MS + 10**7)
    assert watched(each_database, Standing(certificate=later, drift=begun(later)), until_ms=LATER_MS).drift.calls == 0


def test_calls_for_which_a_target_was_missing_say_nothing_of_the_rule_that_was_proven(each_database: Database) -> None:
    both = replace(CERTIFICATE, targets=("small", "tiny"))
    write(each_database, *calls(300, shift=-0.9))

    found = watched(each_database, Standing(certificate=both, drift=begun(both)), until_ms=LATER_MS).drift
    assert (found.calls, found.alarm) == (0, "")


def test_traffic_that_changed_closes_the_gate(each_database: Database) -> None:
    write(each_database, *calls(200), *calls(300, first=1_000, shift=0.6))
    found = watched(each_database, STANDING, until_ms=LATER_MS).drift

    assert found.alarm == SCORES
    assert START_MS + 1_000 + 1_000 * 100 <= (found.alarm_ms or 0) <= START_MS + 1_000 + 1_300 * 100


def test_no_more_calls_are_read_at_once_than_are_asked_for(each_database: Database) -> None:
    write(each_database, *calls(2_500))
    found = watched(each_database, STANDING, until_ms=LATER_MS, most=2_000)

    assert found.drift.calls == 2_000
    assert watched(each_database, found, until_ms=LATER_MS, most=2_000).drift.calls == 2_500


def test_pairs_are_seen_once_too(each_database: Database) -> None:
    pairs = [Pair(advantage=0.5, loss=1.0, key=str(number), at_ms=START_MS + 5_000) for number in range(60)]
    once = watched(each_database, STANDING, pairs=pairs, until_ms=LATER_MS)
    twice = watched(each_database, once, pairs=pairs, until_ms=LATER_MS)

    assert (once.drift.pairs, once.drift.alarm) == (60, LOSSES)
    assert twice.drift == once.drift
