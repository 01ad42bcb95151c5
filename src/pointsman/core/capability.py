"""
Capabilities: what applications ask for by name, and the contract behind the name. Values only.
"""

from collections.abc import Mapping

from msgspec import Struct

from pointsman.core.call import OutputSchema
from pointsman.core.http import Deadlines
from pointsman.core.label import Level
from pointsman.core.routing import Routing
from pointsman.core.target import Target


class Retries(Struct, frozen=True, kw_only=True):
    """
    How often work is tried again.

    `per_target` further tries at one target; `budget` further tries for one call over all targets; waits start at `backoff_s` and
    double, with jitter, up to `longest_wait_s`; a longer `Retry-After` sends the call to the next rung instead.
    """

    per_target: int = 1
    budget: int = 3
    backoff_s: float = 0.25
    longest_wait_s: float = 5.0


class CachePolicy(Struct, frozen=True, kw_only=True):
    """Exact answers are kept for `ttl_s` seconds."""

    ttl_s: float = 3600.0


class Capability(Struct, frozen=True, kw_only=True):
    """
    One capability.

    `ladder` is tried in order. `rules` names a decision table of the snapshot. `version` is the digest of everything in this contract:
    it changes when the contract does. `ceiling` is the strictest level of data this capability may be used with; `purpose` what it is for;
    `unheeded` the kinds of findings that its owner lets pass; `summariser` the private target that may summarise. `unit` names the business
    item that an outcome is about, `workflow` the business process it is a part of (by default one of its own name). Without `routing` the ladder's
    order counts.
    """

    name: str
    version: str
    ladder: tuple[Target, ...]
    owner: str | None = None
    rules: str | None = None
    cache: CachePolicy | None = None
    deadlines: Deadlines = Deadlines()
    retries: Retries = Retries()
    output: OutputSchema | None = None
    ceiling: Level = Level.RESTRICTED
    purpose: str | None = None
    unheeded: frozenset[str] = frozenset()
    summariser: Target | None = None
    unit: str = "request"
    workflow: str = ""
    raw: bool = False
    routing: Routing | None = None


class RuleTable(Struct, frozen=True, kw_only=True):
    """A decision table as written: `rows` of cells by column. `places/rules` compiles it."""

    name: str
    rows: tuple[Mapping[str, str], ...]
    digest: str
