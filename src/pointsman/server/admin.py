"""
The admin listener: health, the snapshot in force, reload. Loopback by default; another address needs a key with the scope `admin`.
"""

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pointsman.app.gateway import Gateway
from pointsman.core.errors import NotPermitted, PointsmanError
from pointsman.core.principal import Scope
from pointsman.server.browsers import check_name
from pointsman.server.problems import problem


def admin_app(gateway: Gateway, *, reload: Callable[[], None], trouble: Callable[[], str | None]) -> Starlette:
    """Return the ASGI application. `reload` asks for the configuration to be read again; `trouble` tells why no call can be answered."""

    def guard(request: Request) -> None:
        intake = gateway.stages.intake
        if intake.is_open:
            check_name(request.headers.get("host"))
        key = intake.identify(request.headers.get("authorization"), request.headers.get("x-api-key"), user=None).key
        if Scope.ADMIN not in key.scopes:
            raise NotPermitted(what="administration (scope `admin`)", who=key.key_id)

    async def live(request: Request) -> Response:
        del request
        return JSONResponse({"status": "alive"})

    async def ready(request: Request) -> Response:
        del request
        told = trouble()
        return JSONResponse({"status": "ready" if told is None else "not ready", "reason": told}, status_code=200 if told is None else 503)

    async def snapshot(request: Request) -> Response:
        guard(request)
        found = gateway.stages.snapshot
        return JSONResponse(
            {
                "snapshot": found.digest,
                "capabilities": {name: {"version": one.version, "ladder": [target.name for target in one.ladder]} for name, one in found.capabilities.items()},
                "missing_credentials": [error.message for error in gateway.missing],
            }
        )

    async def again(request: Request) -> Response:
        guard(request)
        reload()
        return JSONResponse({"status": "asked"}, status_code=202)

    async def refused(request: Request, error: Exception) -> Response:
        del request
        told = problem(error, gateway.new_id())
        return JSONResponse({"error": {"code": told.code, "message": told.message}}, status_code=told.status)

    return Starlette(
        routes=[
            Route("/livez", live),
            Route("/readyz", ready),
            Route("/v1/admin/snapshot", snapshot),
            Route("/v1/admin/reload", again, methods=["POST"]),
        ],
        exception_handlers={PointsmanError: refused},
    )
