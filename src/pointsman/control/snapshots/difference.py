"""
What differs between two snapshots: line by line for each file, and in sentences that name what was changed. Pure.

Digests of keys are never shown: that a key changed is enough to know.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from msgspec import Struct

from pointsman.settings.mistakes import SettingsInvalid
from pointsman.settings.yaml_text import read

# Sections whose entries have names, and what an entry is called.
_ENTRIES: Final[Mapping[str, str]] = {
    "capabilities": "capability",
    "targets": "target",
    "vendors": "vendor",
    "workflows": "workflow",
    "keys": "key",
    "roles": "role",
}
_LISTS: Final[Mapping[tuple[str, ...], str]] = {("limits",): "limit", ("policy", "rules"): "policy rule"}
_HIDDEN: Final = frozenset({"sha256", "credential", "password", "secret"})
_LONGEST: Final = 80
_NAMES: Final = ("id", "name")


class Difference(Struct, frozen=True, kw_only=True):
    """What differs: `sentences` in the order of the file, and `diffs`: file → unified difference. Both are empty where nothing does."""

    sentences: tuple[str, ...]
    diffs: Mapping[str, str]


def difference(before: Mapping[str, str], after: Mapping[str, str]) -> Difference:
    """Return what changed from one snapshot's files to another's."""
    names = [name for name in dict.fromkeys([*after, *before]) if before.get(name) != after.get(name)]
    diffs = {name: _diff(name, before.get(name), after=after.get(name)) for name in names}
    told: list[str] = []
    for name in names:
        was, now = before.get(name), after.get(name)
        if name in (_main_file(before), _main_file(after)) and was is not None and now is not None:
            told.extend(_of_configuration(was, now))
        else:
            told.append(_of_file(name, was, now=now))
    return Difference(sentences=tuple(told), diffs=diffs)


def _of_configuration(was: str, now: str) -> list[str]:
    old, new = _read(was), _read(now)
    if old is None or new is None:
        return ["The configuration changed, and one of the two cannot be read as YAML."]
    return list(_of_section((), old, now=new)) or ["The configuration changed in its wording only: comments, order or spacing."]


def _of_section(path: tuple[str, ...], was: Mapping[str, Any], *, now: Mapping[str, Any]) -> Iterator[str]:
    for name in dict.fromkeys([*was, *now]):
        old, new, here = was.get(name), now.get(name), (*path, name)
        if old == new:
            continue
        if len(here) == 1 and name in _ENTRIES:
            yield from _of_entries(_ENTRIES[name], _mapping(old), now=_mapping(new))
        elif here in _LISTS:
            yield from _of_entries(_LISTS[here], _named(old), now=_named(new))
        elif isinstance(old, dict) and isinstance(new, dict):
            yield from _of_section(here, cast("dict[str, Any]", old), now=cast("dict[str, Any]", new))
        else:
            where = ".".join(here)
            yield f"{_changed(f'`{where}`', old, new=new)}."


def _of_entries(kind: str, was: Mapping[str, Any], *, now: Mapping[str, Any]) -> Iterator[str]:
    for name in dict.fromkeys([*was, *now]):
        old, new = was.get(name), now.get(name)
        if old == new:
            continue
        if name not in was:
            yield f"The {kind} `{name}` is new."
        elif name not in now:
            yield f"The {kind} `{name}` is gone."
        else:
            yield f"The {kind} `{name}`: {'; '.join(_fields((), old, new=new))}."


def _fields(path: tuple[str, ...], old: Any, *, new: Any) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        was, now = cast("dict[str, Any]", old), cast("dict[str, Any]", new)
        for name in dict.fromkeys([*was, *now]):
            if was.get(name) != now.get(name):
                yield from _fields((*path, name), was.get(name), new=now.get(name))
    elif path and path[-1] in _HIDDEN:
        yield f"`{'.'.join(path)}` changed"
    else:
        yield _changed(f"`{'.'.join(path)}`" if path else "it", old, new=new)


def _changed(what: str, old: Any, *, new: Any) -> str:
    if old is None:
        return f"{what} is {_shown(new)}, and was not set"
    if new is None:
        return f"{what} is not set any more, and was {_shown(old)}"
    return f"{what} is {_shown(new)}, and was {_shown(old)}"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        told = " → ".join(_shown(one) for one in cast("list[Any]", value))
    elif isinstance(value, dict):
        told = ", ".join(f"{name}: {'…' if name in _HIDDEN else _shown(one)}" for name, one in cast("dict[str, Any]", value).items())
    else:
        told = str(value).lower() if isinstance(value, bool) else str(value)
    told = " ".join(told.split()) or "empty"
    return told if len(told) <= _LONGEST else f"{told[:_LONGEST]}…"


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _named(value: Any) -> Mapping[str, Any]:
    """Return the entries of a list by their names, or by their places where they have none."""
    entries: Sequence[Any] = cast("list[Any]", value) if isinstance(value, list) else ()
    found: dict[str, Any] = {}
    for index, one in enumerate(entries):
        fields = _mapping(one)
        found[str(next((fields[name] for name in _NAMES if fields.get(name)), index + 1))] = one
    return found


def _read(source: str) -> Mapping[str, Any] | None:
    try:
        return read(source, "snapshot").values
    except SettingsInvalid:
        return None


def _of_file(name: str, was: str | None, *, now: str | None) -> str:
    if was is None:
        return f"The file `{name}` is new."
    if now is None:
        return f"The file `{name}` is no part of it any more."
    lines = list(difflib.ndiff(was.splitlines(), now.splitlines()))
    added, gone = (sum(line.startswith(mark) for line in lines) for mark in ("+ ", "- "))
    return f"The file `{name}` changed: {added} lines are new, {gone} are gone."


def _diff(name: str, was: str | None, *, after: str | None) -> str:
    lines = [(text or "").splitlines(keepends=True) for text in (was, after)]
    told = difflib.unified_diff(lines[0], lines[1], fromfile=f"{name} (before)", tofile=f"{name} (after)")
    return "".join(_masked(line if line.endswith("\n") else f"{line}\n") for line in told)


def _masked(line: str) -> str:
    head, mark, _ = line.partition("sha256:")
    return f"{head}{mark} …\n" if mark else line


def _main_file(files: Mapping[str, str]) -> str:
    """Return the name of the configuration among the files of a snapshot: it is the first that was read."""
    return next(iter(files), "")
