"""
Erasing a subject: its key is destroyed, what was derived from it deleted, and a tombstone left.

The order makes it safe to be interrupted: the tombstone comes first, and whoever starts next does what it says again. So does whoever starts on a ledger
that was restored from an old backup, because the tombstones are kept with the keys, which no ordinary backup holds.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from msgspec import Struct

from pointsman.core.errors import Refused
from pointsman.ledger import envelope
from pointsman.ledger.content.keys import KeyStore
from pointsman.ledger.content.opening import Files
from pointsman.settings.ledger_place import Place
from pointsman.storage import content as content_rows
from pointsman.storage import content_in_ledger as ledger_rows
from pointsman.storage.content_files import clear, open_file
from pointsman.storage.keys import SUBJECT as SUBJECT_KEY
from pointsman.storage.keys import Tombstone, add_tombstone, drop_key
from pointsman.storage.open import exists, open_writing
from pointsman.storage.sealed_kinds import segments
from pointsman.storage.segments_letting_go import forget_user as forget_in_segments
from pointsman.storage.sql import Database

_SHORT: Final = 3  # a name of fewer letters stands in units by chance
_LATE_MS: Final = 3_600_000  # how long after an erasure records of before may still arrive


class HeldBack(Refused):
    """A legal hold forbids the erasure. Remedy: release the hold first, if you may."""

    code = "held_back"

    def __init__(self, *, what: str) -> None:
        super().__init__(f"A legal hold on {what} forbids this erasure. Release it with `pointsman retention release` first, if the law allows it.")


class Erased(Struct, frozen=True, kw_only=True):
    """What an erasure did, or would do: rows of content, calls that lost their user, units that lost their name, copies of keys that were corrected."""

    tenant: str
    subject: str
    content: int
    calls: int
    units: int
    copies: int


def plan(files: Files, tenant: str, *, user: str, now_ms: int) -> Erased:
    """Return what erasing a user would do. Raises `HeldBack`."""
    subject = files.keys.subject(tenant, user)
    rows = _content_of(files, tenant, subject=subject)
    units = _units(files.ledger, tenant, user=user)
    _refuse_held(files.keys, tenant, user=user, units={*units, *_digests(rows)})
    named = [unit for unit in units if _names(unit, user)]
    calls = _count_calls(files.ledger, tenant, user=user, until_ms=now_ms)
    return Erased(tenant=tenant, subject=subject, content=len(rows), calls=calls, units=len(named), copies=len(_copies(files)))


def erase(files: Files, tenant: str, *, user: str, now_ms: int, told: Callable[[Tombstone], None]) -> Erased:
    """
    Erase a user of a tenant, for good. `told` is given the tombstone, for the audit. Raises `HeldBack`; then nothing was changed.

    The gateway's own memory is not reached from here: its retention job sees the tombstone within a minute.
    """
    planned = plan(files, tenant, user=user, now_ms=now_ms)
    stone = files.keys.erase(tenant, planned.subject, now_ms=now_ms)
    for path in _copies(files):
        _erase_in_copy(path, stone)
    told(stone)
    _drop_content(files, [stone])
    _forget_in_ledger(files, [stone], user=user)
    return planned


def erase_again(files: Files, *, since_ms: int = 0) -> int:
    """
    Do again what the tombstones since a time say, and return how many rows that changed.

    After a restore these are rows that came back; while the gateway runs, what was on its way when the subject was erased.
    """
    stones = [stone for stone in files.keys.tombstones() if stone.erased_ms >= since_ms]
    if not stones:
        return 0
    return _drop_content(files, stones) + _forget_in_ledger(files, stones, since_ms=max(since_ms - _LATE_MS, 0))


def _refuse_held(keys: KeyStore, tenant: str, *, user: str, units: Iterable[str]) -> None:
    held = {(hold.kind, hold.name) for hold in keys.holds.all() if hold.tenant == tenant}
    held |= {(kind, name) for owner, kind, name in keys.holds.digests() if owner == tenant}
    if ("tenant", "") in held:
        raise HeldBack(what=f"the tenant `{tenant}`")
    if ("subject", user) in held:
        raise HeldBack(what="this subject")
    if any(("unit", unit) in held for unit in units):
        raise HeldBack(what="a unit in which this subject takes part")


# ── content ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _content_of(files: Files, tenant: str, *, subject: str) -> list[tuple[str, str, int]]:
    if not files.content.exists():
        return []
    with closing(open_file(files.content, "content")) as connection:
        return content_rows.rows_of(connection, tenant, subject=subject)


def _digests(rows: Iterable[tuple[str, str, int]]) -> set[str]:
    return {unit for _, unit, _ in rows}


def _drop_content(files: Files, stones: Iterable[Tombstone]) -> int:
    if not files.content.exists():
        return 0
    with closing(open_file(files.content, "content")) as connection:
        dropped = sum(content_rows.drop_subject(connection, one.tenant, subject=one.subject, until_ms=one.erased_ms) for one in stones)
        if dropped:
            clear(connection)
        return dropped


# ── the ledger ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _names(unit: str, user: str) -> bool:
    return len(user) >= _SHORT and user.lower() in unit.lower()


def _units(ledger: Place, tenant: str, *, user: str) -> list[str]:
    if not exists(ledger):
        return []
    with closing(open_writing(ledger)) as db:
        return ledger_rows.units_of(db, tenant, user=user)


def _count_calls(ledger: Place, tenant: str, *, user: str, until_ms: int) -> int:
    if not exists(ledger):
        return 0
    with closing(open_writing(ledger)) as db:
        return ledger_rows.count_user(db, tenant, user=user, until_ms=until_ms)


def _forget_in_ledger(files: Files, stones: Iterable[Tombstone], *, since_ms: int = 0, user: str | None = None) -> int:
    """Take the names of those erased out of the ledger. Who they were is told by `user`, or else found among the users of its calls."""
    if not exists(files.ledger):
        return 0
    erased = {(stone.tenant, stone.subject): stone for stone in stones}
    changed = 0
    with closing(open_writing(files.ledger)) as db:
        ledger_rows.overwrite_what_goes(db)
        for tenant in sorted({stone.tenant for stone in erased.values()}):
            for name in ledger_rows.users_of(db, tenant, since_ms=since_ms) if user is None else [user]:
                stone = erased.get((tenant, files.keys.subject(tenant, name)))
                if stone is None:
                    continue
                units = [unit for unit in ledger_rows.units_of(db, tenant, user=name) if _names(unit, name)]
                instead = _unlinkable(units)
                changed += _forget_in_segments(files.segments, db, stone=stone, user=name, units=instead)
                changed += len(units) + ledger_rows.forget_user(db, tenant, user=name, until_ms=stone.erased_ms, units=instead)
        ledger_rows.overwrite_what_went(db, has_changed=bool(changed))
    return changed


def _forget_in_segments(folder: Path, db: Database, *, stone: Tombstone, user: str, units: Mapping[str, str]) -> int:
    """Take a name out of sealed days, before the rows that are not sealed lose it: a row that is both leaves its file."""
    if not segments(db):
        return 0
    return forget_in_segments(db, folder, tenant=stone.tenant, user=user, now_ms=stone.erased_ms, units=units)


def _unlinkable(units: Iterable[str]) -> dict[str, str]:
    """Return what stands in place of each unit: the same for the same one, and nothing that leads back to it."""
    key = secrets.token_bytes(envelope.KEY_BYTES)
    return {unit: f"erased-{envelope.digest(key, unit)}" for unit in units}


# ── copies of the keys ──────────────────────────────────────────────────────────────────────────────────────────────


def _copies(files: Files) -> list[Path]:
    return [] if files.copies is None else sorted(files.copies.glob("*.keys"))


def _erase_in_copy(path: Path, stone: Tombstone) -> None:
    with closing(open_file(path, "keys")) as connection:
        drop_key(connection, stone.tenant, kind=SUBJECT_KEY, name=stone.subject)
        add_tombstone(connection, stone)
        clear(connection)
