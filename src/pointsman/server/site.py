"""
Paths → handlers, for the listener that applications talk to.
"""

from collections.abc import Awaitable, Callable, Mapping

import msgspec

from pointsman.app.gateway import Gateway
from pointsman.core.errors import PointsmanError, UnknownCapability, UnknownRoute
from pointsman.server import answers
from pointsman.server.calls import answer_call, refuse
from pointsman.server.listener import Client
from pointsman.server.outcomes import read_outcome
from pointsman.server.request import Request
from pointsman.surfaces.registry import BY_PATH, OPENAI
from pointsman.surfaces.surface import Surface

Handler = Callable[[Request, Client], Awaitable[None]]


class Site:
    """Answers the requests of one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._routes: Mapping[tuple[str, str], Handler] = {
            **{("POST", path): self._calls(surface) for path, surface in BY_PATH.items()},
            ("GET", "/v1/models"): self._models,
            ("POST", "/v1/outcomes"): self._outcomes,
            ("GET", "/livez"): self._live,
            ("GET", "/readyz"): self._ready,
        }

    async def answer(self, request: Request, client: Client) -> None:
        """Answer one request."""
        handler = self._routes.get((request.method, request.path))
        if handler is not None:
            await handler(request, client)
        elif request.method == "GET" and request.path.startswith("/v1/models/"):
            await self._model(request, client)
        else:
            self.refuse(self._unknown(request), client, surface=BY_PATH.get(request.path, OPENAI))

    def refuse(self, error: Exception, client: Client, *, surface: Surface = OPENAI) -> None:
        """Answer what is no call; bytes that are no request are told in the OpenAI shape."""
        refuse(error, client, surface=surface, call_id=self._gateway.new_id())

    def _calls(self, surface: Surface) -> Handler:
        gateway = self._gateway

        async def handle(request: Request, client: Client) -> None:
            await answer_call(request, client, surface=surface, gateway=gateway)

        return handle

    async def _models(self, request: Request, client: Client) -> None:
        surface = _surface_of(request)
        try:
            names = self._gateway.capabilities(request.header("authorization"), request.header("x-api-key"))
        except PointsmanError as error:
            self.refuse(error, client, surface=surface)
            return
        client.write(answers.whole(200, surface.models(names), keep_alive=client.keeps_alive))

    async def _model(self, request: Request, client: Client) -> None:
        surface = _surface_of(request)
        name = request.path.removeprefix("/v1/models/")
        try:
            names = self._gateway.capabilities(request.header("authorization"), request.header("x-api-key"))
            if name not in names:
                raise UnknownCapability(name=name)
        except PointsmanError as error:
            self.refuse(error, client, surface=surface)
            return
        listed = msgspec.json.decode(surface.models((name,)))
        client.write(answers.whole(200, msgspec.json.encode(listed["data"][0]), keep_alive=client.keeps_alive))

    async def _outcomes(self, request: Request, client: Client) -> None:
        gateway = self._gateway
        try:
            principal = gateway.stages.intake.identify(request.header("authorization"), request.header("x-api-key"), user=None)
            outcome = read_outcome(request.body, principal, new_id=gateway.new_id, now_ms=gateway.clock.wall_ms())
            await gateway.record_outcome(outcome)
        except PointsmanError as error:
            self.refuse(error, client)
            return
        body = msgspec.json.encode({"id": outcome.outcome_id, "unit": outcome.unit, "kind": outcome.kind, "recorded": True})
        client.write(answers.whole(201, body, keep_alive=client.keeps_alive))

    async def _live(self, request: Request, client: Client) -> None:
        del request
        client.write(answers.whole(200, b'{"status":"alive"}', keep_alive=client.keeps_alive))

    async def _ready(self, request: Request, client: Client) -> None:
        del request
        trouble = self._gateway.trouble()
        if trouble is None:
            body, status = {"status": "ready", "snapshot": self._gateway.stages.snapshot.digest}, 200
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
    return BY_PATH["/v1/messages"] if request.header("anthropic-version") is not None else OPENAI
