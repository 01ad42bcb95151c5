"""
The simulated vendor: an HTTP server that speaks OpenAI Chat Completions and Anthropic Messages.

Plainly named `simulated` wherever it shows itself. `/simulated/faults` makes the next requests fail, `/simulated/requests` tells what arrived.
"""

import asyncio
from collections import deque
from dataclasses import asdict
from typing import Annotated, Final

import msgspec

from pointsman.cli.simulated import anthropic_messages, openai_chat
from pointsman.cli.simulated.asked import Asked
from pointsman.cli.simulated.behaviour import Behaviour
from pointsman.cli.simulated.connection import Client, Request
from pointsman.cli.simulated.conversation import Unreadable
from pointsman.cli.simulated.faults import EVERY_MODEL, Fault, Faults, UnknownFault, fault_of
from pointsman.cli.simulated.mind import answer, refused
from pointsman.cli.simulated.protocol import Protocol
from pointsman.cli.simulated.wire import Exchange, Record, head

_PROTOCOLS: Final = {protocol.path: protocol for protocol in (openai_chat.OPENAI, anthropic_messages.ANTHROPIC)}
_KEPT: Final = 200


class _FaultBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    fault: str
    model: str = EVERY_MODEL
    count: Annotated[int, msgspec.Meta(ge=1)] | None = None
    amount: float | None = None


class _Which(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    model: str | None = None


class Vendor:
    """Answers the requests of one simulated vendor."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._served = 0
        self.faults = Faults()
        self.records: deque[Record] = deque(maxlen=_KEPT)

    async def answer(self, request: Request, client: Client) -> None:
        """Answer one request."""
        protocol = _PROTOCOLS.get(request.path)
        if request.path.startswith("/simulated/"):
            self._control(request, client)
        elif protocol is not None and request.method == "POST":
            await self._call(request, client, protocol=protocol)
        else:
            self._other(request, client)

    def refuse(self, message: str, client: Client) -> None:
        """Answer bytes that are no request."""
        client.keeps_alive = False
        _send(client, 400, body=openai_chat.error(400, message, number=""))

    # ── the vendor's own routes ─────────────────────────────────────────────────────────────────────────────────────

    async def _call(self, request: Request, client: Client, *, protocol: Protocol) -> None:
        record = Record(number=self._number(), path=request.path, headers=request.headers, body=_json(request.body))
        self.records.append(record)
        exchange = Exchange(client=client, protocol=protocol, record=record, behaviour=self._behaviour)
        try:
            await self._exchange(request, exchange)
        except asyncio.CancelledError:
            record.ended = "client_left"
            raise

    async def _exchange(self, request: Request, exchange: Exchange) -> None:
        if not self._may_ask(request):
            exchange.refuse(401, "Incorrect API key provided. Any key will do for the simulated vendor, but one must be sent.")
            return
        if exchange.protocol is anthropic_messages.ANTHROPIC and request.header("anthropic-version") is None:
            exchange.refuse(400, "anthropic-version: header is required")
            return
        try:
            asked = exchange.protocol.read(request.body)
            fault = self._fault(asked)
        except (Unreadable, UnknownFault) as error:
            exchange.refuse(400, str(error))
            return
        except (KeyError, TypeError, AttributeError, ValueError) as error:  # a field of another shape than the vendor's
            exchange.refuse(400, f"The request has a field of the wrong shape ({error!r}).")
            return
        exchange.record.model, exchange.record.fault = asked.model, None if fault is None else fault.name
        model = self._behaviour.model(asked.model)
        if model is None:
            exchange.refuse(404, f"The model `{asked.model[:100]}` does not exist or you do not have access to it.")
        elif asked.tokens_in > model.context_tokens:
            exchange.fail(400, exchange.protocol.too_long_error(exchange.record.number))
        elif fault is None or not await exchange.send_fault(asked, fault):
            is_refusal = fault is not None and fault.name == "refuse_content"
            await exchange.send(asked, refused() if is_refusal else answer(asked, model, behaviour=self._behaviour), model=model, fault=fault)

    def _fault(self, asked: Asked) -> Fault | None:
        return self.faults.take(asked.model) if asked.fault is None else fault_of(asked.fault)

    def _may_ask(self, request: Request) -> bool:
        bearer = (request.header("authorization") or "").removeprefix("Bearer ").strip()
        sent = request.header("x-api-key") or bearer
        return bool(sent) if self._behaviour.credential is None else sent == self._behaviour.credential

    def _other(self, request: Request, client: Client) -> None:
        speaks = anthropic_messages if request.header("anthropic-version") is not None else openai_chat
        names = tuple(model.name for model in self._behaviour.models)
        if (request.method, request.path) != ("GET", "/v1/models"):
            status, body = 404, speaks.error(404, f"Unknown request URL: {request.method} {request.path[:100]}", number=self._number())
        elif not self._may_ask(request):
            status, body = 401, speaks.error(401, "You didn't provide an API key.", number=self._number())
        else:
            status, body = 200, speaks.models(names)
        _send(client, status, body=body)

    def _number(self) -> str:
        self._served += 1
        return f"sim{self._served:08d}"

    # ── control ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _control(self, request: Request, client: Client) -> None:
        try:
            status, told = self._controlled(request)
        except (msgspec.DecodeError, UnknownFault) as error:
            status, told = 400, {"error": {"message": str(error)}}
        _send(client, status, body=msgspec.json.encode(told))

    def _controlled(self, request: Request) -> tuple[int, object]:
        match (request.method, request.path):
            case ("POST", "/simulated/faults"):
                told = msgspec.json.decode(request.body, type=_FaultBody)
                fault = fault_of(told.fault)
                self.faults.set(told.model, fault if told.amount is None else Fault(fault.name, told.amount), count=told.count)
                return 200, {"faults": self.faults.listed()}
            case ("DELETE", "/simulated/faults"):
                self.faults.clear(msgspec.json.decode(request.body or b"{}", type=_Which).model)
                return 200, {"faults": self.faults.listed()}
            case ("GET", "/simulated/faults"):
                return 200, {"faults": self.faults.listed()}
            case ("GET", "/simulated/requests"):
                return 200, {"requests": [asdict(record) for record in self.records]}
            case ("DELETE", "/simulated/requests"):
                self.records.clear()
                return 200, {"requests": []}
            case _:
                return 404, {"error": {"message": "The simulated vendor has `/simulated/faults` and `/simulated/requests`."}}


class Running:
    """A simulated vendor that listens. `vendor` gives access to its faults and records from the same process."""

    def __init__(self, vendor: Vendor, server: asyncio.Server, *, clients: set[Client]) -> None:
        self.vendor = vendor
        self.port: int = server.sockets[0].getsockname()[1]
        self._server = server
        self._clients = clients

    @property
    def url(self) -> str:
        """Where it listens, without a path."""
        return f"http://127.0.0.1:{self.port}"

    async def close(self) -> None:
        """Stop listening and drop every client."""
        self._server.close()
        work = [task for client in list(self._clients) if (task := client.drop()) is not None]
        await asyncio.gather(*work, return_exceptions=True)


async def start(behaviour: Behaviour, host: str = "127.0.0.1", *, port: int = 0) -> Running:
    """Start a simulated vendor in this process; port 0 takes a free one."""
    vendor = Vendor(behaviour)
    clients: set[Client] = set()
    server = await asyncio.get_running_loop().create_server(lambda: Client(vendor.answer, vendor.refuse, everyone=clients), host, port)
    return Running(vendor, server, clients=clients)


def _send(client: Client, status: int, *, body: bytes) -> None:
    client.write(head(status, {"content-type": "application/json", "content-length": str(len(body))}, keeps_alive=client.keeps_alive) + body)


def _json(body: bytes) -> object:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body[:1000].decode("utf-8", "replace")
