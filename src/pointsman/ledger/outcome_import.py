"""
Outcomes in a table: rows of a CSV file → what an application would tell. Every row is read on its own; a bad one is told with its line.
"""

import csv
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec
from msgspec import Struct

from pointsman.core.errors import BadRequest

FIELDS: Final = (
    "unit",
    "kind",
    "success",
    "id",
    "workflow",
    "capability",
    "value_usd",
    "at",
    "at_ms",
    "source",
    "supersedes",
    "reversed",
    "human_minutes",
    "queue",
)
_NEEDED: Final = ("unit", "kind")
_TRUTHS: Final[Mapping[str, bool]] = {"true": True, "yes": True, "y": True, "1": True, "false": False, "no": False, "n": False, "0": False}
_MONEY: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,12})?")
_MINUTES: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_MS: Final = re.compile(r"[0-9]{1,15}")


class Row(Struct, frozen=True, kw_only=True):
    """One row. `told` are the fields as `POST /v1/outcomes` reads them; where the row is bad it is empty and `says` tells why, with the remedy."""

    line: int
    told: Mapping[str, object] = {}
    says: str = ""


def rows_of(lines: Iterable[str], *, columns: Mapping[str, str], constants: Mapping[str, str]) -> Iterator[Row]:
    """
    Read rows one by one. `columns` names the column for a field whose own name it has not; `constants` are values for every row.

    A row without an id gets one that follows from what it says, so that a file may be imported again. Raises `BadRequest` for a file whose header lacks a
    column that is needed or named.
    """
    reader = csv.reader(lines, strict=True)
    try:
        first: list[str] = next(reader)
    except (StopIteration, csv.Error) as error:
        raise BadRequest("The file has no header. Write the names of its columns into its first line.") from error
    header = [name.strip() for name in first]
    places = _places(header, columns=columns, constants=constants)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(line=reader.line_num, says=f"the row cannot be read ({error}). Quote it as CSV asks for.")
            continue
        if not cells:
            continue
        if len(cells) != len(header):
            yield Row(line=reader.line_num, says=f"the row has {len(cells)} fields, the header {len(header)}. Quote what holds commas.")
            continue
        texts = {**constants, **{field: cells[place].strip() for field, place in places.items()}}
        try:
            yield Row(line=reader.line_num, told=_told({field: text for field, text in texts.items() if text}))
        except BadRequest as error:
            yield Row(line=reader.line_num, says=error.message)


def _places(header: list[str], *, columns: Mapping[str, str], constants: Mapping[str, str]) -> dict[str, int]:
    there = ", ".join(f"`{name[:40]}`" for name in header[:20]) or "none"
    for field in (*columns, *constants):
        if field not in FIELDS:
            raise BadRequest(f"There is no field `{field[:40]}`. Use {', '.join(f'`{one}`' for one in FIELDS)}.", field=field)
    places: dict[str, int] = {}
    for field in FIELDS:
        name = columns.get(field, field)
        if name in header:
            places[field] = header.index(name)
        elif field in columns:
            raise BadRequest(f"The file has no column `{name[:40]}`. It has {there}.", field=field)
        elif field in _NEEDED and field not in constants:
            raise BadRequest(f"The file has no column `{field}`. It has {there}: name one with `--map {field}=COLUMN`.", field=field)
    return places


def _told(texts: Mapping[str, str]) -> Mapping[str, object]:
    for field in _NEEDED:
        if field not in texts:
            raise BadRequest(f"`{field}` is empty. Fill it.", field=field)
    told: dict[str, object] = dict(texts)
    for field in ("success", "reversed"):
        if field in texts:
            told[field] = _truth(texts[field], field=field)
    if "at" in texts:
        told["at_ms"] = _moment_ms(str(told.pop("at")))
    elif "at_ms" in texts:
        told["at_ms"] = int(_matching(texts["at_ms"], _MS, field="at_ms", what="Unix milliseconds"))
    if "value_usd" in texts:
        told["value_usd"] = _matching(texts["value_usd"].removeprefix("$"), _MONEY, field="value_usd", what="a number of US dollars, such as 12.50")
    if "human_minutes" in texts:
        told["human_minutes"] = float(_matching(texts["human_minutes"], _MINUTES, field="human_minutes", what="a number of minutes"))
    return told if "id" in told else {**told, "id": _id_of(told)}


def _truth(text: str, *, field: str) -> bool:
    found = _TRUTHS.get(text.lower())
    if found is None:
        raise BadRequest(f"`{field}` is `{text[:40]}`. Write `true` or `false`.", field=field)
    return found


def _moment_ms(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadRequest(f"`at` is `{text[:40]}`. Write a time like 2027-01-31T12:00:00Z (UTC without a zone).", field="at") from error
    return round((moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _matching(text: str, form: re.Pattern[str], *, field: str, what: str) -> str:
    if not form.fullmatch(text):
        raise BadRequest(f"`{field}` is `{text[:40]}`. Write {what}.", field=field)
    return text


def _id_of(told: Mapping[str, object]) -> str:
    said = msgspec.json.encode(sorted(told.items()))
    return f"csv-{hashlib.sha256(said).hexdigest()[:32]}"
