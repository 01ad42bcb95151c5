"""
The demo's processes: three simulated vendors and the gateway. All of them end with the demo.
"""

import http.client
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final

from pointsman.core.errors import Unusable

_USUAL_PORT: Final = 8800
_READY_S: Final = 20.0
_POLL_S: Final = 0.02
_END_S: Final = 5.0
_HOST: Final = "127.0.0.1"
_OWN_PORTS: Final = range(20_000, 32_000)
_LAST: Final = 800
_GATEWAY: Final = "gateway"
_COMMAND: Final = "from pointsman.cli.main import main; main()"


class Processes:
    """Starts processes, and ends them in reverse. What they say goes to files in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = ExitStack()
        self._running: list[tuple[str, subprocess.Popen[str]]] = []

    def vendors(self, ports: Mapping[str, int], *, seed: int, speed: float) -> None:
        """Start simulated vendors together, each at its port, and wait until they listen."""
        options = ("--seed", str(seed), "--speed", str(speed))
        started = {name: self._start(name, "-m", "pointsman.cli.simulated", *options, "--port", str(port), out=subprocess.PIPE) for name, port in ports.items()}
        for name, process in started.items():
            self._await(name, process)

    def gateway(self, configuration: Path, port: int) -> None:
        """Start the gateway and wait until it answers."""
        log = self._log(_GATEWAY)
        process = self._start(_GATEWAY, "-c", _COMMAND, "up", "--config", str(configuration), out=log, err=log)
        until = time.monotonic() + _READY_S
        while not _is_ready(port):
            if process.poll() is not None or time.monotonic() > until:
                raise self._failed(_GATEWAY)
            time.sleep(_POLL_S)

    def fallen(self) -> str | None:
        """Return the name of a process that has ended, if one has."""
        return next((name for name, process in self._running if process.poll() is not None), None)

    def end(self) -> None:
        """End all processes: the gateway before the vendors it may still be waiting for, and those together."""
        for together in ([process for name, process in self._running if name == _GATEWAY], [process for name, process in self._running if name != _GATEWAY]):
            for process in together:
                process.send_signal(signal.SIGTERM)
            until = time.monotonic() + _END_S
            for process in together:
                _end(process, until - time.monotonic())
        self._running.clear()
        self._files.close()

    def _start(self, name: str, *options: str, out: IO[str] | int, err: IO[str] | None = None) -> subprocess.Popen[str]:
        # A session of its own: Ctrl-C must reach the demo alone, which then ends the others in order.
        command = [sys.executable, *options]
        process = subprocess.Popen(command, stdout=out, stderr=err or self._log(name), text=True, start_new_session=True)  # noqa: S603 - our own modules
        self._running.append((name, process))
        return process

    def _await(self, name: str, process: "subprocess.Popen[str]") -> None:
        line = process.stdout.readline() if process.stdout is not None else ""
        if "listens on" not in line:
            raise self._failed(name)

    def _log(self, name: str) -> IO[str]:
        return self._files.enter_context((self._folder / f"{name}.log").open("w", encoding="utf-8"))

    def _failed(self, name: str) -> Unusable:
        path = self._folder / f"{name}.log"
        said = path.read_text(encoding="utf-8", errors="replace")[-_LAST:].strip()
        return Unusable(f"The process `{name}` of the demo did not start. It said:\n{said}\nSee `{path}`, free what it needs, and start again.")


def _end(process: "subprocess.Popen[str]", seconds: float) -> None:
    """Wait for a process that was told to end, and end it for good if it takes longer."""
    try:
        process.wait(max(0.0, seconds))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def gateway_port(wanted: int | None) -> int:
    """Return the port for the gateway: the wanted one, else the usual one, else a free one."""
    if wanted is not None:
        return wanted
    return _USUAL_PORT if is_free(_USUAL_PORT) else free_port()


def free_port() -> int:
    """Return a port that nobody uses now, out of the range from which systems give ports to whoever connects: one of those could be gone at once."""
    return next(port for port in iter(lambda: secrets.choice(_OWN_PORTS), None) if is_free(port))


def is_free(port: int) -> bool:
    """Tell whether nobody listens at a port of this machine."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((_HOST, port))
        except OSError:
            return False
    return True


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection(_HOST, port, timeout=1)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
