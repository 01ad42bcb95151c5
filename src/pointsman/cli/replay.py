"""
`pointsman replay`: what another configuration would have done with the calls of the last days.
"""

from pathlib import Path
from typing import Any, Final

import click
import msgspec

from pointsman.app.explain import rehearsing
from pointsman.app.gateway import system_clock
from pointsman.app.replay import Replay
from pointsman.cli.configuration import check_of, now_ms, settings_at
from pointsman.cli.cost_options import database_option, ledger
from pointsman.cli.options import Wrong, config_option, duration, json_option, money, note, print_json, say, span_s, table
from pointsman.control.policies.recorded import MOST, recorded
from pointsman.control.policies.replayed import Differing, Line, Measure, Proposal, differing, lines
from pointsman.settings.load import Settings
from pointsman.settings.secrets import environment
from pointsman.settings.yaml_text import read

_BY_NAME: Final = frozenset({"capabilities", "targets", "vendors", "keys"})
_ASSUMED: Final = (
    "Each call asks again as it did, with the facts of its day: what was down was down, and who could not take it cannot take it.",
    "What came after the first target (a fall-back, a second answer) would have come after it as well.",
    "`recorded` is what was, at the proposed prices. `doubly_robust` has 95 % bounds over units. `predicted` has none: nothing that was tried supports it.",
)


@click.command("replay")
@click.option(
    "--policy",
    "proposed",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="What is proposed: sections of a configuration that replace those in force.",
)
@click.option("--last", default="30d", show_default=True, help="How far back: `24h`, `30d`, `8w`.")
@click.option(
    "--calls", "most", type=click.IntRange(min=1, max=1_000_000), default=MOST, show_default=True, help="Of more calls than so many, a part is drawn."
)
@database_option
@config_option
@json_option
def command(path: Path, *, proposed: Path, last: str, most: int, database: str | None, as_json: bool) -> None:
    """Put recorded calls before the chooser of a proposed configuration, and print calls, cost, quality, eligibility and latency that would have been."""
    seconds = span_s(last)
    if not seconds:
        raise click.BadParameter(f"`{last}` is no span, such as `24h`, `30d` or `8w`.", param_hint="--last")
    before, after = settings_at(path), _settings(path, proposed)
    until_ms = now_ms() + 1
    with ledger(path, database) as db:
        found = recorded(
            db,
            since_ms=until_ms - seconds * 1000,
            until_ms=until_ms,
            windows={name: workflow.window_ms for name, workflow in before.workflows.items()},
            most=most,
        )
    if not found.calls:
        raise Wrong(f"No call was recorded in the last {last}. Name a longer span with --last, or another ledger with --database.")
    with rehearsing(after, environ=environment(), clock=system_clock()) as rehearsal:
        proposals = list(Replay(rehearsal, before.snapshot.targets).proposals(found.calls))
    if as_json:
        print_json(_told(proposals, out_of=found.out_of, last=last))
    else:
        _tell(proposals, out_of=found.out_of, last=last)


def _settings(path: Path, proposed: Path) -> Settings:
    """
    Return the configuration as proposed. A section in the file replaces the one in force; of capabilities, targets, vendors and keys, those of the same name.

    Raises `SettingsInvalid`.
    """
    whole = dict(read(path.read_text(encoding="utf-8"), str(path)).values)
    for section, told in read(proposed.read_text(encoding="utf-8"), str(proposed)).values.items():
        standing = whole.get(section)
        whole[section] = {**standing, **told} if section in _BY_NAME and isinstance(standing, dict) and isinstance(told, dict) else told
    return check_of(path.parent / proposed.name)(msgspec.json.encode(whole).decode())  # JSON is YAML; paths in it begin beside the file in force


# ── telling ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _told(proposals: list[Proposal], *, out_of: int, last: str) -> dict[str, Any]:
    return {
        "last": last,
        "calls": len(proposals),
        "out_of": out_of,
        "capabilities": lines(proposals),
        "differing": differing(proposals),
        "assumptions": _ASSUMED,
    }


def _tell(proposals: list[Proposal], *, out_of: int, last: str) -> None:
    told = lines(proposals)
    part = "" if len(proposals) == out_of else f", drawn from {out_of}"
    say(f"{len(proposals)} calls of the last {last}{part}\n")
    header = ("capability", "calls", "elsewhere", "no place", "regained", "untouched")
    rows = [(one.capability, str(one.calls), f"{one.moved:.0f}", str(one.no_place), str(one.regained), str(one.untouched)) for one in told]
    click.echo(table(header, rows) + "\n")
    click.echo(table(("a call", "", "was", "would be", "by"), [row for one in told for row in _rows(one)]) + "\n")
    most = differing(proposals)
    if most:
        click.echo(table(("call", "from", "to", "quality", "cost", "why"), [_differs(one) for one in most]) + "\n")
    for one in told:
        for why in dict.fromkeys(measure.why for _, measure in _measures(one) if measure.why):
            say(f"- {one.capability}, {' and '.join(name for name, measure in _measures(one) if measure.why == why)}: {why}", hang=2)
    for line in _ASSUMED:
        note(f"- {line}")


def _measures(one: Line) -> tuple[tuple[str, Measure], ...]:
    return (("cost", one.cost), ("quality", one.quality), ("latency", one.latency))


def _rows(one: Line) -> list[tuple[str, ...]]:
    return [(one.capability, name, _number(name, measure.now), _would(name, measure), measure.basis) for name, measure in _measures(one)]


def _would(name: str, measure: Measure) -> str:
    if measure.low is None or measure.high is None or measure.low == measure.high:
        return _number(name, measure.then)
    return f"{_number(name, measure.then)} ({_number(name, measure.low)} to {_number(name, measure.high)})"


def _number(name: str, value: float | None) -> str:
    if value is None:
        return "unknown"
    return money(round(value)) if name == "cost" else duration(value / 1000) if name == "latency" else f"{value:.3f}"


def _differs(one: Differing) -> tuple[str, ...]:
    quality = "unknown" if one.quality is None else f"{one.quality:+.3f}"
    cost = "unknown" if one.cost_nano_usd is None else ("+" if one.cost_nano_usd > 0 else "") + money(round(one.cost_nano_usd))
    return (one.call_id, one.before or "-", one.after or "no place", quality, cost, one.why)
