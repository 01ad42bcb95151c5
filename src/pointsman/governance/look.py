"""
A call is looked through: every text of its body, of its files and of its heeded headers. What was found, and where; never what it says.
"""

import re
from collections.abc import Awaitable, Callable, Generator, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pointsman.core.call import Call
from pointsman.core.capability import Capability
from pointsman.core.label import SECRET
from pointsman.governance.detection.files import read_file
from pointsman.governance.detection.health import with_person
from pointsman.governance.detection.kinds import GUESSED
from pointsman.governance.detection.quasi import with_identity
from pointsman.governance.detection.scanner import Scanner
from pointsman.governance.filtering.tree import INSIDE, spots
from pointsman.governance.filtering.words import WORDS
from pointsman.governance.finding import Finding, Spot

# A file is read at one go, so for no longer than others can wait; and all files of a call together for no longer than a call is worth.
_FILE_S: Final = 0.1
_FILES_S: Final = 1.0
FILES: Final = "files"

_SEALED: Final = frozenset({"signature", "data", "encrypted_content"})
_NAMES: Final = frozenset({"id", "tool_call_id", "tool_use_id", "user_id", "user", "safety_identifier", "prompt_cache_key"})
_CALLS: Final = frozenset({"id", "tool_call_id", "tool_use_id", "name"})
_LINKS: Final = frozenset({"file_id", "file_url", "image_url"})
_LINKED: Final = frozenset({("image_url", "url"), ("source", "url")})
_TELLING: Final = re.compile(r"(?i)pass|pwd|secret|token|key|auth|cred|bearer|cookie|session|kennwort|contrase|wachtwoord|senha|parola|heslo")
_LEAST_NAMED: Final = 3  # characters
_MOST_NAMED: Final = 400
_LONGEST_NAME: Final = 48
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
        counted = {f"failed:{name}": 1 for name in self.failed}
        if self.removed is not None:
            return {**self.removed, **counted}
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
    read = yield from _read(found, scanner)
    scan = yield from scanner.steps(read.texts)
    findings: list[tuple[Finding, ...]] = [()] * len(found)
    for index, ones in zip(read.owners, with_identity(with_person(scan.findings, read.texts), read.texts), strict=True):
        spot = found[index]
        named = len(_named(spot))
        for one in ones:
            if one.end > named and _is_believed(one, spot):
                # What stands in a file cannot be replaced within it, so it stands in the whole file.
                start, end = (max(one.start - named, 0), one.end - named) if spot.media_type is None else (0, len(spot.text))
                findings[index] += (replace(one, start=start, end=end),)
    return Seen(spots=tuple(found), findings=tuple(findings), unread=read.unread, failed=(*scan.failed, *((FILES,) if read.is_late else ())))


class _Read(Struct):
    """The texts of a call, those of its files too: for each its spot, whether something cannot be read, and whether there was no time to try."""

    texts: list[str]
    owners: list[int]
    unread: bool = False
    is_late: bool = False


def _read(found: list[Spot], scanner: Scanner) -> Generator[None, None, _Read]:
    read, left_s = _Read([], []), _FILES_S
    for index, spot in enumerate(found):
        if spot.media_type is None:
            read.unread |= _is_link(spot)
            read.texts.append(_named(spot) + spot.text)
            read.owners.append(index)
            continue
        yield
        if left_s <= 0:
            read.is_late = True
            continue
        since = scanner.clock()
        file = read_file(spot.text, spot.media_type, clock=scanner.clock, budget_s=_FILE_S)
        left_s -= scanner.clock() - since
        read.unread |= file.unread
        read.texts.extend(file.texts)
        read.owners.extend([index] * len(file.texts))
    return read


def _named(spot: Spot) -> str:
    """Return what a text is read after: the name of its field, where that is what makes a secret of it, as in `{"password": "…"}`; else nothing."""
    if spot.is_key or spot.media_type is not None or not _LEAST_NAMED <= len(spot.text) <= _MOST_NAMED or _BLANK.search(spot.text):
        return ""
    name = next((step for step in reversed(spot.path) if isinstance(step, str)), "")
    return f"{name[-_LONGEST_NAME:]}: " if name not in WORDS and _TELLING.search(name) else ""


def _is_free(spot: Spot) -> bool:
    """Tell whether a text stands in what a tool is given, where a field may be called anything."""
    return INSIDE in spot.path or "input" in spot.path


def _is_link(spot: Spot) -> bool:
    """Tell whether a text leads to something that the vendor fetches or has: nobody here can read that."""
    return spot.path[0] == "messages" and (spot.path[-1] in _LINKS or spot.path[-2:] in _LINKED) and not _is_free(spot)


def _is_believed(one: Finding, spot: Spot) -> bool:
    field = spot.path[-1]
    if field in _NAMES and one.detector.startswith("sequence/"):  # a name of a call or a user says nothing to a model of sentences
        return _is_free(spot) or _BLANK.search(spot.text) is not None
    if field in _CALLS and one.kind == "email" and "@" not in spot.text:  # `call_1` before `ada@example.org` looks like its beginning
        return _is_free(spot)
    if field in _SEALED and one.kind == GUESSED:  # it looks like a secret because it is sealed, and a word less would break the vendor's seal
        return _is_free(spot) or spot.path[0] != "messages"
    return True
