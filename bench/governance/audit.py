"""
The audit log: what a record costs, how fast a log is verified, whether tampering is found, and what a killed process loses.

    python bench/governance/audit.py [--records 1000000] [--tampers 1000] [--ways flip,swap] [--kills 100] [--only append,verify,tamper,kill]

- Append: the call alone; a record that is waited for among 1,000 others (one write and sync for all of them; the median of 40 rounds, per record);
  one that is waited for alone. Reference in the same run: `write` and `fsync` of one record of the same size, by hand.
- Verify: a log of so many records, by the product's verifier and by the one of the standard library, each in a process of its own.
- Tampering: each of twelve ways so often, by somebody with the folder and the signing key, with one checkpoint of each stream outside. Found means
  found by both verifiers; named means that both name the same record.
- Kill: a process that writes records which are waited for is killed at a random moment, again and again on one log. Lost is what was promised and
  is not there; torn is how often a half line was cut.
"""

import argparse
import asyncio
import json
import os
import random
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[0] = str(ROOT)  # not this folder: a benchmark beside this one has the name of a standard module

from tests.ledger.audit.logs import START_MS, a_log, a_record, a_written_log  # noqa: E402 - the path comes first
from tests.ledger.audit.tampering import TAMPERINGS, tampered  # noqa: E402

from pointsman.ledger.audit.copying import FolderPlace  # noqa: E402
from pointsman.ledger.audit.verifier import verify as second  # noqa: E402
from pointsman.ledger.audit.verify import Trust, verify  # noqa: E402
from pointsman.ledger.audit.writer import AuditLog, Pace  # noqa: E402
from pointsman.storage.audit_files import lines_of, streams_of  # noqa: E402

AT_ONCE = 1000
ROUNDS = 40


def row(what: str, figure: str) -> None:
    print(f"{what:<64} {figure:>24}", flush=True)


def a_quick_log(folder: Path, **more: object) -> AuditLog:
    return AuditLog(folder, wall_ms=lambda: time.time_ns() // 1_000_000, pace=Pace(**more))  # pyright: ignore[reportArgumentType]


# ── append ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def append(folder: Path) -> None:
    log = a_quick_log(folder / "log")
    records = [a_record(number) for number in range(20_000)]
    times: list[int] = []
    for record in records:
        before = time.perf_counter_ns()
        log.append(record)
        times.append(time.perf_counter_ns() - before)
    log.flush(60)
    row("append, p50 / p99 of one", f"{statistics.median(times) / 1e3:.2f} / {statistics.quantiles(times, n=100)[98] / 1e3:.2f} µs")
    spent = time.process_time()
    batches, single = asyncio.run(_durable(log))
    row("durable, CPU of both threads, per record", f"{(time.process_time() - spent) / (ROUNDS * AT_ONCE + 300) * 1e6:.1f} µs")
    row(f"durable, {AT_ONCE} at once, p50 / p90 per record", f"{statistics.median(batches):.1f} / {statistics.quantiles(batches, n=10)[8]:.1f} µs")
    row("durable, one alone, p50 / p99", f"{statistics.median(single):.0f} / {statistics.quantiles(single, n=100)[98]:.0f} µs")
    log.close()
    size = sum(path.stat().st_size for path in (folder / "log" / "0").glob("*.jsonl"))
    count = sum(1 for _ in lines_of(folder / "log" / "0"))
    row("bytes of a record", f"{size / count:.0f}")
    with (folder / "reference").open("wb") as file:
        synced: list[int] = []
        for _ in range(300):
            before = time.perf_counter_ns()
            file.write(b"x" * (size // count))
            file.flush()
            os.fsync(file.fileno())
            synced.append(time.perf_counter_ns() - before)
    row("reference: write and fsync by hand, p50 / p99", f"{statistics.median(synced) / 1e3:.0f} / {statistics.quantiles(synced, n=100)[98] / 1e3:.0f} µs")


async def _durable(log: AuditLog) -> tuple[list[float], list[float]]:
    batches: list[float] = []
    for start in range(ROUNDS):
        records = [a_record(start * AT_ONCE + number) for number in range(AT_ONCE)]
        before = time.perf_counter()
        await asyncio.gather(*[log.durable(record) for record in records])
        batches.append((time.perf_counter() - before) / AT_ONCE * 1e6)
    single: list[float] = []
    for number in range(300):
        before = time.perf_counter()
        await log.durable(a_record(number))
        single.append((time.perf_counter() - before) * 1e6)
    return batches, single


# ── verify ──────────────────────────────────────────────────────────────────────────────────────────────────────────

OURS = "import sys; from pathlib import Path; from pointsman.ledger.audit.verify import verify; assert verify(Path(sys.argv[1])).is_good"


def verified(folder: Path, count: int) -> None:
    log = a_quick_log(folder / "log")
    before = time.perf_counter()
    for number in range(count):
        log.append(a_record(number))
        if number % 20_000 == 0:
            log.flush(60)
    log.flush(120)
    row(f"{count:,} records written", f"{(time.perf_counter() - before) / count * 1e6:.1f} µs each")
    log.close()
    before = time.perf_counter()
    a_quick_log(folder / "log").close()
    row("opened and closed again", f"{time.perf_counter() - before:.2f} s")
    for name, words in (("our verifier", ["-c", OURS]), ("the one of the standard library", [second.__file__])):
        before, spent = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        subprocess.run([sys.executable, *words, str(folder / "log")], check=True, stdout=subprocess.DEVNULL)
        cpu = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - spent
        row(f"{count:,} records verified by {name}", f"{time.perf_counter() - before:.1f} s, CPU {cpu:.1f} s")


# ── tampering ───────────────────────────────────────────────────────────────────────────────────────────────────────


def tamper(folder: Path, each: int, *, ways: list[str]) -> None:
    a_written_log(folder / "log", count=45, outside=folder / "outside")
    for path in [*folder.glob("outside/*/*/checkpoints"), *folder.glob("log/*/checkpoints")]:
        path.write_text("".join(path.read_text().rpartition("\n\n\n")[2:]) if "log" in path.parts else "")
    assert verify(folder / "log", Trust(outside=[folder / "outside"])).is_good
    total = 0
    for how in ways:
        found = named = 0
        for seed in range(each):
            forged = folder / "forged"
            tampered(folder / "log", forged, how=how, dice=random.Random(f"bench {how} {seed}"))
            first = verify(forged, Trust(outside=[folder / "outside"])).faults
            other = second.Log(forged, [folder / "outside"]).check()["faults"]
            found += bool(first) and bool(other)
            named += bool(first) and bool(other) and (first[0].stream, first[0].record) == (other[0]["stream"], other[0]["record"])
            shutil.rmtree(forged)
        row(f"{how}: found by both / same record named", f"{found:,} / {named:,} of {each:,}")
        total += found
    row("tampering found", f"{total:,} of {each * len(ways):,}")


# ── kill ────────────────────────────────────────────────────────────────────────────────────────────────────────────

KILLED = """
import asyncio, sys
from pathlib import Path
from tests.ledger.audit.logs import a_log, a_record
from pointsman.ledger.audit.writer import Pace
async def one(log, number):
    await log.durable(a_record(number, call_id=f"{sys.argv[2]}-{number}"))
    print(f"{sys.argv[2]}-{number}", flush=True)
async def main(log):
    for start in range(0, 100_000, 50):
        await asyncio.gather(*[one(log, number) for number in range(start, start + 50)])
with a_log(Path(sys.argv[1]), pace=Pace(segment_bytes=200_000, checkpoint_s=0.0)) as log:
    asyncio.run(main(log))
"""


def kill(folder: Path, times: int) -> None:
    dice = random.Random(1)
    promised: set[str] = set()
    for number in range(times):
        with subprocess.Popen([sys.executable, "-c", KILLED, str(folder / "log"), str(number)], stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            assert process.stdout is not None
            promised.add(process.stdout.readline().strip())
            time.sleep(dice.random() * 0.15)
            os.kill(process.pid, signal.SIGKILL)
            promised.update(process.stdout.read().split("\n")[:-1])
    with a_log(folder / "log", places=[FolderPlace(folder / "outside")]):
        pass
    told = [json.loads(line) for stream in streams_of(folder / "log") for line in lines_of(stream)]
    kept = {line["call_id"] for line in told if line["kind"] == "egress"}
    assert all(line["at_ms"] >= START_MS for line in told)
    row(f"{times} kills: records promised / lost", f"{len(promised):,} / {len(promised - kept):,}")
    row("torn lines cut", str(sum(line["kind"] == "recovered" for line in told)))
    row("the log is whole", str(verify(folder / "log", Trust(outside=[folder / "outside"])).is_good))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--tampers", type=int, default=1000)
    parser.add_argument("--ways", default=",".join(TAMPERINGS))
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--only", default="append,verify,tamper,kill")
    told = parser.parse_args()
    parts: dict[str, Callable[[Path], None]] = {
        "append": append,
        "verify": lambda folder: verified(folder, told.records),
        "tamper": lambda folder: tamper(folder, told.tampers, ways=told.ways.split(",")),
        "kill": lambda folder: kill(folder, told.kills),
    }
    for name in told.only.split(","):
        with tempfile.TemporaryDirectory(prefix="pointsman-audit-") as folder:
            parts[name](Path(folder))


if __name__ == "__main__":
    main()
