"""Decompression that stays within its bound."""

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.errors import BadRequest, TooLarge
from pointsman.transport.inflate import inflate


@given(st.binary(max_size=2000))
def test_what_was_packed_comes_back(body: bytes) -> None:
    assert inflate(gzip.compress(body), "gzip", limit_bytes=2000) == body
    assert inflate(gzip.compress(body), " X-GZIP ", limit_bytes=2000) == body
    assert inflate(zlib.compress(body), "deflate", limit_bytes=2000) == body
    assert inflate(body, "identity", limit_bytes=0) == body


@given(st.integers(1, 3000))
def test_a_body_passes_up_to_the_bound_and_not_one_byte_more(size: int) -> None:
    packed = gzip.compress(b"\0" * size)
    assert len(inflate(packed, "gzip", limit_bytes=size)) == size
    with pytest.raises(TooLarge, match=r"Send less, or raise `server\.bounds`"):
        inflate(packed, "gzip", limit_bytes=size - 1)


def test_a_bomb_is_refused_before_it_fills_the_memory() -> None:
    bomb = gzip.compress(b"\0" * 20_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            inflate(bomb, "gzip", limit_bytes=10_000)
        assert tracemalloc.get_traced_memory()[1] < 500_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("body", "encoding", "told"),
    [
        (b"plain", "gzip", "not valid gzip"),
        (gzip.compress(b"whole", mtime=0)[:-3], "gzip", "cut off"),
        (gzip.compress(b"one", mtime=0) + gzip.compress(b"two", mtime=0), "gzip", "Bytes follow the end"),
        (gzip.compress(b"one", mtime=0) + b"more", "gzip", "Bytes follow the end"),
        (b"", "gzip", "cut off"),
        (b"x", "br", "`br` is not understood"),
        (b"x", "gzip, gzip", "is not understood"),
    ],
)
def test_anything_that_is_not_one_whole_packed_body_is_refused(body: bytes, encoding: str, told: str) -> None:
    with pytest.raises(BadRequest, match=told) as refused:
        inflate(body, encoding, limit_bytes=1000)
    assert refused.value.field == "content-encoding"
