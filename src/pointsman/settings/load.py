"""
`pointsman.yaml` → `Settings`, with all mistakes told at once; and again whenever a file changes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pointsman.core.errors import Mistake, SettingsInvalid
from pointsman.core.snapshot import Snapshot
from pointsman.core.target import Vendor
from pointsman.settings import shape
from pointsman.settings.compile import Beside, snapshot_of, targets_of, vendors_of
from pointsman.settings.facts import Facts
from pointsman.settings.meaning import Meaning, open_secrets
from pointsman.settings.validate import validate
from pointsman.settings.watch import Stamp, Watch, stamp
from pointsman.settings.yaml_text import compose


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """
    One configuration. `folder` is where relative paths begin.

    `stamps` tells the files it was made of; `secret_files` are those among them that are read when connecting, not when loading.
    """

    server: shape.Server
    snapshot: Snapshot
    folder: Path
    stamps: Mapping[Path, Stamp]
    secret_files: frozenset[Path]


def load(path: Path, facts: Facts, *, watch: Watch | None = None) -> Settings:
    """Read and check a configuration; `watch` learns of the files looked at, even if they have mistakes. Raises `SettingsInvalid`."""
    watch = watch or Watch()
    watch.note(path)
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsInvalid(
            [Mistake(file=str(path), path="", line=0, says=f"the file cannot be read: {why}.", remedy="Write one with `pointsman init`.")]
        ) from error
    return parse(source, path, facts=facts, watch=watch)


def parse(source: str, path: Path, *, facts: Facts, watch: Watch | None = None) -> Settings:
    """Check the text of a configuration that stands, or would stand, at `path`. Raises `SettingsInvalid`."""
    watch = watch or Watch()
    text = compose(source, str(path))
    file, misshapen = validate(text)
    beside = Beside(path.parent, watch)
    mistakes = [*text.mistakes, *misshapen, *open_secrets(text.values, text)]
    if file is None:
        raise _invalid(path, mistakes)
    meaning = Meaning(text, file, facts=facts, beside=beside)
    vendors = vendors_of(file, facts)
    targets = targets_of(file, vendors, facts=facts)
    meaning.check(targets)
    mistakes.extend(meaning.mistakes)
    if mistakes:
        raise _invalid(path, mistakes)
    secret_files = frozenset(_secret_files(vendors.values(), path.parent))
    for name in sorted(secret_files):
        watch.note(name)
    snapshot = snapshot_of(file, vendors=vendors, targets=targets, beside=beside)
    return Settings(server=file.server, snapshot=snapshot, folder=path.parent, stamps=watch.stamps, secret_files=secret_files)


def schema_json() -> bytes:
    """Return the JSON Schema of the file, for editors."""
    return msgspec.json.format(msgspec.json.encode(shape.json_schema()), indent=2)


class Reloader:
    """Tells when a configuration has changed. A bad one is told once, and the old one stays."""

    def __init__(self, path: Path, facts: Facts, *, current: Settings) -> None:
        self._path = path
        self._facts = facts
        self._current = current
        self._seen = dict(current.stamps)

    def check(self, *, force: bool = False) -> Settings | None:
        """
        Return the settings to use from now on, or None if nothing changed. Raises `SettingsInvalid` once for each bad change.

        When only a secret changed these are the same settings as before: connecting again reads it, even while the main file has mistakes.
        """
        changed = {path: found for path, seen in self._seen.items() if (found := stamp(path)) != seen}
        if not changed and not force:
            return None
        self._seen |= changed
        if not force and changed.keys() <= self._current.secret_files:
            return self._current
        watch = Watch()
        try:
            self._current = load(self._path, self._facts, watch=watch)
        except SettingsInvalid:
            self._seen |= watch.stamps  # what was missing may come, what was wrong may be corrected
            raise
        self._seen = dict(watch.stamps)
        return self._current


def _invalid(path: Path, mistakes: Iterable[Mistake]) -> SettingsInvalid:
    """Tell each mistake once, the main file's first, from top to bottom."""
    return SettingsInvalid(sorted(dict.fromkeys(mistakes), key=lambda one: (one.file != str(path), one.file, one.line, one.path)))


def _secret_files(vendors: Iterable[Vendor], folder: Path) -> Iterable[Path]:
    for vendor in vendors:
        if vendor.credential is not None and vendor.credential.startswith("file:"):
            yield folder / vendor.credential.removeprefix("file:")
        if vendor.ca_file is not None:
            yield folder / vendor.ca_file
