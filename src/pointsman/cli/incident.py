"""
`pointsman incident`: open, look into, note and close incidents.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from pointsman.app.incident_desk import Desk, Story, desk_of
from pointsman.cli.configuration import now_ms, settings_at
from pointsman.cli.kept import who
from pointsman.cli.options import config_option, duration, json_option, note, print_json, say, span_s, table
from pointsman.control.incidents.record import Incident

_MS: Final = 1000
_id: Any = click.argument("incident_id", metavar="INCIDENT")


@click.group("incident")
def command() -> None:
    """Open, look into, note and close incidents."""


@command.command("open", short_help="Open an incident.")
@click.option("--title", required=True, help="What goes wrong, in one sentence.")
@click.option("--workflow", default="", help="The workflow that it is about; by default all.")
@click.option("--target", default="", help="The target that it is about; by default all.")
@click.option("--since", default="0m", show_default=True, help="How long ago it began, such as `30m`.")
@click.option("--severity", type=click.Choice(("page", "ticket")), default="page", show_default=True, help="Whether somebody must come now.")
@config_option
@json_option
def opened(path: Path, *, title: str, since: str, as_json: bool, **told: str) -> None:
    """Open an incident. The snapshot in force and what changed in the day before are put on its timeline."""
    seconds = span_s(since)
    if seconds is None:
        raise click.BadParameter(f"`{since}` is no span. Write `30m`, `2h` or `1d`.", param_hint="--since")
    if not title.strip():
        raise click.BadParameter("it is empty. Say in one sentence what goes wrong.", param_hint="--title")
    settings = settings_at(path)
    capabilities = settings.snapshot.capabilities.values()
    known = {"workflow": {*settings.workflows, *(one.workflow for one in capabilities)}, "target": {rung.name for one in capabilities for rung in one.ladder}}
    scope = {"workflow": told["workflow"], "target": told["target"]}
    for kind, name in scope.items():
        if name and name not in known[kind]:
            note(f"warning: this configuration has no {kind} `{name}`. The incident meets only calls from before that.")
    found = desk_of(settings, now_ms).open(title, by=who(), since_ms=now_ms() - seconds * _MS, severity=told["severity"], **scope)
    if as_json:
        print_json(msgspec.structs.asdict(found))
    else:
        click.echo(f"Opened incident {found.incident_id}. `pointsman incident show {found.incident_id}` tells what it met.")


@command.command("list", short_help="Show incidents.")
@click.option("--open", "open_only", is_flag=True, help="Only those that nobody has closed.")
@config_option
@json_option
def listed(path: Path, *, open_only: bool, as_json: bool) -> None:
    """Show incidents, newest first."""
    found = _desk(path).list(closed_too=not open_only)
    if as_json:
        print_json([msgspec.structs.asdict(one) for one in found])
    elif not found:
        note("There are no incidents. An objective that burns opens one, and so does `pointsman incident open --title …`.")
    else:
        click.echo(table(("incident", "since (UTC)", "state", "workflow", "title"), [_row(one) for one in found]))


@command.command("show", short_help="Show what an incident met, and what changed before it.")
@_id
@click.option("--after", default="", help="Show more calls, after this one.")
@config_option
@json_option
def shown(incident_id: str, *, path: Path, after: str, as_json: bool) -> None:
    """Show an incident: its timeline with what changed before it, the calls that it met, and what a roll-back would bring back."""
    story = _desk(path).story(incident_id, after=after)
    if as_json:
        print_json(msgspec.to_builtins(story))
        return
    _tell(story)


@command.command("note", short_help="Add a line to the timeline.")
@_id
@click.argument("text")
@config_option
def noted(incident_id: str, text: str, *, path: Path) -> None:
    """Add a line to the timeline of an incident."""
    _desk(path).note(incident_id, text, by=who())
    click.echo(f"Noted on incident {incident_id}.")


@command.command("close", short_help="Close an incident.")
@_id
@click.option("--note", "text", required=True, help="What it was, and what was done.")
@config_option
def closed(incident_id: str, *, path: Path, text: str) -> None:
    """Close an incident with a note."""
    _desk(path).close(incident_id, text, by=who())
    click.echo(f"Closed incident {incident_id}.")


def _desk(path: Path) -> Desk:
    return desk_of(settings_at(path), now_ms)


def _row(one: Incident) -> tuple[str, ...]:
    return (one.incident_id, _at(one.since_ms), "open" if one.is_open else "closed", one.workflow or "all", one.title)


def _tell(story: Story) -> None:
    one, met = story.incident, story.affected
    say(f"{one.title}\n")
    until = "now" if one.until_ms is None else _at(one.until_ms)
    click.echo(f"{'open' if one.is_open else 'closed'} · {one.severity} · {one.workflow or 'all workflows'} · {_at(one.since_ms)} to {until} (UTC)")
    click.echo(f"snapshot {one.snapshot or 'unknown'} · {met.calls} calls, {met.failed} not answered, {met.fallbacks} answered by another target\n")
    for line in story.timeline:
        say(f"{_at(line.at_ms)}  {line.says} ({line.actor})", hang=18)
    if met.failing:
        click.echo("\n" + table(("target", "kind", "error", "failed"), [(row.target, row.kind, row.error, str(row.failed)) for row in met.failing]))
    if story.met.met:
        rows = [(call.call_id, _at(call.started_ms), call.capability, call.target, call.status, duration(call.latency_ms / _MS)) for call in story.met.met]
        click.echo("\n" + table(("call", "at (UTC)", "capability", "target", "status", "took"), rows))
    if story.met.after is not None:
        note(f"\nMore calls: `pointsman incident show {one.incident_id} --after {story.met.after}`")
    if story.before is not None:
        note(f"\nGo back to snapshot `{story.before.digest}` with `pointsman rollback --to {story.before.digest} --incident {one.incident_id}`.")


def _at(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
