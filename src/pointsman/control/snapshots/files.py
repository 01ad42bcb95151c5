"""
The files that a snapshot is made of, as texts: what is put on record when it takes effect, and written back by a roll-back.

Secrets are never among them, nor the company's own documents: those may be large and confidential, and a roll-back leaves them as they are.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pointsman.settings.load import Settings
from pointsman.settings.watch import stamp

_MOST_BYTES: Final = 2 * 1024 * 1024


def files_of(settings: Settings) -> Mapping[str, str]:
    """
    Return path (relative to the folder of the configuration) → text; the configuration itself stands first.

    A file that changed since it was loaded, is no UTF-8 text, or is longer than 2 MB is left out: what is on record is what was in force.
    """
    documents = [settings.folder / one.path for one in settings.file.detection.documents]
    found: dict[str, str] = {}
    for path, seen in settings.stamps.items():
        if path in settings.secret_files or seen is None or any(path == one or one in path.parents for one in documents):
            continue
        text = _text_of(path)
        if text is not None and stamp(path) == seen:
            found[os.path.relpath(path, settings.folder)] = text
    return found


def main_file(files: Mapping[str, str]) -> str:
    """Return the name of the configuration among the files of a snapshot."""
    return next(iter(files), "")


def _text_of(path: Path) -> str | None:
    try:
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            return None
        with path.open(encoding="utf-8", newline="") as file:  # line ends are a part of what is written back
            return file.read()
    except (OSError, UnicodeDecodeError):
        return None
