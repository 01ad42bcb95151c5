"""
What databases say when something goes wrong, in one language, and whether it is worth trying again.

The tree of faults is DB-API 2.0's (PEP 249), and the standard library has it in `sqlite3`. PostgreSQL's faults are told by the same names, so that whoever
uses a `Database` catches `sqlite3.Error` and nothing else.
"""

import sqlite3
from typing import Final

# What a database or its binding says of a value or a row, not of the file or the connection: trying again would say the same.
OF_A_VALUE: Final = (sqlite3.IntegrityError, sqlite3.DataError, ValueError, OverflowError)

_NAMES: Final = ("IntegrityError", "DataError", "ProgrammingError", "NotSupportedError", "InterfaceError", "InternalError", "OperationalError")


def is_of_value(error: BaseException) -> bool:
    """Tell whether a fault is one of a value or a row, so that the rest can be written without it."""
    return isinstance(error, OF_A_VALUE)


def by_name(error: BaseException, says: str) -> sqlite3.Error:
    """Return a driver's fault as the one of the same name, saying this."""
    names = {kind.__name__ for kind in type(error).__mro__}
    found = next((name for name in _NAMES if name in names), "OperationalError")
    made: sqlite3.Error = getattr(sqlite3, found)(says)
    return made
