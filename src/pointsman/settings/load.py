"""
`pointsman.yaml` → `Settings`, with all mistakes told at once; and again whenever a file changes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pointsman.core.errors import Mistake, SettingsInvalid
from pointsman.core.snapshot import Snapshot
from pointsman.core.target import Vendor
from pointsman.settings import shape
from pointsman.settings.compile import Beside, snapshot_of, targets_of, vendors_of
from pointsman.settings.facts import Facts
from pointsman.settings.meaning import Meaning
from pointsman.settings.validate import validate
from pointsman.settings.yaml_text import read


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One configuration. `folder` is where relative paths begin; `watched` are the files it was made of."""

    server: shape.Server
    snapshot: Snapshot
    folder: Path
    watched: frozenset[Path]


def load(path: Path, facts: Facts) -> Settings:
    """Read and check a configuration. Raises `SettingsInvalid`."""
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsInvalid(
            [Mistake(file=str(path), path="", line=0, says=f"the file cannot be read: {why}.", remedy="Write one with `pointsman init`.")]
        ) from error
    return parse(source, path, facts)


def parse(source: str, path: Path, facts: Facts) -> Settings:
    """Check the text of a configuration that stands, or would stand, at `path`. Raises `SettingsInvalid`."""
    text = read(source, str(path))
    file = validate(text)
    beside = Beside(path.parent)
    meaning = Meaning(text, file, facts, beside)
    meaning.check_before_targets()
    vendors = vendors_of(file, facts)
    targets = targets_of(file, vendors, facts)
    meaning.check(targets)
    if meaning.mistakes:
        raise SettingsInvalid(sorted(meaning.mistakes, key=lambda mistake: (mistake.file, mistake.line, mistake.path)))
    return Settings(
        server=file.server,
        snapshot=snapshot_of(file, vendors=vendors, targets=targets, beside=beside),
        folder=path.parent,
        watched=frozenset({path, *beside.paths, *_credential_files(vendors.values(), path.parent)}),
    )


def schema_json() -> bytes:
    """Return the JSON Schema of the file, for editors."""
    return msgspec.json.format(msgspec.json.encode(shape.json_schema()), indent=2)


class Reloader:
    """Tells when a configuration has changed. A bad one is told once, and the old one stays."""

    def __init__(self, path: Path, facts: Facts, current: Settings) -> None:
        self._path = path
        self._facts = facts
        self._current = current
        self._seen = _stamps(current.watched)

    def check(self, *, force: bool = False) -> Settings | None:
        """Return the new settings, or None if nothing changed. Raises `SettingsInvalid` once for each bad change."""
        stamps = _stamps(self._current.watched)
        if stamps == self._seen and not force:
            return None
        self._seen = stamps
        settings = load(self._path, self._facts)
        self._current = settings
        self._seen = _stamps(settings.watched)
        return settings


def _stamps(paths: frozenset[Path]) -> dict[Path, tuple[int, int] | None]:
    stamps: dict[Path, tuple[int, int] | None] = {}
    for path in paths:
        try:
            found = path.stat()
            stamps[path] = (found.st_mtime_ns, found.st_size)
        except OSError:
            stamps[path] = None
    return stamps


def _credential_files(vendors: Iterable[Vendor], folder: Path) -> set[Path]:
    references = [vendor.credential for vendor in vendors if vendor.credential is not None]
    return {folder / reference.removeprefix("file:") for reference in references if reference.startswith("file:")}
