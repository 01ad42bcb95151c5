"""
What limits a label beside rules: its level, its regions, its purposes, its time, and the review of vendors. Each is a mask over targets.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar

from pointsman.core.capability import Capability
from pointsman.core.label import Label, Level
from pointsman.core.target import Target

DAY_S: Final = 86_400
WARNING_S: Final = 30 * DAY_S
_Value = TypeVar("_Value")
_STRICTEST: Final = Level.RESTRICTED


def closure(label: Label, levels: Mapping[str, Level], *, derived: Iterable[tuple[frozenset[str], str]]) -> Label:
    """Return the label with the classes that follow from those it has, at the level of the strictest. A class without a level counts as the strictest."""
    classes = label.classes
    rules = tuple(derived)
    while more := frozenset(follows for meet, follows in rules if meet <= classes) - classes:
        classes |= more
    level = max((levels.get(name, _STRICTEST) for name in classes), default=_STRICTEST)
    if classes == label.classes and level <= label.level:
        return label
    return Label(
        classes=classes,
        level=max(level, label.level),
        integrity=label.integrity,
        residency=label.residency,
        purposes=label.purposes,
        keep_at_least_s=label.keep_at_least_s,
        keep_at_most_s=label.keep_at_most_s,
        sources=label.sources,
    )


def is_region_right(label: Label, target: Target) -> bool:
    """Tell whether the data may be in the region of the target. Where regions are named, an unknown one is wrong."""
    return label.residency is None or (target.vendor is not None and target.vendor.region in label.residency)


def is_purpose_right(label: Label, capability: Capability) -> bool:
    """Tell whether the data may be used for what the capability is for."""
    return label.purposes is None or (capability.purpose or "") in label.purposes


def may_serve(target: Target, capability: Capability) -> bool:
    """Tell whether the vendor of the target may be used for what the capability is for."""
    purposes = None if target.vendor is None else target.vendor.terms.purposes
    return purposes is None or (capability.purpose or "") in purposes


def forgets_in_time(label: Label, target: Target) -> bool:
    """Tell whether the vendor keeps data no longer than it may be kept. Where that is limited, an unknown time is too long."""
    if label.keep_at_most_s is None or target.vendor is None:
        return True
    days = target.vendor.terms.retention_days
    return days is not None and days * DAY_S <= label.keep_at_most_s


def accepts(label: Label, target: Target) -> bool:
    """Tell whether the owner of the target lets data of this level go there."""
    return target.accepts >= label.level


def review_of(target: Target) -> float | None:
    """Return when the review of the target's vendor lapses, in Unix seconds; None if it has no date."""
    return None if target.vendor is None else target.vendor.terms.next_review_s


def is_lapsed(target: Target, now_s: float) -> bool:
    """Tell whether the vendor is closed because nobody reviewed it in time."""
    review = review_of(target)
    return review is not None and review <= now_s


def lapses_soon(target: Target, now_s: float) -> bool:
    """Tell whether the vendor will be closed within 30 days."""
    review = review_of(target)
    return review is not None and now_s < review <= now_s + WARNING_S


class Limits:
    """The limits of all targets, as masks, at one time."""

    def __init__(self, targets: Iterable[Target]) -> None:
        self._targets = tuple(targets)
        self._accepting = {level: self.where(lambda target, level=level: target.accepts >= level) for level in Level}
        self._regions = _by(self._targets, lambda target: [target.vendor.region] if target.vendor is not None else [])
        self._purposes = _by(self._targets, lambda target: (target.vendor.terms.purposes or ()) if target.vendor is not None else ())
        self._any_purpose = self.where(lambda target: target.vendor is None or target.vendor.terms.purposes is None)
        self._days = _by(self._targets, lambda target: [target.vendor.terms.retention_days] if target.vendor is not None else [])
        self._reviews = sorted({review for target in self._targets if (review := review_of(target)) is not None})
        self._from_s = self._until_s = 0.0  # the time for which `open` is right
        self.open = 0

    def where(self, fits: Callable[[Target], bool]) -> int:
        """Return the targets that fit."""
        return sum(1 << target.bit for target in self._targets if fits(target))

    def turn_to(self, now_s: float) -> bool:
        """Close the vendors whose review has lapsed by now; tell whether anything can be different."""
        if self._from_s <= now_s < self._until_s:
            return False
        at = bisect_right(self._reviews, now_s)
        self._from_s = self._reviews[at - 1] if at else -math.inf
        self._until_s = self._reviews[at] if at < len(self._reviews) else math.inf
        self.open = self.where(lambda target: not is_lapsed(target, now_s))
        return True

    def mask(self, label: Label, capability: Capability) -> int:
        """Return the targets that the label's limits leave open at any time, whatever the rules say."""
        if label.level > capability.ceiling or not is_purpose_right(label, capability):
            return 0
        mask = self._accepting[label.level] & (self._any_purpose | self._purposes.get(capability.purpose or "", 0))
        if label.residency is not None:
            mask &= sum(self._regions.get(region, 0) for region in label.residency)
        if label.keep_at_most_s is not None:
            mask &= sum(there for days, there in self._days.items() if days is not None and days * DAY_S <= label.keep_at_most_s)
        return mask


def _by(targets: Iterable[Target], values: Callable[[Target], Iterable[_Value]]) -> dict[_Value, int]:
    found: dict[_Value, int] = {}
    for target in targets:
        for value in values(target):
            found[value] = found.get(value, 0) | 1 << target.bit
    return found
