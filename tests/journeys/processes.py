"""
Real processes for the journeys: started, waited for within a bound, and ended for sure. What they serve is not known here.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Self, TypeVar

PATIENCE_S: Final = 50.0  # this machine may be busy with other things; nothing here waits longer
# What is promised within a second. That it is looked for often enough is held in `tests/server/test_serve.py` as well.
SOON_S: Final = 1.0

T = TypeVar("T")


def eventually(look: Callable[[], T], what: str, *, within_s: float = PATIENCE_S) -> T:
    """Return the first true result of `look`, asked again and again within a bound."""
    end = time.monotonic() + within_s
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not happen within {within_s} s; last seen: {found!r}")
        time.sleep(0.01)


class Process:
    """One process whose output goes to files. Leaving its `with` block ends it."""

    def __init__(self, command: Sequence[str | Path], *, folder: Path, name: str, environ: Mapping[str, str] | None = None) -> None:
        self.out = folder / f"{name}.out"
        self.err = folder / f"{name}.err"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self._running = subprocess.Popen(
                [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=folder, env={**os.environ, **(environ or {})}
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._running.pid

    def said(self) -> str:
        """Return all that the process has written to both streams."""
        return self.out.read_text(encoding="utf-8", errors="replace") + self.err.read_text(encoding="utf-8", errors="replace")

    def first_line(self) -> str:
        """Return the first line of its output, once it is there."""

        def look() -> str:
            self.must_run()
            line, end, _ = self.out.read_text(encoding="utf-8").partition("\n")
            return line if end else ""

        return eventually(look, f"the first line of {self.out.name}")

    def must_run(self) -> None:
        """Fail with what it said if the process has ended."""
        code = self._running.poll()
        assert code is None, f"the process ended with {code}:\n{self.said()}"

    @property
    def exit_code(self) -> int | None:
        return self._running.poll()

    def signal(self, number: signal.Signals) -> None:
        self._running.send_signal(number)

    def wait(self, within_s: float = PATIENCE_S) -> int:
        return self._running.wait(within_s)

    def stop(self) -> int:
        """End it in an orderly way, or else by force."""
        if self._running.poll() is None:
            self._running.terminate()
        try:
            return self._running.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._running.kill()
            return self._running.wait(PATIENCE_S)
