"""
One unit of business: every call that worked on it, what was told about it, and what it cost with people's minutes.
"""

from typing import Final

from pointsman.console.frame import Ask, Shown
from pointsman.core.errors import UnknownRoute
from pointsman.storage.database import query
from pointsman.storage.sql import Database

_MOST: Final = 200


def unit(ask: Ask, db: Database) -> Shown:
    """Show one unit. Raises `UnknownRoute`."""
    values = {"tenant": ask.word("tenant") or "default", "workflow": ask.path["workflow"], "unit": ask.path["unit"]}
    found = db.rows(query("console/units"), values)
    if not found:
        raise UnknownRoute(
            f"There is no unit `{values['unit'][:100]}` of `{values['workflow'][:100]}`. Name it as the calls do (`x-pointsman-unit`), and its tenant."
        )
    bounded = {**values, "most": _MOST}
    told = ask.control.workflows.get(values["workflow"])
    return Shown(
        template="unit.html",
        title=values["unit"],
        has_span=False,
        values={
            "row": found[0],
            "unit_name": "request" if told is None else told.unit,
            "calls": db.rows(query("console/unit_calls"), bounded),
            "outcomes": db.rows(query("console/unit_outcomes"), bounded),
            "charges": db.rows(query("console/unit_charges"), bounded),
            "most": _MOST,
        },
    )
