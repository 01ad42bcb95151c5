"""
Targets: concrete deployments in a place, with the facts that choices are made from.

Values only, compiled once from the settings into a snapshot.
"""

from msgspec import Struct

from pointsman.core.http import Deadlines
from pointsman.core.label import Level
from pointsman.core.place import Dialect, Feature, Place


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


class Desk(Struct, frozen=True, kw_only=True):
    """People: an item costs `item_nano_usd` and takes `delay_s` seconds as a rule. `says` is what the caller is told meanwhile."""

    item_nano_usd: int
    delay_s: float
    says: str


class Terms(Struct, frozen=True, kw_only=True):
    """
    What a vendor has agreed to, as the register says. None is unknown, which counts as the worst.

    `retention_days` it keeps data, `trains` whether it learns from it, `agreements` such as `dpa` and `baa`. After `next_review_s` (Unix seconds) it is closed.
    """

    retention_days: int | None = None
    trains: bool | None = None
    agreements: frozenset[str] = frozenset()
    certifications: frozenset[str] = frozenset()
    purposes: frozenset[str] | None = None
    reviewed_s: float | None = None
    next_review_s: float | None = None

    @property
    def bear_out_contract(self) -> bool:
        """Whether the vendor keeps nothing, learns nothing, and has signed an agreement."""
        return self.retention_days == 0 and self.trains is False and bool(self.agreements)


class Vendor(Struct, frozen=True, kw_only=True):
    """
    Who runs a target: `kind` names a profile in `providers`, `base_url` its origin and base path.

    `credential` is a reference (`env:NAME`, `file:PATH`, `keyring:SERVICE/USER`), never a key. `zone` is `public_api`, `contracted`, `private` or `edge`.
    """

    name: str
    kind: str
    base_url: str
    credential: str | None = None
    region: str | None = None
    zone: str = "public_api"
    terms: Terms = Terms()
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
    accepts: Level = Level.RESTRICTED
    price: Price | None = None
    hardware: Hardware | None = None
    desk: Desk | None = None
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    features: frozenset[Feature] = frozenset(Feature)
    deadlines: Deadlines | None = None
