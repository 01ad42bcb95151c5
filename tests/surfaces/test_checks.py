import base64
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.errors import BadRequest
from pointsman.surfaces.checks import check_schema, image_from_base64, image_from_url

PICTURES = {
    "image/png": b"\x89PNG\r\n\x1a\n" + b"\0" * 8,
    "image/jpeg": b"\xff\xd8\xff\xe0" + b"\0" * 8,
    "image/gif": b"GIF89a" + b"\0" * 8,
    "image/webp": b"RIFF\n\n\0\0WEBPVP8 ",
}


def _encoded(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


@pytest.mark.parametrize("kind", PICTURES)
def test_a_picture_of_each_kind_is_taken_as_data_and_as_a_data_url(kind: str) -> None:
    data = _encoded(PICTURES[kind])
    image = image_from_base64(data, kind, detail="low", field="f")
    assert (image.media_type, image.data, image.url, image.detail) == (kind, data, None, "low")
    assert image_from_url(f"data:{kind};base64,{data}", detail="low", field="f") == image


@pytest.mark.parametrize("url", ["https://example.org/cat.png", "http://10.0.0.1/cat.png"])
def test_an_address_is_left_for_the_target_to_fetch(url: str) -> None:
    assert image_from_url(url, detail=None, field="f").url == url


@pytest.mark.parametrize(
    ("data", "media_type", "says"),
    [
        pytest.param(_encoded(b"RIFF\0\0\0\0WAVEfmt "), "image/webp", "holds no picture", id="a sound in the same container as WebP"),
        pytest.param(_encoded(b"GIF88a"), "image/gif", "holds no picture", id="a GIF of no version"),
        pytest.param(_encoded(b"%PDF-1.7"), "image/png", "holds no picture", id="a document"),
        pytest.param(_encoded(PICTURES["image/png"]), "image/jpeg", "holds image/png", id="another kind than it says"),
        pytest.param(_encoded(b"<svg/>"), "image/svg+xml", "holds no picture", id="a drawing"),
        pytest.param("", "image/png", "holds no picture", id="nothing"),
        pytest.param("iVBORw0KGgo", "image/png", "not valid base64", id="no padding"),
        pytest.param("iVBORw0KGgo=AAAA", "image/png", "not valid base64", id="padding inside"),
        pytest.param("iVBORw0K\nGgo=", "image/png", "not valid base64", id="a line break"),
        pytest.param("é" * 8, "image/png", "not valid base64", id="no ASCII"),
    ],
)
def test_a_picture_that_is_none_is_refused(data: str, media_type: str, says: str) -> None:
    with pytest.raises(BadRequest, match=says) as refused:
        image_from_base64(data, media_type, detail=None, field="messages[0].source.data")
    assert refused.value.field == "messages[0].source.data"


@pytest.mark.parametrize("url", ["", "cat.png", "file:///etc/passwd", "ftp://example.org/cat.png", "data:image/png,raw", "javascript:alert(1)"])
def test_an_address_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(BadRequest, match="neither an"):
        image_from_url(url, detail=None, field="f")


@given(st.text(), st.text())
def test_whatever_is_sent_as_a_picture_is_taken_or_refused(data: str, media_type: str) -> None:
    with suppress(BadRequest):
        assert image_from_base64(data, media_type, detail=None, field="f").data == data


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object", "properties": {"a": {"type": ["string", "null"]}}, "required": ["a"]},
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": {"a": {}}, "$ref": "#/$defs/a"},
        {"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {}},
        {"description": "x" * 20_000},
    ],
)
def test_a_schema_is_measured(schema: dict[str, Any]) -> None:
    assert check_schema(schema, "f") >= 2


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"type": "nope"}, "at `type`"),
        ({"properties": []}, "at `properties`"),
        ({"required": "a"}, "at `required`"),
        ({"type": "nope", "description": "x" * 20_000}, "at `type`"),
        ({"$ref": 5}, r"at `\$ref`"),
        ({"$schema": 5}, r"unknown `\$schema`"),
        ({"$schema": "https://example.org/my-own"}, r"unknown `\$schema`"),
        ({"$schema": "file:///etc/passwd"}, r"unknown `\$schema`"),
    ],
)
def test_a_schema_that_is_none_is_refused(schema: dict[str, Any], says: str) -> None:
    for _ in range(2):  # remembered or not
        with pytest.raises(BadRequest, match=says) as refused:
            check_schema(schema, "tools[0].input_schema")
        assert refused.value.field == "tools[0].input_schema"
        assert len(refused.value.message) < 400


def test_no_schema_makes_the_gateway_fetch_anything() -> None:
    """Whoever writes a schema could otherwise make the gateway look into its own network."""
    asked: list[str] = []

    class Trap(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

    with HTTPServer(("127.0.0.1", 0), Trap) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}/schema"
        try:
            for schema in ({"$schema": address}, {"$ref": address}, {"$id": address, "$ref": "other"}, {"properties": {"a": {"$schema": address}}}):
                with suppress(BadRequest):
                    check_schema(schema, "f")
        finally:
            server.shutdown()
            thread.join()
    assert asked == []
