"""
The demo as a new user meets it: a command, real processes, real HTTP.
"""

import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec
import pytest

from pointsman.cli.demonstration.processes import free_port

DEMO = (sys.executable, "-c", "from pointsman.cli.main import main; main()", "demo")


def demo(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*DEMO, "--port", str(free_port()), *options], cwd=folder, capture_output=True, text=True, timeout=50, check=False)


@contextmanager
def running(folder: Path, *options: str, out: int = subprocess.PIPE) -> Generator[subprocess.Popen[str]]:
    with subprocess.Popen([*DEMO, *options], cwd=folder, stdout=out, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.wait(50)


def until(stream: IO[str], words: str) -> str:
    """Return what was printed up to a line with these words."""
    seen = ""
    for line in stream:
        seen += line
        if words in line:
            return seen
    raise AssertionError(f"`{words}` was never printed:\n{seen}")


def left_over(folder: Path) -> list[str]:
    """Return the commands of processes that work in a folder."""
    found: list[str] = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").resolve() == folder.resolve():
                found.append((entry / "cmdline").read_text())
        except OSError:  # it has just ended, or is not ours
            continue
    return found


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Any:
    done = demo(tmp_path_factory.mktemp("demo"), "--once", "--speed", "20", "--json")
    assert done.returncode == 0, done.stderr
    return msgspec.json.decode(done.stdout)


def test_calls_by_place_add_up_to_the_calls(figures: Any) -> None:
    assert sum(figures["calls_by_place"].values()) == figures["support-triage"]["calls"] == figures["tickets"] == 120
    assert sum(site["calls"] for site in figures["sites"]) == 120
    assert figures["support-frontier"]["calls"] == 120


def test_every_kind_of_place_answers_some(figures: Any) -> None:
    assert set(figures["calls_by_place"]) == {"rules", "cache", "private", "cloud"}
    assert all(calls > 3 for calls in figures["calls_by_place"].values())


def test_what_the_places_cost_adds_up_to_what_the_capability_cost(figures: Any) -> None:
    assert sum(site["cost_usd"] for site in figures["sites"]) == pytest.approx(figures["support-triage"]["cost_usd"])
    assert figures["support-triage"]["cost_coverage"] == figures["support-frontier"]["cost_coverage"] == 1


def test_a_resolved_ticket_is_cheaper_than_with_the_frontier_model_alone_and_as_many_are_resolved(figures: Any) -> None:
    ours, theirs = figures["support-triage"], figures["support-frontier"]
    assert ours["cost_per_resolved_usd"] < theirs["cost_per_resolved_usd"] / 2
    assert figures["times_cheaper"] == pytest.approx(theirs["cost_per_resolved_usd"] / ours["cost_per_resolved_usd"], rel=1e-3)
    assert ours["resolved"] >= 0.9 * theirs["resolved"]


def test_no_call_is_lost_while_a_vendor_fails(figures: Any) -> None:
    assert figures["lost"] == 0
    assert figures["support-triage"]["ok"] == 120
    assert figures["fallbacks"] > 0
    assert figures["escalated"] > 0


def test_the_lines_that_it_prints_work_and_ctrl_c_ends_every_process(tmp_path: Path) -> None:
    port, began = free_port(), time.monotonic()
    with running(tmp_path, "--seconds", "30", "--speed", "4", "--port", str(port)) as process:
        assert process.stdout is not None
        printed = until(process.stdout, "print(answer.content[0].text)")
        shell, openai, anthropic = re.findall(r"^(?:In .*:)\n((?:  .*\n)+)", printed, re.MULTILINE)
        assert "127.0.0.1:" + str(port) in shell
        answered = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, timeout=50, check=True).stdout
        assert "Your parcel has left" in msgspec.json.decode(answered)["choices"][0]["message"]["content"]
        assert time.monotonic() - began < 10  # five seconds are promised; the tests' machine may have other work
        for code in (openai, anthropic):
            done = subprocess.run([sys.executable, "-c", "if True:\n" + code], capture_output=True, text=True, timeout=50, check=True)
            assert done.stdout.startswith("Your parcel has left")
        assert len(left_over(tmp_path)) == 5
        process.send_signal(signal.SIGINT)
        assert "Stopping" in process.stdout.read()
        assert process.wait(50) == 0
    assert left_over(tmp_path) == []
    again = subprocess.run([*DEMO, "--once", "--speed", "50", "--port", str(port)], cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False)
    assert again.returncode == 0, again.stderr


def test_without_a_terminal_it_prints_plain_lines(tmp_path: Path) -> None:
    done = demo(tmp_path, "--seconds", "3", "--speed", "10")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert re.search(r"^0:0\d · \d+ of 120 tickets · ", done.stdout, re.MULTILINE)
    assert "Simulated: vendors, models, prices, customers." in done.stdout
    assert "cheaper per resolved ticket" in done.stdout
    assert max(len(line) for line in done.stdout.splitlines() if not line.startswith("0:")) <= 80


def test_in_a_terminal_the_table_is_drawn_in_place_and_the_gateway_stays(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    seen = ""
    with running(tmp_path, "--once", "--stay", "--speed", "20", "--port", str(free_port()), out=theirs) as process:
        os.close(theirs)
        end = time.monotonic() + 40
        while "Ctrl-C ends the demo." not in seen and time.monotonic() < end:
            if select.select([ours], [], [], 1)[0]:
                seen += os.read(ours, 65536).decode()
        assert "The workload is done; the gateway goes on answering." in seen
        assert re.search(r"\x1b\[\d+F.*Pointsman demo", seen)
        shown = re.findall(r"^  pointsman (.* -c .*pointsman\.yaml)\r$", seen.replace("\\\r\n", ""), re.MULTILINE)
        assert len(shown) == 3
        for command in shown:
            done = subprocess.run([*DEMO[:-1], *shlex.split(command)], cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False)
            assert (done.returncode, bool(done.stdout.strip())) == (0, True), done.stderr
        process.send_signal(signal.SIGTERM)
        assert process.wait(50) == 0
    os.close(ours)


def test_a_lost_call_is_shown_with_its_reason(tmp_path: Path) -> None:
    with running(tmp_path, "--seconds", "3", "--speed", "10", "--port", str(free_port())) as process:
        assert process.stdout is not None
        until(process.stdout, "print(answer.content[0].text)")
        ports = re.findall(r"base_url: (http://127\.0\.0\.1:\d+)", (tmp_path / ".pointsman-demo" / "pointsman.yaml").read_text())
        assert len(ports) == 3
        for url in ports:
            urllib.request.urlopen(urllib.request.Request(f"{url}/simulated/faults", b'{"fault": "status_500"}'), timeout=30).close()
        told = process.stdout.read()
    assert re.search(r"lost: [1-9]", told)
    assert re.search(r"^ticket \d+ at support-\w+: 502 Every target of `support-\w+` failed", told, re.MULTILINE)


def test_it_says_so_when_a_process_ends_by_itself(tmp_path: Path) -> None:
    with running(tmp_path, "--seconds", "30", "--port", str(free_port())) as process:
        assert process.stdout is not None
        until(process.stdout, "print(answer.content[0].text)")
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        assert "The process `own-gpu` of the demo ended by itself." in process.stdout.read()
        assert process.wait(50) == 3


def test_it_says_so_when_its_folder_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / ".pointsman-demo").write_text("a file in the way")
    done = demo(tmp_path, "--once")
    assert done.returncode == 3
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_demo_in_the_same_folder_leaves_the_first_alone(tmp_path: Path) -> None:
    with running(tmp_path, "--seconds", "30", "--port", str(free_port())) as process:
        assert process.stdout is not None
        until(process.stdout, "print(answer.content[0].text)")
        second = demo(tmp_path, "--once")
        assert (second.returncode, second.stdout) == (3, "")
        assert "A demo runs already and holds `.pointsman-demo`. Stop it with Ctrl-C" in second.stderr
        assert process.poll() is None
        assert len(left_over(tmp_path)) == 5


@pytest.mark.parametrize("ends", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_while_it_lives_through_its_history_also_where_a_shell_runs_it_in_the_background(tmp_path: Path, ends: signal.Signals) -> None:
    command = f"trap '' INT; exec {shlex.join([*DEMO, '--days', '14', '--port', str(free_port())])}"
    with subprocess.Popen(["bash", "-c", command], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        until(process.stdout, "Living through 14 days")
        process.send_signal(ends)
        told = process.stdout.read()
        assert process.wait(20) == 0
    assert told == "Stopping …\n"
    assert left_over(tmp_path) == []


def test_own_keys_are_mentioned_by_name_of_vendor_only(tmp_path: Path) -> None:
    environ = {**os.environ, "OPENAI_API_KEY": "sk-quite-secret"}
    command = [*DEMO, "--once", "--speed", "50", "--port", str(free_port())]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False, env=environ)
    assert "\nYou have a key for openai" in done.stdout
    assert ". To use that instead:\n  pointsman init && pointsman up\n" in done.stdout
    assert "sk-quite-secret" not in done.stdout + done.stderr
