"""
The demo's working folder: a configuration to read and change, a decision table, a schema, a key that opens only what is simulated.

It is written anew at each start, because the simulated vendors' ports differ.
"""

import csv
import hashlib
import io
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from string import Template
from types import MappingProxyType
from typing import Any, Final

import msgspec

from pointsman.cli.demonstration.tickets import INTENTS, SETTLED

HYBRID: Final = "support-triage"
FRONTIER: Final = "support-frontier"
ANSWER: Final = "support-answer"
CONFIGURATION: Final = "pointsman.yaml"
LEAST_CONFIDENCE: Final = 0.7
LOSS: Final = 0.05  # by how much the help desk's answers may be worse than the frontier model's, on the average
_HOURLY_USD: Final = 0.03
_LAW_USD: Final = 0.06
_TINY_USD: Final = 0.01

_SETTLED_WORDS: Final = {"opening_hours": "opening hours", "newsletter": "unsubscribe", "gift_card": "gift card balance"}
_SETTLED_REPLIES: Final = {
    "opening_hours": "We are open from 9 to 18 on weekdays and from 10 to 16 on Saturdays.",
    "newsletter": "You are unsubscribed and will get no further newsletter.",
    "gift_card": "The balance stands in your account under Gift cards, and on every receipt.",
}
_TEMPLATE: Final = Template("""# The demo's configuration, written anew at each start of `pointsman demo`. Change it while the gateway runs: it notices.
# Every vendor and price here is simulated. For your own: `pointsman init`, then `pointsman up`.

server:
  listen: 127.0.0.1:$gateway
  admin: 127.0.0.1:$admin

vendors:
  own-gpu:                      # a model server in your own house (simulated)
    kind: simulated
    base_url: http://127.0.0.1:$own_gpu/v1
    credential: file:simulated.key
    zone: private
  cloud-a:                      # speaks OpenAI Chat Completions (simulated); fails in the middle of the demo
    kind: simulated
    base_url: http://127.0.0.1:$cloud_a/v1
    credential: file:simulated.key
  cloud-b:                      # speaks Anthropic Messages (simulated)
    kind: simulated_anthropic
    base_url: http://127.0.0.1:$cloud_b
    credential: file:simulated.key

targets:
  small:
    vendor: own-gpu
    model: sim-small
    place: private
    hardware: {hourly_usd: $hourly_usd}   # shared over the time it is busy$faster
  tiny:
    vendor: own-gpu
    model: sim-tiny
    place: private
    hardware: {hourly_usd: $tiny_usd}
  law:
    vendor: own-gpu
    model: sim-mid
    place: private
    hardware: {hourly_usd: $law_usd}
  mid:
    vendor: cloud-a
    model: sim-mid
    price: {input_usd_per_million: 1.00, output_usd_per_million: 5.00, id: simulated}
  frontier:
    vendor: cloud-b
    model: sim-frontier
    price: {input_usd_per_million: 5.00, output_usd_per_million: 25.00, id: simulated}

capabilities:
  $hybrid:               # what the shop's help desk calls$support

  $frontier:             # a part of the same tickets with the frontier model alone, to compare
    owner: support@example.com
    ladder: [frontier]
    output_schema: triage.schema.json
    unit: ticket

  $answer:               # plain answers, for the lines that the demo prints
    owner: support@example.com
    cache: true
    ladder: [small, frontier]
    unit: ticket

  contract-summary:             # confidential: what the key declares closes every cloud
    owner: legal@example.com
    ladder: [law]
    unit: contract

  lead-brief:                   # public facts
    owner: sales@example.com
    cache: true
    ladder: [mid, frontier]
    unit: lead

  invoice-match:                # plain cases by rules, the rest by a small model
    owner: finance@example.com
    rules: invoices.csv
    ladder: [small, mid]
    unit: exception

workflows:
  support:
    capabilities: [$hybrid, $answer]
    owner: support@example.com
    unit: ticket
    useful: [resolved]
    window: 3d
    complete_within: 8h
    value_usd: 2.50
    human_usd_per_hour: 24
    baseline: frontier
    objectives:
      answered: {kind: success, share: 0.99, window: 7d}
      quick: {kind: latency, threshold_ms: 4000, share: 0.95, window: 7d}
      good: {kind: quality, threshold: 0.5, share: 0.9, window: 3d}
  support-frontier:
    capabilities: [$frontier]
    owner: support@example.com
    unit: ticket
    useful: [resolved]
    window: 3d
    value_usd: 2.50
    human_usd_per_hour: 24
  legal-review:
    capabilities: [contract-summary]
    owner: legal@example.com
    unit: contract
    useful: [reviewed]
    window: 5d
    complete_within: 2d
    value_usd: 60
    human_usd_per_hour: 90
    objectives:
      answered: {kind: success, share: 0.99, window: 14d}
  sales-research:
    capabilities: [lead-brief]
    owner: sales@example.com
    unit: lead
    useful: [qualified]
    window: 5d
    complete_within: 3d
    value_usd: 40
    human_usd_per_hour: 45
    baseline: frontier
    objectives:
      answered: {kind: success, share: 0.99, window: 7d}
  invoice-exceptions:
    capabilities: [invoice-match]
    owner: finance@example.com
    unit: exception
    useful: [matched]
    window: 2d
    complete_within: 1d
    value_usd: 4
    human_usd_per_hour: 42
    baseline: frontier
    objectives:
      answered: {kind: success, share: 0.99, window: 7d}
      quick: {kind: latency, threshold_ms: 3000, share: 0.95, window: 7d}

learning: {every: 5d, embedding: hashed}

costs:
  baseline: frontier
  tags: [feature]
  licences:
    contract-templates: {usd_per_month: 120, workflow: legal-review}

limits:
  - {name: support-month, by: team, only: care, budget_usd: 60, period: month}
  - {name: sales-month, by: team, only: sales, budget_usd: 0.6, period: month}

keys:                           # their secrets are their names: this is a demo
$keys""")

_SUPPORT_FIRST: Final = """
    owner: support@example.com
    ladder: [mid, frontier]
    output_schema: triage.schema.json   # an answer that is not sure enough goes to the next rung
    retries: {per_target: 1, budget: 2, backoff_s: 0.05}
    unit: ticket"""
_SUPPORT_HYBRID: Final = """
    owner: support@example.com
    rules: rules.csv            # some tickets need no model
    cache: true                 # some were asked before
    ladder: [small, mid, frontier]
    output_schema: triage.schema.json   # an answer that is not sure enough goes to the next rung
    retries: {per_target: 1, budget: 2, backoff_s: 0.05}
    unit: ticket"""
_SUPPORT_BY_VALUE: Final = f"""
    owner: support@example.com
    rules: rules.csv            # some tickets need no model
    cache: true                 # some were asked before
    ladder: [small, mid, frontier]
    routing:                    # who goes first: who is worth most of those that are proven to be as good as the frontier model
      incumbent: frontier
      guarantee: true           # `pointsman guarantee` tells what is promised, and on which data
      not_worse_by: {LOSS}
      agree_on: [intent]        # two answers say the same if the customer wants the same by both
      criteria: {{value_usd: 0.10}}   # what it is worth that a ticket is sorted right at once
      shadow: {{share: 0.8, usd_per_day: 0.30, data_class: confidential}}
    output_schema: triage.schema.json   # an answer that is not sure enough goes to the next rung
    retries: {{per_target: 1, budget: 2, backoff_s: 0.05}}
    unit: ticket"""
_SUPPORT_BAD: Final = """
    owner: support@example.com
    rules: rules.csv
    ladder: [tiny]              # "the new model is as good, and half as dear"
    retries: {per_target: 1, budget: 2, backoff_s: 0.05}
    unit: ticket"""
# Key → team, application, class of data. The secret of each is `demo-` and its name.
_KEYS: Final = MappingProxyType(
    {
        "helpdesk": ("care", "helpdesk", "internal"),
        "chat": ("care", "web-chat", "internal"),
        "app": ("mobile", "app", "internal"),
        "contracts": ("legal", "contract-desk", "confidential"),
        "crm": ("sales", "crm", "public"),
        "erp": ("finance", "erp", "internal"),
    }
)
_INVOICE_RULES: Final = (
    ("no order number", "the order number is missing", "The order number is missing: ask the supplier for it. The order is right."),
    ("wrong tax rate", "the tax rate is wrong", "The tax rate is wrong: ask for a corrected invoice. The order is right."),
)


class Stage(StrEnum):
    """
    How the help desk's capability is served: by large models; by whoever is good enough, as the ladder stands; by who is worth most of those that are proven to
    be as good as the frontier model; or, for an afternoon, by a small model unchecked.
    """

    FIRST = "first"
    HYBRID = "hybrid"
    BY_VALUE = "by_value"
    BAD = "bad"


_SUPPORT: Final = MappingProxyType({Stage.FIRST: _SUPPORT_FIRST, Stage.HYBRID: _SUPPORT_HYBRID, Stage.BY_VALUE: _SUPPORT_BY_VALUE, Stage.BAD: _SUPPORT_BAD})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where everybody listens."""

    gateway: int
    admin: int
    own_gpu: int
    cloud_a: int
    cloud_b: int


def secret_of(key: str) -> str:
    """Return the secret of one of the demo's keys."""
    return f"demo-{key}"


def clear(folder: Path) -> None:
    """Let the records of an earlier demo go."""
    for old in (*folder.glob("pointsman*.db*"), *folder.glob("history.json"), *folder.glob("learned.json")):
        old.unlink()
    for name in ("pointsman.audit", "learned"):
        shutil.rmtree(folder / name, ignore_errors=True)


def write(folder: Path, ports: Ports, *, speed: float, stage: Stage = Stage.HYBRID) -> Path:
    """Write the folder and return the path of the configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    secret = folder / "simulated.key"
    secret.touch()
    secret.chmod(0o600)  # one that others could read is refused
    secret.write_text("simulated\n", encoding="utf-8")
    (folder / "rules.csv").write_text(_rules(), encoding="utf-8")
    (folder / "invoices.csv").write_text(_invoice_rules(), encoding="utf-8")
    (folder / "triage.schema.json").write_bytes(msgspec.json.format(msgspec.json.encode(contract()), indent=2) + b"\n")
    path = folder / CONFIGURATION
    path.write_text(_configuration(ports, speed, stage=stage), encoding="utf-8")
    return path


def asked_schema() -> dict[str, Any]:
    """Return the schema that the application sends with each ticket."""
    return {
        "type": "object",
        "properties": {"intent": {"enum": list(INTENTS)}, "confidence": {"type": "number"}, "reply": {"type": "string"}},
        "required": ["intent", "confidence", "reply"],
        "additionalProperties": False,
    }


def contract() -> dict[str, Any]:
    """Return the schema that an answer must fit to be good enough: the application's, and sure of itself."""
    told = asked_schema()
    told["properties"]["confidence"] = {"type": "number", "minimum": LEAST_CONFIDENCE}
    return told


def _rules() -> str:
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(("name", "then", "text", "answer", "message"))
    for intent in SETTLED:
        answer = msgspec.json.encode({"intent": intent, "confidence": 1.0, "reply": _SETTLED_REPLIES[intent]}).decode()
        rows.writerow((intent.replace("_", " "), "answer", f'.matches("(?i){_SETTLED_WORDS[intent]}")', answer, ""))
    rows.writerow(("no card numbers", "veto", '.matches("(?i)card number")', "", "Please never write a card number in a ticket. Remove it and ask again."))
    return out.getvalue()


def _invoice_rules() -> str:
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(("name", "then", "text", "answer"))
    for name, words, answer in _INVOICE_RULES:
        rows.writerow((name, "answer", f'.matches("(?i){words}")', answer))
    return out.getvalue()


def _configuration(ports: Ports, speed: float, *, stage: Stage) -> str:
    facts = {"hybrid": HYBRID, "frontier": FRONTIER, "answer": ANSWER, "faster": _faster(speed), "support": _SUPPORT[stage], "keys": "\n".join(_keys())}
    hourly = {name: f"{usd * speed:.2f}" for name, usd in (("hourly_usd", _HOURLY_USD), ("law_usd", _LAW_USD), ("tiny_usd", _TINY_USD))}
    return _TEMPLATE.substitute(asdict(ports), **facts, **hourly)


def _keys() -> Iterator[str]:
    for name, (team, application, data_class) in _KEYS.items():
        sha256 = hashlib.sha256(secret_of(name).encode()).hexdigest()
        yield f"  {name}: {{sha256: {sha256}, team: {team}, application: {application}, data_class: {data_class}}}"


def _faster(speed: float) -> str:
    return "" if speed == 1 else f"; {_HOURLY_USD:.2f} times {speed:g}, because this demo lives {speed:g} times as fast"
