"""
Exact answers, kept for as long as the capability's owner says, within a bound in bytes.

A key cannot be built without its scope: tenant, holder, permissions, label, capability version and snapshot are parts of it, so that no caller ever sees what
another with other rights was answered, and a changed prompt, model or policy never meets an old answer.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from sys import getsizeof
from typing import Final

import msgspec
from msgspec import Struct

from pointsman.core.attempt import Attempt
from pointsman.core.call import Call, Foreign, HiddenThinking, Refusal, Text, Thinking, ToolUse
from pointsman.core.label import Label
from pointsman.core.place import Dialect
from pointsman.core.reply import Finish, Reply
from pointsman.core.verdict import Sharing

# Fields that cannot change an answer: two calls that differ in these alone are one question.
_NOT_ASKED: Final = frozenset({"stream", "stream_options", "metadata", "user", "store", "prompt_cache_key", "safety_identifier", "service_tier"})
_KEPT: Final = frozenset({Finish.DONE, Finish.STOP_SEQUENCE, Finish.TOOLS})
_OVERHEAD_BYTES: Final = 600


class CacheKey(Struct, frozen=True, kw_only=True):
    """Where an answer may be found again, and by whom. There are no defaults: a scope cannot be forgotten."""

    tenant: str
    permissions: frozenset[str] | None
    holder: str | None
    label: Label
    capability: str
    version: str
    snapshot: str
    dialect: Dialect
    question: bytes


def cache_key(attempt: Attempt) -> CacheKey:
    """Return the key of an attempt's question."""
    call, key = attempt.call, attempt.principal.key
    asked: dict[str, object] = {name: value for name, value in call.wire.items() if name not in _NOT_ASKED}
    if call.headers:
        asked = {"headers": call.headers, "body": asked}
    return CacheKey(
        tenant=key.tenant,
        permissions=key.capabilities,
        holder=_holder(attempt),
        label=attempt.verdict.label,
        capability=attempt.capability.name,
        version=attempt.capability.version,
        snapshot=attempt.verdict.snapshot,
        dialect=call.dialect,
        question=hashlib.blake2b(msgspec.json.encode(asked), digest_size=32).digest(),
    )


def _holder(attempt: Attempt) -> str | None:
    """Return who alone may be given the answer again; None for all of the tenant. Who is not known shares with nobody but the same key."""
    principal, sharing = attempt.principal, attempt.verdict.sharing
    key = principal.key
    if sharing is Sharing.TENANT:
        return None
    if sharing is Sharing.APPLICATION:
        return f"key:{key.key_id}" if key.application is None else f"application:{key.application}"
    # Whom an application acts for is its own word: with another key it is told nothing of the user that a token proves, or that another application names.
    return f"key:{key.key_id}" if principal.user is None else f"user:{key.key_id}\0{principal.user}"


def can_repeat(call: Call) -> bool:
    """Tell whether a kept answer has the form that the call asks for: a stream is told again from its parts, so nothing beyond them may be asked."""
    return not call.stream or _NOT_ASKED.issuperset(call.extras)


class AnswerCache:
    """Answers by key, least recently used out first. `max_bytes` bounds all of them together; `now` is a monotonic clock in seconds."""

    def __init__(self, *, max_bytes: int, now: Callable[[], float]) -> None:
        self.max_bytes = max_bytes
        self._now = now
        self._entries: OrderedDict[CacheKey, tuple[Reply, float, int]] = OrderedDict()
        self._bytes = 0

    def find(self, attempt: Attempt) -> Reply | None:
        """Return the kept answer to the attempt's question, unless it is too old."""
        key = cache_key(attempt)
        found = self._entries.get(key)
        if found is None:
            return None
        if found[1] <= self._now():
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return found[0]

    def keep(self, attempt: Attempt, reply: Reply) -> None:
        """Keep a whole answer. One that was cut off or refused is not worth repeating."""
        policy = attempt.capability.cache
        size = _size(reply)
        if policy is None or not _is_worth_keeping(reply) or size > self.max_bytes:
            return
        key = cache_key(attempt)
        self._drop(key)
        self._entries[key] = (reply, self._now() + policy.ttl_s, size)
        self._bytes += size
        while self._bytes > self.max_bytes:
            self._drop(next(iter(self._entries)))

    def forget(self, tenant: str) -> None:
        """Drop every answer of a tenant."""
        for key in [key for key in self._entries if key.tenant == tenant]:
            self._drop(key)

    @property
    def size_bytes(self) -> int:
        """How much is kept."""
        return self._bytes

    def _drop(self, key: CacheKey) -> None:
        dropped = self._entries.pop(key, None)
        if dropped is not None:
            self._bytes -= dropped[2]


def _is_worth_keeping(reply: Reply) -> bool:
    # Parts of the vendor's own dialect can only be repeated in its own words.
    lost = Refusal if reply.native is not None else Refusal | Foreign
    return reply.finish in _KEPT and not any(isinstance(part, lost) for part in reply.parts)


def _size(reply: Reply) -> int:
    size = _OVERHEAD_BYTES + (len(reply.native.body) if reply.native is not None else 0)
    for part in reply.parts:
        match part:
            case Text(text) | Thinking(text=text) | ToolUse(arguments=text) | HiddenThinking(data=text):
                size += getsizeof(text)  # a character takes one, two or four bytes
            case _:
                size += _OVERHEAD_BYTES
    return size
