"""
The files that a configuration was made of, each with the stamp it had before it was read: a change in between is seen, not missed.
"""

from pathlib import Path

Stamp = tuple[int, int, int] | None


def stamp(path: Path) -> Stamp:
    """Return what changes when a file is written or replaced; None for one that cannot be reached."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


class Watch:
    """Collects files while they are read, also those that turn out to be missing: they may come."""

    def __init__(self) -> None:
        self.stamps: dict[Path, Stamp] = {}

    def note(self, path: Path) -> None:
        """Remember a file that is about to be read."""
        if path not in self.stamps:
            self.stamps[path] = stamp(path)
