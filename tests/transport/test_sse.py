"""Server-sent events from bytes in any pieces."""

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.errors import TooLarge
from pointsman.transport.sse import ServerSentEvent, SseReader


def _read(*pieces: bytes, limit: int = 1000) -> list[ServerSentEvent]:
    reader = SseReader(limit)
    return [event for piece in pieces for event in reader.feed(piece)]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: hello\n\n", [(None, b"hello")]),
        (b"data:hello\n\n", [(None, b"hello")]),
        (b"data:  two\n\n", [(None, b" two")]),
        (b"event: ping\ndata: {}\n\n", [("ping", b"{}")]),
        (b"data: a\ndata: b\n\n", [(None, b"a\nb")]),
        (b"data: a\ndata\n\n", [(None, b"a\n")]),
        (b"id: 1\nretry: 100\ndata: a\n\n", [(None, b"a")]),
        (b": a comment\n\ndata: a\n\n", [(None, b"a")]),
        (b": a comment\ndata: a\n\n", [(None, b"a")]),
        (b"retry: 100\n\n", []),
        (b"event: ping\n\n", []),
        (b"data: \n\ndata\n\n", []),
        (b"\n\n\ndata: a\n\n\n\n\ndata: b\n\n", [(None, b"a"), (None, b"b")]),
        (b"\xef\xbb\xbfdata: a\n\ndata: \xef\xbb\xbfb\n\n", [(None, b"a"), (None, b"\xef\xbb\xbfb")]),
        (b"data: unfinished\n", []),
        (b"database: x\nnodata: y\n\n", []),
        (b"event: caf\xff\ndata: a\n\n", [("caf\N{REPLACEMENT CHARACTER}", b"a")]),
    ],
)
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_events_are_read_as_the_standard_says(stream: bytes, events: list[tuple[str | None, bytes]], line_end: bytes) -> None:
    assert [(event.event, event.data) for event in _read(stream.replace(b"\n", line_end))] == events


def test_an_event_keeps_the_bytes_it_came_as() -> None:
    assert [event.raw for event in _read(b"data: a\n\nevent: x\n: why\ndata: b\n\n")] == [b"data: a\n\n", b"event: x\n: why\ndata: b\n\n"]


_LINES = st.sampled_from([b"data: a", b"data:", b"data: {}", b"event: e", b": c", b"", b"", b"id: 1", b"\xef\xbb\xbf", b"data: \xc3\xa9"])
_STREAMS = st.lists(st.tuples(_LINES, st.sampled_from([b"\n", b"\r\n", b"\r"])), max_size=12).map(lambda lines: b"".join(map(b"".join, lines)))


@given(stream=_STREAMS, cuts=st.lists(st.integers(0, 120), max_size=10))
def test_any_split_of_the_bytes_gives_the_same_events(stream: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(stream)]
    assert _read(*(stream[start:end] for start, end in itertools.pairwise(edges))) == _read(stream)
    assert _read(*(stream[index : index + 1] for index in range(len(stream)))) == _read(stream)


@given(st.integers(1, 60))
def test_an_event_longer_than_the_bound_is_refused_however_it_arrives(piece: int) -> None:
    stream = b"data: " + b"x" * 95 + b"\n\n"
    for whole in (stream, stream[:-2]):
        with pytest.raises(TooLarge, match=r"longer than 100 bytes"):
            _read(*(whole[at : at + piece] for at in range(0, len(whole), piece)), limit=100)
    assert len(_read(*(stream[at : at + piece] for at in range(0, len(stream), piece)), limit=101)) == 1


def test_an_event_in_very_many_pieces_does_not_cost_the_square_of_their_number() -> None:
    reader = SseReader(2_000_000)
    reader.feed(b"data: ")
    began = time.process_time()
    for _ in range(20_000):
        reader.feed(b"x" * 50)
    (event,) = reader.feed(b"\n\n")
    assert len(event.data) == 1_000_000
    assert time.process_time() - began < 0.5  # the square would take minutes
