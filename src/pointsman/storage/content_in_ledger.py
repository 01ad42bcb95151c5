"""
What retention and erasure change in the ledger's own rows: records that have had their time go, and users who were erased lose their names.

Sums stay right: roll-ups are not touched but for a user's name among the tags, and a call keeps its cost when its user is forgotten.
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import Final

from pointsman.storage.content import Held
from pointsman.storage.content_files import clear, empty_log
from pointsman.storage.records import first_id
from pointsman.storage.sql import Database, SqliteDatabase

ERASED: Final = "(erased)"
_UNHELD: Final = """NOT EXISTS (SELECT 1 FROM held WHERE held.tenant = {table}.tenant AND (
    held.kind = 'tenant' OR (held.kind = 'unit' AND held.name = {table}.unit){more}))"""
_OF_CALL: Final = _UNHELD.format(table="call", more=" OR (held.kind = 'subject' AND held.name = call.\"user\")")
_OF_OUTCOME: Final = _UNHELD.format(table="outcome", more="")
_CALLS: Final = f"FROM call WHERE data_class = :name AND call_id < :before AND {_OF_CALL}"
_OUTCOMES: Final = f"FROM outcome WHERE at_ms < :before AND {_OF_OUTCOME}"
# What goes with a call, and what goes with the outcomes of its time.
_WITH_CALLS: Final = ("attempt", "decision", "score", "review")
_WITH_OUTCOMES: Final = (
    f"DELETE FROM unit WHERE last_ms < :before AND COALESCE(closed_ms, 0) < :before AND {_UNHELD.format(table='unit', more='')}",
    f"DELETE FROM charge WHERE at_ms < :before AND unit <> '' AND {_UNHELD.format(table='charge', more='')}",
)
_CHANGED: Final = ("call", *_WITH_CALLS, "outcome", "unit", "charge", "rollup_tag_day")
_WITHOUT_FEATURES: Final = "UPDATE decision SET features = NULL WHERE features IS NOT NULL"
_OF_USER: Final = 'SELECT call_id FROM call WHERE tenant = :tenant AND "user" = :user AND call_id < :before'
_HOLDS: Final = "REPLACE(LOWER({column}), :low, '') <> LOWER({column})"
_SECOND_MS: Final = 1000


def overwrite_what_goes(db: Database) -> None:
    """Let what is deleted from now on through this connection be overwritten. What PostgreSQL leaves on its disk is in its own keeping."""
    if isinstance(db, SqliteDatabase):
        db.execute("PRAGMA secure_delete=ON")
        db.execute("PRAGMA temp_store=MEMORY")


def overwrite_what_went(db: Database, *, has_changed: bool, may_rewrite: bool = True) -> None:
    """Overwrite what was deleted or changed. A file is rewritten if it may be, and its writer waits meanwhile; PostgreSQL frees the space of old rows."""
    if isinstance(db, SqliteDatabase):
        _ = clear(db.connection) if has_changed and may_rewrite else empty_log(db.connection)
    elif has_changed:
        for table in _CHANGED:
            db.execute(f"VACUUM {table}")


# ── records that have had their time ────────────────────────────────────────────────────────────────────────────────


def classes_of_calls(db: Database) -> list[str]:
    """Return the classes of data that calls are recorded with."""
    return [str(row["data_class"]) for row in db.rows("SELECT DISTINCT data_class FROM call")]


def count_calls(db: Database, before_ms: Mapping[str, int], *, held: Sequence[Held]) -> int:
    """Return how many calls of each class began before its time and are not held."""
    _note_held(db, held)
    return sum(int(db.rows(f"SELECT COUNT(*) AS calls {_CALLS}", {"name": name, "before": first_id(ms)})[0]["calls"]) for name, ms in before_ms.items())


def drop_calls(db: Database, before_ms: Mapping[str, int], *, held: Sequence[Held]) -> int:
    """Delete the calls of each class that began before its time and are not held, with all that was recorded of each; return how many calls."""
    _note_held(db, held)
    dropped = 0
    for name, ms in before_ms.items():
        where = {"name": name, "before": first_id(ms)}
        with db.transaction():
            for table in _WITH_CALLS:
                db.execute(f"DELETE FROM {table} WHERE call_id IN (SELECT call_id {_CALLS})", where)
            dropped += db.execute(f"DELETE {_CALLS}", where)
    return dropped


def drop_features(db: Database, before_ms: Mapping[str, int], *, held: Sequence[Held]) -> int:
    """Let go of what is kept of the prompts of calls of each class that began before its time and are not held; return of how many calls."""
    _note_held(db, held)
    dropped = 0
    for name, ms in before_ms.items():
        with db.transaction():
            where = {"name": name, "before": first_id(ms)}
            dropped += db.execute(f"{_WITHOUT_FEATURES} AND call_id < :before AND EXISTS (SELECT 1 {_CALLS} AND call.call_id = decision.call_id)", where)
    return dropped


def count_outcomes(db: Database, before_ms: int, *, held: Sequence[Held]) -> int:
    """Return how many outcomes were told of a time before this one and are not held."""
    _note_held(db, held)
    return int(db.rows(f"SELECT COUNT(*) AS outcomes {_OUTCOMES}", {"before": before_ms})[0]["outcomes"])


def drop_outcomes(db: Database, before_ms: int, *, held: Sequence[Held]) -> int:
    """Delete the outcomes that were told of a time before this one and are not held, and the units and charges of that time; return how many outcomes."""
    _note_held(db, held)
    with db.transaction():
        for change in _WITH_OUTCOMES:
            db.execute(change, {"before": before_ms})
        return db.execute(f"DELETE {_OUTCOMES}", {"before": before_ms})


def _note_held(db: Database, held: Sequence[Held]) -> None:
    # Made of columns that are there, so that its texts compare as theirs do.
    db.execute("CREATE TEMP TABLE IF NOT EXISTS held AS SELECT tenant, kind, unit AS name FROM outcome WHERE 1 = 0")
    db.execute("DELETE FROM held")
    db.many("INSERT INTO held (tenant, kind, name) VALUES (?, ?, ?)", held)


# ── users who were erased ───────────────────────────────────────────────────────────────────────────────────────────


def users_of(db: Database, tenant: str, *, since_ms: int = 0) -> list[str]:
    """Return the users of a tenant's calls since a time."""
    asked = 'SELECT DISTINCT "user" FROM call WHERE tenant = :tenant AND call_id >= :first AND "user" IS NOT NULL'
    rows = db.rows(asked, {"tenant": tenant, "first": first_id(since_ms)})
    return [str(row["user"]) for row in rows if row["user"] != ERASED]


def count_user(db: Database, tenant: str, *, user: str, until_ms: int) -> int:
    """Return how many calls of a user there are up to a time."""
    asked = 'SELECT COUNT(*) AS calls FROM call WHERE tenant = :tenant AND "user" = :user AND call_id < :before'
    return int(db.rows(asked, {"tenant": tenant, "user": user, "before": first_id(until_ms + 1)})[0]["calls"])


def units_of(db: Database, tenant: str, *, user: str) -> list[str]:
    """Return the units of a user's calls, and those that name the user."""
    holds = _HOLDS.format(column="unit")
    others = " UNION ".join(f"SELECT unit FROM {table} WHERE tenant = :tenant AND {holds}" for table in ("outcome", "unit", "charge", "review"))
    asked = f'SELECT unit FROM call WHERE tenant = :tenant AND ("user" = :user OR {holds}) UNION {others}'
    return [str(row["unit"]) for row in db.rows(asked, {"tenant": tenant, "user": user, "low": _low(user)})]


def forget_user(db: Database, tenant: str, *, user: str, until_ms: int, units: Mapping[str, str]) -> int:
    """
    Take a user's name out of the calls up to a time, and out of the units, tags, sessions and outcomes that hold it; return how many calls there were. What
    is kept of these calls' prompts goes too.

    `units` maps each unit that names the user to what stands in its place, so that calls, outcomes and money of one unit stay together.
    """
    where = {"tenant": tenant, "user": user, "low": _low(user), "erased": ERASED, "before": first_id(until_ms + 1), "until": until_ms + _SECOND_MS}
    with db.transaction():
        db.execute(f"{_WITHOUT_FEATURES} AND call_id IN ({_OF_USER})", where)
        calls = db.execute('UPDATE call SET "user" = :erased WHERE tenant = :tenant AND "user" = :user AND call_id < :before', where)
        for unit, instead in units.items():
            for change in _RENAMING:
                db.execute(change, {**where, "unit": unit, "instead": instead})
        for change in _FORGETTING:
            db.execute(change, where)
        _forget_ids(db, tenant, where=where)
    return calls


def _forget_ids(db: Database, tenant: str, *, where: Mapping[str, object]) -> None:
    """Give outcomes, charges and reviews whose id holds the name another one, and let what points to them follow."""
    for change in _POINTING:
        db.execute(change, where)
    for table, column in (("charge", "charge_id"), ("review", "review_id")):
        asked = f"SELECT {column} AS id FROM {table} WHERE tenant = :tenant AND {_HOLDS.format(column=column)}"
        for row in db.rows(asked, {"tenant": tenant, "low": where["low"]}):
            db.execute(f"UPDATE {table} SET {column} = :anew WHERE {column} = :id", {"anew": f"erased-{secrets.token_hex(8)}", "id": row["id"]})


def _following(table: str, column: str, *, id_in_it: str, anew: str = "'erased-' || CAST(told.recorded AS TEXT)") -> str:
    """Return the change that lets a column which points to an outcome follow the outcome's new id."""
    found = f"FROM outcome AS told WHERE told.tenant = {table}.tenant AND told.outcome_id = {id_in_it} AND told.at_ms <= :until"
    holds = _HOLDS.format(column=id_in_it)
    return f"UPDATE {table} SET {column} = (SELECT {anew} {found}) WHERE tenant = :tenant AND {holds} AND EXISTS (SELECT 1 {found})"


def _low(user: str) -> str:
    """Return a name as both databases write it in small letters: those of ASCII alone."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in user)


_RENAMING: Final = (
    "UPDATE call SET unit = :instead WHERE tenant = :tenant AND unit = :unit AND call_id < :before",
    "UPDATE outcome SET unit = :instead WHERE tenant = :tenant AND unit = :unit AND at_ms <= :until",
    "UPDATE unit SET unit = :instead WHERE tenant = :tenant AND unit = :unit AND opened_ms <= :until",
    "UPDATE charge SET unit = :instead WHERE tenant = :tenant AND unit = :unit AND at_ms <= :until",
    "UPDATE review SET unit = :instead WHERE tenant = :tenant AND unit = :unit AND call_id < :before",
)
_TAGS_ERASED: Final = """
INSERT INTO rollup_tag_day (bucket_ms, workflow, tag, value, calls, cost_nano_usd, cost_unknown)
SELECT bucket_ms, workflow, tag, :erased, SUM(calls), SUM(cost_nano_usd), SUM(cost_unknown)
FROM rollup_tag_day
WHERE LOWER(value) = :low
GROUP BY bucket_ms, workflow, tag
ON CONFLICT (bucket_ms, workflow, tag, value) DO UPDATE SET
    calls = rollup_tag_day.calls + excluded.calls,
    cost_nano_usd = rollup_tag_day.cost_nano_usd + excluded.cost_nano_usd,
    cost_unknown = rollup_tag_day.cost_unknown + excluded.cost_unknown
"""
_FORGETTING: Final = (
    f"UPDATE call SET session = NULL WHERE tenant = :tenant AND call_id < :before AND {_HOLDS.format(column='session')}",
    f"UPDATE call SET tags = '{{}}' WHERE tenant = :tenant AND call_id < :before AND {_HOLDS.format(column='tags')}",
    f"UPDATE unit SET tags = '{{}}' WHERE tenant = :tenant AND opened_ms <= :until AND {_HOLDS.format(column='tags')}",
    "UPDATE review SET reviewer = :erased WHERE tenant = :tenant AND reviewer = :user AND call_id < :before",
    _TAGS_ERASED,
    "DELETE FROM rollup_tag_day WHERE LOWER(value) = :low AND value <> :erased",
)
_CHARGED: Final = "'outcome/' || told.tenant || '/erased-' || CAST(told.recorded AS TEXT)"
_POINTING: Final = (
    _following("unit", "outcome_id", id_in_it="unit.outcome_id"),
    _following("outcome", "supersedes", id_in_it="outcome.supersedes"),
    _following("charge", "charge_id", id_in_it="SUBSTR(charge.charge_id, LENGTH(charge.tenant) + 10)", anew=_CHARGED),
    f"UPDATE outcome SET supersedes = NULL WHERE tenant = :tenant AND at_ms <= :until AND {_HOLDS.format(column='supersedes')}",
    f"UPDATE outcome SET outcome_id = 'erased-' || CAST(recorded AS TEXT) WHERE tenant = :tenant AND at_ms <= :until AND {_HOLDS.format(column='outcome_id')}",
)
