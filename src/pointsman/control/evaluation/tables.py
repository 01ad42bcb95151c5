"""
Tables of outcomes as they come: Parquet, CSV or JSON lines, a row per prompt and model. What a row means is read here, and what is wrong with it is said.

Columns may stand in any order and be named in any case; others are ignored. A score may be a number, a truth value or their text.
"""

import csv
import difflib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from pointsman.control.evaluation.cells import BadCell, Cells, cost_of, score_of, text_of
from pointsman.core.errors import BadRequest
from pointsman.storage import duck as ducks

REQUIRED: Final = ("prompt", "model", "score")
FIELDS: Final = (*REQUIRED, "capability", "cost", "answer", "split")
_MOST_LISTED: Final = 20
_LONGEST_FIELD: Final = 1 << 28
_OBJECT: Final = msgspec.json.Decoder(dict[str, Any])
_TRAIN: Final = frozenset({"train", "training"})
_TEST: Final = frozenset({"test", "testing", "eval", "evaluation", "heldout", "held-out"})


class Outcome(Struct, frozen=True, kw_only=True):
    """What one model made of one prompt. `cost` is in the table's own unit, whatever it is; None is unknown. A row that says no score has none."""

    row: int
    prompt: str
    model: str
    score: float | None
    capability: str = ""
    cost: float | None = None
    answer: str | None = None
    split: str = ""


class Fault(Struct, frozen=True, kw_only=True):
    """What is wrong with a row. `row` is the line for text, and the number of the row from 1 for Parquet."""

    row: int
    column: str
    says: str


class Table(Struct, frozen=True, kw_only=True):
    """A table's columns, by the field that each one holds, those that were ignored, and the rows as they come."""

    columns: Mapping[str, str]
    ignored: tuple[str, ...]
    rows: Iterator[tuple[int, Cells]]

    def read(self) -> Iterator[Outcome | Fault]:
        """Yield what each row says. Raises `BadRequest` where the rest of the file cannot be read."""
        for row, cells in self.rows:
            yield _outcome(row, {field: cells.get(column) for field, column in self.columns.items()})


def opened(path: Path, *, mapped: Mapping[str, str] | None = None) -> Table:
    """
    Open a table by the end of its name. `mapped` says for a field which column holds it.

    Raises `BadRequest` for a file of another kind, one that cannot be read, or one without the columns; `ExtraMissing` for Parquet without DuckDB.
    """
    names, rows = raw(path)
    columns = _columns(names, mapped=mapped or {}, file=path.name)
    return Table(columns=columns, ignored=tuple(name for name in names if name not in columns.values()), rows=rows)


def raw(path: Path) -> tuple[list[str], Iterator[tuple[int, Cells]]]:
    """Return a table's columns and its rows with their numbers. Raises as `opened` does."""
    match path.suffix.lower():
        case ".parquet" | ".pq":
            return _parquet(path)
        case ".csv" | ".tsv":
            return _csv(path)
        case ".jsonl" | ".ndjson":
            return _json_lines(path)
        case _:
            raise BadRequest(f"`{path.name}` says nothing of its form. Give a file that ends with `.parquet`, `.csv`, `.tsv` or `.jsonl`.")


def _parquet(path: Path) -> tuple[list[str], Iterator[tuple[int, Cells]]]:
    names, rows = ducks.read_parquet(path)
    return names, ((number, dict(zip(names, values, strict=True))) for number, values in enumerate(rows, 1))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest(f"`{path}` is not UTF-8 (byte {error.start}). Save it as UTF-8.") from error
    except OSError as error:
        raise BadRequest(f"`{path}` cannot be read ({error.strerror}). Name a file that may be read.") from error


def _csv(path: Path) -> tuple[list[str], Iterator[tuple[int, Cells]]]:
    csv.field_size_limit(_LONGEST_FIELD)  # a prompt may be longer than what the library takes for a mistake
    text = _text(path)
    header = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count), strict=True)
    try:
        names = list(reader.fieldnames or ())
    except csv.Error as error:
        raise BadRequest(f"line 1 of `{path.name}`: {error}. Write the header as CSV.") from error

    def rows() -> Iterator[tuple[int, Cells]]:
        while True:
            line = reader.line_num + 1
            try:
                yield line, next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise BadRequest(f"line {line} of `{path.name}`: {error}. Quote fields as RFC 4180 says, and import the file again.") from error

    return names, rows()


def _json_lines(path: Path) -> tuple[list[str], Iterator[tuple[int, Cells]]]:
    found: list[tuple[int, Cells]] = []
    names: dict[str, None] = {}
    for number, line in enumerate(_text(path).split("\n"), 1):
        if not line.strip():
            continue
        cells = _object(line)
        if cells is None:
            raise BadRequest(f"line {number} of `{path.name}` is no JSON object. Write one whole object on each line.")
        names.update(dict.fromkeys(cells))
        found.append((number, cells))
    return list(names), iter(found)


def _object(line: str) -> Cells | None:
    try:
        return _OBJECT.decode(line)
    except msgspec.DecodeError:
        return _lenient(line)


def _lenient(line: str) -> Cells | None:
    """Read what has halves of surrogate pairs, too: they are no JSON for the faster reader, but logs have them."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None  # pyright: ignore[reportUnknownVariableType]


def _columns(names: Sequence[str], *, mapped: Mapping[str, str], file: str) -> dict[str, str]:
    """Return the column of each field that there is."""
    unknown = [field for field in mapped if field not in FIELDS]
    if unknown:
        raise BadRequest(f"There is no field `{unknown[0]}`. Fields are {', '.join(FIELDS)}.")
    lost = [column for column in mapped.values() if column not in names]
    if lost:
        raise BadRequest(f"`{file}` has no column `{lost[0]}`. It has {_listed(names)}.")
    by_name = {name.strip().lower(): name for name in reversed(names)}
    columns = {field: mapped.get(field) or by_name.get(field, "") for field in FIELDS}
    lacks = [field for field in REQUIRED if not columns[field]]
    if lacks:
        near = {field: difflib.get_close_matches(field, by_name, n=1) for field in lacks}
        guess = ",".join(f"{field}={by_name[found[0]] if found else 'COLUMN'}" for field, found in near.items())
        missing = " and no ".join(f"`{field}`" for field in lacks)
        raise BadRequest(f"`{file}` has no column {missing}. It has {_listed(names)}. Say which column it is, such as --map {guess}.")
    return {field: column for field, column in columns.items() if column}


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names[:_MOST_LISTED]) + (" …" if len(names) > _MOST_LISTED else "") if names else "no columns"


# ── what a row says ─────────────────────────────────────────────────────────────────────────────────────────────────


def _outcome(row: int, cells: Cells) -> Outcome | Fault:
    try:
        return Outcome(
            row=row,
            prompt=text_of(cells, "prompt"),
            model=text_of(cells, "model"),
            score=score_of(cells.get("score")),
            capability=text_of(cells, "capability", is_needed=False),
            cost=cost_of(cells.get("cost")),
            answer=text_of(cells, "answer", is_needed=False) or None,
            split=_split(text_of(cells, "split", is_needed=False)),
        )
    except BadCell as bad:
        return Fault(row=row, column=bad.column, says=bad.says)


def _split(told: str) -> str:
    name = told.lower()
    return "train" if name in _TRAIN else "test" if name in _TEST else name
