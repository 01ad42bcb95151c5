"""
Who bears the money of a span: by team, application, workflow, capability, tenant, place, target or tag, over time and as a file. Lines add up to all of it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from pointsman.console import words
from pointsman.console.frame import Ask, Shown
from pointsman.console.money import TABS, chosen, counted, saved_as
from pointsman.console.span import DAY_MS
from pointsman.control.finops.allocation import BYS, HUMAN, IDLE, LICENCE, Allocation, By, Unallocated, allocation
from pointsman.control.finops.span import Span, before, day_name
from pointsman.storage.database import query
from pointsman.storage.sql import Database

_WHEN_TAGGED: Final = "tag"
_MOST_LINES: Final = 3  # of a chart; the rest stands together
_REST: Final = "the rest"
_NOT_TOLD: Final = "not told"
_WITHIN_TENANT: Final = frozenset({"team", "application"})
_KINDS: Final[Mapping[str, str]] = {HUMAN: "people's time of", LICENCE: "licence of", IDLE: "idle hardware"}
_WITHOUT_PEOPLE: Final = frozenset({"capability", "place", "target", "tag"})
_COLUMNS: Final = ("by", "name", "calls", "cost_unknown", "attempts_nano_usd", "human_nano_usd", "licence_nano_usd", "other_nano_usd", "total_nano_usd")
# What is looked into when a name of one of these is chosen.
_CALLS_BY: Final = frozenset({"team", "workflow", "capability", "place", "target"})


class Loose(Struct, frozen=True, kw_only=True):
    """Money of one kind that nobody bears, told for the names that it was spent at."""

    says: str
    nano_usd: int


class Drawn(Struct, frozen=True, kw_only=True):
    """What a chart shows: names, and for each step when it begins and what each name spent in it."""

    names: tuple[str, ...]
    steps: tuple[tuple[int, tuple[int, ...]], ...]


def cost(ask: Ask, db: Database) -> Shown:
    """Show who bears what."""
    by, tag = _by(ask)
    span = counted(ask)
    found, earlier = (_allocated(ask, db, span=one) for one in (span, before(span)))
    values = {
        "tabs": TABS,
        "bys": [one for one in BYS if one != _WHEN_TAGGED or ask.control.settings.file.costs.tags],
        "by": by,
        "tag": tag,
        "tags": ask.control.settings.file.costs.tags,
        "found": found,
        "change": words.change(found.total_nano_usd, earlier.total_nano_usd),
        "before": earlier.total_nano_usd,
        "was": {line.name: line.total_nano_usd for line in earlier.lines},
        "people": sum(line.human_nano_usd for line in found.lines) + sum(one.nano_usd for one in found.unallocated if one.kind == HUMAN),
        "licences": sum(line.licence_nano_usd for line in found.lines) + sum(one.nano_usd for one in found.unallocated if one.kind == LICENCE),
        "idle": sum(one.nano_usd for one in found.unallocated if one.kind == IDLE),
        "loose": loose(found.unallocated),
        "drawn": None if by == _WHEN_TAGGED else drawn(ask, db, by=by),
        "has_people": by not in _WITHOUT_PEOPLE,
        "into": by if by in _CALLS_BY else "",
    }
    return Shown(template="cost.html", title="Cost", values=values)


def cost_file(ask: Ask, db: Database) -> Shown:
    """Give who bears what as a file, with what nobody bears in lines of its own."""
    found = _allocated(ask, db, span=counted(ask))
    rows = [{"by": found.by, **{name: getattr(line, name) for name in _COLUMNS[1:]}} for line in found.lines]
    nothing = dict.fromkeys(_COLUMNS[2:-1], 0)
    rows += [{"by": "unallocated", "name": f"{one.kind} {one.name}".strip(), **nothing, "total_nano_usd": one.nano_usd} for one in found.unallocated]
    name = f"cost-by-{found.by.replace(' ', '-')}-{day_name(found.span.since_ms)}-to-{day_name(found.span.until_ms - 1)}"
    return saved_as(name, _COLUMNS, rows=rows)


def drawn(ask: Ask, db: Database, *, by: str) -> Drawn:
    """Return what the names that spent most spent in each step of the span, and all the others together."""
    span = ask.span
    table = "console/spent_day" if span.step_ms >= DAY_MS else "console/spent_hour"
    at = {at_ms: index for index, at_ms in enumerate(span.steps)}
    series: dict[str, list[int]] = defaultdict(lambda: [0] * len(at))
    for row in db.rows(query(table), {**span.values, "step_ms": span.step_ms, "by": by}):
        series[row["name"]][at[row["at_ms"]]] += row["cost_nano_usd"]
    ranked = sorted(series, key=lambda name: (-sum(series[name]), name))
    top, rest = ranked[:_MOST_LINES], ranked[_MOST_LINES:]
    columns = [series[name] for name in top]
    if rest:
        columns.append([sum(values) for values in zip(*(series[name] for name in rest), strict=True)])
    names = (*(_name(name, among=ranked, by=by) for name in top), *([_REST] if rest else []))
    return Drawn(names=names, steps=tuple((at_ms, tuple(column[index] for column in columns)) for at_ms, index in at.items()))


def _name(name: str, *, among: Sequence[str], by: str) -> str:
    """Return a team without its tenant where no other tenant has a team of this name."""
    if by not in _WITHIN_TENANT:
        return name
    plain = name.partition("/")[2]
    return (plain or _NOT_TOLD) if sum(one.partition("/")[2] == plain for one in among) == 1 else name


def loose(found: Sequence[Unallocated]) -> list[Loose]:
    """Return what nobody bears, the largest first."""
    sums: dict[str, int] = {}
    for one in found:
        says = f"{_KINDS.get(one.kind, one.kind)} {one.name}".strip()
        sums[says] = sums.get(says, 0) + one.nano_usd
    return [Loose(says=says, nano_usd=nano_usd) for says, nano_usd in sorted(sums.items(), key=lambda pair: (-pair[1], pair[0]))]


def _by(ask: Ask) -> tuple[By, str]:
    tags = ask.control.settings.file.costs.tags
    told = ask.word("by")
    by: By = "workflow"  # every call has one, while teams and applications must be told
    for one in BYS:
        if one == told and (one != _WHEN_TAGGED or tags):
            by = one
    return by, chosen(ask, "tag", among=tags) if by == _WHEN_TAGGED else ""


def _allocated(ask: Ask, db: Database, *, span: Span) -> Allocation:
    by, tag = _by(ask)
    return allocation(db, span, by=by, tag=tag)
