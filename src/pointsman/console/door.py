"""
What the console asks of the listener that carries it: routes with a permission, and who came. `server` has it; the two do not know each other.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pointsman.core.errors import PointsmanError
from pointsman.core.principal import Principal
from pointsman.intake.sessions import Session


class Visitor(Protocol):
    """Who came, once a route's permission is checked. `secret` is the session's; `form` holds what a POST carried."""

    @property
    def principal(self) -> Principal | None:
        """Who it is."""
        ...

    @property
    def session(self) -> Session | None:
        """The session of a browser."""
        ...

    @property
    def secret(self) -> str:
        """The session's secret, or ''."""
        ...

    @property
    def form(self) -> Mapping[str, str]:
        """What a POST carried."""
        ...


class Guard(Protocol):
    """Makes routes. `for_people` tells people of a refusal; with it nobody comes in without a session or a credential."""

    def route(
        self,
        path: str,
        work: Callable[[Request, Visitor], Awaitable[Response]],
        *,
        permission: str,
        method: str = ...,
        for_people: Callable[[Request, PointsmanError], Awaitable[Response]] | None = ...,
    ) -> Route:
        """Return a route that is answered for those with the permission."""
        ...
