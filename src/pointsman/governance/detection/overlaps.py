"""
Which findings stay where several stand in the same place: the strictest class, then the longer, then the surer.

What a finding loses to a stricter one is cut off; what is left of it stays, so that no character that anybody found is uncovered.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from pointsman.governance.detection.kinds import REGIONS, rank_of
from pointsman.governance.finding import Finding


def settled(findings: Iterable[Finding], text: str) -> tuple[Finding, ...]:
    """Return findings in their order in the text. Values do not overlap each other; regions (`kinds.REGIONS`) are all kept, joined where they touch."""
    regions: list[Finding] = []
    values: list[Finding] = []
    for finding in findings:
        (regions if finding.kind in REGIONS else values).append(finding)
    kept = [one for cluster in _clusters(values) for one in (_parted(cluster, text) if len(cluster) > 1 else cluster)]
    return tuple(sorted([*_joined(regions), *kept], key=_place))


def _place(finding: Finding) -> tuple[int, int]:
    return finding.start, finding.end


def _strictest_first(finding: Finding) -> tuple[int, int, float, int, str]:
    return rank_of(finding.data_class), finding.start - finding.end, -finding.score, finding.start, finding.kind


def _clusters(values: list[Finding]) -> Iterator[list[Finding]]:
    """Yield the findings that overlap directly or through others, which nearly always is one."""
    cluster: list[Finding] = []
    reached = 0
    for finding in sorted(values, key=_place):
        if finding.start >= reached and cluster:
            yield cluster
            cluster = []
        cluster.append(finding)
        reached = max(reached, finding.end)
    if cluster:
        yield cluster


def _parted(values: list[Finding], text: str) -> list[Finding]:
    kept: list[Finding] = []
    taken: list[tuple[int, int]] = []  # in order, without overlaps
    for finding in sorted(values, key=_strictest_first):
        free = list(_free(taken, finding.start, end=finding.end))
        for start, end in free:
            if (start, end) == (finding.start, finding.end):
                kept.append(finding)
            elif any(map(str.isalnum, text[start:end])):
                kept.append(replace(finding, start=start, end=end))
            else:
                continue
            insort(taken, (start, end))
    return kept


def _free(taken: list[tuple[int, int]], start: int, *, end: int) -> Iterator[tuple[int, int]]:
    """Yield what of a stretch nothing has taken yet."""
    at = max(0, bisect_left(taken, (start, start)) - 1)
    while start < end and at < len(taken) and taken[at][0] < end:
        left, right = taken[at]
        if start < left:
            yield start, left
        start = max(start, right)
        at += 1
    if start < end:
        yield start, end


def _joined(regions: list[Finding]) -> list[Finding]:
    joined: list[Finding] = []
    latest: dict[tuple[str, str, str], int] = {}
    for finding in sorted(regions, key=_place):
        who = (finding.kind, finding.data_class, finding.detector)
        at = latest.get(who)
        if at is not None and finding.start <= joined[at].end:
            joined[at] = replace(joined[at], end=max(joined[at].end, finding.end), score=max(joined[at].score, finding.score))
        else:
            latest[who] = len(joined)
            joined.append(finding)
    return joined
