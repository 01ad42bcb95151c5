"""
One operation of the admin API over the rooms: what it is asked, what it answers, and how a request becomes the one and the other.

A question stands behind the `?` of a GET, or in the body of a POST. Every field is known, named once and checked; what is not is a `BadRequest`.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final, Generic, TypeVar

import anyio
import anyio.to_thread
import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pointsman.app.control import Control
from pointsman.core.errors import BadRequest, LedgerUnavailable
from pointsman.server.admin_guard import Guard, Visitor
from pointsman.surfaces.names import checked

JSON: Final = "application/json"
DOCUMENT: Final = "/v1/admin/openapi.json"
_AT_ONCE: Final = 2  # more would only wait for each other, while calls go on

T = TypeVar("T")


class Nothing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing is asked."""


class Ask(Struct, Generic[T], frozen=True, kw_only=True):
    """What somebody asks: `told` is read from the query or the body, `name` stands in the path, `actor` is who asks as it goes on record."""

    control: Control
    actor: str
    name: str
    told: T


class Operation(Struct, Generic[T], frozen=True, kw_only=True):
    """
    One operation. `asked` is the shape of the query (GET) or body (POST), `answer` that of what `work` returns for a thread, `says` what it does.

    `permission` is checked by the guard.
    """

    method: str
    path: str
    permission: str
    says: str
    asked: type[T]
    answer: Any
    work: Callable[[Ask[T]], object]
    status: int = 200


def routes_of(operations: Iterable[Operation[Any]], control: Control, *, guard: Guard) -> list[Route]:
    """Return the routes of operations."""
    limiter = anyio.CapacityLimiter(_AT_ONCE)
    return [_route(one, control, guard=guard, limiter=limiter) for one in operations]


def asked_of(shape: type[T], pairs: Iterable[tuple[str, str | int]], *, is_json: bool = False) -> T:
    """
    Return what is asked, from names and values; a number may be told as text except in JSON.

    Raises `BadRequest` for a name that is unknown or comes twice, and for a value that is none.
    """
    told: dict[str, str | int] = {}
    for name, value in pairs:
        if name in told:
            raise BadRequest(f"`{name[:40]}` is there twice. Send it once.", field=name[:40])
        told[name] = value
    try:
        found = msgspec.convert(told, shape, strict=is_json)
    except msgspec.ValidationError as error:
        raise BadRequest(f"The question cannot be read: {error}. `GET {DOCUMENT}` tells what may be asked.") from error
    for name in told:
        if getattr(found, name) is None:  # the library reads the word `null` as nothing
            raise BadRequest(f"`{name}` has no value. Leave it out, or send one.", field=name)
    return found


def _route(one: Operation[Any], control: Control, *, guard: Guard, limiter: anyio.CapacityLimiter) -> Route:
    async def answer(request: Request, visitor: Visitor) -> Response:
        pairs = _fields(visitor) if one.method == "POST" else request.query_params.multi_items()
        told = asked_of(one.asked, pairs, is_json=visitor.is_json)
        ask = Ask[Any](control=control, actor=_actor(visitor), name=_name(request.path_params), told=told)
        found = await anyio.to_thread.run_sync(partial(_done, one.work, ask), limiter=limiter)
        return Response(msgspec.json.encode(found), status_code=one.status, media_type=JSON)

    return guard.route(one.path, answer, permission=one.permission, method=one.method)


def _done(work: Callable[[Ask[Any]], object], ask: Ask[Any]) -> object:
    try:
        return work(ask)
    except sqlite3.Error as error:
        raise LedgerUnavailable(f"The ledger cannot be asked now ({type(error).__name__}). Try again; `GET /readyz` tells of what lasts.") from error


def _fields(visitor: Visitor) -> Iterable[tuple[str, str | int]]:
    return [(name, value) for name, value in (*visitor.form.items(), *visitor.numbers.items()) if name != "csrf"]  # that word is the guard's


def _name(path: Mapping[str, Any]) -> str:
    return "".join(checked(str(value), field=name) for name, value in path.items())


def _actor(visitor: Visitor) -> str:
    principal = visitor.principal
    return "" if principal is None else principal.user or f"key {principal.key.key_id}"
