"""
Questions of any kind over everything that is kept: sealed files and hot rows as one table each, answered by DuckDB in memory.

The tables bear the ledger's names. Only those that a question names are made ready. A question can read them and nothing else: no file, no extension, no
setting, and it is stopped when it takes too long.
"""

import re
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, Self

from pointsman.core.errors import BadRequest
from pointsman.storage import duck as ducks
from pointsman.storage.open import open_reading
from pointsman.storage.sealed_kinds import DAY_MS, KINDS, Kind, Segment, fingerprints, hot_rows, segments
from pointsman.storage.sql import Database, Row, Values

_WHAT: Final = "Asking the ledger in SQL"
_END_MS: Final = 1 << 47
_TRIES: Final = 3
# What configurations were, and how the file is kept: not what anybody asks in SQL.
_NOT_SHOWN: Final = frozenset({"snapshot", "segment"})
_SEALED: Final[Mapping[str, Kind]] = {kind.name: kind for kind in KINDS}


class Analytics:
    """
    The ledger at a place (a file, or a `postgresql://` URL) and its folder of segments, as they were when a table was first named.

    Memory in megabytes; a question that takes longer than `most_s` is stopped. Raises `ExtraMissing` without DuckDB. For one thread.
    """

    def __init__(self, place: Path | str, folder: Path, *, memory_mb: int = 1024, threads: int = 2, most_s: float = 60.0) -> None:
        self._place = place
        self._folder = folder
        self._most_s = most_s
        self._ready: set[str] = set()
        self._library = ducks.duckdb(_WHAT)
        self._duck = ducks.connect(memory_mb=memory_mb, threads=threads, what=_WHAT)
        self._duck.execute(f"SET allowed_directories = [{ducks.text(f'{folder.absolute()}/')}]")
        self._duck.execute("SET enable_external_access = false")
        self._duck.execute("SET lock_configuration = true")

    def rows(self, sql: str, values: Values | None = None, *, most_rows: int | None = None) -> list[Row]:
        """
        Return what a question finds, at most `most_rows`; parameters are written `:name` or `$name`.

        Raises `BadRequest` for what is no single question, cannot be answered or takes too long.
        """
        asked = _with_dollars(sql, values or {})
        self._check(asked)
        self._make_ready(asked)
        stop = threading.Timer(self._most_s, self._duck.interrupt)
        stop.daemon = True
        stop.start()
        try:
            found = self._duck.execute(asked, dict(values)) if values else self._duck.execute(asked)
            names = [str(column[0]) for column in found.description or ()]
            taken = found.fetchall() if most_rows is None else found.fetchmany(most_rows)
        except self._library.InterruptException as error:
            raise BadRequest(f"The question took longer than {self._most_s:g} s and was stopped. Ask about a shorter time, or for fewer groups.") from error
        except self._library.OutOfMemoryException as error:
            raise BadRequest("The question needs more memory than it may have. Ask about a shorter time, or for fewer groups.") from error
        except self._library.Error as error:
            raise BadRequest(f"The question cannot be answered: {_first_lines(error)}. `SHOW TABLES` lists the tables there are.") from error
        finally:
            stop.cancel()
        return [dict(zip(names, row, strict=True)) for row in taken]

    def close(self) -> None:
        """Let go of the memory."""
        self._duck.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check(self, sql: str) -> None:
        try:
            statements = self._duck.extract_statements(sql)
        except self._library.Error as error:
            raise BadRequest(f"The question is no SQL: {_first_lines(error)}. Write a SELECT.") from error
        kinds = [statement.type for statement in statements]
        if kinds != [self._library.StatementType.SELECT]:
            raise BadRequest("Only one question at a time can be asked, and nothing can be changed. Write a single SELECT.")

    # ── tables ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _make_ready(self, sql: str) -> None:
        words = set(re.findall(r"\w+", sql.lower()))
        everything = {"show", "describe", "summarize", "information_schema", "duckdb_tables", "duckdb_columns"} & words
        wanted = [name for name in ducks.tables() if name not in _NOT_SHOWN and name not in self._ready]
        named = [name for name in wanted if name in words]
        if named:
            with closing(open_reading(self._place)) as db:
                for name in named:
                    self._fill(db, name)
        if everything:
            for name in wanted:
                if name not in self._ready:  # its columns can be looked at; a question that names it makes it anew
                    self._duck.execute(f"DROP TABLE IF EXISTS {ducks.quoted(name)}")
                    ducks.create(self._duck, name, columns=ducks.tables()[name])

    def _fill(self, db: Database, name: str) -> None:
        self._duck.execute(f"DROP TABLE IF EXISTS {ducks.quoted(name)}")
        if name in _SEALED:
            self._fill_sealed(db, _SEALED[name])
        else:
            columns = ducks.tables()[name]
            ducks.create(self._duck, name, columns=columns)
            ducks.append(self._duck, name, columns=columns, rows=db.rows(f"SELECT {', '.join(map(ducks.quoted, columns))} FROM {ducks.quoted(name)}"))
        self._ready.add(name)

    def _fill_sealed(self, db: Database, kind: Kind) -> None:
        """Take hot rows first and the files then. Where a night's work came between the two, begin again."""
        hot = f"hot {kind.name}"
        for _ in range(_TRIES):
            known = segments(db, kind.name)
            valid = self._unchanged(db, kind, known=known)
            ducks.create(self._duck, hot, columns=kind.columns)
            for batch in hot_rows(db, kind, spans=_but(sorted(valid)), undated=kind.day == "done_ms"):
                ducks.append(self._duck, hot, columns=kind.columns, rows=batch)
            if segments(db, kind.name) == known:
                self._view(kind, whole=[segment for segment in known if segment.day_ms in valid], parts=[one for one in known if one.is_detached])
                return
        raise BadRequest(f"`{kind.name}` is being sealed just now. Ask again in a minute.")

    def _unchanged(self, db: Database, kind: Kind, *, known: Sequence[Segment]) -> set[int]:
        """Return the sealed days whose hot rows are there and are just those of the files, so that they need not be read."""
        days: dict[int, list[Segment]] = {}
        for segment in known:
            days.setdefault(segment.day_ms, []).append(segment)
        hot = {day: told for day, told in days.items() if not any(segment.is_detached for segment in told)}
        seen = fingerprints(db, kind, days=[*hot])
        return {day for day, told in hot.items() if self._print_of(kind, told) == seen[day]}

    def _print_of(self, kind: Kind, known: Sequence[Segment]) -> tuple[int, ...]:
        if not all((self._folder / segment.name).is_file() for segment in known):
            return ()
        found = ducks.found(self._duck, f"SELECT {kind.print_sql} FROM {self._files(known)}")
        return tuple(int(value) for value in found[0].values())

    def _view(self, kind: Kind, *, whole: Sequence[Segment], parts: Sequence[Segment]) -> None:
        """Make the table: hot rows, files that stand for hot rows, and of detached days those rows that no hot row of the same key stands for."""
        hot = ducks.quoted(f"hot {kind.name}")
        missing = "".join(f", CAST(NULL AS {told}) AS {ducks.quoted(name)}" for name, told in ducks.tables()[kind.name].items() if name not in kind.columns)
        made = [f"SELECT *{missing} FROM {hot}"]
        if whole:
            made.append(f"SELECT * FROM {self._files(whole)}")
        if parts:
            made.append(f"SELECT * FROM {self._files(parts)} ANTI JOIN (SELECT {', '.join(kind.key)} FROM {hot}) AS late USING ({', '.join(kind.key)})")
        self._duck.execute(f"CREATE VIEW {ducks.quoted(kind.name)} AS {' UNION ALL BY NAME '.join(made)}")

    def _files(self, known: Sequence[Segment]) -> str:
        return ducks.files([(self._folder / segment.name).absolute() for segment in known])


def _but(days: Sequence[int]) -> list[tuple[int, int]]:
    """Return the spans of time that are in none of these days."""
    spans: list[tuple[int, int]] = []
    since = 0
    for day in days:
        if day > since:
            spans.append((since, day))
        since = day + DAY_MS
    return [*spans, (since, _END_MS)]


def _with_dollars(sql: str, values: Values) -> str:
    """Write `:name` as DuckDB does, for the names that are given, outside of texts."""
    if not values:
        return sql
    names = "|".join(map(re.escape, values))
    return re.sub(rf"('(?:[^']|'')*')|(?<![:\w]):({names})\b", lambda found: found[1] or f"${found[2]}", sql)


def _first_lines(error: Exception) -> str:
    return " ".join(str(error).split("\n\n", 1)[0].split()).rstrip(".")
