"""
The stages of one snapshot, bound together. `app` makes this value; the pipeline only uses it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pointsman.assess.checks import Checks
from pointsman.core.clock import Clock
from pointsman.core.entry import CallRecord
from pointsman.core.place import Dialect
from pointsman.core.snapshot import Snapshot
from pointsman.decision.breaker import Breakers
from pointsman.decision.choose import Chooser
from pointsman.governance.judge import Judge
from pointsman.intake.admit import Intake
from pointsman.ledger.auditor import Auditor
from pointsman.ledger.rating import Rater
from pointsman.places.cache.answers import AnswerCache
from pointsman.places.models.outlet import ModelsPlace
from pointsman.places.people.desk import PeoplePlace
from pointsman.places.rules.table import RulesPlace
from pointsman.surfaces.surface import Surface


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """Everything a call meets on its way, in order."""

    snapshot: Snapshot
    surfaces: Mapping[Dialect, Surface]
    intake: Intake
    judge: Judge
    auditor: Auditor
    chooser: Chooser
    breakers: Breakers
    rules: Mapping[str, RulesPlace]
    cache: AnswerCache
    models: ModelsPlace
    people: PeoplePlace
    checks: Checks
    rater: Rater
    book: Callable[[CallRecord], None]
    clock: Clock
