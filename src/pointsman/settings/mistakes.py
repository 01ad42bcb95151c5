"""
What is wrong with a configuration, all of it at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pointsman.core.errors import Unusable


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One mistake in a file: where it is, what is wrong, and what to do. `line` counts from 1; 0 where there is no line."""

    file: str
    path: str
    line: int
    says: str
    remedy: str

    def __str__(self) -> str:
        """Return one line as compilers tell theirs, so that editors can jump to it."""
        where = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join([where, *([self.path] if self.path else []), f"{self.says} {self.remedy}"])


class SettingsInvalid(Unusable):
    """The configuration has mistakes; all of them are listed with path and line. Remedy: correct them and run `pointsman check`."""

    code = "settings_invalid"

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = tuple(mistakes)
