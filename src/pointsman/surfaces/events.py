"""
Whole replies and streams, one into the other; and a call for a stream into one for a whole answer.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from pointsman.core.call import Call, Foreign, HiddenThinking, Part, Refusal, Text, Thinking, ToolUse
from pointsman.core.errors import PlaceFailed
from pointsman.core.failure import Failure, FailureKind
from pointsman.core.reply import (
    Closed,
    Event,
    Finish,
    Finished,
    RefusalDelta,
    Reply,
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingHidden,
    ThinkingSigned,
    ToolDelta,
    ToolStarted,
    UsageSeen,
)


def reply_events(reply: Reply) -> tuple[Event, ...]:
    """Return the stream that says the same as a whole reply."""
    events: list[Event] = [Started(reply.reply_id, reply.model)]
    slot = 0
    for part in reply.parts:
        events.extend(part_events(part, slot))
        slot += isinstance(part, ToolUse)
    events.append(Finished(reply.finish, reply.stop_sequence))
    if reply.usage is not None:
        events.append(UsageSeen(reply.usage))
    events.append(Closed())
    return tuple(events)


def part_events(part: Part, slot: int) -> tuple[Event, ...]:
    """Return the events that say the same as one part; `slot` numbers it if it is a tool use."""
    match part:
        case Text(text):
            return (TextDelta(text),)
        case Refusal(text=text):
            return (RefusalDelta(text),)
        case Thinking(text=text, signature=signature):
            return (ThinkingDelta(text), ThinkingSigned(signature)) if signature else (ThinkingDelta(text),)
        case HiddenThinking(data=data):
            return (ThinkingHidden(data),)
        case ToolUse(use_id=use_id, name=name, arguments=arguments):
            return (ToolStarted(slot, use_id, name), ToolDelta(slot, arguments)) if arguments else (ToolStarted(slot, use_id, name),)
        case Foreign():
            return (part,)
        case _:
            raise TypeError(f"a model answers no {type(part).__name__}")


def untranslatable(part: Foreign, model: str) -> PlaceFailed:
    """Return the failure for an answer that cannot be told in the caller's dialect. Nothing was asked for that leads to one."""
    message = f"its answer holds `{part.kind}`, which the caller's protocol cannot express"
    return PlaceFailed(Failure(kind=FailureKind.UNTRANSLATABLE, message=message), target=model)


class _Growing:
    """A part that more may be said of. What was said is put together once, at the end: a long answer comes in a hundred thousand pieces."""

    __slots__ = ("part", "said")

    def __init__(self, part: Part) -> None:
        self.part = part
        self.said: list[str] = []

    def whole(self) -> Part:
        if not self.said:
            return self.part
        text = "".join(self.said)
        return replace(self.part, arguments=text) if isinstance(self.part, ToolUse) else replace(self.part, text=text)


class ReplyBuilder:
    """Collects the events of a stream into the reply that says the same. Neighbouring text is one part."""

    def __init__(self) -> None:
        self._parts: list[_Growing] = []
        self._tools: dict[int, _Growing] = {}
        self._started = Started("", "")
        self._finished = Finished(Finish.DONE)
        self._usage: UsageSeen | None = None
        self.size_chars = 0

    def feed(self, events: Iterable[Event]) -> None:
        """Take in the next events. `size_chars` tells how much text has been collected."""
        for event in events:
            match event:
                case Started():
                    self._started = event
                case Finished():
                    self._finished = event
                case UsageSeen():
                    self._usage = event
                case TextDelta(text):
                    self._extend(Text(""), text)
                case _:
                    self._rarer(event)

    def _rarer(self, event: Event) -> None:
        match event:
            case RefusalDelta(text):
                self._extend(Refusal(text=""), text)
            case ThinkingDelta(text):
                self._extend(Thinking(text=""), text)
            case ThinkingSigned(signature):
                self._sign(signature)
            case ThinkingHidden(data):
                self._parts.append(_Growing(HiddenThinking(data=data)))
                self.size_chars += len(data)
            case ToolStarted(slot, use_id, name):
                self._tools[slot] = _Growing(ToolUse(use_id=use_id, name=name, arguments=""))
                self._parts.append(self._tools[slot])
            case ToolDelta(slot, arguments):
                self._say(self._tools[slot], arguments)
            case Foreign():
                self._parts.append(_Growing(event))
            case _:
                pass

    def _extend(self, empty: Text | Refusal | Thinking, more: str) -> None:
        last = self._parts[-1].part if self._parts else None
        is_signed = isinstance(last, Thinking) and last.signature is not None  # a signature ends its block
        if type(last) is not type(empty) or is_signed:
            self._parts.append(_Growing(empty))
        self._say(self._parts[-1], more)

    def _say(self, part: _Growing, more: str) -> None:
        part.said.append(more)
        self.size_chars += len(more)

    def _sign(self, signature: str) -> None:
        last = self._parts[-1] if self._parts else None
        if last is None or not isinstance(last.part, Thinking) or last.part.signature is not None:
            last = _Growing(Thinking(text=""))
            self._parts.append(last)
        last.part = replace(last.part, signature=signature)

    def reply(self) -> Reply:
        """Return what has been collected."""
        return Reply(
            reply_id=self._started.reply_id,
            model=self._started.model,
            finish=self._finished.finish,
            stop_sequence=self._finished.stop_sequence,
            parts=tuple(part.whole() for part in self._parts),
            usage=None if self._usage is None else self._usage.usage,
        )


def unstreamed(call: Call) -> Call:
    """Return the same call for a whole answer: an answer that must be checked is not sent piece by piece."""
    wire = {name: value for name, value in call.wire.items() if name not in ("stream", "stream_options")}
    return replace(call, stream=False, wire=wire)
