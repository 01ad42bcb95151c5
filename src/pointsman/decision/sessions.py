"""
Where conversations stand: which target answered last, and how much of the prompt its vendor may still have in its cache. In memory, bounded; time is passed in.
"""

from collections import OrderedDict
from typing import Final

from msgspec import Struct

MOST: Final = 20_000  # conversations that are remembered
CACHED_FOR_MS: Final = 300_000  # vendors keep a prefix for about five minutes after it was read last
STANDS_FOR_MS: Final = 86_400_000  # after a day without a word it is a new conversation

Conversation = tuple[str, str, str]
"""Tenant, capability, and the name that the caller gave it: conversations of two tenants are never one."""


class Standing(Struct, frozen=True):
    """A conversation: the target that answered last, the tokens of its prompt and answer, and when."""

    target: str
    tokens: int
    at_ms: int

    def cached_at(self, now_ms: int) -> int:
        """Return how many tokens the target may still have in its cache."""
        return self.tokens if now_ms - self.at_ms <= CACHED_FOR_MS else 0


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

    def note(self, conversation: Conversation, standing: Standing) -> None:
        """Remember where it stands; the one that was silent for longest is forgotten when there are too many."""
        self._known[conversation] = standing
        self._known.move_to_end(conversation)
        if len(self._known) > self._most:
            self._known.popitem(last=False)
