"""
From observed prompts to a certificate: what was predicted of each, what was lost, and the boldest threshold that is proven. Pure.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from itertools import accumulate
from typing import Final

import msgspec
from msgspec import Struct

from pointsman.control.guarantee.observed import Observed
from pointsman.decision.guarantee.certificate import Certificate, Source, preferred
from pointsman.decision.guarantee.sequence import Pair, Proof, prove
from pointsman.decision.prediction.predictor import Predictor

LASTS_MS: Final = 30 * 86_400_000
_BINS: Final = 16
_RAREST: Final = 0.01  # what was drawn with less counts as if it had been drawn with this


class Terms(Struct, frozen=True, kw_only=True):
    """
    What is to be promised: quality within `loss` of `incumbent` with probability `sure`, of a rule over `targets` with `lean`.

    `parameters` names what predicts, `source` tells where the pairs come from; the certificate is made at `made_ms` and lapses at `lapses_ms`.
    """

    capability: str
    incumbent: str
    targets: tuple[str, ...]
    loss: float
    sure: float
    lean: Mapping[str, float] = {}
    parameters: str
    source: Source
    made_ms: int
    lapses_ms: int


def paired(observed: Sequence[Observed], terms: Terms, *, predictor: Predictor) -> tuple[Pair, ...]:
    """
    Return the pairs: prompts that both the incumbent and the target that the rule prefers there have answered.

    Where prompts are looked at, one that cannot be is no pair: on traffic the rule will know more, and so be another one.
    """
    found: list[tuple[Observed, float, float]] = []
    for one in observed:
        there = one.scores.get(terms.incumbent)
        if there is None or not predictor.looks_at(one.prompt):
            continue
        ahead = advantages(predictor, one, terms=terms)
        name = preferred(terms.targets, ahead, lean=terms.lean)
        if name is not None and name in one.scores:
            found.append((one, ahead[name], there - one.scores[name]))
    rarest = max(_RAREST, min((one.propensity for one, _, _ in found), default=1.0))
    return tuple(Pair(advantage=ahead, loss=loss, weight=rarest / max(one.propensity, rarest), key=one.key, at_ms=one.at_ms) for one, ahead, loss in found)


def advantages(predictor: Predictor, one: Observed, *, terms: Terms) -> Mapping[str, float]:
    """Return by how much each target is expected to be better than the incumbent with this prompt."""
    incumbent, *others = predictor.predict(one.prompt, (terms.incumbent, *terms.targets))
    return {other.target: other.quality - incumbent.quality for other in others}


def certified(pairs: Sequence[Pair], terms: Terms) -> Certificate | Proof:
    """Return the certificate, or the proof that came to none. The pairs must not be among what the predictor learned from."""
    proof = prove(pairs, loss=terms.loss, sure=terms.sure)
    if proof.threshold is None:
        return proof
    edges, seen = _bins(pairs)
    return Certificate(
        capability=terms.capability,
        incumbent=terms.incumbent,
        targets=terms.targets,
        threshold=proof.threshold,
        loss=terms.loss,
        sure=terms.sure,
        pairs=proof.pairs,
        pairs_elsewhere=proof.pairs_elsewhere,
        share_elsewhere=proof.share_elsewhere,
        mean=proof.mean,
        bound=proof.bound,
        source=terms.source,
        data=_digest(pairs),
        from_ms=min(pair.at_ms for pair in pairs),
        until_ms=max(pair.at_ms for pair in pairs),
        made_ms=terms.made_ms,
        lapses_ms=terms.lapses_ms,
        parameters=terms.parameters,
        lean=terms.lean,
        edges=edges,
        seen=seen,
    )


def _bins(pairs: Sequence[Pair]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """
    Return where bins of about equal weight end, and what weighs in each.

    As traffic would fill them: a pair that was drawn more often than others stands for less of it.
    """
    ordered = sorted(pairs, key=lambda pair: pair.advantage)
    sums = list(accumulate(pair.weight for pair in ordered))
    edges = tuple(ordered[bisect_right(sums, sums[-1] * part / _BINS)].advantage for part in range(1, _BINS))
    seen = [0.0] * _BINS
    for pair in ordered:
        seen[bisect_right(edges, pair.advantage)] += pair.weight
    return edges, tuple(seen)


def _digest(pairs: Sequence[Pair]) -> str:
    return blake2b(msgspec.msgpack.encode(sorted((pair.key, pair.advantage, pair.loss, pair.weight) for pair in pairs)), digest_size=16).hexdigest()
