"""
`pointsman report`: what calls cost and what they were worth, from the ledger.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast

import click

from pointsman.cli import report_worth
from pointsman.cli.configuration import ledger_at, ledger_told, now_ms
from pointsman.cli.options import config_option, duration, json_option, money, note, print_json, span_s, table
from pointsman.core.errors import Unusable
from pointsman.core.place import Place
from pointsman.ledger.failures import Failures, failures
from pointsman.ledger.metrics_owners import By, by_owner, by_tag, known_workflows
from pointsman.ledger.report import CapabilityReport, HardwareReport, Report, report
from pointsman.ledger.scorecard import scorecards
from pointsman.ledger.scorecard_values import Scorecard
from pointsman.ledger.slices import Slice
from pointsman.settings.compile import when_s
from pointsman.storage.open import name_of, open_reading
from pointsman.storage.sql import Database

_MS: Final = 1000


@click.command("report")
@click.option("--since", default="24h", show_default=True, help="From when on: `24h`, `7d`, `2027-01-31` or `2027-01-31T12:00` (UTC).")
@click.option("--failures", "wants_failures", is_flag=True, help="What went wrong, by target and by capability.")
@click.option("--by", type=click.Choice(["team", "application", "tenant", "tag"]), help="Who bears it, by workflow.")
@click.option("--database", help="The ledger, if it is not the configuration's: a file, a URL, or a reference to a URL.")
@config_option
@json_option
def command(path: Path, *, since: str, wants_failures: bool, by: str | None, database: str | None, as_json: bool) -> None:
    """
    Print cost per outcome by capability. Times are UTC, and calls are counted by whole hours.

    A unit is mature once it has had its workflow's whole window: what is told later does not count any more.
    """
    until_ms = now_ms() + 1
    since_ms = _since_ms(since, until_ms)
    ledger = ledger_at(path) if database is None else ledger_told(database)
    try:
        with closing(open_reading(ledger)) as db:
            if wants_failures:
                _tell_failures(failures(db, since_ms=since_ms, until_ms=until_ms), since_ms, as_json=as_json)
            elif by is not None:
                _tell_owners(db, Slice(since_ms=since_ms, until_ms=until_ms), by=by, as_json=as_json)
            else:
                cards = scorecards(db, Slice(since_ms=since_ms, until_ms=until_ms), now_ms=until_ms, workflows=known_workflows(db))
                _tell(report(db, since_ms=since_ms, until_ms=until_ms), cards, as_json=as_json)
    except sqlite3.Error as error:
        raise Unusable(f"The ledger `{name_of(ledger)}` cannot be read ({error}). Name that of a gateway with --database.") from error


def _since_ms(told: str, until_ms: int) -> int:
    span = span_s(told)
    if span is not None:
        return max(until_ms - span * _MS, 0)
    try:
        return max(round(when_s(told) * _MS), 0)
    except ValueError:
        raise click.BadParameter(f"`{told}` is no time. Write `24h`, `7d`, `2027-01-31` or `2027-01-31T12:00` (UTC).", param_hint="--since") from None


# ── cost and worth ──────────────────────────────────────────────────────────────────────────────────────────────────


def _tell(found: Report, cards: Sequence[Scorecard], *, as_json: bool) -> None:
    if as_json:
        print_json({**_as_data(found), "workflows": [report_worth.card_data(card) for card in cards]})
        return
    if not found.capabilities and not found.hardware:
        note(f"No call since {_at(found.since_ms)}. Send one with `pointsman ask`, or look further back with --since 30d.")
        return
    parts = [f"Since {_at(found.since_ms)}"]
    if found.capabilities:
        parts += [_calls(found.capabilities), _worth(found.capabilities)]
    told = [card for card in cards if card.units.told]
    if told:
        parts.append(report_worth.by_workflow(told))
    if found.hardware:
        parts.append(_hardware(found.hardware))
    click.echo("\n\n".join(parts))
    if any(card.units.maturity != 1 for card in told):
        note(f"\n{report_worth.PROVISIONAL}")
    if any(one.coverage < 1 for one in found.capabilities):
        note("\n≥: the cost of some calls is unknown; `pointsman check` names the targets without a price.")
    if any(not one.units_told for one in found.capabilities):
        note("\nWithout outcomes nothing is known to be useful. Tell them with `POST /v1/outcomes`.")


def _tell_owners(db: Database, where: Slice, *, by: str, as_json: bool) -> None:
    if by == "tag":
        tagged = by_tag(db, where)
        data, text = [report_worth.tag_data(one) for one in tagged], report_worth.by_tags(tagged)
        hint = "Declare tags under `costs.tags` and send them in `x-pointsman-tags`."
    else:
        owned = by_owner(db, where, by=cast("By", by), now_ms=where.until_ms, workflows=known_workflows(db))
        data, text = [report_worth.owner_data(one, by) for one in owned], report_worth.by_name(owned, by)
        hint = "Send a call with `pointsman ask`, or look further back with --since 30d."
    if as_json:
        print_json({"since": _at(where.first_ms), "until": _at(where.end_ms), f"by_{by}": data})
    elif data:
        click.echo(f"Since {_at(where.first_ms)}\n\n{text}")
    else:
        note(f"Nothing by {by} since {_at(where.first_ms)}. {hint}")


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
