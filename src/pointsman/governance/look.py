"""
A call is looked through: every text of its body, of its files and of its heeded headers. What was found, and where; never what it says.
"""

import re
from collections.abc import Awaitable, Callable, Generator, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pointsman.core.call import Call, Image
from pointsman.core.capability import Capability
from pointsman.core.finding import Finding, Spot
from pointsman.core.label import SECRET
from pointsman.governance.detection.files import read_file
from pointsman.governance.detection.health import with_person
from pointsman.governance.detection.kinds import GUESSED
from pointsman.governance.detection.quasi import with_identity
from pointsman.governance.detection.scanner import Scanner
from pointsman.governance.filtering.tree import spots

# A file is read at one go, so for no longer than others can wait.
_FILE_S: Final = 0.1

_SEALED: Final = frozenset({"signature", "data", "encrypted_content"})
_NAMES: Final = frozenset({"id", "tool_call_id", "tool_use_id", "user_id", "user", "safety_identifier", "prompt_cache_key"})
_BLANK: Final = re.compile(r"\s")
_TURN_S: Final = 0.002

Pause = Callable[[float], Awaitable[None]]


class Seen(Struct, frozen=True, kw_only=True):
    """
    What was found in a call: for each text, where it stands, its findings. `unread` tells of files that nobody could read, `failed` names the
    detectors that crashed or were late, `removed` counts what was found before secrets were taken out.
    """

    spots: tuple[Spot, ...]
    findings: tuple[tuple[Finding, ...], ...]
    unread: bool = False
    failed: tuple[str, ...] = ()
    removed: Mapping[str, int] | None = None

    @property
    def counts(self) -> Mapping[str, int]:
        """How many findings there are of each kind; a detector that failed counts as `failed:` and its name."""
        if self.removed is not None:
            return self.removed
        counted = {f"failed:{name}": 1 for name in self.failed}
        for ones in self.findings:
            for one in ones:
                counted[one.kind] = counted.get(one.kind, 0) + 1
        return counted

    def heeding(self, capability: Capability) -> "Seen":
        """Return this without what the owner of a capability lets pass. Secrets are never let pass."""
        if not capability.unheeded:
            return self
        kept = tuple(tuple(one for one in ones if one.data_class == SECRET or one.kind not in capability.unheeded) for ones in self.findings)
        return replace(self, findings=kept)

    @property
    def has_secrets(self) -> bool:
        """Tell whether a secret was found."""
        return any(one.data_class == SECRET for ones in self.findings for one in ones)


async def look(call: Call, scanner: Scanner, *, pause: Pause) -> Seen:
    """Search every text of a call. `pause` gives others their turn while a long one is searched."""
    steps = _search(call, scanner)
    since = scanner.clock()
    while True:
        try:
            next(steps)
        except StopIteration as done:
            found: Seen = done.value
            return found
        now = scanner.clock()
        if now - since > _TURN_S:
            await pause(0)
            since = scanner.clock()


def _search(call: Call, scanner: Scanner) -> Generator[None, None, Seen]:
    found = spots(call.wire, call.headers)
    texts: list[str] = []
    # What a link leads to is fetched by the vendor: nobody here can read it.
    unread = any(isinstance(part, Image) and part.url is not None for turn in call.turns for part in turn.parts)
    owners: list[int] = []  # for each text, its spot; several texts may stand in one file
    for index, spot in enumerate(found):
        if spot.media_type is None:
            texts.append(spot.text)
            owners.append(index)
            continue
        file = read_file(spot.text, spot.media_type, clock=scanner.clock, budget_s=_FILE_S)
        unread = unread or file.unread
        texts.extend(file.texts)
        owners.extend([index] * len(file.texts))
    scan = yield from scanner.steps(texts)
    findings: list[tuple[Finding, ...]] = [()] * len(found)
    for index, ones in zip(owners, with_identity(with_person(scan.findings, texts)), strict=True):
        spot = found[index]
        # What stands in a file cannot be replaced within it, so it stands in the whole file.
        if spot.path[-1] in _NAMES and not _BLANK.search(spot.text):  # a name of a call or a user, which says nothing to a model of sentences
            ones = tuple(one for one in ones if not one.detector.startswith("sequence/"))  # noqa: PLW2901 - what is left of the same
        if spot.path[-1] in _SEALED:  # it looks like a secret because it is sealed, and a word less would break the vendor's seal
            ones = tuple(one for one in ones if one.kind != GUESSED)  # noqa: PLW2901 - what is left of the same
        findings[index] += ones if spot.media_type is None else tuple(replace(one, start=0, end=len(spot.text)) for one in ones)
    return Seen(spots=tuple(found), findings=tuple(findings), unread=unread, failed=scan.failed)
