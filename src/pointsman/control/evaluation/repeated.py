"""
Evaluations of several draws as one: means, with the least and the most of them as bounds. A number that one of them lacks has no mean.
"""

from collections.abc import Callable, Hashable, Sequence
from statistics import fmean
from typing import TypeVar

import msgspec

from pointsman.control.evaluation.beforehand import Beforehand
from pointsman.control.evaluation.figures import Figure, LineFigures, PairFigures
from pointsman.control.evaluation.report import Report, Single

T = TypeVar("T")


def several(reports: Sequence[Report]) -> Report:
    """Return the mean of evaluations. What only some of them have is left out; the ends, and what is counted, are those of the first."""
    return msgspec.structs.replace(
        reports[0],
        singles=[_single(group) for group in _groups([one.singles for one in reports], key=lambda single: single.model)],
        lines=[_line(group) for group in _groups([one.lines for one in reports], key=lambda line: line.name)],
        pair=[_pair(group) for group in _groups([one.pair for one in reports], key=lambda line: line.name)],
        beforehand=[_fixed(group) for group in _groups([one.beforehand for one in reports], key=lambda fixed: (fixed.line, fixed.level))],
    )


def mean(figures: Sequence[Figure]) -> Figure:
    """Return the mean of numbers with the least and the most of them."""
    values = [one.value for one in figures if one.value is not None]
    if len(values) < len(figures):
        return Figure(value=None, low=min(values, default=None))
    return Figure(value=round(fmean(values), 6), low=min(values), high=max(values))


def _groups(several: Sequence[Sequence[T]], *, key: Callable[[T], Hashable]) -> list[list[T]]:
    """Return what each of the evaluations has under one name, in the order of the first."""
    known = [{key(one): one for one in each} for each in several]
    return [[each[name] for each in known] for name in known[0] if all(name in each for each in known)]


def _single(group: Sequence[Single]) -> Single:
    return Single(
        model=group[0].model,
        quality=fmean(one.quality for one in group),
        cost=fmean(one.cost for one in group),
        expected=fmean(one.expected for one in group),
    )


def _line(group: Sequence[LineFigures]) -> LineFigures:
    return LineFigures(
        name=group[0].name,
        aiq=mean([one.aiq for one in group]),
        peak=mean([one.peak for one in group]),
        cost_at={level: mean([one.cost_at[level] for one in group]) for level in group[0].cost_at},
    )


def _pair(group: Sequence[PairFigures]) -> PairFigures:
    return PairFigures(
        name=group[0].name,
        apgr=mean([one.apgr for one in group]),
        cpt={level: mean([one.cpt[level] for one in group]) for level in group[0].cpt},
        curve=[],
    )


def _fixed(group: Sequence[Beforehand]) -> Beforehand:
    return Beforehand(
        line=group[0].line,
        level=group[0].level,
        price=None,
        quality=mean([one.quality for one in group]),
        cost=mean([one.cost for one in group]),
    )
