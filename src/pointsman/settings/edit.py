"""
Changes to `pointsman.yaml` that keep everything else as its owner wrote it, byte for byte, comments included. Used for keys.

A change is read back before it is returned: it must have changed what it was asked to, and nothing else. What cannot be edited so is
refused. The file is replaced in one step, under a lock, and only by a text that passes its check.
"""

import contextlib
import fcntl
import json
import os
import re
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

import yaml

from pointsman.core.errors import Unusable
from pointsman.settings.mistakes import SettingsInvalid
from pointsman.settings.yaml_text import dotted, read

Value: TypeAlias = "str | float | bool | tuple[str, ...] | Mapping[str, Value] | None"
Names = tuple[str, ...]
_Pair = tuple[yaml.Node, yaml.Node]

_PLAIN: Final = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._/@-]*$")
_STEP: Final = "  "


def put(source: str, path: Names, *, value: Value) -> str:
    """
    Return the text with the value at a path added or replaced; fields that are None are left out.

    A last line without a line end is given one, also where a block text that ends there is read with it from then on.
    Raises `SettingsInvalid` for a text that is not YAML, `Unusable` where it cannot be edited safely.
    """
    source = _ended(source)
    return _proved(source, _put(source, path, value=value), path=path, value=value)


def drop(source: str, path: Names) -> str:
    """Return the text without what is at a path. Raises as `put` does, and `Unusable` if there is nothing."""
    source = _ended(source)
    return _proved(source, _drop(source, path), path=path, value=None)


def _ended(source: str) -> str:
    return source if source.endswith("\n") else source + "\n"


def replace_file(path: Path, source: str, *, check: Callable[[str], object]) -> None:
    """
    Check a text, then put it in the file's place in one step, with the mode and owner that the file had.

    A text that does not pass changes nothing. Raises what `check` raises, and `Unusable` if the file cannot be written.
    """
    check(source)
    path = path.resolve()  # a link stays a link
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with draft.open("w", encoding="utf-8", newline="") as file:
            file.write(source)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            was = path.stat()
            with contextlib.suppress(PermissionError):  # only root may give a file to somebody else
                os.chown(draft, was.st_uid, was.st_gid)
            draft.chmod(was.st_mode & 0o7777)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise Unusable(f"`{path}` cannot be written ({error.strerror}). Make its folder, allow writing there, or free the disk.") from error


@contextmanager
def editing(path: Path) -> Generator[str]:
    """Yield the text of a file while nobody else edits it this way, so that no change is lost. Raises `Unusable` if it cannot be read."""
    path = path.resolve()
    with alone_in(path.parent):
        yield _text_of(path)


@contextmanager
def alone_in(folder: Path) -> Generator[None]:
    """Keep everybody else from editing files in a folder this way. Raises `Unusable` if it cannot be read."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise Unusable(f"`{folder}` cannot be read ({error.strerror}). Name the file with `--config`.") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _text_of(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", newline="") as file:  # line ends stay as they are
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Unusable(f"`{path}` cannot be read ({why}). Write one with `pointsman init`.") from error


# ── where ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _put(source: str, path: Names, *, value: Value) -> str:
    node = _root(source)
    for depth, name in enumerate(path):
        rest = path[depth + 1 :]
        pair = _find(node, name)
        if pair is None:
            return _add(source, node, name=name, value=_nested(rest, value))
        if not rest:
            return _replace(source, node, pair=pair, value=value)
        if _is_empty(pair[1]):
            return _fill(source, node, pair=pair, value=_nested(rest, value))
        node = pair[1]
    raise ValueError("a path names at least one field")


def _drop(source: str, path: Names) -> str:
    above: _Pair | None = None
    node = _root(source)
    for name in path[:-1]:
        above = _find(node, name)
        if above is None:
            raise _nothing_at(path)
        node = above[1]
    pair = _find(node, path[-1])
    if pair is None:
        raise _nothing_at(path)
    if _is_flow(node):
        raise _unsafe(path)
    start, end = _lines(source, pair)
    source = source[:start] + source[end:]
    if above is None or len(node.value) > 1:
        return source
    colon = source.index(":", above[0].end_mark.index) + 1
    return f"{source[:colon]} {{}}{source[colon:]}"


def _root(source: str) -> yaml.MappingNode:
    read(source, "pointsman.yaml")
    node = yaml.compose(source, Loader=yaml.SafeLoader)
    if not isinstance(node, yaml.MappingNode):
        raise Unusable("The file is empty. Write one with `pointsman init`.")
    return node


def _find(node: yaml.Node, name: str) -> _Pair | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((pair for pair in cast("list[_Pair]", node.value) if str(pair[0].value) == name), None)


def _is_empty(node: yaml.Node) -> bool:
    return not node.value or (isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null")


def _is_flow(node: yaml.Node) -> bool:
    return isinstance(node, yaml.CollectionNode) and bool(node.flow_style)


def _lines(source: str, pair: _Pair) -> tuple[int, int]:
    """Return where the first line of an entry begins, and where the line after its last one does."""
    start = source.rfind("\n", 0, pair[0].start_mark.index) + 1
    return start, _line_end(source, _last(source, pair))


def _last(source: str, pair: _Pair) -> int:
    key, child = pair
    return max(_end(source, key), _end(source, child))


def _end(source: str, node: yaml.Node) -> int:
    """Return where the content of a node ends. The end mark of a block stands after the comments that follow it, so its parts are asked."""
    if isinstance(node, yaml.CollectionNode) and node.value and not _is_flow(node):
        if isinstance(node, yaml.MappingNode):
            return max(_last(source, pair) for pair in cast("list[_Pair]", node.value))
        return max(_end(source, child) for child in cast("list[yaml.Node]", node.value))
    return max(len(source[: node.end_mark.index].rstrip()), node.start_mark.index)


def _line_end(source: str, offset: int) -> int:
    found = source.find("\n", offset)
    return len(source) if found < 0 else found + 1


# ── what ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _add(source: str, node: yaml.Node, *, name: str, value: Value) -> str:
    if not isinstance(node, yaml.MappingNode) or not node.value:
        raise _unsafe((name,))
    pairs = cast("list[_Pair]", node.value)
    last = _last(source, pairs[-1])
    if _is_flow(node):
        return f"{source[:last]}, {_scalar(name)}: {_flow(value)}{source[last:]}"
    column = pairs[0][0].start_mark.column
    lines = _block(name, value, indent=" " * column)
    at = _line_end(source, last)
    if column == 0 and all(line.strip()[:1] in ("", "#") for line in source[at:].split("\n")):
        at = len(source)  # below the last comment, with some air
        lines = ["", *lines]
    return _insert(source, at, lines=lines)


def _replace(source: str, parent: yaml.Node, *, pair: _Pair, value: Value) -> str:
    key, child = pair
    both_scalar = isinstance(child, yaml.ScalarNode) and child.style not in ("|", ">") and not isinstance(value, Mapping | tuple)
    if _is_flow(parent) or both_scalar:
        space = " " if source[child.start_mark.index - 1] == ":" else ""
        return source[: child.start_mark.index] + space + _flow(value) + source[child.end_mark.index :]
    start, end = _lines(source, pair)
    indent = " " * key.start_mark.column
    return _insert(source[:start] + source[end:], start, lines=_block(str(key.value), value, indent=indent))


def _fill(source: str, parent: yaml.Node, *, pair: _Pair, value: Value) -> str:
    """Put something into what is empty: `keys: {}`, or `keys:` with nothing after it."""
    key, child = pair
    if _is_flow(parent):
        return _replace(source, parent, pair=pair, value=value)
    before, after = source[: child.start_mark.index], source[child.end_mark.index :]
    if after[:1] in ("", "\r", "\n"):
        before = before.rstrip(" ")
    at = _line_end(before + after, len(before))
    entries = cast("Mapping[str, Value]", value)
    indent = " " * key.start_mark.column + _STEP
    return _insert(before + after, at, lines=[line for name, told in entries.items() for line in _block(name, told, indent=indent)])


def _insert(source: str, at: int, *, lines: list[str]) -> str:
    newline = "\r\n" if "\r\n" in source else "\n"
    before = source[:at]
    if before and not before.endswith("\n"):
        before += newline
    return before + "".join(line + newline for line in lines) + source[at:]


def _nested(path: Names, value: Value) -> Value:
    for name in reversed(path):
        value = {name: value}
    return value


def _block(name: str, value: Value, *, indent: str) -> list[str]:
    if not isinstance(value, Mapping):
        return [f"{indent}{_scalar(name)}: {_flow(value)}"]
    lines = [line for field, told in value.items() if told is not None for line in _block(field, told, indent=indent + _STEP)]
    return [f"{indent}{_scalar(name)}:", *lines] if lines else [f"{indent}{_scalar(name)}: {{}}"]


def _flow(value: Value) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_scalar(name)}: {_flow(told)}" for name, told in value.items() if told is not None) + "}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_scalar, value))}]"
    return _scalar(value) if isinstance(value, str) else json.dumps(value)


def _scalar(text: str) -> str:
    """Return a text as YAML reads it back: plain if that is safe, else in quotes."""
    if _PLAIN.match(text) and yaml.safe_load(text) == text:
        return text
    return yaml.safe_dump(text, default_style='"', width=float("inf")).rstrip("\n")


# ── proof ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _proved(source: str, changed: str, *, path: Names, value: Value) -> str:
    try:
        before, after = read(source, "pointsman.yaml").values, read(changed, "pointsman.yaml").values
    except SettingsInvalid as invalid:
        raise _unsafe(path) from invalid
    if _without(before, path) != _without(after, path) or _at(after, path) != _plain(value):
        raise _unsafe(path)
    return changed


def _without(values: object, path: Names) -> object:
    """Return the values less what is at the path, and less what is empty without it."""
    if not isinstance(values, dict):
        return values
    first, *more = path
    named = cast("dict[str, Any]", values)
    rest = {name: told for name, told in named.items() if name != first}
    below = _without(named.get(first), tuple(more)) if more else None
    return {**rest, first: below} if below else rest


def _at(values: Any, path: Names) -> Any:
    for name in path:
        values = cast("dict[str, Any]", values).get(name) if isinstance(values, dict) else None
    return values


def _plain(value: Value) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(told) for name, told in value.items() if told is not None}
    return list(value) if isinstance(value, tuple) else value


def _nothing_at(path: Names) -> Unusable:
    return Unusable(f"There is no `{dotted(path)}` in the file. Correct the name.")


def _unsafe(path: Names) -> Unusable:
    return Unusable(f"`{dotted(path)}` is written in a way that cannot be edited safely. Write each field on a line of its own, or make the change by hand.")
