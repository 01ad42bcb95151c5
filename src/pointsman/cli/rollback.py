"""
`pointsman rollback`: write the files of an earlier snapshot back. A running gateway takes them up by itself, with every approval that any change needs.
"""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
import msgspec

from pointsman.app.incident_desk import RolledBack, desk_of, present_of
from pointsman.app.switches import ledger_of
from pointsman.cli.configuration import now_ms, settings_at
from pointsman.cli.kept import audited, told_to, who
from pointsman.cli.options import config_option, json_option, note, print_json, say, table
from pointsman.control.snapshots.history import history
from pointsman.ledger.audit.record import Kind
from pointsman.storage.open import open_reading

_MOST: Final = 30


@click.command("rollback")
@click.option("--to", help="The snapshot to go back to: its digest, of which six characters are enough. By default the one in force before.")
@click.option("--list", "wants_list", is_flag=True, help="Show the snapshots on record, and change nothing.")
@click.option("--incident", "incident_id", help="The incident that this is for: it is told on its timeline.")
@config_option
@json_option
def command(path: Path, *, to: str | None, wants_list: bool, incident_id: str | None, as_json: bool) -> None:
    """
    Go back to an earlier snapshot: its files are written back together or not at all, and those of now are put on record first.

    Where changes need approval, this one does too. Secrets and the company's documents stay as they are.
    """
    if wants_list:
        _list(path, as_json=as_json)
        return
    _tell(back(path, to=to, incident_id=incident_id), as_json=as_json)


def back(path: Path, *, to: str | None, incident_id: str | None) -> RolledBack:
    """Roll back, on record. Raises `NoSuchSnapshot`, `NoSuchIncident`, `SettingsInvalid` and `Unusable`: then nothing has changed."""
    settings = settings_at(path)
    desk = desk_of(settings, now_ms)
    if incident_id is not None:
        desk.story(incident_id)  # one that is not there is told before anything is done
    with audited(settings) as log:
        done = desk.roll_back(path, check=lambda: settings_at(path), present=present_of(settings, author=who(), now_ms=now_ms()), to=to)
        told_to(log, Kind.ADMIN, tenant="", facts={"what": "rolled_back", "to": done.to.digest, "files": len(done.files)})
    if incident_id is not None:
        desk.note(incident_id, f"Rolled back to snapshot `{done.to.digest}`. {' '.join(done.difference.sentences)}", by=who(), kind="rolled_back")
    return done


def _tell(done: RolledBack, *, as_json: bool) -> None:
    if as_json:
        print_json({"to": done.to.digest, "files": done.files, "changes": done.difference.sentences})
        return
    if not done.files:
        note(f"The files are those of snapshot `{done.to.digest}` already.")
        return
    click.echo(f"Wrote back the files of snapshot `{done.to.digest}`: {', '.join(f'`{name}`' for name in done.files)}.")
    for sentence in done.difference.sentences:
        say(f"  {sentence}", hang=2)
    note("A running gateway takes them up within a second, or once enough people have approved where that is needed. Undo it with `pointsman rollback`.")


def _list(path: Path, *, as_json: bool) -> None:
    with closing(open_reading(ledger_of(settings_at(path)))) as db:
        found = history(db, most=_MOST)
    if as_json:
        print_json([msgspec.structs.asdict(one) for one in found])
    elif not found:
        note("No snapshot is on record yet. `pointsman up` records the first.")
    else:
        click.echo(table(("snapshot", "since (UTC)", "by", "after"), [(one.digest, _at(one.since_ms), one.author, one.parent or "-") for one in found]))


def _at(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
