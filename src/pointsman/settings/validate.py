"""
Plain values against the shape: every mistake at once, each with its path, its line and a remedy.

The schema that editors use is the one enforced here (ADR 0003). No message repeats a value, because it may be a secret in the wrong place.
"""

import difflib
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Final, cast

import jsonschema_rs
import msgspec

from pointsman.settings.mistakes import Mistake
from pointsman.settings.shape import File, json_schema
from pointsman.settings.yaml_text import Path, Text, dotted

_Kind = jsonschema_rs.ValidationErrorKind
_TYPES: Final = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "`true` or `false`",
    "array": "a list",
    "object": "a mapping",
    "null": "empty",
}
_SEE: Final = "`pointsman check --schema` shows what is allowed."
_NAME: Final = "Begin with a letter or digit; go on with letters, digits and `. _ / : @ -`, 100 characters at most."


def validate(text: Text) -> tuple[File | None, list[Mistake]]:
    """
    Return the file in its shape, and its mistakes.

    What has a mistake is left out, so that the rest can be looked at in the same run; None if then nothing usable is left.
    """
    values = _whole_numbers(text.values)
    mistakes: list[Mistake] = []
    usable = values
    for path in text.unread:
        usable = _without(usable, path)
    for error in _validator().iter_errors(values):
        for path, says, remedy in _told(error):
            if path in text.unread:
                continue
            mistakes.append(Mistake(file=text.file, path=dotted(path), line=text.line(path), says=says, remedy=remedy))
            usable = _without(usable, path)
    try:
        return msgspec.convert(usable, File), mistakes
    except msgspec.ValidationError:  # with what was left out something went that must be there
        return None, mistakes


@cache
def _validator() -> Any:
    return jsonschema_rs.validator_for(json_schema())


def _whole_numbers(value: object) -> Any:
    """To JSON Schema 1.0 is a whole number; to Python it must be 1."""
    if isinstance(value, dict):
        return {name: _whole_numbers(one) for name, one in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_whole_numbers(one) for one in cast("list[object]", value)]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _without(values: dict[str, Any], path: Path) -> dict[str, Any]:
    """
    Return the values without the entry in which the path is: `targets.x`, `server.listen`.

    A whole list goes at once: without one of its elements the others would change their numbers.
    """
    if not path:
        return values
    name = str(path[0])
    section = values.get(name)
    if isinstance(section, dict) and path[1:]:
        return {**values, name: {key: one for key, one in cast("dict[str, Any]", section).items() if key != path[1]}}
    return {key: one for key, one in values.items() if key != name}


Told = tuple[Path, str, str]


def _told(error: jsonschema_rs.ValidationError) -> Iterable[Told]:
    path: Path = tuple(error.instance_path)
    match error.kind:
        case _Kind.AdditionalProperties(unexpected=unexpected):
            known = list(_schema_at(error).get("properties", {}))
            for name in unexpected:
                yield (*path, name), "there is no such field.", _did_you_mean(name, known)
        case _Kind.Required(property=name):
            yield path, f"the field `{name}` is missing.", f"Add `{name}:`."
        case _Kind.PropertyNames(error=inner):
            yield (*path, str(inner.instance)), "this name cannot be used.", _NAME
        case _Kind.AnyOf(context=branches):
            yield from _best(path, branches)
        case _Kind.Enum(options=options):
            known = [str(option) for option in options]
            yield path, f"this must be one of {_listed(known)}.", _nearest(error.instance, known) or "Choose one of them."
        case _Kind.Type(types=types):
            yield path, f"this must be {_types(types)}.", _SEE
        case _Kind.Pattern():
            yield path, "this does not have the form that is needed.", f"{_schema_at(error).get('description', '')} {_SEE}".strip()
        case kind:
            yield path, f"{_bound(kind)}.", _SEE


def _best(path: Path, branches: Sequence[Sequence[jsonschema_rs.ValidationError]]) -> Iterable[Told]:
    """Tell the mistakes of the alternative that was meant: the one whose type is right."""
    types: list[str] = []
    for branch in branches:
        wrong = [error.kind.types for error in branch if isinstance(error.kind, _Kind.Type) and tuple(error.instance_path) == path]
        if not wrong:
            for error in branch:
                yield from _told(error)
            return
        types.extend(name for name in wrong[0] if name != "null")
    yield path, f"this must be {_types(types)}.", _SEE


def _bound(kind: Any) -> str:
    match kind:
        case _Kind.Minimum(limit=limit):
            return f"this must be at least {limit:g}"
        case _Kind.ExclusiveMinimum(limit=limit):
            return f"this must be more than {limit:g}"
        case _Kind.Maximum(limit=limit):
            return f"this must be at most {limit:g}"
        case _Kind.MinItems() | _Kind.MinProperties() | _Kind.MinLength():
            return "this must not be empty"
        case _:
            return f"this must not be longer than {kind.limit} characters"


def _types(names: Sequence[str]) -> str:
    return " or ".join(dict.fromkeys(_TYPES.get(name, name) for name in names))


def _listed(names: Iterable[object]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _schema_at(error: jsonschema_rs.ValidationError) -> dict[str, Any]:
    """Return the part of the schema that was not satisfied."""
    here: Any = json_schema()
    for part in error.schema_path[:-1]:
        here = here[part]
    return cast("dict[str, Any]", here)


def _did_you_mean(name: str, known: Sequence[str]) -> str:
    return _nearest(name, known) or f"Known here: {_listed(known)}."


def _nearest(name: object, known: Sequence[str]) -> str | None:
    near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
    return f"Did you mean `{near[0]}`?" if near else None
