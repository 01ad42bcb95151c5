"""
Copying checkpoints elsewhere, off the writer's thread. A log that only its own disk knows can be rewritten whole by whoever has the disk and the
key; one checkpoint outside is enough to show it.

A place that cannot be reached holds nobody up: it is told, and tried again with the next checkpoint.
"""

import logging
import threading
from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from pointsman.core.errors import Unusable
from pointsman.ledger.audit.keys import key_notes
from pointsman.ledger.audit.note import COSIGNATURE_KEY, BadNote, Note, Verifier, cosigned_at_s, read_checkpoint, read_signature, read_verifier
from pointsman.ledger.audit.stream import Stream
from pointsman.ledger.audit.tree import consistency_proof
from pointsman.settings.addresses import is_nobody, split_url
from pointsman.storage.audit_copies import Copy, NotKept, ask_witness, folder_name, keep_in_folder, keep_in_git
from pointsman.storage.audit_files import hashes_of, keep_note, make_folder

_LOG: Final = logging.getLogger("pointsman")
COSIGNED: Final = "cosigned"
_OK: Final = 200
_CONFLICT: Final = 409


class FolderPlace(Struct, frozen=True):
    """Another folder, best on another disk or machine."""

    path: Path


class GitPlace(Struct, frozen=True):
    """A git repository: each copy is a commit."""

    path: Path


class WitnessPlace(Struct, frozen=True):
    """Another process that signs what it has seen. Without its key what it signs is not taken up."""

    url: str
    key: Verifier | None = None


Place = FolderPlace | GitPlace | WitnessPlace


def place_of(text: str, folder: Path) -> Place:
    """
    Return the place of `file:PATH`, `git:PATH`, `witness:URL` or `witness:URL KEY`. Paths are relative to `folder`.

    Raises `ValueError`, with a sentence that ends with the remedy.
    """
    kind, _, rest = text.partition(":")
    match kind:
        case "file" if rest:
            return FolderPlace(folder / rest)
        case "git" if rest:
            return GitPlace(folder / rest)
        case "witness":
            url, _, key = rest.strip().partition(" ")
            parts = split_url(url)
            if parts is None or parts.username is not None or parts.query or parts.fragment or is_nobody(parts.hostname or ""):
                raise ValueError("A witness is told by its URL. Write `witness:https://HOST:PORT`, and its key after a space.")
            try:
                found = read_verifier(key.strip()) if key.strip() else None
            except BadNote as error:
                raise ValueError(f"The key of the witness is none: {error}. Copy the word that the witness prints when it starts.") from error
            return WitnessPlace(url, found)
        case _:
            raise ValueError("It is no place for copies. Write `file:FOLDER`, `git:REPOSITORY` or `witness:URL`.")


def places_of(texts: Sequence[str], folder: Path, *, environ: Mapping[str, str], home: Path) -> list[Place]:
    """Return the places that are configured, or the default one. Raises `Unusable` for a text that is no place."""
    try:
        return [place_of(text, folder) for text in texts] or [default_place(environ, home)]
    except ValueError as error:
        raise Unusable(f"`audit.copies`: {error}") from error


def default_place(environ: Mapping[str, str], home: Path) -> FolderPlace:
    """Return where copies go if nothing is configured: the state folder of the user who runs the gateway. That is outside, but on the same machine."""
    told = environ.get("XDG_STATE_HOME", "")
    return FolderPlace((Path(told) if told.startswith("/") else home / ".local" / "state") / "pointsman" / "audit")


class Copier:
    """Copies the latest checkpoint to every place, at most every `every_s` seconds."""

    def __init__(self, folder: Path, *, stream: Stream, places: Sequence[Place], every_s: float) -> None:
        self._folder = folder
        self._path = stream.path
        self._name = stream.name
        self._log_name = stream.origin.removesuffix(f"/{stream.name}")
        self._places = places
        self._every_s = every_s
        self._offered: Note | None = None
        self._in_history = False
        self._faults: dict[Place, str] = {}
        self._seen: dict[Place, int] = {}
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pointsman-audit-copies", daemon=True)
        self._thread.start()

    @property
    def trouble(self) -> str | None:
        """What keeps checkpoints from the places that do not take them, or None."""
        return "; ".join(self._faults.values()) or None

    def offer(self, note: Note, *, in_history: bool) -> None:
        """Have this checkpoint copied; never waits."""
        with self._lock:
            self._offered, self._in_history = note, self._in_history or in_history
        self._ready.set()

    def close(self, patience_s: float) -> None:
        """Copy the last one, within the patience."""
        self._stop.set()
        self._ready.set()
        self._thread.join(patience_s)

    def _run(self) -> None:
        while True:
            self._ready.wait()
            with self._lock:
                note, in_history, self._offered, self._in_history = self._offered, self._in_history, None, False
                self._ready.clear()
            if note is not None:
                self._copy(note, in_history=in_history)
            if self._stop.wait(self._every_s if self._offered is None and not self._stop.is_set() else 0) and self._offered is None:
                return

    def _copy(self, note: Note, *, in_history: bool) -> None:
        try:
            keys = key_notes(self._folder)
        except OSError as error:
            self._faults = dict.fromkeys(self._places, str(error))
            return
        copy = Copy(origin=self._log_name, stream=self._name, note=note.whole, keys=keys, in_history=in_history)
        for place in self._places:
            try:
                self._copy_to(place, copy, note=note)
            except (OSError, ValueError) as error:
                if self._faults.get(place) != str(error):
                    _LOG.error("a checkpoint of the audit log is not copied: %s", error)
                self._faults[place] = str(error)
            else:
                self._faults.pop(place, None)

    def _copy_to(self, place: Place, copy: Copy, *, note: Note) -> None:
        match place:
            case FolderPlace(path):
                keep_in_folder(path, copy)
            case GitPlace(path):
                keep_in_git(path, copy)
            case WitnessPlace():
                signed = self._witnessed(place, note)
                if signed is not None:
                    beside = self._path / COSIGNED / folder_name(place.url)
                    make_folder(beside)
                    keep_note(beside, signed.whole, in_history=copy.in_history)

    def _witnessed(self, place: WitnessPlace, note: Note) -> Note | None:
        """Return the checkpoint with the signature of the witness, if its key is known."""
        size = read_checkpoint(note.text).size
        status, answer = ask_witness(place.url, self._request(note, self._seen.get(place, 0), size=size))
        if status == _CONFLICT and answer.strip().isdecimal() and int(answer) != self._seen.get(place, 0):
            self._seen[place] = int(answer)
            if int(answer) > size:
                raise NotKept(f"the witness `{place.url}` has seen {int(answer)} records and there are {size}: the log was cut or put back. Verify it")
            status, answer = ask_witness(place.url, self._request(note, int(answer), size=size))
        if status != _OK:
            raise NotKept(f"the witness `{place.url}` refused the checkpoint ({status}: {answer.strip()[:200]})")
        self._seen[place] = size
        if place.key is None:
            return None
        signed = Note(text=note.text, signatures=(*note.signatures, *map(read_signature, answer.splitlines())))
        if place.key.kind == COSIGNATURE_KEY and cosigned_at_s(signed, place.key) is None:
            raise NotKept(f"the witness `{place.url}` did not sign with the key that is configured")
        return signed

    def _request(self, note: Note, old: int, *, size: int) -> str:
        proof = consistency_proof(lambda level, which: hashes_of(self._path, level, which=which), min(old, size), size=size)
        return "".join([f"old {old}\n", *(f"{b64encode(one).decode()}\n" for one in proof), "\n", note.whole])
