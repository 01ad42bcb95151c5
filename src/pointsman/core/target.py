"""
Targets: concrete deployments in a place, with the facts that choices are made from.

Values only, compiled once from the settings into a snapshot.
"""

from msgspec import Struct

from pointsman.core.http import Deadlines
from pointsman.core.place import DataClass, Dialect, Feature, Place


class Rates(Struct, frozen=True, kw_only=True):
    """Prices in nano-dollars per million tokens. None means this kind of token has no price of its own."""

    tokens_in: int
    tokens_out: int
    cache_read: int | None = None
    cache_write: int | None = None


class Price(Struct, frozen=True, kw_only=True):
    """
    A price of tokens, with its origin.

    `price_id` names the source and version, such as `contract:acme-2026` or `genai-prices:0.2.3/openai/gpt-5-mini`. `tiers` are
    (prompt tokens from which it applies, rates), ascending, for vendors that charge long prompts more.
    """

    price_id: str
    rates: Rates
    tiers: tuple[tuple[int, Rates], ...] = ()
    per_request_nano_usd: int = 0


class Hardware(Struct, frozen=True, kw_only=True):
    """What a private deployment costs while it is paid for, busy or not."""

    hourly_nano_usd: int


class Vendor(Struct, frozen=True, kw_only=True):
    """
    Who runs a target: `kind` names a profile in `providers`, `base_url` its origin and base path.

    `credential` is a reference (`env:NAME`, `file:PATH`, `keyring:SERVICE/USER`), never a key.
    """

    name: str
    kind: str
    base_url: str
    credential: str | None = None
    region: str | None = None
    ca_file: str | None = None


class Target(Struct, frozen=True, kw_only=True):
    """
    One deployment. `bit` is its position in the bit masks of verdicts.

    The targets of the places `rules` and `cache` have no vendor; those of `private` and `cloud` always have one, and a dialect.
    `accepts` is the strictest data class that may be sent there. `context_tokens` None means unknown: no check is made.
    """

    name: str
    bit: int
    place: Place
    model: str = ""
    vendor: Vendor | None = None
    dialect: Dialect | None = None
    accepts: DataClass = DataClass.RESTRICTED
    price: Price | None = None
    hardware: Hardware | None = None
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    features: frozenset[Feature] = frozenset(Feature)
    deadlines: Deadlines | None = None
