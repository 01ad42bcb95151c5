"""
Who asks, what they may do, and within which limits. Values only; `intake` judges.
"""

from enum import StrEnum

from msgspec import Struct

from pointsman.core.label import INTERNAL, Label


class Scope(StrEnum):
    """One permission of a key."""

    CALL = "call"  # call the capabilities that the key names
    RAW_TARGETS = "raw_targets"  # name a target instead of a capability
    OUTCOMES = "outcomes"  # report outcomes
    ADMIN = "admin"  # the admin listener


class Digest(Struct, frozen=True, kw_only=True):
    """One accepted secret of a key: SHA-256 in hex, and the time (Unix seconds) until which it is accepted."""

    sha256: str
    until_s: float | None = None


class Key(Struct, frozen=True, kw_only=True):
    """
    A key of a service. The secret is known by digests only; during a rotation two of them are valid.

    `capabilities` None means all. `label` is what the key declares about all data it sends; `groups` are what policies know its holder by; `files` what
    those count as that nobody can read.
    """

    key_id: str
    digests: tuple[Digest, ...]
    tenant: str = "default"
    team: str | None = None
    application: str | None = None
    scopes: frozenset[Scope] = frozenset({Scope.CALL, Scope.OUTCOMES})
    capabilities: frozenset[str] | None = None
    expires_s: float | None = None
    label: Label = INTERNAL
    groups: frozenset[str] = frozenset()
    files: Label | None = None


class Principal(Struct, frozen=True, kw_only=True):
    """Who asks, for one call. `user` is whom the application acts for, as the application says, or whom a token proves."""

    key: Key
    user: str | None = None


class LimitBy(StrEnum):
    """Whose calls a limit counts together."""

    KEY = "key"
    TENANT = "tenant"
    TEAM = "team"
    APPLICATION = "application"
    USER = "user"
    CAPABILITY = "capability"


class Period(StrEnum):
    """The calendar period (UTC) of a budget."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


class Limit(Struct, frozen=True, kw_only=True):
    """
    A limit that counts together all calls with the same value of `by`.

    With `only` it applies to that value alone (one team, one key); without, each value has its own count.
    """

    name: str
    by: LimitBy
    only: str | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    budget_nano_usd: int | None = None
    period: Period = Period.MONTH
