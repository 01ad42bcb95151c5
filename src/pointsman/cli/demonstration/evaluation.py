"""
What the demo's shop did before it let a gateway choose: tickets of before, whose answers are known, were put to every target, and the right ones counted.

It runs through a gateway of its own, whose records nobody keeps: the ledger of the demo is about its customers. The table it leaves is one that
`pointsman router import` reads. A half of the tickets teaches, the other half proves the promise: nothing is proven by what was learned from.
"""

import shutil
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec
from msgspec import Struct

from pointsman.app.gateway import Gateway
from pointsman.app.guarantee import Desk
from pointsman.app.learned import folder_of, pointer_of
from pointsman.cli.demonstration.folder import HYBRID, TARGETS, Ports, asked_schema, evaluating
from pointsman.cli.demonstration.tickets import Ticket, tickets
from pointsman.cli.demonstration.workloads import TRIAGE
from pointsman.control.guarantee.observed import of_table
from pointsman.control.learning.version import Version, put_in_force, version_at
from pointsman.core.call import Asked
from pointsman.core.clock import Clock
from pointsman.core.errors import PointsmanError
from pointsman.decision.guarantee.certificate import Certificate
from pointsman.decision.guarantee.split import is_kept_apart
from pointsman.decision.prediction.fit import fit
from pointsman.decision.prediction.parameters import encode
from pointsman.decision.prediction.values import Label, Prompt
from pointsman.pipeline.run import run
from pointsman.settings.facts import Facts
from pointsman.settings.load import Settings, load
from pointsman.surfaces.registry import OPENAI

TABLE: Final = "evaluation.jsonl"
TICKETS: Final = 800
_SEED: Final = 1_000_003  # other tickets than those of the two weeks
_BY: Final = "ada@example.com"
_KINDS: Final = frozenset({"easy", "medium", "hard"})  # the others never reach a model
_NANO: Final = 1_000_000_000


class Row(Struct, frozen=True, kw_only=True):
    """What one target made of one ticket, in the columns of an evaluation. `score` is 1 for a good enough answer that was right; `cost` is in US dollars."""

    prompt: str
    capability: str
    model: str
    score: float
    cost: float | None
    latency_s: float


async def evaluate(home: Path, ports: Ports, *, clock: Clock, known: Facts) -> list[Row]:
    """Put the tickets to every target, and leave the table in the demo's folder. `clock` is moved by what the vendors take."""
    with TemporaryDirectory(prefix="pointsman-") as name:
        folder = Path(name)
        for needed in ("simulated.key", "triage.schema.json"):
            shutil.copy2(home / needed, folder / needed)
        path = folder / "evaluation.yaml"
        path.write_text(evaluating(ports), encoding="utf-8")
        gateway = Gateway(load(path, known), environ={}, clock=clock)
        try:
            asked = islice((one for one in tickets(_SEED) if one.kind in _KINDS), TICKETS)
            rows = [await _tried(gateway, ticket, target=target) for ticket in asked for target in TARGETS]
        finally:
            gateway.close()
    (home / TABLE).write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    return rows


async def _tried(gateway: Gateway, ticket: Ticket, *, target: str) -> Row:
    body = body_of(ticket.text, target)
    clock = gateway.clock
    began = clock.monotonic_s()
    try:
        answer = await run(OPENAI.decode(msgspec.json.encode(body), gateway.new_id()), Asked(), stages=gateway.stages)
    except PointsmanError:  # it was not sure enough
        is_right, cost = False, None
    else:
        is_right, cost = intent_of(answer.body) == ticket.intent, answer.trace.cost_nano_usd
    money = None if cost is None else cost / _NANO
    return Row(prompt=ticket.text, capability=HYBRID, model=target, score=float(is_right), cost=money, latency_s=clock.monotonic_s() - began)


def put_to_use(rows: list[Row], settings: Settings, *, clock: Clock) -> Certificate | None:
    """Learn from one half of the table, prove with the other what may leave the incumbent, and put both in force. Return what was proven, if anything."""
    now_ms = clock.wall_ms()
    labels = [_label(row, now_ms) for row in rows if not is_kept_apart(row.prompt)]
    parameters = fit(labels, seed=0)
    desk = Desk(settings, parameters, price_of=lambda target: target.price, now_ms=now_ms)
    terms = desk.terms(HYBRID, desk.routed()[HYBRID], source="evaluation")
    kept = [(row.prompt, row.model, row.score) for row in rows if is_kept_apart(row.prompt)]
    told = of_table(kept, capability=HYBRID, at_ms=now_ms)
    found = desk.certify(told, terms)
    if isinstance(found, Certificate):
        parameters = desk.keep(found, told)
    before = version_at(pointer_of(settings))
    made = Version(
        parameters=folder_of(settings).keep(encode(parameters)),
        made=datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="seconds"),
        by=_BY,
        labels=len(labels),
        why=(f"{len(rows) // len(TARGETS)} tickets of before were put to {', '.join(f'`{name}`' for name in TARGETS)}.",),
        before=before.parameters,
        source=TABLE,
        fitted=len(labels),
    )
    put_in_force(pointer_of(settings), made, folder=settings.folder)
    folder_of(settings).note_newest(made.parameters)
    return found if isinstance(found, Certificate) else None


def body_of(text: str, capability: str) -> dict[str, object]:
    """Return the request that the help desk sends for a ticket."""
    schema = {"type": "json_schema", "json_schema": {"name": "triage", "schema": asked_schema(), "strict": True}}
    messages = [{"role": "system", "content": TRIAGE}, {"role": "user", "content": text}]
    return {"model": capability, "messages": messages, "response_format": schema}


def intent_of(body: bytes) -> str:
    """Return the intent that an answer to a ticket names, or nothing."""
    try:
        content = msgspec.json.decode(body)["choices"][0]["message"]["content"]
        return str(msgspec.json.decode(content)["intent"])
    except (msgspec.DecodeError, LookupError, TypeError):
        return ""


def _label(row: Row, at_ms: int) -> Label:
    cost = None if row.cost is None else round(row.cost * _NANO)
    prompt = Prompt(text=row.prompt, capability=row.capability)
    return Label(prompt=prompt, target=row.model, score=row.score, cost_nano_usd=cost, latency_s=row.latency_s, at_ms=at_ms)
