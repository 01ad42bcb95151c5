"""
A value that fits a JSON Schema: what a model under constrained decoding would write.

Covers what structured output and tool parameters use. A keyword that is not known here is passed over.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

_DEEPEST: Final = 12

Schema = Mapping[str, Any]


def fill(schema: Schema, words: str, *, known: Mapping[str, Any] | None = None) -> Any:
    """Return a value for the schema. Properties named in `known` take their value from there, other strings are `words`."""
    return _Filler(schema, words, known=known or {}).value(schema, 0)


class _Filler:
    def __init__(self, root: Schema, words: str, *, known: Mapping[str, Any]) -> None:
        self._root = root
        self._words = words
        self._known = known
        self._by_type: Mapping[str, Callable[[Schema, int], Any]] = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "integer": self._integer,
            "number": self._number,
            "boolean": _yes,
            "null": _nothing,
        }

    def value(self, schema: Schema, depth: int) -> Any:
        if depth > _DEEPEST:
            return None
        if "$ref" in schema:
            return self.value(self._found(schema["$ref"]), depth + 1)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][0]
        for choice in ("anyOf", "oneOf"):
            if schema.get(choice):
                return self.value(schema[choice][0], depth + 1)
        if schema.get("allOf"):
            return self.value(_merged(schema), depth + 1)
        kind = schema.get("type", "object" if "properties" in schema else "string")
        return self._by_type[kind if isinstance(kind, str) else kind[0]](schema, depth)

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        parts = cast("Mapping[str, Schema]", schema.get("properties") or {})
        return {name: self._known[name] if name in self._known else self.value(part, depth + 1) for name, part in parts.items()}

    def _array(self, schema: Schema, depth: int) -> list[Any]:
        size = min(max(schema.get("minItems", 1), 1), schema.get("maxItems", 1000))
        return [self.value(schema.get("items") or {}, depth + 1) for _ in range(size)]

    def _string(self, schema: Schema, depth: int) -> str:
        del depth
        words = self._words.ljust(schema.get("minLength", 0), ".")
        return words[: schema.get("maxLength", len(words))]

    def _integer(self, schema: Schema, depth: int) -> int:
        del depth
        least, _ = _bounds(schema)
        return math.floor(least) + 1 if "exclusiveMinimum" in schema else math.ceil(least)

    def _number(self, schema: Schema, depth: int) -> float:
        del depth
        least, most = _bounds(schema)
        return (least + most) / 2

    def _found(self, reference: str) -> Schema:
        found: Any = self._root
        for step in reference.removeprefix("#").strip("/").split("/"):
            found = found[step] if step else found
        return found


def _yes(schema: Schema, depth: int) -> bool:
    del schema, depth
    return True


def _nothing(schema: Schema, depth: int) -> None:
    del schema, depth


def _merged(schema: Schema) -> Schema:
    merged = {key: value for key, value in schema.items() if key != "allOf"}
    for part in schema["allOf"]:
        properties = {**merged.get("properties", {}), **part.get("properties", {})}
        merged = {**merged, **part, **({"properties": properties} if properties else {})}
    return merged


def _bounds(schema: Schema) -> tuple[float, float]:
    most = schema.get("maximum", schema.get("exclusiveMaximum"))
    least = schema.get("minimum", schema.get("exclusiveMinimum", 0 if most is None else min(0, most - 2)))
    return least, least + 2 if most is None else most
