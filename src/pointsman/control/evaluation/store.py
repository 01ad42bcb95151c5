"""
The store of `pointsman router`: prompts, what models made of them, what was decided, what was told afterwards, and what was learned. One SQLite file.

A prompt is known by its text and capability. A file that is imported again changes nothing; a later file replaces what it says anew.
"""

import hashlib
import sqlite3
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from msgspec import Struct

from pointsman.control.evaluation.grid import Floats, Grid
from pointsman.control.evaluation.tables import Outcome
from pointsman.core.errors import BadRequest, Unusable

_FILE: Final = "router.sqlite"
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS prompt (prompt_id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, text TEXT NOT NULL, capability TEXT NOT NULL,
    split TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS outcome (prompt_id INTEGER NOT NULL, model TEXT NOT NULL, score REAL NOT NULL, cost REAL, answer TEXT,
    PRIMARY KEY (prompt_id, model)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS decision (id TEXT PRIMARY KEY, prompt TEXT NOT NULL, capability TEXT NOT NULL, model TEXT NOT NULL, told BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS feedback (id TEXT NOT NULL, model TEXT NOT NULL, prompt TEXT NOT NULL, capability TEXT NOT NULL, score REAL NOT NULL, cost REAL,
    PRIMARY KEY (id, model)) STRICT;
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
"""


class Kept(Struct, frozen=True, kw_only=True):
    """What an import did, in rows: new ones, those that say something else than before, those that were there, and those without a score."""

    added: int = 0
    changed: int = 0
    same: int = 0
    unscored: int = 0


class Store:
    """A folder with the store. Close it after use."""

    def __init__(self, folder: Path, *, is_new: bool = False) -> None:
        """Open it; make it if `is_new`. Raises `BadRequest` if there is none, `Unusable` if it cannot be opened."""
        path = folder / _FILE
        if not is_new and not path.is_file():
            raise BadRequest(f"There is nothing in `{folder}`. Import outcomes with `pointsman router import FILE`, or name another --store.")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.db = sqlite3.connect(path, isolation_level=None)
            self.db.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 10000;{_SCHEMA}")
        except (OSError, sqlite3.Error) as error:
            raise Unusable(f"`{path}` cannot be opened ({error}). Name a folder that may be written with --store.") from error

    def close(self) -> None:
        """Close the file."""
        self.db.close()

    @contextmanager
    def writing(self) -> Generator[sqlite3.Connection]:
        """Yield the connection in a transaction: all of it is kept, or nothing."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield self.db
            self.db.execute("COMMIT")
        except BaseException:
            self.db.execute("ROLLBACK")
            raise

    # ── outcomes ────────────────────────────────────────────────────────────────────────────────────────────────────

    def keep(self, outcomes: Iterable[Outcome]) -> Kept:
        """
        Keep outcomes, all or none. Rows of one prompt and model are one outcome: their mean score and mean known cost, and the first answer.

        Raises `BadRequest` for a prompt that is in two splits.
        """
        unscored = 0
        told: dict[tuple[int, str], list[Outcome]] = {}
        with self.writing():
            known = {row[0]: (row[1], row[2]) for row in self.db.execute("SELECT digest, prompt_id, split FROM prompt")}
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
            row = self.db.execute(
                "INSERT INTO prompt (digest, text, capability, split) VALUES (?, ?, ?, ?)", (key, outcome.prompt, outcome.capability, outcome.split)
            )
            known[key] = (int(row.lastrowid or 0), outcome.split)
            return known[key][0]
        number, split = found
        if outcome.split and outcome.split != split:
            if split:
                raise BadRequest(f"row {outcome.row}, column `split`: this prompt is in `{split}` already, and in `{outcome.split}` here. Give it one split.")
            self.db.execute("UPDATE prompt SET split = ? WHERE prompt_id = ?", (outcome.split, number))
            known[key] = (number, outcome.split)
        return number

    def _write(self, told: dict[tuple[int, str], list[Outcome]]) -> Kept:
        there: dict[tuple[int, str], tuple[Any, ...]] = {(row[0], row[1]): row[2:] for row in self.db.execute("SELECT * FROM outcome")}
        rows = {key: _one(several) for key, several in told.items()}
        new = [key for key in rows if key not in there]
        changed = [key for key, row in rows.items() if key in there and there[key] != row]
        self.db.executemany("INSERT OR REPLACE INTO outcome VALUES (?, ?, ?, ?, ?)", [(*key, *rows[key]) for key in (*new, *changed)])
        return Kept(added=len(new), changed=len(changed), same=len(rows) - len(new) - len(changed))

    def grid(self) -> Grid:
        """Return everything that is known, as a grid of prompts and models. Raises `BadRequest` if nothing is."""
        prompts = self.db.execute("SELECT prompt_id, text, capability, split FROM prompt ORDER BY prompt_id").fetchall()
        models = [str(row[0]) for row in self.db.execute("SELECT DISTINCT model FROM outcome ORDER BY model")]
        if not models:
            raise BadRequest("No outcome is kept yet. Import some with `pointsman router import FILE`.")
        at = {row[0]: index for index, row in enumerate(prompts)}
        of = {model: index for index, model in enumerate(models)}
        score, cost = _empty(len(prompts), len(models)), _empty(len(prompts), len(models))
        answers: dict[tuple[int, int], str] = {}
        for number, model, told, price, answer in self.db.execute("SELECT prompt_id, model, score, cost, answer FROM outcome"):
            where = (at[number], of[model])
            score[where] = told
            if price is not None:
                cost[where] = price
            if answer is not None:
                answers[where] = answer
        texts, capabilities, splits = (tuple(str(row[column]) for row in prompts) for column in (1, 2, 3))
        return Grid(prompts=texts, capabilities=capabilities, splits=splits, models=tuple(models), score=score, cost=cost, answers=answers)

    def sizes(self) -> dict[str, int]:
        """Return how many prompts, models, outcomes, and outcomes without a cost there are."""
        row = self.db.execute("SELECT count(DISTINCT prompt_id), count(DISTINCT model), count(*), count(*) - count(cost) FROM outcome").fetchone()
        return dict(zip(("prompts", "models", "outcomes", "uncosted"), row, strict=True))

    # ── what is remembered ──────────────────────────────────────────────────────────────────────────────────────────

    def remember(self, name: str, value: bytes) -> None:
        """Keep bytes under a name, in the place of those that were there."""
        self.db.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (name, value))

    def remembered(self, name: str) -> bytes | None:
        """Return what is kept under a name, or None."""
        row = self.db.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
        return None if row is None else bytes(row[0])


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
