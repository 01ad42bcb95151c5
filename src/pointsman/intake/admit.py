"""
The door: who asks, for which capability, within which limits.

Everything that can be known from the snapshot is worked out before the first request; a request costs a few look-ups.
"""

from collections.abc import Callable, Mapping
from typing import Final

from pointsman.core.call import Call
from pointsman.core.capability import Capability
from pointsman.core.clock import Clock
from pointsman.core.errors import NotPermitted, UnknownCapability
from pointsman.core.http import Deadlines
from pointsman.core.principal import Key, Limit, LimitBy, Principal, Scope
from pointsman.core.snapshot import Snapshot
from pointsman.core.target import Price, Target
from pointsman.intake.identity import Identities
from pointsman.intake.keys import Door
from pointsman.intake.meters import Meter, Meters, Reservation, meter
from pointsman.intake.roles import is_key

_CHARS_PER_TOKEN: Final = 4
_USUAL_TOKENS_OUT: Final = 1024
# Two tenants may have a team of the same name; they share nothing.
_WITHIN_TENANT: Final = frozenset({LimitBy.TEAM, LimitBy.APPLICATION})
_PER_MILLION: Final = 1_000_000
_MOST_REMEMBERED: Final = 16_384


class Intake:
    """The first stage of one snapshot. `price_of` tells the price that a reservation is estimated from, `others` who comes without a key."""

    def __init__(
        self, snapshot: Snapshot, meters: Meters, *, clock: Clock, price_of: Callable[[Target], Price | None], others: Identities | None = None
    ) -> None:
        self._shut: Callable[[str], None] = _open
        self._door = Door(snapshot.keys, others)
        self.others = self._door.others
        self._meters = meters
        self._clock = clock
        self._price_of = price_of
        self._limits = snapshot.limits
        self._capabilities = snapshot.capabilities
        self._raw = {name: _raw(target, snapshot.digest) for name, target in snapshot.targets.items()}
        self._fixed: dict[tuple[str | None, ...], tuple[Meter, ...]] = {}
        self._by_user = tuple(limit for limit in snapshot.limits if limit.by is LimitBy.USER)

    @property
    def is_open(self) -> bool:
        """Tell whether anybody who comes is let in, because there are no keys."""
        return self._door.is_open

    def identify(self, authorization: str | None, api_key: str | None, *, user: str | None) -> Principal:
        """Return who asks. Raises `NotAuthenticated`."""
        return self._door.identify(authorization, api_key, user=user, now_s=self._clock.wall_ms() / 1000)

    def find(self, principal: Principal, name: str) -> Capability:
        """
        Return the capability of this name, or, for a key with the scope `raw_targets`, a target by its own name.

        Raises `UnknownCapability`, also for one that exists but is closed to this key, `NotPermitted` for a key that may not call, and what `heeds` was told
        to raise.
        """
        key = principal.key
        if Scope.CALL not in key.scopes:
            if not is_key(principal):
                self.others.roles.check(principal, f"capability:{name}")
            raise NotPermitted(what="calls (scope `call`)", who=key.key_id)
        found = self._capabilities.get(name)
        if found is not None and (key.capabilities is None or name in key.capabilities):
            self._shut(name)
            return found
        raw = self._raw.get(name)
        if raw is None or found is not None:
            raise UnknownCapability(name=name)
        if Scope.RAW_TARGETS not in key.scopes and not self.others.roles.allows(principal, f"target:{name}"):
            raise NotPermitted(what=f"the target `{name}` by name (scope `raw_targets`)", who=key.key_id)
        return raw

    def heeds(self, shut: Callable[[str], None]) -> "Intake":
        """Let `shut(capability)` raise for a capability that is shut off; it is asked once it is known that the caller may use it."""
        self._shut = shut
        return self

    def check(self, principal: Principal, *permissions: str) -> None:
        """Raise `NoRole` for the first permission (`class:health`, `tool:calendar` …) that whoever asks lacks."""
        for permission in permissions:
            self.others.roles.check(principal, permission)

    def listed(self, principal: Principal) -> tuple[str, ...]:
        """Return the names of the capabilities that this caller may use."""
        allowed = principal.key.capabilities
        return tuple(name for name in self._capabilities if allowed is None or name in allowed)

    def reserve(self, principal: Principal, capability: Capability, *, call: Call) -> Reservation:
        """Set aside what the call may use at most, under every limit that counts it. Raises `OverLimit` or `OverBudget`."""
        meters = self._meters_for(principal, capability)
        now_s = self._clock.wall_ms() / 1000
        if not meters:
            return self._meters.reserve((), tokens=0, cost_nano_usd=0, now_s=now_s)
        tokens_in = call.size_chars // _CHARS_PER_TOKEN + 1
        longest = call.sampling.max_tokens or max((target.max_output_tokens or _USUAL_TOKENS_OUT for target in capability.ladder), default=0)
        tokens_out = longest * call.answers
        cost = 0
        for target in capability.ladder:
            cost = max(cost, self._estimate(target, tokens_in, tokens_out=tokens_out))
        return self._meters.reserve(meters, tokens=tokens_in + tokens_out, cost_nano_usd=cost, now_s=now_s)

    def budgets(self) -> tuple[Limit, ...]:
        """Return the limits in money, for whoever knows what was spent before this process began."""
        return tuple(limit for limit in self._limits if limit.budget_nano_usd is not None)

    def seed(self, limit: Limit, spent: Mapping[str, int]) -> None:
        """Set what was spent in this period, in nano-dollars, by each value of `limit.by`; a team, application or user stands behind its `tenant/`."""
        for counted, nano_usd in spent.items():
            value = counted.partition("/")[2] if limit.by in _WITHIN_TENANT else counted
            if limit.only is None or limit.only == value:
                self._meters.seed(meter(limit, counted), nano_usd, now_s=self._clock.wall_ms() / 1000)

    def held(self, limit: Limit, counted: str) -> int:
        """Return what is spent or reserved of a budget in this period, in nano-dollars. Writes nothing; for any thread."""
        return self._meters.held(meter(limit, counted), self._clock.wall_ms() / 1000)

    def _estimate(self, target: Target, tokens_in: int, *, tokens_out: int) -> int:
        price = self._price_of(target)
        if price is None:
            return 0
        rates = price.rates
        if price.tiers:
            rates = next((tier for start, tier in reversed(price.tiers) if tokens_in >= start), rates)
        return (tokens_in * rates.tokens_in + tokens_out * rates.tokens_out) // _PER_MILLION + price.per_request_nano_usd

    def _meters_for(self, principal: Principal, capability: Capability) -> tuple[Meter, ...]:
        key = principal.key
        # Tokens of one issuer share a name of a key, but not a tenant, team or application.
        counted = (key.key_id, key.tenant, key.team, key.application, capability.name)
        fixed = self._fixed.get(counted)
        if fixed is None:
            fixed = _meters(self._limits, key, value_of=lambda by: _value(by, key, capability=capability))
            if len(self._fixed) >= _MOST_REMEMBERED:
                self._fixed.clear()
            self._fixed[counted] = fixed
        if not self._by_user or principal.user is None:
            return fixed
        return fixed + _meters(self._by_user, key, value_of=lambda _: f"{key.tenant}/{principal.user}")


def _open(name: str) -> None:
    """Let every capability in."""
    del name


def _meters(limits: tuple[Limit, ...], key: Key, *, value_of: Callable[[LimitBy], str | None]) -> tuple[Meter, ...]:
    values = [(limit, value_of(limit.by)) for limit in limits]
    return tuple(
        meter(limit, f"{key.tenant}/{value}" if limit.by in _WITHIN_TENANT else value)
        for limit, value in values
        if value is not None and limit.only in (None, value)
    )


def _value(by: LimitBy, key: Key, *, capability: Capability) -> str | None:
    values = {
        LimitBy.KEY: key.key_id,
        LimitBy.TENANT: key.tenant,
        LimitBy.TEAM: key.team,
        LimitBy.APPLICATION: key.application,
        LimitBy.CAPABILITY: capability.name,
    }
    return values.get(by)  # that of a user is known for each call only


def _raw(target: Target, digest: str) -> Capability:
    return Capability(name=target.name, version=digest, ladder=(target,), deadlines=target.deadlines or Deadlines(), ceiling=target.accepts, raw=True)
