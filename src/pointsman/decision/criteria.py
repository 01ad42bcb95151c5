"""
What one call must keep to and is worth: what the owner of the capability says, and what the request may change of it.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping
from math import isfinite, nan
from types import MappingProxyType
from typing import Any, Final

from msgspec.structs import replace

from pointsman.core.capability import Capability
from pointsman.core.errors import BadRequest
from pointsman.core.money import nano
from pointsman.core.routing import Criteria
from pointsman.settings.routing import WORDS, criterion

HEADER: Final = "x-pointsman-criteria"
NONE: Final = Criteria()

_FIELDS: Final[Mapping[str, tuple[str, Callable[[float], Any]]]] = MappingProxyType(
    {
        "risk": ("risk", float),
        "value_usd": ("value_nano_usd", nano),
        "error_usd": ("error_nano_usd", nano),
        "delay_usd_per_s": ("delay_nano_usd_per_s", nano),
        "quality_floor": ("quality_floor", float),
        "confidence": ("confidence", float),
        "within_s": ("within_s", float),
        "cost_usd": ("cost_nano_usd", nano),
        "volume": ("bulk", bool),
    }
)
NAMES: Final = tuple(_FIELDS)


def criteria_for(capability: Capability, told: Mapping[str, float]) -> Criteria:
    """
    Return the criteria of a call: those of the capability, with what the request `told` (names as in the settings → numbers) in their place.

    Raises `BadRequest` for a criterion that the owner does not let a request set, or not to this.
    """
    routing = capability.routing
    owned = NONE if routing is None else routing.criteria
    if not told:
        return owned
    settable: Mapping[str, tuple[float, float]] = {} if routing is None else routing.settable
    for name, number in told.items():
        if name not in settable:
            raise BadRequest(_not_settable(capability, name, settable=settable), field=HEADER)
        least, most = settable[name]
        if not least <= number <= most:
            raise BadRequest(
                f"`{name}` is {_word(name, number)} in `{HEADER}`; `{capability.name}` takes from {_word(name, least)} to {_word(name, most)}. Keep to that.",
                field=HEADER,
            )
    return with_told(owned, told)


def with_told(owned: Criteria, told: Mapping[str, float]) -> Criteria:
    """Return criteria with what a request told in their place, which has been let in. Names that this version does not know change nothing."""
    changed: dict[str, Any] = {field: made(told[name]) for name, (field, made) in _FIELDS.items() if name in told}
    return replace(owned, **changed) if changed else owned


def read(told: str) -> Mapping[str, float]:
    """
    Return what a request told in its header, as numbers. Whether the owner lets it, and how far, is looked at where the target is chosen.

    Raises `BadRequest`.
    """
    found: dict[str, float] = {}
    for pair in told.split(","):
        name, equals, value = (part.strip().lower() for part in pair.partition("="))
        if not equals:
            raise BadRequest(f"`{HEADER}` cannot be read. Write it like `value_usd=0.5, risk=high, within_s=3`.", field=HEADER)
        if name not in NAMES:
            near = difflib.get_close_matches(name, NAMES, n=1)
            raise BadRequest(f"There is no criterion `{name[:40]}`. {f'Did you mean `{near[0]}`?' if near else f'Use some of {_listed(NAMES)}.'}", field=HEADER)
        if name in found:
            raise BadRequest(f"The criterion `{name}` is told twice. Send it once.", field=HEADER)
        found[name] = _number(name, value)
    return found


def written(told: Mapping[str, float]) -> str:
    """Return what a request told as it is written in its header."""
    return ", ".join(f"{name}={_word(name, number).strip('`')}" for name, number in told.items())


def _number(name: str, told: str) -> float:
    try:
        number = criterion(name, told)
    except ValueError:
        number = nan
    if not isfinite(number):
        what = f"one of {_listed(WORDS[name])}" if name in WORDS else "a number, such as `0.5`"
        raise BadRequest(f"`{name}` cannot be `{told[:40]}`. Write {what}.", field=HEADER)
    return number


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _not_settable(capability: Capability, name: str, *, settable: Mapping[str, tuple[float, float]]) -> str:
    may = f"It may set {_listed(settable)}" if settable else "It may set none"
    return f"A request must not set `{name[:40]}` for `{capability.name}`. {may}; its owner can add one under `routing.requests_may_set`."


def _word(name: str, number: float) -> str:
    """Return a criterion as it is written."""
    return next((f"`{word}`" for word, meant in WORDS.get(name, {}).items() if meant == number), f"{number:g}")
