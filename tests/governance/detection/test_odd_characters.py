"""
What is encoded is read although odd characters or bytes stand in it: else one of them would hide all the rest.
"""

import base64
import gzip
import random
from collections.abc import Callable

import pytest

from pointsman.governance.detection.views.budget import Budget
from pointsman.governance.detection.views.unfold import views

ENCODINGS: dict[str, Callable[[bytes], str]] = {
    "Base64": lambda data: base64.b64encode(data).decode(),
    "Base64, URL": lambda data: base64.urlsafe_b64encode(data).decode().rstrip("="),
    "hex": bytes.hex,
    "gzip in Base64": lambda data: base64.b64encode(gzip.compress(data, mtime=0)).decode(),
}
TEXT = "My card is 4111 1111 1111 1111, and write to anna.weber@clinic.example, please."


def read(text: str) -> list[str]:
    return [view.text for view in views(text, Budget(characters=1_000_000)) if view is not None]


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize(
    "odd",
    [
        "\u00a0".encode(),
        "\u200b".encode() * 40,
        "\u00ad".encode() * 40,
        "\U000e0061".encode() * 40,
        "\u2028".encode(),
        b"\x00",
        b"\x1b[1m",
        b"\xff\xfe",
        b"\xe2\x82",
    ],
)
def test_odd_characters_hide_nothing(encode: Callable[[bytes], str], odd: bytes) -> None:
    for data in (odd + TEXT.encode(), TEXT.encode() + odd, TEXT[:30].encode() + odd + TEXT[30:].encode()):
        assert any("anna.weber@clinic.example" in text for text in read(f"see {encode(data)} there"))


def test_bytes_that_are_no_text_stay_as_they_are() -> None:
    for size in (12, 32, 64, 300):
        told = base64.b64encode(b"\x00\xff" + random.Random(size).randbytes(size)).decode()
        assert all("\ufffd" not in text for text in read(f"key {told}"))
