"""
A gateway's answer over HTTP, as a client reads it: headers, text as it arrives, and the trailer that tells the cost of a stream.
"""

import http.client
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import unquote

import msgspec

from pointsman.core.errors import Failed, Refused, Unusable

_DECISION: Final = "x-pointsman-"
_COST: Final = "x-pointsman-cost-nano-usd"
_FIRST_BAD: Final = 400
_NOT_AUTHENTICATED: Final = 401
_FIRST_SERVER_ERROR: Final = 500
_LONGEST_LINE: Final = 1024 * 1024
_MOST_BYTES: Final = 64 * 1024 * 1024
_PIECE: Final = 64 * 1024
_CUT: Final = "The answer was cut off before its end. Ask again."
_NO_GATEWAY: Final = "What answers there is no Pointsman gateway. Name the address of one with --url."


class _Lines(Protocol):
    def readline(self, limit: int = ..., /) -> bytes: ...
    def read(self, size: int = ..., /) -> bytes: ...


class _Delta(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta = msgspec.field(default_factory=_Delta)
    message: _Delta = msgspec.field(default_factory=_Delta)
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Trouble(msgspec.Struct):
    message: str = ""


class _Body(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: _Trouble | None = None


@dataclass(slots=True, kw_only=True)
class Told:
    """What an answer told besides its text."""

    request_id: str
    target: str
    place: str
    reason: str
    snapshot: str
    cost_nano_usd: int | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    finish: str | None = None


def told_by(answer: http.client.HTTPResponse) -> Told:
    """Read the head of an answer. Raises `Refused` or `Failed` with the gateway's own message, `Unusable` if there is no gateway."""
    if answer.status >= _FIRST_BAD:
        raise _trouble(answer)
    target = answer.getheader(f"{_DECISION}target")
    if target is None:
        raise Unusable(_NO_GATEWAY)
    told = Told(
        request_id=answer.getheader("x-request-id", ""),
        target=unquote(target),  # names that no header can carry come percent-encoded
        place=answer.getheader(f"{_DECISION}place", ""),
        reason=unquote(answer.getheader(f"{_DECISION}reason", "")),
        snapshot=answer.getheader(f"{_DECISION}snapshot", ""),
    )
    _cost(told, answer.getheader(_COST))
    return told


def whole(answer: http.client.HTTPResponse, told: Told) -> str:
    """Return the text of an answer that came as one."""
    return _take(_read(answer.read(_MOST_BYTES)), told)


def streamed(answer: http.client.HTTPResponse, told: Told) -> Iterator[str]:
    """Yield the text of a streamed answer piece by piece. Raises `Failed` if the stream tells of an error or was cut."""
    trailers: dict[str, str] = {}
    is_done = False
    pieces = _chunks(answer.fp, trailers) if answer.chunked else iter(lambda: answer.read1(_PIECE), b"")
    for line in _event_lines(pieces):
        if line == b"[DONE]":
            is_done = True
            continue
        body = _read(line)
        if body.error is not None:
            raise Failed(body.error.message)
        text = _take(body, told)
        if text:
            yield text
    if not is_done:
        raise Failed(_CUT)
    _cost(told, trailers.get(_COST))


def _take(body: _Body, told: Told) -> str:
    if body.usage is not None:
        told.tokens_in, told.tokens_out = body.usage.prompt_tokens, body.usage.completion_tokens
    pieces: list[str] = []
    for choice in body.choices:
        told.finish = choice.finish_reason or told.finish
        pieces.extend(part for told_by in (choice.delta, choice.message) for part in (told_by.content, told_by.refusal) if part)
    return "".join(pieces)


def _cost(told: Told, text: str | None) -> None:
    if text is not None and text.isascii() and text.isdigit():
        told.cost_nano_usd = int(text)


def _read(data: bytes) -> _Body:
    try:
        return msgspec.json.decode(data, type=_Body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Failed("The gateway's answer cannot be read. Ask again; look at its log if it happens again.") from error


def _trouble(answer: http.client.HTTPResponse) -> Refused | Failed | Unusable:
    try:
        body = msgspec.json.decode(answer.read(_MOST_BYTES), type=_Body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Unusable(_NO_GATEWAY)
    if body.error is None or not body.error.message:
        return Unusable(_NO_GATEWAY)
    message = body.error.message
    if answer.status == _NOT_AUTHENTICATED:
        message += " `pointsman ask` takes it from POINTSMAN_KEY or --key."
    return Failed(message) if answer.status >= _FIRST_SERVER_ERROR else Refused(message)


def _event_lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the data of each server-sent event. The gateway writes one `data:` line for each."""
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip()


def _chunks(source: _Lines, trailers: dict[str, str]) -> Iterator[bytes]:
    """
    Yield the chunks of a chunked body (RFC 9112, section 7.1) and keep its trailers.

    The standard library's client reads chunks too, but throws the trailers away.
    """
    while True:
        size = _size(source.readline(_LONGEST_LINE))
        if size == 0:
            trailers.update(_trailers(source))
            return
        if size > _MOST_BYTES:
            raise Failed(_CUT)
        yield source.read(size)
        source.readline(_LONGEST_LINE)


def _size(line: bytes) -> int:
    try:
        return int(line.partition(b";")[0].strip(), 16)
    except ValueError as error:
        raise Failed(_CUT) from error


def _trailers(source: _Lines) -> Mapping[str, str]:
    found: dict[str, str] = {}
    while line := source.readline(_LONGEST_LINE).decode("latin-1").strip():
        name, _, value = line.partition(":")
        found[name.lower()] = value.strip()
    return found


def request_body(prompt: str, *, capability: str, is_streamed: bool, **more: Any) -> bytes:
    """Write a chat completion request."""
    streaming: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}} if is_streamed else {}
    told = {name: value for name, value in more.items() if value is not None}
    return msgspec.json.encode({"model": capability, "messages": [{"role": "user", "content": prompt}], **streaming, **told})
