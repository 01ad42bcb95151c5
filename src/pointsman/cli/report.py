"""
`pointsman report`: what calls cost and what they were worth, from the ledger.
"""

import sqlite3
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from pointsman.cli.configuration import now_ms, settings_at
from pointsman.cli.options import config_option, duration, json_option, money, note, print_json, span_s, table
from pointsman.core.errors import Unusable
from pointsman.core.place import Place
from pointsman.ledger.failures import Failures, failures
from pointsman.ledger.report import CapabilityReport, HardwareReport, Report, report
from pointsman.settings.compile import when_s
from pointsman.storage.database import open_reader

_MS: Final = 1000


@click.command("report")
@click.option("--since", default="24h", show_default=True, help="From when on: `24h`, `7d`, `2027-01-31` or `2027-01-31T12:00` (UTC).")
@click.option("--failures", "wants_failures", is_flag=True, help="What went wrong, by target and by capability.")
@click.option("--database", type=click.Path(path_type=Path, dir_okay=False), help="The ledger, if it is not the configuration's.")
@config_option
@json_option
def command(path: Path, *, since: str, wants_failures: bool, database: Path | None, as_json: bool) -> None:
    """Print cost per outcome by capability. Times are UTC, and calls are counted by whole hours."""
    until_ms = now_ms() + 1
    since_ms = _since_ms(since, until_ms)
    ledger = database or _ledger_of(path)
    try:
        with closing(open_reader(ledger)) as connection:
            if wants_failures:
                _tell_failures(failures(connection, since_ms=since_ms, until_ms=until_ms), since_ms, as_json=as_json)
            else:
                _tell(report(connection, since_ms=since_ms, until_ms=until_ms), as_json=as_json)
    except sqlite3.Error as error:
        raise Unusable(f"The ledger `{ledger}` cannot be read ({error}). Name the file of a gateway with --database.") from error


def _ledger_of(path: Path) -> Path:
    settings = settings_at(path)
    return settings.folder / settings.server.database


def _since_ms(told: str, until_ms: int) -> int:
    span = span_s(told)
    if span is not None:
        return max(until_ms - span * _MS, 0)
    try:
        return max(round(when_s(told) * _MS), 0)
    except ValueError:
        raise click.BadParameter(f"`{told}` is no time. Write `24h`, `7d`, `2027-01-31` or `2027-01-31T12:00` (UTC).", param_hint="--since") from None


# ── cost and worth ──────────────────────────────────────────────────────────────────────────────────────────────────


def _tell(found: Report, *, as_json: bool) -> None:
    if as_json:
        print_json(_as_data(found))
        return
    if not found.capabilities and not found.hardware:
        note(f"No call since {_at(found.since_ms)}. Send one with `pointsman ask`, or look further back with --since 30d.")
        return
    parts = [f"Since {_at(found.since_ms)}"]
    if found.capabilities:
        parts += [_calls(found.capabilities), _worth(found.capabilities)]
    if found.hardware:
        parts.append(_hardware(found.hardware))
    click.echo("\n\n".join(parts))
    if any(one.coverage < 1 for one in found.capabilities):
        note("\n≥: the cost of some calls is unknown; `pointsman check` names the targets without a price.")
    if any(not one.units_told for one in found.capabilities):
        note("\nWithout outcomes nothing is known to be useful. Tell them with `POST /v1/outcomes`.")


def _calls(capabilities: tuple[CapabilityReport, ...]) -> str:
    places = [place.value for place in Place if any(place.value in one.calls_by_place for one in capabilities)]
    rows = [
        (
            one.capability,
            str(one.calls),
            f"{one.ok / one.calls:.1%}",
            *(str(one.calls_by_place.get(place, 0)) for place in places),
            str(one.fallbacks),
            _latency(one.p50_ms),
            _latency(one.p95_ms),
        )
        for one in capabilities
    ]
    return table(("capability", "calls", "ok", *places, "fallbacks", "p50", "p95"), rows)


def _worth(capabilities: tuple[CapabilityReport, ...]) -> str:
    rows = [
        (
            one.capability,
            _cost(one, one.cost_nano_usd),
            f"{one.coverage:.0%}",
            str(one.units),
            str(one.useful) if one.units_told else "-",
            "-" if one.cost_per_useful_nano_usd is None else _cost(one, one.cost_per_useful_nano_usd),
            "-" if one.value_nano_usd is None else money(one.value_nano_usd),
        )
        for one in capabilities
    ]
    return table(("capability", "cost", "known", "units", "useful", "cost per useful", "value"), rows)


def _cost(one: CapabilityReport, nano_usd: int) -> str:
    if one.coverage == 0:
        return "unknown"
    return money(nano_usd) if one.coverage == 1 else f"≥ {money(nano_usd)}"


def _hardware(targets: tuple[HardwareReport, ...]) -> str:
    rows = [
        (
            one.target,
            money(one.paid_nano_usd),
            money(one.busy_nano_usd),
            money(one.idle_nano_usd),
            f"{one.busy_s / one.paid_s:.1%}" if one.paid_s else "-",
        )
        for one in targets
    ]
    return table(("own hardware", "paid", "used by calls", "idle", "busy"), rows)


def _latency(ms: float | None) -> str:
    return "-" if ms is None else duration(ms / _MS)


def _as_data(found: Report) -> dict[str, object]:
    return {
        "since": _at(found.since_ms),
        "until": _at(found.until_ms),
        "capabilities": [
            {
                **asdict(one),
                "coverage": one.coverage,
                "cost_nano_usd": one.cost_nano_usd if one.coverage > 0 else None,
                "cost_per_useful_nano_usd": one.cost_per_useful_nano_usd,
            }
            for one in found.capabilities
        ],
        "hardware": [{**asdict(one), "idle_nano_usd": one.idle_nano_usd} for one in found.hardware],
    }


# ── failures ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _tell_failures(found: Failures, since_ms: int, *, as_json: bool) -> None:
    if as_json:
        print_json({"since": _at(since_ms), **asdict(found)})
        return
    if not found.targets and not found.unanswered:
        note(f"Nothing failed since {_at(since_ms)}.")
        return
    parts = [f"Since {_at(since_ms)}"]
    if found.targets:
        rows = [(one.target, one.place, one.error, str(one.failed), f"{one.failed / one.attempts:.1%}", str(one.calls)) for one in found.targets]
        parts.append(table(("target", "place", "failure", "times", "of attempts", "calls"), rows))
    if found.unanswered:
        rows = [(one.capability, one.status, str(one.calls)) for one in found.unanswered]
        parts.append(table(("capability", "without an answer", "calls"), rows))
    click.echo("\n\n".join(parts))


def _at(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / _MS, UTC).strftime("%Y-%m-%d %H:%M UTC")
