"""
Paths → handlers, for the listener that applications talk to.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import unquote

import msgspec

from pointsman.app.gateway import Gateway
from pointsman.core.errors import PointsmanError, Stopping, UnknownCapability, UnknownRoute
from pointsman.server import answers
from pointsman.server.browsers import check_name
from pointsman.server.calls import answer_call, refuse
from pointsman.server.listener import Client
from pointsman.server.request import Request
from pointsman.server.told import WEBHOOKS, told_routes, webhook_route
from pointsman.surfaces.registry import BY_PATH, OPENAI
from pointsman.surfaces.surface import Surface

_MODEL: Final = "/v1/models/"

Handler = Callable[[Request, Client], Awaitable[None]]


class Site:
    """Answers the requests of one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._is_draining = False
        self._routes: Mapping[tuple[str, str], Handler] = {
            **{("POST", path): self._calls(surface) for path, surface in BY_PATH.items()},
            ("GET", "/v1/models"): self._models,
            **told_routes(gateway),
            ("GET", "/livez"): self._live,
            ("GET", "/readyz"): self._ready,
        }
        # Routes whose path ends in a name. There is no route beside these two tables.
        self._named: Mapping[tuple[str, str], Handler] = {("GET", _MODEL): self._model, ("POST", WEBHOOKS): webhook_route(gateway)}

    @property
    def routes(self) -> frozenset[tuple[str, str]]:
        """Every route as method and path; a path that ends in `/` has a name behind it."""
        return frozenset((*self._routes, *self._named))

    async def answer(self, request: Request, client: Client) -> None:
        """Answer one request; whatever goes wrong is told in the caller's dialect."""
        try:
            handler = self._handler(request)
            if self._gateway.stages.intake.is_open:
                check_name(request.header("host"))
            await self._gateway.standing.ready_for(request.header("authorization"), request.header("x-api-key"))
            await handler(request, client)
        except Exception as error:  # noqa: BLE001 - the last line of defence: the caller gets an answer, the log gets the error
            call_id = self._gateway.new_id()
            self._gateway.note(error, call_id)
            refuse(error, client, surface=_surface_of(request), call_id=call_id)

    def refuse(self, error: PointsmanError, client: Client) -> None:
        """Answer bytes that are no request, in the shape of the path's dialect as far as that is known."""
        refuse(error, client, surface=BY_PATH.get(client.path, OPENAI), call_id=self._gateway.new_id())

    def drain(self) -> None:
        """Refuse new calls from now on; those under way go on."""
        self._is_draining = True

    def trouble(self) -> str | None:
        """Return why no call can be answered, or None."""
        return "it is stopping" if self._is_draining else self._gateway.trouble()

    def _handler(self, request: Request) -> Handler:
        # A load balancer may ask with HEAD; the listener leaves the body out.
        method = "GET" if request.method == "HEAD" else request.method
        handler = self._routes.get((method, request.path))
        if handler is not None:
            return handler
        for (named, start), handler in self._named.items():
            if method == named and request.path.startswith(start):
                return handler
        raise self._unknown(request)

    def _calls(self, surface: Surface) -> Handler:
        gateway = self._gateway

        def handle(request: Request, client: Client) -> Awaitable[None]:
            if self._is_draining:
                client.close_when_idle()
                raise Stopping("This gateway is stopping and takes no new calls. Try again: another one answers, or this one once it is back.")
            return answer_call(request, client, surface=surface, gateway=gateway)

        return handle

    async def _models(self, request: Request, client: Client) -> None:
        client.write(answers.whole(200, _surface_of(request).models(self._listed(request)), keep_alive=client.keeps_alive))

    async def _model(self, request: Request, client: Client) -> None:
        name = unquote(request.path.removeprefix(_MODEL))
        if name not in self._listed(request):
            raise UnknownCapability(name=name)
        listed = msgspec.json.decode(_surface_of(request).models((name,)))
        client.write(answers.whole(200, msgspec.json.encode(listed["data"][0]), keep_alive=client.keeps_alive))

    def _listed(self, request: Request) -> tuple[str, ...]:
        return self._gateway.capabilities(request.header("authorization"), request.header("x-api-key"))

    async def _live(self, request: Request, client: Client) -> None:
        del request
        client.write(answers.whole(200, b'{"status":"alive"}', keep_alive=client.keeps_alive))

    async def _ready(self, request: Request, client: Client) -> None:
        del request
        trouble = self.trouble()
        if trouble is None:
            body, status = {"status": "ready", "snapshot": self._gateway.stages.snapshot.digest, **self._gateway.approvals.told}, 200
        else:
            body, status = {"status": "not ready", "reason": trouble}, 503
        client.write(answers.whole(status, msgspec.json.encode(body), keep_alive=client.keeps_alive))

    def _unknown(self, request: Request) -> PointsmanError:
        methods = sorted(method for method, path in self._routes if path == request.path)
        if methods:
            return UnknownRoute(f"`{request.path}` does not answer {request.method}. Use {' or '.join(methods)}.")
        return UnknownRoute(f"There is nothing at `{request.path[:100]}`. Calls go to {' and '.join(f'`{path}`' for path in BY_PATH)}.")


def _surface_of(request: Request) -> Surface:
    # Anthropic's clients name the version of their protocol with every request.
    usual = BY_PATH["/v1/messages"] if request.header("anthropic-version") is not None else OPENAI
    return BY_PATH.get(request.path, usual)
