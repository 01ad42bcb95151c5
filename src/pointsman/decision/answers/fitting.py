"""
Learning to judge answers: from labels of one capability to the numbers of a `Verifier`.

Every choice that is made here (how strongly slopes are held, whether words count, how much trees count, how the result is straightened) is made by labels that
the judged part had not seen, in folds that keep the answers to one prompt together. Pure: chance comes from a seed.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from pointsman.decision.answers.features import BUCKETS
from pointsman.decision.answers.forest import Forest, fall, grow
from pointsman.decision.answers.learnt import Learnt, encode
from pointsman.decision.answers.logistic import Numbers, auroc, chance, odds, regress, straightened
from pointsman.decision.answers.seen import declared, read
from pointsman.decision.answers.steps import TOGETHER
from pointsman.decision.answers.verifier import CLIP, MISSING, dense

_FEWEST: Final = 20  # labels below which nothing is learned
_FEW: Final = 80  # labels below which there are no trees, and nothing is learned of what the next target makes of a prompt
_MANY: Final = 1000  # labels from which the result is straightened by a free curve
_MOST: Final = 20_000  # labels that are learned from; more are thinned out
_FOLDS: Final = 5
_HELD: Final = (10.0, 30.0, 100.0)  # how strongly slopes are held towards none
_WORDS_HELD: Final = (1.0, 5.0)  # likewise those of the words, which may be left out too
_SHIFT_HELD: Final = 0.5
_START_HELD: Final = 20.0
_PARTS_HELD: Final = 10.0
_DEFAULT: Final = (0.5, 0.25)  # what the slopes and the trees count, until labels tell
_SHRUNK: Final = 50.0  # labels that no strength is worth
_PAIRS: Final = 30.0  # pairs that the usual correlation is worth
_RARE: Final = 0.02


class Judged(Struct, frozen=True, kw_only=True):
    """
    An answer whose worth is known. `prompt` and `answer` are texts, or `features` is what `Verifier.features` once made of them.

    `prior` is the probability of a good answer that was predicted from the prompt alone, by something that had not seen this label; `evidence` is that of its
    grade; `score` in 0..1. Answers of several `target`s to one prompt share a `group`. `onward` is what the `next_target` reached on the prompt, and what was
    predicted of it; None where it was not asked.
    """

    score: float
    prior: float
    prompt: str = ""
    answer: str = ""
    evidence: Mapping[str, float] = {}
    features: bytes | None = None
    weight: float = 1.0
    target: str = ""
    group: str = ""
    onward: tuple[float, float] | None = None
    next_target: str = ""


class _Table(Struct, frozen=True, kw_only=True):
    """The labels as arrays. `inputs` (rows, columns + 1) end with a column of ones, `words` (rows, buckets) have rows of length one."""

    columns: tuple[str, ...]
    mean: Numbers
    scale: Numbers
    inputs: Numbers
    words: Numbers
    scores: Numbers
    weights: Numbers
    start: Numbers
    prior: Numbers


def fit_verifier(labels: Sequence[Judged], *, seed: int = 0) -> bytes:
    """Return what a `Verifier` is made of, learned from the labels of one capability; few labels move little, fewer than 20 nothing (`b""`)."""
    rng = np.random.default_rng(seed)
    if len(labels) > _MOST:
        labels = [labels[int(index)] for index in np.sort(rng.choice(len(labels), _MOST, replace=False))]
    if not _tell(labels, _FEWEST):
        return b""
    learnt = _learned(labels, _tabled(labels), rng=rng)
    ahead = [replace(label, score=label.onward[0], prior=label.onward[1]) for label in labels if label.onward is not None]
    if not _tell(ahead, _FEW):
        return encode(learnt)
    # What speaks against this answer says nothing of the next one until labels do.
    table = _tabled(ahead)
    onward = _learned(ahead, replace(table, start=table.prior), rng=rng)
    names = {label.next_target for label in ahead}
    return encode(replace(learnt, onward=encode(onward), next_target=names.pop() if len(names) == 1 else ""))


def _tell(labels: Sequence[Judged], least: int) -> bool:
    """Tell whether there are enough labels, good and bad ones."""
    return len(labels) >= least and len({label.score for label in labels}) >= 2  # noqa: PLR2004 good and bad


def _learned(labels: Sequence[Judged], table: _Table, *, rng: np.random.Generator) -> Learnt:
    folds = _folds(labels, rng)
    ridge, aside = _held(table, folds)
    has_trees = len(labels) >= _FEW
    trees = _trees_aside(table, folds, rng=rng) if has_trees else np.zeros(len(labels))
    blend = _blended(table, linear=aside, trees=trees, has_trees=has_trees)
    value = _put_together(blend, start=table.start, linear=aside, trees=trees)
    slopes, doubt = _linear(table, ridge)
    forest = grow(table.inputs[:, :-1], table.scores, weights=table.weights, start=table.start, rng=rng) if has_trees else None
    return _learnt(
        table,
        slopes=slopes,
        doubt=doubt,
        forest=forest,
        rest=Learnt(
            labels=float(table.weights.sum()),
            strength=_strength(value - table.prior, table),
            together=_together(labels),
            blend=blend,
            knots=straightened(value, table.scores, weights=table.weights) if len(labels) >= _MANY else (),
        ),
    )


def _tabled(labels: Sequence[Judged]) -> _Table:
    seen = [read(label.prompt, label.answer if label.features is None else label.features, evidence=label.evidence) for label in labels]
    rows = [dense(each, prior=label.prior) for each, label in zip(seen, labels, strict=True)]
    names = sorted({name for row in rows for name in row})
    share = {name: sum(name in row for row in rows) / len(rows) for name in names}
    columns = (*(name for name in names if share[name] >= _RARE), *(MISSING + name for name in names if _RARE <= share[name] <= 1 - _RARE))
    raw = np.array([[float(name[1:] not in row) if name[0] == MISSING else row.get(name, np.nan) for name in columns] for row in rows])
    mean, scale = np.nanmean(raw, axis=0), np.nanstd(raw, axis=0)
    scale = np.where(scale > 1e-6, scale, 1.0)  # noqa: PLR2004 a column that never moves
    inputs = np.clip(np.nan_to_num((raw - mean) / scale), -CLIP, CLIP)
    words = np.zeros((len(labels), BUCKETS))
    for row, each in enumerate(seen):
        for bucket, sign in each.words:
            words[row, bucket] += sign / len(each.words) ** 0.5
    prior = odds(np.array([label.prior for label in labels]))
    return _Table(
        columns=columns,
        mean=mean,
        scale=scale,
        inputs=np.hstack([inputs, np.ones((len(labels), 1))]),
        words=words,
        scores=np.array([label.score for label in labels], dtype=float),
        weights=np.array([label.weight for label in labels], dtype=float),
        start=prior + np.array([declared(each.evidence) for each in seen]),
        prior=prior,
    )


def _folds(labels: Sequence[Judged], rng: np.random.Generator) -> NDArray[np.intp]:
    """Return a fold for each label; answers to one prompt share theirs."""
    groups = {group: place for place, group in enumerate(dict.fromkeys(label.group or label.prompt or str(index) for index, label in enumerate(labels)))}
    drawn = rng.permutation(len(groups)) % _FOLDS
    return np.array([drawn[groups[label.group or label.prompt or str(index)]] for index, label in enumerate(labels)], dtype=np.intp)


def _held(table: _Table, folds: NDArray[np.intp]) -> tuple[tuple[float, float | None], Numbers]:
    """Return how strongly slopes and words are best held, and what slopes that had not seen a label say of it."""
    best: tuple[float, float | None] = (_HELD[-1], None)
    least, said = float("inf"), np.zeros(len(folds))

    def attempt(held: tuple[float, float | None]) -> None:
        nonlocal best, least, said
        aside = np.zeros(len(folds))
        for train, test in _splits(folds):
            slopes, _ = _linear(table, held, rows=train)
            aside[test] = _lined(table, held[1] is not None)[test] @ slopes
        loss = _loss(table.start + aside, table)
        if loss < least:
            best, least, said = held, loss, aside

    for dense_held in _HELD:
        attempt((dense_held, None))
    chosen = best[0]
    for words_held in _WORDS_HELD:
        attempt((chosen, words_held))
    return best, said


def _linear(table: _Table, held: tuple[float, float | None], *, rows: NDArray[np.bool_] | None = None) -> tuple[Numbers, Numbers]:
    dense_held, words_held = held
    inputs = _lined(table, words_held is not None)
    ridge = np.full(inputs.shape[1], dense_held)
    ridge[table.inputs.shape[1] - 1] = _SHIFT_HELD
    if words_held is not None:
        ridge[table.inputs.shape[1] :] = words_held
    chosen = np.ones(len(inputs), dtype=bool) if rows is None else rows
    return regress(inputs[chosen], table.scores[chosen], weights=table.weights[chosen], start=table.start[chosen], ridge=ridge)


def _lined(table: _Table, has_words: bool) -> Numbers:
    return np.hstack([table.inputs, table.words]) if has_words else table.inputs


def _trees_aside(table: _Table, folds: NDArray[np.intp], *, rng: np.random.Generator) -> Numbers:
    """Return what trees that had not seen a label say of it."""
    inputs, aside = table.inputs[:, :-1], np.zeros(len(folds))
    for train, test in _splits(folds):
        forest = grow(inputs[train], table.scores[train], weights=table.weights[train], start=table.start[train], rng=rng)
        aside[test] = fall(forest, inputs[test])
    return aside


def _splits(folds: NDArray[np.intp]) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    for fold in range(_FOLDS):
        test = folds == fold
        if test.any() and not test.all():
            yield ~test, test


def _blended(table: _Table, *, linear: Numbers, trees: Numbers, has_trees: bool) -> tuple[float, float, float, float]:
    """Return what the shift, the start, the slopes and the trees count."""
    usual = (_DEFAULT[0], _DEFAULT[1] if has_trees else 0.0)
    start = table.start + usual[0] * linear + usual[1] * trees
    inputs = np.stack([np.ones(len(start)), table.start, linear, trees], axis=1)
    ridge = np.array([_SHIFT_HELD, _START_HELD, _PARTS_HELD, _PARTS_HELD])
    moved, _ = regress(inputs, table.scores, weights=table.weights, start=start, ridge=ridge)
    return float(moved[0]), float(max(1 + moved[1], 0.0)), float(max(usual[0] + moved[2], 0.0)), float(max(usual[1] + moved[3], 0.0) if has_trees else 0.0)


def _put_together(blend: tuple[float, float, float, float], *, start: Numbers, linear: Numbers, trees: Numbers) -> Numbers:
    return blend[0] + blend[1] * start + blend[2] * linear + blend[3] * trees


def _loss(value: Numbers, table: _Table) -> float:
    said = chance(value)
    return float(-(table.weights * (table.scores * np.log(said) + (1 - table.scores) * np.log(1 - said))).sum())


def _strength(moved: Numbers, table: _Table) -> float:
    """Return how well the look tells good from bad beyond the prior, shrunk towards nothing where labels are few."""
    many = float(table.weights.sum())
    return 0.5 + max(auroc(moved, table.scores, weights=table.weights) - 0.5, 0.0) * many / (many + _SHRUNK)


def _together(labels: Sequence[Judged]) -> float | None:
    """Return how far the successes of two targets on one prompt go together beyond their priors, drawn to what is usual; None without pairs."""
    groups: dict[str, list[Judged]] = {}
    for label in labels:
        if label.group:
            groups.setdefault(label.group, []).append(label)
    pairs = [(one, other) for group in groups.values() for index, one in enumerate(group) for other in group[:index] if one.target != other.target]
    if not pairs:
        return None
    missed = np.array([(one.score - one.prior, other.score - other.prior) for one, other in pairs])
    spread = float(np.sqrt((missed[:, 0] ** 2).mean() * (missed[:, 1] ** 2).mean()))
    found = float((missed[:, 0] * missed[:, 1]).mean()) / spread if spread > 0 else 0.0
    return (len(pairs) * min(max(found, 0.0), 0.95) + _PAIRS * TOGETHER) / (len(pairs) + _PAIRS)


def _learnt(table: _Table, *, slopes: Numbers, doubt: Numbers, forest: Forest | None, rest: Learnt) -> Learnt:
    width = table.inputs.shape[1]
    return Learnt(
        labels=rest.labels,
        strength=rest.strength,
        together=rest.together,
        blend=rest.blend,
        knots=rest.knots,
        columns=table.columns,
        mean=_bytes(table.mean),
        scale=_bytes(table.scale),
        slope=_bytes(slopes[:width]),
        words=_bytes(slopes[width:]),
        doubt=_bytes(doubt[:width, :width]),
        feature=b"" if forest is None else forest.feature.astype("<i2").tobytes(),
        cut=b"" if forest is None else _bytes(forest.cut),
        leaf=b"" if forest is None else _bytes(forest.leaf),
    )


def _bytes(numbers: Numbers) -> bytes:
    return numbers.astype("<f4").tobytes()
