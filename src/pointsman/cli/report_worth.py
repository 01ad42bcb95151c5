"""
The part of `pointsman report` that speaks of outcomes: what a useful one cost, how many units are mature, and who bears it.
"""

from collections.abc import Sequence
from typing import Final

from pointsman.cli.options import money, table
from pointsman.ledger.metrics_owners import Owned, Tagged
from pointsman.ledger.scorecard_values import Coverage, Money, Scorecard, Units, Worth

PROVISIONAL: Final = "~: not every unit has had its whole window; what is told later may change it."


def by_workflow(cards: Sequence[Scorecard]) -> str:
    """Return the table of workflows."""
    rows = [(card.workflow, *_units(card.units), *_worth(card.worth, card.provisional), _money(card.units.value_nano_usd)) for card in cards]
    return table(("workflow", "units", "mature", "told", "useful", "cost per useful", "marginal", "value"), rows)


def by_name(found: Sequence[Owned], by: str) -> str:
    """Return the table of teams, applications or tenants."""
    rows = [
        (one.workflow, one.name or "(none)", str(one.calls), _cost(one.provisional), *_units(one.units), _worth(one.worth, one.provisional)[0]) for one in found
    ]
    return table(("workflow", by, "calls", "cost", "units", "mature", "told", "useful", "cost per useful"), rows)


def by_tags(found: Sequence[Tagged]) -> str:
    """Return the table of tags."""
    rows = [(one.workflow, f"{one.tag}={one.value}", str(one.calls), _amount(one.cost_nano_usd, one.coverage)) for one in found]
    return table(("workflow", "tag", "calls", "cost"), rows)


def card_data(card: Scorecard) -> dict[str, object]:
    """Return a workflow as data."""
    return {
        "workflow": card.workflow,
        "unit": card.unit,
        "calls": card.calls,
        "coverage": card.coverage,
        **_data(card.units, worth=card.worth, provisional=card.provisional),
    }


def owner_data(one: Owned, by: str) -> dict[str, object]:
    """Return a team, application or tenant as data."""
    return {"workflow": one.workflow, by: one.name, "calls": one.calls, **_data(one.units, worth=one.worth, provisional=one.provisional)}


def tag_data(one: Tagged) -> dict[str, object]:
    """Return a tag as data."""
    return {"workflow": one.workflow, "tag": one.tag, "value": one.value, "calls": one.calls, "cost_nano_usd": one.cost_nano_usd, "coverage": one.coverage}


def _data(units: Units, *, worth: Worth, provisional: Worth) -> dict[str, object]:
    return {
        "units": units.units,
        "matured": units.matured,
        "maturity": units.maturity,
        "outcome_coverage": units.outcome_coverage,
        "completion_rate": units.completion_rate,
        "useful": units.useful,
        "provisional_useful": units.provisional_useful,
        "reversed": units.reversed,
        "value_nano_usd": units.value_nano_usd,
        "cost_nano_usd": _parts(provisional.money),
        "cost_coverage": provisional.coverage,
        "cost_per_useful_nano_usd": worth.loaded_nano_usd,
        "marginal_cost_per_useful_nano_usd": worth.marginal_nano_usd,
        "provisional_cost_per_useful_nano_usd": provisional.loaded_nano_usd,
    }


def _parts(cost: Money) -> dict[str, int]:
    return {name: getattr(cost, name) for name in Money.__struct_fields__} | {"all": cost.loaded}


def _units(units: Units) -> tuple[str, str, str, str]:
    useful = "-" if not units.told else str(units.useful) if units.maturity == 1 else f"~ {units.provisional_useful}"
    return str(units.units), _share(units.maturity), _share(units.outcome_coverage), useful


def _worth(worth: Worth, provisional: Worth) -> tuple[str, str]:
    """Return what a useful outcome cost, of mature units if there are any, else as it looks so far."""
    is_mature = worth.loaded_nano_usd is not None
    one, mark = (worth, "") if is_mature else (provisional, "~ ")
    return _each(one.loaded_nano_usd, one.coverage, mark=mark), _each(one.marginal_nano_usd, one.coverage, mark=mark)


def _each(nano_usd: int | None, coverage: Coverage, *, mark: str) -> str:
    return "-" if nano_usd is None else mark + _amount(nano_usd, coverage)


def _cost(worth: Worth) -> str:
    return _amount(worth.money.loaded, worth.coverage)


def _amount(nano_usd: int, coverage: Coverage) -> str:
    if coverage is Coverage.UNKNOWN:
        return "unknown"
    return money(nano_usd) if coverage is Coverage.KNOWN else f"≥ {money(nano_usd)}"


def _money(nano_usd: int) -> str:
    return money(nano_usd) if nano_usd else "-"


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"
