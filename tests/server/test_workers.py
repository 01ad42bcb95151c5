"""Several workers as real processes: one address, one count of limits, and a supervisor that keeps them alive."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from pointsman.cli.demonstration.processes import free_port

COMMAND = (sys.executable, "-c", "from pointsman.cli.main import main; main()", "up", "--json")


class Workers:
    """`pointsman up` with two workers, whose only vendor cannot be reached."""

    def __init__(self, folder: Path, **server: Any) -> None:
        self.path = folder / "pointsman.yaml"
        self.port = free_port()
        self.file: dict[str, Any] = {
            "vendors": {"acme": {"kind": "openai_compatible", "base_url": "http://127.0.0.1:1/v1"}},
            "targets": {"acme/small": {"vendor": "acme", "model": "small"}},
            "capabilities": {"support": {"ladder": ["acme/small"], "retries": {"per_target": 0}}},
            "limits": [{"name": "few", "by": "capability", "requests_per_minute": 7}],
            "server": {"listen": f"127.0.0.1:{self.port}", "admin": f"127.0.0.1:{free_port()}", "workers": 2, **server},
        }
        self.write()
        self.process = subprocess.Popen(COMMAND, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def write(self) -> None:
        self.path.write_text(yaml.safe_dump(self.file))

    def children(self) -> set[int]:
        """Return the processes of the workers."""
        told = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return {int(pid) for pid in told.split()}

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, {"content-type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def snapshots(self) -> set[str]:
        """Return what so many connections are answered that the kernel spreads them over all workers."""
        return {self.ask("GET", "/readyz")[1]["snapshot"] for _ in range(40)}

    def is_up(self) -> bool:
        with suppress(OSError):
            return self.ask("GET", "/livez")[0] == 200
        return False


@contextmanager
def _workers(folder: Path, **server: Any) -> Generator[Workers]:
    workers = Workers(folder, **server)
    try:
        yield workers
    finally:
        if workers.process.poll() is None:
            workers.process.terminate()
        with suppress(ValueError):  # a test has read it all
            workers.process.communicate(timeout=40)


def _eventually(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 40
    while not condition():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.02)


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.timeout(180)  # several starts of processes, each of which may take long on a busy machine
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's list of processes")
def test_two_workers_count_as_one_are_replaced_reloaded_and_ended_together(tmp_path: Path) -> None:
    with _workers(tmp_path) as workers:
        _eventually(lambda: len(workers.children()) == 2 and workers.is_up())

        body = json.dumps({"model": "support", "messages": [{"role": "user", "content": "hi"}]}).encode()
        statuses = [workers.ask("POST", "/v1/chat/completions", body)[0] for _ in range(20)]
        assert statuses.count(429) == 20 - 7

        before = workers.children()
        os.kill(max(before), signal.SIGKILL)
        _eventually(lambda: len(workers.children()) == 2 and workers.children() != before)
        _eventually(workers.is_up)

        (old,) = workers.snapshots()
        workers.file["capabilities"]["more"] = {"ladder": ["acme/small"]}
        workers.write()
        workers.process.send_signal(signal.SIGHUP)
        _eventually(lambda: len(found := workers.snapshots()) == 1 and old not in found)
        (new,) = workers.snapshots()

        before = workers.children()
        os.kill(max(before), signal.SIGKILL)
        _eventually(lambda: len(workers.children()) == 2 and workers.children() != before)
        workers.path.write_text("capabilities: {")
        _eventually(workers.is_up)
        assert workers.snapshots() == {new}

        last = workers.children()
        workers.process.terminate()
        assert workers.process.wait(timeout=40) == 0
        assert not any(map(_is_alive, last))


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's list of processes")
def test_workers_end_when_their_supervisor_was_killed(tmp_path: Path) -> None:
    """They would go on answering beside those of the next start."""
    with _workers(tmp_path) as workers:
        _eventually(workers.is_up)
        children = workers.children()
        workers.process.kill()
        workers.process.wait()
        _eventually(lambda: not any(map(_is_alive, children)))


def test_workers_that_cannot_live_end_the_supervisor_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "folder.db").mkdir()
    with _workers(tmp_path, database="folder.db") as workers:
        assert workers.process.wait(timeout=50) != 0
        assert "The workers end as soon as they start" in "".join(workers.process.communicate())
