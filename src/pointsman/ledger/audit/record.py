"""
What the audit log says: one typed record for each thing that happened, and its form as a line.

Never content. What could name a person or be guessed (a user, a unit, the text of a finding, a tool's arguments) is given plain and written as
a digest under a key that belongs to that person and is destroyed when the person is erased. The line is what the tree commits to.
"""

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from enum import StrEnum
from hashlib import sha256
from hmac import digest
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

_DIGEST_BYTES: Final = 16
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder


class Kind(StrEnum):
    """What happened."""

    EGRESS = "egress"  # data goes to a target
    REFUSAL = "refusal"  # policy or a limit said no
    ANSWER = "answer"  # what came of a call: tokens, cost, outcome
    DECLASSIFIED = "declassified"  # a label was lowered, by a leak check or a person
    SECRET_FOUND = "secret_found"  # noqa: S105 - the name of an event
    DETECTOR_FAILED = "detector_failed"
    POLICY_CHANGED = "policy_changed"
    KEY_CREATED = "key_created"
    KEY_REVOKED = "key_revoked"
    ERASED = "erased"  # a tombstone: a subject's keys are destroyed
    HOLD = "hold"
    RELEASED = "released"  # a hold ended
    APPROVAL = "approval"
    LOGIN = "login"
    ADMIN = "admin"
    CONTENT_READ = "content_read"
    VERIFIED = "verified"
    STARTED = "started"
    STOPPED = "stopped"
    ALIVE = "alive"  # nothing happened, and nothing was taken out either
    RECOVERED = "recovered"  # a torn end was cut after a crash
    UNWRITABLE = "unwritable"  # something happened that no line can hold; `facts` says of which kind
    SIGNING_KEY = "signing_key"  # the log is signed by another key from here on


class AuditRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    One event. An empty or absent field means that it does not apply.

    `at_ms` is Unix time. `tenant`, `key`, `application` and `user` are the chain of who asked; `actor` is a person of the operator's own (a
    login, an approver), written as given. `label` is the text of the label, `findings` counts by kind, `detectors` name and version.
    `candidates` are the targets that were considered, `mask` those that the verdict permits (bits, in hex), `met` the duties fulfilled
    (`personal:pseudonymise`). `cache` is the call that an answer was taken from, `content` a reference to what is kept elsewhere, `facts`
    whatever else a kind has to tell.

    `user`, `unit`, `spans` (texts of findings) and the arguments in `tools` ((name, arguments) pairs) are given plain and kept as keyed digests.
    """

    kind: Kind
    at_ms: int
    call_id: str = ""
    attempt: int = 0
    tenant: str = ""
    key: str = ""
    application: str = ""
    user: str = ""
    actor: str = ""
    capability: str = ""
    unit: str = ""
    policy: str = ""
    snapshot: str = ""
    detectors: tuple[str, ...] = ()
    label: str = ""
    findings: Mapping[str, int] = {}
    spans: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    mask: str = ""
    met: tuple[str, ...] = ()
    target: str = ""
    vendor: str = ""
    region: str = ""
    zone: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost_nano_usd: int | None = None
    cache: str = ""
    tools: tuple[tuple[str, str], ...] = ()
    outcome: str = ""
    content: str = ""
    facts: Mapping[str, str | int] = {}


# (tenant, user) → the key under which what belongs to this user is digested. Without a user it is the tenant's own.
Salts = Callable[[str, str], bytes]

read_record: Final = _decode(AuditRecord).decode


def sealed(record: AuditRecord, salts: Salts) -> AuditRecord:
    """Return the record as it may be written: nothing in it names a person or can be guessed. A unit that is the call itself is left out."""
    unit = "" if record.unit == record.call_id else record.unit
    if not (record.user or unit or record.spans or record.tools):
        return replace(record, unit="") if record.unit else record
    salt = salts(record.tenant, record.user)
    return replace(
        record,
        user=subject_index(salt) if record.user else "",
        unit=unit_index(salt, unit) if unit else "",
        spans=tuple(_keyed(salt, b"span", text=text) for text in record.spans),
        tools=tuple((name, _keyed(salt, b"tool", text=arguments)) for name, arguments in record.tools),
    )


def subject_index(salt: bytes) -> str:
    """Return what a user with this salt is called in the log. The salt is random, so without it nobody can tell whose this is."""
    return _keyed(salt, b"user", text="")


def unit_index(salt: bytes, unit: str) -> str:
    """Return what a unit of a user with this salt is called in the log."""
    return _keyed(salt, b"unit", text=unit)


def _keyed(salt: bytes, what: bytes, *, text: str) -> str:
    found = digest(salt, what + b"\0" + text.encode("utf-8", "surrogatepass"), "sha256")
    return urlsafe_b64encode(found[:_DIGEST_BYTES]).rstrip(b"=").decode()


def line_head(number: int, before: bytes) -> bytes:
    """Return how the line of this number begins, after a line whose leaf hash is `before`."""
    return b'{"seq":%d,"prev":"%b",' % (number, b64encode(before))


def body_of(record: AuditRecord) -> bytes:
    """Return a sealed record as JSON. Raises `ValueError`, `TypeError` or `OverflowError` for values that JSON cannot hold."""
    return _encode(record)


def line_of(body: bytes, number: int, *, before: bytes) -> bytes:
    """Return the line of a record, without its line break."""
    return line_head(number, before) + body[1:]


def leaf_hash(line: bytes) -> bytes:
    """Return the hash of a leaf (RFC 6962 section 2.1)."""
    return sha256(b"\0" + line).digest()


# What the first line of a stream follows.
NOTHING_BEFORE: Final = bytes(32)
