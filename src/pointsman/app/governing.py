"""
Governance put together: detectors, the policy of a snapshot, and how a call is read again when its body was changed.

Detectors are made once, for their models take a moment to read; a reload gives them another policy.
"""

import importlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from msgspec.structs import replace

from pointsman.core.call import Call
from pointsman.core.errors import Unusable
from pointsman.core.label import SECRET
from pointsman.governance.detection.fingerprints import Fingerprints
from pointsman.governance.detection.health import HealthTerms
from pointsman.governance.detection.identifiers.structured import StructuredDetector
from pointsman.governance.detection.scanner import Detector, Scanner
from pointsman.governance.detection.secrets import SecretDetector
from pointsman.governance.detection.sequence import ALL_KINDS, SequenceDetector
from pointsman.governance.detection.source_code import SourceCodeDetector
from pointsman.governance.filtering.filter import Filtered
from pointsman.governance.finding import Finding
from pointsman.governance.judge import Judge
from pointsman.governance.policy.compiled import CompiledPolicy
from pointsman.settings.documents import Document
from pointsman.settings.load import Settings
from pointsman.surfaces.registry import BY_DIALECT as SURFACES
from pointsman.surfaces.reread import reread

PLUG_INS: Final = "pointsman.detectors"
_MS: Final = 1000.0
_KEY_BYTES: Final = 32


class Governing:
    """Makes the judgement of each snapshot. `key_of(tenant)` is the key of a tenant's pseudonyms."""

    def __init__(self, key_of: Callable[[str], bytes]) -> None:
        self._key_of = key_of
        self._shipped: tuple[Detector, ...] = (
            StructuredDetector(),
            SequenceDetector.packaged(kinds=ALL_KINDS),
            SecretDetector(),
            HealthTerms(),
            SourceCodeDetector(),
        )
        self._plug_ins: dict[str, Detector] = {}
        self._memory_key = os.urandom(_KEY_BYTES)
        self._own: tuple[tuple[Document, ...], tuple[Detector, ...]] = ((), ())  # documents of the company, and who knows them again

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the detectors that ship, for records."""
        return tuple(detector.name for detector in self._shipped)

    def prepare(self, settings: Settings) -> None:
        """Learn the company's own documents if they have changed. Many take seconds: called from a thread before `judge`, which then need not."""
        if settings.documents != self._own[0]:
            self._own = settings.documents, (Fingerprints.of(settings.documents),) if settings.documents else ()

    def judge(self, settings: Settings) -> Judge:
        """Return the judgement of a snapshot. Raises `Unusable` for a detector of another package that is not there or does not start."""
        told = settings.file.detection
        self.prepare(settings)
        detectors: list[Detector] = [*self._shipped, *map(self._plug_in, told.plug_ins), *self._own[1]]
        scanner = Scanner(
            [_Told(detector, frozenset(told.off), classes=told.classes) for detector in detectors] if told.off or told.classes else detectors,
            clock=time.monotonic,
            budget_s=told.budget_ms / _MS,
            max_chars=told.max_chars,
            key=self._memory_key,
        )
        policy = CompiledPolicy(settings.policy, settings.snapshot.targets.values(), snapshot=settings.snapshot.digest)
        return Judge(policy, scanner, key_of=self._key_of, levels=settings.policy.levels, reread=_reread)

    def _plug_in(self, name: str) -> Detector:
        if name not in self._plug_ins:
            metadata: Any = importlib.import_module("importlib.metadata")  # it brings a mail library along: only who has plug-ins waits for that
            found = next(iter(metadata.entry_points(group=PLUG_INS, name=name)), None)
            if found is None:
                raise Unusable(f"There is no detector `{name}`. Install the package that brings it, or leave it out of `detection.plug_ins`.")
            try:
                self._plug_ins[name] = found.load()()
            except Exception as error:
                raise Unusable(f"The detector `{name}` does not start ({type(error).__name__}). Correct its package, or leave it out.") from error
        return self._plug_ins[name]


class _Told:
    """A detector without some kinds, and with other classes for some. Secrets stay what they are."""

    def __init__(self, detector: Detector, off: frozenset[str], *, classes: Mapping[str, str]) -> None:
        self._detector = detector
        self._off = off
        self._classes = classes
        self.name = detector.name
        self.reads_squeezed: bool = getattr(detector, "reads_squeezed", False)

    def find(self, text: str) -> Iterator[Finding]:
        found: Iterable[Finding] = self._detector.find(text)
        for one in found:
            if one.data_class == SECRET:
                yield one
            elif one.kind not in self._off:
                yield replace(one, data_class=self._classes[one.kind]) if one.kind in self._classes else one


def _reread(call: Call, done: Filtered) -> Call:
    return reread(call, SURFACES[call.dialect], wire=done.wire, headers=done.headers)
