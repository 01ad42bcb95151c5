"""
After an answer that was looked at: is the next rung worth its price? And the stakes of a call, by which a way over several rungs is planned.
"""

from collections.abc import Collection, Sequence
from math import erfc, sqrt
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pointsman.core.attempt import Grade
from pointsman.core.call import Text
from pointsman.core.reply import Reply
from pointsman.core.routing import Criteria
from pointsman.core.target import Target
from pointsman.decision.answers.cascade import Stakes, Step, go_on, learned_of
from pointsman.decision.answers.verifier import Verifier
from pointsman.decision.learned import Learned
from pointsman.decision.sessions import Conversation
from pointsman.decision.value import Candidate, Scale
from pointsman.decision.weighing import Seen

_UNLEARNED: Final = Verifier()


class Thought(Struct, frozen=True, kw_only=True):
    """What a choice was thought through with. `text` is the question, `passed` may answer without a look, `loss` is by how much others may be worse."""

    seen: Seen
    text: str
    candidates: Sequence[Candidate]
    scale: Scale
    loss: float
    passed: frozenset[str]
    incumbent: int | None
    conversation: Conversation | None


def verifier_of(learned: Learned | None, capability: str) -> Verifier:
    """Return who judges the answers of a capability."""
    return _UNLEARNED if learned is None else learned.verifier(capability)


def stakes_of(scale: Scale, candidates: Sequence[Candidate], *, incumbent: int | None, criteria: Criteria, loss: float) -> Stakes:
    """
    Return what a way over several rungs is planned by.

    A way may lose quality only as far as another target may: a loss of all that is allowed counts as much as the most that could be saved by it. Where the
    owner says that an answer is worth more than that, it is.
    """
    prices = [scale.price(one) for one in candidates]
    implied = (max(prices) if incumbent is None else prices[incumbent]) - min(prices)
    told = stakes_told(criteria)
    return replace(told, value_nano_usd=max(told.value_nano_usd, implied / loss - told.error_nano_usd))


def stakes_told(criteria: Criteria) -> Stakes:
    """Return what is at stake by the owner's word alone."""
    return Stakes(
        value_nano_usd=float(criteria.value_nano_usd),
        error_nano_usd=criteria.error_nano_usd * criteria.risk,
        delay_nano_usd_per_s=0.0 if criteria.bulk else float(criteria.delay_nano_usd_per_s),
        within_s=criteria.within_s,
        most_nano_usd=None if criteria.cost_nano_usd is None else float(criteria.cost_nano_usd),
    )


def step_of(one: Candidate, scale: Scale, *, strength: float, checked: Collection[str]) -> Step:
    """Return a candidate as a step of a way."""
    return Step(
        target=one.target,
        right=one.seen.quality,
        cost_nano_usd=scale.cost(one),
        latency_s=scale.latency_s(one),
        strength=strength,
        checkable=one.target in checked,
    )


def is_worth_more(thought: Thought, rungs: tuple[Target, Target], *, grade: Grade, reply: Reply, left_s: float, learned: Learned | None) -> bool:
    """Tell whether the second of the `rungs` is worth its price after this answer of the first, within what is left of the call's time."""
    seen, named = thought.seen, {one.target: one for one in thought.candidates}
    here, there = named[rungs[0].name], named[rungs[1].name]
    is_late = rungs[1].desk is None and there.latency_s is not None and there.latency_s > left_s
    if is_late or thought.scale.breach(there).quality > thought.scale.breach(here).quality:
        return False
    verifier = verifier_of(learned, seen.capability.name)
    text = "".join(part.text for part in reply.parts if isinstance(part, Text))
    right, sd = verifier.right(thought.text, text, evidence=grade.evidence, prior=here.seen.quality)
    steps = [step_of(one, thought.scale, strength=verifier.strength, checked=frozenset()) for one in (here, there)]
    may_answer, told = here.target in thought.passed, stakes_told(seen.criteria)
    if not may_answer or told.value_nano_usd + told.error_nano_usd == 0:
        told = stakes_of(thought.scale, thought.candidates, incumbent=thought.incumbent, criteria=seen.criteria, loss=thought.loss)
    onward = go_on(right, steps[1:], answered=steps[0], stakes=replace(told, within_s=None, most_nano_usd=None), together=verifier.together)
    if onward.go or may_answer:
        return onward.go
    # What may not answer without a look is kept only if it is not worse than the next one, as surely as the owner wants it.
    short = learned_of(steps[1], after=steps[0], right=right, together=verifier.together).right - thought.loss - right
    return erfc(-short / max(sd, 1e-9) / sqrt(2)) / 2 > 1 - seen.routing.sure
