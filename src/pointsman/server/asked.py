"""
What comes with a call beside its question: who asks, which business item it is about, what the data is, how its cost is allocated, which trace it is part
of, and what the answer is worth and must keep to.

A unit is named by the header `x-pointsman-unit`, else by `metadata.pointsman_unit` in the body of an OpenAI request, else by `pointsman.unit` in the header
`baggage` (W3C Baggage), which tracing libraries pass on by themselves.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast
from urllib.parse import unquote

from msgspec.structs import replace

from pointsman.core.call import Asked, Call
from pointsman.core.errors import BadRequest
from pointsman.core.label import Label, Level, a_label
from pointsman.decision.criteria import HEADER as _CRITERIA
from pointsman.decision.criteria import read
from pointsman.server.names import from_header
from pointsman.server.request import Request
from pointsman.surfaces.names import checked

_IN_BODY: Final = "pointsman_unit"
_IN_BAGGAGE: Final = "pointsman.unit"
_UNIT: Final = "x-pointsman-unit"
_TAGS: Final = "x-pointsman-tags"
# W3C Trace Context, version 00 and what later ones must begin with; a trace or span of zeros is none, nor is version ff.
_TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.{0,200})?")
_NO_TAGS: Final[Mapping[str, str]] = {}
_NO_CRITERIA: Final[Mapping[str, float]] = {}


def asked_of(request: Request, *, levels: Mapping[str, Level], tags: Sequence[str]) -> Asked:
    """
    Return what the headers of a call say. `tags` are those that costs are allocated by.

    Raises `BadRequest` with the header at fault. A `traceparent` that is none is ignored, as the standard asks for.
    """
    headers = request.headers
    declared, told, trace, baggage = (headers.get(name) for name in ("x-pointsman-data-class", _TAGS, "traceparent", "baggage"))
    unit, criteria = from_header(headers.get(_UNIT), field=_UNIT), headers.get(_CRITERIA)
    return Asked(
        authorization=headers.get("authorization"),
        api_key=headers.get("x-api-key"),
        unit=_from_baggage(baggage) if unit is None and baggage is not None else unit,
        user=from_header(headers.get("x-pointsman-user"), field="x-pointsman-user"),
        declared=None if declared is None else _declared(declared, levels),
        session=from_header(headers.get("x-pointsman-session"), field="x-pointsman-session"),
        tags=_NO_TAGS if told is None else _tags(told, tags),
        traceparent=trace if trace is not None and _TRACEPARENT.fullmatch(trace) else None,
        criteria=_NO_CRITERIA if criteria is None else read(criteria),
    )


def with_unit_of_body(call: Call, asked: Asked, *, request: Request) -> tuple[Call, Asked]:
    """
    Return both with the unit that the body names, which is taken out of it: vendors have no word for it. A header goes before it, baggage does not.

    Raises `BadRequest` for one that is no name.
    """
    told = call.wire.get("metadata")
    if not isinstance(told, dict) or _IN_BODY not in told:
        return call, asked
    metadata = cast("dict[str, Any]", told)
    unit = metadata[_IN_BODY]
    if not isinstance(unit, str):
        raise BadRequest(f"`metadata.{_IN_BODY}` is no text. Send the name of the business item.", field=f"metadata.{_IN_BODY}")
    unit = checked(unit, field=f"metadata.{_IN_BODY}")
    rest = {name: value for name, value in metadata.items() if name != _IN_BODY}
    wire = {name: value for name, value in call.wire.items() if name != "metadata"} | ({"metadata": rest} if rest else {})
    extras = {name: value for name, value in call.extras.items() if name != f"metadata.{_IN_BODY}"}
    return replace(call, wire=wire, extras=extras), asked if _UNIT in request.headers else replace(asked, unit=unit)


def _from_baggage(told: str) -> str | None:
    for member in told.split(","):
        name, _, value = member.partition("=")
        if name.strip() == _IN_BAGGAGE:
            try:
                return checked(unquote(value.partition(";")[0].strip(), errors="strict"), field="baggage")
            except UnicodeDecodeError as error:
                raise BadRequest(f"`{_IN_BAGGAGE}` in `baggage` is not UTF-8. Send it percent-encoded.", field="baggage") from error
    return None


def _tags(told: str, known: Sequence[str]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for pair in told.split(","):
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not equals:
            raise BadRequest(f"`{_TAGS}` cannot be read. Write it like `project=apollo, feature=search`.", field=_TAGS)
        if name not in known:
            named = f"Use {', '.join(f'`{one}`' for one in known)}, or add it there" if known else "Add it there"
            raise BadRequest(f"The tag `{name[:40]}` is not declared under `costs.tags`. {named}.", field=_TAGS)
        if name in found:
            raise BadRequest(f"The tag `{name}` is told twice. Send it once.", field=_TAGS)
        found[name] = from_header(value, field=_TAGS) or ""
    return found


def _declared(told: str, levels: Mapping[str, Level]) -> Label:
    names = [name.strip().lower() for name in told.split(",")]
    for name in names:
        if name not in levels:
            known = ", ".join(f"`{one}`" for one in levels)
            raise BadRequest(f"There is no data class `{name[:40]}`. Declare one or several of {known}.", field="x-pointsman-data-class")
    return a_label(*names, levels=levels)
