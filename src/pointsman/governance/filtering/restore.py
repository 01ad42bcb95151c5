"""
Putting values back: in texts, in JSON text, in whole answers, and in one channel of a stream whatever its borders.

A restorer knows the values of one call alone, which its principal sent: it can show nobody anything else. What was put back is never filtered again.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec
from msgspec.structs import replace

from pointsman.core.call import Part, Refusal, Text, Thinking, ToolUse
from pointsman.core.reply import Reply
from pointsman.governance.filtering.matching import Match, Matcher
from pointsman.governance.filtering.thoughts import Seals

# What stands for one character in JSON text. The beginning of an escape at the end of a text is none; one that can never become whole is taken as it is.
_UNIT: Final = re.compile(r"[^\\]|\\[^u]|\\u[0-9a-fA-F]{4}|\\u(?![0-9a-fA-F]{0,3}\Z)", re.DOTALL)
_ESCAPES: Final[Mapping[str, str]] = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}

# Fields of answers that are left as the vendor wrote them. Proofs and encrypted thoughts must come back unchanged; tokens with their probabilities are
# what the model said, not what the caller reads.
SEALED: Final = frozenset({"signature", "encrypted_content", "encrypted_index", "logprobs"})
_REASONING: Final[Mapping[str, str]] = {"thinking": "thinking", "reasoning.text": "text"}  # kinds of parts that may be signed, and the field of their words
_ENCRYPTED: Final = frozenset({"redacted_thinking", "reasoning.encrypted"})


def wants_json(wire: Mapping[str, Any]) -> bool:
    """Tell whether a request asks for an answer that is JSON text: values are put back into it as JSON writes them."""
    match wire:
        case {"response_format": {"type": "json_object" | "json_schema"}} | {"output_config": {"format": {"type": "json_schema"}}}:
            return True
        case _:
            return False


class Restorer:
    """
    Puts back what the pseudonyms of one call stand for.

    `originals` is what they stand for. With `answers_json` the text of the answer is JSON text. `restored` counts the values put back, `mended`
    those among them whose pseudonym the model had bent. `seals` keeps signed reasoning together with what its signature is over.
    """

    def __init__(self, originals: Mapping[str, str], *, answers_json: bool = False, seals: Seals | None = None) -> None:
        self.seals = seals
        self.originals = originals
        self._matcher = Matcher(originals)
        self.answers_json = answers_json
        self.restored = 0
        self.mended = 0

    def text(self, text: str, *, is_json: bool = False) -> str:
        """Return a text with its values. In JSON text they are escaped as its strings need it."""
        if is_json and "\\" in text:
            channel = self.channel(is_json=True)
            return channel.feed(text) + channel.end()
        matches = self._matcher.find(text)
        return self.told(text, matches, is_json=is_json) if matches else text

    def channel(self, *, is_json: bool = False) -> "Channel":
        """Return a reader of one text that comes in pieces."""
        return Channel(self, self._matcher, is_json=is_json)

    def reply(self, reply: Reply) -> Reply:
        """Return a whole answer with its values, in our words and in the vendor's."""
        native = reply.native
        return replace(
            reply,
            parts=tuple(self._part(part) for part in reply.parts),
            stop_sequence=None if reply.stop_sequence is None else self.text(reply.stop_sequence),
            native=None if native is None else replace(native, body=self.body(native.body)),
        )

    def _part(self, part: Part) -> Part:
        match part:
            case Text(text):
                return Text(self.text(text, is_json=self.answers_json))
            case Thinking(text=text, signature=signature):
                shown = self.text(text)
                return Thinking(text=shown, signature=signature and self.sealed(signature, written=text, shown=shown))
            case Refusal(text=text):
                return Refusal(text=self.text(text))
            case ToolUse(name=name, arguments=arguments):
                return replace(part, name=self.text(name), arguments=self.text(arguments, is_json=True))
            case _:
                return part

    def body(self, body: bytes) -> bytes:
        """Return the body of a whole answer with its values, of any dialect. One that holds none, or is no JSON, is returned as it is."""
        try:
            told = msgspec.json.decode(body)
            restored = self.tree(told)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return body
        return body if restored == told else msgspec.json.encode(restored)

    def tree(self, node: Any, name: str | int = "") -> Any:
        """Return a piece of JSON with its values, in texts and in names of fields. `name` is the field that it stands in."""
        match node:
            case str():
                return self.text(node, is_json=self.is_json(name))
            case list():
                return [self.tree(item, name) for item in cast("list[Any]", node)]
            case dict():
                return self._signed(cast("dict[str, Any]", node), self._fields(cast("dict[str, Any]", node)))
            case _:
                return node

    def _fields(self, fields: dict[str, Any]) -> dict[str, Any]:
        is_sealed = fields.get("type") in _ENCRYPTED
        is_prose = fields.get("type", "text") != "text"  # reasoning has a `text` too, which is never JSON text
        return {
            self.text(field): value if field in SEALED or (is_sealed and field == "data") else self.tree(value, "" if is_prose and field == "text" else field)
            for field, value in fields.items()
        }

    def _signed(self, written: dict[str, Any], shown: dict[str, Any]) -> dict[str, Any]:
        field = _REASONING.get(str(written.get("type")), "")
        match written.get(field), written.get("signature"):
            case str(text), str(signature) if signature:
                return {**shown, "signature": self.sealed(signature, written=text, shown=shown[field])}
            case _:
                return shown

    def sealed(self, signature: str, *, written: str, shown: str) -> str:
        """Return the signature of reasoning as the caller gets it."""
        return signature if self.seals is None else self.seals.sealed(signature, written=written, shown=shown)

    def is_json(self, name: str | int) -> bool:
        """Tell whether the text in a field of an answer is JSON text."""
        return name in {"arguments", "partial_json"} or (self.answers_json and name in {"content", "text"})

    def told(self, text: str, matches: list[Match], *, is_json: bool, end: int | None = None) -> str:
        """Return a text up to `end` with values where the pseudonyms stand, and take note of them."""
        self.restored += len(matches)
        self.mended += sum(not match.is_exact for match in matches)
        told: list[str] = []
        at = 0
        for match in matches:
            told += (text[at : match.start], _quoted(match.original) if is_json else match.original)
            at = match.end
        told.append(text[at:end])
        return "".join(told)


class Channel:
    """
    One text that comes in pieces: the words of one choice, its reasoning, the arguments of one tool.

    Held back is only an end that may be the beginning of a pseudonym, or half an escape of JSON text.
    """

    __slots__ = ("_is_json", "_matcher", "_restorer", "held")

    def __init__(self, restorer: Restorer, matcher: Matcher, *, is_json: bool) -> None:
        self._restorer = restorer
        self._matcher = matcher
        self._is_json = is_json
        self.held = ""

    def feed(self, text: str) -> str:
        """Return what can be told now."""
        text = self.held + text
        if self._is_json and "\\" in text:
            return self._feed_escaped(text)
        matches = self._matcher.find(text)
        start = matches[-1].end if matches else 0
        held_from = start + self._matcher.held(text[start:] if start else text)
        self.held = text[held_from:]
        return self._restorer.told(text, matches, is_json=self._is_json, end=held_from) if matches else text[:held_from]

    def end(self) -> str:
        """Return what is still held back: nothing more comes."""
        text, self.held = self.held, ""
        return text

    def _feed_escaped(self, text: str) -> str:
        # A pseudonym may be written in escapes: it is looked for in what the text says, and replaced where that is written.
        says: list[str] = []
        starts = [0]
        for unit in _UNIT.finditer(text):
            if unit.start() != starts[-1]:
                break  # what was passed over is half an escape, the last thing in the text
            says.append(_said(unit[0]))
            starts.append(unit.end())
        found = self._matcher.find("".join(says))
        start = found[-1].end if found else 0
        held_from = starts[start + self._matcher.held("".join(says[start:]))]
        self.held = text[held_from:]
        matches = [match._replace(start=starts[match.start], end=starts[match.end]) for match in found]
        return self._restorer.told(text, matches, is_json=True, end=held_from)


def _said(unit: str) -> str:
    if len(unit) == 1:
        return unit
    if unit[1] == "u":
        return chr(int(unit[2:] or "0", 16))
    return _ESCAPES.get(unit[1], unit[1])


def _quoted(text: str) -> str:
    return msgspec.json.encode(text)[1:-1].decode()
