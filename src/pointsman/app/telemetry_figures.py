"""
Gauges that others know the values of: what is up, what waits, which snapshot is in force, what is allowed, and what units cost.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Final

from pointsman.core.clock import Clock
from pointsman.ledger.writer import Ledger
from pointsman.pipeline.stages import Stages
from pointsman.settings.ledger_place import Place
from pointsman.storage.database import query
from pointsman.storage.open import open_reading
from pointsman.telemetry.measures import Gauge

_NANO_USD: Final = 1_000_000_000
_HOUR_MS: Final = 3_600_000
_SPAN_MS: Final = 7 * 24 * _HOUR_MS
_KEPT_S: Final = 30.0


def of_worker(stages: Stages, ledger: Ledger, *, policy: str) -> Iterator[Gauge]:
    """Yield what one worker sees. `policy` names the policy in force."""
    yield Gauge("pointsman_queue_depth", ("ledger",), ledger.waiting)
    yield Gauge("pointsman_policy_info", (stages.snapshot.digest, policy), 1)
    for name, target in stages.snapshot.targets.items():
        if target.vendor is not None:
            yield Gauge("pointsman_target_up", (name,), 1 if stages.chooser.health(name) is None else 0)
    for limit in stages.intake.budgets():
        yield Gauge("pointsman_budget_limit_usd", (limit.name,), (limit.budget_nano_usd or 0) / _NANO_USD)


class Worth:
    """What the units of the last seven days became and cost, of all workers: asked of the ledger's roll-ups at most twice a minute."""

    def __init__(self, place: Place, clock: Clock) -> None:
        self._place = place
        self._clock = clock
        self._known: tuple[Gauge, ...] = ()
        self._due_s = 0.0

    def __call__(self) -> Iterable[Gauge]:
        """Return the gauges. A ledger that cannot be read leaves them out."""
        now_s = self._clock.monotonic_s()
        if now_s >= self._due_s:
            self._due_s = now_s + _KEPT_S
            self._known = ()
            self._known = tuple(self._asked(self._clock.wall_ms()))
        return self._known

    def _asked(self, now_ms: int) -> Iterator[Gauge]:
        with closing(open_reading(self._place)) as db:
            rows = db.rows(query("telemetry/units"), {"since_ms": now_ms - _SPAN_MS, "until_ms": now_ms + 1})
        for row in rows:
            states = {"all": row["units"], "told": row["told"], "useful": row["useful"], "reversed": row["reversed"]}
            for state, count in states.items():
                yield Gauge("pointsman_workflow_units", (row["workflow"], state), count)
            for part, nano_usd in {"attempts": row["cost_nano_usd"], "people": row["human_nano_usd"]}.items():
                yield Gauge("pointsman_workflow_cost_usd", (row["workflow"], part), nano_usd / _NANO_USD)
