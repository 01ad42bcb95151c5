"""
Which parameters are in force and why, as the file beside the configuration says it: written whole or not at all, and only over what was read.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from pointsman.core.errors import Unusable
from pointsman.settings.edit import alone_in
from pointsman.storage.audit_files import replace_whole

_READABLE: Final = 0o644  # it names numbers, and whoever may read the configuration may read this
LEDGER: Final = "ledger"


class Seen(Struct, frozen=True, kw_only=True):
    """
    How far the ledger was learned from: what was told until `until_ms` (Unix milliseconds), outcomes up to the number `recorded`, and of each workflow units
    that were opened until `opened_ms`.
    """

    until_ms: int = 0
    recorded: int = 0
    opened_ms: Mapping[str, int] = {}


class Version(Struct, frozen=True, kw_only=True):
    """
    One set of parameters as it was put in force. `parameters` is its digest, empty for none; `before` that of those before it.

    `labels` counts what it rests on, `fitted` those of its last fit from the ground up; `why` says in sentences what moved. `source` is `ledger` where it was
    learned from nothing else: only then may it be learned anew from there without losing anything.
    """

    parameters: str = ""
    made: str = ""
    by: str = ""
    labels: int = 0
    why: tuple[str, ...] = ()
    before: str = ""
    source: str = LEDGER
    fitted: int = 0
    seen: Seen = Seen()


class Overtaken(Unusable):
    """Other parameters were put in force while these were learned. Remedy: learn again; nothing was changed."""

    code = "overtaken"


def version_at(path: Path) -> Version:
    """Return what the file says; nothing is in force without one. Raises `Unusable` for one that cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Version)
    except FileNotFoundError:
        return Version()
    except (OSError, msgspec.DecodeError) as error:
        raise Unusable(f"`{path.name}` cannot be read ({error}). Go back with `pointsman rollback`, or delete it.") from error


def named_in(text: str) -> str:
    """Return the digest of the parameters that such a file names; empty for a file that says nothing of the kind."""
    try:
        return msgspec.json.decode(text, type=Version).parameters
    except msgspec.DecodeError:
        return ""


def put_in_force(path: Path, version: Version, *, folder: Path) -> None:
    """
    Write the file, while nobody else changes what is in the `folder` of the configuration. A running gateway takes it up as any change.

    Raises `Overtaken` if it names other parameters than those that this version came after, and `Unusable` if it cannot be written.
    """
    with alone_in(folder):
        if version_at(path).parameters != version.before:
            raise Overtaken("Other parameters were put in force meanwhile. Nothing was changed: learn again.")
        try:
            replace_whole(path, text_of(version), mode=_READABLE)
        except OSError as error:
            raise Unusable(f"`{path.name}` cannot be written ({error.strerror}). Allow writing in `{path.parent}`, or free the disk.") from error


def text_of(version: Version) -> bytes:
    """Return a version as it stands in the file: a line for each field, so that a difference shows what changed."""
    return msgspec.json.format(msgspec.json.encode(version), indent=2) + b"\n"
