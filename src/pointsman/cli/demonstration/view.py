"""
The demo's figures as lines for a terminal of any width from 80 columns, or as plain data.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import click

from pointsman.cli.demonstration.figures import Figures, Site
from pointsman.cli.demonstration.folder import FRONTIER, HYBRID
from pointsman.core.place import Place
from pointsman.ledger.report import CapabilityReport

_NANO: Final = 1_000_000_000
_WIDE: Final = 104
_BAR: Final = 24
_ABOUT: Final = MappingProxyType({"rules": "decision table", "cache": "asked before", "small": "own-gpu", "mid": "cloud-a", "frontier": "cloud-b"})
_COLOUR: Final = MappingProxyType({Place.RULES.value: "green", Place.CACHE.value: "cyan", Place.PRIVATE.value: "blue", Place.CLOUD.value: "magenta"})

Style = Callable[..., str]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is shown: the figures, and how far the workload is."""

    figures: Figures
    sent: int
    total: int
    elapsed_s: float
    lost: int
    is_failing: bool
    last: str = ""


def plain(text: str, **_: Any) -> str:
    """Return text without colour."""
    return text


def screen(view: View, *, width: int, style: Style = click.style) -> list[str]:
    """Return the table, each line no wider than the terminal."""
    return [
        *_head(view, width, style=style),
        "",
        *_sites(view.figures, width, style=style),
        "",
        *_costs(view.figures, style),
        "",
        *_notes(view, width, style=style),
    ]


def status(view: View) -> str:
    """Return one line, for where there is no terminal."""
    figures = view.figures
    places = ", ".join(f"{place} {calls}" for place, calls in sorted(figures.hybrid.calls_by_place.items()))
    cost = (
        f"{money(figures.hybrid.cost_per_useful_nano_usd)} a resolved ticket, {money(figures.frontier.cost_per_useful_nano_usd)} with the frontier model alone"
    )
    trouble = " · cloud-a fails (simulated)" if view.is_failing else ""
    return f"{_clock(view.elapsed_s)} · {view.sent} of {view.total} tickets · {places} · {cost} · fallbacks {figures.failed_over} · lost {view.lost}{trouble}"


def data(view: View) -> dict[str, Any]:
    """Return the figures for programs. Money in US dollars."""
    figures = view.figures
    return {
        "simulated": "vendors, models, prices and customers; HTTP, decisions and the ledger are real",
        "seconds": round(view.elapsed_s, 3),
        "tickets": view.sent,
        "lost": view.lost,
        HYBRID: _capability(figures.hybrid),
        FRONTIER: _capability(figures.frontier),
        "calls_by_place": dict(sorted(figures.hybrid.calls_by_place.items())),
        "sites": [
            {
                "place": site.place,
                "target": site.target,
                "calls": site.calls,
                "p50_ms": site.p50_ms,
                "p95_ms": site.p95_ms,
                "cost_usd": site.cost_nano_usd / _NANO,
            }
            for site in figures.sites
        ],
        "escalated": figures.escalated,
        "fallbacks": figures.failed_over,
        "times_cheaper": figures.times_cheaper,
    }


def money(nano_usd: float | None) -> str:
    """Return an amount with as many digits as it needs."""
    if nano_usd is None:
        return "unknown"
    usd = nano_usd / _NANO
    return f"${usd:.2f}" if usd >= 1 else f"${usd:.4f}" if usd >= 0.1 else f"${usd:.5f}"


# ── parts of the screen ─────────────────────────────────────────────────────────────────────────────────────────────


def _head(view: View, width: int, *, style: Style) -> list[str]:
    title = f"Pointsman demo · {_clock(view.elapsed_s)} · {view.sent} of {view.total} tickets  "
    room = min(width - len(title) - 1, 40)
    done = round(room * view.sent / view.total)
    return [
        style(title, bold=True) + style("━" * done, fg="green") + style("╌" * (room - done), dim=True),
        style("Simulated: vendors, models, prices, customers. Real: HTTP, decisions, ledger.", dim=True),
    ]


def _sites(figures: Figures, width: int, *, style: Style) -> list[str]:
    told = [style(f"{'Who answered ' + HYBRID:<34}{'calls':>7}{'share':>7}{'p50':>9}{'p95':>9}{'$ a call':>12}", bold=True)]
    total = sum(site.calls for site in figures.sites) or 1
    for site in figures.sites:
        name = "" if site.target == site.place else site.target
        label = f"{name:<9}{_ABOUT.get(site.target, '')}"
        row = f"{label:<23}{site.calls:>7}{site.calls / total:>7.0%}{_span(site.p50_ms):>9}{_span(site.p95_ms):>9}{_each(site):>12}"
        bar = "  " + style("█" * round(_BAR * site.calls / total), fg=_COLOUR.get(site.place)) if width >= _WIDE else ""
        told.append(f"  {style(f'{site.place:<9}', fg=_COLOUR.get(site.place))}{row}{bar}")
    return told if figures.sites else [*told, "  the first tickets are on their way"]


def _costs(figures: Figures, style: Style) -> list[str]:
    ours, theirs = figures.hybrid, figures.frontier
    rows = (
        ("", HYBRID, "frontier model alone"),
        ("tickets answered", str(ours.ok), str(theirs.ok)),
        ("resolved, by reported outcome", _resolved(ours), _resolved(theirs)),
        ("latency p50 / p95", _latencies(ours), _latencies(theirs)),
        ("cost, from the ledger", money(ours.cost_nano_usd), money(theirs.cost_nano_usd)),
        ("cost per resolved ticket", money(ours.cost_per_useful_nano_usd), money(theirs.cost_per_useful_nano_usd)),
    )
    bold = {0, len(rows) - 1}
    told = [style(f"{title:<32}{left:>21}{right:>25}", bold=index in bold) for index, (title, left, right) in enumerate(rows)]
    cheaper = figures.times_cheaper
    verdict = "" if cheaper is None else f"{cheaper:.1f} times cheaper per resolved ticket" if cheaper >= 1 else "dearer per resolved ticket"
    return [
        *told,
        style(f"{verdict:>53}", fg="green", bold=True),
        style(f"Measured: each ticket also goes to {FRONTIER}, the frontier model alone.", dim=True),
    ]


def _notes(view: View, width: int, *, style: Style) -> list[str]:
    figures = view.figures
    lost = style(f"lost: {view.lost}", fg="red" if view.lost else "green")
    told = [
        f"escalated: {figures.escalated} (not sure) · fallbacks: {figures.failed_over} (vendor failed) · {lost}",
        style("cloud-a fails every call now (simulated)", fg="red", bold=True) if view.is_failing else style("all vendors answer", dim=True),
    ]
    for owned in figures.hardware:
        busy = owned.busy_s / owned.paid_s if owned.paid_s else 0.0
        told.append(style(f"{owned.target} was busy {busy:.0%} of its time; idle time ({money(owned.idle_nano_usd)}) is in no ticket's price", dim=True))
    if view.last:
        told.append(style(view.last[:width], dim=True))
    return told


def _capability(told: CapabilityReport) -> Mapping[str, Any]:
    each = told.cost_per_useful_nano_usd
    return {
        "calls": told.calls,
        "ok": told.ok,
        "resolved": told.useful,
        "cost_usd": told.cost_nano_usd / _NANO,
        "cost_coverage": told.coverage,
        "cost_per_resolved_usd": None if each is None else each / _NANO,
        "p50_ms": told.p50_ms,
        "p95_ms": told.p95_ms,
    }


def _resolved(told: CapabilityReport) -> str:
    return f"{told.useful} ({told.useful / told.units_told:.0%})" if told.units_told else "-"


def _latencies(told: CapabilityReport) -> str:
    return "-" if told.p50_ms is None or told.p95_ms is None else f"{_span(told.p50_ms)} / {_span(told.p95_ms)}"


def _each(site: Site) -> str:
    return money(site.cost_nano_usd / site.calls) if site.cost_nano_usd else "$0"


def _span(ms: float) -> str:
    return f"{ms / 1000:.1f} s" if ms >= 950 else f"{ms:.0f} ms" if ms >= 1 else "<1 ms"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
