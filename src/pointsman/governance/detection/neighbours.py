"""
Identifiers of which one text holds the beginning and a later one the rest, such as two messages with half a card number each.

The ends of neighbours are read together. Only what goes across the border counts, and only kinds that a checksum or a strict form proves: two unrelated
texts that are put together make up much else.
"""

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from msgspec.structs import replace

from pointsman.governance.detection.kinds import PROVEN, rank_of
from pointsman.governance.finding import Finding

Find = Callable[[str], Iterable[Finding]]

_END: Final = 80
_MOST_PARTS: Final = 6
_SKIPPED: Final = 2
_PAIR: Final = 2
# What ends or begins with something that may go on in the neighbour: digits, or the pieces of a mail address or account number.
_TAIL: Final = re.compile(r"[0-9@.\-]\s*\Z|[0-9A-Za-z.+_\-]*@[0-9A-Za-z.\-]*\s*\Z|[0-9A-Za-z._\-]{1,24}\s*\Z")
_HEAD: Final = re.compile(r"\s*(?:[0-9@.\-]|[0-9A-Za-z._\-]*@|[A-Za-z0-9\-]{1,30}\.[A-Za-z]{2,}|[0-9A-Z]{2,34}(?![a-z]))")
_LIKE_MAIL: Final = re.compile(r"[0-9._+\-][0-9A-Za-z]*\Z|[0-9A-Za-z]_\Z")
# The name of a field, which stands between two texts of a request.
_NAME: Final = re.compile(r"[A-Za-z_]{1,24}")


class Across(NamedTuple):
    """A part of a finding: `number` of the text it is in."""

    number: int
    finding: Finding


class _Stretch(NamedTuple):
    """Characters `begin` to `end` of what is put together are those from `start` on of text `number`."""

    begin: int
    end: int
    number: int
    start: int


def across(texts: Sequence[str], found: Sequence[Sequence[Finding]], *, find: Find) -> Iterator[Across | None]:
    """Yield the parts of what goes across neighbouring texts, and None between two of them. `found` is what each of them holds alone."""
    for first in range(len(texts) - 1):
        yield None
        if not _TAIL.search(texts[first][-_END:]):
            continue
        for chain in _chains(texts, first):
            parts = list(_in_chain(texts, chain, found=found, find=find))
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


def _in_chain(texts: Sequence[str], chain: list[int], *, found: Sequence[Sequence[Finding]], find: Find) -> Iterator[Across]:
    """Yield the parts of what goes across a row of neighbours, put together without and with a space."""
    for joint in ("", " "):
        stretches: list[_Stretch] = []
        together = ""
        for number in chain:
            text = texts[number]
            end = len(text) if number == chain[-1] else len(text.rstrip())
            start = max(0, end - _END) if number == chain[0] else len(text) - len(text.lstrip())
            end = min(end, start + _END)
            together += joint if stretches else ""
            stretches.append(_Stretch(len(together), len(together) + end - start, number, start))
            together += text[start:end]
        parts = [parts for finding in find(together) if (parts := _parts(finding, stretches)) and _is_news(finding, parts, texts=texts, found=found)]
        if parts:
            yield from itertools.chain.from_iterable(parts)
            return


def _parts(finding: Finding, stretches: Sequence[_Stretch]) -> list[Across]:
    """Return the part of a finding in each text, nothing if it is in one only or may be made up."""
    if finding.kind not in PROVEN:
        return []
    parts = [
        Across(number, replace(finding, start=max(finding.start, begin) - begin + start, end=min(finding.end, end) - begin + start))
        for begin, end, number, start in stretches
        if finding.start < end and begin < finding.end
    ]
    return parts if len(parts) > 1 else []


def _is_news(finding: Finding, parts: Sequence[Across], *, texts: Sequence[str], found: Sequence[Sequence[Finding]]) -> bool:
    """
    Tell whether the parts were not found already, each alone.

    The rest of a mail address can be one itself: `6@example.net` after `maria.smith1`. Then the beginning has to look like the beginning of an address.
    """
    known = [(part, one) for part in parts for one in found[part.number] if one.start < part.finding.end and part.finding.start < one.end]
    known = [(part, one) for part, one in known if rank_of(one.data_class) <= rank_of(finding.data_class)]
    first = parts[0].finding
    is_beginning = finding.kind == "email" and _LIKE_MAIL.search(texts[parts[0].number], first.start, first.end) is not None
    return not known or (is_beginning and all(part is parts[-1] and one.kind == "email" and part.finding.end == one.end for part, one in known))
