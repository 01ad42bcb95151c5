"""
Fingerprints of the company's own documents and code: what was copied out of one is found again, whatever happened to its blanks, case and signs.

Winnowing (Schleimer, Wilkerson, Aiken: Winnowing, SIGMOD 2003): of the hashes of all runs of 32 letters and digits, the least of every 32 in a row
is kept. So any copy of 63 letters and digits or more shares at least one with its source. Only hashes are kept, under a key if one is given; there
is no text in them, but who has the key can ask whether a text he already knows is in them.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from pointsman.governance.finding import Finding

KIND: Final = "fingerprint"
RUN: Final = 32  # letters and digits in one hash
WINDOW: Final = 32  # hashes of which the least is kept
_MIN_HITS: Final = 3  # distinct ones that make a finding: about 100 letters in a row
_MAX_GAP: Final = 400  # characters between two of one finding
_FORM: Final = 1
_ASCII: Final = 128
_SEED_BYTES: Final = 16

Hashes = NDArray[np.uint64]
Places = NDArray[np.int64]


class NotFingerprints(ValueError):
    """These bytes are no fingerprints of this version: `{why}`. Make them again from the documents."""

    def __init__(self, why: str) -> None:
        super().__init__(f"These bytes are no fingerprints of this version: `{why}`. Make them again from the documents.")


class _Stored(Struct, frozen=True, kw_only=True):
    form: int
    seed: bytes
    names: tuple[str, ...]
    classes: tuple[str, ...]
    hashes: bytes
    owners: bytes


class Fingerprints:
    """
    The fingerprints of documents, each with a class, and the detector that finds copies of them.

    A finding spans from the first to the last shared run and has the class of its document. Holds no text; linear in the length of what is searched.
    """

    name = "fingerprints/1"

    def __init__(self, stored: _Stored) -> None:
        self._stored = stored
        self._hashes: Hashes = np.frombuffer(stored.hashes, dtype="<u8")
        self._owners: NDArray[np.uint32] = np.frombuffer(stored.owners, dtype="<u4")
        self._mixers = _mixers(stored.seed)

    @classmethod
    def of(cls, documents: Iterable[tuple[str, str, str]], *, key: bytes = b"", common: Iterable[str] = ()) -> "Fingerprints":
        """
        Return the fingerprints of documents (name, class, text).

        What a document shares with a text of `common` (licences, templates) is left out. Of a run that two documents share, the first keeps it. With a
        secret `key` nobody without it can ask whether a text is in them.
        """
        seed = hashlib.blake2b(b"pointsman fingerprints", key=key[:64]).digest()[:_SEED_BYTES]
        mixers = _mixers(seed)
        names: list[str] = []
        classes: list[str] = []
        hashes: list[Hashes] = []
        owners: list[NDArray[np.uint32]] = []
        for number, (name, data_class, text) in enumerate(documents):
            own = np.unique(_fingerprints(text, mixers)[0])
            names.append(name)
            classes.append(data_class)
            hashes.append(own)
            owners.append(np.full(len(own), number, dtype=np.uint32))
        every: Hashes = np.concatenate([np.zeros(0, dtype=np.uint64), *hashes])
        unique, first = np.unique(every, return_index=True)
        owned = np.concatenate([np.zeros(0, dtype=np.uint32), *owners])[first]
        left_out: Hashes = np.concatenate([np.zeros(0, dtype=np.uint64), *(_hashed(text, mixers)[0] for text in common)])
        kept = ~np.isin(unique, left_out)
        return cls(
            _Stored(
                form=_FORM,
                seed=seed,
                names=tuple(names),
                classes=tuple(classes),
                hashes=unique[kept].astype("<u8").tobytes(),
                owners=owned[kept].astype("<u4").tobytes(),
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Fingerprints":
        """Return what `to_bytes` made. Raises `NotFingerprints`."""
        try:
            stored = msgspec.msgpack.decode(data, type=_Stored)
        except msgspec.DecodeError as error:
            raise NotFingerprints(str(error)) from error
        sizes = len(stored.hashes) == 2 * len(stored.owners) and len(stored.owners) % 4 == 0 and len(stored.names) == len(stored.classes)
        if stored.form != _FORM or not sizes or len(stored.seed) != _SEED_BYTES:
            raise NotFingerprints("form")
        return cls(stored)

    def to_bytes(self) -> bytes:
        """Return these as bytes, 12 for each kept run, which is about 0.7 for each letter of the documents."""
        return msgspec.msgpack.encode(self._stored)

    def __len__(self) -> int:
        return len(self._hashes)

    def find(self, text: str) -> Iterator[Finding]:
        """Yield the stretches of a text that were copied from a document, in their order."""
        if len(text) < RUN or not len(self._hashes):
            return
        hashes, starts, ends = _fingerprints(text, self._mixers)
        at = np.minimum(np.searchsorted(self._hashes, hashes), len(self._hashes) - 1)
        shared = np.flatnonzero(self._hashes[at] == hashes)
        for hits in _runs(self._owners[at[shared]], starts[shared], ends=ends[shared]):
            owner, first, last = hits
            yield Finding(start=first, end=last, kind=KIND, data_class=self._stored.classes[owner], detector=self.name)

    def source_of(self, text: str, finding: Finding) -> str:
        """Return the name of the document that most of a finding was copied from; empty where it cannot be told."""
        hashes = _fingerprints(text[finding.start : finding.end], self._mixers)[0]
        at = np.minimum(np.searchsorted(self._hashes, hashes), len(self._hashes) - 1)
        owners = self._owners[at[self._hashes[at] == hashes]]
        return self._stored.names[int(np.bincount(owners).argmax())] if len(owners) else ""


def _runs(owners: NDArray[np.uint32], starts: Places, *, ends: Places) -> Iterator[tuple[int, int, int]]:
    """Yield (document, start, end) for each group of shared runs of one document that stand near each other."""
    groups: list[tuple[int, int, int]] = []
    for owner in np.unique(owners):
        own = np.flatnonzero(owners == owner)
        breaks = np.flatnonzero(starts[own][1:] - ends[own][:-1] > _MAX_GAP) + 1
        groups.extend((int(owner), int(starts[group[0]]), int(ends[group[-1]])) for group in np.split(own, breaks) if len(group) >= _MIN_HITS)
    yield from sorted(groups, key=lambda group: group[1:])


def _mixers(seed: bytes) -> tuple[np.uint64, np.uint64]:
    one, other = np.frombuffer(seed, dtype="<u8")
    return np.uint64(one | np.uint64(1)), np.uint64(other | np.uint64(1))


def _fingerprints(text: str, mixers: tuple[np.uint64, np.uint64]) -> tuple[Hashes, Places, Places]:
    """Return the kept hashes of a text and where in it each run begins and ends."""
    hashes, places = _hashed(text, mixers)
    if not len(hashes):
        return hashes, places, places
    window = min(WINDOW, len(hashes))
    least = _sliding(hashes, window, pick=np.minimum)
    # A hash is kept where it is the least of at least one window over it.
    padded: Hashes = np.concatenate([np.zeros(window - 1, dtype=np.uint64), least, np.zeros(window - 1, dtype=np.uint64)])
    kept = np.flatnonzero(_sliding(padded, window, pick=np.maximum) == hashes)
    return hashes[kept], places[kept], places[kept + RUN - 1] + 1


def _hashed(text: str, mixers: tuple[np.uint64, np.uint64]) -> tuple[Hashes, Places]:
    """Return the hash of every run of letters and digits of a text, and the place of each letter and digit."""
    letters, places = _plain(text)
    if len(letters) < RUN:
        return np.zeros(0, dtype=np.uint64), places
    base, mixer = mixers
    sums = (letters.astype(np.uint64) + np.uint64(1)) * mixer
    step, power = 1, base
    while step < RUN:
        # The sum over a run of 2n is that over its first n, moved up by n places, and that over its last n.
        sums = sums[:-step] * power + sums[step:]
        power = np.uint64(int(power) ** 2 & 0xFFFFFFFFFFFFFFFF)
        step *= 2
    sums ^= sums >> np.uint64(29)
    sums *= mixer
    sums ^= sums >> np.uint64(32)
    return sums, places


def _plain(text: str) -> tuple[NDArray[np.uint32], Places]:
    """Return the letters and digits of a text in lower case, and where they stand."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    if text.isascii():
        plain = _LOWER[points]
    else:
        low = points < _ASCII
        plain = np.where(low, _LOWER[np.where(low, points, 0)], _lower_of(points, low))
    places = np.flatnonzero(plain)
    return plain[places], places


def _lower_of(points: NDArray[np.uint32], low: Any) -> NDArray[np.uint32]:
    """Return the lower case of each letter outside ASCII, 0 for what is no letter and no digit. Each distinct one is looked up once."""
    distinct, which = np.unique(np.where(low, np.uint32(0), points), return_inverse=True)
    lowered = [ord(char.lower()[0]) if char.isalnum() else 0 for char in map(chr, distinct)]
    return np.array(lowered, dtype=np.uint32)[which]


def _sliding(values: Hashes, window: int, *, pick: Any) -> Hashes:
    """Return for each place the least (or the greatest) of the values from there over a window, by doubling."""
    size = 1
    while size * 2 <= window:
        values = pick(values[:-size], values[size:])
        size *= 2
    return pick(values[: len(values) - (window - size)], values[window - size :]) if size < window else values


_LOWER: Final[NDArray[np.uint32]] = np.array([ord(chr(point).lower()) if chr(point).isalnum() else 0 for point in range(_ASCII)], dtype=np.uint32)
