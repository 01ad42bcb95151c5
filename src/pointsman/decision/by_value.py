"""
The order of the ladder by what an answer of each target is expected to be worth. Policy, fit and health have spoken before.

First goes who is worth most of those that keep to the bounds and pass the guard (`weighing`); a cheap one whose answers are checked may go before it where the
way as a whole is worth more (`answers.cascade`); now and then one that is not well known is tried (`exploration`). Then follow the incumbent and the rest of
the ladder, those that break a bound last: if all else fails, a doubtful answer beats none.
"""

from base64 import b64encode
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from pointsman.core.attempt import Grade
from pointsman.core.call import Call
from pointsman.core.capability import Capability
from pointsman.core.label import Level
from pointsman.core.reply import Reply, Usage
from pointsman.core.routing import Criteria, Routing
from pointsman.core.target import Price, Target
from pointsman.core.verdict import Keeping, Verdict
from pointsman.decision.charges import GRADE_TOKENS_OUT, USUAL_TOKENS_OUT, Charge, expected_cost, expected_latency_s, samples_of, with_check
from pointsman.decision.choice import Choice, Circumstances, Rung
from pointsman.decision.criteria import criteria_for
from pointsman.decision.exploration import Draw, explore, share_of
from pointsman.decision.learned import Learned
from pointsman.decision.onward import Thought, is_worth_more, verifier_of
from pointsman.decision.prediction.values import Prediction, Prompt
from pointsman.decision.question import question, tokens_in
from pointsman.decision.sessions import Sessions, Standing
from pointsman.decision.value import Candidate
from pointsman.decision.ways import Terms, best_way
from pointsman.decision.weighing import Seen, Weighing, as_expected, clueless

PriceOf = Callable[[Target], Price | None]
Spent = Callable[[str], int]

DRAWS: Final = 64
_SEED: Final = 20_260_101  # the same draws for every call: the probability of a trial follows from the call alone


def _own(target: Target) -> Price | None:
    return target.price


def _nothing(capability: str) -> int:
    del capability
    return 0


class _First(Struct, frozen=True):
    """
    Who goes first and why, in which order others follow by plan, and with which probability each candidate would have gone first.

    `worth_nano_usd` is what a right answer is worth, by which answers that are looked at are kept or not.
    """

    order: tuple[int, ...]
    reason: str
    probabilities: Sequence[float]
    is_trial: bool = False
    worth_nano_usd: float = 0.0


class ByValue:
    """
    Orders ladders. `price_of` tells what a target charges now, `sessions` where conversations stand, `spent` what a capability's trials have cost today in
    nano-dollars.

    Without anything `learned` the incumbent goes first, and the rest follows as the owner ordered it.
    """

    def __init__(self, *, price_of: PriceOf = _own, learned: Learned | None = None, sessions: Sessions | None = None, spent: Spent = _nothing) -> None:
        self._price_of = price_of
        self._spent = spent
        self.learned = learned
        self._sessions = Sessions() if sessions is None else sessions

    def choose(self, call: Call, capability: Capability, *, ladder: Choice, now: Circumstances, verdict: Verdict) -> Choice:
        """
        Return the ladder in order of value. `ladder` holds the rungs that are left, in the owner's order.

        A prompt is read where something was learned of prompts, and where the verdict lets what was looked at be kept.

        Raises `BadRequest` for criteria that the owner does not let a request set.
        """
        criteria = criteria_for(capability, now.criteria)
        routing = capability.routing
        if routing is None or not ladder.rungs:
            return ladder
        learned = self.learned
        prompt = question(call, capability=capability.name, task=criteria.task)
        features = b"" if learned is None else learned.predictor.features(prompt, is_kept=verdict.keeping >= Keeping.FILTERED)
        conversation = None if now.session is None else (now.tenant, capability.name, now.session)
        standing = None if conversation is None else self._sessions.find(conversation, now_ms=now.now_ms)
        seen = Seen(
            capability=capability,
            routing=_looked_at(routing, criteria),
            criteria=criteria,
            prompt=replace(prompt, text=features) if features else prompt,
            stands=None if standing is None else standing.target,
            now_ms=now.now_ms,
        )
        targets = [rung.target for rung in ladder.rungs]
        weighing = Weighing(seen, candidates=self._candidates(call, targets, seen=seen, standing=standing), learned=learned)
        first = self._first(weighing, targets, now=now, level=verdict.label.level)
        weighed = weighing.weighed(first.probabilities)
        thought = Thought(
            seen=seen,
            text=prompt.text if isinstance(prompt.text, str) else "",
            candidates=weighing.candidates,
            scale=weighing.scale,
            loss=weighing.loss,
            passed=weighing.passed() if seen.routing.checked else frozenset(),
            worth_nano_usd=first.worth_nano_usd,
            conversation=conversation,
        )
        return Choice(
            _rungs(weighing, ladder.rungs, first=first, weighed=weighed),
            ladder.considered,
            weighed=weighed,
            mode="explore" if first.is_trial else "policy",
            propensity=first.probabilities[first.order[0]],
            learned="" if learned is None else learned.digest,
            features=b64encode(features).decode() if features else None,
            thought=thought,
        )

    def goes_on(self, choice: Choice, index: int, *, grade: Grade, reply: Reply, left_s: float) -> bool:
        """Tell whether the next rung is worth more than the answer at hand."""
        thought = choice.thought
        if not isinstance(thought, Thought) or index + 1 >= len(choice.rungs):
            return False
        rungs = (choice.rungs[index].target, choice.rungs[index + 1].target)
        return is_worth_more(thought, rungs, grade=grade, reply=reply, left_s=left_s, learned=self.learned)

    def answered(self, choice: Choice, target: str, *, usage: Usage | None = None) -> None:
        """Note where a conversation stands."""
        thought = choice.thought
        if isinstance(thought, Thought) and thought.conversation is not None:
            seen = thought.seen
            self._sessions.answered(thought.conversation, target, usage=usage, guess=seen.prompt.tokens_in or 0, now_ms=seen.now_ms)

    # ── weighing ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _candidates(self, call: Call, targets: Sequence[Target], *, seen: Seen, standing: Standing | None) -> list[Candidate]:
        most, bulk, price_of = call.sampling.max_tokens, seen.criteria.bulk, self._price_of
        fresh = (tokens_in(call), 0, most)
        found: list[Candidate] = []
        beside = self._beside(seen, tokens=fresh) if seen.routing.checked else []
        for target, known in zip(targets, self._predicted(targets, seen.prompt), strict=True):
            tokens = fresh if standing is None or target.name != standing.target else (fresh[0], standing.cached_at(seen.now_ms), most)
            cost, latency = expected_cost(target, price_of(target), seen=known, tokens=tokens, bulk=bulk), expected_latency_s(target, known)
            if target.name in seen.routing.checked:
                cost, latency = with_check(Charge(cost, latency), beside, samples=samples_of(call, seen.routing))
            found.append(Candidate(target=target.name, seen=known, cost_nano_usd=cost, latency_s=latency))
        return found

    def _beside(self, seen: Seen, *, tokens: tuple[int, int, int | None]) -> list[Charge]:
        """Return what others are expected to cost who are asked when an answer is checked."""
        found: list[Charge] = []
        second, judge, bulk = seen.routing.second, seen.routing.judge, seen.criteria.bulk
        if second is not None:
            (known,) = self._predicted([second], seen.prompt)
            found.append(Charge(expected_cost(second, self._price_of(second), seen=known, tokens=tokens, bulk=bulk), expected_latency_s(second, known)))
        if judge is not None:
            (known,) = self._predicted([judge], seen.prompt)
            read = (tokens[0] + USUAL_TOKENS_OUT, 0, GRADE_TOKENS_OUT)
            found.append(Charge(expected_cost(judge, self._price_of(judge), seen=known, tokens=read, bulk=bulk), None))
        return found

    def _predicted(self, targets: Sequence[Target], prompt: Prompt) -> Sequence[Prediction]:
        if self.learned is None:
            return [as_expected(clueless(target.name), target) for target in targets]
        found = self.learned.predictor.predict(prompt, [target.name for target in targets])
        if "none" not in [one.basis for one in found]:
            return found
        return [as_expected(one, target) for one, target in zip(found, targets, strict=True)]

    # ── who goes first ──────────────────────────────────────────────────────────────────────────────────────────────

    def _first(self, weighing: Weighing, targets: Sequence[Target], *, now: Circumstances, level: Level) -> _First:
        routing, best = weighing.seen.routing, weighing.greedy()
        draw = self._tried(best, weighing, targets=targets, share=self._share(weighing, level=level), chance=now.chance)
        if draw is not None and draw.is_exploring:
            return _First((draw.index, best), "explores", draw.probabilities, is_trial=True)
        probabilities = draw.probabilities if draw is not None else tuple([float(at == best) for at in range(len(targets))])
        if routing.checked and not routing.guarantee:
            order, worth = self._way(best, weighing, targets=targets)
            if len(order) > 1:
                moved = probabilities if order[0] == best else _moved(probabilities, source=best, to=order[0])
                return _First(order, "cascade", moved, worth_nano_usd=worth)
            return _First((best,), _reason(best, weighing), probabilities, worth_nano_usd=worth)
        return _First((best,), _reason(best, weighing), probabilities)

    def _share(self, weighing: Weighing, *, level: Level) -> float:
        """Return the share of calls that may be tried: none in the middle of a conversation, and none where the incumbent is left under a certificate only."""
        seen = weighing.seen
        if seen.routing.explore is None or seen.routing.guarantee or seen.stands is not None:
            return 0.0
        return share_of(seen.routing.explore, level=level, spent_nano_usd=self._spent(seen.capability.name))

    def _tried(self, best: int, weighing: Weighing, *, targets: Sequence[Target], share: float, chance: float) -> Draw | None:
        """Draw whether another candidate is tried; None where none may be."""
        if share <= 0 or self.learned is None:
            return None
        seen, floor = weighing.seen, weighing.seen.criteria.quality_floor
        allowed = [
            target.desk is None and one.seen.high >= floor and breach.seconds == 0 and breach.nano_usd == 0
            for target, one, breach in zip(targets, weighing.candidates, weighing.breach, strict=True)
        ]
        rng: Any = import_module("numpy.random").default_rng(_SEED)
        qualities = self.learned.predictor.draw(seen.prompt, [target.name for target in targets], rng=rng, n=DRAWS)
        worth = qualities * weighing.worth_of_quality() - [weighing.scale.price(one) for one in weighing.candidates]
        return explore(best, worth, allowed=allowed, share=share, chance=chance)

    def _way(self, best: int, weighing: Weighing, *, targets: Sequence[Target]) -> tuple[tuple[int, ...], float]:
        """Return the way that is worth most if answers of checked targets are looked at, as indexes, and what a right answer is worth for it to be."""
        routing, candidates = weighing.seen.routing, weighing.candidates
        reference = best if weighing.incumbent is None else weighing.incumbent
        may_end = {at for at, target in enumerate(targets) if at in (best, reference) or target.desk is not None}
        among = [at for at, one in enumerate(candidates) if at in may_end or (one.target in routing.checked and weighing.is_known(at))]
        terms = Terms(
            incumbent=candidates[reference].target,
            loss=weighing.loss,
            sure=routing.sure,
            checked=frozenset(candidates[at].target for at in among) & routing.checked,
            may_end=frozenset(candidates[at].target for at in may_end),
        )
        verifier = verifier_of(self.learned, weighing.seen.capability.name)
        way = best_way([candidates[at] for at in among], weighing.scale, criteria=weighing.seen.criteria, verifier=verifier, terms=terms)
        named = {candidates[at].target: at for at in among}
        return tuple(named[name] for name in way.order) or (best,), way.worth_nano_usd


def _looked_at(routing: Routing, criteria: Criteria) -> Routing:
    """Return the rules with whose answers are looked at here: the incumbent's only where a right answer has a worth, for else others are measured by it."""
    is_told = criteria.value_nano_usd > 0 or criteria.error_nano_usd * criteria.risk > 0
    return routing if is_told or not routing.checked else replace(routing, checked=routing.checked - {routing.incumbent.name})


def _moved(probabilities: Sequence[float], *, source: int, to: int) -> tuple[float, ...]:
    """Return the probabilities with that of one candidate given to another."""
    moved = list(probabilities)
    moved[to], moved[source] = moved[to] + moved[source], 0.0
    return tuple(moved)


def _reason(at: int, weighing: Weighing) -> str:
    relaxed = weighing.breach[at].relaxed
    if relaxed:
        return relaxed
    if weighing.candidates[at].target == weighing.seen.stands:
        return "stays"
    if at == weighing.incumbent:
        return "incumbent"
    if weighing.guard(at):
        return "stands_in"
    return "certified" if weighing.seen.routing.guarantee else "best_value"


def _rungs(weighing: Weighing, ladder: Sequence[Rung], *, first: _First, weighed: Sequence[Any]) -> tuple[Rung, ...]:
    """Return the rungs: those of the plan, the incumbent, then the others as their owner ordered them, those that break a bound last."""
    rest = sorted([(at != weighing.incumbent, breach, at) for at, breach in enumerate(weighing.breach)])
    order = [*first.order, *[at for *_, at in rest if at not in first.order]]
    checked = weighing.seen.routing.checked
    rungs: list[Rung] = []
    reason = first.reason
    for place, at in enumerate(order):
        target = ladder[at].target
        rungs.append(Rung(target, reason, weighed[at], target.name in checked and place + 1 < len(order)))
        reason = f"next_after:{target.name}"
    return tuple(rungs)
