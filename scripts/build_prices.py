"""
Compile the price catalogue of `genai-prices` (MIT) into one small JSON file (ADR 0004).

Only what a token ledger needs is kept: how a model is recognised, and its prices per million text tokens in integer nano-dollars, with
tiers and dates. Shape: {"version", "providers": {id: {"fallback": [id…], "models": [[id, match, [[when, rates, tiers, request]…]]…]}}}.
"""

import json
import sys
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

from genai_prices.data import providers

_KEYS = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")
_CLAUSES = {"equals": "=", "starts_with": "^", "ends_with": "$", "contains": "~", "regex": "re"}


def build(output: Path) -> None:
    """Write the catalogue to `output`."""
    catalogue = {
        "version": version("genai-prices"),
        "providers": {p.id: {"fallback": p.fallback_model_providers or [], "models": [_model(m) for m in p.models]} for p in providers},
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(catalogue, separators=(",", ":")), encoding="utf-8")


def _model(model: Any) -> list[Any]:
    # A model without a price of text tokens stays in: it must be found, or a looser clause further down would price it as another.
    conditional = model.prices if isinstance(model.prices, list) else None
    rows = [_row(c.constraint, c.prices) for c in conditional] if conditional else [_row(None, model.prices)]
    return [model.id, _match(model.match), rows]


def _row(constraint: Any, prices: Any) -> list[Any]:
    values = [getattr(prices, key) for key in _KEYS]
    starts = sorted({tier.start for value in values if hasattr(value, "tiers") for tier in value.tiers})
    per_request = getattr(prices, "requests_kcount")  # noqa: B009 - the registry answers, not an attribute
    return [
        _when(constraint),
        [_at(value, 0) for value in values],
        [[start + 1, [_at(value, start + 1) for value in values]] for start in starts],
        0 if per_request is None else _nano(per_request) // 1000,
    ]


def _at(value: Any, tokens: int) -> int | None:
    if value is None:
        return None
    if not hasattr(value, "tiers"):
        return _nano(value)
    applies = [tier.price for tier in value.tiers if tokens > tier.start]
    return _nano(applies[-1] if applies else value.base)


def _nano(usd: Decimal) -> int:
    return int((usd * 10**9).to_integral_value())


def _when(constraint: Any) -> list[Any] | None:
    if constraint is None:
        return None
    if hasattr(constraint, "start_date"):
        return ["date", constraint.start_date.isoformat()]
    return ["time", _seconds(constraint.start_time), _seconds(constraint.end_time)]


def _seconds(moment: Any) -> int:
    offset = moment.utcoffset()
    shift = 0 if offset is None else int(offset.total_seconds())
    return (moment.hour * 3600 + moment.minute * 60 + moment.second - shift) % 86400


def _match(clause: Any) -> list[Any]:
    for name, sign in (("or_", "|"), ("and_", "&")):
        if hasattr(clause, name):
            return [sign, *(_match(part) for part in getattr(clause, name))]
    for name, sign in _CLAUSES.items():
        if hasattr(clause, name):
            value = getattr(clause, name)
            if sign == "re":
                return [sign, value if isinstance(value, str) else value.pattern]
            return [sign, value.lower()]  # names are compared in lower case
    raise TypeError(f"a clause of an unknown kind: {clause!r}")


if __name__ == "__main__":
    build(Path(sys.argv[1]))
