"""
Learning, put together: the ledger, the parameters in force, and the file that names them. It blocks, and is never on the way of a request.

Rules:
1. Parameters are kept before they are named: after a crash the old ones are in force, or the new ones, whole.
2. Whoever goes back to earlier parameters means it: nothing is learned on from them until a person says so.
3. A version is made when enough was told, and each says why.
4. What looks at prompts may have to be made first. A gateway has that done by another process, and goes on with what it knows until then.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pointsman.app.guarantee import Desk, PriceOf, Renewed, renewed
from pointsman.app.learned import folder_of, parameters_of, pointer_of, reader_of
from pointsman.app.semantic import BeingMade, Make, at_once, reader_for
from pointsman.app.shadows import text_said
from pointsman.app.switches import ledger_of
from pointsman.control.learning.evidence import Evidence, Scope, gather
from pointsman.control.learning.learn import Learnt, is_due_anew, is_material, learn
from pointsman.control.learning.texts import heard_in, verifiers
from pointsman.control.learning.version import LEDGER, Seen, Version, named_in, put_in_force, version_at
from pointsman.control.snapshots.history import history, whole
from pointsman.core.errors import PointsmanError, Unusable
from pointsman.core.routing import Routing
from pointsman.decision.prediction.embedding import Embedder
from pointsman.decision.prediction.parameters import Parameters, encode
from pointsman.ledger.content.records import Content
from pointsman.settings.load import Settings
from pointsman.settings.workflows import Workflow, span_ms
from pointsman.storage.open import open_reading
from pointsman.storage.sql import Database

_LOG: Final = logging.getLogger("pointsman")
_SETTLED_MS: Final = 5_000  # what was told in the last moments may still be on its way to the disk
_KEPT_SNAPSHOTS: Final = 50
_MOST_SNAPSHOTS: Final = 1_000
_MOST_ANEW: Final = 20_000
DRY: Final = "nothing was put in force"
TOO_LITTLE: Final = "too little was told for a version of its own"
MAKING: Final = "the table of tokens, by which prompts are looked at, is being made"
RESTS: Final = "learning rests: earlier parameters are in force again; `pointsman learn --once` learns on from them"


Reading = Callable[[str], Content | None]


def nothing(call_id: str) -> Content | None:
    """Read nothing, where no content is kept."""
    del call_id
    return None


class Round(Struct, frozen=True, kw_only=True):
    """What a round came to: the version in force after it, whether it is new, and what was found. `says` is why nothing was put in force."""

    version: Version
    is_new: bool
    judged: int
    measured: int
    says: str = ""


class _Made(Struct, frozen=True, kw_only=True):
    """The next version with its parameters as bytes, or None where there is none, as `says` tells."""

    version: Version | None = None
    data: bytes = b""
    evidence: Evidence
    says: str = ""


class Learner:
    """
    Learns for one configuration. `settings` returns what is in force, `price_of` tells what a target charges, `read` what is kept of a
    call; `by` is who learns, `make` makes the table of tokens where there is none yet.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        *,
        price_of: PriceOf,
        now_ms: Callable[[], int],
        read: Reading = nothing,
        by: str = "pointsman",
        make: Make = at_once,
    ) -> None:
        self._settings = settings
        self._price_of = price_of
        self._read = read
        self._now_ms = now_ms
        self._by = by
        self._make = make
        self._lock = threading.Lock()  # a round at a time: a second one would only be overtaken
        self._next_ms = 0
        self.trouble: str | None = None

    def look(self) -> Round | None:
        """Learn what was told since the last time, if it is time to. Raises nothing: `trouble` says why nothing came of it."""
        settings, now_ms = self._settings(), self._now_ms()
        if now_ms < self._next_ms or not any(scopes_of(settings)):
            return None
        self._next_ms = now_ms + span_ms(settings.file.learning.every)
        try:
            found = self.round()
        except (sqlite3.Error, OSError, PointsmanError) as error:
            self.trouble = f"nothing was learned ({error if isinstance(error, PointsmanError) else type(error).__name__})"
            _LOG.error("nothing was learned, and it is tried again: %s", error)
            return None
        self.trouble = found.says if found.says == RESTS else None
        if found.says == MAKING:
            self._next_ms = now_ms
        return found

    def round(self, *, by_hand: bool = False, anew: bool = False, dry: bool = False) -> Round:
        """
        Learn what was told since the last time, and put it in force where it is enough; with `dry` only tell what would be.

        `by_hand` learns on from whatever is in force and makes a version of the least evidence; `anew` forgets what was learned and learns from the whole
        ledger. Raises `Overtaken`, `ParametersLost`, `ParametersUnreadable`, `TableLost`, `ExtraMissing`, `Unusable` and what the database says.
        """
        with self._lock:
            return self._round(self._settings(), by_hand=by_hand, anew=anew, dry=dry)

    def _round(self, settings: Settings, *, by_hand: bool, anew: bool, dry: bool) -> Round:
        version, folder = version_at(pointer_of(settings)), folder_of(settings)
        if not by_hand and folder.newest and folder.newest != version.parameters:
            return Round(version=version, is_new=False, judged=0, measured=0, says=RESTS)
        with closing(open_reading(ledger_of(settings))) as db:
            found = self._made(db, settings, version=version, by_hand=by_hand, anew=anew)
            made, evidence = found.version, found.evidence
            if made is None:
                return _found(version, evidence, says=found.says)
            if dry:
                return _found(made, evidence, says=DRY)
            digest = folder.keep(found.data)
            put_in_force(pointer_of(settings), made, folder=settings.folder)
            folder.note_newest(digest)
            folder.prune({digest, made.before} | named_by_snapshots(db, settings, now_ms=self._now_ms()))
        return Round(version=made, is_new=True, judged=len(evidence.judged), measured=len(evidence.measured))

    def _made(self, db: Database, settings: Settings, *, version: Version, by_hand: bool, anew: bool) -> _Made:
        """Return the next version with its parameters, or none where nothing is worth one."""
        before, now_ms = Parameters() if anew else parameters_of(settings), self._now_ms()
        seen, until_ms = Seen() if anew else version.seen, now_ms - _SETTLED_MS
        evidence = gather(db, scopes_of(settings), seen=seen, until_ms=until_ms)
        is_enough = bool(evidence.labels) if by_hand or anew else is_material(evidence)
        labels = (0 if anew else version.labels) + len(evidence.judged)
        learnt = Learnt(parameters=before, why=(), fitted=version.fitted)
        if is_enough:
            reader = reader_for(settings.file.learning.embedding, folder_of(settings), before=_known(settings) if anew else before, make=self._make)
            if isinstance(reader, BeingMade):
                return _Made(evidence=evidence, says=MAKING)
            # Looked at in another way, prompts are learned anew as soon as it is worth it.
            fitted = version.fitted if before.table == ("" if reader is None else reader.table_name) else 0
            since = replace(version, fitted=fitted)
            everything = evidence if anew else self._everything(db, settings, total=labels, version=since, until_ms=until_ms)
            learnt = learn(before, evidence, anew=everything, fitted=fitted, embedder=reader)
            learnt = self._judging(learnt, everything, db=db, settings=settings, reader=reader)
        promised = self._promised(db, settings, parameters=learnt.parameters, before=before, now_ms=now_ms)
        if not (is_enough or promised.is_new):
            return _Made(evidence=evidence, says=TOO_LITTLE)
        made = Version(
            parameters=promised.parameters.digest,
            made=_iso(now_ms),
            by=self._by,
            labels=labels if is_enough else version.labels,
            why=(*learnt.why, *(f"{text[0].upper()}{text[1:]}." for text in promised.why)),
            before=version.parameters,
            source=LEDGER if anew else version.source,
            fitted=learnt.fitted,
            seen=evidence.seen if is_enough else version.seen,
        )
        return _Made(version=made, data=encode(promised.parameters), evidence=evidence)

    def _promised(self, db: Database, settings: Settings, *, parameters: Parameters, before: Parameters, now_ms: int) -> Renewed:
        """Prove promises anew, where there are any to keep."""
        if not any(one.routing is not None and one.routing.guarantee for one in settings.snapshot.capabilities.values()):
            return Renewed(parameters=parameters)
        return renewed(db, Desk(settings, parameters, price_of=self._price_of, now_ms=now_ms), before=before)

    def _everything(self, db: Database, settings: Settings, *, total: int, version: Version, until_ms: int) -> Evidence | None:
        """Return all evidence that the ledger gives, where it is time to learn anew from it; None to learn on."""
        if version.source != LEDGER or not is_due_anew(total, fitted=version.fitted):
            return None
        return gather(db, scopes_of(settings), seen=Seen(), until_ms=until_ms, most=_MOST_ANEW)

    def _judging(self, learnt: Learnt, everything: Evidence | None, *, db: Database, settings: Settings, reader: Embedder | None) -> Learnt:
        """Learn to judge answers, where they are judged before they are given. Only with everything else: it reads what was said, and that is on record."""
        rules = settings.snapshot.capabilities
        checked = {name: one.routing.incumbent.name for name, one in rules.items() if one.routing is not None and one.routing.checked}
        if everything is None or not checked:
            return learnt
        found = verifiers(learnt.parameters, everything.given, capabilities=checked, said=self._said, heard=heard_in(db), embedder=reader)
        return replace(learnt, parameters=replace(learnt.parameters, verifiers=found))

    def _said(self, call_id: str) -> tuple[bytes, str] | None:
        content = self._read(call_id)
        if content is None or content.request is None or content.answer is None:
            return None
        return content.request, text_said(content.answer)


def _known(settings: Settings) -> Parameters:
    """Return the parameters in force, as far as they can be used: how prompts were looked at is worth knowing even if everything is learned anew."""
    with suppress(Unusable):
        found = parameters_of(settings)
        reader_of(settings, found)
        return found
    return Parameters()


def _found(version: Version, evidence: Evidence, *, says: str) -> Round:
    return Round(version=version, is_new=False, judged=len(evidence.judged), measured=len(evidence.measured), says=says)


def scopes_of(settings: Settings) -> Iterator[Scope]:
    """Return what is learned from: the workflows of capabilities that are chosen by value."""
    rules: dict[str, dict[str, Routing]] = {}
    for name, one in settings.snapshot.capabilities.items():
        if one.routing is not None:
            rules.setdefault(one.workflow or name, {})[name] = one.routing
    for workflow, named in rules.items():
        found = settings.workflows.get(workflow) or Workflow(name=workflow, capabilities=())
        yield Scope(
            workflow=workflow,
            window_ms=found.window_ms,
            tasks={name: rule.criteria.task for name, rule in named.items()},
            promised=frozenset(name for name, rule in named.items() if rule.guarantee),
        )


def named_by_snapshots(db: Database, settings: Settings, *, now_ms: int) -> frozenset[str]:
    """Return the parameters that the last snapshots name, and those of all that took effect within the time for which records are kept."""
    records_s = settings.retention.usual.records_s
    since_ms = 0 if records_s is None else now_ms - records_s * 1000
    kept = history(db, most=_MOST_SNAPSHOTS)
    digests = dict.fromkeys(one.digest for index, one in enumerate(kept) if index < _KEPT_SNAPSHOTS or one.since_ms >= since_ms)
    texts = (whole(db, digest).files.get(settings.file.learning.parameters) for digest in digests)
    return frozenset(parameters for text in texts if text and (parameters := named_in(text)))


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
