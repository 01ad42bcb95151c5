"""
The files that the main file names, read once: decision tables and schemas.
"""

import csv
import hashlib
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from pointsman.core.capability import RuleTable
from pointsman.settings.mistakes import Mistake, SettingsInvalid
from pointsman.settings.watch import Watch
from pointsman.settings.yaml_text import Path as Where
from pointsman.settings.yaml_text import Text, compose, dotted

DIGITS: Final = 16

_ROWS: Final[Where] = ("rows",)


class Beside:
    """Reads the files in `folder` that the main file names, and tells `watch` of them."""

    def __init__(self, folder: Path, watch: Watch) -> None:
        self._folder = folder
        self._watch = watch
        self._lines: dict[str, list[int]] = {}
        self.rules: dict[str, RuleTable] = {}
        self.schemas: dict[str, dict[str, Any]] = {}
        self.digests: dict[str, str] = {}

    def rule_table(self, name: str) -> RuleTable:
        """Read a decision table: CSV with a header, or YAML with `rows`. Raises `SettingsInvalid`, `OSError` or `ValueError`."""
        if name not in self.rules:
            source = self.source(name)
            rows, self._lines[name] = _csv_rows(source, name) if name.endswith(".csv") else _yaml_rows(source, name)
            self.rules[name] = RuleTable(name=name, rows=rows, digest=self.digests[name])
        return self.rules[name]

    def line_of_row(self, name: str, row: int) -> int:
        """Return the line (from 1) at which a row of a table begins."""
        lines = self._lines[name]
        return lines[row] if row < len(lines) else 1

    def schema(self, name: str) -> dict[str, Any]:
        """Read a JSON Schema. Raises `OSError` or `ValueError`."""
        if name not in self.schemas:
            self.schemas[name] = msgspec.json.decode(self.source(name), type=dict[str, Any])
        return self.schemas[name]

    @property
    def policy_digests(self) -> dict[str, str]:
        """The digests of the files that are neither decision tables nor schemas of answers."""
        return {name: found for name, found in self.digests.items() if name not in self.rules and name not in self.schemas}

    def note(self, name: str) -> Path:
        """Return the path of a file that somebody else will read."""
        path = self._folder / name
        self._watch.note(path)
        return path

    def source(self, name: str) -> str:
        """Return the text of a file; its digest becomes part of the snapshot's name. Raises `OSError` or `ValueError`."""
        source = self.note(name).read_text(encoding="utf-8-sig")
        self.digests[name] = hashlib.sha256(source.encode()).hexdigest()[:DIGITS]
        return source


Rows = tuple[tuple[Mapping[str, str], ...], list[int]]
_Tell = Callable[..., None]  # line, path, says=…, remedy=…


def _csv_rows(source: str, file: str) -> Rows:
    mistakes: list[Mistake] = []
    rows: list[Mapping[str, str]] = []
    lines: list[int] = []

    def tell(line: int, path: str, *, says: str, remedy: str) -> None:
        mistakes.append(Mistake(file=file, path=path, line=line, says=says, remedy=remedy))

    reader = csv.reader(io.StringIO(source), skipinitialspace=True, strict=True)
    try:
        header = [name.strip() for name in next(reader, list[str]())]
        _check_header(header, tell)
        before = reader.line_num
        for cells in reader:
            line, before = before + 1, reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) > len(header):
                tell(line, f"rows[{len(rows)}]", says="this row has more cells than the header.", remedy="Put a cell that holds a comma in quotes.")
            rows.append({name: cell.strip() for name, cell in zip(header, [*cells, *[""] * len(header)], strict=False)})
            lines.append(line)
    except csv.Error as error:
        tell(reader.line_num, "", says=f"this is not CSV: {error}.", remedy="Correct the line.")
    if mistakes:
        raise SettingsInvalid(mistakes)
    return tuple(rows), lines


def _check_header(header: list[str], tell: _Tell) -> None:
    if not header:
        tell(1, "", says="the file is empty.", remedy="Begin it with a header, such as `name,when,then,answer`.")
    for index, name in enumerate(header):
        if not name:
            tell(1, "", says=f"column {index + 1} has no name.", remedy="Name it, or leave it out.")
        elif name in header[:index]:
            tell(1, name, says="this column stands here twice.", remedy="Keep one of them.")


def _yaml_rows(source: str, file: str) -> Rows:
    text = compose(source, file)
    mistakes = list(text.mistakes)
    rows: list[Mapping[str, str]] = []
    told = text.values.get("rows")
    mistakes.extend(
        _mistake(text, (name,), says="a decision table holds nothing beside `rows`.", remedy="Leave it out.") for name in text.values if name != "rows"
    )
    if not isinstance(told, list):
        mistakes.append(_mistake(text, _ROWS, says="a decision table needs `rows`, a list of mappings.", remedy="Add `rows:`."))
        told = []
    for index, row in enumerate(cast("list[object]", told)):
        if isinstance(row, dict):
            rows.append({name: _cell(text, (*_ROWS, index, name), value=value, mistakes=mistakes) for name, value in cast("dict[str, object]", row).items()})
        else:
            mistakes.append(_mistake(text, (*_ROWS, index), says="a row is a mapping of columns to cells.", remedy="Write `- then: answer` and so on."))
    if mistakes:
        raise SettingsInvalid(mistakes)
    return tuple(rows), [text.line((*_ROWS, index)) for index in range(len(rows))]


def _cell(text: Text, path: Where, *, value: object, mistakes: list[Mistake]) -> str:
    """Return a cell as it was written: `1.0` and `true` are expressions too, and must not become Python's words for them."""
    if isinstance(value, dict | list):
        mistakes.append(_mistake(text, path, says="a cell is a text.", remedy="Put it in quotes."))
        return ""
    return "" if value is None else text.written[path].strip()


def _mistake(text: Text, path: Where, *, says: str, remedy: str) -> Mistake:
    return Mistake(file=text.file, path=dotted(path), line=text.line(path), says=says, remedy=remedy)
