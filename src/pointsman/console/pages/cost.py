"""
Who bears the money of a span: by team, application, workflow, capability, tenant, place, target or tag, over time and as a file. Lines add up to all of it.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from pointsman.console import words
from pointsman.console.frame import Ask, Shown
from pointsman.console.money import TABS, chosen, counted, saved_as
from pointsman.console.span import DAY_MS
from pointsman.control.finops.allocation import BYS, HUMAN, IDLE, LICENCE, Allocation, By, Unallocated, allocation
from pointsman.control.finops.series import by_day, by_hour
from pointsman.control.finops.span import Span, before, day_name
from pointsman.storage.sql import Database

_WHEN_TAGGED: Final = "tag"
_MOST_LINES: Final = 3  # of a chart; the rest stands together
_REST: Final = "the rest"
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
    """Return what the names that bear most spent in each step of the span, and all the others together."""
    span = Span(since_ms=ask.span.since_ms, until_ms=ask.span.until_ms)
    is_daily = ask.span.step_ms >= DAY_MS
    series = (by_day if is_daily else by_hour)(db, span, by=by)
    width = 1 if is_daily else ask.span.step_ms // (DAY_MS // 24)
    ranked = sorted(series, key=lambda name: (-sum(series[name]), name))
    top, rest = ranked[:_MOST_LINES], ranked[_MOST_LINES:]
    columns = [_wider(series[name], width) for name in top]
    if rest:
        columns.append([sum(values) for values in zip(*(_wider(series[name], width) for name in rest), strict=True)])
    names = (*(name.rpartition("/")[2] if _is_unique(ranked) else name for name in top), *([_REST] if rest else []))
    return Drawn(names=names, steps=tuple((at, tuple(column[index] for column in columns)) for index, at in enumerate(ask.span.steps)))


def loose(found: Sequence[Unallocated]) -> list[Loose]:
    """Return what nobody bears, the largest first."""
    sums: dict[str, int] = {}
    for one in found:
        says = f"{_KINDS.get(one.kind, one.kind)} {one.name}".strip()
        sums[says] = sums.get(says, 0) + one.nano_usd
    return [Loose(says=says, nano_usd=nano_usd) for says, nano_usd in sorted(sums.items(), key=lambda pair: (-pair[1], pair[0]))]


def _is_unique(names: Sequence[str]) -> bool:
    return len({name.rpartition("/")[2] for name in names}) == len(names)


def _wider(hours: Sequence[int], width: int) -> list[int]:
    return [sum(hours[start : start + width]) for start in range(0, len(hours), width)]


def _by(ask: Ask) -> tuple[By, str]:
    tags = ask.control.settings.file.costs.tags
    told = ask.word("by")
    by: By = BYS[0]
    for one in BYS:
        if one == told and (one != _WHEN_TAGGED or tags):
            by = one
    return by, chosen(ask, "tag", among=tags) if by == _WHEN_TAGGED else ""


def _allocated(ask: Ask, db: Database, *, span: Span) -> Allocation:
    by, tag = _by(ask)
    return allocation(db, span, by=by, tag=tag)
