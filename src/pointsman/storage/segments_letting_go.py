"""
What erasure and retention change in sealed files. A day whose rows are still hot loses its files, and is sealed anew from what is left; of a detached day the
files are written anew without what goes. What goes is overwritten.

To be done before the hot rows are changed: a row that is both hot and sealed leaves the file, so that it cannot come back by another name.
"""

from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pointsman.storage import duck as ducks
from pointsman.storage.sealed_kinds import DAY_MS, KINDS, Kind, Segment, hot_rows, segments
from pointsman.storage.segments import Held, opened, rewrite, table_of
from pointsman.storage.sql import Database

_ERASED: Final = "(erased)"
# Texts that callers and applications wrote, where a name may be; ids must stay apart from each other.
_TEXTS: Final = frozenset({"unit", "tags", "session", "queue", "source"})
_SHORT: Final = 3  # a name of fewer letters stands in units by chance
_IDS: Final = frozenset({"outcome_id", "supersedes", "charge_id", "review_id", "score_id"})
_WITH_CALLS: Final = ("attempt", "decision", "review", "score")


def forget_user(db: Database, folder: Path, *, tenant: str, user: str, now_ms: int, units: Mapping[str, str]) -> int:
    """
    Take a user's name out of the files; return how many rows held it. `units` maps each unit that names the user to what stands in its place.

    The column `user` is never sealed; what may hold a name are units, tags, sessions and ids that applications made.
    """
    changed = 0
    with opened() as duck:
        ducks.create(duck, "renamed", columns={"unit": "VARCHAR", "instead": "VARCHAR"})
        ducks.append(duck, "renamed", columns={"unit": "VARCHAR", "instead": "VARCHAR"}, rows=[{"unit": a, "instead": b} for a, b in units.items()])
        for kind, known in _days(db, folder):
            where = _naming(kind, tenant=tenant, user=user, units=units)
            if where is None:
                continue
            count = _count(duck, f"{table_of(folder, known)} WHERE {where}")
            if count:
                chosen = f"SELECT * REPLACE ({', '.join(_without_name(kind, tenant=tenant, user=user))}) FROM ({{rows}}) AS sealed"
                _change(db, folder, duck=duck, known=known, chosen=chosen, now_ms=now_ms)
                changed += count
    return changed


def classes_of_calls(db: Database, folder: Path) -> set[str]:
    """Return the classes of data that sealed calls are recorded with."""
    files = [segment for kind, known in _days(db, folder) if kind.name == "call" for segment in known]
    if not files:
        return set()
    with opened() as duck:
        return {str(name) for (name,) in duck.execute(f"SELECT DISTINCT data_class FROM {table_of(folder, files)}").fetchall()}


def expire(db: Database, folder: Path, *, calls_before_ms: Mapping[str, int], outcomes_before_ms: int | None, now_ms: int, held: Sequence[Held] = ()) -> int:
    """
    Let go of sealed calls of each class that began before its time, with all that was recorded of each, and of outcomes, units and charges before theirs.
    Return how many rows went. What is held stays; where a person's data is held, everything of that tenant does, as files name nobody.
    """
    gone = 0
    with opened() as duck:
        for known, where, count in _past(db, folder, duck=duck, calls_before_ms=calls_before_ms, outcomes_before_ms=outcomes_before_ms, held=held):
            _change(db, folder, duck=duck, known=known, chosen=f"SELECT * FROM ({{rows}}) WHERE NOT ({where})", now_ms=now_ms)
            gone += count
    return gone


def count_expired(db: Database, folder: Path, *, calls_before_ms: Mapping[str, int], outcomes_before_ms: int | None, held: Sequence[Held] = ()) -> int:
    """Return how many rows `expire` would let go of."""
    with opened() as duck:
        past = _past(db, folder, duck=duck, calls_before_ms=calls_before_ms, outcomes_before_ms=outcomes_before_ms, held=held)
        return sum(count for _, _, count in past)


def _past(
    db: Database, folder: Path, *, duck: Any, calls_before_ms: Mapping[str, int], outcomes_before_ms: int | None, held: Sequence[Held]
) -> Generator[tuple[list[Segment], str, int]]:
    """Return the files of which rows go, what is true for these rows, and how many they are."""
    ducks.create(duck, "over", columns={"call_id": "VARCHAR"})
    days = list(_days(db, folder))
    free = _free(held)
    for kind, known in days:
        if kind.name == "call":
            past = [f"(data_class = {ducks.text(name)} AND call_id < {ducks.text(str(kind.bound(ms)))})" for name, ms in calls_before_ms.items()]
            duck.execute(f"INSERT INTO over SELECT call_id FROM {table_of(folder, known)} WHERE ({' OR '.join(past) or 'FALSE'}) AND {free}")
    for kind, known in days:
        if kind.name == "call" or kind.name in _WITH_CALLS:
            where = "call_id IN (SELECT call_id FROM over)"
        elif outcomes_before_ms is None or known[0].day_ms >= outcomes_before_ms:
            continue
        else:
            where = f"{_before(kind, outcomes_before_ms)} AND {free}"
        count = _count(duck, f"{table_of(folder, known)} WHERE {where}")
        if count:
            yield known, where, count


def _days(db: Database, folder: Path) -> Generator[tuple[Kind, list[Segment]]]:
    """Return the files of each table and day. One that is missing holds nothing to change; `verify` tells of it."""
    for kind in KINDS:
        days: dict[int, list[Segment]] = {}
        for segment in segments(db, kind.name):
            if (folder / segment.name).is_file():
                days.setdefault(segment.day_ms, []).append(segment)
        for known in days.values():
            yield kind, known


def _change(db: Database, folder: Path, *, duck: Any, known: Sequence[Segment], chosen: str, now_ms: int) -> None:
    kind = next(kind for kind in KINDS if kind.name == known[0].kind)
    if not any(segment.is_detached for segment in known):
        rewrite(db, folder, duck=duck, known=known, chosen=f"SELECT * FROM {table_of(folder, known)} WHERE FALSE", now_ms=now_ms)
        return
    ducks.create(duck, "hot", columns=kind.columns)
    for batch in hot_rows(db, kind, spans=[(known[0].day_ms, known[0].day_ms + DAY_MS)]):
        ducks.append(duck, "hot", columns=kind.columns, rows=batch)
    key = ", ".join(kind.key)
    rows = f"SELECT * FROM {table_of(folder, known)} ANTI JOIN (SELECT {key} FROM hot) AS still USING ({key})"
    rewrite(db, folder, duck=duck, known=known, chosen=chosen.replace("{rows}", rows), now_ms=now_ms)


def _naming(kind: Kind, *, tenant: str, user: str, units: Mapping[str, str]) -> str | None:
    columns = kind.columns
    if "tenant" not in columns:
        return None
    holds = [_holds(name, user) for name in columns if name in _TEXTS | _IDS]
    renamed = ["unit IN (SELECT unit FROM renamed)"] if units and "unit" in columns else []
    return f"tenant = {ducks.text(tenant)} AND ({' OR '.join([*holds, *renamed])})"


def _without_name(kind: Kind, *, tenant: str, user: str) -> list[str]:
    theirs = f"tenant = {ducks.text(tenant)}"
    made: list[str] = []
    for name in kind.columns:
        if name == "unit":
            instead = f"COALESCE((SELECT instead FROM renamed WHERE renamed.unit = sealed.unit), CASE WHEN {_holds(name, user)} THEN '{_ERASED}' ELSE unit END)"
            made.append(f"CASE WHEN {theirs} THEN {instead} ELSE unit END AS unit")
        elif name in _TEXTS | _IDS:
            instead = "'erased-' || CAST(uuid() AS VARCHAR)" if name in _IDS else "'{}'" if name == "tags" else f"'{_ERASED}'"
            made.append(f"CASE WHEN {theirs} AND {_holds(name, user)} THEN {instead} ELSE {name} END AS {name}")
    return made


def _holds(column: str, user: str) -> str:
    if column == "unit" and len(user) < _SHORT:
        return "FALSE"
    return f"contains(lower(COALESCE({column}, '')), {ducks.text(user.lower())})"


def _before(kind: Kind, ms: int) -> str:
    return (
        f"last_ms < {ms} AND COALESCE(closed_ms, 0) < {ms}"
        if kind.name == "unit"
        else f"{kind.day} < {ms}" + (" AND unit <> ''" if kind.name == "charge" else "")
    )


def _free(held: Sequence[Held]) -> str:
    """Return what is true for rows that no hold is on."""
    tenants = {tenant for tenant, what, _ in held if what != "unit"}
    holds = [f"tenant = {ducks.text(tenant)}" for tenant in sorted(tenants)]
    holds += [f"(tenant = {ducks.text(tenant)} AND unit = {ducks.text(name)})" for tenant, what, name in held if what == "unit"]
    return f"NOT ({' OR '.join(holds)})" if holds else "TRUE"


def _count(duck: Any, sql: str) -> int:
    return int(duck.execute(f"SELECT COUNT(*) FROM {sql}").fetchone()[0])
