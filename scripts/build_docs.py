"""
Write the pages of `docs/` that follow from the code: `configuration.md` from the shape of the settings, `errors.md` from the errors.

Run without arguments. `tests/test_docs.py` fails while a page is not what this writes.
"""

import io
import tokenize
from collections.abc import Iterable
from inspect import getdoc, getsource
from pathlib import Path
from typing import Any, Final

from pointsman.core import errors
from pointsman.core.capability import Retries
from pointsman.core.errors import PlaceFailed, PointsmanError
from pointsman.core.failure import Failure, FailureKind
from pointsman.decision.retry import Again, NextRung, plan
from pointsman.providers.profiles.table import PROFILES
from pointsman.server.problems import INTERNAL, problem
from pointsman.settings.shape import json_schema

DOCS: Final = Path(__file__).parents[1] / "docs"

_WHERE: Final = {
    "File": "",
    "Capability": "capabilities.NAME",
    "Cache": "capabilities.NAME.cache",
    "Deadlines": "capabilities.NAME.deadlines, targets.NAME.deadlines",
    "Retries": "capabilities.NAME.retries",
    "Target": "targets.NAME",
    "Price": "targets.NAME.price",
    "Hardware": "targets.NAME.hardware",
    "Vendor": "vendors.NAME",
    "Key": "keys.NAME",
    "Previous": "keys.NAME.previous",
    "Limit": "limits[]",
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
    "Key": f"{_SUPPORT}keys:\n  web:\n    sha256: {_SHA}\n    team: care\n    capabilities: [support]\n    expires: 2027-12-31\n",
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
    "Server": f"{_SUPPORT}server:\n  listen: 127.0.0.1:8800\n  workers: 2\n  database: /var/lib/pointsman/ledger.db\n",
    "Tls": f"{_SUPPORT}server:\n  tls: {{certificate: server.pem, key: server.key}}\n",
    "Bounds": f"{_SUPPORT}server:\n  bounds: {{max_body_bytes: 5000000, stall_s: 10}}\n",
}

_TYPES: Final = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`", "object": "mapping", "null": ""}

_CONFIGURATION: Final = """
# Configuration

*This page is made from the code by `scripts/build_docs.py`.*

One file, `pointsman.yaml`, says everything. `pointsman check` tells every mistake in it at once; `pointsman check --schema` prints a JSON Schema for
your editor. A change takes effect within a second, without a restart, except where this page says otherwise. Times are in seconds, money in US dollars,
paths begin beside the file, and a key of a vendor never stands in it: only a reference to one.
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
        parts += [_fields(kinds[name])]
        if name == "Vendor":
            parts += ["These kinds are known:", _kinds()]
        parts += [f"```yaml\n{EXAMPLES[name].strip()}\n```"]
    return "\n\n".join(parts) + "\n"


def _fields(kind: dict[str, Any]) -> str:
    required = kind.get("required", [])
    rows = [
        f"| `{name}` | {_type(field)} | {'**required**' if name in required else _default(field)} | {field['description']} |"
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


def _default(field: dict[str, Any]) -> str:
    if "default" not in field:
        return "`[call, outcomes]`" if field.get("type") == "array" else "none"
    value = field["default"]
    if value is None or value in ({}, []):
        return "none"
    if isinstance(value, dict):
        return "as below"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _kinds() -> str:
    rows = [
        f"| `{kind}` | {one.dialect.value.replace('_', ' ')} | {one.place.value} | {_code(one.base_url)} | {_code(one.credential)} |"
        for kind, one in PROFILES.items()
        if not kind.startswith("simulated")
    ]
    return "\n".join(["| kind | speaks | place | address | credential |", "|---|---|---|---|---|", *rows])


def _code(text: str | None) -> str:
    return "none" if text is None else f"`{text}`"


# ── errors.md ───────────────────────────────────────────────────────────────────────────────────────────────────────


def errors_page() -> str:
    """Return the text of `docs/errors.md`."""
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
    for kind in root.__subclasses__():
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
