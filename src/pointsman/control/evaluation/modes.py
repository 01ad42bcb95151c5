"""
How a model is chosen for each prompt of a file: by a share of calls, by a price of cost, under a promise, or exploring. Arrays in, a column per prompt out.
"""

import re
from typing import Final, Literal

import numpy as np
from msgspec import Struct

from pointsman.control.evaluation import curves
from pointsman.control.evaluation.engine import Expected
from pointsman.control.evaluation.grid import Floats, Whole
from pointsman.control.evaluation.lines import Ends
from pointsman.core.errors import BadRequest
from pointsman.decision.exploration import explore

PRICE: Final = 0.15
EXPLORED: Final = 0.1
_BOUND: Final = 1.6449  # of a normal distribution, 5 % lie above
_NUMBER: Final = r"\d*\.?\d+(?:[eE][-+]?\d+)?"
_FORMS: Final = re.compile(rf"(?:(share|lambda)=({_NUMBER})|(risk)=({_NUMBER}),({_NUMBER})|(online)(?:=({_NUMBER})(?:,({_NUMBER}))?)?)")
_HOW: Final = "Write `share=0.5`, `lambda=0.3`, `risk=0.02,0.1`, `online` or `online=0.15,0.1` (price of cost, share that is tried)"

Kind = Literal["share", "lambda", "risk", "online"]


class Mode(Struct, frozen=True, kw_only=True):
    """
    `share` of calls go to the best single model, or are tried elsewhere when exploring. `price` is what a unit of relative cost is worth in quality.

    Under a promise the expected `loss` of quality against the best single model is not exceeded, with probability `sure`.
    """

    kind: Kind
    share: float = EXPLORED
    price: float = PRICE
    loss: float = 0.0
    sure: float = 0.0


def mode_of(told: str) -> Mode:
    """Return the mode that a text names. Raises `BadRequest`, which says how modes are written."""
    found = _FORMS.fullmatch(told.strip())
    if found is None:
        raise BadRequest(f"`{told}` is no mode. {_HOW}.")
    words = found.groups()
    if words[0] is not None:
        number = float(words[1])
        return Mode(kind="share", share=_within(number, 1.0, what="A share")) if words[0] == "share" else Mode(kind="lambda", price=number)
    if words[2] is not None:
        loss, doubt = _within(float(words[3]), 1.0, what="A loss"), float(words[4])
        if not 0.0 < doubt < 1.0 or loss <= 0.0:
            raise BadRequest(f"`{told}`: the loss is above 0, and the probability that it is exceeded between 0 and 1. Write `risk=0.02,0.1`.")
        return Mode(kind="risk", loss=loss, sure=1.0 - doubt)
    price = PRICE if words[6] is None else float(words[6])
    return Mode(kind="online", price=price, share=_within(EXPLORED if words[7] is None else float(words[7]), 1.0, what="A share"))


def guard_of(told: str) -> tuple[float, float]:
    """Return loss and certainty of `LOSS,SURE`. Raises `BadRequest`."""
    found = re.fullmatch(rf"({_NUMBER}),({_NUMBER})", told.strip())
    loss, sure = (float(number) for number in found.groups()) if found else (1.0, 1.0)
    if not (loss < 1.0 and 0.0 < sure < 1.0):
        raise BadRequest(f"`{told}` is no guard. Write a loss and how sure it is that it is not exceeded, such as `0.02,0.9`.")
    return loss, sure


def _within(number: float, most: float, *, what: str) -> float:
    if number > most:
        raise BadRequest(f"{what} is at most {most:g}, not {number:g}. {_HOW}.")
    return number


class Way(Struct, frozen=True, kw_only=True):
    """What was chosen: the column of each of `n` prompts, the probability of each of `m` models (n, m), and the price of cost that this came to, if any."""

    column: Whole
    probability: Floats
    price: float | None = None


def certain(column: Whole, models: int, *, price: float | None = None) -> Way:
    """Return a way that leaves nothing to chance."""
    return Way(column=column, probability=np.eye(models)[column], price=price)


def by_price(expected: Expected, *, price: float) -> Way:
    """Choose what is worth most at a price of cost."""
    return certain(curves.chosen(expected.quality, expected.cost, price=price), expected.quality.shape[1], price=price)


def by_share(expected: Expected, *, share: float, ends: Ends) -> Way:
    """
    Send exactly a share of the prompts to the best single model: those that need it most. The others go where it is worth most at the price of cost for which
    this share would go there by itself, or nearest to it; of two models, to the other one.
    """
    strong, count = ends.strong, round(share * len(expected.quality))
    prices = curves.prices(expected.quality, expected.cost)
    away = [abs(int((curves.chosen(expected.quality, expected.cost, price=float(price)) == strong).sum()) - count) for price in prices]
    price = float(prices[int(np.argmin(away))])
    worth = expected.quality - price * expected.cost
    others = worth.copy()
    others[:, strong] = -np.inf
    column = others.argmax(axis=1)
    need = expected.quality[:, strong] - expected.quality[:, column[0]] if worth.shape[1] == 2 else worth[:, strong] - others.max(axis=1)  # noqa: PLR2004 - a pair
    column[np.argsort(-need, kind="stable")[:count]] = strong
    return certain(column, worth.shape[1], price=price)


def exploring(expected: Expected, draws: Floats, *, mode: Mode, chances: Floats) -> Way:
    """
    Choose what is worth most, and now and then another that may well be worth as much: its upper bound reaches the lower bound of what is worth most.

    `draws` (n, k, m) of quality are the posterior's, `chances` (n) in [0, 1) decide.
    """
    first = curves.chosen(expected.quality, expected.cost, price=mode.price)
    worth = draws - mode.price * expected.cost[:, None, :]
    mean, half = expected.quality - mode.price * expected.cost, _BOUND * expected.sd
    rows = np.arange(len(first))
    may = mean + half >= (mean - half)[rows, first][:, None]
    each = zip(first.tolist(), worth, may.tolist(), chances.tolist(), strict=True)
    found = [explore(at, of, allowed=allowed, share=mode.share, chance=chance) for at, of, allowed, chance in each]
    return Way(column=np.array([one.index for one in found]), probability=np.array([one.probabilities for one in found]), price=mode.price)
