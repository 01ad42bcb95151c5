"""
`pointsman ask`: put a question to a running gateway, as any application would, and watch the answer arrive.
"""

import http.client
import os
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import click

from pointsman.cli.answer_stream import Told, request_body, streamed, told_by, whole
from pointsman.cli.options import Wrong, duration, json_option, money, note, print_json
from pointsman.core.errors import Unusable

_URL: Final = "http://127.0.0.1:8800"
_CONNECT_S: Final = 5.0
# What a terminal would obey instead of showing. An answer is somebody else's text.
_OBEYED: Final = dict.fromkeys([*range(9), *range(11, 32), *range(127, 160)])


@click.command("ask")
@click.argument("prompt")
@click.option("--capability", required=True, help="The capability to ask.")
@click.option("--key", envvar="POINTSMAN_KEY", help="Your key. Better in POINTSMAN_KEY, where no list of processes shows it.")
@click.option("--url", default=_URL, show_default=True, envvar="POINTSMAN_URL", help="Where the gateway answers.")
@click.option("--no-stream", is_flag=True, help="Wait for the whole answer.")
@click.option("--max-tokens", type=click.IntRange(min=1), help="The longest answer.")
@click.option("--unit", help="The business item that this is about, such as ticket-4711.")
@click.option("--data-class", help="The class of the data in the question, or several with commas.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), default=600.0, show_default=True, help="Seconds to wait for the next piece.")
@json_option
def command(prompt: str, *, capability: str, url: str, no_stream: bool, as_json: bool, **told: Any) -> None:
    """Ask a capability and watch the answer arrive. With `-` the question is read from standard input."""
    question = sys.stdin.buffer.read().decode("utf-8", "replace") if prompt == "-" else prompt
    if not question.strip():
        raise Wrong("The question is empty. Write one, or pipe it in with `-`.")
    is_streamed = not (no_stream or as_json)
    body = request_body(question, capability=capability, is_streamed=is_streamed, max_tokens=told["max_tokens"])
    started = time.monotonic()
    line = _Line(_address(url), told["timeout"])
    with closing(line.connection):
        answer = line.ask(body, _headers(told))
        with line.told():
            decision = told_by(answer)
        pieces = line.each(streamed(answer, decision) if is_streamed else _later(answer, decision))
        if as_json:
            print_json({"text": "".join(pieces), **asdict(decision), "latency_ms": round((time.monotonic() - started) * 1000, 3)})
            return
        first_s = _show(pieces, started)
    note(_summary(decision, time.monotonic() - started, first_s=first_s if is_streamed else None))


def _later(answer: http.client.HTTPResponse, decision: Told) -> Iterator[str]:
    yield whole(answer, decision)


def _show(pieces: Iterator[str], started: float) -> float | None:
    first_s: float | None = None
    try:
        for text in pieces:
            first_s = time.monotonic() - started if first_s is None else first_s
            click.echo(text.translate(_OBEYED), nl=False)
    finally:
        if first_s is not None:
            click.echo()  # whatever ends the answer, the next thing begins on its own line
    return first_s


def _summary(told: Told, took_s: float, *, first_s: float | None) -> str:
    first = "" if first_s is None else f" (first word after {duration(first_s)})"
    tokens = [] if told.tokens_in is None else [f"{told.tokens_in} + {told.tokens_out} tokens"]
    cut = [] if told.finish != "length" else ["cut off by its token limit"]
    cost = "cost unknown" if told.cost_nano_usd is None else money(told.cost_nano_usd)
    return " · ".join([f"\n{told.target} ({told.place})", told.reason, cost, *tokens, *cut, duration(took_s) + first])


def _headers(told: dict[str, Any]) -> dict[str, str]:
    named = {"x-pointsman-unit": told["unit"], "x-pointsman-data-class": told["data_class"]}
    headers = {"content-type": "application/json", **{name: str(value) for name, value in named.items() if value is not None}}
    if told["key"] is not None:
        headers["authorization"] = f"Bearer {str(told['key']).strip()}"
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable()):
            raise Wrong(f"What goes into `{name}` holds letters that a header cannot carry. Use plain ASCII, and copy a key again.")
    return headers


def _address(url: str) -> SplitResult:
    parts = urlsplit(url)
    try:
        is_good = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_good = False
    if not is_good:
        raise Wrong(f"`{url}` is no address of a gateway. Write it like {_URL}.")
    return parts


class _Line:
    """The connection to a gateway. What goes wrong on it is told as such; what goes wrong while showing an answer is not its business."""

    def __init__(self, parts: SplitResult, timeout_s: float) -> None:
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self.connection = kind(parts.hostname or "", parts.port, timeout=_CONNECT_S)
        self._where = f"{parts.scheme}://{parts.netloc}"
        self._path = parts.path.rstrip("/") + "/v1/chat/completions"
        self._timeout_s = timeout_s

    def ask(self, body: bytes, headers: dict[str, str]) -> http.client.HTTPResponse:
        """Send the question and return the head of the answer. Raises `Unusable`."""
        try:
            self.connection.connect()
        except OSError as error:
            raise Unusable(
                f"No gateway answers at {self._where} ({_why(error)}). Start one with `pointsman up`, or name its address with --url or POINTSMAN_URL."
            ) from error
        with self.told():
            self.connection.sock.settimeout(self._timeout_s)
            self.connection.request("POST", self._path, body, headers)
            return self.connection.getresponse()

    def each(self, pieces: Iterator[str]) -> Iterator[str]:
        """Yield the pieces of an answer. Raises `Unusable` where the connection fails."""
        while True:
            with self.told():
                piece = next(pieces, None)
            if piece is None:
                return
            yield piece

    @contextmanager
    def told(self) -> Generator[None]:
        """Turn what goes wrong on the connection into a sentence with a remedy."""
        try:
            yield
        except TimeoutError as error:
            raise Unusable(f"The gateway at {self._where} was silent for {self._timeout_s:g} s. Ask again, or allow more with --timeout.") from error
        except (OSError, http.client.HTTPException) as error:
            raise Unusable(f"The connection to {self._where} broke ({_why(error)}). See whether the gateway still runs, and ask again.") from error


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return str(error) or type(error).__name__
