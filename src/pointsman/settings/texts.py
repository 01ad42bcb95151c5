"""
The texts that a configuration is made of: what is put on record when it takes effect, and written back by a roll-back.

Secrets are never among them, nor the company's own documents: those may be large and confidential, and a roll-back leaves them as they are.
"""

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from pointsman.settings.watch import Stamp, stamp

_MOST_BYTES: Final = 2 * 1024 * 1024


def texts_of(stamps: Mapping[Path, Stamp], *, folder: Path, without: Collection[Path]) -> Mapping[str, str]:
    """
    Return path (relative to `folder`) → text of files that were read with these stamps; `without` names files and folders that are left out.

    A file that changed since, is no UTF-8 text, or is longer than 2 MB is left out: what is on record is what was in force.
    """
    found: dict[str, str] = {}
    for path, seen in stamps.items():
        if seen is None or any(path == one or one in path.parents for one in without):
            continue
        text = _text_of(path)
        if text is not None and stamp(path) == seen:
            found[os.path.relpath(path, folder)] = text
    return found


def _text_of(path: Path) -> str | None:
    try:
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            return None
        with path.open(encoding="utf-8", newline="") as file:  # line ends are a part of what is written back
            return file.read()
    except (OSError, UnicodeDecodeError):
        return None
