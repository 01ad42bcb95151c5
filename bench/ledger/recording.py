"""
What recording costs a request on its own thread: noting two attempts, closing the trace, and putting the record into the queue.

The writer works on another thread meanwhile; what it takes from the same processor is told beside it.
"""

import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pointsman.core.call import Asked
from pointsman.core.reply import Usage
from pointsman.ledger.rating import Rating
from pointsman.ledger.trace import OK, Trace
from pointsman.ledger.writer import Ledger

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.values import Time, a_call, a_capability, a_principal

CALLS = 20_000
RATING = Rating(usage=Usage(tokens_in=500, tokens_out=100), cost_nano_usd=1_000, price_id="contract:test")


def main() -> None:
    clock = Time().clock
    capability = a_capability()
    principal = a_principal()
    attempt: Any = SimpleNamespace(target=capability.ladder[0])  # all that a trace asks of it
    asked = Asked()
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "ledger.db", capacity=10 * CALLS)
        calls = [a_call(call_id=f"01890000-0000-7000-8000-{number:012x}") for number in range(CALLS)]
        whole, began = time.process_time(), time.thread_time()
        for call in calls:
            trace = Trace(call, principal, capability=capability, asked=asked, clock=clock, book=ledger.book)
            trace.book(attempt, RATING, started=0.0, error="overloaded")
            trace.book(attempt, RATING, started=0.0, first_byte_at=0.1)
            trace.answered_by(attempt, "first")
            trace.close(OK)
        hot = time.thread_time() - began
        ledger.flush(60)
        writer = time.process_time() - whole - hot
        ledger.close()
    print(f"{hot / CALLS * 1e6:.1f} µs CPU per request on its thread, {writer / CALLS * 1e6:.1f} µs on the writer's")


if __name__ == "__main__":
    main()
