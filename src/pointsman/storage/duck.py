"""
DuckDB as this product uses it: in memory, nothing downloaded, rows handed over as columns, Parquet written whole or not at all.
"""

import hashlib
import importlib
import os
import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from pointsman.core.errors import BadRequest, ExtraMissing
from pointsman.storage.database import migrate, migrations
from pointsman.storage.sql import Row

_TYPES: Final[Mapping[str, str]] = {"INTEGER": "BIGINT", "REAL": "DOUBLE", "TEXT": "VARCHAR"}
_ROW_GROUP: Final = 100_000
_CHUNK_BYTES: Final = 1 << 20
_BATCH: Final = 5_000  # rows that are read at a time

# Column → DuckDB type, in the order of the table.
Columns = Mapping[str, str]


def duckdb(what: str) -> Any:
    """Return the library. Raises `ExtraMissing`, which names what needs it."""
    try:
        return importlib.import_module("duckdb")
    except ImportError as error:
        raise ExtraMissing(what=what, extra="analytics") from error


def connect(*, memory_mb: int = 1024, threads: int = 2, what: str = "Analytics") -> Any:
    """Return a DuckDB in memory that loads no extension, sees no variable of ours and writes nothing to the disk by itself."""
    settings = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "python_enable_replacements": "false",
        "memory_limit": f"{memory_mb}MB",
        "threads": str(threads),
        "temp_directory": "",
        "pandas_analyze_sample": "0",  # every column is cast to its type: nothing is guessed
    }
    opened = duckdb(what).connect(":memory:", config=settings)
    opened.execute("SET parquet_metadata_cache = true")  # files are never changed under their name
    return opened


@cache
def tables() -> Mapping[str, Columns]:
    """Return the tables of the ledger with their columns, as the newest schema has them."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, migrations())
        names = [str(row[0]) for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")]
        return {name: {str(row[1]): _TYPES[str(row[2])] for row in connection.execute(f"PRAGMA table_info({name})") if str(row[2]) in _TYPES} for name in names}


def create(duck: Any, name: str, *, columns: Columns) -> None:
    """Make an empty table, in the place of one of this name."""
    duck.execute(f"CREATE OR REPLACE TABLE {quoted(name)} ({', '.join(f'{quoted(column)} {kind}' for column, kind in columns.items())})")


def append(duck: Any, name: str, *, columns: Columns, rows: Sequence[Row]) -> None:
    """Add rows to a table. A row at a time DuckDB takes a hundred a second, as columns a million."""
    if not rows:
        return
    duck.register("handed_over", {column: _array([row[column] for row in rows], kind) for column, kind in columns.items()})
    try:
        names = ", ".join(quoted(column) for column in columns)
        casts = ", ".join(f"CAST({quoted(column)} AS {kind})" for column, kind in columns.items())
        duck.execute(f"INSERT INTO {quoted(name)} ({names}) SELECT {casts} FROM handed_over")
    finally:
        duck.unregister("handed_over")


def _array(values: Sequence[Any], kind: str) -> Any:
    if kind not in {"BIGINT", "DOUBLE"}:
        return np.array(values, dtype=object)
    dtype = np.int64 if kind == "BIGINT" else np.float64
    gaps = [value is None for value in values]
    if not any(gaps):
        return np.array(values, dtype=dtype)
    return np.ma.masked_array(np.array([0 if value is None else value for value in values], dtype=dtype), mask=gaps)


def write_parquet(duck: Any, sql: str, *, folder: Path) -> tuple[Path, str]:
    """
    Write what a question finds as Parquet into a folder, under the first half of its SHA-256; return the file and the whole digest.

    It is on the disk under its name when this returns. A process that dies before leaves a file `.HEX.tmp` that nobody reads. Raises `OSError`.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = folder / f".{secrets.token_hex(8)}.tmp"
    try:
        duck.execute(f"COPY ({sql}) TO {text(str(draft))} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP})")
        draft.chmod(0o600)
        digest = sha256(draft)
        to_disk(draft)
        whole = folder / f"{digest[:32]}.parquet"
        draft.replace(whole)
        to_disk(folder)
        return whole, digest
    finally:
        draft.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def to_disk(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def found(duck: Any, sql: str, *, values: Mapping[str, object] | None = None) -> list[Row]:
    """Return what a question finds; its parameters are written `$name`."""
    asked = duck.execute(sql, dict(values)) if values else duck.execute(sql)
    names = [str(column[0]) for column in asked.description or ()]
    return [dict(zip(names, row, strict=True)) for row in asked.fetchall()]


def files(paths: Sequence[Path]) -> str:
    """Return the table function that reads these files as one table; a column that an older file lacks is NULL there."""
    return f"read_parquet([{', '.join(text(str(path)) for path in paths)}], union_by_name = true, hive_partitioning = false)"


def read_parquet(path: Path) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    """Return the columns of any Parquet file and its rows as they come. Raises `BadRequest` for one that is none, `ExtraMissing` without DuckDB."""
    what = "Reading Parquet"
    library, duck = duckdb(what), connect(what=what)
    try:
        table = duck.execute(f"SELECT * FROM {files([path])}")
    except library.Error as error:
        raise BadRequest(f"`{path}` cannot be read as Parquet ({str(error).splitlines()[0]}). Write it again.") from error

    def rows() -> Iterator[tuple[Any, ...]]:
        while batch := table.fetchmany(_BATCH):
            yield from batch
        duck.close()

    return [str(column[0]) for column in table.description], rows()


def quoted(name: str) -> str:
    """Return a name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """Return a text as SQL."""
    return "'" + value.replace("'", "''") + "'"
