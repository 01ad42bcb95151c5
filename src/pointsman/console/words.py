"""
How values read on a page: money, counts, shares, times and changes. Pure functions; unknown is a dash, never a zero.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from markupsafe import Markup

from pointsman.core.money import NANO_PER_USD, dollars

NONE: Final = "–"  # noqa: RUF001 - a dash is meant
_MS: Final = 1000
_MINUTE_S: Final = 60
_HOUR_S: Final = 3600
_DAY_S: Final = 86_400
_STEADY: Final = 0.005  # a change by less reads as none
_SMALL: Final = 1000
_THOUSAND: Final = 10_000
_MILLION: Final = 1_000_000


def money(nano_usd: float | None) -> str:
    """Return an amount: whole dollars from a thousand on, cents from a dollar on, two digits that count below."""
    if nano_usd is None:
        return NONE
    amount = round(nano_usd)
    size = abs(amount)
    if size >= 1000 * NANO_PER_USD:
        return f"{'-' if amount < 0 else ''}${round(size / NANO_PER_USD):,}"
    if size >= NANO_PER_USD or amount == 0:
        return dollars(round(amount, -7)).replace("$-", "-$")
    digits = len(str(size))
    return dollars(round(amount, -(digits - 2)) if digits > 2 else amount).replace("$-", "-$")  # noqa: PLR2004 - two digits that count


def count(number: float | None) -> str:
    """Return a number with its thousands set apart."""
    return NONE if number is None else f"{round(number):,}"


def short(number: float | None) -> str:
    """Return a number that fits a card, such as `12.4k` or `3.1M`."""
    if number is None or abs(number) < _THOUSAND:
        return count(number)
    return f"{number / _SMALL:.1f}k" if abs(number) < _MILLION else f"{number / _MILLION:.1f}M"


def percent(share: float | None, digits: int = 0) -> str:
    """Return a share of 0 to 1 in percent. What is not all never reads as all, and what is not nothing never as nothing."""
    if share is None:
        return NONE
    told = f"{share * 100:.{digits}f}"
    if 0 < share < 1 and told in {f"{0:.{digits}f}", f"{100:.{digits}f}"}:
        return "<1%" if share < 0.5 else f"{int(share * 1000) / 10}%"  # noqa: PLR2004 - the half
    return f"{told}%"


def times(value: float | None) -> str:
    """Return a ratio such as `2.4×`."""
    return NONE if value is None else f"{value:.1f}×"  # noqa: RUF001 - the sign is meant


def took(milliseconds: float | None) -> str:
    """Return a time that people read at a glance, such as `340 ms`, `1.2 s` or `3 min`."""
    if milliseconds is None:
        return NONE
    if milliseconds == 0:
        return "0 ms"
    if milliseconds < _MS:
        return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.1f} ms"  # noqa: PLR2004 - a second digit that counts
    seconds = milliseconds / _MS
    return f"{seconds:.1f} s" if seconds < _MINUTE_S else lasting(milliseconds)


def lasting(milliseconds: float) -> str:
    """Return a span in its greatest whole unit, such as `15 min`, `3 h` or `7 days`."""
    seconds = milliseconds / _MS
    for size, name in ((_DAY_S, "day"), (_HOUR_S, "h"), (_MINUTE_S, "min"), (1, "s")):
        if seconds >= size:
            whole = int(seconds // size)
            return f"{whole} {name}{'s' if name == 'day' and whole > 1 else ''}"
    return "0 s"


def change(now: float | None, before: float | None) -> float | None:
    """Return by which share a value differs from the one before; None where either is unknown or there was nothing."""
    return None if now is None or not before else now / before - 1


def told_change(share: float | None) -> str:
    """Return a change such as `+12%`, `-3%` or `steady`."""
    if share is None:
        return NONE
    if abs(share) < _STEADY:
        return "steady"
    sign = "+" if share > 0 else "−"  # noqa: RUF001 - a minus is meant
    return f"{sign}{max(abs(share) * 100, 1):,.0f}%"


def moment(at_ms: int | None, form: str = "%d %b %Y, %H:%M") -> Markup:
    """Return a time as HTML: UTC in the text, and exact for the script that shows it in the reader's own zone, with seconds where `form` has them."""
    if at_ms is None:
        return Markup(NONE)  # noqa: S704 - our own dash
    at = datetime.fromtimestamp(at_ms / _MS, UTC)
    exact = Markup(" data-exact") if "%S" in form else Markup("")
    return Markup('<time datetime="{}"{}>{} UTC</time>').format(at.isoformat(timespec="milliseconds"), exact, at.strftime(form))


def step(at_ms: int, width_ms: int) -> str:
    """Return the name of a chart's step: a day, or a day and an hour (UTC)."""
    at = datetime.fromtimestamp(at_ms / _MS, UTC)
    return at.strftime("%d %b") if width_ms >= _DAY_S * _MS else at.strftime("%d %b %H:%M")


def ago(at_ms: int | None, now_ms: int) -> str:
    """Return how long ago something was, such as `5 min ago`."""
    return NONE if at_ms is None else f"{lasting(now_ms - at_ms)} ago" if now_ms - at_ms >= _MINUTE_S * _MS else "just now"


def plural(number: int, one: str, *, many: str = "") -> str:
    """Return a number with its word, such as `1 call` or `3 calls`."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "money": money,
    "count": count,
    "short": short,
    "percent": percent,
    "times": times,
    "took": took,
    "lasting": lasting,
    "told_change": told_change,
    "moment": moment,
    "step": step,
    "ago": ago,
    "plural": plural,
}
