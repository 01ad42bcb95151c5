"""
What was found in texts that were seen before, because a conversation sends its history again with every turn. Holds no content: a text is known by a
keyed hash only.
"""

from collections import OrderedDict
from hashlib import blake2b

from pointsman.governance.finding import Finding


class Memory:
    """The findings of the `size` texts that were asked for last. `key` is secret and at most 64 bytes long."""

    def __init__(self, *, size: int, key: bytes) -> None:
        self._size = size
        self._key = key
        self._known: OrderedDict[bytes, tuple[Finding, ...]] = OrderedDict()

    def digest(self, text: str) -> bytes:
        """Return the name of a text."""
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=20, key=self._key).digest()

    def recall(self, digest: bytes) -> tuple[Finding, ...] | None:
        """Return what was found, None if the text is not known."""
        found = self._known.get(digest)
        if found is not None:
            self._known.move_to_end(digest)
        return found

    def keep(self, digest: bytes, findings: tuple[Finding, ...]) -> None:
        """Remember what was found, and forget what was not asked for longest."""
        if self._size:
            self._known[digest] = findings
            if len(self._known) > self._size:
                self._known.popitem(last=False)
