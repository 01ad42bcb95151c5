"""
The texts of a request body: every one listed with the place where it stands, and a new body made with some of them changed.

A body is the JSON that the caller sent, so no field of any dialect passes unseen: values, names of fields, long numbers, heeded headers, and what stands in
the JSON text of a tool's arguments. Only the protocols' own words are left out (`words`). What a text means, and what is to become of it, is not known here.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

import msgspec

from pointsman.governance.filtering.words import MEDIA_TYPES, WORDS
from pointsman.governance.finding import Path, Spot

# Steps of a path that are no field and no position: positions count from 0.
NAME: Final = -1  # the name of the field that the path leads to, not its value
INSIDE: Final = -2  # what the JSON text at this path says
HEADER: Final = -3  # first step: a heeded header, by its position

_SHORTEST_NUMBER: Final = 7  # digits; shorter ones are settings and counts
_MOST_DEPTH: Final = 64  # of JSON text within a text; deeper is left as text
_BASE64: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_\r\n"
# What files begin with. A short text that only could be base64 is one if it begins so, or says something when it is decoded; else it is read as it stands.
_MAGIC: Final = (
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"RIFF",
    b"BM",
    b"II*\0",
    b"MM\0*",
    b"%PDF",
    b"PK\3\4",
    b"\x1f\x8b",
    b"\xd0\xcf\x11\xe0",
    b"ID3",
    b"\xff\xfb",
    b"OggS",
    b"fLaC",
    b"\x1aE\xdf\xa3",
)
_MAGIC_INSIDE: Final = b"ftyp"  # of MP4 and HEIC: it stands behind a length of four bytes
_LONG: Final = 8192  # characters; nobody writes so much without a space
_DATA_URL: Final = re.compile(r"data:([^;,]{1,100});base64,")
# Names of a vendor's trials, such as `output-128k-2025-02-19`: all callers send the same.
_TRIALS: Final = re.compile(r"[a-z0-9]{1,20}(?:-[a-z0-9]{1,12}){0,8}-20\d\d-\d\d-\d\d")
_UNKNOWN_MEDIA: Final = "application/octet-stream"


def spots(wire: Mapping[str, object], headers: Iterable[tuple[str, str]] = ()) -> list[Spot]:
    """
    Return every text of a body and of its heeded headers, in the order in which they stand there.

    A number of seven digits or more is a text too. The path of a field's name ends in `NAME`; that of a text inside JSON text holds `INSIDE`; that
    of a header is `(HEADER, position)`. A file's path leads to the whole text that holds it, its `text` is the base64 alone.
    """
    walk = _Walk()
    for position, (_, value) in enumerate(headers):
        if not all(_TRIALS.fullmatch(one.strip()) for one in value.split(",")):
            walk.add((HEADER, position), value)
    walk.fields(wire, ())
    return walk.found


class _Walk:
    """One pass over a body."""

    def __init__(self) -> None:
        self.found: list[Spot] = []

    def add(self, path: Path, text: str, *, is_key: bool = False) -> None:
        self.found.append(Spot(path=path, text=text, is_key=is_key))

    def fields(self, node: Mapping[str, Any], path: Path) -> None:
        file = _file_of(node)
        for name, value in node.items():
            here = (*path, name)
            if name not in WORDS:
                self.add((*here, NAME), name, is_key=True)
            if file is not None and name == file[0]:
                self.found.append(Spot(path=here, text=value, media_type=file[1]))
            elif here != ("model",):  # names a capability, and is replaced by what the target calls its model
                self.value(value, here)

    def value(self, value: Any, path: Path) -> None:
        match value:
            case str():
                if value not in WORDS:
                    self._text(value, path)
            case dict():
                self.fields(cast("dict[str, Any]", value), path)
            case list():
                for position, item in enumerate(cast("list[Any]", value)):
                    self.value(item, (*path, position))
            case bool() | None:
                pass
            case _:
                text = number_text(value)
                if sum(map(str.isdigit, text)) >= _SHORTEST_NUMBER:
                    self.add(path, text)

    def _text(self, text: str, path: Path) -> None:
        if path[-1] == "arguments" and INSIDE not in path:
            inside = read_inside(text)
            if inside is not None:
                self.value(inside, (*path, INSIDE))
                return
        told = _DATA_URL.match(text) if text.startswith("data:") else None
        if told is None or not _is_base64(text[told.end() :]):
            self.add(path, text)
            return
        if told[1] not in MEDIA_TYPES:  # the type itself may say anything
            self.add(path, text)
        self.found.append(Spot(path=path, text=text[told.end() :], media_type=told[1]))


def number_text(value: float) -> str:
    """Return a number as people write it: no exponent where it is a whole one."""
    return str(int(value)) if isinstance(value, int) or value.is_integer() else repr(value)


def _is_base64(text: str) -> bool:
    """Tell whether a text is the base64 of something. A key, a name or a number may consist of the same letters."""
    if not text.isascii() or text.encode().translate(None, _BASE64):
        return False
    if len(text) > _LONG:
        return True
    plain = "".join(text.split()).rstrip("=").replace("-", "+").replace("_", "/")
    try:
        data = base64.b64decode(plain + "=" * (-len(plain) % 4))
    except binascii.Error:
        return False
    if data.startswith(_MAGIC) or data[4:8] == _MAGIC_INSIDE:
        return True
    try:
        return "".join(data.decode().split()).isprintable()
    except UnicodeDecodeError:
        return False


def _file_of(node: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the field of a node that is the base64 of a file, and the file's type."""
    match node:
        case {"type": "base64", "data": str(data), "media_type": str(media_type)}:
            found = ("data", media_type)
        case {"data": str(data), "format": str(audio)}:
            found = ("data", f"audio/{audio}")
        case {"file_data": str(data)}:
            found = ("file_data", _UNKNOWN_MEDIA)
        case _:
            return None
    return found if _is_base64(data) else None


def read_inside(text: str) -> Any:
    """Return what JSON text says, or None for a text that is none, or that two readers could understand differently."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        told = msgspec.json.decode(text)
        json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None
    return told if _depth(told) <= _MOST_DEPTH else None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    told = dict(pairs)
    if len(told) < len(pairs):
        raise ValueError("a name is repeated")
    return told


def _depth(tree: Any) -> int:
    level: list[Any] = [tree]
    depth = 0
    while level:
        depth += 1
        inner: list[Any] = []
        for node in level:
            inner.extend(cast("dict[str, Any]", node).values() if isinstance(node, dict) else node)
        level = [node for node in inner if isinstance(node, dict | list)]
    return depth


# ── changing ────────────────────────────────────────────────────────────────────────────────────────────────────────


def rewritten(wire: Mapping[str, object], changes: Mapping[Path, object]) -> dict[str, object]:
    """
    Return a body with other values at some paths, as `spots` gives them; the old one is not touched.

    What stands at a path is replaced whole: a text, a number by a text, a part by another. A change of a `NAME` renames the field. Parts that do
    not change are shared with the old body. Headers are passed over.
    """
    wanted: dict[Any, Any] = {}
    for path, value in changes.items():
        if path[0] != HEADER:
            node = wanted
            for step in path:
                node = node.setdefault(step, {})
            node[None] = value
    return cast("dict[str, object]", _changed(wire, wanted))


def _changed(node: Any, wanted: Mapping[Any, Any]) -> Any:
    if None in wanted:
        return wanted[None]
    if INSIDE in wanted:
        return msgspec.json.encode(_changed(read_inside(node), wanted[INSIDE])).decode()
    if isinstance(node, list):
        return [_changed(item, wanted[position]) if position in wanted else item for position, item in enumerate(cast("list[Any]", node))]
    if not isinstance(node, Mapping):
        return node
    told: dict[str, Any] = {}
    for name, value in cast("Mapping[str, Any]", node).items():
        here = wanted.get(name)
        if here is None:
            told[name] = value
            continue
        renamed = here.get(NAME)
        told[name if renamed is None else renamed[None]] = _changed(value, {step: inner for step, inner in here.items() if step != NAME})
    return told
