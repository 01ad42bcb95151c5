"""
The store of `pointsman router`: prompts, what models made of them, what was decided, what was told afterwards, and what was learned. One SQLite file.

A prompt is known by its text and capability. A file that is imported again changes nothing; a later file replaces what it says anew.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from msgspec import Struct

from pointsman.control.evaluation.grid import Floats, Grid
from pointsman.control.evaluation.tables import Outcome
from pointsman.core.errors import BadRequest
from pointsman.storage.router_file import RouterFile


class Kept(Struct, frozen=True, kw_only=True):
    """What an import did, in rows: new ones, those that say something else than before, those that were there, and those without a score."""

    added: int = 0
    changed: int = 0
    same: int = 0
    unscored: int = 0


class Store(RouterFile):
    """The file, with outcomes and grids in the place of rows."""

    # ── outcomes ────────────────────────────────────────────────────────────────────────────────────────────────────

    def keep(self, outcomes: Iterable[Outcome]) -> Kept:
        """
        Keep outcomes, all or none. Rows of one prompt and model are one outcome: their mean score and mean known cost, and the first answer.

        Raises `BadRequest` for a prompt that is in two splits.
        """
        unscored = 0
        told: dict[tuple[int, str], list[Outcome]] = {}
        with self.writing():
            known = {digest: (number, split) for number, digest, _, _, split in self.prompts()}
            for outcome in outcomes:
                if outcome.score is None:
                    unscored += 1
                    continue
                told.setdefault((self._prompt(outcome, known), outcome.model), []).append(outcome)
            kept = self._write(told)
        return Kept(added=kept.added, changed=kept.changed, same=kept.same, unscored=unscored)

    def _prompt(self, outcome: Outcome, known: dict[bytes, tuple[int, str]]) -> int:
        key = digest(outcome.prompt, outcome.capability)
        found = known.get(key)
        if found is None:
            number = self.add_prompt(key, outcome.prompt, capability=outcome.capability, split=outcome.split)
            known[key] = (number, outcome.split)
            return number
        number, split = found
        if outcome.split and outcome.split != split:
            if split:
                raise BadRequest(f"row {outcome.row}, column `split`: this prompt is in `{split}` already, and in `{outcome.split}` here. Give it one split.")
            self.give_split(number, outcome.split)
            known[key] = (number, outcome.split)
        return number

    def _write(self, told: dict[tuple[int, str], list[Outcome]]) -> Kept:
        there: dict[tuple[int, str], tuple[Any, ...]] = {(row[0], row[1]): row[2:] for row in self.outcomes()}
        rows = {key: _one(several) for key, several in told.items()}
        new = [key for key in rows if key not in there]
        changed = [key for key, row in rows.items() if key in there and there[key] != row]
        self.put_outcomes([(*key, *rows[key]) for key in (*new, *changed)])
        return Kept(added=len(new), changed=len(changed), same=len(rows) - len(new) - len(changed))

    def grid(self) -> Grid:
        """Return everything that is known, as a grid of prompts and models. Raises `BadRequest` if nothing is."""
        prompts, outcomes = self.prompts(), self.outcomes()
        models = sorted({str(row[1]) for row in outcomes})
        if not models:
            raise BadRequest("No outcome is kept yet. Import some with `pointsman router import FILE`.")
        at = {row[0]: index for index, row in enumerate(prompts)}
        of = {model: index for index, model in enumerate(models)}
        score, cost = _empty(len(prompts), len(models)), _empty(len(prompts), len(models))
        answers: dict[tuple[int, int], str] = {}
        for number, model, told, price, answer in outcomes:
            where = (at[number], of[model])
            score[where] = told
            if price is not None:
                cost[where] = price
            if answer is not None:
                answers[where] = answer
        texts, capabilities, splits = (tuple(str(row[column]) for row in prompts) for column in (2, 3, 4))
        return Grid(prompts=texts, capabilities=capabilities, splits=splits, models=tuple(models), score=score, cost=cost, answers=answers)


def digest(prompt: str, capability: str) -> bytes:
    """Return what a prompt is known by."""
    return hashlib.sha256(f"{capability}\0{prompt}".encode()).digest()[:16]


def _one(several: Sequence[Outcome]) -> tuple[float, float | None, str | None]:
    scores = [one.score for one in several if one.score is not None]
    costs = [one.cost for one in several if one.cost is not None]
    answers = [one.answer for one in several if one.answer is not None]
    return sum(scores) / len(scores), sum(costs) / len(costs) if costs else None, answers[0] if answers else None


def _empty(prompts: int, models: int) -> Floats:
    return np.full((prompts, models), np.nan)
