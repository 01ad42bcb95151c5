"""
What a span would have cost at other prices, or with other shares of the calls for each target. Only asked: nothing is stored and nothing changes.
"""

from collections.abc import Mapping
from typing import Final

from pointsman.console.frame import Ask, Shown
from pointsman.console.money import TABS, counted
from pointsman.console.pages.cost_savings import priced
from pointsman.control.finops.what_if import Reladdered, Repriced, at_prices, other_ladder
from pointsman.core.errors import BadRequest
from pointsman.core.money import nano
from pointsman.core.place import Place
from pointsman.core.target import Price, Rates
from pointsman.storage.sql import Database

_MODELS: Final = frozenset({Place.PRIVATE, Place.CLOUD, Place.EDGE})
_MOST: Final = 1_000_000.0
_MOST_TARGETS: Final = 40
PRICE_ID: Final = "what-if"


def what_if(ask: Ask, db: Database) -> Shown:
    """Show the two questions and what they come to. Raises `BadRequest` for a number that is none."""
    workflow = ask.word("workflow")
    known = priced(ask)
    asked, repriced, reladdered, wrong = ask.word("ask"), None, None, ""
    try:
        if asked == "prices":
            repriced = _repriced(ask, db, known=known)
        elif asked == "ladder":
            reladdered = _reladdered(ask, db)
    except (BadRequest, ValueError) as error:
        wrong = error.message if isinstance(error, BadRequest) else f"It cannot be reckoned: {error}"
    values = {
        "tabs": TABS,
        "workflows": tuple(ask.control.workflows),
        "workflow": workflow,
        "known": dict(list(known.items())[:_MOST_TARGETS]),
        "rungs": rungs(ask, workflow) if workflow else (),
        "repriced": repriced,
        "reladdered": reladdered,
        "wrong": wrong,
        "asked": asked,
    }
    return Shown(template="what_if.html", title="Cost", values=values)


def rungs(ask: Ask, workflow: str) -> tuple[str, ...]:
    """Return the model targets that the capabilities of a workflow may use, as its ladders have them."""
    told, known = ask.control.workflows.get(workflow), ask.control.snapshot.capabilities
    ladders = [known[name].ladder for name in (() if told is None else told.capabilities) if name in known]
    return tuple(dict.fromkeys(target.name for ladder in ladders for target in ladder if target.place in _MODELS))[:_MOST_TARGETS]


def _repriced(ask: Ask, db: Database, *, known: Mapping[str, Price]) -> Repriced:
    prices: dict[str, Price] = {}
    for name, price in known.items():
        told = _number(ask, f"in.{name}"), _number(ask, f"out.{name}")
        if told != (None, None):
            rates = price.rates
            tokens_in, tokens_out = (now if one is None else nano(one) for one, now in zip(told, (rates.tokens_in, rates.tokens_out), strict=True))
            # What is read from a vendor's cache keeps its share of the price.
            cached = None if rates.cache_read is None or not rates.tokens_in else rates.cache_read * tokens_in // rates.tokens_in
            prices[name] = Price(price_id=PRICE_ID, rates=Rates(tokens_in=tokens_in, tokens_out=tokens_out, cache_read=cached))
    if not prices:
        raise BadRequest("No price was told. Write at least one, in US dollars per million tokens.")
    return at_prices(db, counted(ask), prices=prices, now=known, workflow=ask.word("workflow"))


def _reladdered(ask: Ask, db: Database) -> Reladdered:
    workflow = ask.word("workflow")
    shares = {name: share for name in rungs(ask, workflow) if (share := _number(ask, f"share.{name}"))}
    if not workflow or not shares:
        raise BadRequest("No share was told. Choose a workflow, and say which part of its calls each target would answer.")
    found = other_ladder(db, workflow, span=counted(ask), shares=shares)
    if found is None:
        raise BadRequest(f"No model answered a call of `{workflow}` in {ask.span.says}. Choose a longer time.")
    return found


def _number(ask: Ask, name: str) -> float | None:
    told = ask.word(name, longest=20)
    if not told:
        return None
    try:
        number = float(told)
    except ValueError:
        number = -1.0
    if not 0 <= number <= _MOST:
        raise BadRequest(f"`{told}` is no amount. Write a number such as `2.5`.", field=name)
    return number
