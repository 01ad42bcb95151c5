"""
What a well-shaped file can get wrong about data: classes nobody knows, vendors whose register bears nothing out, summarisers that are not private.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from pointsman.core.label import Level
from pointsman.core.target import Target
from pointsman.settings import shape
from pointsman.settings.compile import is_moment, terms_of
from pointsman.settings.detection_shape import Detection
from pointsman.settings.mistakes import Mistake
from pointsman.settings.policy_compile import path_of
from pointsman.settings.policy_shape import Policy
from pointsman.settings.policy_text import PolicyFault
from pointsman.settings.yaml_text import Path, Text, dotted

_NEAR: Final = frozenset({"private", "edge"})


class DataMeaning:
    """Collects mistakes about data. `levels` are those of all classes, `kinds` the kinds of findings that ship."""

    def __init__(self, text: Text, file: shape.File, *, levels: Mapping[str, Level], kinds: Collection[str]) -> None:
        self._text = text
        self._file = file
        self._classes = levels.keys()
        self._kinds = kinds
        self._mistakes: list[Mistake] = []

    def check(self, targets: Mapping[str, Target]) -> list[Mistake]:
        """Return every mistake."""
        for name, vendor in self._file.vendors.items():
            self._vendor(name, vendor)
        for name, key in self._file.keys.items():
            self._key(name, key)
        for name, capability in self._file.capabilities.items():
            self._kinds_of(("capabilities", name, "ignore_findings"), capability.ignore_findings)
            if capability.summariser is not None:
                self._summariser(("capabilities", name, "summariser"), capability.summariser, targets=targets)
        self._detection(self._file.detection)
        return self._mistakes

    def _key(self, name: str, key: shape.Key) -> None:
        for told in (key.data_class,) if isinstance(key.data_class, str) else key.data_class:
            self._known(("keys", name, "data_class"), told)
        if key.files is not None:
            self._known(("keys", name, "files"), key.files)
        if not key.data_class:
            self._add(("keys", name, "data_class"), "data without a class goes nowhere.", remedy="Name at least one class, such as `internal`.")

    def _detection(self, told: Detection) -> None:
        self._kinds_of(("detection", "off"), told.off)
        for kind, data_class in told.classes.items():
            self._known(("detection", "classes", kind), data_class)
            if kind not in self._kinds:
                self._no_kind(("detection", "classes", kind), kind)
        for index, document in enumerate(told.documents):
            self._known(("detection", "documents", index, "data_class"), document.data_class)

    def _kinds_of(self, path: Path, told: Iterable[str]) -> None:
        for index, kind in enumerate(told):
            if kind not in self._kinds:
                self._no_kind((*path, index), kind)

    def _no_kind(self, path: Path, kind: str) -> None:
        known = ", ".join(f"`{one}`" for one in sorted(self._kinds))
        self._add(path, f"no detector finds `{kind}`.", remedy=f"Known kinds: {known}.")

    def _known(self, path: Path, told: str) -> None:
        if told not in self._classes:
            known = ", ".join(f"`{one}`" for one in sorted(self._classes))
            self._add(path, f"there is no data class `{told}`.", remedy=f"Known: {known}. Add your own under `policy.classes`.")

    def _vendor(self, name: str, vendor: shape.Vendor) -> None:
        terms = vendor.terms
        if vendor.zone == "contracted" and not terms_of(terms).bear_out_contract:
            says = "the terms do not bear out `contracted`."
            self._add(("vendors", name, "zone"), says, remedy="State `retention_days: 0`, `trains: false` and an agreement under `terms`, or leave `zone` out.")
        moments: Iterable[tuple[str, str | None]] = (("reviewed", terms.reviewed), ("next_review", terms.next_review))
        for field, moment in moments:
            if moment is not None and not is_moment(moment):
                self._add(("vendors", name, "terms", field), f"`{moment}` is no date.", remedy="Write `2027-01-31` (UTC).")

    def _summariser(self, path: Path, name: str, *, targets: Mapping[str, Target]) -> None:
        if name not in targets:
            self._add(path, f"there is no target `{name}`.", remedy="Name one of `targets`, or of a ladder.")
            return
        vendor = targets[name].vendor
        if vendor is None or vendor.zone not in _NEAR:
            self._add(path, "a summary is made of what may not leave, but this target is not private.", remedy="Name a private target.")

    def _add(self, path: Path, says: str, *, remedy: str) -> None:
        self._mistakes.append(Mistake(file=self._text.file, path=dotted(path), line=self._text.line(path), says=says, remedy=remedy))


def policy_mistakes(text: Text, told: Policy, *, faults: Iterable[PolicyFault]) -> Iterator[Mistake]:
    """Yield what is wrong with a policy, each where it stands."""
    for fault in faults:
        path = path_of(fault, told)
        yield Mistake(file=text.file, path=dotted(path), line=text.line(path), says=f"`{fault.name}`: {fault.says}", remedy=fault.remedy)


def claim_mistake(text: Text, capability: str, *, says: str) -> Mistake:
    """Return the mistake of a capability by which data could go where a claim says it never does."""
    path: Path = ("capabilities", capability)
    said, _, remedy = says.rpartition(". ")
    return Mistake(file=text.file, path=dotted(path), line=text.line(path), says=f"{said}.", remedy=remedy)
