"""
A request body → one JSON object, read once and strictly. What its fields mean is not known here.

Bounds: broken UTF-8, lone surrogates, anything that is no object, and nesting deeper than the bound are refused. A repeated name keeps its last value, and that
value is what is sent on: bodies are written anew from this one reading, so no two readers can understand them differently (ADR 0010).
"""

import re
from typing import Any, Final, TypeVar, cast

import msgspec

from pointsman.core.errors import BadRequest, TooLarge

MAX_DEPTH: Final = 64

_CONTAINERS: Final = frozenset({dict, list})

_WHERE: Final = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_MISSING: Final = re.compile(r"^Object missing required field `(?P<name>[^`]*)`$")

T = TypeVar("T")


def read_object(body: bytes) -> dict[str, Any]:
    """Return the object. Raises `BadRequest` or `TooLarge`."""
    try:
        tree = msgspec.json.decode(body)
    except RecursionError as error:
        raise _too_deep() from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"The body is not valid JSON ({error}). Send one JSON object in UTF-8.") from error
    if not isinstance(tree, dict):
        raise BadRequest("The body is JSON but no object. Send one JSON object.")
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH:
        _check_depth(cast("dict[str, Any]", tree))
    return cast("dict[str, Any]", tree)


def convert(tree: object, shape: type[T], *, at: str = "") -> T:
    """Return the tree, which stands at a path of the body, in its shape; `BadRequest` names the field that does not fit."""
    try:
        return msgspec.convert(tree, shape)
    except msgspec.ValidationError as error:
        raise _bad_field(str(error), at) from error


def _bad_field(told: str, at: str) -> BadRequest:
    """Return msgspec's complaint with the field taken out of it."""
    found = _WHERE.search(told)
    says = _WHERE.sub("", told)
    path = found["path"] if found else ""
    field = f"{at}.{path}".strip(".") if not path.startswith("[") else f"{at}{path}"
    missing = _MISSING.match(says)
    if missing is not None:
        field = f"{field}.{missing['name']}".strip(".")
        return BadRequest(f"`{field}` is missing. Add it.", field=field)
    where = f"`{field}`" if field else "The body"
    return BadRequest(f"{where} does not fit: {says}. Correct it.", field=field or None)


def _check_depth(tree: dict[str, Any]) -> None:
    level: list[Any] = [tree]
    for _ in range(MAX_DEPTH):
        level = [node for outer in level for node in (outer.values() if outer.__class__ is dict else outer) if node.__class__ in _CONTAINERS]
        if not level:
            return
    raise _too_deep()


def _too_deep() -> TooLarge:
    return TooLarge(f"The body is nested deeper than {MAX_DEPTH} levels. Send it flatter.")
