"""
The demo's application: sends tickets over real HTTP, compares each answer with what the customer wanted, and reports the outcome.

Every ticket is sent twice: to the hybrid capability and to the frontier model alone, under two units, so that both can be counted. Beside the tickets go the
items of the shop's other workloads.
"""

import http.client
import random
import threading
import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from pointsman.cli.demonstration.folder import FRONTIER, HYBRID, asked_schema, secret_of
from pointsman.cli.demonstration.tickets import Ticket, tickets
from pointsman.cli.demonstration.workloads import SUPPORT_WORK, TRIAGE, Item, forever

_HOST: Final = "127.0.0.1"
_TIMEOUT_S: Final = 60.0
_AT_ONCE: Final = 24
_OTHERS_EVERY: Final = 3  # tickets
_TICKET_KEYS: Final = tuple(SUPPORT_WORK.keys)
_FAILS_FROM: Final = 0.40
_FAILS_UNTIL: Final = 0.65
_KEPT_ERRORS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is sent how fast: `total` tickets, one each `gap_s` seconds, and where the vendor listens that fails midway."""

    total: int
    gap_s: float
    seed: int
    gateway: int
    failing_vendor: int


class Traffic:
    """The workload. `run` sends it; the rest can be read from another thread meanwhile."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.sent = 0
        self.is_failing = False
        self.is_done = False
        self.answered = {HYBRID: 0, FRONTIER: 0}
        self.resolved = {HYBRID: 0, FRONTIER: 0}
        self.errors: deque[str] = deque(maxlen=_KEPT_ERRORS)
        self.lost = 0
        self.last: tuple[Ticket, str] | None = None
        self.first_answer_at: float | None = None
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._own = threading.local()
        self._mark = f"{int(time.time()):x}"  # items of an earlier demo are others

    def run(self) -> None:
        """Send everything, or until `stop`."""
        try:
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                self._send_all(pool)
            self._set_fault(is_on=False)
        except (OSError, http.client.HTTPException) as error:
            self._lose(f"the vendor that should fail cannot be reached: {error!r}")
        finally:
            self.is_done = True

    def _send_all(self, pool: ThreadPoolExecutor) -> None:
        plan = self.plan
        started = time.monotonic()
        room = threading.Semaphore(_AT_ONCE)
        others = (item for item in forever(plan.seed) if item.ticket is None)
        for ticket in tickets(plan.seed):
            wait_s = started + self.sent * plan.gap_s - time.monotonic()
            if ticket.number > plan.total or self._stop.wait(max(0.0, wait_s)):
                return
            self._fail_or_recover()
            for capability in (HYBRID, FRONTIER):
                room.acquire()
                pool.submit(self._handle, ticket, capability).add_done_callback(lambda _: room.release())
            if ticket.number % _OTHERS_EVERY == 0:
                room.acquire()
                pool.submit(self._handle_other, next(others)).add_done_callback(lambda _: room.release())
            self.sent = ticket.number

    def stop(self) -> None:
        """Send no more."""
        self._stop.set()

    # ── one ticket ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _handle(self, ticket: Ticket, capability: str) -> None:
        unit = f"{'ticket' if capability == HYBRID else 'twin-ticket'}-{self._mark}-{ticket.number:05d}"
        try:
            key = _TICKET_KEYS[ticket.number % len(_TICKET_KEYS)]
            status, headers, told = self._post("/v1/chat/completions", _call(ticket, capability), unit=unit, key=key, feature=ticket.kind)
            if status != http.client.OK:
                self._lose(f"ticket {ticket.number} at {capability}: {status} {told['error']['message']}")
                return
            answer = msgspec.json.decode(told["choices"][0]["message"]["content"])
            is_right = answer["intent"] == ticket.intent
            outcome = {"unit": unit, "kind": "resolved", "success": is_right, "id": f"outcome-{unit}", "capability": capability}
            self._post("/v1/outcomes", outcome, unit=unit, key=key)
        except (OSError, http.client.HTTPException, msgspec.DecodeError, LookupError, TypeError) as error:
            self._lose(f"ticket {ticket.number} at {capability}: {error!r}")
            return
        with self._lock:
            self.answered[capability] += 1
            self.resolved[capability] += is_right
            if capability == HYBRID:
                self.last = (ticket, headers.get("x-pointsman-target", ""))
                self.first_answer_at = self.first_answer_at or time.monotonic()

    def _handle_other(self, item: Item) -> None:
        """Send an item of another workload and tell what became of it."""
        work, unit = item.work, f"{item.unit}-{self._mark}"
        try:
            body = {"model": work.capability, "messages": [{"role": "system", "content": item.system}, {"role": "user", "content": item.text}]}
            status, headers, told = self._post("/v1/chat/completions", body, unit=unit, key=item.key)
            if status != http.client.OK:
                self._lose(f"{item.unit} at {work.capability}: {status} {told['error']['message']}")
                return
            is_good = random.random() < work.accuracy.get(headers.get("x-pointsman-target", ""), 0.8)  # noqa: S311 - a workload, no secret
            kind, minutes = (work.useful, work.human_min[0]) if is_good else (work.useless, work.human_min[1])
            outcome = {"unit": unit, "kind": kind, "success": is_good, "capability": work.capability, "human_minutes": minutes, "queue": work.queue}
            self._post("/v1/outcomes", outcome, unit=unit, key=item.key)
        except (OSError, http.client.HTTPException, msgspec.DecodeError, LookupError, TypeError) as error:
            self._lose(f"{item.unit} at {work.capability}: {error!r}")

    def _post(self, path: str, body: object, *, unit: str, key: str, feature: str = "") -> tuple[int, Mapping[str, str], Any]:
        connection = self._connection()
        headers = {"content-type": "application/json", "authorization": f"Bearer {secret_of(key)}", "x-pointsman-unit": unit}
        if feature:
            headers["x-pointsman-tags"] = f"feature={feature}"
        try:
            connection.request("POST", path, msgspec.json.encode(body), headers)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, msgspec.json.decode(answer.read())
        except BaseException:
            connection.close()
            raise

    def _connection(self) -> http.client.HTTPConnection:
        if not hasattr(self._own, "connection"):
            self._own.connection = http.client.HTTPConnection(_HOST, self.plan.gateway, timeout=_TIMEOUT_S)
        return self._own.connection

    def _lose(self, why: str) -> None:
        with self._lock:
            self.lost += 1
            self.errors.append(why)

    # ── the failing vendor ──────────────────────────────────────────────────────────────────────────────────────────

    def _fail_or_recover(self) -> None:
        at = self.sent / self.plan.total
        should_fail = _FAILS_FROM <= at < _FAILS_UNTIL
        if should_fail != self.is_failing:
            self._set_fault(is_on=should_fail)

    def _set_fault(self, *, is_on: bool) -> None:
        connection = http.client.HTTPConnection(_HOST, self.plan.failing_vendor, timeout=_TIMEOUT_S)
        try:
            body = msgspec.json.encode({"fault": "status_503"}) if is_on else b""
            connection.request("POST" if is_on else "DELETE", "/simulated/faults", body)
            connection.getresponse().read()
        finally:
            connection.close()
        self.is_failing = is_on


def _call(ticket: Ticket, capability: str) -> dict[str, Any]:
    return {
        "model": capability,
        "messages": [{"role": "system", "content": TRIAGE}, {"role": "user", "content": ticket.text}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "triage", "schema": asked_schema(), "strict": True}},
    }
