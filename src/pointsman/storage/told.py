"""
What follows from a call's record and is kept beside it: who answered, what it cost in parts, who was asked before and was not good enough.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from pointsman.core.entry import CallRecord, Entry
from pointsman.core.errors import PointsmanError
from pointsman.core.failure import FailureKind
from pointsman.core.place import Place

SHADOW: Final = "shadow"
_HARDWARE: Final = "hardware"
_BESIDE: Final = frozenset({"judge", "summary", "embedding"})


class Told(Struct, frozen=True, kw_only=True):
    """
    The parts of one call. `last` is the attempt that answered, or the last that was tried; None if there was none.

    `cost_nano_usd` is unknown if any part is; `known_nano_usd` is the sum of what is known. Own hardware and overhead are parts of it that do not overlap.
    """

    workflow: str
    last: Entry | None
    cost_nano_usd: int | None
    known_nano_usd: int
    hardware_nano_usd: int
    overhead_nano_usd: int
    tokens_in: int
    tokens_out: int
    cache_read: int
    reasoning: int
    fallbacks: int
    escalated_from: str | None
    to_person: int

    @property
    def first_byte_ms(self) -> float | None:
        """Milliseconds from the call's start to the first byte of its answer."""
        last = self.last
        return None if last is None or last.first_byte_ms is None else last.begun_ms + last.first_byte_ms

    def sums(self, record: CallRecord) -> tuple[float, ...]:
        """Return what the call adds to a roll-up, in the order of its columns. A shadow call is none: nobody asked for it, but somebody pays."""
        return (
            int(not is_shadow(record)),
            int(record.status == "ok"),
            self.fallbacks,
            int(self.escalated_from is not None),
            self.to_person,
            self.known_nano_usd,
            int(self.cost_nano_usd is None),
            self.hardware_nano_usd,
            self.overhead_nano_usd,
            self.tokens_in,
            self.tokens_out,
            self.cache_read,
            self.reasoning,
            0.0 if is_shadow(record) else record.latency_ms,
        )


def told_of(record: CallRecord) -> Told:
    """Return the parts of a call."""
    known = hardware = overhead = tokens_in = tokens_out = cache_read = reasoning = to_person = 0
    is_unknown = False
    for entry in record.entries:
        cost, usage = entry.cost_nano_usd, entry.usage
        if cost is None:
            is_unknown = True
        else:
            known += cost
            # The parts do not overlap: what no caller waited for is overhead wherever it ran.
            is_overhead = is_beside(entry)
            hardware += cost if entry.price_id == _HARDWARE and not is_overhead else 0
            overhead += cost if is_overhead else 0
        if usage is not None:
            tokens_in += usage.tokens_in
            tokens_out += usage.tokens_out
            cache_read += usage.cache_read
            reasoning += usage.reasoning
        if entry.place is Place.PEOPLE:
            to_person = 1
    tried = [entry for entry in record.entries if not is_beside(entry)]
    return Told(
        workflow=record.workflow or record.capability,
        last=next(reversed(tried or record.entries), None),
        cost_nano_usd=None if is_unknown else known,
        known_nano_usd=known,
        hardware_nano_usd=hardware,
        overhead_nano_usd=overhead,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        cache_read=cache_read,
        reasoning=reasoning,
        # Trying the same target again is no fallback.
        fallbacks=int(len(tried) > 1 and len({entry.target for entry in tried}) > 1),
        escalated_from=_escalated_from(tried) if len(tried) > 1 else None,
        to_person=to_person,
    )


def _escalated_from(tried: Sequence[Entry]) -> str | None:
    """Return who was asked before whoever was asked last, and was not good enough."""
    *before, last = tried
    return next((one.target for one in reversed(before) if is_graded(one) and one.target != last.target), None)


def is_shadow(record: CallRecord) -> bool:
    """Tell whether this is a call that nobody asked for: the same question, asked elsewhere for comparison."""
    return record.mode == SHADOW


def is_beside(entry: Entry) -> bool:
    """Tell whether no caller waited for this attempt: it is overhead."""
    return entry.shadow or entry.kind in _BESIDE


def is_graded(entry: Entry) -> bool:
    """Tell whether an answer came and was not good enough: what is booked is a grade's code, not that of a failure or a refusal."""
    return is_grade(entry.error)


def is_grade(error: str | None) -> bool:
    """Tell whether what is booked as an attempt's error is a grade: an answer came."""
    return bool(error) and error not in _FAILED


def _codes(error: type[PointsmanError]) -> Iterator[str]:
    yield error.code
    for more in error.__subclasses__():
        yield from _codes(more)


_FAILED: Final = frozenset({"cancelled", "internal", *(kind.value for kind in FailureKind), *_codes(PointsmanError)})
