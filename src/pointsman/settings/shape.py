"""
The shape of `pointsman.yaml`. The descriptions here are the configuration reference: `docs/configuration.md` and the JSON Schema are made from them.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from pointsman.settings.audit_shape import Audit
from pointsman.settings.costs_shape import Alerts, Costs
from pointsman.settings.detection_shape import Detection
from pointsman.settings.identity_shape import Identity
from pointsman.settings.policy_shape import Policy
from pointsman.settings.retention_shape import Retention
from pointsman.settings.routing_shape import Learning, Routing
from pointsman.settings.secrets import FORMS
from pointsman.settings.telemetry_shape import Telemetry
from pointsman.settings.webhook_shape import Incoming
from pointsman.settings.workflow_shape import Workflow

_Place = Literal["private", "cloud"]
_Level = Literal["public", "internal", "confidential", "restricted"]  # mildest first
_Zone = Literal["public_api", "contracted", "private", "edge"]
_Feature = Literal["tools", "parallel_tools", "schema", "images", "thinking", "stream"]
_Scope = Literal["call", "outcomes", "raw_targets", "admin"]
_By = Literal["key", "tenant", "team", "application", "user", "capability"]
_Period = Literal["hour", "day", "month"]
_Seconds = Annotated[float, Meta(gt=0, le=86_400)]
_Usd = Annotated[float, Meta(ge=0, le=1e9)]
_Days = Annotated[int, Meta(ge=0, le=36_500)]
_Count = Annotated[int, Meta(ge=1, le=2**53)]
_Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:@-]*$")]

# A user is counted as `TENANT/USER`, and users have any name: with two ways to read one, tenants would share a limit.
_Tenant = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]


class Deadlines(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """How long each part of an exchange with a target may take."""

    connect_s: Annotated[_Seconds, Meta(description="Seconds until a connection stands.")] = 5.0
    first_byte_s: Annotated[_Seconds, Meta(description="Seconds until the first byte of the answer.")] = 60.0
    gap_s: Annotated[_Seconds, Meta(description="Seconds between two pieces of an answer.")] = 30.0
    total_s: Annotated[_Seconds, Meta(description="Seconds for the whole call, retries included.")] = 600.0


class Retries(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """How often work is tried again."""

    per_target: Annotated[int, Meta(ge=0, le=10, description="Further tries at one target.")] = 1
    budget: Annotated[int, Meta(ge=0, le=50, description="Further tries for one call over all targets.")] = 3
    backoff_s: Annotated[_Seconds, Meta(description="Seconds of the first wait; it doubles, with jitter.")] = 0.25
    longest_wait_s: Annotated[_Seconds, Meta(description="Seconds of the longest wait; a longer `Retry-After` sends the call to the next rung.")] = 5.0


class Cache(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Exact answers are kept and given again."""

    ttl_s: Annotated[_Seconds, Meta(description="Seconds for which an answer is kept.")] = 3600.0


class Price(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """A contract price, which beats the list price of the catalogue."""

    input_usd_per_million: Annotated[_Usd, Meta(description="US dollars per million input tokens.")]
    output_usd_per_million: Annotated[_Usd, Meta(description="US dollars per million output tokens.")]
    cache_read_usd_per_million: Annotated[_Usd | None, Meta(description="US dollars per million input tokens read from the vendor's cache; else as input.")] = (
        None
    )
    cache_write_usd_per_million: Annotated[
        _Usd | None, Meta(description="US dollars per million input tokens written to the vendor's cache; else as input.")
    ] = None
    per_request_usd: Annotated[_Usd, Meta(description="US dollars per request, whatever its size.")] = 0.0
    id: Annotated[str, Meta(max_length=100, description="The name of the contract; it is written beside every cost.")] = "contract"


class Hardware(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Own hardware: its hourly price is shared over the time it is busy. Of several workers each bears an equal part of the price."""

    hourly_usd: Annotated[_Usd, Meta(description="US dollars per hour that the hardware is paid for, busy or not.")]


class Terms(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """A vendor's entry in the register. What is not known counts as the worst."""

    retention_days: Annotated[_Days | None, Meta(description="Days for which it keeps what it is sent; 0 for not at all.")] = None
    trains: Annotated[bool | None, Meta(description="Whether it learns from what it is sent.")] = None
    agreements: Annotated[list[_Name], Meta(description="Agreements in force, such as `dpa` and `baa`.")] = []
    certifications: Annotated[list[_Name], Meta(description="Certifications, such as `iso27001`.")] = []
    purposes: Annotated[list[_Name] | None, Meta(description="The only purposes it may be used for; by default any.")] = None
    reviewed: Annotated[str | None, Meta(description="When it was reviewed (UTC): `2027-01-31`.")] = None
    next_review: Annotated[str | None, Meta(description="When the review lapses (UTC): the vendor is closed then; 30 days before, `check` warns.")] = None


class Vendor(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Who runs targets."""

    kind: Annotated[str, Meta(description="The profile: `openai`, `anthropic`, `openai_compatible`, `ollama`, `vllm`, `llamacpp` …")]
    base_url: Annotated[str | None, Meta(description="Where its API begins, such as `https://llm.example.com/v1`. Known vendors have their own.")] = None
    credential: Annotated[str | None, Meta(description=f"A reference to its key: {FORMS}. Never the key.")] = None
    region: Annotated[_Name | None, Meta(description="Where it processes data, such as `eu`. What must stay in a region goes only where this is known.")] = None
    zone: Annotated[
        _Zone | None,
        Meta(description="`public_api`, `contracted`, `private` or `edge`; by default as its terms and place say. Terms must bear out `contracted`."),
    ] = None
    terms: Annotated[Terms, Meta(description="What it has agreed to, and when that is looked at again.")] = Terms()
    ca_file: Annotated[str | None, Meta(description="A PEM file with the authority that signed its certificate, if that is a private one.")] = None


class People(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """People who take over: what an item costs, how long it takes, and what the caller is told meanwhile."""

    item_usd: Annotated[_Usd, Meta(description="What an item costs.")] = 5.0
    delay_s: Annotated[_Seconds, Meta(description="Seconds until the answer comes, as a rule.")] = 3600.0
    says: Annotated[str, Meta(min_length=1, max_length=2000, description="What the caller is told meanwhile.")] = (
        "A person will answer this. You will hear from us."
    )


class Target(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """One model at one vendor."""

    vendor: Annotated[str, Meta(description="The name of a vendor above, or of a known kind.")]
    model: Annotated[str, Meta(min_length=1, description="The model, in the vendor's own words.")]
    place: Annotated[_Place | None, Meta(description="`private` or `cloud`; by default what is usual for the vendor's kind.")] = None
    accepts: Annotated[_Level, Meta(description="The strictest level of data that may be sent there, whatever else the policy allows.")] = "restricted"
    context_tokens: Annotated[_Count | None, Meta(description="The longest prompt and answer together, in tokens. Unknown means no check.")] = None
    max_output_tokens: Annotated[_Count | None, Meta(description="The longest answer, in tokens.")] = None
    features: Annotated[list[_Feature] | None, Meta(description="What it can do; by default everything.")] = None
    price: Annotated[Price | None, Meta(description="A contract price.")] = None
    hardware: Annotated[Hardware | None, Meta(description="Own hardware instead of a price per token.")] = None
    people: Annotated[People, Meta(description="What it costs and how long it takes when people answer: for a vendor of the kind `people`.")] = People()
    deadlines: Annotated[Deadlines | None, Meta(description="Dead-lines of this target, instead of the capability's.")] = None


class Capability(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What applications ask for by name."""

    ladder: Annotated[list[str], Meta(min_length=1, description="Targets in the order in which they are tried: names from `targets`, or `vendor/model`.")]
    owner: Annotated[str | None, Meta(description="Who answers for it.")] = None
    rules: Annotated[str | None, Meta(description="A decision table (YAML or CSV) that may answer, veto or correct; a path beside this file.")] = None
    cache: Annotated[Cache | bool, Meta(description="`true`, or for how long exact answers are kept.")] = False
    deadlines: Annotated[Deadlines, Meta(description="Dead-lines.")] = Deadlines()
    retries: Annotated[Retries, Meta(description="Retries.")] = Retries()
    output_schema: Annotated[str | dict[str, Any] | None, Meta(description="A JSON Schema that every answer must fit: inline, or a path beside this file.")] = (
        None
    )
    data_class: Annotated[
        _Level | None,
        Meta(
            description="The strictest level of data it may be used with; from mild to strict: `public`, `internal`, `confidential`, `restricted`."
            " By default what the policy allows."
        ),
    ] = None
    purpose: Annotated[_Name | None, Meta(description="What it is for; data and vendors may be bound to purposes.")] = None
    ignore_findings: Annotated[
        list[str], Meta(description="Kinds of findings that its owner lets pass, such as `person` where people are public figures. `policy check` lists them.")
    ] = []
    summariser: Annotated[
        str | None, Meta(description="The private target that summarises what may leave as a summary only. Nothing leaves as a summary without one.")
    ] = None
    unit: Annotated[str, Meta(max_length=60, description="The business item that an outcome is about, such as `ticket`.")] = "request"
    routing: Annotated[Routing | None, Meta(description="How a target is chosen; by default the order of the ladder counts.")] = None


class Previous(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """The secret before the last rotation, still accepted for a while."""

    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$", description="The SHA-256 of the secret, in hex.")]
    until: Annotated[str, Meta(description="Until when it is accepted (UTC): `2027-01-31` or `2027-01-31T12:00:00`.")]


class Key(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """A key of an application. Make one with `pointsman keys create`; only its digest is kept."""

    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$", description="The SHA-256 of the secret, in hex.")]
    previous: Annotated[Previous | None, Meta(description="The secret before the last rotation.")] = None
    tenant: Annotated[_Tenant, Meta(description="Whose data this is. Tenants share nothing. No `/`: it stands between tenant and user.")] = "default"
    team: Annotated[_Name | None, Meta(description="Who pays.")] = None
    application: Annotated[_Name | None, Meta(description="Which application calls.")] = None
    capabilities: Annotated[list[str] | None, Meta(description="The capabilities it may use; by default all.")] = None
    scopes: Annotated[list[_Scope], Meta(description="What it may do. `raw_targets` lets it name a target instead of a capability.")] = field(
        default_factory=lambda: ["call", "outcomes"]
    )
    expires: Annotated[str | None, Meta(description="When it ends (UTC): `2027-01-31` or `2027-01-31T12:00:00`.")] = None
    data_class: Annotated[
        _Name | list[_Name],
        Meta(description="The class of all data that it sends, or several; a request may only add to it: levels, `personal`, `health` … or your own."),
    ] = "internal"
    residency: Annotated[list[_Name] | None, Meta(description="The only regions in which its data may be processed.")] = None
    purposes: Annotated[list[_Name] | None, Meta(description="The only purposes that its data may be used for.")] = None
    files: Annotated[
        _Name | None, Meta(description="The class of pictures and files of it that cannot be read for what they hold; by default that of its other data.")
    ] = None
    groups: Annotated[list[_Name], Meta(description="Groups that policies know it by.")] = []


class Limit(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """A limit that counts calls together."""

    name: Annotated[_Name, Meta(description="Its name in messages.")]
    by: Annotated[
        _By,
        Meta(
            description="Whose calls are counted together: those of one key, tenant, team, application, user or capability; a team, application or user"
            " of one tenant never with that of another."
        ),
    ]
    only: Annotated[str | None, Meta(description="One value to which it applies, a user as `TENANT/USER`; by default each value has its own count.")] = None
    requests_per_minute: Annotated[_Count | None, Meta(description="Requests a minute.")] = None
    tokens_per_minute: Annotated[_Count | None, Meta(description="Tokens a minute, in and out.")] = None
    budget_usd: Annotated[_Usd | None, Meta(description="US dollars a period: reserved before a call, settled after it.")] = None
    period: Annotated[_Period, Meta(description="The calendar period of the budget (UTC).")] = "month"


class Tls(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """The listener's own certificate."""

    certificate: Annotated[str, Meta(description="A PEM file with the certificate chain.")]
    key: Annotated[str, Meta(description="A PEM file with the private key.")]


class Bounds(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """How much one client or vendor may hold of the process."""

    max_body_bytes: Annotated[_Count, Meta(description="Bytes of a request's body, unpacked.")] = 20 * 1024 * 1024
    max_header_bytes: Annotated[_Count, Meta(description="Bytes of a request's or an answer's headers.")] = 64 * 1024
    max_answer_bytes: Annotated[_Count, Meta(description="Bytes of a vendor's whole answer, unpacked.")] = 64 * 1024 * 1024
    max_sse_line_bytes: Annotated[_Count, Meta(description="Bytes of one event of a stream.")] = 1024 * 1024
    max_connections: Annotated[_Count, Meta(description="Connections of clients.")] = 10_000
    max_cache_bytes: Annotated[_Count, Meta(description="Bytes of exact answers that are kept.")] = 64 * 1024 * 1024
    stall_s: Annotated[_Seconds, Meta(description="Seconds for which a client may send or read nothing in the middle of a request.")] = 30.0


class Server(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Where the gateway listens and keeps its records. Changes take effect at the next start."""

    listen: Annotated[str, Meta(pattern=r"^.+:\d{1,5}$", description="Address and port for applications.")] = "127.0.0.1:8800"
    admin: Annotated[str, Meta(pattern=r"^.+:\d{1,5}$", description="Address and port for administration, health and metrics.")] = "127.0.0.1:8801"
    workers: Annotated[int, Meta(ge=1, le=64, description="Processes that share the work; one per core at most.")] = 1
    database: Annotated[
        str,
        Meta(description="The ledger: a file beside this file, `postgresql://user@host/name`, or `env:` or `file:` with a URL that holds a password."),
    ] = "pointsman.db"
    tls: Annotated[Tls | None, Meta(description="Speak HTTPS to applications.")] = None
    bounds: Annotated[Bounds, Meta(description="Bounds.")] = Bounds()


class File(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """The whole file."""

    capabilities: Annotated[dict[_Name, Capability], Meta(min_length=1, description="What applications ask for by name.")]
    targets: Annotated[dict[_Name, Target], Meta(description="Models at vendors, with prices, limits and what may be sent there.")] = {}
    vendors: Annotated[dict[_Name, Vendor], Meta(description="Who runs targets. A known kind needs no entry.")] = {}
    keys: Annotated[dict[_Name, Key], Meta(description="Keys of applications. Without any, the gateway answers on loopback only.")] = {}
    limits: Annotated[list[Limit], Meta(description="Limits and budgets.")] = []
    policy: Annotated[Policy, Meta(description="Where which data may go. What ships is in force without a word here.")] = Policy()
    detection: Annotated[Detection, Meta(description="What is looked for in data.")] = Detection()
    audit: Annotated[Audit, Meta(description="The audit log: where it is, and where its checkpoints are copied to.")] = Audit()
    server: Annotated[Server, Meta(description="Where the gateway listens and keeps its records.")] = Server()
    identity: Annotated[Identity | None, Meta(description="Who people and workloads are, and what their groups may do.")] = None
    retention: Annotated[Retention, Meta(description="How long records live, and how much of what was said is kept.")] = Retention()
    workflows: Annotated[dict[_Name, Workflow], Meta(description="Business processes: what an outcome is worth, and what is promised.")] = {}
    costs: Annotated[Costs, Meta(description="Money beside the prices of tokens, and how it is allocated.")] = Costs()
    webhooks: Annotated[dict[_Name, Incoming], Meta(description="What other systems tell of units by themselves.")] = {}
    learning: Annotated[Learning, Meta(description="Where learned parameters are kept, and how often they are updated.")] = Learning()
    alerts: Annotated[Alerts, Meta(description="Who is told about budgets, objectives, unusual costs and incidents.")] = Alerts()
    telemetry: Annotated[Telemetry, Meta(description="OpenTelemetry and Prometheus.")] = Telemetry()


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the file, for editors and for `validate`."""
    schema = msgspec.json.schema(File)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "pointsman.yaml", **schema}
