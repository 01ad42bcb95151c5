"""
Decisions for the prompts of a file: read, predict, choose by a mode, and say of each what was expected.
"""

import hashlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from pointsman.control.evaluation import cascades, engine, modes
from pointsman.control.evaluation.cascades import Seen
from pointsman.control.evaluation.cells import BadCell, Cells, text_of
from pointsman.control.evaluation.engine import Expected, Guard
from pointsman.control.evaluation.fitted import Fitted
from pointsman.control.evaluation.grid import Floats
from pointsman.control.evaluation.journal import Decided, of_prompt
from pointsman.control.evaluation.modes import Mode, Way
from pointsman.control.evaluation.promise import Promise, kept
from pointsman.control.evaluation.tables import raw
from pointsman.core.errors import BadRequest
from pointsman.decision.prediction.values import Prompt


class Asked(Struct, frozen=True, kw_only=True):
    """A prompt to decide about. `answers` are what models said, by model. `name` is as it was given, `id` its text."""

    id: str
    name: str | int
    prompt: str
    capability: str
    answers: Mapping[str, str]


class Decision(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    A line of the output. `expected_cost` is in the table's unit, None where no cost is known. `probabilities` are there where chance decides.

    Of a cascade: `path` is who is asked in which order, `path_cost` what they are expected to cost together; `model` gives the answer.
    """

    id: str | int
    model: str
    probability: float
    predicted_quality: float
    sd: float
    expected_cost: float | None
    cpu_us: float
    probabilities: dict[str, float] = {}
    path: list[str] = []
    path_cost: float | None = None


def asked(path: Path) -> list[Asked]:
    """Return what is asked. Raises `BadRequest`, which names the line and the column at fault, if a single one cannot be read."""
    found: list[Asked] = []
    names: set[str] = set()
    for row, cells in raw(path)[1]:
        try:
            one = _asked(row, cells)
        except BadCell as bad:
            raise BadRequest(f"line {row} of `{path.name}`, column {bad}") from bad
        if one.id in names:
            raise BadRequest(f"line {row} of `{path.name}`, column `id`: `{one.id}` stands there twice. Give each line its own, or none.")
        names.add(one.id)
        found.append(one)
    if not found:
        raise BadRequest(f"`{path.name}` is empty. Write a JSON object with a `prompt` on each line.")
    return found


def _asked(row: int, cells: Cells) -> Asked:
    prompt, capability, name = text_of(cells, "prompt"), text_of(cells, "capability", is_needed=False), cells.get("id")
    if name is not None and not isinstance(name, str | int):
        raise BadCell("id", "is neither text nor a whole number. Write one of them, or leave it out.")
    known = f"{of_prompt(prompt, capability)[7:19]}-{row}" if name is None else str(name)
    return Asked(id=known, name=known if name is None else name, prompt=prompt, capability=capability, answers=_answers(cells))


def _answers(cells: Cells) -> dict[str, str]:
    told: Any = cells.get("answers")
    if told is None:
        return {}
    try:
        found = msgspec.convert(told, dict[str, str | None])
    except msgspec.ValidationError:
        raise BadCell("answers", 'is no object of texts by model. Write {"model": "its answer"}.') from None
    return {model: text for model, text in found.items() if text is not None}


# ── choosing ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Choice(Struct, frozen=True, kw_only=True):
    """What was chosen for all that was asked. `seen` is what was believed of the cheap answers, where they were looked at."""

    expected: Expected
    way: Way
    seen: Seen | None = None


def choice(value: Fitted, several: Sequence[Asked], *, mode: Mode, seed: int = 0, guard: Guard | None = None) -> Choice:
    """Choose for each prompt by `share`, `lambda` or `online`. `seed` is what chance depends on when exploring. A share is exact, and so not guarded."""
    predictor = value.predictor
    prompts = [Prompt(text=one.prompt, capability=one.capability) for one in several]
    expected = engine.expected(predictor, prompts, models=value.models)
    started = time.thread_time_ns()
    open_to = expected if guard is None else engine.guarded(predictor, prompts, known=expected, models=value.models, guard=guard)
    if mode.kind == "share":
        way = modes.by_share(expected, share=mode.share, ends=value.ends)
    elif mode.kind == "lambda":
        way = modes.by_price(open_to, price=mode.price)
    else:
        chances = np.array([_chance(seed, one.id) for one in several])
        way = modes.exploring(open_to, engine.draws(predictor, prompts, models=value.models, seed=seed), mode=mode, chances=chances)
    return Choice(expected=_timed(expected, started), way=way)


def under(promise: Promise, value: Fitted, *, several: Sequence[Asked]) -> Choice:
    """Choose for each prompt under a promise."""
    prompts = [Prompt(text=one.prompt, capability=one.capability) for one in several]
    expected = engine.expected(value.predictor, prompts, models=value.models)
    started = time.thread_time_ns()
    column = kept(promise, expected, strong=value.ends.strong, capabilities=[one.capability for one in several])
    return Choice(expected=_timed(expected, started), way=modes.certain(column, len(value.models)))


def cascade(value: Fitted, several: Sequence[Asked], *, mode: Mode) -> Choice:
    """
    Choose whether the best single model is asked after the answer of the cheapest, which must be there. Raises `BadRequest` if it is not, or where nothing was
    learned of answers, or for a mode that is neither `share` nor `lambda`.
    """
    prompts = [Prompt(text=one.prompt, capability=one.capability) for one in several]
    expected = engine.expected(value.predictor, prompts, models=value.models)
    started = time.thread_time_ns()
    seen = _looked_at(value, several, expected=expected)
    way = _onward(seen, expected=expected, mode=mode, value=value)
    return Choice(expected=_timed(expected, started), way=way, seen=seen)


def _timed(expected: Expected, started: int) -> Expected:
    """Add to each prediction its part of what choosing took since."""
    return msgspec.structs.replace(expected, cpu_us=expected.cpu_us + (time.thread_time_ns() - started) / 1000 / len(expected.cpu_us))


def _chance(seed: int, name: str) -> float:
    """Return a number in [0, 1) that looks drawn and is always the same."""
    return int.from_bytes(hashlib.blake2b(f"{seed}\0{name}".encode(), digest_size=8).digest(), "big") / 2**64


def _looked_at(value: Fitted, several: Sequence[Asked], *, expected: Expected) -> Seen:
    """Return what is believed after the cheap answers. Raises `BadRequest` where there is none, or where nothing was learned of answers."""
    learned = value.learned.verifiers
    if not learned:
        raise BadRequest(f"Nothing was learned of the answers of `{value.weak}`. Import a column `answer` and fit again, or leave --answers out.")
    lacks = [one.id for one in several if value.weak not in one.answers]
    if lacks:
        raise BadRequest(f"`{lacks[0]}` has no answer of `{value.weak}`, which is asked first. Add it to `answers`, or leave --answers out.")
    asked_of = [(one.prompt, one.capability, one.answers[value.weak]) for one in several]
    return cascades.seen(learned, asked_of, expected=expected, ends=value.ends, correlation=value.together)


def _onward(seen: Seen, *, expected: Expected, mode: Mode, value: Fitted) -> Way:
    """Ask the best single model too: exactly a share of times, or where it is worth its price."""
    two, gain = value.ends, seen.gain
    if mode.kind == "share":
        goes = np.zeros(len(gain), dtype=bool)
        goes[np.argsort(-gain, kind="stable")[: round(mode.share * len(gain))]] = True
    elif mode.kind == "lambda":
        goes = gain > mode.price * expected.cost[:, two.strong]
    else:
        raise BadRequest(f"A cascade cannot be chosen by `{mode.kind}`. Use share=… or lambda=… with --answers, or leave --answers out.")
    return modes.certain(np.where(goes, two.strong, two.weak), len(value.models), price=mode.price if mode.kind == "lambda" else None)


# ── what is written ─────────────────────────────────────────────────────────────────────────────────────────────────


def decisions(value: Fitted, several: Sequence[Asked], *, found: Choice) -> list[Decision]:
    """Return the lines of the output."""
    columns: list[int] = found.way.column.tolist()
    return [_decision(value, one, row=row, column=column, found=found) for row, (one, column) in enumerate(zip(several, columns, strict=True))]


def _decision(value: Fitted, one: Asked, *, row: int, column: int, found: Choice) -> Decision:
    expected, seen, two = found.expected, found.seen, value.ends
    probability = found.way.probability[row]
    quality = float(expected.quality[row, column])
    path: list[str] = []
    if seen is not None:
        quality = float((seen.best if column == two.strong else seen.cheap)[row])
        path = [value.weak] if column == two.weak else [value.weak, value.strong]
    many = {value.models[at]: round(float(probability[at]), 9) for at in np.flatnonzero(probability).tolist()}
    return Decision(
        id=one.name,
        model=value.models[column],
        probability=round(float(probability[column]), 9),
        predicted_quality=round(quality, 6),
        sd=round(float(expected.sd[row, column]), 6),
        expected_cost=_cost(value, float(expected.cost[row, column])),
        cpu_us=round(float(expected.cpu_us[row]), 1),
        probabilities=many if len(many) > 1 else {},
        path=path,
        path_cost=_cost(value, float(expected.cost[row, two.weak]) + float(expected.cost[row, two.strong]) * (column == two.strong)) if path else None,
    )


def _cost(value: Fitted, relative: float) -> float | None:
    return None if value.unit is None else relative * value.unit


def journaled(value: Fitted, several: Sequence[Asked], *, found: Choice) -> list[Decided]:
    """Return what is kept of the decisions, to learn and to estimate from later."""
    expected, way = found.expected, found.way
    return [
        Decided(
            id=one.id,
            prompt=one.prompt,
            capability=one.capability,
            model=value.models[int(way.column[row])],
            probability=_by_model(value, way.probability[row]),
            quality=_by_model(value, expected.quality[row]),
            cost=_by_model(value, expected.cost[row]),
        )
        for row, one in enumerate(several)
    ]


def _by_model(value: Fitted, row: Floats) -> dict[str, float]:
    return dict(zip(value.models, (float(number) for number in row), strict=True))
