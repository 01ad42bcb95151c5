"""
YAML text → plain values, with the line of each. Only what JSON could say: no tags, no duplicate names, no more than a bounded number of aliases.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final, cast

import yaml

from pointsman.core.errors import Mistake, SettingsInvalid

_MOST_BYTES: Final = 4 * 1024 * 1024
_MOST_NODES: Final = 200_000

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """A file that was read: its values, and the line (from 1) of each path. `ends` is the line after a value."""

    file: str
    values: dict[str, Any]
    lines: dict[Path, int]
    ends: dict[Path, int]

    def line(self, path: Path) -> int:
        """Return the line of a path, or of the nearest that holds it."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path, 1)


def read(source: str, file: str) -> Text:
    """Read YAML text. Raises `SettingsInvalid` with the line at fault."""
    if len(source) > _MOST_BYTES:
        raise SettingsInvalid([Mistake(file=file, path="", line=0, says=f"the file exceeds {_MOST_BYTES} bytes.", remedy="Split it.")])
    try:
        node = yaml.compose(source, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise SettingsInvalid([Mistake(file=file, path="", line=line, says=f"this is not YAML: {error.problem}.", remedy="Correct the line.")]) from error
    except yaml.YAMLError as error:
        raise SettingsInvalid([Mistake(file=file, path="", line=1, says=f"this is not YAML: {error}.", remedy="Save it as UTF-8 text.")]) from error
    reading = _Reading(file)
    values = {} if node is None else reading.value(node, ())
    if not isinstance(values, dict):
        reading.mistakes.append(Mistake(file=file, path="", line=1, says="the file is no mapping.", remedy="Begin it with `capabilities:`."))
    if reading.mistakes:
        raise SettingsInvalid(reading.mistakes)
    return Text(file, cast("dict[str, Any]", values), reading.lines, reading.ends)


class _Reading:
    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[Path, int] = {}
        self.ends: dict[Path, int] = {}
        self.mistakes: list[Mistake] = []
        self._nodes = 0

    def value(self, node: yaml.Node, path: Path) -> Any:
        self._nodes += 1
        if self._nodes > _MOST_NODES:
            raise SettingsInvalid([Mistake(file=self.file, path="", line=0, says="its aliases unfold without end.", remedy="Use fewer of them.")])
        self.lines.setdefault(path, node.start_mark.line + 1)
        self.ends.setdefault(path, node.end_mark.line + (node.end_mark.column > 0))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*path, index)) for index, child in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, child in node.value:
            name = str(key.value)
            if name in values:
                self._mistake((*path, name), key, "this name stands here twice.", "Keep one of them.")
            self.lines[*path, name] = key.start_mark.line + 1
            values[name] = self.value(child, (*path, name))
        return values

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        try:
            value: Any = yaml.SafeLoader("").construct_object(node)  # pyright: ignore[reportUnknownMemberType]
        except (yaml.YAMLError, ValueError):
            self._mistake(path, node, "this value cannot be read.", "Write it as text in quotes.")
            return None
        return value.isoformat() if isinstance(value, date) else value

    def _mistake(self, path: Path, node: yaml.Node, says: str, remedy: str) -> None:
        self.mistakes.append(Mistake(file=self.file, path=dotted(path), line=node.start_mark.line + 1, says=says, remedy=remedy))


def dotted(path: Path) -> str:
    """Return a path as people write it: `capabilities.support.ladder[0]`."""
    written = ""
    for part in path:
        written += f"[{part}]" if isinstance(part, int) else f".{part}" if written else part
    return written
