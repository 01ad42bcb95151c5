"""
Where conversations stand: which target answered last, and how much of the prompt its vendor may still have in its cache. In memory, bounded; time is passed in.
"""

from collections import OrderedDict
from typing import Final

from msgspec import Struct

from pointsman.core.reply import Usage

MOST: Final = 20_000  # conversations that are remembered
CACHED_FOR_MS: Final = 300_000  # vendors keep a prefix for about five minutes after it was read last
STANDS_FOR_MS: Final = 86_400_000  # after a day without a word it is a new conversation

Conversation = tuple[str, str, str]
"""Tenant, capability, and the name that the caller gave it: conversations of two tenants are never one."""


class Standing(Struct, frozen=True):
    """A conversation: the target that answered last, the tokens of its prompt and answer, when, and what share of them its vendor is seen to keep."""

    target: str
    tokens: int
    at_ms: int
    share: float = 1.0

    def cached_at(self, now_ms: int) -> int:
        """Return how many tokens the target may still have in its cache."""
        return round(self.tokens * self.share) if self._is_fresh(now_ms) else 0

    def share_seen(self, usage: Usage, *, now_ms: int) -> float:
        """Return the share of what stood here that the same target's next answer was spared; as before if its vendor could have let go of it."""
        return min(usage.cache_read / self.tokens, 1.0) if self._is_fresh(now_ms) and self.tokens else self.share

    def _is_fresh(self, now_ms: int) -> bool:
        return now_ms - self.at_ms <= CACHED_FOR_MS


class Sessions:
    """Remembers the conversations of the last day, the latest `most` of them."""

    def __init__(self, *, most: int = MOST) -> None:
        self._most = most
        self._known: OrderedDict[Conversation, Standing] = OrderedDict()

    def __len__(self) -> int:
        """Return how many are remembered."""
        return len(self._known)

    def find(self, conversation: Conversation, *, now_ms: int) -> Standing | None:
        """Return where the conversation stands, or None for a new one."""
        found = self._known.get(conversation)
        return None if found is None or now_ms - found.at_ms > STANDS_FOR_MS else found

    def answered(self, conversation: Conversation, target: str, *, usage: Usage | None, guess: int, now_ms: int) -> None:
        """
        Remember that a target answered. `usage` is what its vendor counted; where it counted nothing, the prompt has about `guess` tokens.

        What a vendor says it wrote into its cache is there. Else it keeps all, as far as is known, until an answer shows how much it did keep.
        """
        before = self.find(conversation, now_ms=now_ms)
        known = None if before is None or before.target != target else before
        if usage is None:
            self.note(conversation, Standing(target, guess, now_ms, 1.0 if known is None else known.share))
            return
        tokens = usage.tokens_in + usage.tokens_out
        if usage.cache_write and tokens:
            share = min((usage.cache_read + usage.cache_write) / tokens, 1.0)
        else:
            share = 1.0 if known is None else known.share_seen(usage, now_ms=now_ms)
        self.note(conversation, Standing(target, tokens, now_ms, share))

    def note(self, conversation: Conversation, standing: Standing) -> None:
        """Remember where it stands; the one that was silent for longest is forgotten when there are too many."""
        self._known[conversation] = standing
        self._known.move_to_end(conversation)
        if len(self._known) > self._most:
            self._known.popitem(last=False)
