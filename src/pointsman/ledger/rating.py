"""
What one attempt cost: usage × price, hardware time, or unknown.

Precedence: what the vendor's answer says it cost, else the target's own price (contract or override), else the catalogue, else unknown. A
target on own hardware costs its share of busy time instead of tokens.
"""

from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pointsman.core.call import Call
from pointsman.core.clock import Clock
from pointsman.core.entry import Told
from pointsman.core.errors import PlaceFailed
from pointsman.core.failure import FailureKind
from pointsman.core.reply import Reply, Usage, UsageSeen
from pointsman.core.target import Price, Target
from pointsman.ledger.busy import BusyMeter
from pointsman.ledger.prices import cost

_CHARS_PER_TOKEN: Final = 4

# After these the vendor may have worked, and bill, for an answer that never reached us.
_MAY_BILL: Final = frozenset(
    {FailureKind.TIMEOUT_FIRST_BYTE, FailureKind.TIMEOUT_GAP, FailureKind.TIMEOUT_TOTAL, FailureKind.CUT, FailureKind.BROKEN, FailureKind.BAD_ANSWER}
)


class Rating(Struct, frozen=True, kw_only=True):
    """
    The cost of one attempt in nano-dollars, None when it is unknown, with the tokens and the price it follows from.

    `estimated` marks usage that was counted by us, not by the vendor.
    """

    usage: Usage | None
    cost_nano_usd: int | None
    price_id: str | None
    estimated: bool = False
    told: Told | None = None


FREE: Final = Rating(usage=Usage(), cost_nano_usd=0, price_id="none")


class Running(Struct, frozen=True):
    """An attempt under way; `mark` is the busy meter's reading at its start, for a target on own hardware."""

    target: Target
    mark: float | None = None


class Rater:
    """Rates attempts. `price_of(target)` is the price in force now; `busy` holds a meter for each target on own hardware."""

    def __init__(self, price_of: Callable[[Target], Price | None], busy: Mapping[str, BusyMeter], *, clock: Clock) -> None:
        self._price_of = price_of
        self._busy = busy
        self._clock = clock

    def begin(self, target: Target) -> Running:
        """Note that an attempt begins."""
        if target.hardware is None:
            return Running(target)
        return Running(target, self._busy[target.name].start(self._clock.monotonic_s()))

    def rate(self, running: Running, reply: Reply) -> Rating:
        """Rate a whole reply."""
        told = Told(reply_id=reply.reply_id, model=reply.model, finish=reply.finish)
        return replace(self._rate(running, reply.usage), told=told)

    def rate_stream(self, running: Running, call: Call, *, usage: UsageSeen | None, is_whole: bool, produced_tokens: int, told: Told | None = None) -> Rating:
        """Rate a stream that has ended. `is_whole` tells that all it had to say was said, so that what was counted is all there is."""
        if is_whole:
            return replace(self._rate(running, None if usage is None else usage.usage), told=told)
        return replace(self.cut(running, call, produced_tokens=produced_tokens, known=usage), told=told)

    def cut(self, running: Running, call: Call, *, produced_tokens: int, known: UsageSeen | None = None) -> Rating:
        """Rate an attempt that was cut short: the caller is charged for what was produced, as far as it can be known."""
        told = Usage(tokens_in=call.size_chars // _CHARS_PER_TOKEN + 1) if known is None else known.usage
        return self._rate(running, replace(told, tokens_out=max(told.tokens_out, produced_tokens)), estimated=True)

    def fell(self, running: Running, call: Call, *, error: BaseException) -> Rating:
        """Rate an attempt that failed, or was cut short before there was an answer."""
        return self.failed(running, call, kind=error.failure.kind) if isinstance(error, PlaceFailed) else self.cut(running, call, produced_tokens=0)

    def failed(self, running: Running, call: Call, *, kind: FailureKind) -> Rating:
        """Rate a failed attempt: nothing where the vendor said no, an estimate of the prompt where it may have worked for us."""
        if kind in _MAY_BILL:
            return self.cut(running, call, produced_tokens=0)
        if running.mark is not None:  # own hardware was in use all the same
            return self._rate(running, Usage())
        return Rating(usage=Usage(), cost_nano_usd=0, price_id=None)

    def _rate(self, running: Running, usage: Usage | None, *, estimated: bool = False) -> Rating:
        target = running.target
        if running.mark is not None:
            share = self._busy[target.name].stop(running.mark, self._clock.monotonic_s())
            return Rating(usage=usage, cost_nano_usd=share, price_id="hardware", estimated=estimated)
        if usage is not None and usage.cost_nano_usd is not None and not estimated:
            return Rating(usage=usage, cost_nano_usd=usage.cost_nano_usd, price_id="vendor-reported")
        price = self._price_of(target)
        if price is None or usage is None:
            return Rating(usage=usage, cost_nano_usd=None, price_id=None, estimated=estimated)
        return Rating(usage=usage, cost_nano_usd=cost(usage, price), price_id=price.price_id, estimated=estimated)
