"""
The OpenAPI 3.1 document: of the admin API, and of the routes by which outcomes are told. Made from the shapes that the routes read and answer with.
"""

from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from typing import Any, Final, cast

import msgspec
from msgspec import Struct

from pointsman.server.admin_guard import OPEN
from pointsman.server.api import shapes
from pointsman.server.api.operation import DOCUMENT, JSON, Operation
from pointsman.server.judgements import ToldReview, ToldScore
from pointsman.server.outcomes import MOST, ToldOutcome

_FORM: Final = "application/x-www-form-urlencoded"
_REFERENCE: Final = "#/components/schemas/{name}"
_MEANINGS: Final[Mapping[int, str]] = {
    400: "It cannot be read, or names something that is not there.",
    401: "Nobody showed who they are.",
    402: "Money is used up.",
    403: "The permission is missing.",
    404: "There is nothing of this name.",
    500: "Something unexpected went wrong.",
    502: "The configuration does not allow it.",
    503: "It cannot be done now; try again.",
}


class Described(Struct, frozen=True, kw_only=True):
    """A route as the document tells it. `answers` are shapes by status; `many` is the name under which the body may hold a list instead of one."""

    method: str
    path: str
    says: str
    answers: Mapping[int, tuple[Any, ...]]
    body: Any = None
    query: Any = None
    many: str = ""


class _Free(Struct, frozen=True, kw_only=True):
    """Any JSON object."""


_ADMIN: Final = (
    Described(method="GET", path="/livez", says="The process runs.", answers={200: (shapes.Alive,)}),
    Described(method="GET", path="/readyz", says="Whether calls can be taken.", answers={200: (shapes.Ready,), 503: (shapes.Ready,)}),
    Described(method="GET", path="/v1/admin/snapshot", says="The snapshot in force.", answers={200: (shapes.InForce,)}),
    Described(method="POST", path="/v1/admin/reload", says="Read the configuration again now.", answers={202: (shapes.Asked,)}),
    Described(method="GET", path="/v1/admin/whoami", says="Who asks, and what they may do.", answers={200: (shapes.Who,)}),
    Described(method="GET", path="/v1/admin/sessions", says="Who is signed in.", answers={200: (shapes.Sessions,)}),
    Described(method="POST", path="/v1/admin/revoke", says="Shut out a person, a token or a session.", answers={200: (shapes.Revoked,)}, body=shapes.Revoke),
    Described(method="GET", path="/v1/admin/policy/pending", says="The change that waits for approval.", answers={200: (shapes.PendingShown,)}),
    Described(
        method="POST",
        path="/v1/admin/policy/approve",
        says="Approve the change that waits; for people who signed in.",
        answers={200: (shapes.Approved,)},
        body=shapes.Approve,
    ),
    Described(method="GET", path="/v1/admin/switches", says="What is switched off.", answers={200: (shapes.SwitchesShown,)}),
    Described(
        method="POST",
        path="/v1/admin/switches",
        says="Shut off a vendor, target or capability, or let it run again.",
        answers={200: (shapes.Switched,)},
        body=shapes.Switch,
    ),
    Described(method="GET", path=DOCUMENT, says="This document.", answers={200: (_Free,)}),
)

_PUBLIC: Final = tuple(
    Described(
        method="POST",
        path=f"/v1/{many}",
        says=f"Tell {what} of a {about}, or up to {MOST:,}.",
        answers={200: (several,), 201: (one, several), 400: (shapes.PublicProblem, several)},
        body=body,
        many=many,
    )
    for many, what, about, body, one, several in (
        ("outcomes", "an outcome", "business unit", ToldOutcome, shapes.OutcomeRecorded, shapes.ManyOutcomes),
        ("reviews", "a review", "call", ToldReview, shapes.JudgementRecorded, shapes.ManyReviews),
        ("scores", "a score", "call", ToldScore, shapes.JudgementRecorded, shapes.ManyScores),
    )
)
_WEBHOOK: Final = Described(
    method="POST",
    path="/v1/webhooks/{name}",
    says="What another system tells by itself, signed with a shared key in the header that `webhooks.NAME.signature` names.",
    answers={200: (shapes.NotMeant,), 201: (shapes.OutcomeRecorded,)},
    body=_Free,
)


def document(operations: Iterable[Operation[Any]], declared: Mapping[tuple[str, str], str], *, listen: str) -> dict[str, Any]:
    """
    Return the document.

    `declared` are the admin listener's routes with their permissions; `listen` is where applications reach the gateway.
    """
    admin = [*_ADMIN, *(_described(one) for one in operations)]
    public = [*_PUBLIC, _WEBHOOK]
    schemas = _schemas([*admin, *public])
    paths: dict[str, dict[str, Any]] = {}
    for one in admin:
        permission = declared.get((one.method, one.path), "")
        security: list[Mapping[str, Any]] = [] if permission == OPEN else [{"bearer": []}, {"apiKey": []}, {"session": []}]
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, schemas, problem=shapes.Problem) | {
            "security": security,
            "x-pointsman-permission": permission,
        }
    for one in public:
        security = [] if one is _WEBHOOK else [{"bearer": []}, {"apiKey": []}]
        told = _operation(one, schemas, problem=shapes.PublicProblem) | {"security": security, "servers": [{"url": listen}]}
        paths.setdefault(one.path, {})[one.method.lower()] = told
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Pointsman",
            "version": version("pointsman"),
            "summary": "The admin API, and how outcomes are told.",
            "description": "Money is in nano-dollars (a billionth of a US dollar), times are Unix milliseconds (UTC) unless a name says otherwise.",
        },
        "servers": [{"url": "/", "description": "The admin listener."}],
        "paths": paths,
        "components": {"schemas": {name: one for name, one in schemas.items() if name not in _queries(admin)}, "securitySchemes": _SCHEMES},
    }


_SCHEMES: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key of Pointsman, or a token of an issuer."},
    "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "pointsman",
        "description": "A person who signed in (`__Host-pointsman` over HTTPS). A POST says its word in the field `csrf` or the header `x-csrf-token`.",
    },
}


def _described(one: Operation[Any]) -> Described:
    is_get = one.method == "GET"
    answers = {one.status: (one.answer,)}
    return Described(method=one.method, path=one.path, says=one.says, answers=answers, query=one.asked if is_get else None, body=None if is_get else one.asked)


def _schemas(every: Iterable[Described]) -> dict[str, Any]:
    kinds = dict.fromkeys(kind for one in every for kind in _kinds(one))
    _, found = msgspec.json.schema_components([*kinds, shapes.Problem, shapes.PublicProblem], ref_template=_REFERENCE)
    return {name.strip("_"): cast("dict[str, Any]", _plain(one)) for name, one in found.items()}


def _kinds(one: Described) -> Iterator[Any]:
    yield from (kind for kind in (one.body, one.query) if kind is not None)
    for answers in one.answers.values():
        yield from answers


def _queries(every: Iterable[Described]) -> set[str]:
    return {one.query.__name__ for one in every if one.query is not None}


def _plain(schema: Any) -> Any:
    """Return a schema with what JSON Schema has no word for told as it is read: a decimal number is a number, or a text of one."""
    if isinstance(schema, dict):
        told = cast("dict[str, Any]", schema)
        if told.get("format") == "decimal":
            return {**told, "type": ["number", "string"]}
        return {name: one.replace("/_", "/") if name == "$ref" else _plain(one) for name, one in told.items() if not (name == "title" and isinstance(one, str))}
    return [_plain(one) for one in cast("list[Any]", schema)] if isinstance(schema, list) else schema


def _operation(one: Described, schemas: Mapping[str, Any], *, problem: type[Struct]) -> dict[str, Any]:
    told: dict[str, Any] = {"summary": one.says, "operationId": f"{one.method.lower()}{_camel(one.path)}"}
    parameters = [*_in_path(one.path), *_in_query(one, schemas)]
    if parameters:
        told["parameters"] = parameters
    if one.body is not None:
        told["requestBody"] = _body(one, schemas, is_form=problem is shapes.Problem)
    statuses = {400, 401, 403, 503, *((404,) if "{" in one.path or one.path.endswith("roll-back") else ()), *((502,) if one.path.endswith("roll-back") else ())}
    answers = dict.fromkeys(sorted(statuses), (problem,)) | dict(one.answers)
    told["responses"] = {
        str(status): {"description": _MEANINGS.get(status, _said(kinds[0])), "content": {JSON: {"schema": _any_of([_ref(kind) for kind in kinds])}}}
        for status, kinds in sorted(answers.items())
    }
    return told


def _in_path(path: str) -> Iterator[dict[str, Any]]:
    for part in path.split("/"):
        if part.startswith("{"):
            yield {"name": part.strip("{}"), "in": "path", "required": True, "schema": {"type": "string", "minLength": 1, "maxLength": 200}}


def _in_query(one: Described, schemas: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if one.query is None:
        return
    shape = schemas[one.query.__name__]
    for name, schema in shape["properties"].items():
        yield {"name": name, "in": "query", "required": name in shape.get("required", ()), "schema": _told(schema)}


def _told(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema without null: what is not told is left out."""
    kinds = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    rest = {name: one for name, one in schema.items() if not (name == "anyOf" or (name == "default" and one is None))}
    return {**rest, **(kinds[0] if len(kinds) == 1 else {"anyOf": kinds})} if kinds else rest


def _body(one: Described, schemas: Mapping[str, Any], *, is_form: bool) -> dict[str, Any]:
    schema: dict[str, Any] = _ref(one.body)
    if is_form:
        shape = schemas[one.body.__name__]
        schema = {**shape, "properties": {name: _told(field) for name, field in shape["properties"].items()}}
        return {"required": bool(shape.get("required")), "content": {JSON: {"schema": schema}, _FORM: {"schema": schema}}}
    if one.many:
        several = {"type": "array", "items": schema, "minItems": 1, "maxItems": MOST}
        schema = _any_of([schema, {"type": "object", "properties": {one.many: several}, "required": [one.many]}])
    return {"required": True, "content": {JSON: {"schema": schema}}}


def _ref(kind: Any) -> dict[str, Any]:
    return {"$ref": _REFERENCE.format(name=kind.__name__.strip("_"))}


def _any_of(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _said(kind: Any) -> str:
    return " ".join((kind.__doc__ or "").split())


def _camel(path: str) -> str:
    return "".join(word.strip("{}").capitalize() for part in path.split("/") for word in part.replace(".", "-").replace("_", "-").split("-"))
