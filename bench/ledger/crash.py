"""
Kill a process that ingests, again and again, and look whether anything that was acknowledged is missing: python bench/ledger/crash.py [ROUNDS] [PLACE].
"""

import random
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.ledger.ingest import Killed, check, killed


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        place = sys.argv[2] if len(sys.argv) > 2 else Path(folder) / "ledger.db"
        done: list[Killed] = []
        for number in range(rounds):
            done.append(killed(place, number, after_s=chance.uniform(0.0, 2.0)))
            print(f"{number + 1}: {check(place, done)}", flush=True)
    print(f"{rounds} kills, nothing acknowledged is missing, and the books balance")


if __name__ == "__main__":
    main()
