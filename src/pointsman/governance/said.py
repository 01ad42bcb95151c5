"""
An answer as it was sent, told as one tree, so that it can be looked through like a request. A stream says a value in pieces: here they are joined.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec

from pointsman.governance.finding import Path

_ENDS: Final = frozenset({b"", b"data: [DONE]"})
_NOT_SAID: Final = (b"event:", b"id:", b"retry:")
_ONCE: Final = frozenset({"id", "type", "object", "role", "model", "name"})  # told again with each piece, or whole
_BROKEN: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def told(answer: bytes) -> Any:
    """Return what a whole answer says, or of a stream each text that grew in it, by its place. Whatever is no JSON is a text."""
    try:
        return msgspec.json.decode(answer)
    except _BROKEN:
        joined = _Joined()
        for line in answer.splitlines():
            if line not in _ENDS and not line.startswith(_NOT_SAID):
                joined.take(line)
        return joined.texts


class _Joined:
    """The texts of a stream. Those at one place are one text."""

    def __init__(self) -> None:
        self._pieces: dict[Path, list[str]] = {}
        self._values: dict[Path, Any] = {}

    @property
    def texts(self) -> dict[str, Any]:
        """Each text, joined, and the last of each other value, by its place."""
        found = {**self._values, **{path: "".join(pieces) for path, pieces in self._pieces.items()}}
        return {".".join(map(str, path)): value for path, value in found.items()}

    def take(self, line: bytes) -> None:
        """Take in one line."""
        try:
            self._add(msgspec.json.decode(line.removeprefix(b"data:")), ())
        except _BROKEN:
            self._add(line.decode(errors="replace"), ("rest",))

    def _add(self, node: Any, path: Path) -> None:
        match node:
            case str():
                pieces = self._pieces.setdefault(path, [])
                if not (pieces and path[-1] in _ONCE):
                    pieces.append(node)
            case dict():
                fields = cast("Mapping[str, Any]", node)
                here = (*path, fields["index"]) if isinstance(fields.get("index"), int) else path
                for name, value in fields.items():
                    self._add(value, (*here, name))
            case list():
                for position, item in enumerate(cast("list[Any]", node)):
                    self._add(item, path if isinstance(item, dict) and "index" in item else (*path, position))
            case None:
                pass
            case _:
                self._values[path] = node
