"""
Rows as files that others read: CSV for spreadsheets, Parquet for data platforms. A file is there whole or not at all.
"""

import csv
import io
import secrets
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

from pointsman.core.errors import BadRequest, Unusable
from pointsman.storage import duck as ducks

_WHAT: Final = "Writing Parquet"
SUFFIXES: Final = (".csv", ".parquet")
# What a spreadsheet would take for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")

Cells = Mapping[str, object]


def write(path: Path, *, columns: Sequence[str], rows: Sequence[Cells], types: Mapping[str, str] | None = None) -> None:
    """
    Write rows as the file's name says, `.csv` or `.parquet`. `types` are DuckDB's, for Parquet; a column without one is text.

    Raises `BadRequest` for another name, `Unusable` if it cannot be written, `ExtraMissing` for Parquet without DuckDB.
    """
    if path.suffix not in SUFFIXES:
        raise BadRequest(f"`{path.name}` says nothing of its form. End it with {' or '.join(f'`{suffix}`' for suffix in SUFFIXES)}.")
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        if path.suffix == ".csv":
            draft.write_text(to_csv(columns, rows), encoding="utf-8", newline="")
        else:
            _write_parquet(draft, columns=columns, rows=rows, types=types or {})
        ducks.to_disk(draft)
        draft.replace(path)
    except OSError as error:
        raise Unusable(f"`{path}` cannot be written ({error.strerror or error}). Name a file in a folder that is there and may be written.") from error
    finally:
        draft.unlink(missing_ok=True)


def to_csv(columns: Sequence[str], rows: Sequence[Cells]) -> str:
    """Return rows as CSV (RFC 4180) with a header. Null is an empty field; a text that a spreadsheet would take for a formula gets a `'` before it."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(columns)
    writer.writerows([[_cell(row[name]) for name in columns] for row in rows])
    return file.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}" if value else "0"
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text


def _write_parquet(path: Path, *, columns: Sequence[str], rows: Sequence[Cells], types: Mapping[str, str]) -> None:
    duck = ducks.connect(what=_WHAT)
    try:
        whole = {name: types.get(name, "VARCHAR") for name in columns}
        ducks.create(duck, "written", columns=whole)
        # Decimals go as text and are cast there: through a float they would lose digits.
        ducks.append(duck, "written", columns=whole, rows=[{name: _text(row[name], whole[name]) for name in columns} for row in rows])
        duck.execute(f"COPY written TO {ducks.text(str(path))} (FORMAT parquet, COMPRESSION zstd)")
    finally:
        duck.close()


def _text(value: object, kind: str) -> object:
    return value if value is None or kind in {"BIGINT", "DOUBLE"} else f"{value:f}" if isinstance(value, Decimal) else str(value)


def read(path: Path) -> tuple[list[str], list[Cells]]:
    """Return the columns and rows of a file that was written here or elsewhere. Raises `BadRequest` for another name, `Unusable` if it cannot be read."""
    if path.suffix not in SUFFIXES:
        raise BadRequest(f"`{path.name}` says nothing of its form. End it with {' or '.join(f'`{suffix}`' for suffix in SUFFIXES)}.")
    try:
        if path.suffix == ".csv":
            with path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.DictReader(file)
                rows: list[Cells] = [dict(row) for row in reader]
                return list(reader.fieldnames or ()), rows
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Unusable(f"`{path}` cannot be read ({error}). Name a CSV or Parquet file.") from error
    return _read_parquet(path)


def _read_parquet(path: Path) -> tuple[list[str], list[Cells]]:
    library = ducks.duckdb("Reading Parquet")
    duck = ducks.connect(what="Reading Parquet")
    try:
        found = duck.execute(f"SELECT * FROM {ducks.files([path])}")
        names = [str(column[0]) for column in found.description]
        return names, [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    except library.Error as error:
        raise Unusable(f"`{path}` cannot be read ({str(error).splitlines()[0]}). Name a CSV or Parquet file.") from error
    finally:
        duck.close()
