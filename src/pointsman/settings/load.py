"""
`pointsman.yaml` → `Settings`, with all mistakes told at once; and again whenever a file changes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from pointsman.core.snapshot import Snapshot
from pointsman.core.target import Vendor
from pointsman.settings import shape
from pointsman.settings.audit_shape import Audit
from pointsman.settings.compile import Beside, snapshot_of, targets_of, vendors_of
from pointsman.settings.documents import Document, documents_of
from pointsman.settings.facts import Facts
from pointsman.settings.identity_compile import IdentityMeaning, Main, identity_of
from pointsman.settings.identity_values import NOBODY, Identity
from pointsman.settings.meaning import Meaning, open_secrets
from pointsman.settings.meaning_of_business import BusinessMeaning
from pointsman.settings.meaning_of_data import DataMeaning, claim_mistake, policy_mistakes
from pointsman.settings.meaning_of_routing import RoutingMeaning
from pointsman.settings.mistakes import Mistake, SettingsInvalid
from pointsman.settings.policy_compile import lowered, policy_text
from pointsman.settings.policy_text import PolicyText
from pointsman.settings.retention_compile import Retention, mistakes_in, retention_of
from pointsman.settings.retention_shape import Retention as RetentionTold
from pointsman.settings.routing import parameters_in_force
from pointsman.settings.texts import texts_of
from pointsman.settings.validate import validate
from pointsman.settings.watch import Stamp, Watch, stamp
from pointsman.settings.workflows import Workflow, workflows_of
from pointsman.settings.yaml_text import compose


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """
    One configuration: the `file` as it was told, and what it means. `folder` is where relative paths begin.

    `texts` are those of its files, by their paths beside it.

    `stamps` tells the files it was made of; `secret_files` are those among them that are read when connecting, not when loading.
    """

    file: shape.File
    snapshot: Snapshot
    policy: PolicyText
    documents: tuple[Document, ...]
    folder: Path
    stamps: Mapping[Path, Stamp]
    secret_files: frozenset[Path]
    audit: Audit = Audit()
    identity: Identity = NOBODY
    retention: Retention = retention_of(RetentionTold())
    texts: Mapping[str, str] = field(default_factory=dict[str, str])
    workflows: Mapping[str, Workflow] = field(default_factory=dict[str, Workflow])

    @property
    def server(self) -> shape.Server:
        """Where the gateway listens and keeps its records."""
        return self.file.server


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
    policy = policy_text(file.policy, facts.policy)
    mistakes.extend(DataMeaning(text, file, levels=policy.levels, kinds=facts.kinds).check(targets))
    mistakes.extend(policy_mistakes(text, file.policy, faults=[*lowered(file.policy, facts.policy), *facts.policy_faults(policy)]))
    mistakes.extend(IdentityMeaning(text, file, levels=policy.levels).check())
    mistakes.extend(mistakes_in(text, file.retention))
    mistakes.extend(BusinessMeaning(text, file).check())
    mistakes.extend(RoutingMeaning(text, file).check(targets))
    learned, lost = _learned(file, beside=beside)
    mistakes.extend(lost)
    documents, unread = documents_of(text, file, beside=beside)
    mistakes.extend(unread)
    if mistakes:
        raise _invalid(path, mistakes)
    unkept = [path.parent / document.path for document in file.detection.documents]
    secret_files = frozenset(_secret_files(vendors.values(), path.parent))
    for name in sorted(secret_files):
        watch.note(name)
    snapshot = snapshot_of(file, vendors=vendors, targets=targets, beside=beside, policy=policy, learned=learned)
    broken = [claim_mistake(text, capability, says=says) for capability, says in facts.broken_claims(snapshot, policy)]
    if broken:
        raise _invalid(path, broken)
    identity = identity_of(file, Main(path, source, text.values), digests=_of_people(beside, file), levels=policy.levels)
    return Settings(
        file=file,
        snapshot=snapshot,
        policy=policy,
        documents=documents,
        folder=path.parent,
        stamps=watch.stamps,
        secret_files=secret_files,
        identity=identity,
        audit=file.audit,
        retention=retention_of(file.retention),
        texts=texts_of(watch.stamps, folder=path.parent, without={*secret_files, *unkept}),
        workflows=workflows_of(file.workflows, file.capabilities, costs=file.costs),
    )


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


def _learned(file: shape.File, *, beside: Beside) -> tuple[str, list[Mistake]]:
    try:
        return parameters_in_force(file.learning, beside), []
    except (OSError, ValueError) as error:
        says = f"it cannot be read ({error})."
        remedy = "Go back with `pointsman rollback`, or delete it to choose without anything learned."
        return "", [Mistake(file=file.learning.parameters, path="", line=0, says=says, remedy=remedy)]


def _of_people(beside: Beside, file: shape.File) -> dict[str, str]:
    """Return the digests of what people decide: what the gateway learns by itself, within what they allowed, waits for nobody's approval."""
    return {name: found for name, found in beside.policy_digests.items() if name != file.learning.parameters}


def _secret_files(vendors: Iterable[Vendor], folder: Path) -> Iterable[Path]:
    for vendor in vendors:
        if vendor.credential is not None and vendor.credential.startswith("file:"):
            yield folder / vendor.credential.removeprefix("file:")
        if vendor.ca_file is not None:
            yield folder / vendor.ca_file
