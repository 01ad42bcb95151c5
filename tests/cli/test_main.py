"""
The command line as a whole: help at once, exit codes, errors as text and as JSON.
"""

import contextlib
import os
import pty
import resource
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.cli.running import CONFIGURATION, PROGRAM, finish, start

from pointsman.cli import main as command_line


def test_help_lists_every_command_and_every_exit_code(run: Run) -> None:
    done = run("--help")

    assert done.code == 0
    for name in command_line._COMMANDS:
        assert f"\n  {name} " in done.out
    for code in ("0", "1", "2", "3", "4", "130"):
        assert f"\n  {code} " in done.out


@pytest.mark.parametrize("name", [name for name in command_line._COMMANDS if name != "demo"])
def test_each_command_explains_itself_in_a_terminal_of_80_columns(run: Run, name: str) -> None:
    done = run(name, "--help")

    assert done.code == 0
    assert max(map(len, done.out.split("\n"))) <= 80


def test_help_imports_no_command_and_no_gateway() -> None:
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from pointsman.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: print(*sys.modules, file=sys.stderr)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )

    loaded = {name for name in told.stderr.split() if name.startswith("pointsman.") or name in {"asyncio", "yaml", "starlette", "uvicorn"}}
    assert loaded <= {"pointsman.cli", "pointsman.cli.main", "pointsman.cli.options", "pointsman.core", "pointsman.core.errors"} | {
        "pointsman.core.failure",
        "pointsman.core.money",
    }


def test_help_answers_within_a_fifth_of_a_second(tmp_path: Path) -> None:
    """Counted in processor time, the best of a few: help waits for nothing, and a busy machine is not its fault."""
    took: list[float] = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert finish(start("--help", folder=tmp_path)).code == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    assert min(took) < 0.2


@pytest.mark.parametrize("words", [("nothing",), ("check", "--nothing"), ("ask",), ("keys", "create")])
def test_wrong_usage_exits_with_2_and_shows_how(run: Run, words: tuple[str, ...]) -> None:
    done = run(*words)

    assert done.code == 2
    assert "Usage:" in done.err


def test_errors_are_json_where_json_was_asked_for(run: Run) -> None:
    wrong, usage, missing = run("keys", "create", "a b", "--json"), run("check", "--nothing", "--json"), run("check", "--json")

    assert (wrong.code, wrong.json["error"]["code"]) == (1, "wrong")
    assert (usage.code, usage.json["error"]["code"]) == (2, "usage")
    assert (missing.code, missing.json["error"]["code"]) == (1, "settings_invalid")
    assert missing.json["error"]["mistakes"][0]["remedy"] == "Write one with `pointsman init`."


def test_the_version_is_told(run: Run) -> None:
    assert run("--version").out.startswith("pointsman 0.")


def test_output_that_nobody_reads_to_its_end_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "pointsman.yaml").write_text(CONFIGURATION.format(listen=1, admin=2, url="http://127.0.0.1:1/v1"))
    process = start("check", "--schema", folder=tmp_path)
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None

    assert "Traceback" not in finish(process).err


def test_a_shell_can_complete_the_commands(tmp_path: Path) -> None:
    done = finish(start(folder=tmp_path, _POINTSMAN_COMPLETE="bash_complete", COMP_WORDS="pointsman ex", COMP_CWORD="1"))

    assert done.out == "plain,explain\nplain,export\n"


def in_a_terminal(*words: str, folder: Path, columns: int = 80) -> list[str]:
    """Run a command in a terminal of its own and return the lines that it shows there."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, columns))
    environ = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, *words], cwd=folder, env=environ, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    shown = b""
    with contextlib.suppress(OSError):  # so Linux tells that nobody holds the other end any more
        while piece := os.read(master, 4096):
            shown += piece
    os.close(master)
    process.wait(timeout=50)
    return shown.decode().split("\r\n")


def test_in_a_terminal_every_message_fits_and_is_wrapped_between_words(tmp_path: Path, run: Run) -> None:
    commands = [
        ("init", "--no-probe"),
        ("init", "--no-probe"),
        ("check",),
        ("explain", "--capability", "support-answer"),
        ("explain", "--capability", "support-answer", "--data-class", "restricted"),
        ("explain", "--capability", "support-answer", "Write to anna.miller@example.com that her card 4111 1111 1111 1111 is blocked."),
        ("ask", "Hello", "--capability", "support-answer", "--url", "http://127.0.0.1:1"),
        ("report",),
        ("keys", "list"),
        ("keys", "create", "web"),
    ]
    for words in commands:
        shown = in_a_terminal(*words, folder=tmp_path)
        assert max(map(len, shown)) <= 80, words

    whole = run("keys", "revoke", "web")
    wrapped = in_a_terminal("keys", "revoke", "web", folder=tmp_path, columns=40)
    assert len(wrapped) > 3
    assert " ".join(wrapped).split() == whole.err.split()
