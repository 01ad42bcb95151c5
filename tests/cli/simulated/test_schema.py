from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.cli.simulated.schema import fill

SCHEMAS: list[dict[str, Any]] = [
    {"const": 7},
    {"enum": ["a", "b"]},
    {"type": ["string", "null"]},
    {"type": "null"},
    {"type": "boolean"},
    {"type": "integer", "exclusiveMinimum": 1.5, "maximum": 9},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    {"type": "number", "maximum": -5},
    {"type": "integer", "minimum": 3},
    {"type": "string", "minLength": 20},
    {"type": "string", "maxLength": 2},
    {"type": "array", "items": {"type": "integer"}, "minItems": 3},
    {"type": "array", "maxItems": 0, "items": {"type": "string"}},
    {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    {"oneOf": [{"type": "integer"}, {"type": "string"}]},
    {"allOf": [{"type": "object", "properties": {"a": {"const": 1}}}, {"properties": {"b": {"const": 2}}, "required": ["a", "b"]}]},
    {"$ref": "#/$defs/a", "$defs": {"a": {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}}},
    {"properties": {"x": {"type": "string"}}, "required": ["x"]},
    {},
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_a_value_fits_its_schema(schema: dict[str, Any]) -> None:
    jsonschema_rs.validate(schema, fill(schema, "words"))


def test_known_properties_keep_their_values() -> None:
    schema = {"type": "object", "properties": {"intent": {"enum": ["x", "y"]}, "reply": {"type": "string"}}}
    assert fill(schema, "words", known={"intent": "y"}) == {"intent": "y", "reply": "words"}


def test_a_schema_that_contains_itself_is_filled_to_a_depth() -> None:
    schema = {"type": "object", "properties": {"next": {"$ref": "#"}}}
    assert fill(schema, "words")["next"]["next"]


simple = st.one_of(
    st.just({"type": "boolean"}),
    st.integers(-50, 50).map(lambda least: {"type": "integer", "minimum": least, "maximum": least + 3}),
    st.integers(-50, 50).map(lambda most: {"type": "number", "exclusiveMaximum": most}),
    st.integers(0, 30).map(lambda size: {"type": "string", "minLength": size, "maxLength": size + 1}),
)
schemas = st.recursive(
    simple,
    lambda inner: st.one_of(
        st.dictionaries(st.text(min_size=1, max_size=5), inner, max_size=4).map(lambda parts: {"type": "object", "properties": parts, "required": list(parts)}),
        st.tuples(inner, st.integers(0, 3)).map(lambda told: {"type": "array", "items": told[0], "minItems": told[1]}),
    ),
    max_leaves=8,
)


@given(schemas)
def test_every_value_fits_its_schema(schema: dict[str, Any]) -> None:
    jsonschema_rs.validate(schema, fill(schema, "words"))
