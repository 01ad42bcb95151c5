"""
Processes: one worker in this process, or several that share an address, a ledger file and the counts of limits.
"""

import logging
import multiprocessing
import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

import msgspec
import uvloop

from pointsman.app.facts import Prices, facts
from pointsman.app.gateway import Gateway, system_clock
from pointsman.app.identity_approvals import approved
from pointsman.core.errors import PointsmanError, Unusable
from pointsman.server.serve import Beside, Listeners, bind, serve
from pointsman.settings.load import Reloader, Settings, load

_LOG: Final = logging.getLogger("pointsman")
_JOIN_S: Final = 15.0
_WATCH_S: Final = 0.2
_YOUNG_S: Final = 2.0
_MOST_YOUNG_DEATHS: Final = 5
_ALONE: Final = Beside()


def run(path: Path, *, environ: Mapping[str, str], ready: Callable[[Gateway], None], beside: Beside = _ALONE) -> None:
    """
    Serve the configuration at `path` until a signal ends it. `beside` is what goes on beside the calls.

    Raises `Unusable` if it cannot begin.
    """
    clock = system_clock()
    known = facts(Prices(clock.wall_ms))
    settings = load(path, known)
    # While a change waits for approval, its addresses wait too; each worker holds back the rest.
    server = approved(settings, path=path, facts=known, now_s=clock.wall_ms() / 1000).server
    settings = replace(settings, file=msgspec.structs.replace(settings.file, server=server))
    workers = settings.server.workers
    public = bind(settings.server.listen, shared=workers > 1)
    admin = bind(settings.server.admin, shared=False)
    if workers == 1:
        _work(path, settings, environ=environ, listeners=Listeners(public=public, admin=admin, beside=beside), limits=None, ready=ready)
        return
    # `public` stays bound but never listens: it keeps the address ours while workers come and go.
    with tempfile.TemporaryDirectory(prefix="pointsman-") as folder:
        _Workers(path, settings, environ=environ, admin=admin, beside=beside, limits=Path(folder) / "limits").supervise(ready)


def _work(path: Path, settings: Settings, *, environ: Mapping[str, str], listeners: Listeners, limits: Path | None, ready: Callable[[Gateway], None]) -> None:
    clock = system_clock()
    in_force = approved(settings, path=path, facts=facts(Prices(clock.wall_ms)), now_s=clock.wall_ms() / 1000)
    gateway = Gateway(in_force, environ=environ, clock=clock, limits=limits)
    if in_force is not settings:
        gateway.reload(settings)  # so that it is told that a change waits
    reloader = Reloader(path, facts(gateway.prices), current=settings)
    try:
        uvloop.run(serve(gateway, settings, reloader=reloader, listeners=listeners, ready=lambda: ready(gateway)))
    finally:
        gateway.close()


class _Workers:
    """Starts the workers, replaces one that dies, passes signals on, and ends with them."""

    def __init__(self, path: Path, settings: Settings, *, environ: Mapping[str, str], admin: socket.socket, beside: Beside, limits: Path) -> None:
        self._path = path
        self._beside = beside
        self._settings = settings
        self._reloader = Reloader(path, facts(Prices(system_clock().wall_ms)), current=settings)
        self._environ = environ
        self._admin = admin
        self._limits = limits
        self._running: dict[int, BaseProcess] = {}
        self._started: dict[int, float] = {}
        self._young_deaths = 0
        self._is_ending = False
        self._context = multiprocessing.get_context("fork")

    def supervise(self, ready: Callable[[Gateway], None]) -> None:
        """Serve until a signal ends it."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._end)
        signal.signal(signal.SIGHUP, self._reload)
        for index in range(self._settings.server.workers):
            self._start(index, ready if index == 0 else _quiet)
        while not self._is_ending:
            time.sleep(_WATCH_S)
            self._refresh()
            for index, worker in list(self._running.items()):
                if not worker.is_alive() and not self._is_ending:
                    self._replace(index, worker.exitcode)
        until = time.monotonic() + _JOIN_S
        for worker in self._running.values():
            worker.join(max(until - time.monotonic(), 0.0))
            worker.kill()

    def _replace(self, index: int, exit_code: int | None) -> None:
        # One that dies young over and over would never live: better to say so than to try for ever.
        lived_s = time.monotonic() - self._started[index]
        self._young_deaths = self._young_deaths + 1 if lived_s < _YOUNG_S else 0
        if self._young_deaths >= _MOST_YOUNG_DEATHS:
            self._end()
            raise Unusable("The workers end as soon as they start. The log tells why; `pointsman up` with `server.workers: 1` tells it plainer.")
        _LOG.error("worker %d ended with code %s; another takes its place", index, exit_code)
        self._start(index, _quiet)

    def _start(self, index: int, ready: Callable[[Gateway], None]) -> None:
        worker = self._context.Process(target=self._serve, args=(index, ready), name=f"pointsman-{index}")
        worker.start()
        self._running[index] = worker
        self._started[index] = time.monotonic()

    def _serve(self, index: int, ready: Callable[[Gateway], None]) -> None:
        # The handlers of the supervisor came along with the fork; until `serve` sets its own, a signal must reach this process alone.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        public = bind(self._settings.server.listen, shared=True)
        listeners = Listeners(public=public, admin=self._admin if index == 0 else None, beside=self._beside)
        _work(self._path, self._settings, environ=self._environ, listeners=listeners, limits=self._limits, ready=ready)

    def _refresh(self) -> None:
        """Have the last good configuration at hand, so that a worker that takes another's place does not begin with an old one."""
        with suppress(PointsmanError):  # the workers tell of it
            found = self._reloader.check()
            if found is not None:
                self._settings = replace(found, file=msgspec.structs.replace(found.file, server=self._settings.server))

    def _pass_on(self, number: signal.Signals) -> None:
        for worker in self._running.values():
            if worker.is_alive() and worker.pid is not None:
                os.kill(worker.pid, number)

    def _reload(self, *_: object) -> None:
        self._pass_on(signal.SIGHUP)

    def _end(self, *_: object) -> None:
        self._is_ending = True
        self._pass_on(signal.SIGTERM)


def _quiet(gateway: Gateway) -> None:
    del gateway
