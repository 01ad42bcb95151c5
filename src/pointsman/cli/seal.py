"""
`pointsman seal`: put the days that are over into Parquet files, and detach those that are old.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

import click
import msgspec

from pointsman.cli.configuration import now_ms
from pointsman.cli.kept import kept
from pointsman.cli.options import Wrong, config_option, json_option, print_json, span_s
from pointsman.cli.sealed import places, segments_option
from pointsman.core.errors import Unusable
from pointsman.storage.open import Place, name_of, open_reading, open_writing
from pointsman.storage.segments import Held, Sealed, seal_due, verify


@click.command("seal")
@click.option("--detach-after", metavar="SPAN", help="Take days older than this, such as `30d`, out of the database once they are sealed.")
@click.option("--verify", "wants_verify", is_flag=True, help="Compare the files with the digests on record, and change nothing.")
@segments_option
@config_option
@json_option
def command(path: Path, *, detach_after: str | None, wants_verify: bool, segments: Path | None, as_json: bool) -> int:
    """
    Seal the days that are over into Parquet files, which any tool reads. What changed since is sealed anew. A gateway does this by itself every night.

    Rows under a legal hold, and of items whose window is open, are never detached. Names of users are not in the files.
    """
    place, folder = places(path, database=None, segments=segments)
    try:
        if wants_verify:
            return _verify(place, folder, as_json=as_json)
        done = _seal(place, folder, after_ms=_span_ms(detach_after), held=_holds(path) if detach_after else [])
    except (sqlite3.Error, OSError) as error:
        raise Unusable(f"`{name_of(place)}` cannot be sealed ({error}). Free the disk, or name another folder with --segments.") from error
    if as_json:
        print_json(msgspec.structs.asdict(done))
    else:
        click.echo(f"Wrote {done.written} files. Detached {done.detached_rows:,} rows of {done.detached_days} days.")
    return 0


def _span_ms(told: str | None) -> int | None:
    if told is None:
        return None
    seconds = span_s(told)
    if seconds is None:
        raise click.BadParameter(f"`{told}` is no span. Write it as `30d`.", param_hint="--detach-after")
    return seconds * 1000


def _holds(path: Path) -> list[Held]:
    with kept(path) as found:
        return [(hold.tenant, hold.kind, hold.name) for hold in found.files.keys.holds.all()]


def _seal(place: Place, folder: Path, *, after_ms: int | None, held: list[Held]) -> Sealed:
    with closing(open_writing(place)) as db:
        return seal_due(db, folder, now_ms=now_ms(), detach_after_ms=after_ms, held=held)


def _verify(place: Place, folder: Path, *, as_json: bool) -> int:
    with closing(open_reading(place)) as db:
        damaged = verify(db, folder)
    if as_json:
        print_json({"good": not damaged, "damaged": damaged})
    elif not damaged:
        click.echo("Every file is the one that was sealed.")
    else:
        named = ", ".join(f"`{name}`" for name in damaged)
        raise Wrong(f"Missing, or not what was sealed: {named}. Bring them back from a copy; days whose rows are still in the database are sealed anew.")
    return 1 if damaged else 0
