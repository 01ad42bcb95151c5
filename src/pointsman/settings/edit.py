"""
Changes to `pointsman.yaml` that keep everything else as its owner wrote it, comments included. Used for keys.

A change is checked as a whole before the file is replaced, and replaced in one step.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from pointsman.core.errors import Unusable
from pointsman.settings.yaml_text import read

Entry = Mapping[str, object]


def put_key(source: str, name: str, entry: Entry) -> str:
    """Return the text with the key `name` added or replaced."""
    source = source.replace("\nkeys: {}\n", "\nkeys:\n")
    lines = source.rstrip("\n").split("\n")
    text = read(source, "pointsman.yaml")
    if "keys" not in text.values:
        return "\n".join([*lines, "", "keys:", *_written(name, entry, "  "), ""])
    _refuse_flow(source, text.lines["keys",])
    if ("keys", name) in text.lines:
        start, indent = text.lines["keys", name] - 1, _indent(lines[text.lines["keys", name] - 1])
        end = _end(lines, start, indent)
        return "\n".join([*lines[:start], *_written(name, entry, indent), *lines[end:], ""])
    first = text.lines["keys",]
    indent = _indent(lines[first]) if first < len(lines) and text.values["keys"] else "  "
    return "\n".join([*lines[:first], *_written(name, entry, indent), *lines[first:], ""])


def drop_key(source: str, name: str) -> str:
    """Return the text without the key `name`. Raises `Unusable` if there is none."""
    text = read(source, "pointsman.yaml")
    if ("keys", name) not in text.lines:
        raise Unusable(f"There is no key `{name}`. `pointsman keys list` shows those there are.")
    _refuse_flow(source, text.lines["keys",])
    lines = source.rstrip("\n").split("\n")
    start = text.lines["keys", name] - 1
    end = _end(lines, start, _indent(lines[start]))
    kept = [*lines[:start], *lines[end:], ""]
    if len(text.values["keys"]) == 1:
        kept[text.lines["keys",] - 1] = "keys: {}"
    return "\n".join(kept)


def replace_file(path: Path, source: str, check: Callable[[str], object]) -> None:
    """Check the new text, then put it in the file's place in one step. A text that does not pass changes nothing."""
    check(source)
    draft = path.with_name(path.name + ".new")
    with draft.open("w", encoding="utf-8") as file:
        file.write(source)
        file.flush()
        os.fsync(file.fileno())
    if path.exists():
        draft.chmod(path.stat().st_mode)
    draft.replace(path)


def _written(name: str, entry: Entry, indent: str) -> list[str]:
    lines = [f"{indent}{name}:"]
    for field, value in entry.items():
        if isinstance(value, Mapping):
            lines.extend(f"{indent}{line}" for line in _written(field, value, "  "))  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(value, list | tuple):
            lines.append(f"{indent}  {field}: [{', '.join(map(str, value))}]")  # pyright: ignore[reportUnknownArgumentType]
        elif value is not None:
            lines.append(f"{indent}  {field}: {value}")
    return lines


def _refuse_flow(source: str, line: int) -> None:
    told = source.split("\n")[line - 1].partition(":")[2].partition("#")[0].strip()
    if told:
        raise Unusable("`keys` is written on one line, which cannot be edited safely. Write each key on a line of its own and try again.")


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _end(lines: list[str], start: int, indent: str) -> int:
    """Return the line after the block that begins at `start`; comments between entries belong to the next one."""
    end = start + 1
    while end < len(lines) and (not lines[end].strip() or len(_indent(lines[end])) > len(indent)):
        end += 1
    while not lines[end - 1].strip():
        end -= 1
    return end
