"""
After an answer that was looked at: is the next rung worth its price?
"""

from collections.abc import Sequence
from math import erfc, sqrt
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pointsman.core.attempt import Grade
from pointsman.core.call import Text
from pointsman.core.reply import Reply
from pointsman.core.target import Target
from pointsman.decision.answers.cascade import go_on, learned_of
from pointsman.decision.answers.verifier import Verifier
from pointsman.decision.learned import Learned
from pointsman.decision.sessions import Conversation
from pointsman.decision.value import Candidate, Scale
from pointsman.decision.ways import stakes_at, step_of
from pointsman.decision.weighing import Seen

_UNLEARNED: Final = Verifier()
_ENOUGH: Final = 50.0  # labels from which on a verifier is believed


class Thought(Struct, frozen=True, kw_only=True):
    """
    What a choice was thought through with.

    `text` is the question, `passed` may answer without a look, `loss` is by how much others may be worse, `worth_nano_usd` what a right answer is worth at
    least for the way to be as good as the incumbent.
    """

    seen: Seen
    text: str
    candidates: Sequence[Candidate]
    scale: Scale
    loss: float
    passed: frozenset[str]
    worth_nano_usd: float
    conversation: Conversation | None


def verifier_of(learned: Learned | None, capability: str) -> Verifier:
    """Return who judges the answers of a capability."""
    return _UNLEARNED if learned is None else learned.verifier(capability)


def is_worth_more(thought: Thought, rungs: tuple[Target, Target], *, grade: Grade, reply: Reply, left_s: float, learned: Learned | None) -> bool:
    """Tell whether the second of the `rungs` is worth its price after this answer of the first, within what is left of the call's time."""
    seen, named = thought.seen, {one.target: one for one in thought.candidates}
    here, there = named[rungs[0].name], named[rungs[1].name]
    is_late = rungs[1].desk is None and there.latency_s is not None and there.latency_s > left_s
    if is_late or thought.scale.breach(there).quality > thought.scale.breach(here).quality:
        return False
    verifier = verifier_of(learned, seen.capability.name)
    text = "".join([part.text for part in reply.parts if isinstance(part, Text)])
    right, sd = verifier.right(thought.text, text, evidence=grade.evidence, prior=here.seen.quality)
    answered, after = (step_of(one, thought.scale, strength=verifier.strength, is_checked=False) for one in (here, there))
    stakes = replace(stakes_at(thought.worth_nano_usd, seen.criteria), within_s=None, most_nano_usd=None)
    together, is_about_next = verifier.together, verifier.next_target == there.target
    ahead = verifier.onward(thought.text, text, evidence=grade.evidence, prior=there.seen.quality) if is_about_next else None
    if ahead is not None:
        after, together = replace(after, right=ahead), 0.0  # the answer was taken into account
    onward = go_on(right, [after], answered=answered, stakes=stakes, together=together)
    if onward.go or here.target in thought.passed or verifier.labels >= _ENOUGH:
        return onward.go
    # Nobody has proven that what is seen of an answer tells anything: it is kept only if it is not worse than the next one, as surely as the owner wants it.
    short = learned_of(after, after=answered, right=right, together=together).right - thought.loss - right
    return erfc(-short / max(sd, 1e-9) / sqrt(2)) / 2 > 1 - seen.routing.sure
