"""
A text in another form, and the way back: every stretch of a view knows the stretch of the text it was made of.
"""

from bisect import bisect_right
from collections.abc import Generator, Iterator, Sequence
from typing import Final, NamedTuple

from msgspec import Struct

# Words beside a changed stretch that its finders may need.
MARGIN: Final = 64
# After so many edits or candidates others may have their turn: a few milliseconds.
STEP: Final = 1024


class Edit(NamedTuple):
    """Characters `start` to `end` of a text read as `text`; None for as they stand."""

    start: int
    end: int
    text: str | None


# Edits as they are found; None for a candidate that was none, so that a long search can be left for a while.
Edits = Iterator[Edit | None]


class View(Struct, frozen=True, kw_only=True, eq=False):
    """
    A text in another form. `parent` is the view it was made of, None for the text as given.

    `begins` are the places in this view where its stretches begin, and `origins` where each stands in the parent. `is_copied` marks the stretches that
    stand there letter by letter. `squeezed` says that spaces between words may be gone, so that only identifiers can be read in it, no sentences.
    """

    text: str
    depth: int = 0
    squeezed: bool = False
    mirrored: bool = False
    parent: "View | None" = None
    begins: Sequence[int] = ()
    origins: Sequence[tuple[int, int]] = ()
    is_copied: Sequence[bool] = ()

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Return the characters of the text as given of which characters `start` to `end` (exclusive, not empty) of this view were made."""
        if self.parent is None:
            return start, end
        if self.mirrored:
            return self.parent.origin(len(self.text) - end, len(self.text) - start)
        first, last = self._stretch(start), self._stretch(end - 1)
        begin = self.origins[first][0] + (start - self.begins[first] if self.is_copied[first] else 0)
        stop = self.origins[last][0] + end - self.begins[last] if self.is_copied[last] else self.origins[last][1]
        return self.parent.origin(begin, max(stop, begin + 1))

    @property
    def is_backwards(self) -> bool:
        """Tell whether it was made by reading from the end."""
        return self.mirrored or (self.parent is not None and self.parent.is_backwards)

    def _stretch(self, at: int) -> int:
        return bisect_right(self.begins, at) - 1

    def reversed(self) -> "View":
        """Return the whole view read from its end."""
        return View(text=self.text[::-1], depth=self.depth + 1, squeezed=True, mirrored=True, parent=self)

    def edited(self, edits: Sequence[Edit], *, squeezed: bool = False) -> Generator[None, None, "View"]:
        """
        Make the view in which the edits are made, with `MARGIN` characters around them; what is far from any edit is left out.

        `edits` are in order and do not overlap. A gap between two parts is a line break, which no identifier goes across. Yields while it works.
        """
        parts = _Parts()
        whole = self.text
        done = 0
        for number, edit in enumerate(edits):
            left = max(done, edit.start - MARGIN)
            if left > done and number:
                right = min(left, done + MARGIN)
                parts.put(whole[done:right], (done, right), is_copy=True)
                if right < left:
                    parts.put("\n", (right, left), is_copy=False)
            parts.put(whole[left : edit.start], (left, edit.start), is_copy=True)
            parts.put(whole[edit.start : edit.end] if edit.text is None else edit.text, (edit.start, edit.end), is_copy=edit.text is None)
            done = edit.end
            if number % STEP == STEP - 1:
                yield
        end = min(len(whole), done + MARGIN)
        parts.put(whole[done:end], (done, end), is_copy=True)
        return View(
            text="".join(parts.texts),
            depth=self.depth + 1,
            squeezed=squeezed or self.squeezed,
            parent=self,
            begins=parts.begins,
            origins=parts.origins,
            is_copied=parts.copied,
        )


class _Parts:
    """The stretches of a view that is being made."""

    __slots__ = ("begins", "copied", "length", "origins", "texts")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.begins: list[int] = []
        self.origins: list[tuple[int, int]] = []
        self.copied: list[bool] = []
        self.length = 0

    def put(self, text: str, origin: tuple[int, int], *, is_copy: bool) -> None:
        if text:
            self.texts.append(text)
            self.begins.append(self.length)
            self.origins.append(origin)
            self.copied.append(is_copy)
            self.length += len(text)
