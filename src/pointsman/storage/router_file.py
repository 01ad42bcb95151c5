"""
The file of `pointsman router`: prompts, what models made of them, what was decided, what was told afterwards, and named bytes. Rows in, rows out.
"""

import sqlite3
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from pointsman.core.errors import BadRequest, Unusable

_FILE: Final = "router.sqlite"
_SCHEMA: Final = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA busy_timeout = 10000;
CREATE TABLE IF NOT EXISTS prompt (prompt_id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, text TEXT NOT NULL, capability TEXT NOT NULL,
    split TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS outcome (prompt_id INTEGER NOT NULL, model TEXT NOT NULL, score REAL NOT NULL, cost REAL, answer TEXT,
    PRIMARY KEY (prompt_id, model)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS decision (id TEXT PRIMARY KEY, prompt TEXT NOT NULL, capability TEXT NOT NULL, model TEXT NOT NULL, told BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS feedback (id TEXT NOT NULL, model TEXT NOT NULL, prompt TEXT NOT NULL, capability TEXT NOT NULL, score REAL NOT NULL, cost REAL,
    PRIMARY KEY (id, model)) STRICT;
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
"""

Row = tuple[Any, ...]


class RouterFile:
    """The SQLite file in a folder. Close it after use."""

    def __init__(self, folder: Path, *, is_new: bool = False) -> None:
        """Open it; make it if `is_new`. Raises `BadRequest` if there is none, `Unusable` if it cannot be opened."""
        self.folder = folder
        path = folder / _FILE
        if not is_new and not path.is_file():
            raise BadRequest(f"There is nothing in `{folder}`. Import outcomes with `pointsman router import FILE`, or name another --store.")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise Unusable(f"`{path}` cannot be opened ({error}). Name a folder that may be written with --store.") from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def writing(self) -> Generator[None]:
        """Keep all that is written within, or nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise

    # ── outcomes ────────────────────────────────────────────────────────────────────────────────────────────────────

    def prompts(self) -> list[Row]:
        """Return (number, digest, text, capability, split) of each prompt, by number."""
        return self._db.execute("SELECT prompt_id, digest, text, capability, split FROM prompt ORDER BY prompt_id").fetchall()

    def add_prompt(self, digest: bytes, text: str, *, capability: str, split: str) -> int:
        """Keep a new prompt; return its number."""
        row = self._db.execute("INSERT INTO prompt (digest, text, capability, split) VALUES (?, ?, ?, ?)", (digest, text, capability, split))
        return int(row.lastrowid or 0)

    def give_split(self, number: int, split: str) -> None:
        """Say in which split a prompt is."""
        self._db.execute("UPDATE prompt SET split = ? WHERE prompt_id = ?", (split, number))

    def outcomes(self) -> list[Row]:
        """Return (number of the prompt, model, score, cost, answer) of each outcome."""
        return self._db.execute("SELECT prompt_id, model, score, cost, answer FROM outcome").fetchall()

    def put_outcomes(self, rows: Iterable[Row]) -> None:
        """Keep outcomes as `outcomes` returns them, in the place of what was there."""
        self._db.executemany("INSERT OR REPLACE INTO outcome VALUES (?, ?, ?, ?, ?)", rows)

    def sizes(self) -> dict[str, int]:
        """Return how many prompts, models, outcomes, and outcomes without a cost there are."""
        row = self._db.execute("SELECT count(DISTINCT prompt_id), count(DISTINCT model), count(*), count(*) - count(cost) FROM outcome").fetchone()
        return dict(zip(("prompts", "models", "outcomes", "uncosted"), row, strict=True))

    # ── decisions and feedback ──────────────────────────────────────────────────────────────────────────────────────

    def put_decisions(self, rows: Iterable[Row]) -> None:
        """Keep (id, prompt, capability, model, bytes) of decisions; a later one of the same id replaces an earlier one."""
        with self.writing():
            self._db.executemany("INSERT OR REPLACE INTO decision VALUES (?, ?, ?, ?, ?)", rows)

    def decision(self, name: str) -> Row | None:
        """Return (prompt, capability, model) of a decision, or None."""
        return self._db.execute("SELECT prompt, capability, model FROM decision WHERE id = ?", (name,)).fetchone()

    def decided(self) -> list[Row]:
        """Return (id, prompt, capability, model, bytes, score, cost) of each decision, the last two of the model that was chosen if they were told."""
        return self._db.execute(
            "SELECT d.id, d.prompt, d.capability, d.model, d.told, f.score, f.cost FROM decision d LEFT JOIN feedback f ON f.id = d.id AND f.model = d.model"
            " ORDER BY d.id"
        ).fetchall()

    def put_feedback(self, rows: Iterable[Row]) -> None:
        """Keep feedback as `feedback` returns it, in the place of what was there."""
        self._db.executemany("INSERT OR REPLACE INTO feedback VALUES (?, ?, ?, ?, ?, ?)", rows)

    def feedback(self) -> list[Row]:
        """Return (id, model, prompt, capability, score, cost) of all feedback, in the order in which it came."""
        return self._db.execute("SELECT id, model, prompt, capability, score, cost FROM feedback ORDER BY rowid").fetchall()

    # ── what is remembered ──────────────────────────────────────────────────────────────────────────────────────────

    def remember(self, name: str, value: bytes) -> None:
        """Keep bytes under a name, in the place of those that were there."""
        self._db.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (name, value))

    def remembered(self, name: str) -> bytes | None:
        """Return what is kept under a name, or None."""
        row = self._db.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
        return None if row is None else bytes(row[0])
