"""
One demo from start to end: processes, traffic, what is shown meanwhile, and an orderly end however it comes.
"""

import fcntl
import shutil
import signal
import sys
import textwrap
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, TextIO

import click

from pointsman.cli.demonstration import folder, lines_to_try
from pointsman.cli.demonstration.figures import Figures, read
from pointsman.cli.demonstration.history import DAYS, remember, remembered, stage_after
from pointsman.cli.demonstration.processes import Processes, free_port, gateway_port, is_free
from pointsman.cli.demonstration.promise import promise_in
from pointsman.cli.demonstration.traffic import Plan, Traffic
from pointsman.cli.demonstration.view import View, data, plain, screen, status
from pointsman.cli.discovery import servers_at, usual_servers, vendors_with_key
from pointsman.cli.options import print_json, program
from pointsman.core.errors import Unusable
from pointsman.server.first_visit import new_link
from pointsman.settings.secrets import environment

_LOOK_S: Final = 0.25
_STATUS_S: Final = 2.0
_SETTLE_S: Final = 3.0
_TICKETS_A_SECOND: Final = 4
_ONCE: Final = 120
_USUAL_S: Final = 60
_NARROWEST: Final = 80
_OTHER_TICKETS: Final = 1  # than those of the history: what is chosen well must not be what was learned by heart
_SESSIONS: Final = "pointsman-identity.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What was asked for on the command line. `seconds` None means the usual workload, after which the gateway runs on."""

    seconds: int | None = None
    once: bool = False
    stay: bool = False
    port: int | None = None
    speed: float = 1.0
    as_json: bool = False
    days: int | None = None
    home: Path = Path(".pointsman-demo")

    @property
    def days_before(self) -> int:
        """How many days of history the demo begins with."""
        return (0 if self.ends or self.once else DAYS) if self.days is None else self.days

    @property
    def ends(self) -> bool:
        """Tell whether the demo ends after its workload."""
        return not self.stay and (self.once or self.seconds is not None or self.as_json)


def run(wishes: Wishes) -> None:
    """Run a demo until its end or Ctrl-C. Raises `Unusable`."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that starts it in the background has it ignored
    try:
        wishes.home.mkdir(parents=True, exist_ok=True)
        lock = (wishes.home / "lock").open("w", encoding="utf-8")
        session = _Session(wishes)
    except OSError as error:
        raise Unusable(f"The folder `{wishes.home}` cannot be written ({error.strerror}). Start the demo in a folder of your own.") from error
    try:
        _only_one(lock, wishes.home)
        session.play()
    except KeyboardInterrupt:
        session.say("Stopping …")
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave processes behind
        session.end()
        lock.close()


def _only_one(lock: TextIO, home: Path) -> None:
    """Hold the folder as long as this demo runs: another one here would take its ledger away."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Unusable(f"A demo runs already and holds `{home}`. Stop it with Ctrl-C, or start this one in another folder.") from error


class _Session:
    def __init__(self, wishes: Wishes) -> None:
        self._wishes = wishes
        self._processes = Processes(wishes.home)
        self._is_live = sys.stdout.isatty() and not wishes.as_json
        self._drawn = 0
        self._traffic: Traffic | None = None
        self._began = time.monotonic()
        self._since_ms = time.time_ns() // 1_000_000
        self._figures = Figures()
        self._promise = ""

    def say(self, *lines: str) -> None:
        """Print lines for people."""
        if not self._wishes.as_json:
            click.echo("\n".join(lines))

    def play(self) -> None:
        """Start everything, show the workload, and stay if that was wished."""
        url, traffic = self._start()
        self._watch(traffic)
        self._settle(traffic)
        if self._wishes.as_json:
            print_json(data(self._view(traffic)))
        elif not self._is_live:
            self.say("", *screen(self._view(traffic), width=_NARROWEST, style=plain))
        if traffic.lost:
            self.say("", *traffic.errors)
        if not self._wishes.ends:
            self.say("", "The workload is done; the gateway goes on answering.", "", *lines_to_try.lines(url))
            more = lines_to_try.commands(program(), self._wishes.home / folder.CONFIGURATION, is_promised=bool(self._promise))
            self.say("More about what happened:", *(f"  {line}" for line in more))
            self.say("", "Ctrl-C ends the demo.")
            while self._processes.fallen() is None:
                time.sleep(_LOOK_S)
        self._complain()

    def end(self) -> None:
        """End the traffic and every process."""
        if self._traffic is not None:
            self._traffic.stop()
        self._processes.end()

    def _start(self) -> tuple[str, Traffic]:
        wishes = self._wishes
        ports = self._remember()
        port = ports.gateway
        self.say("Starting three simulated vendors and the gateway …")
        self._processes.vendors({"own-gpu": ports.own_gpu, "cloud-a": ports.cloud_a, "cloud-b": ports.cloud_b}, seed=0, speed=wishes.speed)
        path = folder.write(wishes.home, ports, speed=wishes.speed, stage=stage_after(wishes.days_before))
        self._processes.gateway(path, port)
        url = f"http://127.0.0.1:{port}"
        self.say(f"The gateway answers at {url}; its configuration is", f"`{path}`. Nothing leaves this machine.", *_own_things())
        self.say("", "The console, with what it cost and what it was worth:", f"  {self._console_link(ports.admin)}", "")
        self.say(*lines_to_try.lines(url))
        traffic = self._traffic = Traffic(_plan(wishes, port, failing_vendor=ports.cloud_a))
        self._began = time.monotonic()
        threading.Thread(target=traffic.run, name="traffic", daemon=True).start()
        self._promise = promise_in(path, now_ms=self._since_ms)
        if self._promise:
            self.say(*textwrap.wrap(self._promise, _NARROWEST), "")
        return url, traffic

    def _remember(self) -> folder.Ports:
        """Have the days of history that are wished: those of an earlier demo of today, or new ones. Without, an empty ledger. Return where all listen."""
        home = self._wishes.home
        days = self._wishes.days_before
        known = remembered(home, days=days, now_s=time.time()) if days else None
        if known is not None and self._wishes.port in {None, known.gateway} and all(map(is_free, asdict(known).values())):
            return known
        folder.clear(home)
        ports = folder.Ports(gateway=gateway_port(self._wishes.port), admin=free_port(), own_gpu=free_port(), cloud_a=free_port(), cloud_b=free_port())
        if days:
            self.say(f"Living through {days} days of a small web shop: every call goes through the gateway, only the clock is simulated …")
            began = time.monotonic()
            lived = remember(home, ports, days=days, now_s=time.time(), tell=self._progress)
            self.say(f"{lived.calls:,} calls in {time.monotonic() - began:.0f} s.")
        return ports

    def _console_link(self, admin: int) -> str:
        return new_link(self._wishes.home / _SESSIONS, f"127.0.0.1:{admin}", now_s=time.time())

    def _progress(self, share: float) -> None:
        if self._is_live:
            click.echo(f"\r  {share:>4.0%}", nl=share >= 1)

    def _watch(self, traffic: Traffic) -> None:
        spoken = time.monotonic()
        while not traffic.is_done:
            time.sleep(_LOOK_S)
            self._complain()
            self._figures = read(self._wishes.home / "pointsman.db", since_ms=self._since_ms)
            if self._is_live:
                self._draw(traffic)
            elif time.monotonic() - spoken >= _STATUS_S:
                spoken = time.monotonic()
                self.say(status(self._view(traffic)))

    def _settle(self, traffic: Traffic) -> None:
        # Records reach the ledger within a moment of their answers.
        expected = sum(traffic.answered.values())
        until = time.monotonic() + _SETTLE_S
        while time.monotonic() < until:
            self._figures = read(self._wishes.home / "pointsman.db", since_ms=self._since_ms)
            if self._figures.hybrid.units_told + self._figures.frontier.units_told >= expected:
                break
            time.sleep(_LOOK_S / 5)
        if self._is_live:
            self._draw(traffic)

    def _draw(self, traffic: Traffic) -> None:
        size = shutil.get_terminal_size((_NARROWEST, 24))
        style = plain if environment().get("NO_COLOR") else click.style
        lines = screen(self._view(traffic), width=size.columns, style=style)[: size.lines - 1]
        back = f"\x1b[{self._drawn}F" if self._drawn else ""
        click.echo(back + "".join(f"{line}\x1b[K\n" for line in lines) + "\x1b[J", nl=False)
        self._drawn = len(lines)

    def _view(self, traffic: Traffic) -> View:
        last = ""
        if traffic.last is not None:
            ticket, target = traffic.last
            last = f"ticket {ticket.number} ({_KINDS[ticket.kind]}) → {target}: “{ticket.text}”"
        return View(
            figures=self._figures,
            sent=traffic.sent,
            total=traffic.plan.total,
            elapsed_s=time.monotonic() - self._began,
            lost=traffic.lost,
            is_failing=traffic.is_failing,
            last=last,
        )

    def _complain(self) -> None:
        fallen = self._processes.fallen()
        if fallen is not None:
            raise Unusable(f"The process `{fallen}` of the demo ended by itself. See `{self._wishes.home / fallen}.log`, then start again.")


_KINDS: Final = {"settled": "a plain question", "again": "asked before", "easy": "easy", "medium": "not so easy", "hard": "hard"}


def _plan(wishes: Wishes, gateway: int, *, failing_vendor: int) -> Plan:
    seed = _OTHER_TICKETS if wishes.days_before else 0
    if wishes.once:
        return Plan(total=_ONCE, gap_s=0.0, seed=seed, gateway=gateway, failing_vendor=failing_vendor)
    rate = _TICKETS_A_SECOND * wishes.speed
    return Plan(total=round((wishes.seconds or _USUAL_S) * rate), gap_s=1 / rate, seed=seed, gateway=gateway, failing_vendor=failing_vendor)


def _own_things() -> list[str]:
    keys, servers = vendors_with_key(environment()), servers_at(usual_servers().items())
    found = [f"a key for {kind}" for kind in keys] + [f"a model server ({server.kind})" for server in servers]
    return [f"You have {' and '.join(found)}. To use that instead:", f"  {program()} init && {program()} up"] if found else []


def _interrupt(*_: object) -> None:
    signal.raise_signal(signal.SIGINT)  # which asyncio, too, takes in good order
