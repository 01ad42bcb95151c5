"""
YAML text → plain values, with the line of each. Only what JSON could say: no tags, no duplicate names, no more than a bounded number of aliases.
"""

import math
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, cast

import yaml

from pointsman.settings.mistakes import Mistake, SettingsInvalid

_MOST_CHARACTERS: Final = 1024 * 1024
_MOST_NODES: Final = 100_000
_MOST_DEPTH: Final = 60
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml, ten times faster, where the wheel has it
_CLOSED: Final = ("flow sequence", "flow mapping", "quoted scalar")  # in the parser's words: what ends with a bracket or a quote
_PLAIN: Final = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "timestamp", "seq", "map", "merge", "value"))

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """
    A file that was read: its values, the line (from 1) of each path, and each scalar as it was written.

    `mistakes` are those after which reading could go on; at the paths in `unread` stands nothing that could be understood.
    """

    file: str
    values: dict[str, Any]
    lines: dict[Path, int] = field(default_factory=dict[Path, int])
    written: dict[Path, str] = field(default_factory=dict[Path, str])
    mistakes: tuple[Mistake, ...] = ()
    unread: tuple[Path, ...] = ()

    def line(self, path: Path) -> int:
        """Return the line of a path, or of the nearest that holds it."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path, 1)


def read(source: str, file: str) -> Text:
    """Read YAML text. Raises `SettingsInvalid` with the lines at fault."""
    text = compose(source, file)
    if text.mistakes:
        raise SettingsInvalid(text.mistakes)
    return text


def compose(source: str, file: str) -> Text:
    """Read YAML text as far as it can be understood. Raises `SettingsInvalid` if it cannot be at all."""
    if len(source) > _MOST_CHARACTERS:
        raise _unreadable(file, 0, says=f"the file exceeds {_MOST_CHARACTERS} characters.", remedy="Split it.")
    try:
        source.encode()
        _bound_depth(source)
        node: Any = yaml.compose(source, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(file, error) from error
    except yaml.reader.ReaderError as error:
        line = source.count("\n", 0, error.position) + 1
        raise _unreadable(
            file, line, says=f"it holds a character that texts do not have (U+{error.character:04X}).", remedy="Save it as UTF-8 text."
        ) from error
    except UnicodeEncodeError as error:
        raise _unreadable(file, 1, says="it holds half of a surrogate pair.", remedy="Save it as UTF-8 text.") from error
    except _TooDeep as error:
        raise _unreadable(file, error.line, says=f"it is nested more than {_MOST_DEPTH} levels deep.", remedy="Write it flatter.") from error
    reading = _Reading(file)
    values: Any = {} if node is None else reading.value(node, ())
    if not isinstance(values, dict):
        reading.mistakes.append(Mistake(file=file, path="", line=1, says="the file is no mapping.", remedy="Begin it with `capabilities:`."))
        raise SettingsInvalid(reading.mistakes)
    return Text(file, cast("dict[str, Any]", values), reading.lines, reading.written, tuple(reading.mistakes), tuple(reading.unread))


def dotted(path: Path) -> str:
    """Return a path as people write it: `capabilities.support.ladder[0]`."""
    written = ""
    for part in path:
        written += f"[{part}]" if isinstance(part, int) else f".{part}" if written else part
    return written


class _TooDeep(Exception):
    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


def _bound_depth(source: str) -> None:
    """Stop at a depth that no configuration needs: composing is recursive, reading events is not."""
    depth = 0
    for event in yaml.parse(source, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _MOST_DEPTH:
            raise _TooDeep(cast("yaml.Mark", event.start_mark).line + 1)


class _Reading:
    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[Path, int] = {}
        self.written: dict[Path, str] = {}
        self.mistakes: list[Mistake] = []
        self.unread: list[Path] = []
        self._nodes = 0
        self._loader: Any = yaml.SafeLoader("")

    def value(self, node: yaml.Node, path: Path) -> Any:
        self._nodes += 1
        if self._nodes > _MOST_NODES or len(path) > _MOST_DEPTH:  # an alias may name what it stands in
            raise _unreadable(self.file, 0, says="its aliases unfold without end.", remedy="Use fewer of them.")
        self.lines.setdefault(path, node.start_mark.line + 1)
        if node.tag not in _PLAIN:
            return self._nothing(path, node, says=f"the tag `{node.tag[:60]}` has no meaning here.", remedy="Leave it out.")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*path, index)) for index, child in enumerate(node.value)]
        self.written[path] = str(node.value)
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, child in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._mistake(path, key, says="a name must be a plain text.", remedy="Write `name: value`.")
                continue
            name = str(key.value)
            if name in values:
                self._mistake((*path, name), key, says="this name stands here twice.", remedy="Keep one of them.")
                continue
            self.lines[*path, name] = key.start_mark.line + 1
            values[name] = self.value(child, (*path, name))
        return values

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        try:
            value: Any = self._loader.construct_object(node)
            str(node.value).encode()  # half of a surrogate pair is no text
        except (yaml.YAMLError, ValueError, LookupError, AttributeError, ArithmeticError):  # what the library's constructors raise on odd text
            value = math.nan
        if isinstance(value, float) and not math.isfinite(value):
            return self._nothing(path, node, says="this value cannot be read.", remedy="Write an ordinary number, or a text in quotes.")
        return value.isoformat() if isinstance(value, date) else value

    def _nothing(self, path: Path, node: yaml.Node, *, says: str, remedy: str) -> None:
        self.unread.append(path)
        self._mistake(path, node, says=says, remedy=remedy)

    def _mistake(self, path: Path, node: yaml.Node, *, says: str, remedy: str) -> None:
        self.mistakes.append(Mistake(file=self.file, path=dotted(path), line=node.start_mark.line + 1, says=says, remedy=remedy))


def _not_yaml(file: str, error: yaml.MarkedYAMLError) -> SettingsInvalid:
    line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
    begun = error.context_mark.line + 1 if error.context_mark is not None else line
    if begun < line and (error.context or "").endswith(_CLOSED):  # what is never closed is noticed far below
        return _unreadable(file, begun, says=f"this is not YAML: what begins here is not closed by line {line} ({error.problem}).", remedy="Close it.")
    return _unreadable(file, line, says=f"this is not YAML: {error.problem}.", remedy="Correct the line.")


def _unreadable(file: str, line: int, *, says: str, remedy: str) -> SettingsInvalid:
    return SettingsInvalid([Mistake(file=file, path="", line=line, says=says, remedy=remedy)])
