"""
What the ledger tells of answers, as labels: outcomes of units that had their time, people's reviews, scores, checks that an answer failed; and beside them
what answers cost, how long they were and how long they took.

Rules:
1. A call and target is judged once: by a person before an outcome, by an outcome before a check, by a check before a judge.
2. A unit counts once it had its time: when its window is over, or nearly all outcomes of its workflow had been told at its age. Else what is told soon, good
   or bad, would be taken for everything.
3. A unit's outcome is one fact, however many calls of a capability led to it: they share its weight.
4. What was picked to be looked at with a small probability counts more, what was picked with a large one less, and all of them together what they are.
5. That an answer which was not given agrees with one that was says as much of it as is known of that one. Only where nothing is ever told of a workflow,
   answers are held against the incumbent's alone.
6. What proves a promise does not teach: pairs that are kept apart for a guarantee are left out.
7. What the gateway believes itself is no evidence.
8. What of a prompt is learned from is what the ledger keeps of it, never anything else.
"""

import binascii
from base64 import b64decode
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pointsman.control.learning.version import Seen
from pointsman.decision.guarantee.split import is_kept_apart
from pointsman.decision.prediction.values import Label, Prompt
from pointsman.storage.database import query
from pointsman.storage.sql import Database, Row
from pointsman.storage.told import is_grade

HUMAN, OUTCOME, CHECK, JUDGE = "human", "outcome", "check", "judge"
# How much one judgement counts, and which goes before which.
WEIGHTS: Final[Mapping[str, float]] = {HUMAN: 1.0, OUTCOME: 0.8, CHECK: 0.6, JUDGE: 0.4}
_RANKS: Final = tuple(WEIGHTS)
_VERDICTS: Final[Mapping[str, float]] = {"accepted": 1.0, "edited": 0.5, "rejected": 0.0}
_MOST_TIMES: Final = 5.0  # more than so many times the usual weight no label counts, however seldom its like is picked
_LEAST: Final = 0.01
_LATE_MS: Final = 30 * 86_400_000  # how long after its time an outcome is still waited for
_NEARLY_ALL: Final = 0.98
_FEW: Final = 50
_DELAYS: Final = 1_000
MOST: Final = 5_000


class Scope(Struct, frozen=True, kw_only=True):
    """
    One workflow to learn from: for how long outcomes of a unit count, and its capabilities with their tasks. Of those that are `promised`, pairs are kept
    apart.
    """

    workflow: str
    window_ms: int
    tasks: Mapping[str, str]
    promised: frozenset[str] = frozenset()

    def teaches(self, row: Row) -> bool:
        """Tell whether a judgement is for learning."""
        name = row["capability"]
        return name in self.tasks and not (name in self.promised and row["is_paired"] and is_kept_apart(row["call_id"]))


class Judgement(Struct, frozen=True, kw_only=True):
    """
    One judgement of one answer. `kind` is one of `WEIGHTS`, `propensity` with which probability the answer was picked for it; `is_given` tells that it is
    about the answer that the caller was given, `is_own` that it is about another one and does not follow from what that one was worth.
    """

    call_id: str
    kind: str
    label: Label
    propensity: float = 1.0
    is_given: bool = True
    is_own: bool = False


class Given(Struct, frozen=True, kw_only=True):
    """
    The judgement of an answer that a caller was given, and what others were found to reach on the same prompt (target → score in 0..1), each by itself: that
    an answer agrees with a good one is told more often than that it is better than a bad one, and would make others look as bad as the one at hand.
    """

    call_id: str
    label: Label
    others: Mapping[str, float] = {}


class Evidence(Struct, frozen=True, kw_only=True):
    """
    What was found: labels with a score, labels without one (cost, length, time), how many of each kind, and how far the ledger was read. `given` are the
    judgements of answers that callers were given.
    """

    judged: tuple[Label, ...]
    given: tuple[Given, ...]
    measured: tuple[Label, ...]
    kinds: Mapping[str, int]
    seen: Seen

    @property
    def labels(self) -> tuple[Label, ...]:
        """All labels."""
        return self.judged + self.measured


def gather(db: Database, scopes: Iterable[Scope], *, seen: Seen, until_ms: int, most: int = MOST) -> Evidence:
    """
    Return what was told since `seen`, until a time (Unix milliseconds). Of each workflow and kind at most `most`, the newest.

    Raises what the database says.
    """
    recorded, opened_ms = int(db.rows(query("learning/recorded"))[0]["recorded"]), dict(seen.opened_ms)
    judgements: list[Judgement] = []
    measured: list[Label] = []
    for scope in scopes:
        span = {"workflow": scope.workflow, "most": most}
        told = {**span, "after_ms": seen.until_ms, "until_ms": until_ms}
        after_ms = seen.opened_ms.get(scope.workflow, 0)
        delays = _delays(db, scope, until_ms=until_ms)
        opened_ms[scope.workflow] = ripe_ms = max(until_ms - _patience_ms(delays, scope.window_ms), after_ms)
        ripe = {**span, "after_ms": after_ms, "until_ms": ripe_ms}
        judgements += _judged(db.rows(query("learning/outcomes"), {**ripe, "recorded": seen.recorded}), scope)
        judgements += _agreements(db.rows(query("learning/agreements"), ripe), scope, is_told=bool(delays))
        judgements += _reviews(db.rows(query("learning/reviews"), told), scope)
        judgements += _scores(db.rows(query("learning/scores"), told), scope)
        attempts = db.rows(query("learning/attempts"), {**told, "since_ms": seen.until_ms - scope.window_ms - _LATE_MS})
        judgements += _checks(attempts, scope)
        measured += [_measured(row, scope) for row in attempts if row["capability"] in scope.tasks and not row["error"]]
    best = [*_corrected(_best(judgements))]
    return Evidence(
        judged=tuple(one.label for one in best),
        given=_given(best),
        measured=tuple(measured),
        kinds=Counter(one.kind for one in best),
        seen=Seen(until_ms=until_ms, recorded=recorded, opened_ms=opened_ms),
    )


def _given(judgements: Sequence[Judgement]) -> tuple[Given, ...]:
    others: dict[str, dict[str, float]] = {}
    for one in judgements:
        if one.is_own and one.label.score is not None:
            others.setdefault(one.call_id, {})[one.label.target] = one.label.score
    return tuple(Given(call_id=one.call_id, label=one.label, others=others.get(one.call_id, {})) for one in judgements if one.is_given)


def _delays(db: Database, scope: Scope, *, until_ms: int) -> Sequence[int]:
    """Return how long it took until something was told, of units that had their whole window, the shortest first."""
    rows = db.rows(query("learning/delays"), {"workflow": scope.workflow, "until_ms": until_ms - scope.window_ms, "most": _DELAYS})
    return sorted(max(row["delay_ms"], 0) for row in rows)


def _patience_ms(delays: Sequence[int], window_ms: int) -> int:
    """Return after which time nearly all outcomes have been told, as far as there are enough to tell by."""
    return window_ms if len(delays) < _FEW else min(delays[int(len(delays) * _NEARLY_ALL)], window_ms)


def _judged(rows: Sequence[Row], scope: Scope) -> Iterator[Judgement]:
    shared = Counter((row["tenant"], row["unit"], row["capability"]) for row in rows)
    for row in rows:
        if scope.teaches(row):
            label = _label(row, scope, score=float(row["state"] == "useful"))
            share = shared[row["tenant"], row["unit"], row["capability"]]
            yield Judgement(call_id=row["call_id"], kind=OUTCOME, label=replace(label, weight=WEIGHTS[OUTCOME] / share))


def _reviews(rows: Sequence[Row], scope: Scope) -> Iterator[Judgement]:
    for row in rows:
        score = _VERDICTS.get(row["verdict"])
        if score is None or not scope.teaches(row):
            continue
        if row["verdict"] == "edited" and row["edit_distance"] is not None:
            score = min(max(1.0 - row["edit_distance"], 0.0), 1.0)
        label = _label(row, scope, score=score)
        yield Judgement(call_id=row["call_id"], kind=HUMAN, label=replace(label, weight=WEIGHTS[HUMAN]), propensity=row["propensity"])


def _scores(rows: Sequence[Row], scope: Scope) -> Iterator[Judgement]:
    for row in rows:
        if scope.teaches(row) and row["target"] is not None:
            kind = HUMAN if row["is_human"] else JUDGE
            label = _label(row, scope, score=min(max(row["value"], 0.0), 1.0))
            label = replace(label, weight=WEIGHTS[kind])
            is_given = bool(row["is_given"])
            yield Judgement(call_id=row["call_id"], kind=kind, label=label, propensity=row["propensity"], is_given=is_given, is_own=not is_given)


def _agreements(rows: Sequence[Row], scope: Scope, *, is_told: bool) -> Iterator[Judgement]:
    for row in rows:
        if not scope.teaches(row):
            continue
        alike = min(max(min(row["value"], row["given_value"]), 0.0), 1.0)
        if not is_told:
            yield _agreed(row, scope, target=row["given"], score=row["given_value"])
            yield _agreed(row, scope, target=row["target"], score=row["value"])
        elif row["state"] == "useful":
            yield _agreed(row, scope, target=row["target"], score=alike)
        elif row["state"] != "open" and alike > 0:  # another answer than a bad one may be as bad, or good: only the same one is known
            yield _agreed(row, scope, target=row["target"], score=0.0, weight=alike)


def _agreed(row: Row, scope: Scope, *, target: str, score: float, weight: float = 1.0) -> Judgement:
    label = replace(_label(row, scope, score=min(max(score, 0.0), 1.0)), target=target, weight=WEIGHTS[JUDGE] * weight)
    return Judgement(call_id=row["call_id"], kind=JUDGE, label=label, propensity=row["propensity"], is_given=target == row["given"])


def _checks(rows: Sequence[Row], scope: Scope) -> Iterator[Judgement]:
    """
    What fails the capability's contract is no answer; what passes it may still be wrong, so that is no judgement.

    Of shadow calls the comparison says it: half of what others did well proves a promise and does not teach, so half of what they did badly must not either.
    """
    for row in rows:
        if is_grade(row["error"]) and row["capability"] in scope.tasks and not row["shadow"]:
            label = _label(row, scope, score=0.0)
            yield Judgement(call_id=row["call_id"], kind=CHECK, label=replace(label, weight=WEIGHTS[CHECK]), is_given=False)


def _measured(row: Row, scope: Scope) -> Label:
    return replace(
        _label(row, scope, score=None),
        cost_nano_usd=row["cost_nano_usd"],
        tokens_out=row["tokens_out"],
        latency_s=row["latency_ms"] / 1000,
    )


def _label(row: Row, scope: Scope, *, score: float | None) -> Label:
    text = features_of(row["features"])
    prompt = Prompt(text=text, capability=row["capability"], task=scope.tasks[row["capability"]], tokens_in=row.get("tokens_in"))
    return Label(prompt=prompt, target=row["target"], score=score, at_ms=row["at_ms"])


def features_of(kept: str | None) -> bytes:
    """Return what the ledger keeps of a prompt; nothing where that cannot be read."""
    try:
        return b64decode(kept or "", validate=True)
    except binascii.Error:
        return b""


def _best(judgements: Iterable[Judgement]) -> list[Judgement]:
    """Return one judgement of each call and target: of the highest rank, of these the newest."""
    found: dict[tuple[str, str], Judgement] = {}
    for one in judgements:
        key = (one.call_id, one.label.target)
        old = found.get(key)
        if old is None or _rank(one) < _rank(old):
            found[key] = one
    return list(found.values())


def _rank(one: Judgement) -> tuple[int, int]:
    return _RANKS.index(one.kind), -one.label.at_ms


def _corrected(judgements: Sequence[Judgement]) -> Iterator[Judgement]:
    """Weigh what was seldom picked more, so that a sample that was drawn by suspicion does not speak for everything."""
    groups: dict[tuple[str, str], list[Judgement]] = {}
    for one in judgements:
        groups.setdefault((one.label.prompt.capability, one.kind), []).append(one)
    for group in groups.values():
        odds = [1.0 / min(max(one.propensity, _LEAST), 1.0) for one in group]
        usual = sum(odds) / len(odds)
        for one, times in zip(group, odds, strict=True):
            yield replace(one, label=replace(one.label, weight=one.label.weight * min(times / usual, _MOST_TIMES)))
