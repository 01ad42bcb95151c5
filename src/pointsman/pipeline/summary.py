"""
Where only a summary may leave: a private target makes it, it is judged like any call and goes where it may. The one way by which a label is lowered.
"""

from pointsman.assess.signals import text_of
from pointsman.core.errors import NoPlaceAllowed, PlaceFailed
from pointsman.decision.choice import Rung
from pointsman.governance.summary import MOST_TOKENS, bare, is_for_summary, is_unfit, lowered, question
from pointsman.pipeline.beside import ask_beside
from pointsman.pipeline.way import Way
from pointsman.surfaces.reread import asking, retold


async def by_summary(way: Way, rung: Rung) -> Way:
    """Return the way of the summary of a call. Raises `NoPlaceAllowed` where there is none that may go to the target."""
    surface, call = way.surface, way.judged.call
    private = await way.aside(asking(call, surface, text=question(call), max_tokens=MOST_TOKENS), label=way.verdict.label)
    try:
        attempt, told = await ask_beside(private, Rung(way.capability.summariser or rung.target, "summarises"), kind="summary")
    except PlaceFailed as error:
        raise NoPlaceAllowed(capability=way.capability.name, data_class=way.verdict.label.text) from error
    short = retold(bare(call), surface, text=text_of(told))
    lower = await way.aside(short, label=lowered(way.verdict.label), instead_of=way.call)
    if is_unfit(call, short) or is_for_summary(lower.verdict, rung.target) or not lower.verdict.permits(rung.target):
        raise NoPlaceAllowed(capability=way.capability.name, data_class=lower.verdict.label.text)
    await way.stages.auditor.lowered(attempt, lower.verdict.label)
    return lower
