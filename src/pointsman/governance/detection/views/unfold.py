"""
All forms that a text can be read in, from the text as given outwards: decoded, drawn together, read from its end.

Each form of a form is read again, at most `DEPTH` deep. A text in which nothing is disguised costs three linear passes and has no other form.
"""

from collections import deque
from collections.abc import Generator, Iterator
from itertools import chain
from typing import Final

from pointsman.governance.detection.linear import Linear, shadow
from pointsman.governance.detection.views.budget import Budget
from pointsman.governance.detection.views.characters import folds
from pointsman.governance.detection.views.encodings import decodings
from pointsman.governance.detection.views.spelling import spellings
from pointsman.governance.detection.views.view import STEP, Edit, Edits, View

DEPTH: Final = 3
# What an identifier looks like from behind: a social security number, a long number, an account number, a mail address.
_BACKWARDS: Final = Linear(
    r"\b[0-9]{4}-[0-9]{2}-[0-9]{3}\b|[0-9](?:[ \-]?[0-9]){11}|(?i:[a-z0-9](?:[ ]?[a-z0-9]){10,30}[ ]?[0-9]{2}[a-z]{2}\b)"
    r"|(?i:\b(?:moc|gro|ten|ude|vog|oi|ku|ed|rf|se|ti|ln|eb|hc|ta|ac|ua|ni|pj|nc|ur|ofni|ue|vt|em|ppa|ved|lp|zc|es|on|kd|if|rb|xm|su|uc|zn|az)\.[a-z0-9.\-]{1,80}@[a-z0-9])"
)


def views(text: str, budget: Budget) -> Iterator[View | None]:
    """
    Yield the text itself and its other forms, and None in between while a long one is being made.

    Raises `SpentError` when the budget does not reach for all of them.
    """
    first = View(text=text)
    yield first
    waiting = deque([first])
    seen = {text}
    while waiting:
        for view in _forms(waiting.popleft(), budget):
            if view is None:
                budget.spend(0)
                yield None
            elif view.text and view.text not in seen:
                seen.add(view.text)
                budget.spend(len(view.text))
                yield view
                if view.depth < DEPTH:
                    waiting.append(view)


def _forms(view: View, budget: Budget) -> Iterator[View | None]:
    raw = shadow(view.text)
    yield None
    decoded = yield from _made(view, chain(folds(view.text), decodings(raw, budget)))
    if decoded:
        yield decoded
    yield None
    squeezed = yield from _made(view, spellings(view.text, raw), squeezed=True)
    if squeezed:
        yield squeezed
    if not view.mirrored:
        ahead = yield from _made(view, (Edit(start, end, None) for start, end in _BACKWARDS.spans(raw)), squeezed=True)
        if ahead:
            yield ahead.reversed()


def _made(view: View, found: Edits, *, squeezed: bool = False) -> Generator[None, None, View | None]:
    """Make the view in which the edits are made, None if there are none."""
    edits: list[Edit] = []
    for number, edit in enumerate(found, 1):
        if edit:
            edits.append(edit)
        if number % STEP == 0:
            yield
    return (yield from view.edited(_without_overlaps(edits), squeezed=squeezed)) if edits else None


def _without_overlaps(edits: list[Edit]) -> list[Edit]:
    """Return the edits in order; of two that overlap the first stays, and of two that begin together the longer."""
    kept: list[Edit] = []
    done = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, -edit.end)):
        if edit.start >= done:
            kept.append(edit)
            done = edit.end
    return kept
