"""
Putting values back into a stream in our words: events in, events out. Used where the answer is told in another dialect than the vendor's.
"""

from collections.abc import Iterable, Iterator

from pointsman.core.reply import Event, RefusalDelta, Started, TextDelta, ThinkingDelta, ThinkingSigned, ToolDelta, ToolStarted, UsageSeen
from pointsman.governance.filtering.restore import Channel, Restorer

_Said = TextDelta | RefusalDelta | ThinkingDelta


class EventStream:
    """
    Restores the events of one answer.

    Words, reasoning and refusals are said one after another, so what is held back of one is told before the next begins. The arguments of several
    tools may come in turns, so theirs is told at the end.
    """

    def __init__(self, restorer: Restorer) -> None:
        self._restorer = restorer
        self._saying: type[_Said] = TextDelta
        self._said = restorer.channel(is_json=restorer.answers_json)
        self._tools: dict[int, Channel] = {}
        self._written: list[str] = []  # reasoning that is not yet signed, as the vendor wrote it
        self._shown: list[str] = []

    def feed(self, events: Iterable[Event]) -> tuple[Event, ...]:
        """Return the events that can be told now."""
        return tuple(told for event in events for told in self._feed(event))

    def _feed(self, event: Event) -> Iterator[Event]:
        match event:
            case TextDelta(text) | RefusalDelta(text) | ThinkingDelta(text):
                yield from self._say(type(event), text)
            case ToolDelta(slot, arguments):
                told = self._tool(slot).feed(arguments)
                if told:
                    yield ToolDelta(slot, told)
            case ThinkingSigned(signature):
                yield from self.end()
                yield ThinkingSigned(self._restorer.sealed(signature, written="".join(self._written), shown="".join(self._shown)))
                self._written, self._shown = [], []
            case Started() | UsageSeen():
                yield event
            case ToolStarted(slot, use_id, name):
                yield from self._end_said()
                yield ToolStarted(slot, use_id, self._restorer.text(name))
            case _:  # the end, or something that only the vendor has a word for
                yield from self.end()
                yield event

    def end(self) -> Iterator[Event]:
        """Yield what is still held back: nothing more comes."""
        yield from self._end_said()
        for slot, channel in self._tools.items():
            if rest := channel.end():
                yield ToolDelta(slot, rest)

    def _say(self, kind: type[_Said], text: str) -> Iterator[Event]:
        if kind is not self._saying:
            yield from self._end_said()
            self._saying = kind
            self._said = self._restorer.channel(is_json=kind is TextDelta and self._restorer.answers_json)
        if kind is ThinkingDelta:
            self._written.append(text)
        yield from self._tell(self._said.feed(text))

    def _end_said(self) -> Iterator[Event]:
        yield from self._tell(self._said.end())

    def _tell(self, text: str) -> Iterator[Event]:
        if text:
            if self._saying is ThinkingDelta:
                self._shown.append(text)
            yield self._saying(text)

    def _tool(self, slot: int) -> Channel:
        if slot not in self._tools:
            self._tools[slot] = self._restorer.channel(is_json=True)
        return self._tools[slot]
