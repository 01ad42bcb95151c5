"""
Identifiers of which one text holds the beginning and a later one the rest, such as two messages with half a card number each.

The ends of neighbours are read together. Only what goes across the border counts, and only kinds that a checksum or a strict form proves: two unrelated
texts that are put together make up much else.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from msgspec.structs import replace

from pointsman.core.finding import Finding
from pointsman.governance.detection.kinds import PROVEN, rank_of

Find = Callable[[str], Iterable[Finding]]

_END: Final = 80
_MOST_PARTS: Final = 6
_SKIPPED: Final = 2
_PAIR: Final = 2
# What ends or begins with something that may go on in the neighbour: digits, or the pieces of a mail address or account number.
_TAIL: Final = re.compile(r"[0-9@.\-]\s*\Z|[0-9A-Za-z.+_\-]*@[0-9A-Za-z.\-]*\s*\Z|[0-9A-Za-z._\-]{1,24}\s*\Z")
_HEAD: Final = re.compile(r"\s*(?:[0-9@.\-]|[0-9A-Za-z._\-]*@|[A-Za-z0-9\-]{1,30}\.[A-Za-z]{2,})")
# The name of a field, which stands between two texts of a request.
_NAME: Final = re.compile(r"[A-Za-z_]{1,24}")


class Across(NamedTuple):
    """A part of a finding: `number` of the text it is in."""

    number: int
    finding: Finding


def across(texts: Sequence[str], found: Sequence[Sequence[Finding]], find: Find) -> Iterator[Across | None]:
    """Yield the parts of what goes across neighbouring texts, and None between two of them. `found` is what each of them holds alone."""
    for first in range(len(texts) - 1):
        yield None
        if not _TAIL.search(texts[first][-_END:]):
            continue
        for chain in _chains(texts, first):
            parts = list(_in_chain(texts, chain, found, find))
            if parts:
                yield from parts
                break


def _chains(texts: Sequence[str], first: int) -> Iterator[list[int]]:
    """Yield the rows of neighbours that begin with a text: the next one, the one behind it, and all short pieces that follow each other."""
    following = [number for number in range(first + 1, min(len(texts), first + 1 + 2 * _MOST_PARTS)) if not _NAME.fullmatch(texts[number])]
    for number in following[:_SKIPPED]:
        if _HEAD.match(texts[number][:_END]):
            yield [first, number]
    row = [first]
    for number in following[: _MOST_PARTS - 1]:
        if not _HEAD.match(texts[number][:_END]):
            break
        row.append(number)
        if len(row) > _PAIR:
            yield list(row)
        if len(texts[number]) > _END:
            break


def _in_chain(texts: Sequence[str], chain: list[int], found: Sequence[Sequence[Finding]], find: Find) -> Iterator[Across]:
    stretches: list[tuple[int, int, int, int]] = []  # begin and end in what is joined, number of the text, where the stretch begins in it
    together = ""
    for place, number in enumerate(chain):
        text = texts[number]
        left = len(text.rstrip()) if place < len(chain) - 1 else len(text)
        start = max(0, left - _END) if place == 0 else len(text) - len(text.lstrip())
        end = left if place < len(chain) - 1 else min(len(text), start + _END)
        stretches.append((len(together), len(together) + max(0, end - start), number, start))
        together += text[start:end]
    borders = [begin for begin, *_ in stretches[1:]]
    for finding in find(together):
        if finding.kind not in PROVEN or not any(finding.start < border < finding.end for border in borders):
            continue
        parts = [
            Across(number, replace(finding, start=max(0, finding.start - begin) + start, end=min(end, finding.end) - begin + start))
            for begin, end, number, start in stretches
            if finding.start < end and begin < finding.end
        ]
        if not any(
            rank_of(known.data_class) <= rank_of(finding.data_class) and known.start < part.finding.end and part.finding.start < known.end
            for part in parts
            for known in found[part.number]
        ):
            yield from parts
