"""
The writer: on the disk before it says so, whole after a crash, closed when it cannot write, and never a name in the clear.
"""

import asyncio
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.ledger.audit.logs import ORIGIN, SMALL, START_MS, a_log, a_record, a_written_log

from pointsman.core.errors import AuditUnavailable, Unusable
from pointsman.ledger.audit import keys
from pointsman.ledger.audit.damaged import AuditDamaged
from pointsman.ledger.audit.record import AuditRecord, Kind
from pointsman.ledger.audit.verifier.verify import Log
from pointsman.ledger.audit.verify import verify
from pointsman.ledger.audit.writer import AuditLog, Pace
from pointsman.storage.audit_files import lines_of, segments_of, streams_of


def lines(folder: Path, stream: str = "0") -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in lines_of(folder / stream)]


def kinds(folder: Path, stream: str = "0") -> list[str]:
    return [line["kind"] for line in lines(folder, stream)]


def until(fact: Callable[[], bool]) -> None:
    """Wait, within bounds, for what another thread does."""
    end = time.monotonic() + 20
    while not fact():
        assert time.monotonic() < end, "it never became so"
        time.sleep(0.002)


def test_a_record_is_on_the_disk_when_waiting_for_it_ends(tmp_path: Path) -> None:
    with a_log(tmp_path) as log:
        asyncio.run(log.durable(a_record(1)))
        assert kinds(tmp_path) == ["started", "egress"]


def test_what_is_appended_is_written_in_order_and_all_of_it_at_the_end(tmp_path: Path) -> None:
    with a_log(tmp_path) as log:
        for number in range(5000):  # more than one batch
            log.append(a_record(number))
    found = lines(tmp_path)
    assert [line["seq"] for line in found] == list(range(5002))
    assert [line["at_ms"] for line in found[1:-1]] == [START_MS + number * 1000 for number in range(5000)]
    assert (found[0]["kind"], found[-1]["kind"]) == ("started", "stopped")
    report = verify(tmp_path)
    assert report.is_good
    assert report.streams[0].checkpoints >= 2


def test_no_name_unit_span_or_argument_stands_in_any_file(tmp_path: Path) -> None:
    told = {"user": "anna.schmidt", "unit": "CASE-77812", "spans": ("DE89370400440532013000",), "tools": (("pay", '{"to": "Bernd"}'),)}
    with a_log(tmp_path) as log:
        log.append(a_record(1, **told))
        log.append(a_record(1, **told))
        log.append(a_record(2, **told))  # another tenant
    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for word in (b"anna", b"CASE-77812", b"DE8937", b"Bernd"):
        assert word not in everything
    one, same, other = lines(tmp_path)[1:4]
    assert {name: one[name] for name in told} == {name: same[name] for name in told}
    assert all(one[name] != other[name] for name in told)
    assert one["tools"][0][0] == "pay"


def test_a_unit_that_is_the_call_itself_is_left_out(tmp_path: Path) -> None:
    with a_log(tmp_path) as log:
        log.append(a_record(1, user="", unit=a_record(1).call_id))
        log.append(a_record(2, user="", unit=""))
    assert all("unit" not in line and "user" not in line for line in lines(tmp_path))


def test_a_value_that_no_line_can_hold_is_told_and_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def both(log: AuditLog) -> tuple[object, object]:
        return await asyncio.gather(log.durable(a_record(1, outcome="\udc80")), log.durable(a_record(2)), return_exceptions=True)

    with a_log(tmp_path) as log:
        bad, good = asyncio.run(both(log))
    assert isinstance(bad, AuditUnavailable)
    assert good is None
    assert sorted(kinds(tmp_path)) == ["egress", "started", "stopped", "unwritable"]
    assert next(line for line in lines(tmp_path) if line["kind"] == "unwritable")["facts"] == {"kind": "egress"}
    assert "cannot be written whole" in caplog.text


def test_processes_that_share_a_folder_write_streams_of_their_own_under_one_name(tmp_path: Path) -> None:
    with a_log(tmp_path) as one, a_log(tmp_path, origin=None) as other:
        assert (one.stream, other.stream, one.origin, other.origin) == ("0", "1", ORIGIN, ORIGIN)
        one.append(a_record(1))
        other.append(a_record(2))
    with a_log(tmp_path) as again:
        assert again.stream == "0"
    assert [path.name for path in streams_of(tmp_path)] == ["0", "1"]
    assert kinds(tmp_path) == ["started", "egress", "stopped", "started", "stopped"]
    assert verify(tmp_path).is_good


def test_a_new_log_makes_up_a_name_and_keeps_it(tmp_path: Path) -> None:
    with a_log(tmp_path, origin=None) as log:
        assert re.fullmatch(r"pointsman\.local/[0-9a-f]{8}", log.origin)
    with pytest.raises(Unusable, match="is called `pointsman"), a_log(tmp_path, origin="example.com/other"):
        pass
    with pytest.raises(Unusable, match="no name for an audit log"), a_log(tmp_path / "new", origin="with space"):
        pass


# ── when it cannot be written ───────────────────────────────────────────────────────────────────────────────────────


def test_when_the_file_is_gone_nothing_leaves_and_when_it_is_back_all_goes_on(tmp_path: Path) -> None:
    async def refused(log: AuditLog) -> AuditUnavailable:
        with pytest.raises(AuditUnavailable) as caught:
            await log.durable(a_record(1))
        with pytest.raises(AuditUnavailable):
            await log.room()
        return caught.value

    with a_log(tmp_path) as log:
        log.flush()
        segment = segments_of(tmp_path / "0")[0].path
        segment.rename(tmp_path / "aside")
        error = asyncio.run(refused(log))
        assert "was removed" in str(error)
        assert log.trouble == "`00000000000000000000.jsonl` was removed"
        log.append(a_record(2))
        with pytest.raises(AuditUnavailable):
            log.flush(0.05)
        (tmp_path / "aside").rename(segment)
        until(lambda: log.trouble is None)
        asyncio.run(log.durable(a_record(3)))
    # What was refused is in no record; what was only appended is.
    assert [line["at_ms"] for line in lines(tmp_path) if line["kind"] == "egress"] == [START_MS + 2000, START_MS + 3000]


def test_nothing_is_written_after_what_somebody_else_wrote(tmp_path: Path) -> None:
    with a_log(tmp_path, pace=Pace(patience_s=0.01)) as log:
        log.flush()
        with segments_of(tmp_path / "0")[0].path.open("ab") as file:
            file.write(b"{}\n")
        with pytest.raises(AuditUnavailable, match="changed by somebody else"):
            asyncio.run(log.durable(a_record(1)))


def test_a_folder_that_cannot_be_used_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(AuditUnavailable, match="cannot be written"), a_log(tmp_path / "file"):
        pass


def test_whoever_wants_a_record_waits_while_the_queue_is_full(tmp_path: Path) -> None:
    async def wait(log: AuditLog) -> bool:
        for number in range(500):
            log.append(a_record(number))
        before = len(log._queue)
        await log.durable(a_record(500))
        return before > 5

    with a_log(tmp_path, pace=Pace(capacity=5)) as log:
        assert asyncio.run(wait(log))
    assert kinds(tmp_path).count("egress") == 501


def test_whoever_goes_away_while_waiting_stops_nobody_else(tmp_path: Path) -> None:
    async def leave(log: AuditLog) -> None:
        tasks = [asyncio.ensure_future(log.durable(a_record(number))) for number in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        assert [isinstance(one, asyncio.CancelledError) for one in await asyncio.gather(*tasks, return_exceptions=True)] == [False, True, False]

    async def vanish(log: AuditLog) -> None:
        waiting = asyncio.ensure_future(log.durable(a_record(9)))
        await asyncio.sleep(0)
        waiting.cancel()

    with a_log(tmp_path) as log:
        asyncio.run(leave(log))
        for _ in range(20):
            asyncio.run(vanish(log))  # the loop may be closed when the record is on the disk
        asyncio.run(log.durable(a_record(4)))


def test_hashes_that_cannot_be_written_hold_nobody_up_and_come_later(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with a_log(tmp_path) as log:
        log.flush()
        files = log._stream._files
        whole = files._levels[0]
        files._levels[0] = os.open(os.devnull, os.O_RDONLY)  # a descriptor that takes nothing
        asyncio.run(log.durable(a_record(1)))
        assert "kept and tried again" in caplog.text
        os.close(files._levels[0])
        files._levels[0] = whole
        asyncio.run(log.durable(a_record(2)))
    assert (tmp_path / "0" / "tree.0").stat().st_size == 32 * 4
    assert verify(tmp_path).is_good


def test_what_cannot_be_written_before_the_end_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with a_log(tmp_path, pace=Pace(patience_s=0.1)) as log:
        log.flush()
        segments_of(tmp_path / "0")[0].path.unlink()
        log.append(a_record(1))
    assert "2 records are lost" in caplog.text


FULL = """
import asyncio, resource, signal, sys, threading
from pathlib import Path
from tests.ledger.audit.logs import a_log, a_record
from pointsman.core.errors import AuditUnavailable
from pointsman.ledger.audit.writer import Pace
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
async def main(log):
    kept = 0
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, resource.RLIM_INFINITY))
    try:
        while kept < 1000:
            await log.durable(a_record(kept)); kept += 1
    except AuditUnavailable as error:
        print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    while log.trouble is not None:
        await asyncio.sleep(0.01)
    await log.durable(a_record(kept)); kept += 1
    print(kept)
with a_log(Path(sys.argv[1]), pace=Pace()) as log:
    asyncio.run(main(log))
"""


def test_a_full_disk_stops_what_must_be_on_record_leaves_no_half_line_and_is_got_over(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, timeout=55, check=True)
    told, kept = done.stdout.strip().split("\n")
    assert "cannot be written" in told
    assert kinds(tmp_path).count("egress") == int(kept)
    assert verify(tmp_path).is_good


KILLED = """
import asyncio, sys
from pathlib import Path
from tests.ledger.audit.logs import a_log, a_record
from pointsman.ledger.audit.writer import Pace
async def one(log, number):
    await log.durable(a_record(number))
    print(number, flush=True)
async def main(log):
    for start in range(0, 100_000, 20):
        await asyncio.gather(*[one(log, number) for number in range(start, start + 20)])
with a_log(Path(sys.argv[1]), pace=Pace(segment_bytes=50_000, checkpoint_s=0.0)) as log:
    asyncio.run(main(log))
"""


def test_a_process_that_is_killed_loses_nothing_that_it_promised(tmp_path: Path) -> None:
    promised = 0
    dice = random.Random(1)
    for _ in range(4):
        process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(dice.random() * 0.2)
        os.kill(process.pid, signal.SIGKILL)
        promised += 1 + len([line for line in process.stdout.read().split("\n")[:-1] if line])
        process.wait()
    with a_log(tmp_path):
        pass
    assert kinds(tmp_path).count("egress") >= promised > 4
    assert verify(tmp_path).is_good
    assert Log(tmp_path).check()["good"]


@pytest.mark.parametrize("end", [b'{"seq":3,"prev":"AAA', b"\0" * 300, b"\0" * 9 + b'{"seq":4}\n'])
def test_a_torn_end_is_cut_kept_aside_and_told(end: bytes, tmp_path: Path) -> None:
    with a_log(tmp_path) as log:
        log.append(a_record(1))
    with segments_of(tmp_path / "0")[-1].path.open("ab") as file:
        file.write(end)
    with a_log(tmp_path):
        pass
    assert kinds(tmp_path) == ["started", "egress", "stopped", "recovered", "started", "stopped"]
    assert lines(tmp_path)[3]["facts"]["cut_bytes"] == len(end)
    assert (tmp_path / "0" / "cut-at-3").read_bytes() == end
    assert verify(tmp_path).is_good


def test_lost_hashes_are_made_again_from_the_records(tmp_path: Path) -> None:
    a_written_log(tmp_path)
    assert len(segments_of(tmp_path / "0")) > 2
    before = (tmp_path / "0" / "tree.0").read_bytes()
    (tmp_path / "0" / "tree.0").write_bytes(before[:70])
    with a_log(tmp_path):
        pass
    assert (tmp_path / "0" / "tree.0").read_bytes().startswith(before)
    assert verify(tmp_path).is_good


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda segments: segments[-1].path.write_bytes(segments[-1].path.read_bytes().replace(b"support", b"tropsup", 1)), "does not follow|not those"),
        (lambda segments: segments[-1].path.write_bytes(b""), "were signed and"),
        (lambda segments: segments[-1].path.write_bytes(segments[-1].path.read_bytes() + b"{}\n"), "does not follow"),
    ],
)
def test_a_log_that_is_not_the_one_that_was_signed_does_not_go_on(harm: Callable[[Any], Any], says: str, tmp_path: Path) -> None:
    a_written_log(tmp_path)
    harm(segments_of(tmp_path / "0"))
    with pytest.raises(AuditDamaged, match=says), a_log(tmp_path):
        pass


@pytest.mark.parametrize("harm", ["drop", "change"])
def test_lost_hashes_are_not_made_from_records_that_were_changed(harm: str, tmp_path: Path) -> None:
    a_written_log(tmp_path)
    first = segments_of(tmp_path / "0")[0].path
    content = first.read_bytes()
    first.write_bytes(content.replace(b"support", b"tropsup", 1) if harm == "change" else b"")
    (tmp_path / "0" / "tree.0").unlink()
    with pytest.raises(AuditDamaged, match="is damaged"), a_log(tmp_path):
        pass


def test_a_checkpoint_that_is_none_or_another_streams_stops_the_start(tmp_path: Path) -> None:
    a_written_log(tmp_path)
    (tmp_path / "0" / "checkpoint").write_bytes((tmp_path / "1" / "checkpoint").read_bytes())
    with pytest.raises(AuditDamaged, match="not those that were signed"), a_log(tmp_path):
        pass
    (tmp_path / "0" / "checkpoint").write_text("nothing")
    with pytest.raises(AuditDamaged, match="cannot be read"), a_log(tmp_path):
        pass


# ── time, checkpoints and keys ──────────────────────────────────────────────────────────────────────────────────────


def test_a_quiet_log_says_that_it_lives(tmp_path: Path) -> None:
    with a_log(tmp_path, pace=Pace(alive_s=0.01)):
        until(lambda: kinds(tmp_path).count("alive") >= 2)


def test_a_checkpoint_comes_after_so_many_records_or_seconds(tmp_path: Path) -> None:
    def signed() -> int:
        path = tmp_path / "0" / "checkpoint"
        return int(path.read_text().split("\n")[1]) if path.exists() else 0

    with a_log(tmp_path, pace=Pace(checkpoint_records=10, checkpoint_s=1000)) as log:
        until(lambda: signed() == 1)
        for number in range(9):
            log.append(a_record(number))
        log.flush()
        assert signed() == 1
        log.append(a_record(9))
        until(lambda: signed() == 11)
    assert signed() == 12


def test_a_key_is_handed_over_while_the_log_is_written(tmp_path: Path) -> None:
    with a_log(tmp_path) as log:
        log.append(a_record(1))
        log.flush()
        keys.rotate(tmp_path, ORIGIN, at_ms=START_MS)
        until(lambda: "signing_key" in kinds(tmp_path))
        log.append(a_record(2))
    report = verify(tmp_path)
    assert report.is_good
    assert len(report.keys) == 2
    assert Log(tmp_path).check()["good"]


def test_a_key_that_was_handed_over_cannot_come_back(tmp_path: Path) -> None:
    with a_log(tmp_path):
        pass
    old = (tmp_path / keys.PRIVATE).read_bytes()
    keys.rotate(tmp_path, ORIGIN, at_ms=START_MS)
    with a_log(tmp_path) as log:
        log.append(a_record(1))
    signer = keys.open_key(tmp_path, ORIGIN, at_ms=0)
    assert signer.number == 2
    (tmp_path / keys.PRIVATE).write_bytes(old)
    with pytest.raises(Unusable, match="not the key that the history"):
        keys.open_key(tmp_path, ORIGIN, at_ms=0)
    number, _, seed = old.decode().strip().partition(" ")
    assert number == "1"
    forged = keys._read(tmp_path / keys.PRIVATE).signer
    text = (tmp_path / "0" / "checkpoint").read_text().partition("\n\n")[0] + "\n"
    note = f"{text}\n{forged.sign(text, name=f'{ORIGIN}/0').line}"
    (tmp_path / "0" / "checkpoint").write_text(note)
    assert "handed over before" in verify(tmp_path).faults[0].says
    assert "handed over before" in Log(tmp_path).check()["faults"][0]["says"]
    assert seed


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda folder: (folder / keys.PRIVATE).chmod(0o644), "Others may read"),
        (lambda folder: (folder / keys.PRIVATE).unlink(), "is gone"),
        (lambda folder: (folder / keys.PRIVATE).write_text("1 nonsense"), "holds no signing key"),
    ],
)
def test_a_signing_key_that_is_open_lost_or_broken_is_not_used(harm: Callable[[Path], Any], says: str, tmp_path: Path) -> None:
    with a_log(tmp_path):
        pass
    assert (tmp_path / keys.PRIVATE).stat().st_mode & 0o777 == 0o600
    harm(tmp_path)
    with pytest.raises(Unusable, match=says), a_log(tmp_path):
        pass


@pytest.mark.parametrize("is_late", [False, True])
def test_a_crash_in_the_middle_of_a_hand_over_leaves_a_key_that_works(is_late: bool, tmp_path: Path) -> None:
    with a_log(tmp_path):
        pass
    before = (tmp_path / keys.PRIVATE).read_bytes()
    keys.rotate(tmp_path, ORIGIN, at_ms=START_MS)
    after = (tmp_path / keys.PRIVATE).read_bytes()
    (tmp_path / keys.PRIVATE).write_bytes(before)
    (tmp_path / "signing.key.next").write_bytes(after)
    (tmp_path / "signing.key.next").chmod(0o600)
    if not is_late:  # the note was not written yet
        (tmp_path / "keys" / "0002.note").unlink()
    assert keys.open_key(tmp_path, ORIGIN, at_ms=0).number == (2 if is_late else 1)
    with a_log(tmp_path):
        pass
    assert verify(tmp_path).is_good


def test_gaps_and_a_clock_that_goes_back_are_told_as_odd(tmp_path: Path) -> None:
    hour = 3_600_000
    with a_log(tmp_path, pace=SMALL) as log:
        log.append(AuditRecord(kind=Kind.ADMIN, at_ms=START_MS + 5 * hour))
        log.append(AuditRecord(kind=Kind.ADMIN, at_ms=START_MS + hour))
    report = verify(tmp_path)
    assert report.is_good
    told = " ".join(report.streams[0].notes)
    assert "nothing for 17999 s before record 1, and no orderly stop" in told
    assert "the clock went back by 14400 s at record 2" in told
