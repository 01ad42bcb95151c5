"""
The admin listener: health, the snapshot in force, reload, who is shut out, changes that wait for approval. Loopback by default.

Each route declares who may use it (`admin_guard`); how people sign in belongs to `login` and `first_visit`. What else it carries, such as the console, is
given to it as `more`, and made when somebody first asks for it.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Match, Mount, Route, Router
from starlette.types import Scope

from pointsman.app.gateway import Gateway
from pointsman.core.errors import BadRequest, NotAuthenticated, NotPermitted, PointsmanError, UnknownRoute
from pointsman.intake.roles import POLICY_CHANGE
from pointsman.ledger.audit.record import Kind
from pointsman.server import login_pages
from pointsman.server.admin_control import control_routes
from pointsman.server.admin_guard import NO_STORE, OPEN, SIGNED_IN, Guard, Visitor
from pointsman.server.first_visit import FirstVisit
from pointsman.server.login import SignIn
from pointsman.server.problems import problem
from pointsman.telemetry.scrape import CONTENT_TYPE

_LONGEST_NAME = 500
_NOT_AUTHENTICATED = 401

More = Callable[[Gateway, Guard], Sequence[BaseRoute]]


def admin_app(gateway: Gateway, *, reload: Callable[[], None], trouble: Callable[[], str | None], more: More | None = None) -> Starlette:
    """
    Return the ASGI application.

    `reload` asks for the configuration to be read again; `trouble` tells why no call can be answered; `more` returns further routes, in another thread.
    """
    guard = Guard(gateway)
    pages = _Pages(gateway, reload=reload, trouble=trouble)

    async def refused(request: Request, error: Exception) -> Response:
        del request
        told = problem(error, gateway.new_id())
        return _told(told.status, code=told.code, message=told.message)

    routes = [*pages.routes(guard), *control_routes(gateway, guard), *SignIn(gateway, guard).routes(), *FirstVisit(gateway, guard).routes()]
    later = _Later(lambda: () if more is None else more(gateway, guard))

    async def nothing(request: Request, error: Exception) -> Response:
        del error
        methods, where = _methods([*routes, *later.routes], request.scope), quote(request.url.path[:100])  # as it came: it may be anybody's markup
        if request.method in methods or not methods:
            return _told(404, code=UnknownRoute.code, message=f"There is nothing at `{where}`. `GET /v1/admin/openapi.json` lists what there is.")
        allowed = ", ".join(sorted(methods))
        return _told(405, code=UnknownRoute.code, message=f"`{where}` does not answer {request.method[:20]}. Use {allowed}.", allow=allowed)

    handlers = {PointsmanError: refused, HTTPException: nothing, Exception: refused}
    app = Starlette(routes=[*routes, *([] if more is None else [Mount("", app=later)])], exception_handlers=handlers)
    app.router.redirect_slashes = False  # a path that is nearly a route is none
    app.state.declared = guard.declared
    return app


def _told(status: int, *, code: str, message: str, allow: str | None = None) -> Response:
    headers = {**NO_STORE, **({} if allow is None else {"allow": allow}), **({"www-authenticate": "Bearer"} if status == _NOT_AUTHENTICATED else {})}
    return JSONResponse({"error": {"code": code, "message": message}}, status_code=status, headers=headers)


def _methods(routes: Sequence[BaseRoute], scope: Scope) -> set[str]:
    """Return the methods that a path is answered for."""
    return {method for one in routes if isinstance(one, Route) and one.matches(scope)[0] is not Match.NONE for method in one.methods or ()}


class _Later:
    """Routes that are made when somebody first asks for one, off the loop: calls go on meanwhile, and nobody pays for a console that is not looked at."""

    def __init__(self, make: Callable[[], Sequence[BaseRoute]]) -> None:
        self._make = make
        self._router: Router | None = None
        self._making = asyncio.Lock()

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """Those that are made by now."""
        return () if self._router is None else self._router.routes

    async def __call__(self, scope: Scope, *ends: Any) -> None:  # what is heard and said (ASGI)
        async with self._making:
            if self._router is None:
                self._router = Router(routes=await asyncio.to_thread(self._make), redirect_slashes=False)
        await self._router(scope, *ends)


class _Pages:
    """What the routes do, once it is known who came."""

    def __init__(self, gateway: Gateway, *, reload: Callable[[], None], trouble: Callable[[], str | None]) -> None:
        self._gateway = gateway
        self._reload = reload
        self._trouble = trouble

    def routes(self, guard: Guard) -> list[Route]:
        """Return the routes, each with the permission it needs."""
        route = guard.route
        return [
            route("/livez", self._live, permission=OPEN),
            route("/readyz", self._ready, permission=OPEN),
            route("/metrics", self._metrics, permission="console.read"),
            route("/v1/admin/snapshot", self._snapshot, permission="admin"),
            route("/v1/admin/reload", self._again, permission="admin", method="POST"),
            route("/v1/admin/whoami", self._who, permission=SIGNED_IN),
            route("/v1/admin/sessions", self._sessions, permission="identity.revoke"),
            route("/v1/admin/revoke", self._revoke, permission="identity.revoke", method="POST"),
            route("/v1/admin/policy/pending", self._pending, permission="policy.read"),
            route("/v1/admin/policy/approve", self._approve, permission=POLICY_CHANGE, method="POST"),
            route("/policy", self._policy, permission="policy.read"),
        ]

    async def _live(self, request: Request, visitor: Visitor) -> Response:
        del request, visitor
        return JSONResponse({"status": "alive"})

    async def _ready(self, request: Request, visitor: Visitor) -> Response:
        del request, visitor
        told = self._trouble()
        notes = self._gateway.notes()
        body = {"status": "ready" if told is None else "not ready", "reason": told, **self._gateway.approvals.told, **({"notes": notes} if notes else {})}
        return JSONResponse(body, status_code=200 if told is None else 503)

    async def _metrics(self, request: Request, visitor: Visitor) -> Response:
        del request, visitor
        telemetry = self._gateway.telemetry
        if not telemetry.tells_metrics:
            return Response("`telemetry.metrics` is off.\n", status_code=404, media_type="text/plain")
        return Response(await asyncio.to_thread(telemetry.render_metrics), media_type=CONTENT_TYPE)

    async def _snapshot(self, request: Request, visitor: Visitor) -> Response:
        del request, visitor
        found = self._gateway.stages.snapshot
        return JSONResponse(
            {
                "snapshot": found.digest,
                "capabilities": {name: {"version": one.version, "ladder": [target.name for target in one.ladder]} for name, one in found.capabilities.items()},
                "missing_credentials": [error.message for error in self._gateway.missing],
            }
        )

    async def _again(self, request: Request, visitor: Visitor) -> Response:
        del request, visitor
        self._reload()
        return JSONResponse({"status": "asked"}, status_code=202)

    async def _who(self, request: Request, visitor: Visitor) -> Response:
        del request
        principal, roles = visitor.principal, self._gateway.stages.intake.others.roles
        if principal is None:
            raise NotAuthenticated("Nobody is signed in. Open `/login` in a browser, or send a key.")
        key = principal.key
        return JSONResponse(
            {
                "user": principal.user,
                "key": key.key_id,
                "tenant": key.tenant,
                "groups": sorted(key.groups),
                "roles": list(roles.names(key.groups)),
                "permissions": sorted(roles.of_groups(key.groups)),
                "scopes": sorted(key.scopes),
                "capabilities": None if key.capabilities is None else sorted(key.capabilities),
                "session": None if visitor.session is None else visitor.session.public_id,
            }
        )

    async def _sessions(self, request: Request, visitor: Visitor) -> Response:
        del request, visitor
        found = self._gateway.standing.register.sessions.all()
        shown = ({"session": one.public_id, "user": one.user, "began_s": one.began_s, "seen_s": one.seen_s} for one in found)
        return JSONResponse({"sessions": list(shown)})

    async def _revoke(self, request: Request, visitor: Visitor) -> Response:
        del request
        told = {kind: name for kind, name in visitor.form.items() if kind in {"subject", "token", "session"}}
        if len(told) != 1 or not 0 < len(next(iter(told.values()))) <= _LONGEST_NAME:
            raise BadRequest("Name one of `subject`, `token` and `session`, with whom or what is to be shut out.")
        kind, name = next(iter(told.items()))
        self._gateway.auditor.happened(Kind.KEY_REVOKED, facts={"what": kind})
        return JSONResponse({"revoked": kind, "name": name, "sessions_ended": self._gateway.standing.revoke(kind, name)})

    async def _pending(self, request: Request, visitor: Visitor) -> Response:
        del request, visitor
        pending = self._gateway.approvals.pending()
        if pending is None:
            return JSONResponse({"pending": None})
        told = {
            "digest": pending.digest,
            "needed": pending.needed,
            "approved_by": list(pending.approved_by),
            "difference": self._gateway.approvals.difference(),
        }
        return JSONResponse({"pending": told})

    async def _approve(self, request: Request, visitor: Visitor) -> Response:
        if visitor.session is None:
            raise NotPermitted(
                what="approvals: they take a person who signed in with a browser", who="" if visitor.principal is None else visitor.principal.key.key_id
            )
        pending = self._gateway.approvals.approve(visitor.form.get("digest", ""), visitor.session)
        self._gateway.auditor.happened(Kind.APPROVAL, actor=visitor.session.user, facts={"policy": pending.digest, "needed": pending.needed})
        self._reload()
        if "text/html" in request.headers.get("accept", ""):
            return RedirectResponse("/policy", status_code=303)
        return JSONResponse({"digest": pending.digest, "needed": pending.needed, "approved_by": list(pending.approved_by)})

    async def _policy(self, request: Request, visitor: Visitor) -> Response:
        del request
        approvals, principal = self._gateway.approvals, visitor.principal
        may = principal is not None and visitor.session is not None and self._gateway.stages.intake.others.roles.allows(principal, POLICY_CHANGE)
        shown = login_pages.pending_change(approvals.pending(), visitor.secret, difference=approvals.difference(), may_approve=may)
        return HTMLResponse(shown)
