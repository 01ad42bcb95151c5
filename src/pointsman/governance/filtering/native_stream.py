"""
Putting values back into a stream in the caller's own dialect: bytes of server-sent events in, bytes out. Used where they are forwarded as they came.

Every text of a chunk is restored, known field or not. Those that grow from chunk to chunk are channels; what is held back of one is told in a chunk of its
own before the channel ends. Chunks in which nothing changes are forwarded byte for byte.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, cast

import msgspec
from msgspec import Struct

from pointsman.core.place import Dialect
from pointsman.governance.filtering.restore import SEALED, Channel, Restorer

_Json = dict[str, Any]
_Where = tuple[str | int, ...]
_Write = Callable[[Any], Any]
_WHOLE: Final = frozenset({"type", "role", "id", "name", "format", "index"})  # told once, never piece by piece


class NativeStream(Protocol):
    """Restores one stream of one dialect."""

    def feed(self, raw: bytes) -> bytes:
        """Return what can be told now, as complete server-sent events. `raw` is one or more complete ones."""
        ...

    def end(self) -> bytes:
        """Return what is still held back of a stream that was cut."""
        ...


class _Growing(Struct):
    """A text that grows: its channel, and how a chunk with more of it is written."""

    channel: Channel
    write: _Write


class _Signed:
    """A block of reasoning: its signature, what it is over, and what the caller is shown of it."""

    def __init__(self) -> None:
        self.signature = ""
        self.written: list[str] = []
        self.shown: list[str] = []

    def add(self, *, written: str, shown: str) -> None:
        self.written.append(written)
        self.shown.append(shown)


def native_stream(dialect: Dialect, restorer: Restorer) -> NativeStream:
    """Return what restores the streams of a dialect."""
    return _STREAMS[dialect](restorer)


def _each(raw: bytes, feed: Callable[[bytes, bytes], bytes]) -> bytes:
    """Return what `feed` makes of each event: of the lines before its data, and its data."""
    told: list[bytes] = []
    for block in raw.split(b"\n\n"):
        if block.startswith(b"data: ") and b"\n" not in block:
            told.append(feed(b"", block[6:]))
        elif block.strip():
            lines = block.split(b"\n")
            data = [line.partition(b":")[2].removeprefix(b" ") for line in lines if line.startswith(b"data")]
            told.append(feed(b"".join(line + b"\n" for line in lines if not line.startswith(b"data")), b"\n".join(data)))
    return b"".join(told)


def _event(head: bytes, data: bytes) -> bytes:
    return head + b"".join(b"data: " + line + b"\n" for line in data.split(b"\n")) + b"\n"


def _read(data: bytes) -> _Json | None:
    """Return the object that a chunk holds; None for end marks and for what is no JSON, both forwarded as they are."""
    try:
        told = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return cast("_Json", told) if isinstance(told, dict) else None


# ── OpenAI Chat Completions ─────────────────────────────────────────────────────────────────────────────────────────


class OpenAIStream:
    """
    Restores `chat.completion.chunk` events.

    Each choice says reasoning, words, refusals and tool calls one after another; the choices, and the tool calls of one, come in turns. Token
    strings with their probabilities stay as the model said them.
    """

    def __init__(self, restorer: Restorer) -> None:
        self._restorer = restorer
        self._growing: dict[_Where, _Growing] = {}
        self._envelope: _Json = {}

    def feed(self, raw: bytes) -> bytes:
        """Return what can be told now."""
        return _each(raw, self._chunk)

    def end(self) -> bytes:
        """Return what is still held back."""
        return b"".join([self._flush(index) for index in sorted({cast("int", where[0]) for where in self._growing})])

    def _chunk(self, head: bytes, data: bytes) -> bytes:
        chunk = _read(data)
        if chunk is None:
            return self.end() + _event(head, data)
        told = {name: value if name == "choices" else self._restorer.tree(value, name) for name, value in chunk.items()}
        before: list[bytes] = []
        if isinstance(chunk.get("choices"), list):
            choices = cast("list[Any]", chunk["choices"])
            self._envelope = {name: value for name, value in chunk.items() if name not in {"choices", "usage"}}
            told["choices"] = [self._choice(cast("_Json", choice)) if isinstance(choice, dict) else choice for choice in choices]
            before = [self._before(_object(choice)) for choice in choices]
        return b"".join(before) + _event(head, data if told == chunk else msgspec.json.encode(told))

    def _choice(self, choice: _Json) -> _Json:
        told = {name: value if name in SEALED else self._restorer.tree(value, name) for name, value in choice.items() if name != "delta"}
        if "delta" in choice:
            told["delta"] = self._grown(choice["delta"], (_index(choice),), write=_itself, is_end=bool(choice.get("finish_reason")))
        return told

    def _before(self, choice: _Json) -> bytes:
        """Return what is held back of a choice that ends, or goes on with something else."""
        if choice.get("finish_reason"):
            return self._flush(_index(choice))
        said = {name for name, value in _object(choice.get("delta")).items() if value and name not in _WHOLE}
        return self._flush(_index(choice), but=said | {"tool_calls"}) if said else b""

    def _grown(self, node: Any, where: _Where, *, write: _Write, is_end: bool) -> Any:
        match node:
            case str() if where[-1] in _WHOLE or where[-1] in SEALED:
                return node if where[-1] in SEALED else self._restorer.text(node)
            case str():
                if where not in self._growing:
                    is_json = where[-1] == "arguments" or (where[1:] == ("content",) and self._restorer.answers_json)
                    self._growing[where] = _Growing(self._restorer.channel(is_json=is_json), write)
                channel = self._growing[where].channel
                return channel.feed(node) + (channel.end() if is_end else "")
            case dict():
                fields = cast("_Json", node)
                return {name: self._grown(value, (*where, name), write=_within(name, write), is_end=is_end) for name, value in fields.items()}
            case list():
                items = enumerate(cast("list[Any]", node))
                return [self._grown(item, (*where, _number(item, at)), write=_listed(item, at, write=write), is_end=is_end) for at, item in items]
            case _:
                return node

    def _flush(self, index: int, *, but: frozenset[str] | set[str] = frozenset()) -> bytes:
        told: list[bytes] = []
        for where, growing in self._growing.items():
            if where[0] == index and where[1] not in but and (rest := growing.channel.end()):
                choice = {"index": index, "delta": growing.write(rest), "finish_reason": None}
                told.append(_event(b"", msgspec.json.encode({**self._envelope, "choices": [choice]})))
        return b"".join(told)


def _itself(value: Any) -> Any:
    return value


def _within(name: str, write: _Write) -> _Write:
    return lambda value: write({name: value})


def _number(item: Any, position: int) -> Any:
    """Return what tells an item of a list from the others: its own number, where it has one."""
    return _object(item).get("index", position)


def _listed(item: Any, position: int, *, write: _Write) -> _Write:
    marks = {"index": _number(item, position), **{name: value for name, value in _object(item).items() if name == "type"}}
    return lambda value: write([{**marks, **value} if isinstance(value, dict) else value])


def _object(node: Any) -> _Json:
    return cast("_Json", node) if isinstance(node, dict) else {}


def _index(node: _Json) -> int:
    index = node.get("index")
    return index if isinstance(index, int) else 0


# ── Anthropic Messages ──────────────────────────────────────────────────────────────────────────────────────────────


class AnthropicStream:
    """
    Restores `message_start` … `message_stop`. What is held back of a block is told before it is signed or stops.

    A signature is told when its block stops, sealed together with what it is over (`thoughts`).
    """

    def __init__(self, restorer: Restorer) -> None:
        self._restorer = restorer
        self._growing: dict[_Where, _Growing] = {}
        self._signed: dict[int, _Signed] = {}

    def feed(self, raw: bytes) -> bytes:
        """Return what can be told now."""
        return _each(raw, self._block_event)

    def end(self) -> bytes:
        """Return what is still held back."""
        return b"".join([self._flush(index) for index in sorted({cast("int", where[0]) for where in self._growing})])

    def _block_event(self, head: bytes, data: bytes) -> bytes:
        event = _read(data)
        if event is None:
            return _event(head, data)
        index = _index(event)
        before = b""
        match event:
            case {"type": "content_block_start", "content_block": dict()}:
                told = {**event, "content_block": self._grown(event["content_block"], index, opens=True)}
            case {"type": "content_block_delta", "delta": {"type": "signature_delta", "signature": str(signature)}} if self._restorer.seals is not None:
                self._signed.setdefault(index, _Signed()).signature += signature
                return b""
            case {"type": "content_block_delta", "delta": {"type": "signature_delta"}}:
                told, before = event, self._flush(index)
            case {"type": "content_block_delta", "delta": dict()}:
                told = {**event, "delta": self._grown(event["delta"], index, opens=False)}
            case {"type": "content_block_stop"}:
                told, before = event, self._flush(index) + self._signature(index)
            case {"type": "message_start" | "ping"}:
                told = event
            case _:
                told, before = self._restorer.tree(event), self.end()
        return before + _event(head, data if told == event else msgspec.json.encode(told))

    def _grown(self, node: _Json, index: int, *, opens: bool) -> _Json:
        """Restore a block or a piece of one: its texts grow, all else is told once. A block that `opens` may hold the first piece of its text."""
        texts = {name: value for name, value in node.items() if isinstance(value, str) and name not in {*_WHOLE, *SEALED} and (not opens or name in _DELTAS)}
        told: _Json = self._restorer.tree({name: value for name, value in node.items() if name not in texts})
        for name, text in texts.items():
            if (index, name) not in self._growing:
                is_json = name == "partial_json" or (name == "text" and self._restorer.answers_json)
                write = _piece(_DELTAS.get(name) or node.get("type"), name)
                self._growing[index, name] = _Growing(self._restorer.channel(is_json=is_json), write)
            told[name] = self._growing[index, name].channel.feed(text)
            if name == "thinking":
                self._signed.setdefault(index, _Signed()).add(written=text, shown=told[name])
        return told

    def _signature(self, index: int) -> bytes:
        signed = self._signed.pop(index, None)
        if signed is None or not signed.signature:
            return b""
        sealed = self._restorer.sealed(signed.signature, written="".join(signed.written), shown="".join(signed.shown))
        return self._delta(index, {"type": "signature_delta", "signature": sealed})

    @staticmethod
    def _delta(index: int, delta: _Json) -> bytes:
        return _event(b"event: content_block_delta\n", msgspec.json.encode({"type": "content_block_delta", "index": index, "delta": delta}))

    def _flush(self, index: int) -> bytes:
        told: list[bytes] = []
        for where, growing in self._growing.items():
            if where[0] == index and (rest := growing.channel.end()):
                told.append(self._delta(index, growing.write(rest)))
                if where[1] == "thinking":
                    self._signed.setdefault(index, _Signed()).add(written="", shown=rest)
        return b"".join(told)


def _piece(kind: Any, name: str) -> _Write:
    return lambda rest: {"type": kind, name: rest}


_DELTAS: Final[Mapping[str, str]] = {"text": "text_delta", "thinking": "thinking_delta"}
_STREAMS: Final[Mapping[Dialect, Callable[[Restorer], NativeStream]]] = {
    Dialect.OPENAI_CHAT: OpenAIStream,
    Dialect.ANTHROPIC_MESSAGES: AnthropicStream,
}
