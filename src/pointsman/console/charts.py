"""
Small pictures drawn on the server as SVG, with attributes only: sparklines, bars of shares, and bars of time. Nothing here needs a script.

Great charts are tables first: `console.js` draws over a table that has `data-chart`, see `macros.html`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from markupsafe import Markup

PLACES: Final = ("rules", "cache", "edge", "private", "cloud", "people", "none")
_WIDTH: Final = 120.0
_HEIGHT: Final = 32.0
_MARGIN: Final = 2.0
_FEWEST: Final = 2


def spark(values: Sequence[float | None]) -> Markup:
    """Return a line of values from left to right; nothing for fewer than two."""
    known = [value for value in values if value is not None]
    if len(known) < _FEWEST:
        return Markup("")
    low, high = min(known), max(known)
    reach = (high - low) or 1.0
    step = _WIDTH / (len(values) - 1)
    points = [
        f"{index * step:.1f},{_HEIGHT - _MARGIN - (value - low) / reach * (_HEIGHT - 2 * _MARGIN):.1f}"
        for index, value in enumerate(values)
        if value is not None
    ]
    line = " ".join(points)
    first, last = points[0].partition(",")[0], points[-1].partition(",")[0]
    return Markup(
        '<svg class="spark" viewBox="0 0 120 32" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        '<polygon class="spark-area" points="{},32 {} {},32"/><polyline class="spark-line" points="{}"/></svg>'
    ).format(first, line, last, line)


def mix(shares: Mapping[str, int]) -> Markup:
    """Return one bar of the places that calls ran in. The words beside it belong to the page."""
    total = sum(shares.values())
    if not total:
        return Markup("")
    parts: list[Markup] = []
    left = 0.0
    for place in PLACES:
        width = 100 * shares.get(place, 0) / total
        if width:
            told = Markup('<rect class="fill-{}" x="{}" y="0" width="{}" height="8"><title>{} {}%</title></rect>')
            parts.append(told.format(place, f"{left:.2f}", f"{width:.2f}", place, f"{width:.0f}"))
        left += width
    says = ", ".join(f"{place} {100 * shares[place] / total:.0f}%" for place in PLACES if shares.get(place))
    frame = Markup('<svg class="mix" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>')
    return frame.format(says, Markup("").join(parts))


def bar(share: float, kind: str = "accent") -> Markup:
    """Return a bar that is filled by a share of 0 to 1. The number beside it belongs to the page."""
    width = f"{100 * min(max(share, 0.0), 1.0):.2f}"
    return Markup(
        '<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" focusable="false"><rect class="track" width="100" height="6"/>'
        '<rect class="fill-{}" width="{}" height="6"/></svg>'
    ).format(kind, width)


def stretch(start: float, length: float, *, kind: str = "accent") -> Markup:
    """Return a bar that begins and lasts for shares of a whole, as in a waterfall of time."""
    first = min(max(start, 0.0), 1.0)
    width = max(min(length, 1.0 - first), 0.004)  # what was too short to see is seen all the same
    return Markup(
        '<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" focusable="false"><rect class="track" width="100" height="6"/>'
        '<rect class="fill-{}" x="{}" width="{}" height="6"/></svg>'
    ).format(kind, f"{100 * first:.2f}", f"{100 * width:.2f}")


def interval(low: float, middle: float, *, high: float, kind: str = "accent") -> Markup:
    """Return what is known of a share of 0 to 1: a bar from the low bound to the high one, with a mark in it. The numbers beside it belong to the page."""
    first, last = (min(max(bound, 0.0), 1.0) for bound in (low, high))
    width = max(last - first, 0.006)  # what is known exactly is seen all the same
    at = min(max(middle, 0.0), 1.0)
    return Markup(
        '<svg class="interval" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        '<rect class="track" y="4" width="100" height="2"/><rect class="reach fill-{}" x="{}" y="2" width="{}" height="6"/>'
        '<rect class="fill-{}" x="{}" width="1" height="10"/></svg>'
    ).format(kind, f"{100 * first:.2f}", f"{100 * width:.2f}", kind, f"{min(100 * at, 99):.2f}")


DRAWN: Final[Mapping[str, Callable[..., Any]]] = {"spark": spark, "mix": mix, "bar": bar, "stretch": stretch, "interval": interval}
