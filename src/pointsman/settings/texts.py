"""
The texts of a configuration: the main file and what stands beside it, as a snapshot is kept and given back. Never a secret, never a company's document.
"""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Final

_MOST_BYTES: Final = 4_000_000


def texts_of(paths: Iterable[Path], *, folder: Path, without: Collection[Path]) -> Mapping[str, str]:
    """
    Return the texts of files by their paths, relative to `folder` where they are in it.

    `without` names files and folders that are left out. So is what is gone, long or no text by now.
    """
    found: dict[str, str] = {}
    for path in paths:
        if any(path.is_relative_to(one) for one in without):
            continue
        try:
            if path.stat().st_size <= _MOST_BYTES:
                found[_name(path, folder)] = path.read_text(encoding="utf-8")
        except (OSError, ValueError):  # it may be written anew at this moment: the next snapshot has it
            continue
    return found


def _name(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
