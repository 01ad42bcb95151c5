"""
The routes of the admin API over the rooms, and its document. They are made when somebody first asks the admin listener for what it does not know itself.
"""

from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pointsman.app.control import Control
from pointsman.server.admin_guard import Guard, Visitor
from pointsman.server.api.document import document
from pointsman.server.api.money import MONEY
from pointsman.server.api.operation import DOCUMENT, JSON, Operation, routes_of
from pointsman.server.api.steering import STEERING

OPERATIONS: Final[tuple[Operation[Any], ...]] = (*STEERING, *MONEY)


def routes(control: Control, guard: Guard) -> list[Route]:
    """Return the routes."""

    async def told(request: Request, visitor: Visitor) -> Response:
        del request, visitor
        server = control.settings.server
        public = f"{'https' if server.tls is not None else 'http'}://{server.listen}"
        return Response(msgspec.json.encode(document(OPERATIONS, guard.declared, listen=public)), media_type=JSON)

    return [guard.route(DOCUMENT, told, permission="console.read"), *routes_of(OPERATIONS, control, guard=guard)]
