"""
Plain values against the shape: every mistake at once, each with its path, its line and a remedy.

The schema that editors use is the one enforced here (ADR 0003).
"""

import difflib
from collections.abc import Iterable
from functools import cache
from typing import Any, cast

import jsonschema_rs
import msgspec

from pointsman.core.errors import Mistake, SettingsInvalid
from pointsman.settings.shape import File, json_schema
from pointsman.settings.yaml_text import Path, Text, dotted


def validate(text: Text) -> File:
    """Return the values in their shape. Raises `SettingsInvalid`."""
    mistakes = [mistake for error in _validator().iter_errors(text.values) for mistake in _mistakes(error, text)]
    if mistakes:
        raise SettingsInvalid(sorted(mistakes, key=lambda mistake: (mistake.line, mistake.path)))
    return msgspec.convert(text.values, File)


@cache
def _validator() -> Any:
    return jsonschema_rs.validator_for(json_schema())


def _mistakes(error: jsonschema_rs.ValidationError, text: Text) -> Iterable[Mistake]:
    path: Path = tuple(error.instance_path)
    kind = error.kind
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.AdditionalProperties):
        known = _properties(error)
        for name in kind.unexpected:
            yield _at(text, (*path, name), "there is no such field.", _did_you_mean(name, known))
        return
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.Required):
        yield _at(text, path, f"the field `{kind.property}` is missing.", f"Add `{kind.property}:`.")
        return
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.AnyOf):
        options = [option for branch in kind.context for option in branch]
        deeper = [option for option in options if len(option.instance_path) > len(path) or _is_closed(option)]
        if deeper:
            for option in deeper:
                yield from _mistakes(option, text)
            return
    yield _at(text, path, f"{error.message}.", "Correct the value; `pointsman check --schema` shows what is allowed.")


def _is_closed(error: jsonschema_rs.ValidationError) -> bool:
    return isinstance(error.kind, jsonschema_rs.ValidationErrorKind.AdditionalProperties | jsonschema_rs.ValidationErrorKind.Required)


def _properties(error: jsonschema_rs.ValidationError) -> list[str]:
    """Return the fields that the schema knows where the mistake is."""
    schema: Any = json_schema()
    for part in error.schema_path[:-1]:
        schema = schema[part]
        if isinstance(schema, dict) and "$ref" in schema:
            schema = json_schema()["$defs"][cast("str", schema["$ref"]).rsplit("/", 1)[1]]
    return list(schema.get("properties", {}))


def _did_you_mean(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"Did you mean `{near[0]}`?" if near else f"Known here: {', '.join(f'`{field}`' for field in known)}."


def _at(text: Text, path: Path, says: str, remedy: str) -> Mistake:
    return Mistake(file=text.file, path=dotted(path), line=text.line(path), says=says, remedy=remedy)
