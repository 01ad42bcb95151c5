"""
Write the pages of `docs/` that follow from the code: `configuration.md` from the shape of the settings, `errors.md` from the errors.

Run without arguments. `tests/test_docs.py` fails while a page is not what this writes.
"""

import gc
import importlib
import io
import pkgutil
import tokenize
from collections.abc import Iterable
from inspect import getdoc, getsource
from pathlib import Path
from typing import Any, Final

import msgspec

import pointsman
from pointsman.core import errors
from pointsman.core.capability import Retries
from pointsman.core.errors import PlaceFailed, PointsmanError
from pointsman.core.failure import Failure, FailureKind
from pointsman.core.place import Dialect
from pointsman.decision.retry import Again, NextRung, plan
from pointsman.providers.profiles.table import PROFILES
from pointsman.server.problems import INTERNAL, problem
from pointsman.settings import (
    audit_shape,
    costs_shape,
    detection_shape,
    identity_shape,
    policy_shape,
    retention_shape,
    routing_shape,
    shape,
    telemetry_shape,
    webhook_shape,
    workflow_shape,
)
from pointsman.settings.shape import json_schema

DOCS: Final = Path(__file__).parents[1] / "docs"

_WHERE: Final = {
    "File": "",
    "Capability": "capabilities.NAME",
    "Cache": "capabilities.NAME.cache",
    "Routing": "capabilities.NAME.routing",
    "Criteria": "capabilities.NAME.routing.criteria",
    "Trial": "capabilities.NAME.routing.explore, capabilities.NAME.routing.shadow",
    "Deadlines": "capabilities.NAME.deadlines, targets.NAME.deadlines",
    "Retries": "capabilities.NAME.retries",
    "Target": "targets.NAME",
    "Price": "targets.NAME.price",
    "Hardware": "targets.NAME.hardware",
    "People": "targets.NAME.people",
    "Vendor": "vendors.NAME",
    "Terms": "vendors.NAME.terms",
    "Key": "keys.NAME",
    "Previous": "keys.NAME.previous",
    "Limit": "limits[]",
    "Policy": "policy",
    "PolicyRule": "policy.rules[]",
    "Claim": "policy.claims[]",
    "Detection": "detection",
    "Document": "detection.documents[]",
    "Audit": "audit",
    "Identity": "identity",
    "Issuer": "identity.issuers.NAME",
    "Claims": "identity.issuers.NAME.claims, identity.login.claims",
    "Login": "identity.login",
    "Role": "identity.roles.NAME",
    "Approvals": "identity.approvals",
    "Retention": "retention",
    "RetentionClass": "retention.classes.CLASS",
    "RetentionKeys": "retention.keys",
    "Workflow": "workflows.NAME",
    "Objective": "workflows.NAME.objectives.NAME",
    "Costs": "costs",
    "Licence": "costs.licences.NAME",
    "Learning": "learning",
    "Incoming": "webhooks.NAME",
    "Meaning": "webhooks.NAME.events.WORD",
    "Alerts": "alerts",
    "Webhook": "alerts.webhooks.NAME",
    "Email": "alerts.email",
    "Telemetry": "telemetry",
    "Server": "server",
    "Tls": "server.tls",
    "Bounds": "server.bounds",
}

_SUPPORT: Final = """
capabilities:
  support:
    ladder: [openai/gpt-6-luna]
"""
_SHA: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

_PEOPLE: Final = """
identity:
  login: {issuer: "https://id.example.com", client_id: pointsman, client_secret: "env:OIDC_SECRET", url: "https://pointsman.example.com"}
  roles:
    support: {groups: [support-team], permissions: ["capability:support", outcomes]}
    lead: {groups: [support-leads], permissions: [policy.read, policy.change, review, identity.revoke]}
"""

_CUSTOMERS: Final = """
capabilities:
  support:
    ladder: [own/qwen3-8b, openai/gpt-6-luna]
vendors:
  own: {kind: vllm, base_url: "http://10.0.0.7:8000/v1", region: eu}
policy:
  classes: {customer: confidential}
  derived: {patient: [personal, health]}
  rules:
    - {id: customers-here, effect: permit, classes: [customer], actions: [infer], targets: {zone: [private]}}
    - {id: no-contracts-for-interns, effect: forbid, classes: [legal], principals: {groups: [interns]}}
  claims:
    - {id: customers-stay, never: [customer], into: [public_api, contracted]}
"""
_DETECTED: Final = """
detection:
  off: [date]
  classes: {organisation: internal}
  documents:
    - {path: contracts, data_class: legal}
"""

_BUSINESS: Final = """
workflows:
  tickets:
    capabilities: [support]
    unit: ticket
    useful: [resolved]
    window: 14d
    complete_within: 2d
    value_usd: 4.50
    human_usd_per_hour: 38
    objectives:
      cheap: {kind: cost_per_outcome, threshold_usd: 0.80, share: 0.9}
      quick: {kind: latency, threshold_ms: 3000, share: 0.95}
"""
_PAID: Final = """
costs:
  human_usd_per_hour: 38
  baseline: openai/gpt-6-luna
  tags: [project, feature]
  licences:
    desk: {usd_per_month: 900, workflow: support}
"""
_DESK: Final = """
webhooks:
  desk:
    secret: env:DESK_WEBHOOK_KEY
    unit: ticket.id
    event: type
    id: event_id
    at: created_at
    events:
      ticket.solved: {kind: resolved}
      ticket.reopened: {success: false, reversed: true}
"""
_ROUTED: Final = """
capabilities:
  support:
    ladder: [openai/gpt-6-luna, anthropic/claude-haiku-5-5, anthropic/claude-opus-5]
    routing:
      incumbent: anthropic/claude-opus-5
      criteria: {task: answer, value_usd: 0.40, error_usd: 2, risk: normal, delay_usd_per_s: 0.002, quality_floor: 0.7, within_s: 20}
      requests_may_set: {risk: [normal, critical], within_s: [2, 60], volume: [interactive, bulk]}
      check: [openai/gpt-6-luna]
      explore: {share: 0.02, usd_per_day: 5}
      shadow: {share: 0.01, usd_per_day: 5, data_class: internal}
"""
_TOLD: Final = """
alerts:
  budget_shares: [0.5, 0.8, 1]
  webhooks:
    chat: {url: "env:CHAT_WEBHOOK_URL", form: slack}
  email:
    host: smtp.example.com
    user: pointsman
    password: env:SMTP_PASSWORD
    sender: pointsman@example.com
    to: [finops@example.com]
"""

EXAMPLES: Final = {
    "File": _SUPPORT,
    "Identity": _SUPPORT + _PEOPLE,
    "Login": _SUPPORT + _PEOPLE,
    "Role": _SUPPORT + _PEOPLE,
    "Approvals": _SUPPORT + _PEOPLE + "  approvals: {policy: 2}\n",
    "Issuer": _SUPPORT
    + """
identity:
  issuers:
    ci:
      issuer: https://token.actions.example.com
      audience: https://gateway.example.com
      capabilities: [support]
      groups: [machines]
""",
    "Claims": _SUPPORT
    + """
identity:
  issuers:
    cluster:
      issuer: https://cluster.example.com
      audience: pointsman
      capabilities: ["*"]
      claims: {user: sub, groups: realm_access.roles, tenant: org, application: azp}
""",
    "Capability": """
capabilities:
  support:
    owner: support@example.com
    ladder: [openai/gpt-6-luna, anthropic/claude-haiku-5-5]
    unit: ticket
    output_schema:
      type: object
      properties: {answer: {type: string}}
      required: [answer]
""",
    "Cache": f"{_SUPPORT.rstrip()}\n    cache: {{ttl_s: 900}}\n",
    "Routing": _ROUTED,
    "Criteria": _ROUTED,
    "Trial": _ROUTED,
    "Learning": f"{_ROUTED}learning: {{every: 6h, keep_features: false}}\n",
    "Deadlines": f"{_SUPPORT.rstrip()}\n    deadlines: {{first_byte_s: 10, total_s: 60}}\n",
    "Retries": f"{_SUPPORT.rstrip()}\n    retries: {{per_target: 0, budget: 2}}\n",
    "Target": """
capabilities:
  support:
    ladder: [fast, openai/gpt-6-luna]
targets:
  fast:
    vendor: groq
    model: llama-3.3-70b-versatile
    context_tokens: 128000
    features: [tools, stream]
""",
    "Price": """
capabilities:
  support:
    ladder: [negotiated]
targets:
  negotiated:
    vendor: openai
    model: gpt-6-luna
    price: {input_usd_per_million: 0.20, output_usd_per_million: 1.60, id: acme-2026}
""",
    "Hardware": """
capabilities:
  support:
    ladder: [own]
targets:
  own:
    vendor: ollama
    model: qwen3:8b
    hardware: {hourly_usd: 1.10}
""",
    "People": """
capabilities:
  support:
    ladder: [openai/gpt-6-luna, desk]
targets:
  desk:
    vendor: people
    model: second-level
    people: {item_usd: 4.20, delay_s: 7200, says: "A colleague will answer within two hours."}
""",
    "Vendor": """
capabilities:
  support:
    ladder: [office/qwen3-8b]
vendors:
  office:
    kind: vllm
    base_url: http://10.0.0.7:8000/v1
    credential: file:office.key
    region: eu
""",
    "Terms": """
capabilities:
  support:
    ladder: [acme/large-2]
vendors:
  acme:
    kind: openai_compatible
    base_url: https://api.acme.example/v1
    credential: env:ACME_KEY
    region: eu
    terms:
      retention_days: 0
      trains: false
      agreements: [dpa, baa]
      certifications: [iso27001]
      reviewed: 2026-11-02
      next_review: 2027-11-02
""",
    "Policy": _CUSTOMERS,
    "PolicyRule": _CUSTOMERS,
    "Claim": _CUSTOMERS,
    "Detection": _SUPPORT + _DETECTED,
    "Document": _SUPPORT + _DETECTED,
    "Key": _SUPPORT
    + f"""
keys:
  web:
    sha256: {_SHA}
    team: care
    capabilities: [support]
    data_class: [internal, personal]
    expires: 2027-12-31
""",
    "Previous": f"{_SUPPORT}keys:\n  web:\n    sha256: {_SHA}\n    previous: {{sha256: {_SHA[::-1]}, until: 2027-01-31}}\n",
    "Limit": f"{_SUPPORT}limits:\n  - {{name: pace, by: user, requests_per_minute: 30}}\n  - {{name: money, by: tenant, budget_usd: 500, period: month}}\n",
    "Audit": """
capabilities:
  support: {ladder: [openai/gpt-6-luna]}
audit:
  origin: example.com/gateway
  copies: ["file:/mnt/other-disk/audit", "git:/srv/checkpoints"]
""",
    "Retention": f"{_SUPPORT}retention:\n  records_for: 400d\n  content: filtered\n  content_for: 30d\n",
    "RetentionClass": _SUPPORT
    + """
retention:
  content: full
  classes:
    personal: {content: filtered, content_for: 7d}
    financial: {records_at_least: 180d}
    restricted: {content: hash}
""",
    "RetentionKeys": _SUPPORT
    + """
retention:
  keys: {master: env:CONTENT_MASTER_KEY, copies: /mnt/other-disk/keys, copies_for: 14d}
""",
    "Workflow": _SUPPORT + _BUSINESS,
    "Objective": _SUPPORT + _BUSINESS,
    "Costs": _SUPPORT + _PAID,
    "Licence": _SUPPORT + _PAID,
    "Incoming": _SUPPORT + _DESK,
    "Meaning": _SUPPORT + _DESK,
    "Alerts": _SUPPORT + _TOLD,
    "Webhook": _SUPPORT + _TOLD,
    "Email": _SUPPORT + _TOLD,
    "Telemetry": f"{_SUPPORT}telemetry:\n  otlp: http://collector:4318\n  sample: 0.2\n",
    "Server": f"{_SUPPORT}server:\n  listen: 127.0.0.1:8800\n  workers: 2\n  database: /var/lib/pointsman/ledger.db\n",
    "Tls": f"{_SUPPORT}server:\n  tls: {{certificate: server.pem, key: server.key}}\n",
    "Bounds": f"{_SUPPORT}server:\n  bounds: {{max_body_bytes: 5000000, stall_s: 10}}\n",
}

_SHAPES: Final = (
    shape,
    audit_shape,
    costs_shape,
    detection_shape,
    identity_shape,
    policy_shape,
    retention_shape,
    routing_shape,
    telemetry_shape,
    webhook_shape,
    workflow_shape,
)

# The values that fields have where nothing is written: struct → field → value. The JSON Schema leaves out those that are made anew each time.
_DEFAULTS: Final[dict[str, dict[str, Any]]] = {
    kind.__name__: {
        field.encode_name: field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
        for field in msgspec.structs.fields(kind)
        if not field.required
    }
    for module in _SHAPES
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind is not msgspec.Struct
}

_TYPES: Final = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`", "object": "mapping", "null": ""}

_CONFIGURATION: Final = """
# Configuration

*This page is made from the code by `scripts/build_docs.py`.*

One file, `pointsman.yaml`, says everything. `pointsman check` tells every mistake in it at once; `pointsman check --schema` prints a JSON Schema for
your editor. A change takes effect within a second, without a restart, except where this page says otherwise. Times are in seconds, money in US dollars,
paths begin beside the file, and a key of a vendor never stands in it: only a reference to one. What a reference may lead to stands in
[secrets](retention.md#secrets).

What data is and where it may go is told in [governance](governance.md); nothing of it has to be written.
"""

_ERRORS: Final = """
# Errors

*This page is made from the code by `scripts/build_docs.py`.*

An error is answered in the shape of the caller's own protocol, with one of these codes, a message that ends with what to do, and the request id that
leads to the record. A refusal is a decision and asking again changes nothing; a failure is something broken, and trying again may help.
`x-should-retry: false` and `Retry-After` say so to SDKs.
"""

_PLACES: Final = """
## How a place can fail, and what is done about it

Each attempt at a target that fails has one of these kinds in its record. The caller learns of it only when nothing else is left: then the code is the
kind itself, or `exhausted` with the status of the last one.
"""


# ── configuration.md ────────────────────────────────────────────────────────────────────────────────────────────────


def configuration() -> str:
    """Return the text of `docs/configuration.md`."""
    kinds = json_schema()["$defs"]
    parts = [_CONFIGURATION.strip()]
    for name, where in _WHERE.items():
        title = ", ".join(f"`{one}`" for one in where.split(", ")) if where else "The file"
        parts += [f"## {title}" if "." not in where else f"### {title}", f'<a id="{name.lower()}"></a>\n{kinds[name]["description"]}']
        parts += [_fields(kinds[name], _DEFAULTS[name])]
        if name == "Vendor":
            parts += ["These kinds are known:", _kinds()]
        parts += [f"```yaml\n{EXAMPLES[name].strip()}\n```"]
    return "\n\n".join(parts) + "\n"


def _fields(kind: dict[str, Any], defaults: dict[str, Any]) -> str:
    rows = [
        f"| `{name}` | {_type(field)} | {_default(defaults[name]) if name in defaults else '**required**'} | {field['description']} |"
        for name, field in kind["properties"].items()
    ]
    return "\n".join(["| field | type | default | meaning |", "|---|---|---|---|", *rows])


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        name = field["$ref"].rsplit("/", 1)[1]
        return f"[{name.lower()}](#{name.lower()})"
    if "anyOf" in field:
        return " or ".join(word for one in field["anyOf"] if (word := _type(one)))
    if "enum" in field:
        return ", ".join(f"`{option}`" for option in field["enum"])
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}"
    if "additionalProperties" in field and isinstance(field["additionalProperties"], dict):
        return f"names → {_type(field['additionalProperties'])}"
    return _TYPES[field["type"]] + _bounds(field)


def _bounds(field: dict[str, Any]) -> str:
    least, above, most = field.get("minimum"), field.get("exclusiveMinimum"), field.get("maximum")
    words = [f"≥ {least:g}"] if least is not None else [f"> {above:g}"] if above is not None else []
    if most is not None and most < 2**53:
        words.append(f"≤ {most:g}")
    return f" {', '.join(words)}" if words else ""


def _default(value: object) -> str:
    if value is None or value in ({}, [], ()):
        return "none"
    if isinstance(value, msgspec.Struct):
        return "as below"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`[{', '.join(map(str, value))}]`" if isinstance(value, list) else f"`{value}`"


def _kinds() -> str:
    rows = [
        f"| `{kind}` | {_spoken(one.dialect)} | {one.place.value} | {_code(one.base_url)} | {_code(one.credential)} |"
        for kind, one in PROFILES.items()
        if not kind.startswith("simulated")
    ]
    return "\n".join(["| kind | speaks | place | address | credential |", "|---|---|---|---|---|", *rows])


def _spoken(dialect: Dialect | None) -> str:
    return "none" if dialect is None else dialect.value.replace("_", " ")


def _code(text: str | None) -> str:
    return "none" if text is None else f"`{text}`"


# ── errors.md ───────────────────────────────────────────────────────────────────────────────────────────────────────


def errors_page() -> str:
    """Return the text of `docs/errors.md`: all errors, wherever they are defined."""
    for module in pkgutil.walk_packages(pointsman.__path__, "pointsman."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    parts = [_ERRORS.strip()]
    for title, root in (("Refusals", errors.Refused), ("Failures", errors.Failed), ("Installation and configuration", errors.Unusable)):
        rows = [_error(kind) for kind in _below(root) if kind is not PlaceFailed]
        if root is errors.Failed:
            meaning, _, remedy = INTERNAL.partition("; ")
            rows.append(f"| `internal` | 500 | {meaning}. | {remedy[0].upper()}{remedy[1:]} |")
        parts += [f"## {title}", "\n".join(["| code | status | meaning | remedy |", "|---|---|---|---|", *rows])]
    rows = [_failure(kind) for kind in FailureKind]
    parts += [_PLACES.strip(), "\n".join(["| kind | status | what it is | what the gateway does |", "|---|---|---|---|", *rows])]
    return "\n\n".join(parts) + "\n"


def _below(root: type[PointsmanError]) -> Iterable[type[PointsmanError]]:
    """Yield every error of the product under this one: those of `core` in their order, then others, whatever was imported first."""
    ours = [kind for kind in root.__subclasses__() if kind.__module__.startswith("pointsman.")]
    for kind in sorted(ours, key=lambda kind: "" if kind.__module__ == errors.__name__ else kind.code):
        yield kind
        yield from _below(kind)


def _error(kind: type[PointsmanError]) -> str:
    meaning, _, remedy = " ".join((getdoc(kind) or "").split()).partition("Remedy: ")
    remedy = remedy.replace("Remedy: ", "")
    example = kind.__new__(kind)
    example.__dict__ |= {"message": "", "field": None, "failures": ()}
    return f"| `{kind.code}` | {problem(example, '').status} | {meaning.strip()} | {remedy[0].upper()}{remedy[1:]} |"


def _failure(kind: FailureKind) -> str:
    example = Failure(kind=kind, message="")
    step = plan(example, Retries(), tries_here=0, tries_total=0, chance=0.0, left_s=600.0)
    what = {Again: "tries again within `retries`, then the next rung", NextRung: "goes to the next rung"}.get(type(step), "tells the caller")
    return f"| `{kind.value}` | {problem(PlaceFailed(example, target=''), '').status} | {_meanings()[kind.name]} | {what} |"


def _meanings() -> dict[str, str]:
    """Return what stands beside each kind of failure in its file; a name that says it all stands for itself."""
    found = {kind.name: kind.value.replace("_", " ").replace("timeout", "time-out:") for kind in FailureKind}
    name = ""
    for token in tokenize.generate_tokens(io.StringIO(getsource(FailureKind)).readline):
        if token.type == tokenize.NAME and token.string in found:
            name = token.string
        elif token.type == tokenize.COMMENT:
            found[name] = token.string.removeprefix("# ")
    return found


PAGES: Final = {"configuration.md": configuration, "errors.md": errors_page}

if __name__ == "__main__":
    for page, text_of in PAGES.items():
        (DOCS / page).write_text(text_of(), encoding="utf-8")
    gc.freeze()  # msgspec 0.22 may crash when it takes its structs apart at the end of the interpreter
