"""
The part of the admin listener that shuts things off: what is off, and switching it. Each route declares who may use it, as `admin` does.
"""

import asyncio
from collections.abc import Sequence
from contextlib import closing

from msgspec.structs import asdict
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pointsman.app.gateway import Gateway
from pointsman.app.switches import Off, switch_off, switch_on
from pointsman.core.errors import BadRequest
from pointsman.ledger.audit.record import Kind
from pointsman.server.admin_guard import Guard, Visitor
from pointsman.storage.open import open_writing

_STATES = ("off", "on")


def control_routes(gateway: Gateway, guard: Guard) -> Sequence[Route]:
    """Return the routes over switches: `GET` and `POST /v1/admin/switches`."""

    async def shown(request: Request, visitor: Visitor) -> Response:
        del request, visitor
        return JSONResponse({"switches": [asdict(one) for one in gateway.switches.off]})

    async def switched(request: Request, visitor: Visitor) -> Response:
        del request
        form = visitor.form
        state, kind, name = form.get("state", ""), form.get("kind", ""), form.get("name", "")
        if state not in _STATES:
            raise BadRequest("Say in `state` whether the switch is to be `off` or `on`, and name its `kind` and `name`.", field="state")
        actor = _actor(visitor)
        off = Off(kind=kind, name=name, since_ms=gateway.clock.wall_ms(), actor=actor, reason=form.get("reason", ""))
        changed = await asyncio.to_thread(_switch, gateway, off, is_off=state == "off")
        gateway.auditor.happened(Kind.ADMIN, actor=actor, facts={"what": f"switched_{state}", "kind": kind, "name": name, "reason": off.reason})
        return JSONResponse({"kind": kind, "name": name, "state": state, "changed": changed})

    return [
        guard.route("/v1/admin/switches", shown, permission="admin"),
        guard.route("/v1/admin/switches", switched, permission="admin", method="POST"),
    ]


def _switch(gateway: Gateway, off: Off, *, is_off: bool) -> bool:
    with closing(open_writing(gateway.switches.place)) as db:
        if not is_off:
            return switch_on(db, off.kind, name=off.name)
        switch_off(db, off)
        return True


def _actor(visitor: Visitor) -> str:
    if visitor.session is not None:
        return visitor.session.user
    return "" if visitor.principal is None else f"key {visitor.principal.key.key_id}"
