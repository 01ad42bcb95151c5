"""
Sealing: the rows of a day that is over go into Parquet files, which are faster to ask, a sixth of the size, and go away as files do.

A file counts once it is in the table `segment`; what else lies in the folder is a draft of a process that died, and is removed. While the hot rows are still
there they are the truth: a day that was changed is sealed anew. After `detach` the files hold what the table no longer does, and later rows of that day go
into a further file. No user's and no reviewer's name is ever sealed, and no features of a prompt. Roll-ups stay where they are.
"""

import logging
import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from pointsman.storage import duck as ducks
from pointsman.storage.sealed_kinds import DAY_MS, KINDS, Kind, Segment, fingerprint, fingerprints, hot_rows, segments
from pointsman.storage.sql import Database

_LOG: Final = logging.getLogger("pointsman")
# The folder of sealed days, beside the configuration.
FOLDER: Final = "pointsman.segments"
_WHAT: Final = "Sealing days into Parquet"
# A call's id is made when it arrives, and its row is written when it ends: a day is over for good only some time after midnight.
_GRACE_MS: Final = 3_600_000
_WINDOW_MS: Final = 7 * DAY_MS

# A legal hold as (tenant, kind, name): kind is `tenant`, `unit` or `subject`.
Held = tuple[str, str, str]


class Sealed(Struct, frozen=True, kw_only=True):
    """What a night's work did: files written, days whose rows were detached, and how many rows."""

    written: int = 0
    detached_days: int = 0
    detached_rows: int = 0


def seal(db: Database, folder: Path, *, day_ms: int, now_ms: int) -> list[Segment]:
    """
    Seal the day that begins at `day_ms`; return the files that were written. A day that is sealed already, and was not changed since, is left as it is.

    Raises `ValueError` for a day that is not over, `ExtraMissing`, `OSError`, and what the database says.
    """
    if day_ms % DAY_MS or day_ms + DAY_MS + _GRACE_MS > now_ms:
        raise ValueError(f"only whole days that are over can be sealed, not the one that begins at {day_ms}")
    seen = {kind.name: fingerprint(db, kind, since_ms=day_ms, until_ms=day_ms + DAY_MS) for kind in KINDS}
    return _seal_day(db, folder, day_ms=day_ms, now_ms=now_ms, seen=seen)


def seal_due(db: Database, folder: Path, *, now_ms: int, detach_after_ms: int | None = None, held: Sequence[Held] = ()) -> Sealed:
    """
    Seal every day that is over, and seal anew what was changed since; detach the days that are older than `detach_after_ms`. For once a night.

    It may be stopped and begun again at any time.
    """
    written = detached_days = detached_rows = 0
    for day_ms, seen in _days(db, until_ms=now_ms - _GRACE_MS):
        written += len(_seal_day(db, folder, day_ms=day_ms, now_ms=now_ms, seen=seen))
        if detach_after_ms is not None and day_ms + DAY_MS + detach_after_ms <= now_ms:
            rows = detach(db, folder, day_ms=day_ms, now_ms=now_ms, held=held)
            detached_days += rows > 0
            detached_rows += rows
    return Sealed(written=written, detached_days=detached_days, detached_rows=detached_rows)


def detach(db: Database, folder: Path, *, day_ms: int, now_ms: int, held: Sequence[Held] = ()) -> int:
    """
    Delete the hot rows of a sealed day; return how many. Rows under a legal hold, and those of a unit whose window is still open, stay.

    Nothing is deleted that is not in a file: each file is read again and compared with its digest and with the rows, in the transaction that deletes.
    """
    deleted = 0
    # What is looked up to know whether a row may go goes last: calls, then units.
    for kind in sorted(KINDS, key=lambda kind: {"call": 1, "unit": 2}.get(kind.name, 0)):
        known = [segment for segment in segments(db, kind.name) if segment.day_ms == day_ms]
        if known:
            deleted += _detach(db, folder, kind=kind, known=known, kept=_kept(kind, now_ms=now_ms, held=held))
    return deleted


def verify(db: Database, folder: Path) -> list[str]:
    """Return the names of the segments that are missing or are not what was sealed."""
    return [segment.name for segment in segments(db) if not _is_whole(folder, segment)]


# ── one table and one day ───────────────────────────────────────────────────────────────────────────────────────────


def _seal_day(db: Database, folder: Path, *, day_ms: int, now_ms: int, seen: Mapping[str, tuple[int, ...]]) -> list[Segment]:
    """Seal the tables of a day; `seen` holds the fingerprint of each table's hot rows."""
    made: list[Segment] = []
    with opened() as duck:
        for kind in KINDS:
            known = [segment for segment in segments(db, kind.name) if segment.day_ms == day_ms]
            is_detached = any(segment.is_detached for segment in known)
            hot = seen[kind.name]
            if (not hot[0] and (not known or is_detached)) or (known and not is_detached and _of_files(duck, kind, folder=folder, known=known) == hot):
                continue
            made += _seal(db, folder, duck=duck, kind=kind, known=known, at=(day_ms, now_ms))
    return made


def _seal(db: Database, folder: Path, *, duck: Any, kind: Kind, known: Sequence[Segment], at: tuple[int, int]) -> list[Segment]:
    day_ms, now_ms = at
    place = folder / kind.name / f"dt={_date(day_ms)}"
    _sweep(place, {Path(segment.name).name for segment in known})
    is_detached = any(segment.is_detached for segment in known)
    ducks.create(duck, "hot", columns=kind.columns)
    for batch in hot_rows(db, kind, spans=[(day_ms, day_ms + DAY_MS)]):
        ducks.append(duck, "hot", columns=kind.columns, rows=batch)
    chosen = _not_sealed(kind, folder, known=known) if is_detached else "SELECT * FROM hot"
    count = int(duck.execute(f"SELECT COUNT(*) FROM ({chosen})").fetchone()[0])
    if not count and is_detached:
        return []
    written = _write(duck, folder, place=place, chosen=f"{chosen} ORDER BY {', '.join(kind.key)}") if count else None
    made = [] if written is None else [_segment(kind, written, day_ms=day_ms, sealed_ms=now_ms, rows=count, is_detached=is_detached)]
    _record(db, made, instead_of=[] if is_detached else known)
    if not is_detached:
        _sweep(place, {Path(segment.name).name for segment in made})
    return made


def _write(duck: Any, folder: Path, *, place: Path, chosen: str) -> tuple[str, str]:
    path, digest = ducks.write_parquet(duck, chosen, folder=place)
    return path.relative_to(folder).as_posix(), digest


def _segment(kind: Kind, written: tuple[str, str], *, day_ms: int, sealed_ms: int, **more: int) -> Segment:
    name, digest = written
    return Segment(name=name, kind=kind.name, day_ms=day_ms, sealed_ms=sealed_ms, rows_held=more["rows"], sha256=digest, is_detached=int(more["is_detached"]))


def _record(db: Database, made: Sequence[Segment], *, instead_of: Sequence[Segment]) -> None:
    with db.transaction():
        for segment in instead_of:
            db.execute("DELETE FROM segment WHERE name = :name", {"name": segment.name})
        for segment in made:
            db.execute(
                """INSERT INTO segment (name, kind, day_ms, sealed_ms, rows_held, sha256, is_detached)
                VALUES (:name, :kind, :day_ms, :sealed_ms, :rows_held, :sha256, :is_detached)""",
                {field: getattr(segment, field) for field in segment.__struct_fields__},
            )


def _not_sealed(kind: Kind, folder: Path, *, known: Sequence[Segment]) -> str:
    key = ", ".join(kind.key)
    return f"SELECT * FROM hot ANTI JOIN (SELECT {key} FROM {table_of(folder, known)}) AS sealed USING ({key})"


def _of_files(duck: Any, kind: Kind, *, folder: Path, known: Sequence[Segment]) -> tuple[int, ...]:
    """Return the fingerprint of files; one that is gone makes it another than any table's."""
    if not all((folder / segment.name).is_file() for segment in known):
        return ()
    return tuple(int(value) for value in ducks.found(duck, f"SELECT {kind.print_sql} FROM {table_of(folder, known)}")[0].values())


def _detach(db: Database, folder: Path, *, kind: Kind, known: Sequence[Segment], kept: tuple[str, dict[str, object]]) -> int:
    day_ms = known[0].day_ms
    where = f"{kind.day} >= :since AND {kind.day} < :until"
    day: dict[str, object] = {"since": kind.bound(day_ms), "until": kind.bound(day_ms + DAY_MS)}
    if not all(_is_whole(folder, segment) for segment in known):
        _LOG.error("the segment of `%s` of %s is missing or damaged: its rows stay, and it is sealed anew", kind.name, _date(day_ms))
        return 0
    if any(segment.is_detached for segment in known):
        return _detach_again(db, folder, kind=kind, known=known, kept=kept)
    with opened() as duck, db.transaction():
        sealed = _of_files(duck, kind, folder=folder, known=known)
        if sealed != fingerprint(db, kind, since_ms=day_ms, until_ms=day_ms + DAY_MS):
            return 0  # changed since it was sealed: tomorrow
        sql, values = kept
        deleted = db.execute(f"DELETE FROM {kind.name} WHERE {where} AND NOT ({sql})", {**day, **values})
        left = int(db.rows(f"SELECT COUNT(*) AS n FROM {kind.name} WHERE {where}", day)[0]["n"])
        if deleted + left != sealed[0]:
            raise RuntimeError(f"rows of `{kind.name}` arrived while those of {_date(day_ms)} were detached; nothing was deleted")
        db.execute("UPDATE segment SET is_detached = 1 WHERE kind = :kind AND day_ms = :day", {"kind": kind.name, "day": day_ms})
    return deleted


def _detach_again(db: Database, folder: Path, *, kind: Kind, known: Sequence[Segment], kept: tuple[str, dict[str, object]]) -> int:
    """Delete what stayed or came late, row by row: only rows that are in a file just as they are."""
    day_ms = known[0].day_ms
    with opened() as duck:
        ducks.create(duck, "hot", columns=kind.columns)
        for batch in hot_rows(db, kind, spans=[(day_ms, day_ms + DAY_MS)]):
            ducks.append(duck, "hot", columns=kind.columns, rows=batch)
        names = ", ".join(kind.columns)
        same = ducks.found(duck, f"SELECT {', '.join(kind.key)} FROM (SELECT {names} FROM hot INTERSECT SELECT {names} FROM {table_of(folder, known)})")
    sql, values = kept
    chosen = " AND ".join(f"{column} = :key_{index}" for index, column in enumerate(kind.key))
    with db.transaction():
        return sum(
            db.execute(f"DELETE FROM {kind.name} WHERE {chosen} AND NOT ({sql})", {**values, **{f"key_{at}": row[name] for at, name in enumerate(kind.key)}})
            for row in same
        )


def _kept(kind: Kind, *, now_ms: int, held: Sequence[Held]) -> tuple[str, dict[str, object]]:
    """Return what is true for rows that must stay, as SQL with its values."""
    values: dict[str, object] = {"now": now_ms}
    clauses = [f"open_unit.opened_ms + COALESCE((SELECT MAX(window_ms) FROM workflow WHERE workflow.name = open_unit.workflow), {_WINDOW_MS}) > :now"]
    of_unit = "EXISTS (SELECT 1 FROM unit AS open_unit WHERE open_unit.tenant = {row}.tenant AND open_unit.unit = {row}.unit{same} AND {clause})"
    holds: list[str] = []
    for index, (tenant, what, name) in enumerate(held):
        values |= {f"tenant_{index}": tenant, f"name_{index}": name}
        holds.append(f"({{row}}.tenant = :tenant_{index} AND {_of_hold(what, index)})")
    row = "of_call" if kind.unit == "call" else kind.name
    same = "" if kind.unit == "outcome" else f" AND open_unit.workflow = {row}.workflow"
    stays = " OR ".join([of_unit.format(row=row, same=same, clause=clauses[0]), *(hold.format(row=row) for hold in holds)])
    if kind.unit == "call":
        return f"EXISTS (SELECT 1 FROM call AS of_call WHERE of_call.call_id = {kind.name}.call_id AND ({stays}))", values
    return stays, values


def _of_hold(what: str, index: int) -> str:
    if what == "tenant":
        return f":name_{index} = :name_{index}"
    if what == "unit":
        return f"{{row}}.unit = :name_{index}"
    # Of a person's units everything stays: what a unit cost is no whole without any of its rows.
    return f'{{row}}.unit IN (SELECT unit FROM call AS theirs WHERE theirs.tenant = :tenant_{index} AND theirs."user" = :name_{index})'


# ── files ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _days(db: Database, *, until_ms: int) -> list[tuple[int, dict[str, tuple[int, ...]]]]:
    """Return the days that are over and have hot rows, or a file of rows that were hot, with what there is of each table. One pass over each."""
    seen: dict[str, dict[int, tuple[int, ...]]] = {}
    days: set[int] = set()
    for kind in KINDS:
        first = db.rows(f"SELECT MIN({kind.day}) AS first FROM {kind.name}")[0]["first"]
        sealed = {segment.day_ms for segment in segments(db, kind.name) if not segment.is_detached}
        every = set(sealed)
        if first is not None:
            since = (int(first[:8] + first[9:13], 16) if kind.day == "call_id" else int(first)) // DAY_MS * DAY_MS
            every |= set(range(since, until_ms // DAY_MS * DAY_MS, DAY_MS))
        told = seen[kind.name] = fingerprints(db, kind, days=sorted(every))
        days |= sealed | {day for day in every if told[day][0]}
    none = {kind.name: (0,) * (1 + len(kind.sums)) for kind in KINDS}
    return [(day, {name: told.get(day, none[name]) for name, told in seen.items()}) for day in sorted(days) if day + DAY_MS <= until_ms]


def _is_whole(folder: Path, segment: Segment) -> bool:
    path = folder / segment.name
    return path.is_file() and ducks.sha256(path) == segment.sha256


def _sweep(place: Path, names: set[str]) -> None:
    """Remove what is no segment: drafts, and files that a process had not recorded when it died."""
    for path in place.glob("*"):
        if path.name not in names:
            path.unlink(missing_ok=True)
    with suppress(OSError):
        place.rmdir()  # if it is empty


def rewrite(db: Database, folder: Path, *, duck: Any, known: Sequence[Segment], chosen: str, now_ms: int) -> None:
    """Put what a question finds in the place of the files of one table and day, which are overwritten and removed; without rows nothing comes after them."""
    kind = next(kind for kind in KINDS if kind.name == known[0].kind)
    place = (folder / known[0].name).parent
    count = int(duck.execute(f"SELECT COUNT(*) FROM ({chosen})").fetchone()[0])
    made: list[Segment] = []
    if count:
        written = _write(duck, folder, place=place, chosen=f"{chosen} ORDER BY {', '.join(kind.key)}")
        is_detached = any(segment.is_detached for segment in known)
        made.append(_segment(kind, written, day_ms=known[0].day_ms, sealed_ms=now_ms, rows=count, is_detached=is_detached))
    _record(db, made, instead_of=known)
    for segment in known:
        if segment.name not in {one.name for one in made}:
            _overwrite(folder / segment.name)
    _sweep(place, {Path(segment.name).name for segment in made})


def _overwrite(path: Path) -> None:
    """Let nothing of a file be found on the disk, as far as a file system lets us."""
    with suppress(FileNotFoundError), path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())


def table_of(folder: Path, known: Sequence[Segment]) -> str:
    """Return the SQL that reads these files as one table."""
    return ducks.files([folder / segment.name for segment in known])


def _date(day_ms: int) -> str:
    return datetime.fromtimestamp(day_ms / 1000, UTC).strftime("%Y-%m-%d")


@contextmanager
def opened() -> Generator[Any]:
    """Yield a DuckDB of our own."""
    duck = ducks.connect(what=_WHAT)
    try:
        yield duck
    finally:
        duck.close()
