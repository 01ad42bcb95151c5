"""
What a good configuration may still surprise with: vendors that close or stay closed, claims that were given up, findings that are let pass.

`pointsman check` and `pointsman policy check` tell the same.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from pointsman.cli.configuration import now_ms
from pointsman.cli.options import warn
from pointsman.core.target import Target
from pointsman.governance.policy.levels import is_lapsed, lapses_soon, review_of
from pointsman.governance.policy.zones import CONTRACTED, PUBLIC_API
from pointsman.settings.load import Settings

# Where the template lets personal data go only if the region is known.
_AWAY: Final = frozenset({PUBLIC_API, CONTRACTED})


class Surprises(Struct, frozen=True, kw_only=True):
    """
    Vendor → day (UTC) of the review that lapsed, or lapses within 30 days; vendors without a region; claims that were given up; capability → kinds of
    findings that it lets pass.
    """

    lapsed: dict[str, str]
    lapses_soon: dict[str, str]
    without_region: list[str]
    waived: list[str]
    ignored_findings: dict[str, list[str]]


def surprises(settings: Settings) -> Surprises:
    """Return what may surprise in a configuration, by this machine's clock."""
    now_s, snapshot = now_ms() / 1000, settings.snapshot
    targets = snapshot.targets.values()
    by_template = settings.file.policy.template == "default"
    unplaced = {vendor.name for target in targets if (vendor := target.vendor) is not None and vendor.zone in _AWAY and vendor.region is None}
    return Surprises(
        lapsed={name: day for target, name, day in _reviews(settings) if is_lapsed(target, now_s)},
        lapses_soon={name: day for target, name, day in _reviews(settings) if lapses_soon(target, now_s)},
        without_region=sorted(unplaced) if by_template else [],
        waived=sorted(settings.policy.waived),
        ignored_findings={name: sorted(one.unheeded) for name, one in snapshot.capabilities.items() if one.unheeded},
    )


def tell_surprises(found: Surprises) -> None:
    """Warn of each."""
    for name in found.waived:
        warn(f"the claim `{name}` is given up under `policy.waive`.")
    for vendor, day in found.lapsed.items():
        warn(f"the review of `{vendor}` lapsed on {day}, so nothing is sent there. Review it and set `next_review`.")
    for vendor, day in found.lapses_soon.items():
        warn(f"the review of `{vendor}` lapses on {day}; from then on nothing is sent there. Review it and set `next_review`.")
    for vendor in found.without_region:
        warn(f"it is not known where `{vendor}` processes data, so personal data does not go there. Set its `region`.")
    for capability, kinds in found.ignored_findings.items():
        warn(f"`{capability}` lets pass what is found of {', '.join(f'`{kind}`' for kind in kinds)}.")


def _reviews(settings: Settings) -> Iterator[tuple[Target, str, str]]:
    for target in settings.snapshot.targets.values():
        review = review_of(target)
        if target.vendor is not None and review is not None:
            yield target, target.vendor.name, datetime.fromtimestamp(review, UTC).date().isoformat()
