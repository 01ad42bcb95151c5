"""
A detector of another package that crashes at one word and dawdles at another.
"""

import time
from collections.abc import Iterator

from tests.journeys.adversary.house import BUDGET_MS, DAWDLE, DETONATE

from pointsman.governance.finding import Finding


class Fragile:
    """Finds nothing."""

    name = "fragile/1"

    def find(self, text: str) -> Iterator[Finding]:
        if DETONATE in text:
            raise RuntimeError(text)
        if DAWDLE in text:
            time.sleep(BUDGET_MS / 1000 + 0.05)  # in the event loop, as a detector that never ends would
        yield from ()
