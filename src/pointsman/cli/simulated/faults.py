"""
The faults that the simulated vendor can be asked for: their names, and which request meets which.

A fault stands behind the model's name (`sim-small!status_503`, `sim-small!trickle:0.01`) or is set for the next requests by
`POST /simulated/faults`. How each looks on the wire is in `wire`.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

# Name → the usual amount: seconds, pieces, bytes, or nothing.
AMOUNTS: Final = MappingProxyType(
    {
        "status_400": 0.0,
        "status_401": 0.0,
        "status_403": 0.0,
        "status_404": 0.0,
        "status_429": 2.0,  # seconds in `Retry-After`
        "status_500": 0.0,
        "status_503": 0.0,
        "status_529": 0.0,
        "context_length": 0.0,
        "refuse_request": 0.0,
        "refuse_content": 0.0,
        "slow_first_byte": 30.0,  # seconds
        "stall": 3.0,  # pieces before it
        "cut_before_first_chunk": 0.0,
        "cut_after_chunks": 3.0,  # pieces before it
        "no_end_mark": 0.0,
        "error_event": 3.0,  # pieces before it
        "malformed_json": 0.0,
        "html_page": 0.0,
        "empty_body": 0.0,
        "redirect": 0.0,
        "huge_body": 128.0 * 1024 * 1024,  # bytes
        "trickle": 0.05,  # seconds between two bytes
    }
)
EVERY_MODEL: Final = "*"


class UnknownFault(Exception):
    """There is no such fault."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault and its amount."""

    name: str
    amount: float


def fault_of(told: str) -> Fault:
    """Read `name` or `name:amount`. Raises `UnknownFault`."""
    name, mark, amount = told.partition(":")
    if name not in AMOUNTS:
        raise UnknownFault(f"There is no fault `{name[:60]}`. Known: {', '.join(AMOUNTS)}.")
    try:
        return Fault(name, float(amount) if mark else AMOUNTS[name])
    except ValueError:
        raise UnknownFault(f"The amount of the fault `{name}` must be a number. Write `{name}:{AMOUNTS[name]:g}`.") from None


class Faults:
    """The faults that wait for coming requests, by model."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[Fault, int | None]] = {}

    def set(self, model: str, fault: Fault, *, count: int | None) -> None:
        """Let the next `count` requests to a model meet a fault; None means until it is cleared."""
        self._waiting[model] = (fault, count)

    def clear(self, model: str | None) -> None:
        """Forget the fault of a model, or all."""
        if model is None:
            self._waiting.clear()
        else:
            self._waiting.pop(model, None)

    def take(self, model: str) -> Fault | None:
        """Return the fault that this request meets."""
        name = model if model in self._waiting else EVERY_MODEL
        if name not in self._waiting:
            return None
        fault, left = self._waiting[name]
        if left is not None and left <= 1:
            del self._waiting[name]
        elif left is not None:
            self._waiting[name] = (fault, left - 1)
        return fault

    def listed(self) -> list[dict[str, object]]:
        """Return what is waiting."""
        return [{"model": model, "fault": fault.name, "amount": fault.amount, "count": left} for model, (fault, left) in self._waiting.items()]
