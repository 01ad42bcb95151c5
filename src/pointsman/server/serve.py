"""
One worker: both listeners, the sweep over dead-lines, reloads, and an orderly end.
"""

import asyncio
import contextlib
import gc
import logging
import multiprocessing
import os
import signal
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvicorn
from starlette.applications import Starlette

from pointsman.app.gateway import Gateway
from pointsman.core.errors import PointsmanError, Unusable
from pointsman.server.admin import More, admin_app
from pointsman.server.bounds import ClientBounds
from pointsman.server.listener import Client
from pointsman.server.site import Site
from pointsman.settings.load import Reloader, Settings
from pointsman.settings.mistakes import SettingsInvalid
from pointsman.settings.shape import Tls

_LOG: Final = logging.getLogger("pointsman")
_SWEEP_S: Final = 0.025
_CLIENT_SWEEP_S: Final = 0.25  # clients are given seconds, vendors may be given milliseconds
_HANDSHAKE_S: Final = 10.0
_RELOAD_S: Final = 0.5  # a key that is taken out of the file is refused within a second
_RETAIN_S: Final = 1.0  # how soon what somebody erased is forgotten here too
_RENEW_S: Final = 1.0  # and how soon what Vault says anew is used
_STANDING_S: Final = 0.25  # and so is what was revoked
_SWITCHES_S: Final = 0.25  # and so is what was switched off
_HARDWARE_S: Final = 5.0
_GRACE_S: Final = 10.0
_TICK_S: Final = 0.02
_WATCH_S: Final = 1.0
_BACKLOG: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What goes on beside the calls in the worker that administers: `more` routes of its listener, and `jobs` as (seconds between two rounds, work)."""

    more: More | None = None
    jobs: Callable[[Gateway], Sequence[tuple[float, Callable[[], Awaitable[None]]]]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listeners:
    """What a worker listens on; one of several has the admin listener, and what goes on `beside` the calls."""

    public: socket.socket
    admin: socket.socket | None
    beside: Beside = Beside()


def split_address(listen: str) -> tuple[str, int]:
    """Return host and port of `host:port`."""
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port)


def bind(listen: str, *, shared: bool) -> socket.socket:
    """Return a listening socket; `shared` lets other workers listen on the same address. Raises `Unusable`."""
    host, port = split_address(listen)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        sock.bind((host, port))
    except (OSError, OverflowError, UnicodeError) as error:  # in use, or no address at all
        sock.close()
        why = error.strerror if isinstance(error, OSError) else "this is no address"
        raise Unusable(f"Cannot listen on {listen} ({why}). Stop what uses it, or change `server.listen` or `server.admin`.") from error
    sock.setblocking(False)  # noqa: FBT003 - the standard library's own signature
    return sock


async def serve(gateway: Gateway, settings: Settings, *, reloader: Reloader, listeners: Listeners, ready: Callable[[], None]) -> None:
    """Serve until a signal ends it. `ready` is called once requests are answered."""
    loop = asyncio.get_running_loop()
    stop, again = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, again.set)
    clients: set[Client] = set()
    site, bounds, tls = Site(gateway), _bounds(settings), _tls(settings.server.tls, settings.folder)
    server = await loop.create_server(
        lambda: Client(loop, bounds, answer=site.answer, refuse=site.refuse, clients=clients),
        sock=listeners.public,
        ssl=tls,
        ssl_handshake_timeout=_HANDSHAKE_S if tls is not None else None,
        backlog=_BACKLOG,
    )
    rooms = [
        asyncio.ensure_future(_every(_SWEEP_S, gateway.sweep)),
        asyncio.ensure_future(_every(_CLIENT_SWEEP_S, lambda: _expire(clients, loop.time()))),
        asyncio.ensure_future(_every(_HARDWARE_S, gateway.note_hardware)),
        asyncio.ensure_future(_every(_WATCH_S, lambda: _end_with_parent(stop))),
        asyncio.ensure_future(_every(_STANDING_S, lambda: _look(gateway, again))),
        asyncio.ensure_future(_again_and_again(_RETAIN_S, gateway.retain)),
        asyncio.ensure_future(_again_and_again(_RENEW_S, gateway.renew)),
        asyncio.ensure_future(_again_and_again(_SWITCHES_S, lambda: asyncio.to_thread(gateway.switches.look))),
        asyncio.ensure_future(_reload(gateway, reloader, again=again)),
    ]
    if listeners.admin is not None:
        listeners.admin.listen(_BACKLOG)  # whoever asks between `ready` and the listener's own start waits a moment
        app = admin_app(gateway, reload=again.set, trouble=site.trouble, more=listeners.beside.more)
        rooms.append(asyncio.ensure_future(_administer(app, listeners.admin)))
        jobs = () if listeners.beside.jobs is None else listeners.beside.jobs(gateway)
        rooms += [asyncio.ensure_future(_again_and_again(seconds, work)) for seconds, work in jobs]
    gc.collect()
    gc.freeze()  # what is here now stays; the collector need not look at it again
    ready()
    try:
        await stop.wait()
    finally:
        site.drain()
        await _let_finish(clients)
        await gateway.keeper.finish()
        await gateway.shadows.finish()
        server.close()
        for room in rooms:
            room.cancel()
        await asyncio.gather(*rooms, return_exceptions=True)


async def _every(seconds: float, work: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            work()
        except Exception:  # noqa: BLE001 - a fault in one round must not end the watch over all calls
            _LOG.exception("something unexpected went wrong beside the calls; the work goes on")


async def _again_and_again(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await work()
        except PointsmanError as error:
            _LOG.error("something could not be done beside the calls, and is tried again: %s", error)
        except Exception:  # noqa: BLE001 - as above
            _LOG.exception("something unexpected went wrong beside the calls; the work goes on")
        await asyncio.sleep(seconds)


def _expire(clients: set[Client], now: float) -> None:
    for client in [client for client in clients if client.due <= now]:
        client.expire()


def _look(gateway: Gateway, again: asyncio.Event) -> None:
    gateway.standing.issuers.refresh()
    if gateway.standing.look() and gateway.approvals.is_waiting:
        again.set()  # it may have been approved by now


def _end_with_parent(stop: asyncio.Event) -> None:
    # A worker whose supervisor was killed would go on answering beside the next start's workers.
    parent = multiprocessing.parent_process()
    if parent is not None and os.getppid() != parent.pid:
        stop.set()


async def _reload(gateway: Gateway, reloader: Reloader, *, again: asyncio.Event) -> None:
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(again.wait(), _RELOAD_S)
        forced = again.is_set()
        again.clear()
        try:
            settings = await asyncio.to_thread(_read, gateway, reloader, forced=forced)  # callers need not wait for files, nor for Vault
            if settings is not None and gateway.reload(settings):
                _LOG.warning("snapshot %s is in force", settings.snapshot.digest)
        except SettingsInvalid as invalid:
            _LOG.error("the configuration has mistakes; snapshot %s stays in force:\n%s", gateway.stages.snapshot.digest, invalid)
        except PointsmanError as error:
            _LOG.error("the configuration cannot be used; snapshot %s stays in force: %s", gateway.stages.snapshot.digest, error)
        except Exception:  # noqa: BLE001 - as above: a file that nobody foresaw must not end the watch over the next one
            _LOG.exception("the configuration cannot be read; snapshot %s stays in force", gateway.stages.snapshot.digest)


def _read(gateway: Gateway, reloader: Reloader, *, forced: bool) -> Settings | None:
    settings = reloader.check(force=forced)
    if settings is not None:
        gateway.prepare(settings)
    return settings


async def _administer(app: Starlette, sock: socket.socket) -> None:
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # pyright: ignore[reportAttributeAccessIssue] - signals belong to `serve`
    try:
        await server.serve(sockets=[sock])
    finally:  # cancelled, it would leave its listener and its connections to the closing loop
        for listener in server.servers:
            listener.close()
        for connection in list(server.server_state.connections):
            connection.shutdown()


async def _let_finish(clients: set[Client]) -> None:
    """Wait for answers under way, for a bounded time. Whoever comes meanwhile is told that the gateway is stopping."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _GRACE_S
    while True:
        for client in list(clients):
            client.close_when_idle()
        if not any(client.is_busy for client in clients) or loop.time() >= until:
            return
        await asyncio.sleep(_TICK_S)


def _bounds(settings: Settings) -> ClientBounds:
    told = settings.server.bounds
    return ClientBounds(body_bytes=told.max_body_bytes, header_bytes=told.max_header_bytes, connections=told.max_connections, stall_s=told.stall_s)


def _tls(told: Tls | None, folder: Path) -> ssl.SSLContext | None:
    if told is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(folder / told.certificate, folder / told.key)
    except (OSError, ssl.SSLError) as error:
        raise Unusable(f"The certificate or key under `server.tls` cannot be used ({error}). Name readable PEM files.") from error
    return context
