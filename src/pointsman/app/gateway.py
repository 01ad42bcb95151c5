"""
The way of a request, put together: settings → stages. Rooms off the way are composed elsewhere.

The stages of a snapshot are one value; a reload makes the next one and swaps the reference. Counters, connections, cached answers and the ledger
outlive reloads.
"""

import asyncio
import logging
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final

from pointsman.app.auditing import audit_log, witness_of_reading
from pointsman.app.business import Business
from pointsman.app.content import Keeper
from pointsman.app.facts import Prices
from pointsman.app.governing import Governing
from pointsman.app.identity import Standing
from pointsman.app.identity_approvals import Approvals
from pointsman.app.learned import InUse
from pointsman.app.outlets import Outlets
from pointsman.app.shadow_scores import Comparing, incumbent_of
from pointsman.app.shadows import Shadows
from pointsman.app.switches import Switches, ledger_of
from pointsman.app.telemetry import Telemetry
from pointsman.app.telemetry_figures import Worth, of_worker
from pointsman.assess.checks import Checks
from pointsman.core.call import Call
from pointsman.core.clock import Clock
from pointsman.core.entry import CallRecord, Outcome
from pointsman.core.errors import CredentialMissing, Exhausted, LedgerUnavailable, PlaceFailed, PointsmanError, Refused
from pointsman.core.ids import uuid7
from pointsman.core.principal import LimitBy, Period
from pointsman.core.snapshot import Snapshot
from pointsman.core.target import Target
from pointsman.decision.breaker import BROWN_OUT, CREDENTIAL, Breakers
from pointsman.decision.choose import NO_CREDENTIAL, SWITCHED_OFF, Chooser
from pointsman.intake.admit import Intake
from pointsman.intake.cells import OwnCells, SharedCells
from pointsman.intake.meters import Meters, period_start_s
from pointsman.ledger.audit.record import Kind
from pointsman.ledger.auditor import Auditor
from pointsman.ledger.busy import BusyMeter
from pointsman.ledger.content.holds import Holds
from pointsman.ledger.content.job import RetentionJob
from pointsman.ledger.content.opening import open_files
from pointsman.ledger.content.store import ContentStore
from pointsman.ledger.in_force import InForce
from pointsman.ledger.rating import Rater
from pointsman.ledger.writer import Ledger
from pointsman.pipeline.stages import Stages
from pointsman.places.cache.answers import AnswerCache
from pointsman.places.models.outlet import ModelsPlace, Outlet
from pointsman.places.people.desk import PeoplePlace
from pointsman.places.rules.table import RulesPlace
from pointsman.providers.registry import BY_DIALECT as WIRES
from pointsman.settings.ledger_place import ledger_place
from pointsman.settings.load import Settings
from pointsman.storage.open import open_reading
from pointsman.storage.told import SHADOW
from pointsman.surfaces.registry import BY_DIALECT as SURFACES
from pointsman.telemetry.logs import Plain
from pointsman.transport.bounds import Bounds

_LOG: Final = logging.getLogger("pointsman")
_FAILED: Final = "failed:"
_REMEDIES: Final = MappingProxyType(
    {
        CREDENTIAL: "it refuses our key, or does not know the model. Put another key in its place, or correct the model's name",
        BROWN_OUT: "it answers several times slower than it usually does",
    }
)


def system_clock() -> Clock:
    """Return the clock of this machine."""
    return Clock(monotonic_s=time.monotonic, wall_ms=lambda: time.time_ns() // 1_000_000, sleep=asyncio.sleep, chance=random.random)


class Gateway:
    """
    One process's gateway. `stages` is what the next request meets. Limits are counted in the file `limits` if several workers share them.

    `ids` draws identifiers: told where the same calls are to have the same ones again.
    """

    def __init__(self, settings: Settings, *, environ: Mapping[str, str], clock: Clock, limits: Path | None = None, ids: random.Random | None = None) -> None:
        with ExitStack() as held:  # what is to be closed, also where a gateway comes to nothing
            told = settings.server.bounds
            self.clock = clock
            self.prices = Prices(clock.wall_ms)
            self.place = place = ledger_place(settings.server.database, folder=settings.folder, environ=environ)
            self.ledger = held.enter_context(closing(Ledger(place)))
            self.missing: list[CredentialMissing] = []
            self._meters = Meters(OwnCells() if limits is None else SharedCells(limits))
            self._line_bytes = told.max_sse_line_bytes
            bounds = Bounds(answer_bytes=told.max_answer_bytes, header_bytes=told.max_header_bytes, sse_line_bytes=told.max_sse_line_bytes)
            self._outlets = held.enter_context(closing(Outlets(folder=settings.folder, environ=environ, bounds=bounds)))
            self.business = Business(place, secret=self._outlets.secret)
            self._cache = AnswerCache(max_bytes=told.max_cache_bytes, now=clock.monotonic_s)
            self._breakers = Breakers(clock.monotonic_s, tell=_opened)
            self.standing = held.enter_context(closing(Standing(settings.folder / settings.identity.kept_in, secret=self._outlets.secret, clock=clock)))
            self.approvals = Approvals(self.standing, settings.identity)
            self._seeded: dict[str, tuple[LimitBy, str | None, Period]] = {}
            self._busy: dict[str, BusyMeter] = {}
            # A worker does not see the calls of the others: each bears its part of the hardware's price.
            self._workers = settings.server.workers
            self._random = ids or random.Random()  # noqa: S311 - identifiers are unique, not secret; the system's own generator is a system call for each
            self._files = open_files(settings.folder, settings.retention, ledger=settings.server.database, environ=environ, vault=self._outlets.vault)
            held.callback(self._files.keys.close)
            self._erased: list[str] = []  # tenants, told by another thread
            self._retaining = RetentionJob(self._files, clock=clock, forget=self._erased.append)
            self._governing = Governing(self._key_of)
            self._audit = held.enter_context(closing(audit_log(settings, environ=environ, wall_ms=clock.wall_ms)))
            self.switches = held.enter_context(closing(Switches(place)))
            self.switches.look()  # what was off before the start is off from the first call on
            self.learned = InUse(partial(open_reading, place), now_ms=clock.wall_ms)
            self.noted: dict[str, Callable[[], str | None]] = {"switches": lambda: self.switches.trouble, "learned": lambda: self.learned.trouble}
            self.auditor = Auditor(self._audit, detectors=self._governing.names, wall_ms=clock.wall_ms, may_leave=self.switches.may_leave)
            shared, common = None if limits is None else limits.parent, (Worth(ledger_of(settings), clock),)
            self.telemetry = held.enter_context(closing(Telemetry(settings, clock=clock, secret=self._outlets.secret, shared=shared, common=common)))
            store = self._content_store() if settings.retention.keeps_content else None
            self.keeper = held.enter_context(closing(Keeper(store, settings.retention, tell=self.telemetry.content)))
            self.shadows = Shadows(self._alone, new_id=self.new_id, spent=partial(self.learned.spent, SHADOW), compare=self._comparing())
            self._failed: Counter[str] = Counter()  # detector → calls in which it failed
            self._begin(settings)
            self._held = held.pop_all()

    def _begin(self, settings: Settings) -> None:
        """Put the first settings in force. Raises what speaks against them, such as a secret that cannot be used."""
        self.prepare(settings)
        self.settings = settings
        self.stages = self._stages(settings)
        self._tell(settings)
        self._seed_budgets()
        self.telemetry.watch(lambda: of_worker(self.stages, self.ledger, policy=self.settings.policy.digest), is_common=False)

    @property
    def holds(self) -> Holds:
        """The legal holds."""
        return self._files.keys.holds

    def reload(self, settings: Settings) -> bool:
        """
        Swap the snapshot; requests under way keep theirs. Raises nothing that leaves a half-made one in force.

        Tell whether it is in force now: a change that needs approval waits for it.
        """
        if not self.approvals.admits(settings):
            return False
        self.stages = self._stages(settings)
        self.settings = settings
        self._tell(settings)
        self.telemetry.reload(settings)
        self.keeper.retention = settings.retention
        self.approvals.took_effect(settings)
        for missing in self.missing:
            _LOG.warning("%s", missing)
        try:
            self._seed_budgets()
        except LedgerUnavailable as error:  # no call is accepted now anyway; `note_hardware` tries again
            _LOG.warning("what was spent before is not known yet: %s", error)
        return True

    def prepare(self, settings: Settings) -> None:
        """Have at hand what Vault says of these settings, and the company's documents. It takes time: called from a thread before `reload`."""
        self._governing.prepare(settings)
        self.learned.prepare(settings)
        login = settings.identity.login
        senders = [sender.secret for sender in settings.file.webhooks.values()]
        self._outlets.prepare(settings.snapshot, None if login is None else login.client_secret, *settings.file.telemetry.otlp_headers.values(), *senders)

    async def renew(self) -> None:
        """Use what Vault says by now; called every second."""
        if self._outlets.vault is not None and await asyncio.to_thread(self._outlets.renew):
            self.stages = self._stages(self.settings)
            _LOG.warning("Vault has other secrets; they are used from now on")

    def new_id(self) -> str:
        """Return a new time-ordered identifier."""
        return uuid7(now_ms=self.clock.wall_ms(), random_bits=self._random.getrandbits(74))

    async def ready_to_record(self) -> None:
        """Wait until a record can be kept. Raises `LedgerUnavailable`, or `AuditUnavailable` once no more audit records may wait."""
        await self.ledger.room()
        if self._audit.is_full:
            await self._audit.room()

    async def record_outcome(self, outcome: Outcome) -> None:
        """Keep an outcome durably. Raises `LedgerUnavailable`."""
        await self.ledger.record_outcome(outcome)

    def capabilities(self, authorization: str | None, api_key: str | None) -> tuple[str, ...]:
        """Return the capabilities that this caller may use. Raises `NotAuthenticated`."""
        intake = self.stages.intake
        return intake.listed(intake.identify(authorization, api_key, user=None))

    def trouble(self) -> str | None:
        """Return why no call can be answered, or None."""
        if self.ledger.trouble is not None:
            return f"the ledger cannot be written: {self.ledger.trouble}"
        if self._audit.trouble is not None:
            return f"the audit log cannot be written: {self._audit.trouble}"
        return None

    def notes(self) -> dict[str, str]:
        """Return what an operator should look at although calls are answered: what → how it is."""
        told = {
            "audit_copies": self._audit.copy_trouble,
            "content": self.keeper.trouble,
            "vault": self._outlets.trouble,
            "detectors": ", ".join(f"`{name}` failed (calls: {count})" for name, count in sorted(self._failed.items())),
        }
        told |= {what: how() for what, how in self.noted.items()}
        return {what: how for what, how in told.items() if how}

    def note(self, error: Exception, call_id: str) -> None:
        """Log what went wrong inside; a refusal is not news, and content is never logged."""
        if not isinstance(error, PointsmanError):
            _LOG.error("call %s met an unexpected error", call_id, exc_info=error)
        elif not isinstance(error, Refused):
            _LOG.warning("call %s failed: %s%s", call_id, error.code, Plain(_kinds(error)))

    def sweep(self) -> None:
        """Enforce the dead-lines of calls to vendors, and tell other workers what calls gave back; called a few dozen times a second."""
        self._meters.settle()
        self._outlets.sweep(asyncio.get_running_loop().time())

    def note_hardware(self) -> None:
        """Book what own hardware was paid for; called every few seconds."""
        if self.ledger.trouble is None:
            with suppress(LedgerUnavailable):
                self._seed_budgets()
        self.ledger.note_hardware(self.clock.wall_ms(), self.clock.monotonic_s())

    def close(self) -> None:
        """Write what is left and let everything go."""
        self.note_hardware()
        self._meters.settle()
        self._held.close()

    def _stages(self, settings: Settings) -> Stages:
        snapshot = settings.snapshot
        # What may refuse the snapshot comes first: nothing below does, and it changes what the calls of the last one share.
        checks = Checks(snapshot)
        judge = self._governing.judge(settings)
        self.standing.check(settings.identity)
        rules = {name: RulesPlace(table) for name, table in snapshot.rules.items()}
        outlets, self.missing = self._outlets.connect(snapshot, self._files.keys.cache_salt, propagate=settings.file.telemetry.propagate)
        self._breakers.asked_with({name: (outlet.pool, snapshot.targets[name].model) for name, outlet in outlets.items()})
        self._watch_hardware(snapshot)
        for target in snapshot.targets.values():
            self.prices.of(target)  # so that no caller waits for the catalogue to be read
        return Stages(
            snapshot=snapshot,
            surfaces=SURFACES,
            intake=self._intake(snapshot, settings),
            judge=judge,
            auditor=self.auditor,
            chooser=Chooser(
                misfits=_misfits,
                health=lambda name: self._health(snapshot.targets[name], outlets),
                by_value=self.learned.by_value(settings, self.prices.of),
            ),
            breakers=self._breakers,
            rules=rules,
            cache=self._cache,
            models=ModelsPlace(outlets, sse_line_bytes=self._line_bytes),
            people=PeoplePlace(),
            checks=checks,
            rater=Rater(self.prices.of, self._busy, clock=self.clock),
            book=self._book,
            clock=self.clock,
        )

    def _content_store(self) -> ContentStore:
        return ContentStore(self._files.content, self._files.keys, seen=witness_of_reading(self._audit, self.clock.wall_ms))

    def _comparing(self) -> Comparing:
        return Comparing(self.ledger.record, incumbent=lambda capability: incumbent_of(self.stages.snapshot, capability), now_ms=self.clock.wall_ms)

    def _intake(self, snapshot: Snapshot, settings: Settings) -> Intake:
        others = self.standing.identities(settings.identity)
        return Intake(snapshot, self._meters, clock=self.clock, price_of=self.prices.of, others=others).heeds(self.switches.check)

    def _alone(self, snapshot: Snapshot, book: Callable[[CallRecord], None]) -> Stages:
        return replace(self.stages, snapshot=snapshot, intake=self._intake(snapshot, self.settings), book=book)

    async def retain(self) -> None:
        """Delete what its time has come for, and forget what was erased; called every few seconds."""
        try:
            await asyncio.to_thread(self._retaining.run, self.keeper.retention)
            await self.learned.look(self.stages.snapshot)
        except (sqlite3.Error, OSError, PointsmanError) as error:
            _LOG.error("what is past its time was not deleted: %s", type(error).__name__)
        while self._erased:
            self._cache.forget(self._erased.pop())

    def _key_of(self, tenant: str) -> bytes:
        try:
            return self._files.keys.pseudonyms(tenant)
        except sqlite3.Error as error:
            raise LedgerUnavailable(f"The keys of tenants cannot be written ({error}), so nothing can be replaced. Free the disk.") from error

    def _tell(self, settings: Settings) -> None:
        """Put on record what is in force from now on."""
        facts = {"policy": settings.policy.digest, "snapshot": settings.snapshot.digest, "waived": ",".join(sorted(settings.policy.waived))}
        self.auditor.happened(Kind.POLICY_CHANGED, facts=facts)
        self.ledger.use(settings.workflows)
        self.ledger.note_snapshot(
            InForce(
                snapshot=settings.snapshot,
                since_ms=self.clock.wall_ms(),
                author="",
                files=settings.texts,
                workflows=settings.workflows,
                prices={target.name: self.prices.of(target) for target in settings.snapshot.targets.values()},
            )
        )

    def _book(self, record: CallRecord) -> None:
        self.ledger.book(self.learned.noted(record, self.settings))
        self.auditor.closed(record)
        self.telemetry.note(record)
        self._failed.update(kind.removeprefix(_FAILED) for kind in record.found if kind.startswith(_FAILED))

    def _watch_hardware(self, snapshot: Snapshot) -> None:
        now_s = self.clock.monotonic_s()
        watched: dict[str, BusyMeter] = {}
        for target in snapshot.targets.values():
            if target.hardware is not None:
                hourly = target.hardware.hourly_nano_usd // self._workers
                watched[target.name] = self._busy.setdefault(target.name, BusyMeter(hourly, now_s))
                watched[target.name].reprice(hourly, now_s)
        self.ledger.watch_hardware(watched, wall_ms=self.clock.wall_ms(), monotonic_s=now_s)

    def _health(self, target: Target, outlets: Mapping[str, Outlet]) -> str | None:
        if self.switches.shuts(target) is not None:
            return SWITCHED_OFF
        if target.desk is not None:
            return None
        return self._breakers.open_class(target.name) if target.name in outlets else NO_CREDENTIAL

    def _seed_budgets(self) -> None:
        """Tell each budget that is new, or counts differently from now on, what was spent before. Raises `LedgerUnavailable`."""
        now_s = self.clock.wall_ms() / 1000
        budgets = self.stages.intake.budgets()
        # A budget that was away did not count meanwhile.
        self._seeded = {limit.name: self._seeded[limit.name] for limit in budgets if limit.name in self._seeded}
        for limit in budgets:
            counts = (limit.by, limit.only, limit.period)
            if self._seeded.get(limit.name) != counts:
                column = "key_id" if limit.by is LimitBy.KEY else limit.by.value
                self.stages.intake.seed(limit, self.ledger.spent_since(column, period_start_s(limit.period, now_s) * 1000))
                self._seeded[limit.name] = counts


def _misfits(call: Call, target: Target) -> tuple[str, ...]:
    return () if target.dialect is None else WIRES[target.dialect].misfits(call, target)


def _kinds(error: PointsmanError) -> str:
    """Say which target failed how. What vendors say may repeat content, so their words stay out of the log."""
    told = error.failures if isinstance(error, Exhausted) else (error,) if isinstance(error, PlaceFailed) else ()
    return f" ({', '.join(dict.fromkeys(f'{one.target}: {one.failure.kind}' for one in told))})" if told else ""


def _opened(target: str, name: str) -> None:
    """Tell whoever runs this that a target is left alone from now on."""
    _LOG.error("The target `%s` is left alone for a while (%s): %s.", target, name, _REMEDIES.get(name, "it failed again and again, or said when to come back"))
