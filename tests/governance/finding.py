"""
Detectors for tests: each finds what it is told to, and nothing else.
"""

import re
from collections.abc import Iterator

from pointsman.governance.finding import Finding


class Finds:
    """Finds a pattern, as a kind that makes a text a class."""

    def __init__(self, pattern: str, *, kind: str = "person", data_class: str = "personal") -> None:
        self.name = f"finds-{kind}/1"
        self._pattern = re.compile(pattern)
        self._kind = kind
        self._class = data_class

    def find(self, text: str) -> Iterator[Finding]:
        for match in self._pattern.finditer(text):
            yield Finding(start=match.start(), end=match.end(), kind=self._kind, data_class=self._class, detector=self.name)


class Crashes:
    """Never finds anything, because it does not get so far."""

    name = "crashes/1"

    def find(self, text: str) -> Iterator[Finding]:
        raise RuntimeError(text)
        yield
