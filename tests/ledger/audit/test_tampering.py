"""
Whatever is done to the log by somebody who has all of it, one checkpoint outside shows it, and both verifiers name the same record.
"""

import random
from pathlib import Path

import pytest
from tests.ledger.audit.logs import a_written_log
from tests.ledger.audit.tampering import TAMPERINGS, Care, Done, tampered

from pointsman.ledger.audit.verifier.verify import Log
from pointsman.ledger.audit.verify import Trust, verify
from pointsman.ledger.audit.walk import Fault

EACH = 5


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A log, and one checkpoint of each stream outside: the last."""
    folder = tmp_path_factory.mktemp("audit")
    a_written_log(folder / "log", outside=folder / "outside")
    for path in folder.glob("outside/*/*/checkpoints"):
        path.unlink()
    return folder / "log", folder / "outside"


def test_a_log_that_nobody_touched_is_whole_by_both(written: tuple[Path, Path]) -> None:
    log, outside = written
    first, second = verify(log, Trust(outside=[outside])), Log(log, [outside]).check()
    assert (first.is_good, second["good"]) == (True, True)
    assert [(one.name, one.records, one.outside) for one in first.streams] == [(one["name"], one["records"], one["outside"]) for one in second["streams"]]
    assert first.outside == 2
    assert all(one.records == one.pinned for one in first.streams)


@pytest.mark.parametrize("how", TAMPERINGS)
def test_tampering_is_found_and_the_first_bad_record_named_by_both(how: str, written: tuple[Path, Path], tmp_path: Path) -> None:
    log, outside = written
    for seed in range(EACH):
        forged = tmp_path / str(seed)
        done = tampered(log, forged, how=how, dice=random.Random(f"{how} {seed}"))
        first, second = verify(forged, Trust(outside=[outside])), Log(forged, [outside]).check()
        assert not first.is_good, (seed, done)
        assert not second["good"], (seed, done)
        fault, other = first.faults[0], second["faults"][0]
        assert (fault.stream, fault.record) == (other["stream"], other["record"]), (seed, done)
        if done.record is not None and fault.record is not None:
            assert is_named(done, fault), (seed, done, fault)


def is_named(done: Done, fault: Fault) -> bool:
    """Tell whether the right record is named, as far as it can be known."""
    if done.care is Care.LINES:
        return fault.record == done.record
    if fault.code == "rewritten":  # all that is known is from which record on something was changed
        return (fault.record or 0) <= (done.record or 0)
    # Of a log that was made anew and is shorter, the first record that is missing is known. Of one with another tree, that one or the next.
    return fault.code == "truncated" or fault.record in {done.record, (done.record or 0) + 1}
