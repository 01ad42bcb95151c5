"""
`pointsman rollback`: write the files of an earlier snapshot back. A running gateway takes them up by itself, with every approval that any change needs.
"""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
import msgspec

from pointsman.app.incident_desk import RolledBack, broken_at, desk_at, present_of
from pointsman.app.switches import ledger_of
from pointsman.cli.configuration import ledger_told, now_ms, settings_at
from pointsman.cli.kept import audited, told_to, who
from pointsman.cli.options import config_option, json_option, note, print_json, say, table
from pointsman.control.snapshots.history import Whole, history
from pointsman.ledger.audit.record import Kind
from pointsman.settings.ledger_place import Place
from pointsman.settings.mistakes import SettingsInvalid
from pointsman.storage.open import open_reading

_MOST: Final = 30
_USUAL: Final = "pointsman.db"


@click.command("rollback")
@click.option("--to", help="The snapshot to go back to: its digest, of which six characters are enough. By default the one in force before.")
@click.option("--list", "wants_list", is_flag=True, help="Show the snapshots on record, and change nothing.")
@click.option("--incident", "incident_id", help="The incident that this is for: it is told on its timeline.")
@click.option("--database", help="The ledger, where the configuration cannot be read and it is not `pointsman.db` beside it.")
@config_option
@json_option
def command(path: Path, *, wants_list: bool, as_json: bool, **told: str | None) -> None:
    """
    Go back to an earlier snapshot: its files are written back together or not at all, and those of now are put on record first.

    Where changes need approval, this one does too. Secrets and the company's documents stay as they are.
    """
    if wants_list:
        _list(_stands(path, told["database"])[0], as_json=as_json)
        return
    _tell(back(path, to=told["to"], incident_id=told["incident_id"], database=told["database"]), as_json=as_json)


def back(path: Path, *, to: str | None, incident_id: str | None, database: str | None = None) -> RolledBack:
    """Roll back, on record. Raises `NoSuchSnapshot`, `NoSuchIncident`, `SettingsInvalid` and `Unusable`: then nothing has changed."""
    place, present = _stands(path, database)
    desk = desk_at(place, now_ms)
    if incident_id is not None:
        desk.story(incident_id)  # one that is not there is told before anything is done
    done = desk.roll_back(path, check=lambda: settings_at(path), present=present, to=to)
    with audited(settings_at(path)) as log:
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


def _stands(path: Path, database: str | None) -> tuple[Place, Whole]:
    """Return where the ledger is and what stands in the files now, also where that has mistakes: just then somebody wants to go back."""
    told = None if database is None else ledger_told(database)
    try:
        settings = settings_at(path)
    except SettingsInvalid:
        return told or path.parent / _USUAL, broken_at(path, author=who(), now_ms=now_ms())
    return told or ledger_of(settings), present_of(settings, author=who(), now_ms=now_ms())


def _list(place: Place, *, as_json: bool) -> None:
    with closing(open_reading(place)) as db:
        found = history(db, most=_MOST)
    if as_json:
        print_json([msgspec.structs.asdict(one) for one in found])
    elif not found:
        note("No snapshot is on record yet. `pointsman up` records the first.")
    else:
        click.echo(table(("snapshot", "since (UTC)", "by", "after"), [(one.digest, _at(one.since_ms), one.author, one.parent or "-") for one in found]))


def _at(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
