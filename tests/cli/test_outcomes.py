"""
`pointsman outcomes import`, into the ledger and through a running gateway.
"""

import sqlite3
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Run
from tests.cli.running import Gateway, free_ports

CONFIGURATION = """\
server: {{listen: "127.0.0.1:{port}"}}
vendors: {{acme: {{kind: openai_compatible, base_url: "http://127.0.0.1:1/v1"}}}}
targets: {{small: {{vendor: acme, model: small}}}}
capabilities: {{support: {{ladder: [small]}}}}
"""
TABLE = "ticket,status,when,mins\nt1,resolved,2026-01-01T10:00:00Z,4.5\nt2,resolved,nonsense,\nt3,,,\nt4,reopened,,1\n"
MAP = ("--map", "unit=ticket,kind=status", "--map", "at=when,human_minutes=mins")


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "pointsman.db")) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration whose gateway does not run, and a table."""
    (tmp_path / "pointsman.yaml").write_text(CONFIGURATION.format(port=free_ports(1)[0]))
    (tmp_path / "told.csv").write_text(TABLE, encoding="utf-8-sig")
    return tmp_path


def test_without_a_gateway_rows_go_into_the_ledger_once_and_bad_ones_are_told_with_their_lines(run: Run, folder: Path) -> None:
    for _ in range(2):
        done = run("outcomes", "import", "told.csv", *MAP, "--tenant", "shop")
        assert (done.code, done.out) == (1, "2 outcomes recorded in the ledger.\n")
        assert "line 3: `at` is `nonsense`." in done.err
        assert "line 4: `kind` is empty." in done.err
        assert "2 rows were left out" in done.err
    told = rows(folder, "SELECT tenant, unit, kind, at_ms = 1767261600000, human_s FROM outcome ORDER BY unit")
    assert told == [("shop", "t1", "resolved", 1, 270.0), ("shop", "t4", "reopened", 0, 60.0)]


def test_a_clean_file_ends_well_and_json_tells_where_it_went(run: Run, folder: Path) -> None:
    (folder / "clean.csv").write_text("unit\n" + "".join(f"t{number}\n" for number in range(1203)))
    done = run("outcomes", "import", "clean.csv", "--set", "kind=resolved", "--offline", "--json")
    assert (done.code, done.json) == (0, {"recorded": 1203, "refused": 0, "where": "the ledger", "bad": []})
    assert rows(folder, "SELECT COUNT(*), COUNT(DISTINCT outcome_id) FROM outcome") == [(1203, 1203)]


def test_what_the_door_would_refuse_is_refused_offline_too(run: Run, folder: Path) -> None:
    (folder / "some.csv").write_text("unit,kind,workflow\na,won,sales\nb,won,support\n" + "c,won,x\n" * 60)
    done = run("outcomes", "import", "some.csv")
    assert "line 2: There is no workflow `sales`." in done.err
    assert "… and 11 more" in done.err
    assert rows(folder, "SELECT unit FROM outcome") == [("b",)]


def test_a_running_gateway_is_found_and_told(run: Run, gateway: Gateway, folder: Path) -> None:
    listen = gateway.url.partition("://")[2]
    (folder / "pointsman.yaml").write_text(CONFIGURATION.format(port=listen.rpartition(":")[2]))
    for words in ((), ("--url", gateway.url)):
        done = run("outcomes", "import", "told.csv", *MAP, "--json", *words)
        assert (done.json["recorded"], done.json["refused"], done.json["where"]) == (2, 2, gateway.url)
    assert not (folder / "pointsman.db").exists()
    assert rows(gateway.folder, "SELECT COUNT(*) FROM outcome WHERE unit IN ('t1', 't4') AND outcome_id LIKE 'csv-%'") == [(2,)]
    (folder / "odd.csv").write_text("unit,kind,workflow\na,won,sales\n")
    assert "line 2: There is no workflow `sales`." in run("outcomes", "import", "odd.csv").err


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("told.csv",), 1, "no column `unit`"),
        (("told.csv", "--map", "unit"), 2, "is no pair"),
        (("binary.csv", "--offline"), 1, "is not UTF-8"),
        (("told.csv", *MAP, "--url", "nowhere"), 1, "is no address of a gateway"),
        (("told.csv", *MAP, "--url", "http://127.0.0.1:9"), 3, "did not answer"),
    ],
)
def test_what_cannot_be_imported_says_why(run: Run, folder: Path, words: tuple[str, ...], code: int, says: str) -> None:
    (folder / "binary.csv").write_bytes(b"unit,kind\na,won\n\xff,won\n")
    done = run("outcomes", "import", *words)
    assert (done.code, says in done.err) == (code, True), done.err


class _Refusing(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        body = b'{"error": {"message": "This key may not."}}' if self.headers["authorization"] == "Bearer pm_wrong" else b"<html>"
        self.send_response(403)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        del format, args


def test_a_gateway_that_refuses_is_told_with_its_reason_and_what_is_no_gateway_as_such(run: Run, folder: Path) -> None:
    assert (folder / "told.csv").exists()
    with HTTPServer(("127.0.0.1", 0), _Refusing) as server:
        thread = threading.Thread(target=lambda: [server.handle_request() for _ in range(2)])
        thread.start()
        words = ("outcomes", "import", "told.csv", *MAP, "--url", f"http://127.0.0.1:{server.server_port}")
        refused, stranger = run(*words, "--key", "pm_wrong"), run(*words)
        thread.join()
    assert (refused.code, refused.err) == (1, "The gateway refused: This key may not.\n")
    assert (stranger.code, "is no gateway (status 403)" in stranger.err) == (1, True)
