"""
What happened to one call, collected while it happens and booked once, when its last byte is known.
"""

from asyncio import CancelledError
from collections.abc import Callable, Mapping
from types import MappingProxyType

from msgspec.structs import replace

from pointsman.core.attempt import Attempt
from pointsman.core.call import Asked, Call
from pointsman.core.capability import Capability
from pointsman.core.clock import Clock
from pointsman.core.entry import CallRecord, Entry
from pointsman.core.errors import NoPlaceAllowed, PlaceFailed, PointsmanError
from pointsman.core.ids import traceparent
from pointsman.core.money import add
from pointsman.core.place import Place
from pointsman.core.principal import Principal
from pointsman.core.reply import Usage
from pointsman.core.routing import Weighed
from pointsman.core.verdict import Verdict
from pointsman.ledger.rating import Rating

_MS = 1000.0
_KINDS = MappingProxyType({Place.RULES: "rule", Place.CACHE: "cache", Place.PEOPLE: "person"})
_MODEL = "model"
OK = "ok"
CANCELLED = "cancelled"


def code_of(error: BaseException) -> str:
    """Return what is booked for an error: the kind of a place's failure, the code of any other of ours."""
    match error:
        case PlaceFailed(failure=failure):
            return failure.kind.value
        case PointsmanError(code=code):
            return code
        case _:
            return CANCELLED if isinstance(error, CancelledError | GeneratorExit) else "internal"


class Trace:
    """
    The story of one call. `close` settles and books it; a second `close` changes nothing.

    `found` counts what detectors found by kind. `settle(tokens, cost_nano_usd)` is set once money and tokens have been reserved, `answered(target, usage)`
    once somebody wants to know who answered; usage is None where nobody counted.
    """

    __slots__ = (
        "_book",
        "_call",
        "_clock",
        "_entries",
        "_is_closed",
        "_started",
        "answered",
        "asked",
        "capability",
        "considered",
        "data_class",
        "features",
        "found",
        "learned",
        "mode",
        "place",
        "principal",
        "propensity",
        "reason",
        "settle",
        "snapshot",
        "started_ms",
        "target",
        "unit",
        "verdict",
        "weighed",
    )

    def __init__(self, call: Call, principal: Principal, *, capability: Capability, asked: Asked, clock: Clock, book: Callable[[CallRecord], None]) -> None:
        self._call = call
        self.principal = principal
        self.capability = capability
        self.unit = asked.unit or call.call_id
        self.asked = asked
        self._clock = clock
        self._book = book
        self._started = clock.monotonic_s()
        self.started_ms = clock.wall_ms()
        self._entries: list[Entry] = []
        self._is_closed = False
        self.considered: tuple[tuple[str, str], ...] = ()
        self.settle: Callable[[int | None, int | None], None] | None = None
        self.answered: Callable[[str, Usage | None], None] | None = None
        self.data_class = "unknown"
        self.found: Mapping[str, int] = {}
        self.verdict: Verdict | None = None
        self.snapshot = ""
        self.target = ""
        self.place = ""
        self.reason = ""
        self.mode = "policy"
        self.propensity = 1.0
        self.weighed: tuple[Weighed, ...] = ()
        self.learned = ""
        self.features: str | None = None

    @property
    def call_id(self) -> str:
        """The id of the call, which is also the request id."""
        return self._call.call_id

    @property
    def started_s(self) -> float:
        """Unix second at which the call was admitted."""
        return self.started_ms / _MS

    @property
    def elapsed_s(self) -> float:
        """Seconds since the call was admitted."""
        return self._clock.monotonic_s() - self._started

    @property
    def cost_nano_usd(self) -> int | None:
        """What all attempts so far cost together, or unknown."""
        if len(self._entries) == 1:
            return self._entries[0].cost_nano_usd
        return add(*(entry.cost_nano_usd for entry in self._entries))

    @property
    def traceparent(self) -> str:
        """What the next attempt may tell the place it asks, so that spans there join the caller's trace."""
        return traceparent(self._call.call_id, self.asked.traceparent, seq=len(self._entries))

    def book(
        self, attempt: Attempt, rating: Rating, *, started: float, first_byte_at: float | None = None, error: str | None = None, kind: str = _MODEL
    ) -> None:
        """Note one attempt. Times are of the monotonic clock; `kind` tells what a model was asked for."""
        self._entries.append(
            Entry(
                seq=len(self._entries),
                place=attempt.target.place,
                target=attempt.target.name,
                error=error,
                latency_ms=(self._clock.monotonic_s() - started) * _MS,
                # The loop's time is cut to milliseconds, so a quick answer may seem to come before its question.
                first_byte_ms=None if first_byte_at is None else max(first_byte_at - started, 0.0) * _MS,
                usage=rating.usage,
                cost_nano_usd=rating.cost_nano_usd,
                price_id=rating.price_id,
                estimated=rating.estimated,
                kind=_KINDS.get(attempt.target.place, kind),
                begun_ms=max(started - self._started, 0.0) * _MS,
                told=rating.told,
            )
        )

    def answered_by(self, attempt: Attempt, reason: str) -> None:
        """Note who answers and why."""
        self.target = attempt.target.name
        self.place = attempt.target.place.value
        self.reason = reason

    def examined(self, target: str, evidence: Mapping[str, float]) -> None:
        """Note what was heard of an answer that was checked, if anything: signal → number."""
        if evidence:
            self.weighed = tuple([replace(one, evidence=evidence) if one.target == target else one for one in self.weighed])

    def under(self, verdict: Verdict, found: Mapping[str, int]) -> None:
        """Note what was found in the data, by kind, and what was decided about it."""
        self.data_class = verdict.label.text
        self.verdict = verdict
        self.found = found

    def fail(self, error: BaseException) -> None:
        """Close with what is booked for an error."""
        if isinstance(error, NoPlaceAllowed):
            self.data_class = error.data_class
            error.tell(self.found)
        self.close(code_of(error))

    def close(self, status: str) -> None:
        """Book the record and settle what was reserved, in this order: whatever happens to the limits, the call is on record."""
        if self._is_closed:
            return
        self._is_closed = True
        key = self.principal.key
        self._book(
            CallRecord(
                call_id=self._call.call_id,
                started_ms=self.started_ms,
                capability=self.capability.name,
                unit=self.unit,
                key_id=key.key_id,
                tenant=key.tenant,
                team=key.team,
                application=key.application,
                user=self.principal.user,
                data_class=self.data_class,
                snapshot=self.snapshot,
                status=status,
                reason=self.reason,
                latency_ms=self.elapsed_s * _MS,
                entries=tuple(self._entries),
                considered=self.considered,
                found=self.found,
                workflow=self.capability.workflow or self.capability.name,
                session=self.asked.session,
                tags=self.asked.tags,
                traceparent=self.asked.traceparent,
                dialect=self._call.dialect,
                stream=self._call.stream,
                sampling=self._call.sampling,
                mode=self.mode,
                propensity=self.propensity,
                weighed=self.weighed,
                criteria=self.asked.criteria,
                learned=self.learned,
                features=self.features,
            )
        )
        if self.settle is not None:
            self.settle(_tokens(self._entries), self.cost_nano_usd)
        if self.answered is not None and self.target:
            last = next((one for one in reversed(self._entries) if one.target == self.target and one.kind == _MODEL), None)
            self.answered(self.target, None if last is None or last.estimated else last.usage)


def _tokens(entries: list[Entry]) -> int | None:
    """Return the tokens of all attempts, or unknown if any part is unknown."""
    total = 0
    for entry in entries:
        if entry.usage is None:
            return None
        total += entry.usage.tokens_in + entry.usage.tokens_out
    return total
