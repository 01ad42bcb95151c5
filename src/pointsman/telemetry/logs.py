"""
What may stand in a log: our own sentences, with values of kinds that cannot hold what callers or models said.

A guard looks at every record before it is written, whoever wrote it and at whatever level. A plain text in a record might be content, so it is withheld unless
whoever logs it has said that it is none (`Plain`). Exceptions of others show their type and where they arose, never their words. Text that other libraries log
is withheld whole.
"""

import json
import logging
import math
import re
import sqlite3
import sys
import threading
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from pathlib import PurePath
from types import TracebackType
from typing import Final, TextIO, cast

from pointsman.core.errors import PointsmanError, Unusable

WITHHELD: Final = "<withheld>"
_OURS: Final = "pointsman"

# Call ids (UUID version 7) and names of snapshots and policies; a key that vendors give out has neither form.
_KNOWN_FORM: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{16}")
_CALL_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_TELLS_OF_US: Final = frozenset({"ledger_unavailable", "audit_unavailable", "stopping"})


class Plain(str):
    """A text that holds nothing of what callers or models said: a name from the configuration, a code, an address. Whoever makes one vouches for it."""

    __slots__ = ()


class Guard(logging.Filter):
    """Lets every record through, without what might be content."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean a record in place. What is clean stays as it is: a record may pass more than one guard."""
        if record.name != _OURS:
            record.msg, record.args = "`%s` has something to say; its words are withheld", (Plain(record.name),)
        elif isinstance(record.args, dict):  # what `%(name)s` is filled from
            record.args = {name: _clean(value) for name, value in record.args.items()}
        else:
            record.args = tuple(_clean(value) for value in record.args or ())
        if record.exc_info or not isinstance(record.exc_text, Plain | None):
            record.exc_text = Plain(_where(record.exc_info))
            record.exc_info = None
        return True


class JsonLines(logging.Formatter):
    """
    One JSON object a line, of fields that are fixed here and hold only what the guard let through.

    `at` (UTC), `level`, `event` (the sentence before anything is filled in, so the same each time), `message` (the whole sentence), `call_id` (of the first
    call that it names), `values` (what was filled in, in order or by name), `exception` (where it arose, and of which kind). What somebody adds to a record
    as `extra` is never written.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        # A record that did not pass a guard on the way here passes one now.
        Guard().filter(record)
        told = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "event": str(record.msg),
            "message": record.getMessage(),
            "call_id": next((text for text in map(str, _filled_in(record)) if _CALL_ID.fullmatch(text)), None),
            "values": _values(record.args),
            "exception": record.exc_text or None,
        }
        return json.dumps({name: value for name, value in told.items() if value not in (None, ())})  # in ASCII, so that no reader stumbles over a name


def log_to(stream: TextIO, level: int, *, as_json: bool = False) -> None:
    """
    Write logs to a stream, guarded, from the whole process; also what threads and the interpreter itself would print when something breaks.

    Where logging is set up already it stays as it is: whoever runs us as a part of something else adds a `Guard` to the handlers there.
    """
    if logging.getLogger().handlers:
        return
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines() if as_json else logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    handler.addFilter(Guard())
    logging.basicConfig(level=level, handlers=[handler])

    def broken(kind: type[BaseException], error: BaseException | None, *, trace: TracebackType | None) -> None:
        told = (kind, error, trace) if error is not None else None
        logging.getLogger(_OURS).critical("something broke where nobody waits for it", exc_info=told)

    sys.unraisablehook = lambda told: broken(told.exc_type, told.exc_value, trace=told.exc_traceback)
    threading.excepthook = lambda told: broken(told.exc_type, told.exc_value, trace=told.exc_traceback)


def _filled_in(record: logging.LogRecord) -> tuple[object, ...]:
    return tuple(record.args.values()) if isinstance(record.args, Mapping) else record.args or ()


def _values(args: object) -> object:
    """Return what is filled in, as JSON knows it."""
    if isinstance(args, Mapping):
        return {str(name): _plain(value) for name, value in cast("Mapping[object, object]", args).items()}
    return tuple(_plain(value) for value in cast("tuple[object, ...]", args or ()))


def _plain(value: object) -> object:
    is_known = value is None or isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    return value if is_known else str(value)


def _clean(value: object) -> object:
    match value:
        case None | bool() | int() | float() | Plain() | PurePath():
            return value
        case Enum():
            return Plain(value.value)
        case str() if _KNOWN_FORM.fullmatch(value) or value in _codes(PointsmanError):
            return Plain(value)
        case str():
            return Plain(WITHHELD)
        case PointsmanError():
            return Plain(value.message if isinstance(value, Unusable) or value.code in _TELLS_OF_US else value.code)
        case BaseException():
            return Plain(_kind(value))
        case _:
            return Plain(f"<{type(value).__name__}>")


def _kind(error: BaseException) -> str:
    """Return what kind of fault this is. What the system says of a file or a database is ours; any other words may be anybody's."""
    if isinstance(error, sqlite3.Error):
        return f"{type(error).__name__}: {getattr(error, 'sqlite_errorname', 'unknown')}"
    if isinstance(error, OSError) and error.errno is not None:
        return f"{type(error).__name__}: {error.strerror}"
    return type(error).__name__


def _where(told: object) -> str:
    """Return where an exception and those before it arose: files, lines and kinds, no words."""
    error: BaseException | None = cast("tuple[type, BaseException | None, object]", told)[1] if isinstance(told, tuple) else None
    parts: list[str] = []
    while error is not None:
        parts.append("".join(traceback.format_tb(error.__traceback__)) + _kind(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(reversed(parts))


def _codes(kind: type[PointsmanError]) -> set[str]:
    return {kind.code}.union(*(_codes(one) for one in kind.__subclasses__()))
