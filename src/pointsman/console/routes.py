"""
The pages of the console, each with its address and the permission that it needs. `app/control.py` gives what they show, the admin listener carries them.
"""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pointsman.console.assets import PREFIX
from pointsman.console.control_protocol import Control
from pointsman.console.door import Guard, Visitor
from pointsman.console.frame import READ, Ask, Frame, Shown
from pointsman.console.pages.call import call
from pointsman.console.pages.calls import calls
from pointsman.console.pages.cost import cost, cost_file
from pointsman.console.pages.cost_budgets import cost_budgets
from pointsman.console.pages.cost_exports import cost_exports, focus_file
from pointsman.console.pages.cost_outcomes import cost_outcomes, outcomes_file
from pointsman.console.pages.cost_savings import cost_savings
from pointsman.console.pages.explain import explain
from pointsman.console.pages.incidents import close, incident, incident_list, note, open_incident
from pointsman.console.pages.keys import keys
from pointsman.console.pages.learning import learning
from pointsman.console.pages.objectives import objectives
from pointsman.console.pages.overview import overview
from pointsman.console.pages.rollback import ask_rollback, roll_back
from pointsman.console.pages.settings import settings, snapshot
from pointsman.console.pages.unit import unit
from pointsman.console.pages.vendors import ask_switch, switch, vendors
from pointsman.console.pages.what_if import what_if
from pointsman.console.pages.workflow import workflow, workflows
from pointsman.core.errors import UnknownRoute
from pointsman.storage.sql import Database

_EVERYBODY = ""
_CHANGE = "admin"


def routes(control: Control, guard: Guard) -> Sequence[Route]:
    """Return the routes of the console."""
    frame = Frame(control, guard)

    async def static(request: Request, visitor: Visitor) -> Response:
        del visitor
        return frame.assets.answer(request)

    async def theme(request: Request, visitor: Visitor) -> Response:
        return frame.set_theme(request, visitor)

    return [
        *_money(frame),
        *_operation(frame),
        guard.route(PREFIX + "{name}", static, permission=_EVERYBODY, for_people=frame.refused),
        guard.route("/console/theme", theme, permission=READ, method="POST", for_people=frame.refused),
        frame.page("/console", overview),
        frame.page("/console/workflows", workflows),
        frame.page("/console/workflows/{name:path}", workflow),
        frame.page("/console/calls", calls),
        frame.page("/console/calls/{call_id}", call),
        frame.page("/console/units/{workflow}/{unit:path}", unit),
        frame.page("/console/explain", explain),
        frame.page("/console/explain", explain, method="POST"),
        frame.page("/console/learning", learning),
        frame.page("/console/keys", keys),
        frame.page("/console/settings", settings),
        frame.page("/console/settings/{digest}", snapshot, permission="policy.read"),
        frame.page("/console/{rest:path}", _nothing),  # the last: what no other route knows
    ]


def _nothing(ask: Ask, db: Database) -> Shown:
    del db
    raise UnknownRoute(f"There is nothing at `/console/{ask.path['rest'][:200]}`.")


def _money(frame: Frame) -> Sequence[Route]:
    return [
        frame.page("/console/cost", cost),
        frame.page("/console/cost.csv", cost_file),
        frame.page("/console/cost/outcomes", cost_outcomes),
        frame.page("/console/cost/outcomes.csv", outcomes_file),
        frame.page("/console/cost/budgets", cost_budgets),
        frame.page("/console/cost/savings", cost_savings),
        frame.page("/console/cost/what-if", what_if),
        frame.page("/console/cost/exports", cost_exports),
        frame.page("/console/cost/focus.csv", focus_file),
    ]


def _operation(frame: Frame) -> Sequence[Route]:
    one = "/console/incidents/{incident_id}"
    return [
        frame.page("/console/vendors", vendors),
        frame.page("/console/vendors/switch", ask_switch, permission=_CHANGE),
        frame.page("/console/vendors/switch", switch, permission=_CHANGE, method="POST"),
        frame.page("/console/objectives", objectives),
        frame.page("/console/rollback", ask_rollback, permission=_CHANGE),
        frame.page("/console/rollback", roll_back, permission=_CHANGE, method="POST"),
        frame.page("/console/incidents", incident_list),
        frame.page("/console/incidents", open_incident, permission=_CHANGE, method="POST"),
        frame.page(one, incident),
        frame.page(one + "/note", note, permission=_CHANGE, method="POST"),
        frame.page(one + "/close", close, permission=_CHANGE, method="POST"),
    ]
