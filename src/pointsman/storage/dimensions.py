"""
What was in force since when: snapshots, workflows, targets and prices, each written when it says something new.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from pointsman.storage import several
from pointsman.storage.batch import Dimension
from pointsman.storage.sql import Database

# What names a row beside the time since when it holds.
_KEYS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"snapshot": ("digest",), "workflow": ("name",), "target": ("name",), "price": ("price_id", "target")}
)
_SINCE: Final = "since_ms"
_ONCE: Final = frozenset({"price"})  # a price that changes has another id


def keep_dimensions(db: Database, dimensions: Sequence[Dimension]) -> None:
    """Write the rows that say something else than the newest of the same key does. Of snapshots the newest of all is compared: going back is news too."""
    for one in dimensions:
        row = dict(one.row)
        keys, columns = _KEYS[one.table], tuple(row)
        names = () if one.table == "snapshot" else keys
        where = " AND ".join(f"{name} = :{name}" for name in names) or "1 = 1"
        newest = db.rows(
            f"SELECT {', '.join(columns)} FROM {one.table} WHERE {where} ORDER BY since_ms DESC LIMIT 1",
            {name: row[name] for name in names},
        )
        # What a snapshot's digest does not cover, such as who may sign in, is in its files.
        compared = (*keys, "files") if one.table == "snapshot" else tuple(name for name in columns if name != _SINCE)
        if newest and (one.table in _ONCE or all(newest[0][name] == row[name] for name in compared)):
            continue
        told = {**row, "parent": newest[0]["digest"] if newest else None} if one.table == "snapshot" else row
        unique = keys if one.table in _ONCE else (*keys, _SINCE)
        several.replace(db, one.table, columns=tuple(told), keys=unique, rows=[tuple(told.values())])
