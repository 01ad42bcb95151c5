"""
What each mechanism saved against one target answering everything, what own hardware cost while no call ran, and where a cheaper target would have done.
"""

from typing import Final

from pointsman.console.frame import Ask, Shown
from pointsman.console.money import TABS, counted
from pointsman.control.finops.frontier import avoidable
from pointsman.control.finops.savings import savings
from pointsman.control.finops.span import Span
from pointsman.control.finops.spent import hardware
from pointsman.core.target import Price
from pointsman.storage.sql import Database

_FEWEST_RUNGS: Final = 2


def cost_savings(ask: Ask, db: Database) -> Shown:
    """Show savings, idle hardware and, of one workflow, avoidable money."""
    span = counted(ask)
    prices = priced(ask)
    workflow, baseline = ask.word("workflow"), _baseline(ask, prices)
    machines = hardware(db, span)
    values = {
        "tabs": TABS,
        "workflows": tuple(ask.control.workflows),
        "workflow": workflow,
        "baselines": tuple(prices),
        "found": savings(db, span, target=baseline, price=prices[baseline], workflow=workflow) if baseline else None,
        "machines": machines,
        "idle": sum(one.idle_nano_usd for one in machines),
        "avoidable": _avoidable(ask, db, span=span) if workflow else None,
    }
    return Shown(template="cost_savings.html", title="Cost", values=values)


def priced(ask: Ask) -> dict[str, Price]:
    """Return the targets with a price of tokens, the dearest first."""
    found = {name: price for name, target in ask.control.snapshot.targets.items() if (price := ask.control.price(target)) is not None}
    return dict(sorted(found.items(), key=lambda pair: (-pair[1].rates.tokens_out, pair[0])))


def ladder(ask: Ask, workflow: str) -> tuple[str, ...]:
    """Return the targets of the longest ladder of a workflow, the weakest first."""
    told, known = ask.control.workflows.get(workflow), ask.control.snapshot.capabilities
    ladders = [known[name].ladder for name in (() if told is None else told.capabilities) if name in known]
    return tuple(target.name for target in max(ladders, key=len, default=()))


def _baseline(ask: Ask, prices: dict[str, Price]) -> str:
    workflow = ask.control.workflows.get(ask.word("workflow"))
    told = (ask.word("baseline"), None if workflow is None else workflow.baseline, ask.control.settings.file.costs.baseline, *prices)
    return next((name for name in told if name and name in prices), "")


def _avoidable(ask: Ask, db: Database, *, span: Span) -> list[object]:
    workflow = ask.word("workflow")
    rungs = ladder(ask, workflow)
    return list(avoidable(db, workflow, span=span, ladder=rungs if len(rungs) >= _FEWEST_RUNGS else ()))
