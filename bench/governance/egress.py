"""
Forbidden egress: thousands of adversarial conversations, end to end over real sockets, and every byte that reached a vendor looked at.

    python bench/governance/egress.py [CASES] [FIRST_SEED]

Each case is a conversation of one to three requests over OpenAI chat or Anthropic messages, streamed or not, planted with values in every position that
takes a text (`tests/journeys/adversary/plants.py`), in front of vendors in each zone whose model does whatever any text asks (`vendors.py`), with faults on
the way. Who may have seen what is read from `docs/policy.md` by hand (`oracle.py`), and a value counts as seen in any disguise that leaves it in one piece.

- *flow*: a vendor has a value although the gateway was told, or found, what forbids it. This is the figure: 0.
- *missed*: only finding could have told, and the gateway did not find. Told apart by asking the gateway's own detectors again, counted, never hidden.
- *unsearched*: a detector crashed or was late, so the call counted as restricted and went to a private place with what nobody had found in it.
- *moot*: what closed the vendor was itself taken out at the door as a secret, so the rest went where the rest may go.
- *pairs*: a value, and a vendor that heard something in the same conversation and may not have that value.
"""

import asyncio
import logging
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[0] = str(ROOT)  # not this folder: it has a `secrets.py`

from tests.journeys.adversary.cases import DISK, Case, Tally, together  # noqa: E402 - the path comes first
from tests.journeys.adversary.house import House  # noqa: E402

PROCESSES = 2
HOUSES = 6  # in each process: most of the time somebody waits for a time-out


def part(told: tuple[range, str | None]) -> Tally:
    """Play some cases in this process."""
    logging.disable(logging.CRITICAL)
    return asyncio.run(_part(*told))


async def _part(seeds: range, event: str | None) -> Tally:
    tally, waiting = Tally(), iter(seeds)

    async def one(folder: Path) -> None:
        async with House(folder) as house:
            for seed in waiting:
                await Case(house, seed, tally, event=event).play()

    with tempfile.TemporaryDirectory(prefix="egress-", ignore_cleanup_errors=True) as name:
        folders = [Path(name) / str(number) for number in range(1 if event == DISK else HOUSES)]
        for folder in folders:
            folder.mkdir()
        await asyncio.gather(*map(one, folders))
    return tally


def top(told: Counter[str], most: int = 40) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in told.most_common(most))


def main() -> None:
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    began = time.perf_counter()
    chunk = min(500, -(-cases // PROCESSES))
    disk = cases // 50
    parts: list[tuple[range, str | None]] = [(range(at, min(at + chunk, first + cases - disk)), None) for at in range(first, first + cases - disk, chunk)]
    parts += [(range(at, min(at + 100, first + cases)), DISK) for at in range(first + cases - disk, first + cases, 100)]
    total = Tally()
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        for number, told in enumerate(pool.map(part, parts)):
            total = together(total, told)
            line = f"{total.cases:,} cases, {len(total.leaked('flow'))} flow, {len(total.leaked('missed'))} missed"
            print(f"  {number + 1}/{len(parts)}: {line}, {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
            for leak in told.leaked("flow"):
                print(f"    seed {leak.seed} at {leak.vendor}: {leak.value.core!r} of {leak.value.position}", file=sys.stderr, flush=True)
    planted = sum(total.planted.values())
    print(f"cases               {total.cases:>12,}\nrequests            {total.requests:>12,}\nvalues planted      {planted:>12,}   ({top(total.planted)})")
    print(f"pairs               {sum(total.pairs.values()):>12,}   ({top(total.pairs)})\nbytes at vendors    {total.bytes_heard:>12,}")
    print(f"requests at vendors {sum(total.upstream.values()):>12,}   ({top(total.upstream)})")
    print(f"answers             {'':>12}   ({', '.join(f'{status} {count:,}' for status, count in sorted(total.statuses.items()))})")
    print(f"refused as          {'':>12}   ({top(total.refusals, 12)})")
    print(f"faults set          {sum(total.faults.values()):>12,}   ({top(total.faults)})")
    print(f"unforeseen errors   {len(total.internal):>12,}   ({total.internal[:10]})")
    print(f"held at the last    {len(total.not_permitted):>12,}   ({total.not_permitted[:10]})")
    print(f"events              {'':>12}   ({top(total.events)})")
    print(f"positions           {len(total.positions):>12,}   ({top(total.positions, 60)})")
    for why in ("flow", "missed", "unsearched", "moot"):
        leaks = total.leaked(why)
        of_cases = len({leak.seed for leak in leaks})
        print(f"\n{why:<12} {len(leaks):,} values in {of_cases:,} cases")
        print(f"   by kind and disguise: {top(Counter(f'{leak.value.kind}/{leak.value.disguise}' for leak in leaks))}")
        print(f"   by position: {top(Counter(leak.value.position for leak in leaks))}")
        for leak in leaks[: 40 if why == "flow" else 4]:
            print(f"   seed {leak.seed} at {leak.vendor}: {leak.value.core!r} as {leak.form[:60]!r}; {leak.about}")
    print(f"\n{time.perf_counter() - began:.0f} s")
    sys.exit(1 if total.leaked("flow") else 0)


if __name__ == "__main__":
    main()
