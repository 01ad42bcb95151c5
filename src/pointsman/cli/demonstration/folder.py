"""
The demo's working folder: a configuration to read and change, a decision table, a schema, a key that opens only what is simulated.

It is written anew at each start, because the simulated vendors' ports differ.
"""

import csv
import io
from dataclasses import asdict, dataclass
from pathlib import Path
from string import Template
from typing import Any, Final

import msgspec

from pointsman.cli.demonstration.tickets import INTENTS, SETTLED

HYBRID: Final = "support-triage"
FRONTIER: Final = "support-frontier"
ANSWER: Final = "support-answer"
CONFIGURATION: Final = "pointsman.yaml"
LEAST_CONFIDENCE: Final = 0.7
_HOURLY_USD: Final = 1.10

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
  mid:
    vendor: cloud-a
    model: sim-mid
    price: {input_usd_per_million: 0.40, output_usd_per_million: 1.60, id: simulated}
  frontier:
    vendor: cloud-b
    model: sim-frontier
    price: {input_usd_per_million: 5.00, output_usd_per_million: 25.00, id: simulated}

capabilities:
  $hybrid:               # what the demo's application calls
    owner: support@example.com
    rules: rules.csv            # some tickets need no model
    cache: true                 # some were asked before
    ladder: [small, mid, frontier]
    output_schema: triage.schema.json   # an answer that is not sure enough goes to the next rung
    retries: {per_target: 1, budget: 2, backoff_s: 0.05}
    unit: ticket

  $frontier:             # the same tickets with the frontier model alone, to compare
    owner: support@example.com
    ladder: [frontier]
    output_schema: triage.schema.json
    unit: ticket

  $answer:               # plain answers, for the lines that the demo prints
    owner: support@example.com
    cache: true
    ladder: [small, frontier]
    unit: ticket
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where everybody listens."""

    gateway: int
    admin: int
    own_gpu: int
    cloud_a: int
    cloud_b: int


def write(folder: Path, ports: Ports, *, speed: float) -> Path:
    """Write the folder and return the path of the configuration. The ledger of an earlier demo goes."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("pointsman.db*"):
        old.unlink()
    secret = folder / "simulated.key"
    secret.touch()
    secret.chmod(0o600)  # one that others could read is refused
    secret.write_text("simulated\n", encoding="utf-8")
    (folder / "rules.csv").write_text(_rules(), encoding="utf-8")
    (folder / "triage.schema.json").write_bytes(msgspec.json.format(msgspec.json.encode(contract()), indent=2) + b"\n")
    path = folder / CONFIGURATION
    path.write_text(_configuration(ports, speed), encoding="utf-8")
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


def _configuration(ports: Ports, speed: float) -> str:
    hourly_usd = f"{_HOURLY_USD * speed:.2f}"
    return _TEMPLATE.substitute(asdict(ports), hybrid=HYBRID, frontier=FRONTIER, answer=ANSWER, hourly_usd=hourly_usd, faster=_faster(speed))


def _faster(speed: float) -> str:
    return "" if speed == 1 else f"; {_HOURLY_USD:.2f} times {speed:g}, because this demo lives {speed:g} times as fast"
