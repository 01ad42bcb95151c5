"""
`pointsman switch`: shut off a vendor, a target or a capability. Every worker and replica heeds it within a second, and it outlives restarts.
"""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from pointsman.app.switches import KINDS, Off, ledger_of, switch_off, switch_on, switched, unknown_in
from pointsman.cli.configuration import now_ms, settings_at
from pointsman.cli.kept import audited, told_to, who
from pointsman.cli.options import Wrong, config_option, json_option, note, print_json, table, warn
from pointsman.ledger.audit.record import Kind
from pointsman.settings.load import Settings
from pointsman.storage.open import open_reading, open_writing

_kind: Any = click.argument("kind", type=click.Choice(KINDS))
_name: Any = click.argument("name")


@click.group("switch")
def command() -> None:
    """Shut off a vendor, a target or a capability, and let it run again."""


@command.command("off", short_help="Shut something off.")
@_kind
@_name
@click.option("--reason", required=True, help="Why. It is shown to callers of a capability, in explanations and on record.")
@config_option
@json_option
def off(kind: str, name: str, *, reason: str, path: Path, as_json: bool) -> None:
    """Shut off every call to a vendor, a target or a capability. Calls under way begin nothing new there; what has begun ends."""
    settings = settings_at(path)
    if unknown_in(settings.snapshot, kind, name=name):
        warn(f"this configuration has no {kind} `{name}`. The switch is kept, and does nothing until it has.")
    told = Off(kind=kind, name=name, since_ms=now_ms(), actor=who(), reason=reason)
    with audited(settings) as log:
        told_to(log, Kind.ADMIN, tenant="", facts={"what": "switched_off", "kind": kind, "name": name, "reason": reason})
        with closing(open_writing(ledger_of(settings))) as db:
            switch_off(db, told)
    if as_json:
        print_json(msgspec.structs.asdict(told))
    else:
        click.echo(f"The {kind} `{name}` is off. `pointsman switch on {kind} {name}` lets it run again.")


@command.command("on", short_help="Let something run again.")
@_kind
@_name
@config_option
@json_option
def on(kind: str, name: str, *, path: Path, as_json: bool) -> None:
    """Let a vendor, a target or a capability run again."""
    settings = settings_at(path)
    with audited(settings) as log, closing(open_writing(ledger_of(settings))) as db:
        told_to(log, Kind.ADMIN, tenant="", facts={"what": "switched_on", "kind": kind, "name": name})
        if not switch_on(db, kind, name=name):
            raise Wrong(f"The {kind} `{name}` is not off. `pointsman switch list` shows what is.")
    if as_json:
        print_json({"kind": kind, "name": name})
    else:
        click.echo(f"The {kind} `{name}` runs again.")


@command.command("list", short_help="Show what is off.")
@config_option
@json_option
def shown(path: Path, *, as_json: bool) -> None:
    """Show what is off, who did it and why."""
    found = _found(settings_at(path))
    if as_json:
        print_json([msgspec.structs.asdict(one) for one in found])
    elif not found:
        note("Nothing is off. `pointsman switch off vendor NAME --reason …` shuts a vendor off.")
    else:
        click.echo(table(("kind", "name", "since (UTC)", "by", "reason"), [(one.kind, one.name, _at(one.since_ms), one.actor, one.reason) for one in found]))


def _found(settings: Settings) -> tuple[Off, ...]:
    with closing(open_reading(ledger_of(settings))) as db:
        return switched(db)


def _at(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
