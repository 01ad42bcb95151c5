"""
Who works with the demo's gateway: four business processes of a small web shop, with their rhythm, their items, and what becomes of each item.

The customers, contracts and invoices are made up; what they cost and where they ran is what the gateway does with them.
"""

import math
import random
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from itertools import count
from types import MappingProxyType
from typing import Final

from pointsman.cli.demonstration.tickets import Ticket, tickets
from pointsman.cli.simulated.support import INTENTS

SUPPORT: Final = "support"
FRONTIER_WORKFLOW: Final = "support-frontier"
LEGAL: Final = "legal-review"
SALES: Final = "sales-research"
INVOICES: Final = "invoice-exceptions"

_DAY_S: Final = 86_400
_HOUR_S: Final = 3_600
_WEEKEND_FROM: Final = 5

# Of a thousand items, how many begin in each hour of a day (UTC): an office, and a shop that sleeps less.
_OFFICE: Final = (0, 0, 0, 0, 0, 5, 25, 75, 110, 120, 115, 80, 70, 95, 105, 90, 60, 30, 12, 5, 3, 0, 0, 0)
_SHOP: Final = (12, 8, 6, 5, 6, 10, 22, 40, 58, 68, 70, 66, 60, 58, 60, 62, 64, 66, 62, 54, 46, 38, 26, 18)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """
    One business process: its capability, who calls (key → share), items a weekday and a weekend day, and what an item of it needs of people.

    `accuracy` is the probability of a useful outcome by the target that answered; `human_min` minutes of people for a good and a bad answer.
    """

    workflow: str
    capability: str
    keys: Mapping[str, float]
    a_weekday: int
    a_weekend_day: int
    hours: tuple[int, ...]
    unit: str
    useful: str
    useless: str
    accuracy: Mapping[str, float] = field(default_factory=dict[str, float])
    human_min: tuple[float, float] = (0.0, 0.0)
    queue: str = ""
    outcome_after_h: tuple[float, float] = (0.1, 4.0)
    reversed_share: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item as it begins: when (seconds after midnight UTC of the first day), whose key, its name, and what is asked. `ticket` is set for support."""

    at_s: float
    work: Workload
    key: str
    unit: str
    system: str
    text: str
    feature: str
    ticket: Ticket | None = None


SUPPORT_WORK: Final = Workload(
    workflow=SUPPORT,
    capability="support-triage",
    keys=MappingProxyType({"helpdesk": 0.55, "chat": 0.30, "app": 0.15}),
    a_weekday=240,
    a_weekend_day=110,
    hours=_SHOP,
    unit="ticket",
    useful="resolved",
    useless="unresolved",
    human_min=(0.0, 1.0),
    queue="second-level",
    outcome_after_h=(0.1, 6.0),
    reversed_share=0.02,
)
LEGAL_WORK: Final = Workload(
    workflow=LEGAL,
    capability="contract-summary",
    keys=MappingProxyType({"contracts": 1.0}),
    a_weekday=9,
    a_weekend_day=0,
    hours=_OFFICE,
    unit="contract",
    useful="reviewed",
    useless="sent-back",
    accuracy=MappingProxyType({"law": 0.9}),
    human_min=(14.0, 35.0),
    queue="legal",
    outcome_after_h=(3.0, 30.0),
)
SALES_WORK: Final = Workload(
    workflow=SALES,
    capability="lead-brief",
    keys=MappingProxyType({"crm": 1.0}),
    a_weekday=55,
    a_weekend_day=6,
    hours=_OFFICE,
    unit="lead",
    useful="qualified",
    useless="disqualified",
    accuracy=MappingProxyType({"mid": 0.34, "frontier": 0.38, "cache": 0.34, "small": 0.3}),
    human_min=(2.0, 1.0),
    queue="sales",
    outcome_after_h=(6.0, 60.0),
)
INVOICE_WORK: Final = Workload(
    workflow=INVOICES,
    capability="invoice-match",
    keys=MappingProxyType({"erp": 1.0}),
    a_weekday=80,
    a_weekend_day=4,
    hours=_OFFICE,
    unit="exception",
    useful="matched",
    useless="manual",
    accuracy=MappingProxyType({"rules": 0.995, "small": 0.9, "mid": 0.95, "frontier": 0.97, "cache": 0.93}),
    human_min=(0.0, 9.0),
    queue="accounts-payable",
    outcome_after_h=(0.2, 8.0),
)
WORKLOADS: Final = (SUPPORT_WORK, LEGAL_WORK, SALES_WORK, INVOICE_WORK)

# What the help desk's model is told each time: the house's rules, as they are found for every ticket.
_HANDBOOK: Final = " ".join(
    f"Rule {number}: when a customer writes about {intent.name.replace('_', ' ')}, check the order, the customer's plan and the last three messages first; then"
    f" say: {intent.reply} If the customer asked for the same before, apologise once, name what was done, and offer to call. Never promise a date that the"
    " carrier has not confirmed, never ask for a password, and never tell one customer about the order of another."
    for number, intent in enumerate((*INTENTS, *INTENTS), start=1)
)
TRIAGE: Final = f"You triage the tickets of a small web shop. Tell what the customer wants, how sure you are, and what to reply. {_HANDBOOK}"
_LAW: Final = "You summarise contracts for the legal team: parties, term, liability, termination, and what deviates from our template."
_LEAD: Final = "You write a short brief on a company from public facts: what it makes, its size, who decides, and why it could need a web shop."
_INVOICE: Final = "You explain why an invoice does not match its order, and say which of both is wrong."

_TRADES: Final = (
    "bakery",
    "bicycle maker",
    "hotel",
    "garden centre",
    "printer",
    "brewery",
    "clinic",
    "ski school",
    "bookshop",
    "carpenter",
    "optician",
    "winery",
)
_TOWNS: Final = ("Bergen", "Porto", "Graz", "Lille", "Cork", "Tartu", "Leuven", "Bologna", "Malmo", "Brno", "Split", "Ghent", "Turku", "Basel", "Aarhus")
_CONTRACTS: Final = ("supply", "lease", "licence", "service", "agency", "maintenance", "distribution", "non-disclosure")
_CLAUSES: Final = (
    "liability is capped at twelve monthly fees",
    "either side may end it with three months' notice",
    "the term renews by a year unless it is ended",
    "prices follow the index of consumer prices",
    "the place of jurisdiction is the supplier's",
    "damages for delay are half a percent a week",
    "subcontractors need our consent",
)
_FAULTS: Final = (
    ("the quantity is {n} instead of {m}", "quantity"),
    ("the unit price is {n} cents above the order", "price"),
    ("freight of {n} euro was not ordered", "freight"),
    ("the order number is missing", "no order"),
    ("the tax rate is wrong", "tax"),
)


def items(days: int, *, seed: int, first_weekday: int) -> list[Item]:
    """Return the items of so many days in the order in which they begin; the first day is a weekday counted from Monday as 0."""
    chance = random.Random(seed)  # noqa: S311 - a workload that can be repeated, no secret
    texts = {work.workflow: _texts(work, seed) for work in WORKLOADS}
    numbers = {work.workflow: count(1) for work in WORKLOADS}
    found: list[Item] = []
    for day in range(days):
        is_weekend = (first_weekday + day) % 7 >= _WEEKEND_FROM
        for work in WORKLOADS:
            expected = work.a_weekend_day if is_weekend else work.a_weekday
            times = [day * _DAY_S + at_s for at_s in _times(_drawn(expected, chance), work.hours, chance=chance)]
            found += [_item(work, at_s, number=next(numbers[work.workflow]), texts=texts, chance=chance) for at_s in times]
    return sorted(found, key=lambda item: item.at_s)


def forever(seed: int) -> Generator[Item]:
    """Yield items of all workloads without end, in their usual mix; `at_s` is 0."""
    chance = random.Random(seed)  # noqa: S311 - as above
    texts = {work.workflow: _texts(work, seed) for work in WORKLOADS}
    weights = [work.a_weekday for work in WORKLOADS]
    for number in count(1):
        work = chance.choices(WORKLOADS, weights)[0]
        yield _item(work, 0.0, number=number, texts=texts, chance=chance)


def _item(work: Workload, at_s: float, *, number: int, texts: Mapping[str, Generator[tuple[str, Ticket | None]]], chance: random.Random) -> Item:
    text, ticket = next(texts[work.workflow])
    key = chance.choices(list(work.keys), list(work.keys.values()))[0]
    systems = {SUPPORT: TRIAGE, LEGAL: _LAW, SALES: _LEAD, INVOICES: _INVOICE}
    feature = "" if ticket is None else ticket.kind
    return Item(at_s=at_s, work=work, key=key, unit=f"{work.unit}-{number:05d}", system=systems[work.workflow], text=text, feature=feature, ticket=ticket)


def _texts(work: Workload, seed: int) -> Generator[tuple[str, Ticket | None]]:
    chance = random.Random(f"{seed}/{work.workflow}")  # noqa: S311 - as above
    if work.workflow == SUPPORT:
        for ticket in tickets(seed):
            yield ticket.text, ticket
    writers = {LEGAL: _contract, SALES: _lead, INVOICES: _exception}
    while True:
        yield writers[work.workflow](chance), None


def _contract(chance: random.Random) -> str:
    clauses = "; ".join(chance.sample(_CLAUSES, 4))
    return f"Summarise this {chance.choice(_CONTRACTS)} contract with a {chance.choice(_TRADES)} in {chance.choice(_TOWNS)}: {clauses}. " * 6


def _lead(chance: random.Random) -> str:
    return f"Write a brief on a {chance.choice(_TRADES)} in {chance.choice(_TOWNS)} with about {chance.choice((5, 10, 20, 40, 80))} people."


def _exception(chance: random.Random) -> str:
    told, _ = chance.choice(_FAULTS)
    return f"Invoice of the {chance.choice(_TRADES)} in {chance.choice(_TOWNS)}: {told.format(n=chance.randint(2, 9), m=chance.randint(10, 20))}."


def _drawn(expected: int, chance: random.Random) -> int:
    """Return a number of items near what is expected (normal, with the spread of independent arrivals)."""
    return max(0, round(chance.gauss(expected, math.sqrt(expected)))) if expected else 0


def _times(number: int, hours: tuple[int, ...], *, chance: random.Random) -> list[float]:
    return [chance.choices(range(24), hours)[0] * _HOUR_S + chance.random() * _HOUR_S for _ in range(number)]
