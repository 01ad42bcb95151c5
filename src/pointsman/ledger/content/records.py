"""
What the content store takes and gives. Values only.
"""

from msgspec import Struct

from pointsman.core.label import Label
from pointsman.core.verdict import Keeping


class ContentRecord(Struct, frozen=True, kw_only=True):
    """
    What was said in one call, as far as it may be kept: `request` and `answer` in the form that `keeping` allows, or None.

    `subject` is the user, `unit` the business item, both as the caller named them. It is kept until `until_ms` and not deleted before `not_before_ms`
    (Unix milliseconds), which counts only as far as `until_ms`: beyond that a legal hold alone keeps content.
    """

    call_id: str
    tenant: str
    subject: str | None
    label: Label
    request: bytes | None
    answer: bytes | None
    keeping: Keeping
    until_ms: int
    not_before_ms: int = 0
    unit: str | None = None

    @property
    def size(self) -> int:
        """Bytes of content."""
        return len(self.request or b"") + len(self.answer or b"")

    def __repr__(self) -> str:
        """Show which call, and nothing of what was said."""
        return f"ContentRecord({self.call_id}, {self.keeping.name}, {self.size} bytes)"


class Content(Struct, frozen=True, kw_only=True):
    """What is kept of a call. With `Keeping.HASH` there is no text: `ContentStore.proves` tells whether a text is the one."""

    call_id: str
    tenant: str
    label: str
    keeping: Keeping
    said_ms: int
    until_ms: int
    request: bytes | None
    answer: bytes | None

    def __repr__(self) -> str:
        """Show which call, and nothing of what was said."""
        return f"Content({self.call_id}, {self.keeping.name})"


class Seen(Struct, frozen=True, kw_only=True):
    """Somebody looked at kept content: a fact for the audit."""

    call_id: str
    tenant: str
    who: str
    found: bool
