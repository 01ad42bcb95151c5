"""
What the ledger keeps: an entry per attempt, a record per call, an outcome per unit. Money in nano-dollars, time in Unix milliseconds.
"""

from collections.abc import Mapping

from msgspec import Struct

from pointsman.core.call import Sampling
from pointsman.core.place import Dialect, Place
from pointsman.core.reply import Finish, Usage
from pointsman.core.routing import Weighed


class Told(Struct, frozen=True, kw_only=True):
    """What a vendor said of its answer beside the answer: its id, the model that wrote it, and why it stopped. Empty or None where it said nothing."""

    reply_id: str = ""
    model: str = ""
    finish: Finish | None = None


class Entry(Struct, frozen=True, kw_only=True):
    """
    One attempt. `seq` counts those of a call from 0. `error` is a failure kind or a grade code; `cost_nano_usd` None is unknown, never zero.

    `estimated` marks our own count of what was produced: no vendor counted, for the call was cut short. It began `begun_ms` after its call. `kind` is `rule`,
    `cache`, `model`, `person`, or what a model was asked beside the answer: `judge`, `summary`, `embedding`; nobody waited for the answer of a `shadow`.
    """

    seq: int
    place: Place
    target: str
    error: str | None
    latency_ms: float
    first_byte_ms: float | None
    usage: Usage | None
    cost_nano_usd: int | None
    price_id: str | None
    estimated: bool = False
    kind: str = "model"
    begun_ms: float = 0.0
    shadow: bool = False
    told: Told | None = None


class CallRecord(Struct, frozen=True, kw_only=True):
    """
    The decision record of one call, complete when its last byte was sent.

    `reason` is why the target that answers was chosen; empty if none did. `considered` lists the other candidates as (target, reason code).
    `found` counts what detectors found, by kind. `status` is `ok`, a refusal's or a failure's code, or `cancelled`. `unit` is the business item within
    `workflow`; `session` the conversation; `tags` what costs are allocated by. `traceparent` is what the caller sent (W3C Trace Context). `mode` is how the
    target was chosen (`policy`, `explore`, `shadow`, `canary`, `override`), `propensity` with which probability. `weighed` are the candidates as they were
    seen, `criteria` are the request's own (name → number), `learned` names what they were predicted with, `features` is what was looked at (base64).
    """

    call_id: str
    started_ms: int
    capability: str
    unit: str
    key_id: str
    tenant: str
    team: str | None
    application: str | None
    user: str | None
    data_class: str
    snapshot: str
    status: str
    reason: str
    latency_ms: float
    entries: tuple[Entry, ...]
    considered: tuple[tuple[str, str], ...]
    found: Mapping[str, int] = {}
    workflow: str = ""
    session: str | None = None
    tags: Mapping[str, str] = {}
    traceparent: str | None = None
    dialect: Dialect | None = None
    stream: bool = False
    sampling: Sampling | None = None
    mode: str = "policy"
    propensity: float = 1.0
    weighed: tuple[Weighed, ...] = ()
    criteria: Mapping[str, float] = {}
    learned: str = ""
    features: str | None = None


class Outcome(Struct, frozen=True, kw_only=True):
    """
    A late fact about a business unit, such as "ticket 4711 was resolved".

    `value_nano_usd` is what it was worth, if anyone said. The last outcome told about a unit is the one that counts, unless a later one `supersedes` it (by
    `outcome_id`); one that is `reversed` takes back a success. `workflow` or `capability` name what it speaks of; without either it speaks of every unit of
    this name. `human_s` are seconds that people worked on the unit, in `queue`, as told with this outcome.
    """

    unit: str
    outcome_id: str
    kind: str
    success: bool
    at_ms: int
    tenant: str
    capability: str | None = None
    value_nano_usd: int | None = None
    source: str = "application"
    workflow: str | None = None
    supersedes: str | None = None
    reversed: bool = False
    human_s: float | None = None
    queue: str | None = None
