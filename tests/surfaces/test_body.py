from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.errors import BadRequest, TooLarge
from pointsman.surfaces.body import MAX_DEPTH, convert, read_object


class Inner(msgspec.Struct):
    count: int


class Shape(msgspec.Struct):
    items: list[Inner]


def test_a_body_is_read_with_every_name_in_it() -> None:
    assert read_object(b'{"a": [1, 2.5, null, "\xc3\xa9"], "b": {}}') == {"a": [1, 2.5, None, "é"], "b": {}}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b'{"a": 1', id="cut"),
        pytest.param(b'{"a": 1} {"b": 2}', id="two bodies"),
        pytest.param(b'{"a": "\xff"}', id="broken UTF-8"),
        pytest.param(b'{"a": "\xed\xa0\x80"}', id="a surrogate in UTF-8"),
        pytest.param(b'{"a": "\\ud800"}', id="a lone surrogate"),
        pytest.param(b'{"\\udc00": 1}', id="a lone surrogate in a name"),
        pytest.param(b'{"a": "\x00"}', id="a control character"),
        pytest.param(b'{"a": NaN}', id="NaN"),
        pytest.param(b'{"a": -Infinity}', id="infinity"),
        pytest.param(b'{"a": 1e400}', id="a number that is none"),
        pytest.param(b'{"a": ' + b"9" * 6000 + b"}", id="a huge number"),
        pytest.param(b"\xef\xbb\xbf{}", id="a byte order mark"),
        pytest.param(b"{'a': 1}", id="single quotes"),
    ],
)
def test_a_body_that_is_no_json_is_refused_with_a_remedy(body: bytes) -> None:
    with pytest.raises(BadRequest, match=r"not valid JSON .* Send one JSON object in UTF-8\.$"):
        read_object(body)


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"5", b"null", b"true"])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest, match="no object"):
        read_object(body)


def test_a_repeated_name_has_its_last_value_for_everyone() -> None:
    assert read_object(b'{"a": 1, "a": 2}') == {"a": 2}


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
@pytest.mark.parametrize("depth", [MAX_DEPTH, 5_000, 200_000])
def test_a_body_nested_too_deep_is_refused(opening: bytes, closing: bytes, depth: int) -> None:
    with pytest.raises(TooLarge, match="deeper than 64"):
        read_object(b'{"a":' + opening * depth + b"1" + closing * depth + b"}")


def test_a_wide_body_is_not_a_deep_one() -> None:
    assert len(read_object(b'{"a": [' + b",".join([b"{}"] * 1000) + b"]}")["a"]) == 1000


@given(depth=st.integers(1, MAX_DEPTH * 2), beside=st.integers(0, 99))
def test_depth_is_refused_beyond_the_bound_and_not_before(depth: int, beside: int) -> None:
    body = b'{"b": [' + b"1,[]," * beside + b'1], "a":' + b'{"a":' * (depth - 1) + b"1" + b"}" * depth
    if depth <= MAX_DEPTH:
        assert read_object(body)
    else:
        with pytest.raises(TooLarge):
            read_object(body)


@given(st.binary(max_size=40))
def test_no_bytes_raise_anything_but_a_refusal(body: bytes) -> None:
    with suppress(BadRequest):
        assert isinstance(read_object(body), dict)


@pytest.mark.parametrize(
    ("tree", "at", "field", "says"),
    [
        ({"items": [{"count": "x"}]}, "", "items[0].count", "Expected `int`, got `str`"),
        ({"items": [{}]}, "", "items[0].count", "is missing"),
        ({}, "", "items", "is missing"),
        ({"items": 5}, "tool", "tool.items", "Expected `array`"),
        ({}, "tool", "tool.items", "is missing"),
        (None, "tool", "tool", "Expected `object`"),
        (5, "", None, "The body does not fit"),
    ],
)
def test_a_body_of_another_shape_names_the_field_at_fault(tree: object, at: str, field: str | None, says: str) -> None:
    with pytest.raises(BadRequest) as refused:
        convert(tree, Shape, at=at)
    assert refused.value.field == field
    assert says in refused.value.message
    assert refused.value.message.endswith(("Correct it.", "Add it."))


def test_a_list_that_does_not_fit_is_named_by_its_path() -> None:
    with pytest.raises(BadRequest) as refused:
        convert([{"count": "x"}], list[Inner], at="tool")
    assert refused.value.field == "tool[0].count"
