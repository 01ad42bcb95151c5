"""
Two weeks of the demo's shop, lived through in seconds: every call goes the real way through the real gateway to simulated vendors, only the clock is ours.

Nothing is written into the ledger by hand. What a vendor needs for an answer moves the clock instead of being waited for.
"""

import asyncio
import heapq
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgspec

from pointsman.app.facts import Prices, facts
from pointsman.app.gateway import Gateway
from pointsman.app.learning import Learner
from pointsman.cli.demonstration.folder import FRONTIER, Ports, Stage, asked_schema, secret_of, write
from pointsman.cli.demonstration.operator import Operator
from pointsman.cli.demonstration.workloads import FRONTIER_WORKFLOW, SUPPORT, Item, Workload, items
from pointsman.cli.simulated.behaviour import Behaviour
from pointsman.cli.simulated.faults import EVERY_MODEL, fault_of
from pointsman.cli.simulated.vendor import Running, start
from pointsman.core.call import Asked
from pointsman.core.clock import Clock
from pointsman.core.entry import Outcome
from pointsman.core.errors import PointsmanError
from pointsman.pipeline.run import run
from pointsman.settings.load import load
from pointsman.storage.batch import Review, Score
from pointsman.surfaces.registry import OPENAI

DAYS: Final = 14
_DAY_S: Final = 86_400.0
_DAY_MS: Final = 86_400_000
_HOUR_S: Final = 3_600.0
_WIDE_S: Final = 14_400.0
_NEAR_S: Final = 600.0
_WATCHED_S: Final = 8 * _HOUR_S
_JUDGED_SHARE: Final = 0.8
_JUDGE_IS_RIGHT: Final = 0.98
_REVIEWED_SHARE: Final = 0.03
_TWIN_SHARE: Final = 0.3  # of the tickets that the frontier model alone gets too
_AT_ONCE: Final = 200
_NOTE: Final = "history.json"

# A shop that lives for so long finds out what the places are worth, and proves it; before that the owner's order has to do.
_LEAST_TO_PROVE: Final = 7  # days
_LEARNS_FROM_S: Final = 26 * _HOUR_S
_HYBRID_S: Final = 60.0

# When what happens: days before the last midnight, and the hour. A vendor fails, a bad release comes.
_FAULT: Final = (5, 13)
_BAD: Final = (1, 9)
_FAULT_S: Final = 2 * _HOUR_S


class Time:
    """A clock that moves only when it is told to. `start_ms` is the Unix time of its second 0."""

    def __init__(self, start_ms: int, seed: int) -> None:
        self.start_ms = start_ms
        self.now_s = 0.0
        self._chance = random.Random(seed)  # noqa: S311 - chance that can be repeated, no secret

    def to(self, second: float) -> None:
        """Move forward to a second; never back."""
        self.now_s = max(self.now_s, second)

    async def pause(self, seconds: float) -> None:
        """Let time go by."""
        self.now_s += seconds

    def clock(self) -> Clock:
        """Return what the gateway asks."""
        return Clock(monotonic_s=lambda: self.now_s, wall_ms=self.wall_ms, sleep=self.pause, chance=self._chance.random)

    def wall_ms(self) -> int:
        """Return the Unix time in milliseconds."""
        return self.start_ms + int(self.now_s * 1000)


@dataclass(order=True, slots=True)
class _Due:
    at_s: float
    number: int
    work: Callable[[], Awaitable[None]] = field(compare=False)


class History:
    """
    Lives through whole `days` (UTC) and the one of `end_ms` until then: the last part of the story, if they are few.

    Its vendors listen where those of the demo will, so that every snapshot of it can be gone back to. `tell(share)` hears how far it is, from 0 to 1.
    """

    def __init__(self, home: Path, ports: Ports, *, end_ms: int, days: int = DAYS, seed: int = 0, tell: Callable[[float], None]) -> None:
        self._home = home
        self._ports = ports
        self._days = days
        start_ms = end_ms // _DAY_MS * _DAY_MS - days * _DAY_MS
        self._end_s = (end_ms - start_ms) / 1000
        self._time = Time(start_ms, seed)
        self._seed = seed
        self._chance = random.Random(f"{seed}/fate")  # noqa: S311 - as above
        self._tell = tell
        self._due: list[_Due] = []
        self._telling: set[asyncio.Task[None]] = set()
        self.calls = 0
        self.refused = 0

    async def live(self) -> None:
        """Live through it. Raises what the gateway raises when it cannot begin."""
        told, behaviour = self._ports, Behaviour(seed=self._seed, pause=self._time.pause)
        vendors = [await start(behaviour, port=port) for port in (told.own_gpu, told.cloud_a, told.cloud_b)]
        try:
            await self._live(vendors)
        finally:
            for vendor in vendors:
                await vendor.close()

    async def _live(self, vendors: list[Running]) -> None:
        is_long = stage_after(self._days) is Stage.BY_VALUE
        self._path = write(self._home, self._ports, speed=1.0, stage=Stage.BY_VALUE if is_long else Stage.FIRST)
        clock = self._time.clock()
        known = facts(Prices(clock.wall_ms))
        self._gateway = gateway = Gateway(load(self._path, known), environ={}, clock=clock, ids=random.Random(f"{self._seed}/ids"))  # noqa: S311 - as above
        self._facts = known
        self._operator = Operator(self._path, known, now_ms=self._time.wall_ms)
        self._learner = Learner(lambda: self._gateway.settings, price_of=gateway.prices.of, now_ms=self._time.wall_ms)
        try:
            self._plan(vendors[1])
            while self._due:
                due = heapq.heappop(self._due)
                self._time.to(due.at_s)
                await due.work()
                if len(self._telling) >= _AT_ONCE:
                    await self._told()
            await self._told()
            self._time.to(self._end_s)
        finally:
            gateway.close()

    def _plan(self, failing: Running) -> None:
        first_weekday = (self._time.start_ms // 86_400_000 + 3) % 7
        for item in items(self._days + 1, seed=self._seed, first_weekday=first_weekday):
            if item.at_s < self._end_s:
                self._at(item.at_s, lambda item=item: self._begin(item))
        for hour in range(int(self._end_s // _HOUR_S)):
            self._at(hour * _HOUR_S, lambda hour=hour: self._tick(hour))
        fault_s, bad_s = map(self._moment, (_FAULT, _BAD))
        if stage_after(self._days) is Stage.HYBRID:
            self._at(_HYBRID_S, lambda: self._change(Stage.HYBRID))
        if fault_s > 0:
            self._at(fault_s, lambda: _fail(failing))
            self._at(fault_s + _FAULT_S, lambda: _recover(failing))
        if bad_s > 0:
            self._at(bad_s, lambda: self._change(Stage.BAD))
        at_s = _WIDE_S
        while at_s < self._end_s:
            self._at(at_s, self._look)
            at_s += _NEAR_S if bad_s <= at_s <= bad_s + _WATCHED_S else _WIDE_S

    def _moment(self, told: tuple[int, int]) -> float:
        days_before, hour = told
        return (self._days - days_before) * _DAY_S + hour * _HOUR_S

    def _at(self, second: float, work: Callable[[], Awaitable[None]]) -> None:
        heapq.heappush(self._due, _Due(second, len(self._due), work))

    async def _tick(self, hour: int) -> None:
        self._gateway.note_hardware()
        self._tell(hour * _HOUR_S / self._end_s)

    async def _change(self, stage: Stage) -> None:
        write(self._home, self._ports, speed=1.0, stage=stage)
        self.reload()

    def reload(self) -> None:
        """Use what the files say now."""
        self._gateway.reload(load(self._path, self._facts))

    async def _look(self) -> None:
        await self._told()
        self._gateway.ledger.flush()
        if self._operator.look(self._gateway):
            self.reload()
        if self._time.now_s >= _LEARNS_FROM_S:
            self._learn()

    def _learn(self) -> None:
        learnt = self._learner.look()
        if learnt is not None and learnt.is_new:
            self.reload()

    # ── one item ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _begin(self, item: Item) -> None:
        await self._one(item, capability=item.work.capability, unit=item.unit, workflow=item.work.workflow)
        if item.work.workflow == SUPPORT and self._chance.random() < _TWIN_SHARE:
            await self._one(item, capability=FRONTIER, unit=f"twin-{item.unit}", workflow=FRONTIER_WORKFLOW)

    async def _one(self, item: Item, *, capability: str, unit: str, workflow: str) -> None:
        gateway = self._gateway
        tags = {"feature": item.feature} if item.feature else {}
        asked = Asked(authorization=f"Bearer {secret_of(item.key)}", unit=unit, tags=tags)
        call = OPENAI.decode(msgspec.json.encode(body_of(item, capability)), gateway.new_id())
        self.calls += 1
        try:
            answer = await run(call, asked, stages=gateway.stages)
        except PointsmanError:
            self.refused += 1
            is_good, target = False, ""
        else:
            target = answer.trace.target
            gateway.shadows.after(call, asked, trace=answer.trace, said=answer.body, stages=gateway.stages)
            await gateway.shadows.finish()
            is_good = self._is_good(item, answer.body, target=target)
            self._judge(answer.trace.call_id, workflow, is_good=is_good)
        self._follow(item, unit=unit, workflow=workflow, is_good=is_good)

    def _judge(self, call_id: str, workflow: str, *, is_good: bool) -> None:
        """Have a part of the answers judged by a model, and fewer by a person."""
        chance, at_ms = self._chance, self._time.wall_ms()
        if chance.random() < _JUDGED_SHARE:
            # The judge errs now and then, to either side.
            value = float(is_good if chance.random() < _JUDGE_IS_RIGHT else not is_good)
            score = Score(score_id=f"s-{call_id}", call_id=call_id, at_ms=at_ms, metric="quality", judge="judge@1", value=value, workflow=workflow)
            self._telling.add(asyncio.ensure_future(self._gateway.ledger.record_score(score)))
        if chance.random() < _REVIEWED_SHARE:
            verdict = chance.choices(("accepted", "edited"), (0.93, 0.07))[0] if is_good else chance.choices(("edited", "rejected", "rerouted"), (3, 5, 2))[0]
            done_ms = at_ms + int(chance.uniform(0.2, 5) * _HOUR_S * 1000)
            review = Review(
                review_id=f"r-{call_id}",
                call_id=call_id,
                queue="quality",
                reason="sample",
                selection_propensity=_REVIEWED_SHARE,
                assigned_ms=at_ms,
                done_ms=done_ms,
                reviewer="ben@example.com",
                verdict=verdict,
                seconds=round(chance.uniform(15, 70), 1),
                workflow=workflow,
            )
            self._telling.add(asyncio.ensure_future(self._gateway.ledger.record_review(review)))

    def _is_good(self, item: Item, body: bytes, *, target: str) -> bool:
        if item.ticket is None:
            return self._chance.random() < item.work.accuracy.get(target, 0.8)
        return intent_of(body) == item.ticket.intent

    def _follow(self, item: Item, *, unit: str, workflow: str, is_good: bool) -> None:
        """Plan what becomes of an item: people's minutes and its outcome, and now and then the end of a success."""
        work = item.work
        chance = self._chance
        after_s = chance.uniform(*work.outcome_after_h) * _HOUR_S
        human_s = work.human_min[0 if is_good else 1] * 60 * chance.lognormvariate(0, 0.35)
        kind = work.useful if is_good else work.useless
        self._tell_outcome(self._time.now_s + after_s, work, name=(unit, workflow), kind=kind, human_s=human_s)
        if is_good and chance.random() < work.reversed_share:
            later = self._time.now_s + after_s + chance.uniform(2, 30) * _HOUR_S
            self._tell_outcome(later, work, name=(unit, workflow), kind="reopened", human_s=0.0)

    def _tell_outcome(self, at_s: float, work: Workload, *, name: tuple[str, str], kind: str, human_s: float) -> None:
        if at_s >= self._end_s:
            return
        unit, workflow = name
        outcome = Outcome(
            unit=unit,
            outcome_id=f"{workflow}-{unit}-{kind}",
            kind=kind,
            success=kind == work.useful,
            at_ms=self._time.start_ms + int(at_s * 1000),
            tenant="default",
            workflow=workflow,
            reversed=kind == "reopened",
            human_s=round(human_s, 1) or None,
            queue=work.queue or None,
            source="helpdesk",
        )
        self._at(at_s, lambda: self._record(outcome))

    async def _record(self, outcome: Outcome) -> None:
        self._telling.add(asyncio.ensure_future(self._gateway.record_outcome(outcome)))

    async def _told(self) -> None:
        await asyncio.gather(*self._telling)
        self._telling.clear()


def remember(home: Path, ports: Ports, *, days: int, now_s: float, tell: Callable[[float], None]) -> History:
    """
    Live through the days that end with the last full hour before a Unix second, and note that they are there.

    The vendor that fails in them is part of the story: what the gateway logs of it is of no concern to whoever waits for the demo.
    """
    end_ms = int(now_s // _HOUR_S * _HOUR_S * 1000)
    home.mkdir(parents=True, exist_ok=True)
    history = History(home, ports, end_ms=end_ms, days=days, tell=tell)
    logging.disable()
    story = history.live()
    try:
        asyncio.run(story)
    finally:
        story.close()  # whoever ends the demo may do so before the first day has begun
        logging.disable(logging.NOTSET)
    tell(1.0)
    (home / _NOTE).write_bytes(msgspec.json.encode({"version": version("pointsman"), "days": days, "end_ms": end_ms, "ports": asdict(ports)}))
    return history


def stage_after(days: int) -> Stage:
    """Return how the help desk is served after so many days of history."""
    return Stage.BY_VALUE if days >= _LEAST_TO_PROVE else Stage.HYBRID


def remembered(home: Path, *, days: int, now_s: float) -> Ports | None:
    """Return the ports of a history of today that is there, lived through by this version; None without one."""
    try:
        note = msgspec.json.decode((home / _NOTE).read_bytes())
        is_ours = (note["version"], note["days"]) == (version("pointsman"), days)
        is_whole = is_ours and now_s - note["end_ms"] / 1000 < _DAY_S and (home / "pointsman.db").exists()
        return Ports(**note["ports"]) if is_whole else None
    except (OSError, msgspec.DecodeError, LookupError, TypeError):
        return None


def body_of(item: Item, capability: str) -> dict[str, Any]:
    """Return the request that the shop's application sends for an item."""
    messages = [{"role": "system", "content": item.system}, {"role": "user", "content": item.text}]
    if item.ticket is None:
        return {"model": capability, "messages": messages, "max_tokens": 400}
    schema = {"type": "json_schema", "json_schema": {"name": "triage", "schema": asked_schema(), "strict": True}}
    return {"model": capability, "messages": messages, "response_format": schema}


def intent_of(body: bytes) -> str:
    """Return the intent that an answer to a ticket names, or nothing."""
    try:
        content = msgspec.json.decode(body)["choices"][0]["message"]["content"]
        return str(msgspec.json.decode(content)["intent"])
    except (msgspec.DecodeError, LookupError, TypeError):
        return ""


async def _fail(vendor: Running) -> None:
    vendor.vendor.faults.set(EVERY_MODEL, fault_of("status_503"), count=None)


async def _recover(vendor: Running) -> None:
    vendor.vendor.faults.clear(None)
