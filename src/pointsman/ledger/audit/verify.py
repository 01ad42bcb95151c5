"""
Verification of an audit log from its files alone: numbers, links, tree, signatures, history of keys, checkpoints kept here and outside.

It trusts nothing in the folder. What it can know depends on what comes from elsewhere: a log whose end was cut, or that was written anew by
somebody with the signing key, is whole in itself, and only a checkpoint from outside, a witness or a pinned key shows it.
`verifier/verify.py` is a second implementation of the same rules that shares no code with this one.
"""

from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from pointsman.ledger.audit.keys import BadHistory, history_of, key_notes, known_origin
from pointsman.ledger.audit.note import BadNote, Checkpoint, Note, Verifier, cosigned_at_s, is_signed_by, read_checkpoint, read_note
from pointsman.ledger.audit.outside import Outside
from pointsman.ledger.audit.walk import Fault, Walk, walk
from pointsman.storage.audit_files import notes_of, streams_of

_COSIGNED: Final = "cosigned"


class StreamReport(Struct, frozen=True, kw_only=True):
    """
    What was found of one stream. `outside` counts the checkpoints from elsewhere that agree, up to record `pinned`; `witnessed_s` is when a trusted
    witness last signed. `fault` is the first bad record, or what else is wrong; `notes` is what is odd but may be.
    """

    name: str
    records: int
    root: str
    first_ms: int | None
    last_ms: int | None
    checkpoints: int
    outside: int
    pinned: int
    witnessed_s: int | None
    notes: tuple[str, ...]
    fault: Fault | None


class Report(Struct, frozen=True, kw_only=True):
    """What was found of a log. It is good if no fault was found; how much that says depends on `outside`."""

    origin: str
    keys: tuple[str, ...]
    streams: tuple[StreamReport, ...]
    faults: tuple[Fault, ...]

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults

    @property
    def outside(self) -> int:
        """How many checkpoints from elsewhere agree."""
        return sum(stream.outside for stream in self.streams)


class Trust(Struct, frozen=True, kw_only=True):
    """What the auditor brings along: places where checkpoints were copied to, keys of the log, keys of witnesses, the name of the log."""

    outside: Sequence[Path] = ()
    keys: Sequence[Verifier] = ()
    witnesses: Sequence[Verifier] = ()
    origin: str | None = None


class _Head(Struct, frozen=True, kw_only=True):
    checkpoint: Checkpoint
    is_outside: bool
    witnessed_s: int | None


def verify(folder: Path, trust: Trust = Trust()) -> Report:  # noqa: B008 - frozen
    """Verify the log in a folder, of a running gateway or exported. Raises `Unusable` if there is none, `OSError` if files cannot be read."""
    origin = known_origin(folder)
    faults: list[Fault] = []
    if trust.origin not in {None, origin}:
        faults.append(Fault(code="origin", says=f"the log is called `{origin}` and should be `{trust.origin}`"))
    notes = key_notes(folder)
    try:
        keys = history_of(notes, origin)
    except BadHistory as error:
        return Report(origin=origin, keys=(), streams=(), faults=(*faults, Fault(code="keys", says=str(error))))
    faults += _pinned(keys, trust.keys)
    outside = Outside(trust.outside, origin)
    faults += outside.key_faults(notes)
    streams = [_Stream(path, origin=origin, keys=keys, trust=trust).check(outside) for path in streams_of(folder)]
    names = {stream.name for stream in streams}
    faults += [stream.fault for stream in streams if stream.fault is not None]
    faults += [
        Fault(stream=name, record=0, code="missing_stream", says=f"stream {name} is gone, and a checkpoint of it is kept outside")
        for name in sorted(outside.streams - names)
    ]
    return Report(origin=origin, keys=tuple(b64encode(key).decode() for key in keys), streams=tuple(streams), faults=tuple(faults))


def _pinned(keys: Sequence[bytes], told: Sequence[Verifier]) -> list[Fault]:
    return [Fault(code="keys", says=f"the history does not know the key `{one.text}`") for one in told if one.public not in keys]


class _Stream:
    """One stream, checked against its own checkpoints, those from outside and those that a witness signed."""

    def __init__(self, path: Path, *, origin: str, keys: Sequence[bytes], trust: Trust) -> None:
        self._path = path
        self._origin = f"{origin}/{path.name}"
        self._verifiers = [Verifier(name=self._origin, public=key) for key in keys]
        self._witnesses = trust.witnesses
        self._faults: list[Fault] = []
        self._heads: list[_Head] = []
        self._key = (0, 0)  # the size and key of the largest checkpoint here so far

    def check(self, outside: Outside) -> StreamReport:
        """Check everything."""
        for whole in notes_of(self._path):
            self._take(whole, where="kept here")
        for folder in sorted((self._path / _COSIGNED).glob("*")):
            for whole in notes_of(folder):
                self._take(whole, where="signed by a witness", is_own=False)
        for whole in outside.notes(self._path.name):
            self._take(whole, where="kept outside", is_own=False, is_outside=True)
        found = walk(self._path, {head.checkpoint.size for head in self._heads})
        fault = self._first_bad(found)
        good = [head for head in self._heads if found.roots.get(head.checkpoint.size) == head.checkpoint.root]
        witnessed = [head for head in good if head.witnessed_s is not None]
        if self._witnesses and not witnessed:
            self._faults.append(self._fault("witness", "no checkpoint is signed by a witness that you trust"))
        return StreamReport(
            name=self._path.name,
            records=found.records,
            root=b64encode(found.root).decode(),
            first_ms=found.first_ms,
            last_ms=found.last_ms,
            checkpoints=sum(1 for head in good if not head.is_outside),
            outside=sum(1 for head in good if head.is_outside),
            pinned=max((head.checkpoint.size for head in good if head.is_outside or head.witnessed_s is not None), default=0),
            witnessed_s=max((head.witnessed_s or 0 for head in witnessed), default=None),
            notes=found.notes,
            fault=fault or next(iter(self._faults), None),
        )

    def _take(self, whole: str, *, where: str, is_own: bool = True, is_outside: bool = False) -> None:
        try:
            note = read_note(whole)
            head = read_checkpoint(note.text)
        except BadNote as error:
            self._faults.append(self._fault("checkpoint", f"a checkpoint {where} cannot be read: {error}"))
            return
        signer = self._signer(note)
        if head.origin != self._origin or signer is None:
            self._faults.append(self._fault("checkpoint", f"the checkpoint over {head.size} records {where} is not signed by a key of this log"))
            return
        if is_own and (head.size < self._key[0] or signer < self._key[1]):
            self._faults.append(self._fault("checkpoint", f"the checkpoint over {head.size} records is signed by a key that was handed over before"))
            return
        if is_own:
            self._key = (head.size, signer)
        times = [at_s for witness in self._witnesses if (at_s := cosigned_at_s(note, witness)) is not None]
        self._heads.append(_Head(checkpoint=head, is_outside=is_outside, witnessed_s=max(times, default=None)))

    def _signer(self, note: Note) -> int | None:
        """Return the number of the key that signed, counted from 0."""
        return next((number for number, key in enumerate(self._verifiers) if is_signed_by(note, key)), None)

    def _first_bad(self, found: Walk) -> Fault | None:
        """
        Name the first bad record: the walk knows which one; a checkpoint only knows that it is one of those since the one before from outside.

        One that is kept here is no word about what came before it: whoever changed that may have signed it.
        """
        good = 0
        for head in sorted(self._heads, key=lambda head: (head.checkpoint.size, found.roots.get(head.checkpoint.size) == head.checkpoint.root)):
            size, where = head.checkpoint.size, "outside" if head.is_outside else "here"
            root = found.roots.get(size)
            if root == head.checkpoint.root:
                good = size if head.is_outside else good
                continue
            if found.fault is not None and (root is None or found.fault.record is None or found.fault.record < size):
                return found.fault
            if root is None:
                return self._fault("truncated", f"a checkpoint kept {where} is over {size} records, and {found.records} are left", record=found.records)
            return self._fault(
                "rewritten", f"a checkpoint kept {where} over {size} records has another root: one of {good} to {size - 1} was changed", record=good
            )
        return found.fault

    def _fault(self, code: str, says: str, *, record: int | None = None) -> Fault:
        return Fault(stream=self._path.name, record=record, code=code, says=says)
