"""
The end of what has had its time: content, records of calls, outcomes, the keys of days that are over, and copies of the keys.

The clock is passed in. A legal hold keeps what it is on beyond any ceiling; nothing goes before its floor. What is deleted is overwritten.
"""

from contextlib import closing
from pathlib import Path
from typing import Final, TypedDict

from msgspec import Struct

from pointsman.ledger.content.holds import Held
from pointsman.ledger.content.opening import Files
from pointsman.settings.retention_compile import Retention
from pointsman.storage import content as content_rows
from pointsman.storage import content_in_ledger as ledger_rows
from pointsman.storage import segments_letting_go as sealed_rows
from pointsman.storage.content_files import clear, open_file
from pointsman.storage.open import exists, open_writing
from pointsman.storage.sealed_kinds import segments

_DAY_MS: Final = 86_400_000
_SECOND_MS: Final = 1000
_SUFFIX: Final = ".keys"
_SMALL_BYTES: Final = 256 * 1024 * 1024  # rewriting a larger ledger would make its writer wait for seconds


class _Ends(TypedDict):
    calls_before_ms: dict[str, int]
    outcomes_before_ms: int | None
    held: list[Held]


class Expired(Struct, frozen=True, kw_only=True):
    """How much went, or would go: rows of content, calls, outcomes, keys of days, copies of the keys; `sealed` rows of any kind in files."""

    content: int = 0
    calls: int = 0
    outcomes: int = 0
    days: int = 0
    copies: int = 0
    sealed: int = 0


def expire(files: Files, retention: Retention, *, now_ms: int, dry_run: bool = False) -> Expired:
    """Delete what is past its end and not held; with `dry_run` only count it (then days are not counted)."""
    content, days = _content(files, now_ms, dry_run=dry_run)
    calls, outcomes, sealed = _records(files, retention, now_ms=now_ms, dry_run=dry_run)
    old = [] if files.copies is None else [path for path in _copies(files.copies) if _day_of(path) < (now_ms - retention.copies_s * _SECOND_MS) // _DAY_MS]
    if not dry_run:
        for path in old:
            path.unlink(missing_ok=True)
    return Expired(content=content, calls=calls, outcomes=outcomes, days=days, copies=len(old), sealed=sealed)


def copy_keys(files: Files, *, now_ms: int) -> Path | None:
    """Write today's copy of the keys if there is a folder for it and none yet; return it."""
    if files.copies is None:
        return None
    files.copies.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = files.copies / f"{now_ms // _DAY_MS}{_SUFFIX}"
    if path.exists():
        return None
    files.keys.copy_to(path)
    return path


def _content(files: Files, now_ms: int, *, dry_run: bool) -> tuple[int, int]:
    if not files.content.exists():
        return 0, 0
    with closing(open_file(files.content, "content")) as connection:
        if dry_run:
            return content_rows.count_expired(connection, now_ms, held=files.keys.holds.digests()), 0
        dropped = content_rows.drop_expired(connection, now_ms, held=files.keys.holds.digests())
        if dropped:
            clear(connection)
        days = files.keys.end_days(before_day=now_ms // _DAY_MS, in_use=content_rows.days_in_use(connection))
        return dropped, days


def _records(files: Files, retention: Retention, *, now_ms: int, dry_run: bool) -> tuple[int, int, int]:
    """Let go of records that are over; return how many calls, outcomes and sealed rows."""
    if not exists(files.ledger):
        return 0, 0, 0
    held = _held_in_open(files)
    with closing(open_writing(files.ledger)) as db:
        ledger_rows.overwrite_what_goes(db)
        is_sealed = bool(segments(db))
        classes = {*ledger_rows.classes_of_calls(db), *(sealed_rows.classes_of_calls(db, files.segments) if is_sealed else ())}
        before_ms = {name: now_ms - kept_s * _SECOND_MS for name in sorted(classes) if (kept_s := retention.records_s(name.split("+"))) is not None}
        outcomes_ms = _outcomes_before(retention, now_ms)
        ends = _Ends(calls_before_ms=before_ms, outcomes_before_ms=outcomes_ms, held=held)
        is_sealed = is_sealed and (bool(before_ms) or outcomes_ms is not None)
        if dry_run:
            return (
                ledger_rows.count_calls(db, before_ms, held=held),
                0 if outcomes_ms is None else ledger_rows.count_outcomes(db, outcomes_ms, held=held),
                sealed_rows.count_expired(db, files.segments, **ends) if is_sealed else 0,
            )
        sealed = sealed_rows.expire(db, files.segments, **ends, now_ms=now_ms) if is_sealed else 0
        calls = ledger_rows.drop_calls(db, before_ms, held=held)
        outcomes = 0 if outcomes_ms is None else ledger_rows.drop_outcomes(db, outcomes_ms, held=held)
        learned_ms = {name: now_ms - retention.features_s(name.split("+")) * _SECOND_MS for name in sorted(classes)}
        if calls + outcomes + ledger_rows.drop_features(db, learned_ms, held=held):
            is_small = not isinstance(files.ledger, Path) or files.ledger.stat().st_size < _SMALL_BYTES
            ledger_rows.overwrite_what_went(db, has_changed=True, may_rewrite=is_small)
        return calls, outcomes, sealed


def _outcomes_before(retention: Retention, now_ms: int) -> int | None:
    """Return before when outcomes go. They say no class, so they stay for as long as any record may have to."""
    if retention.usual.records_s is None:
        return None
    longest_s = max([retention.usual.records_s, *(max(one.records_s or 0, one.records_at_least_s) for one in retention.classes.values())])
    return now_ms - longest_s * _SECOND_MS


def _held_in_open(files: Files) -> list[Held]:
    """Return every hold by the names that the ledger knows."""
    return [(hold.tenant, hold.kind, hold.name) for hold in files.keys.holds.all()]


def _copies(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob(f"*{_SUFFIX}")) if path.stem.isdecimal()]


def _day_of(path: Path) -> int:
    return int(path.stem)
