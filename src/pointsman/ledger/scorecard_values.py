"""
What a scorecard says. Values only: how they come about belongs to `scorecard`.
"""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct


class Coverage(StrEnum):
    """Whether the cost of what is counted is known."""

    KNOWN = "known"
    PARTIAL = "partial"
    UNKNOWN = "unknown"

    @classmethod
    def of(cls, counted: int, unknown: int) -> "Coverage":
        """Return it for so many things counted, of which so many have an unknown cost."""
        if not unknown:
            return cls.KNOWN
        return cls.UNKNOWN if unknown >= counted else cls.PARTIAL


class Money(Struct, frozen=True, kw_only=True):
    """Cost in nano-dollars by what it was paid for. The parts do not overlap; `hardware` is what calls used of own hardware, without what was idle."""

    api: int = 0
    hardware: int = 0
    overhead: int = 0
    human: int = 0
    licences: int = 0

    @property
    def loaded(self) -> int:
        """Everything."""
        return self.api + self.hardware + self.overhead + self.human + self.licences

    @property
    def marginal(self) -> int:
        """What would not have been paid without the calls: neither own hardware nor licences."""
        return self.api + self.overhead + self.human


class Units(Struct, frozen=True, kw_only=True):
    """
    Business items that were opened in the span.

    `useful` is of `matured` units: those that have had the whole window in which an outcome counts. `provisional_useful` is of all, as told so far.
    `told` counts those about which anything was told; `in_time` the matured ones that reached an outcome in time.
    """

    units: int = 0
    told: int = 0
    reversed: int = 0
    provisional_useful: int = 0
    matured: int = 0
    matured_told: int = 0
    useful: int = 0
    in_time: int = 0
    value_nano_usd: int = 0
    human_s: float = 0.0

    @property
    def maturity(self) -> float | None:
        """The matured share, 0 to 1; None without units."""
        return self.matured / self.units if self.units else None

    @property
    def outcome_coverage(self) -> float | None:
        """The share about which an outcome was told, 0 to 1; None without units."""
        return self.told / self.units if self.units else None

    @property
    def completion_rate(self) -> float | None:
        """The share of matured units that reached an outcome in time; None without matured units."""
        return self.in_time / self.matured if self.matured else None

    @property
    def useful_rate(self) -> float | None:
        """The share of matured units that were useful; None without matured units."""
        return self.useful / self.matured if self.matured else None


class Worth(Struct, frozen=True, kw_only=True):
    """
    What units cost, all that was spent on them whenever that was, and what a useful one of them cost.

    Failed units' cost stays in the numerator. None where no unit is useful or no cost is known.
    """

    money: Money = Money()
    coverage: Coverage = Coverage.KNOWN
    useful: int = 0

    @property
    def loaded_nano_usd(self) -> int | None:
        """Cost per useful outcome with everything."""
        return self._each(self.money.loaded)

    @property
    def marginal_nano_usd(self) -> int | None:
        """Cost per useful outcome without own hardware and licences."""
        return self._each(self.money.marginal)

    def _each(self, nano_usd: int) -> int | None:
        return None if not self.useful or self.coverage is Coverage.UNKNOWN else round(nano_usd / self.useful)


class Quality(Struct, frozen=True, kw_only=True):
    """
    The mean of a score from 0 to 1 with its 95 % interval (`lo`, `hi`).

    Where machines judged and people labelled some of the same calls, the mean is the machines' plus the labels' mean gap to them, weighted by
    1 / selection_propensity (prediction-powered inference), and `is_rectified`; `raw` is the machines' alone. `judged` and `labelled` count calls.
    """

    metric: str
    mean: float
    lo: float
    hi: float
    judged: int
    labelled: int
    raw: float | None = None
    is_rectified: bool = False


class Escalation(Struct, frozen=True, kw_only=True):
    """
    Shares of calls, 0 to 1: that went to a stronger target, and that went to a person; None without calls.

    `useful` is the share of escalated units that became useful, of the newest mature ones.
    """

    up: float | None = None
    to_people: float | None = None
    useful: float | None = None


class Override(Struct, frozen=True, kw_only=True):
    """The share of reviews that changed what the machine did, weighted by 1 / selection_propensity; `raw` without weights; `routing` only another target."""

    reviews: int = 0
    rate: float | None = None
    raw: float | None = None
    routing: float | None = None


class Latency(Struct, frozen=True, kw_only=True):
    """
    Milliseconds. Quantiles are exact to the width of a bin (a fifth of an octave); None where the slice names callers.

    First bytes are of the newest `first_byte_n` calls that had one.
    """

    mean_ms: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    first_byte_p50_ms: float | None = None
    first_byte_p95_ms: float | None = None
    first_byte_n: int = 0


class Tokens(Struct, frozen=True, kw_only=True):
    """Tokens by kind; `cache_read` is a part of `tokens_in`, `reasoning` of `tokens_out`."""

    tokens_in: int = 0
    tokens_out: int = 0
    cache_read: int = 0
    reasoning: int = 0


class Choice(Struct, frozen=True, kw_only=True):
    """One target that answered. `share` is of the workflow's calls; the cost is of the whole calls that it answered. `overhead` is a part of it."""

    place: str
    target: str
    calls: int
    ok: int
    share: float
    cost_nano_usd: int
    cost_unknown: int
    hardware_nano_usd: int
    overhead_nano_usd: int


class Hardware(Struct, frozen=True, kw_only=True):
    """A target on own hardware: what was paid for, and how much of it calls of any workflow used. What was idle is allocated to nobody."""

    target: str
    paid_s: float
    paid_nano_usd: int
    busy_s: float
    busy_nano_usd: int

    @property
    def idle_nano_usd(self) -> int:
        """What was paid while no call ran."""
        return self.paid_nano_usd - self.busy_nano_usd

    @property
    def utilisation(self) -> float | None:
        """The busy share of the paid time; None where none was paid."""
        return self.busy_s / self.paid_s if self.paid_s else None


class Scorecard(Struct, frozen=True, kw_only=True):
    """
    One workflow in a span.

    `money` is what calls of the span cost, with people's work on its units and its licences. `worth` is of mature units only, `provisional` of all that
    were opened in the span. `hardware` lists the targets on own hardware that answered its calls.
    """

    workflow: str
    unit: str = "request"
    owner: str = ""
    calls: int = 0
    ok: int = 0
    fallbacks: int = 0
    cost_unknown: int = 0
    money: Money = Money()
    units: Units = Units()
    worth: Worth = Worth()
    provisional: Worth = Worth()
    qualities: tuple[Quality, ...] = ()
    escalation: Escalation = Escalation()
    override: Override = Override()
    latency: Latency = Latency()
    tokens: Tokens = Tokens()
    choices: tuple[Choice, ...] = ()
    hardware: tuple[Hardware, ...] = ()

    @property
    def coverage(self) -> Coverage:
        """Whether the cost of its calls is known."""
        return Coverage.of(self.calls, self.cost_unknown)

    @property
    def cost_per_useful_nano_usd(self) -> int | None:
        """What a useful outcome cost, with everything; None while no unit is mature and useful."""
        return self.worth.loaded_nano_usd

    @property
    def quality(self) -> Quality | None:
        """The metric with the most scores."""
        return max(self.qualities, key=lambda one: one.judged + one.labelled, default=None)

    @property
    def calls_by_place(self) -> Mapping[str, int]:
        """Where its calls ran."""
        found: dict[str, int] = {}
        for one in self.choices:
            found[one.place] = found.get(one.place, 0) + one.calls
        return found
