"""
What a cell of a table says: text, a score, a cost. What is wrong with it is said with its column and a remedy.
"""

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

_TRUE: Final = frozenset({"true", "yes", "correct"})
_FALSE: Final = frozenset({"false", "no", "incorrect"})
_EMPTY: Final = frozenset({"", "nan", "null", "none", "na", "n/a"})
_AS_THEY_ARE: Final = frozenset({"prompt", "answer"})
_MOST_SHOWN: Final = 40

Cells = Mapping[str, Any]


class BadCell(ValueError):
    """A cell cannot be read as what its column should hold. `says` begins with a verb and ends with the remedy."""

    def __init__(self, column: str, says: str) -> None:
        super().__init__(f"`{column}`: {says}")
        self.column = column
        self.says = says


def text_of(cells: Cells, field: str, *, is_needed: bool = True) -> str:
    """Return a cell as text that can be kept: half of a surrogate pair is replaced."""
    value = cells.get(field)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        value = ""
    if not isinstance(value, str):
        if not isinstance(value, int | float | Decimal):
            raise BadCell(field, f"is {type(value).__name__}, not text. Write it as text.")
        value = str(value)
    if field not in _AS_THEY_ARE:
        value = value.strip()
    if is_needed and not value.strip():
        raise BadCell(field, "is empty. Fill it or leave the row out.")
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


def score_of(value: object) -> float | None:
    """Return a score in 0..1, or None where there is none."""
    number = _number(value, field="score")
    if number is None:
        return None
    if not 0.0 <= number <= 1.0:
        raise BadCell("score", f"is {number:g}. A score is between 0 and 1: divide it by its highest value.")
    return number


def cost_of(value: object) -> float | None:
    """Return a cost, or None where it is unknown."""
    number = _number(value, field="cost")
    if number is not None and (number < 0 or math.isinf(number)):
        raise BadCell("cost", f"is {number:g}. A cost is at least 0; leave it empty where it is unknown.")
    return number


def _number(value: object, *, field: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, str):
        told = value.strip().lower()
        if told in _EMPTY:
            return None
        if told in _TRUE | _FALSE:
            return float(told in _TRUE)
        value = told.removeprefix("$")
    if not isinstance(value, str | int | float | Decimal):
        raise BadCell(field, f"is {type(value).__name__}, not a number. Write a number.")
    try:
        number = float(value)
    except ValueError:
        raise BadCell(field, f"is `{str(value)[:_MOST_SHOWN]}`, not a number. Write a number with a decimal point.") from None
    return None if math.isnan(number) else number
