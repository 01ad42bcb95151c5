"""
Approvals: a change of the configuration takes effect only after enough different people have agreed to it.

Rules:
1. How many must agree is said by the configuration in force, never by the change, which could otherwise excuse itself.
2. A change is named by the digest of its content. One letter more is another change, and nobody has agreed to that.
3. What was approved last is kept, so that a start finds it although the file already says something else.
4. Who is shut out has agreed to nothing.
"""

import difflib
import logging
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final

from msgspec import Struct

from pointsman.app.identity import Standing
from pointsman.core.errors import Refused, Unusable
from pointsman.intake.identity import Revoked
from pointsman.intake.sessions import Session
from pointsman.settings.facts import Facts
from pointsman.settings.identity_values import Identity
from pointsman.settings.load import Settings, parse
from pointsman.storage.identity_file import Approval, IdentityFile

_LOG: Final = logging.getLogger("pointsman")


class NothingPending(Refused):
    """No change of this digest waits for approval. Remedy: look at what is pending, and name its digest in full."""

    code = "nothing_pending"


class Pending(Struct, frozen=True, kw_only=True):
    """A change that waits: its digest, its text, how many people must agree, and who (as people read it) has."""

    digest: str
    source: str
    needed: int
    approved_by: tuple[str, ...] = ()


class Approvals:
    """Holds changes back. `in_force` is the configuration that calls are answered by."""

    def __init__(self, standing: Standing, in_force: Identity) -> None:
        self._standing = standing
        self._in_force = in_force
        self._waiting: Identity | None = None

    def admits(self, settings: Settings) -> bool:
        """Tell whether a configuration may take effect now. If not, it waits. Raises `Unusable` where approvals cannot be read."""
        told = settings.identity
        if not self._is_admitted(told):
            if self._waiting is None or self._waiting.policy_digest != told.policy_digest:
                _LOG.warning("a change of the configuration (`%s`) waits for the approval of %d people", told.policy_digest, self._in_force.policy_approvals)
            self._waiting = told
            return False
        return True

    def took_effect(self, settings: Settings) -> None:
        """Note what is in force now. Raises `Unusable` where that cannot be kept."""
        told = settings.identity
        self._waiting = None
        self._in_force = told
        if told.policy_approvals:
            self._standing.file().put_in_force(told.policy_digest, told.source, now_s=self._standing.now_s)
        elif self._standing.has_file:
            self._standing.file().forget_in_force()

    @property
    def is_waiting(self) -> bool:
        """Tell whether a change waits."""
        return self._waiting is not None

    @property
    def told(self) -> Mapping[str, str]:
        """What health checks tell of a change that waits; nothing if there is none."""
        return {} if self._waiting is None else {"waits_for_approval": self._waiting.policy_digest}

    def pending(self) -> Pending | None:
        """Return the change that waits, if there is one."""
        told = self._waiting
        if told is None:
            return None
        agreed = agreed_by(self._standing.file().approvals(told.policy_digest), self._standing.register.revoked)
        return Pending(digest=told.policy_digest, source=told.source, needed=self._in_force.policy_approvals, approved_by=tuple(agreed.values()))

    def difference(self) -> str:
        """Return what the pending change changes in the file, line by line; nothing if there is none."""
        told = self._waiting
        if told is None:
            return ""
        return "".join(
            difflib.unified_diff(
                self._in_force.source.splitlines(keepends=True), told.source.splitlines(keepends=True), fromfile="in force", tofile=told.policy_digest
            )
        )

    def approve(self, digest: str, session: Session) -> Pending:
        """Note that a person agrees to the pending change of this digest. Raises `NothingPending`."""
        pending = self.pending()
        if pending is None or pending.digest != digest:
            raise NothingPending(f"No change `{digest[:40]}` waits for approval. Look at what is pending, and name its digest in full.")
        self._standing.file().approve(digest, person=session.person, user=session.user, now_s=self._standing.now_s)
        return self.pending() or pending

    def _is_admitted(self, told: Identity) -> bool:
        needed = self._in_force.policy_approvals
        if not needed or told.policy_digest == self._in_force.policy_digest:
            return True
        file = self._standing.file()
        kept = file.in_force()
        if kept is not None and kept[0] == told.policy_digest:  # another worker was faster
            return True
        return len(agreed_by(file.approvals(told.policy_digest), self._standing.register.revoked)) >= needed


def agreed_by(approvals: Iterable[Approval], revoked: Revoked) -> dict[str, str]:
    """Return the different people who have agreed and are not shut out: person → the name that people read."""
    return {person: user for person, user, _ in approvals if not {person.rpartition("|")[2], user} & revoked.subjects}


def approved(settings: Settings, *, path: Path, facts: Facts, now_s: float) -> Settings:
    """
    Return the settings to start with: those of the file at `path`, or, while a change waits, those that were approved last.

    The first configuration that asks for approvals is taken as it stands. Raises `Unusable` where what was approved cannot be had again.
    """
    told = settings.identity
    kept_in = settings.folder / told.kept_in
    if not told.policy_approvals and not kept_in.exists():
        return settings
    with closing(IdentityFile(kept_in)) as file:
        kept = file.in_force()
        if kept is None:
            if told.policy_approvals:
                _LOG.warning("from now on a change of the configuration needs the approval of %d people", told.policy_approvals)
                file.put_in_force(told.policy_digest, told.source, now_s=now_s)
            return settings
        digest, source = kept
        if digest == told.policy_digest:
            return settings
        before = parse(source, path, facts=facts)
        revoked = file.revoked(now_s)
        agreed = agreed_by(file.approvals(told.policy_digest), Revoked(subjects=revoked["subject"]))
        if len(agreed) >= before.identity.policy_approvals:
            file.put_in_force(told.policy_digest, told.source, now_s=now_s)
            return settings
    if before.identity.policy_digest != digest:  # the text is the same, so it is what stands beside it
        raise Unusable("A file of the policy was changed and not approved. Undo the change, or have it approved while the gateway runs.")
    # What stands in the file was seen: the next change, or an approval, makes it read again.
    return replace(before, stamps=settings.stamps)
