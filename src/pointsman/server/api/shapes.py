"""
The shapes of what other routes take and answer, for the document of the API: of the admin listener's own routes, and of those by which outcomes are told.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec import Struct

from pointsman.app.switches import Off
from pointsman.server.outcomes import Answered


class Fault(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why something was refused: a code for programs (`docs/errors.md`), and a message for people that ends with the remedy."""

    code: str
    message: str


class Problem(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every error of the admin listener."""

    error: Fault


class PublicFault(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As `Fault`, in OpenAI's shape; `param` is the field at fault."""

    code: str
    message: str
    type: str
    param: str | None


class PublicProblem(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every error of the listener for applications, outside Anthropic's protocol."""

    error: PublicFault


class Alive(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The process runs."""

    status: Literal["alive"]


class Ready(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether calls can be taken, else the reason. `notes` is what an operator should look at although calls are answered."""

    status: Literal["ready", "not ready"]
    reason: str | None
    waits_for_approval: str | msgspec.UnsetType = msgspec.UNSET
    notes: Mapping[str, str] | msgspec.UnsetType = msgspec.UNSET


class CapabilityInForce(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A capability: its version, and its targets in order."""

    version: str
    ladder: tuple[str, ...]


class InForce(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The snapshot in force. `missing_credentials` says in words which targets are passed over."""

    snapshot: str
    capabilities: Mapping[str, CapabilityInForce]
    missing_credentials: tuple[str, ...]


class Asked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The configuration will be read again in a moment."""

    status: Literal["asked"]


class Who(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who asks, and what they may do. `capabilities` null means all."""

    user: str | None
    key: str
    tenant: str
    groups: tuple[str, ...]
    roles: tuple[str, ...]
    permissions: tuple[str, ...]
    scopes: tuple[str, ...]
    capabilities: tuple[str, ...] | None
    session: str | None


class SessionShown(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who signed in. Times in Unix seconds."""

    session: str
    user: str
    began_s: float
    seen_s: float


class Sessions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everybody who is signed in."""

    sessions: tuple[SessionShown, ...]


class Revoke(Struct, frozen=True, kw_only=True):
    """Who or what is to be shut out: exactly one of the three."""

    subject: str | None = None
    token: str | None = None
    session: str | None = None


class Revoked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was shut out, and how many sessions ended with it."""

    revoked: Literal["subject", "token", "session"]
    name: str
    sessions_ended: int


class Change(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change that waits for so many people; `difference` is line by line."""

    digest: str
    needed: int
    approved_by: tuple[str, ...]
    difference: str


class PendingShown(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The change that waits for approval, or null."""

    pending: Change | None


class Approve(Struct, frozen=True, kw_only=True):
    """The digest of the change that was looked at."""

    digest: str


class Approved(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who agreed so far."""

    digest: str
    needed: int
    approved_by: tuple[str, ...]


class SwitchesShown(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is off."""

    switches: tuple[Off, ...]


class Switch(Struct, frozen=True, kw_only=True):
    """What to shut off, or to let run again. `off` needs a reason of up to 500 characters."""

    state: Literal["off", "on"]
    kind: Literal["vendor", "target", "capability"]
    name: str
    reason: str = ""


class Switched(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was done, and whether anything changed."""

    kind: str
    name: str
    state: Literal["off", "on"]
    changed: bool


class OutcomeRecorded(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An outcome is on record."""

    id: str
    unit: str
    kind: str
    recorded: bool


class JudgementRecorded(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A review or score is on record."""

    id: str
    call_id: str
    recorded: bool


class ManyOutcomes(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What became of each of many outcomes, in their order; the others are recorded where one is refused."""

    recorded: int
    refused: int
    outcomes: tuple[Answered, ...]


class ManyReviews(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As `ManyOutcomes`, of reviews."""

    recorded: int
    refused: int
    reviews: tuple[Answered, ...]


class ManyScores(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As `ManyOutcomes`, of scores."""

    recorded: int
    refused: int
    scores: tuple[Answered, ...]


class NotMeant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The event is not among those that the webhook knows; nothing was recorded."""

    recorded: Literal[False]
    message: str
