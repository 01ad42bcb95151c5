"""
Which tables are sealed by the day, how a row's day is known, and how hot rows of days are counted and read.
"""

from collections.abc import Generator, Sequence
from typing import Final

from msgspec import Struct

from pointsman.storage.duck import Columns, tables
from pointsman.storage.records import first_id
from pointsman.storage.sql import Database, Row

DAY_MS: Final = 86_400_000
_AT_ONCE: Final = 20_000
# Names of people, and numbers made from what they wrote. What is erased from the ledger must not live on in a file, so these are never written into one.
_LEFT_OUT: Final = frozenset({"user", "reviewer", "features"})


class Kind(Struct, frozen=True, kw_only=True):
    """
    A table that is sealed. `day` is the column that tells the day: a time, or a call's id, which begins with its time.

    `sums` are what must be the same in the table and in its files, beside the number of rows; they are SQL of all three databases.
    `order` is how rows are read batch by batch, where that is not the order of the key. `unit` is how a row names its unit: by its `own` columns, by its
    `call`'s, or as outcomes do, without a workflow.
    """

    name: str
    key: tuple[str, ...]
    day: str
    sums: tuple[str, ...] = ()
    unit: str = "own"
    order: tuple[str, ...] = ()

    @property
    def columns(self) -> Columns:
        """Return the columns that are sealed."""
        return {name: kind for name, kind in tables()[self.name].items() if name not in _LEFT_OUT}

    @property
    def print_sql(self) -> str:
        """Return the columns of a fingerprint: the number of rows, and the sums."""
        sums = ", ".join(f"CAST(COALESCE(SUM({sum_}), 0) AS BIGINT) AS sum_{index}" for index, sum_ in enumerate(self.sums))
        return f"COUNT(*) AS rows_held{', ' if sums else ''}{sums}"

    def bound(self, ms: int) -> str | int:
        """Return what a row of this time or later is not below."""
        return first_id(ms) if self.day == "call_id" else ms


KINDS: Final = (
    Kind(name="call", key=("call_id",), day="call_id", sums=("cost_nano_usd", "LENGTH(unit)")),
    Kind(name="attempt", key=("call_id", "seq"), day="call_id", sums=("cost_nano_usd",), unit="call"),
    Kind(name="decision", key=("call_id", "seq"), day="call_id", unit="call"),
    Kind(name="outcome", key=("tenant", "outcome_id"), day="at_ms", sums=("value_nano_usd", "LENGTH(unit)"), unit="outcome", order=("recorded",)),
    Kind(name="charge", key=("charge_id",), day="at_ms", sums=("nano_usd", "LENGTH(unit)")),
    Kind(name="review", key=("review_id",), day="done_ms", sums=("nano_usd", "LENGTH(unit)")),
    Kind(name="score", key=("score_id",), day="at_ms", unit="call"),
    Kind(
        name="unit",
        key=("tenant", "workflow", "unit", "opened_ms"),
        day="opened_ms",
        sums=(
            "cost_nano_usd",
            "human_nano_usd",
            "calls",
            "value_nano_usd",
            "closed_ms - opened_ms",
            "CASE WHEN state = 'useful' THEN 1 ELSE 0 END",
            "LENGTH(unit)",
        ),
    ),
)


class Segment(Struct, frozen=True, kw_only=True):
    """A sealed file: `name` is its path beside the folder of segments."""

    name: str
    kind: str
    day_ms: int
    sealed_ms: int
    rows_held: int
    sha256: str
    is_detached: int


def segments(db: Database, kind: str | None = None) -> list[Segment]:
    """Return the segments there are, of one table or of all, by day."""
    rows = db.rows(
        "SELECT name, kind, day_ms, sealed_ms, rows_held, sha256, is_detached FROM segment"
        + (" WHERE kind = :kind" if kind else "")
        + " ORDER BY kind, day_ms, sealed_ms, name",
        {"kind": kind} if kind else {},
    )
    return [Segment(**row) for row in rows]


def fingerprint(db: Database, kind: Kind, *, since_ms: int, until_ms: int) -> tuple[int, ...]:
    """Return how many hot rows of a span there are, and their sums."""
    sql = f"SELECT {kind.print_sql} FROM {kind.name} WHERE {kind.day} >= :since AND {kind.day} < :until"
    return tuple(int(value) for value in db.rows(sql, {"since": kind.bound(since_ms), "until": kind.bound(until_ms)})[0].values())


def fingerprints(db: Database, kind: Kind, *, days: Sequence[int]) -> dict[int, tuple[int, ...]]:
    """Return the fingerprint of each of these days. What is keyed by a call's id is asked day by day, the rest in one pass, as no index holds the time."""
    if not days:
        return {}
    if kind.day == "call_id":
        return {day: fingerprint(db, kind, since_ms=day, until_ms=day + DAY_MS) for day in days}
    sql = f"""SELECT {kind.day} - {kind.day} % {DAY_MS} AS day_ms, {kind.print_sql} FROM {kind.name}
        WHERE {kind.day} >= :since AND {kind.day} < :until GROUP BY {kind.day} - {kind.day} % {DAY_MS}"""
    none = (0,) * (1 + len(kind.sums))
    seen = {int(row["day_ms"]): tuple(int(value) for value in [*row.values()][1:]) for row in db.rows(sql, {"since": min(days), "until": max(days) + DAY_MS})}
    return {day: seen.get(day, none) for day in days}


def hot_rows(db: Database, kind: Kind, *, spans: Sequence[tuple[int, int]], undated: bool = False) -> Generator[Sequence[Row]]:
    """Return the hot rows of these spans in batches, in the order of their keys; `undated` adds those that have no day yet."""
    if not spans and not undated:
        return
    values: dict[str, object] = {}
    clauses = [f"{kind.day} IS NULL"] if undated else []
    for index, (since, until) in enumerate(spans):
        values |= {f"since_{index}": kind.bound(since), f"until_{index}": kind.bound(until)}
        clauses.append(f"({kind.day} >= :since_{index} AND {kind.day} < :until_{index})")
    names = ", ".join(f'"{column}"' for column in tables()[kind.name] if column not in _LEFT_OUT)
    order = kind.order or kind.key
    key = ", ".join(order)
    after = ""
    while True:
        sql = f"SELECT {names} FROM {kind.name} WHERE ({' OR '.join(clauses)}){after} ORDER BY {key} LIMIT {_AT_ONCE}"
        batch = db.rows(sql, values)
        if batch:
            yield batch
        if len(batch) < _AT_ONCE:
            return
        values |= {f"after_{index}": batch[-1][column] for index, column in enumerate(order)}
        after = f" AND ({key}) > ({', '.join(f':after_{index}' for index in range(len(order)))})"
