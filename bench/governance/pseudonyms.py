"""
Pseudonyms, measured: round trips through every protocol with random splits, escapes and orders; what a stream holds back, and what filtering costs.

    .venv/bin/python -m bench.governance.pseudonyms [--trips 1000000] [--workers 2]

A mismatch is printed with its seed, so that it can be walked again. The times are of one process; the first table is the reference to compare with:
forwarding without restoring, and a search for the exact pseudonyms by one alternation, which mends nothing and holds nothing back.
"""

import argparse
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor

from tests.governance.filtering.round_trips import KEY, PSEUDONYMISE, cut, round_trip

from pointsman.governance.filtering.filter import filtered
from pointsman.governance.filtering.pseudonyms import Namer
from pointsman.governance.filtering.restore import Restorer
from pointsman.governance.filtering.tree import spots
from pointsman.governance.finding import Finding

_CHUNK = 2_000
_PROSE = (
    "Thank you for your message. We have looked into the order and found that the parcel was handed to the carrier on Monday evening. "
    "Please allow for two more working days; if it has not come by then, reply to this email and we will send another one at once. "
)


def walk(first: int) -> tuple[Counter[str], list[str]]:
    """Walk some trips; return counts and what went wrong."""
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    for seed in range(first, first + _CHUNK):
        try:
            trip = round_trip(seed)
        except Exception as error:  # noqa: BLE001 - a trip that ends in an error is a mismatch, and the next one is walked
            wrong.append(f"{seed}: {error!r}")
            continue
        counts.update({"trips": 1, trip.surface: 1, "pieces": trip.pieces, "bent": trip.bent})
        if trip.surface == "text":
            counts.update({"text pieces": trip.pieces, "held": trip.held})
        if trip.came != trip.sent:
            wrong.append(f"{seed}: {trip}")
    return counts, wrong


def walk_all(trips: int, workers: int) -> None:
    """Walk all trips and print what came of it."""
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    started = time.perf_counter()
    with ProcessPoolExecutor(workers) as pool:
        for more, bad in pool.map(walk, range(0, trips, _CHUNK)):
            counts += more
            wrong += bad
    print(f"round trips                {counts['trips']:>12,}   in {time.perf_counter() - started:.0f} s")
    for surface in ("text", "json", "events", "openai", "anthropic"):
        print(f"  {surface:<24} {counts[surface]:>12,}")
    print(f"pieces                     {counts['pieces']:>12,}")
    print(f"bent pseudonyms mended     {counts['bent']:>12,}")
    print(f"held after a piece, mean   {counts['held'] / max(counts['text pieces'], 1):>12.2f}   characters (hostile text)")
    print(f"mismatches                 {len(wrong):>12,}")
    print("\n".join(wrong[:10]))


def timed(work: Callable[[], object], times: int) -> float:
    """Return the microseconds of one run, the best of three rounds."""
    rounds = []
    for _ in range(3):
        started = time.perf_counter()
        for _ in range(times):
            work()
        rounds.append((time.perf_counter() - started) / times * 1e6)
    return min(rounds)


def stream_costs() -> None:
    """Print the cost of one delta of prose, and what is held back of it."""
    namer = Namer(KEY, scope="bench")
    names = [namer.name(kind, f"value {number}") for number in range(5) for kind in ("person", "email", "phone", "address", "card")]
    draw = random.Random(7)
    text = "".join(f"{_PROSE}{draw.choice(names)} " for _ in range(40))
    deltas = [text[at : at + 4] for at in range(0, len(text), 4)]
    restorer = Restorer(namer.originals)
    channel = restorer.channel()
    held = 0
    late = Counter[int]()
    for delta in deltas:
        channel.feed(delta)
        held += len(channel.held)
        late[len(channel.held)] += 1
    exact = re.compile("|".join(map(re.escape, namer.originals)))

    def restore(texts: Sequence[str]) -> None:
        channel = restorer.channel()
        for delta in texts:
            channel.feed(delta)

    def search(texts: Sequence[str]) -> None:
        for delta in texts:
            exact.search(delta)

    print(f"\ndeltas of 4 characters     {len(deltas):>12,}   25 live pseudonyms of 5 kinds")
    print(f"held after a delta, mean   {held / len(deltas):>12.2f}   characters; nothing is held after {late[0] / len(deltas):.0%} of them")
    print(f"restoring, per delta       {timed(lambda: restore(deltas), 20) / len(deltas):>12.2f}   µs")
    print(f"exact search, per delta    {timed(lambda: search(deltas), 20) / len(deltas):>12.2f}   µs (reference: misses what is split or bent)")


def first_delta() -> None:
    """Print after how many deltas a first text comes, over texts that begin in every way."""
    namer = Namer(KEY, scope="bench")
    name = namer.name("email", "ann@example.org")
    namer.name("person", "Ann")
    waits = Counter[int]()
    for seed in range(5_000):
        draw = random.Random(seed)
        channel = Restorer(namer.originals).channel()
        start = draw.randrange(len(_PROSE) - 60)
        text = (name if draw.random() < 0.1 else "") + _PROSE[start:]
        pieces = cut(draw, text)
        told = next(number for number, piece in enumerate(pieces) if channel.feed(piece))
        # What a reader without pseudonyms would have seen by then, in pieces: a pseudonym itself must be whole first.
        waits[told if not text.startswith(name) else -1] += 1
    plain = sum(count for wait, count in waits.items() if wait >= 0)
    print(f"\nfirst text with the first delta     {waits[0] / plain:>7.1%}   of {plain:,} answers; within one more {(waits[0] + waits[1]) / plain:.1%}")


def filter_costs() -> None:
    """Print the cost of listing and filtering a request of 2 kB with ten values in it."""
    text = (_PROSE * 10)[:1800]
    values = [f"Person{number} Smith" for number in range(10)]
    for number, value in enumerate(values):
        text = f"{text[: number * 150]} {value} {text[number * 150 :]}"
    wire: dict[str, object] = {"model": "support", "messages": [{"role": "system", "content": _PROSE}, {"role": "user", "content": text}]}
    listed = spots(wire)
    found = [
        (
            spot,
            [
                Finding(start=hit.start(), end=hit.end(), kind="person", data_class="personal", detector="told")
                for hit in re.finditer(r"Person\d Smith", spot.text)
            ],
        )
        for spot in listed
    ]

    def run() -> object:
        return filtered(wire, found, duties=PSEUDONYMISE, names=Namer(KEY, scope="bench"))

    print(f"\nlisting the texts          {timed(lambda: spots(wire), 500):>12.1f}   µs for {len(text):,} characters")
    print(f"filtering ten values       {timed(run, 200):>12.1f}   µs")


def main() -> None:
    """Run everything."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--trips", type=int, default=1_000_000)
    options.add_argument("--workers", type=int, default=2)
    told = options.parse_args()
    stream_costs()
    first_delta()
    filter_costs()
    print()
    walk_all(told.trips, told.workers)


if __name__ == "__main__":
    main()
