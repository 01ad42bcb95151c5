"""
Addresses of the network: e-mail, web, IP and hardware addresses, and hosts that are only known inside.
"""

import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

from pointsman.governance.detection.identifiers.reading import Reading, is_digit
from pointsman.governance.detection.linear import Linear
from pointsman.governance.finding import Finding

# One class of characters each; the lengths are RFC 5321's.
_LOCAL: Final = re.compile(r"[^\W_][\w.+\-!#$%&'*/=?^`{|}~]{0,63}")
_LOCAL_BACKWARDS: Final = re.compile(r"[\w.+\-!#$%&'*/=?^`{|}~]{1,64}")
_DOMAIN: Final = re.compile(r"[\w\-.]{3,253}")
_TOP: Final = re.compile(r"(?:[^\W\d_]{2,24}|xn--[a-z0-9\-]{2,59})\Z", re.IGNORECASE)
_LOCAL_LENGTH: Final = 64
# `icon@2x.png` and `git@github.com` are no one's mail.
_WORDS_OF_FILES: Final = "png jpg jpeg gif svg webp bmp ico css js ts tsx jsx json html htm md txt py rb php java cpp so exe dll zip gz tar"
_FILE_ENDINGS: Final = frozenset(_WORDS_OF_FILES.split())
_NO_PERSON: Final = frozenset({"git", "svn", "hg"})

_URL: Final = Linear(r"(?i)(?:https?|ftps?|sftp|wss?|file|ldaps?|smb)://[^\s<>\"'`|^{}\\]+|\bwww\.[a-z0-9\-]{1,63}\.[^\s<>\"'`|^{}\\]+")
_HOST: Final = Linear(r"(?i)\b(?:[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?\.){1,6}(?:internal|intranet|corp|lan|local|localdomain|home\.arpa)\b")
_ADDRESS_4: Final = Linear(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_ADDRESS_6: Final = Linear(r"(?i)[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?:\.[0-9]{1,3}){0,3}")
_HARDWARE: Final = Linear(r"(?i)\b[0-9a-f]{2}(?:(?:-[0-9a-f]{2}){5}|(?::[0-9a-f]{2}){5})\b")
_VERSION: Final = re.compile(rb"(?:version|release|ver\.?|v\.?|build|firmware|section|chapter|rev\.?)[ :=]{0,3}\Z", re.IGNORECASE)
_IN_PROGRAMS: Final = (b".local", b".internal", b".lan")
_LEAST_GROUPS_6: Final = 4


def emails(reading: Reading) -> Iterator[Finding]:
    """Find mail addresses, also those with letters beyond ASCII (RFC 6531)."""
    text = reading.text
    at = text.find("@")
    reached = 0
    while at != -1:
        found = _email_at(reading, at, reached=reached)
        if found:
            yield found
            reached = found.end
        at = text.find("@", at + 1)


def _email_at(reading: Reading, at: int, *, reached: int) -> Finding | None:
    text = reading.text
    domain = _DOMAIN.match(text, at + 1)
    behind = _LOCAL_BACKWARDS.match(text[max(reached, at - _LOCAL_LENGTH) : at][::-1])
    start = at - behind.end() if behind else at
    local = _LOCAL.search(text, start, at)
    if not domain or not local or local.end() != at or text[local.start() : at].lower() in _NO_PERSON:
        return None
    begin = _past_escape(text, local.start(), at=at)
    end = _domain_end(text, at + 1, end=domain.end())
    return reading.finding(begin, end, kind="email") if end is not None else None


def _past_escape(text: str, start: int, *, at: int) -> int:
    r"""Leave out the letter of `\n` in JSON within JSON, and the name of a field that is glued on, such as `email=`."""
    if start > 0 and text[start - 1] == "\\" and text[start] in "nrt" and start + 1 < at:
        start += 1
    glued = max(text.rfind(mark, start, at) for mark in "=/&?|{}`")
    return start if glued == -1 or glued + 1 >= at else glued + 1


def _domain_end(text: str, start: int, *, end: int) -> int | None:
    """Return where a domain ends that has a top level of letters; what does not fit at the end is left out."""
    name = text[start:end].rstrip(".-_")
    while "." in name:
        host, _, top = name.rpartition(".")
        if _TOP.fullmatch(top) and host[-1:].isalnum() and top.lower() not in _FILE_ENDINGS:
            return start + len(name)
        name = host.rstrip(".-_")
    return None


def urls(reading: Reading) -> Iterator[Finding]:
    """Find addresses of the web."""
    raw = reading.raw
    for start, stop in _URL.spans(raw):
        end = stop
        while raw[end - 1] in b".,;:!?'*_" or (raw[end - 1] in b")]" and _is_unopened(raw, start, end=end)):
            end -= 1
        yield reading.finding(start, end, kind="url")


def _is_unopened(raw: bytes, start: int, *, end: int) -> bool:
    opening = b"(" if raw[end - 1 : end] == b")" else b"["
    return raw.count(opening, start, end) < raw.count(raw[end - 1 : end], start, end)


def hosts(reading: Reading) -> Iterator[Finding]:
    """Find names of hosts under the endings that no public register gives out (RFC 6762, RFC 8375 and use)."""
    for start, end in _HOST.spans(reading.raw):
        after, value = reading.raw[end : end + 2], reading.raw[start:end].lower()
        if reading.raw[start - 1 : start] in {b"@", b"."} or after[:1] in {b"(", b"[", b"_"} or (after[:1] == b"." and after[1:].isalpha()):
            continue
        # `threading.local` and `package.internal` are names in programs: under these a host has to look like one.
        if not value.endswith(_IN_PROGRAMS) or b"-" in value or any(map(is_digit, value)) or (after[:1] == b":" and after[1:].isdigit()):
            yield reading.finding(start, end, kind="internal_host", score=0.8)


def addresses_4(reading: Reading) -> Iterator[Finding]:
    """Find IPv4 addresses, but not versions, and not those that mean this machine or none."""
    raw = reading.raw
    for start, end in _ADDRESS_4.spans(raw):
        if not reading.opens(start) or not reading.closes(end) or reading.in_decimal(start, end) or _VERSION.search(raw, max(0, start - 12), start):
            continue
        if _is_somebodys(raw[start:end].decode()):
            yield reading.finding(start, end, kind="ip")


def _is_somebodys(value: str) -> bool:
    try:
        address = IPv4Address(value)
    except AddressValueError:
        return False
    return not (address.is_loopback or address.packed[0] in {0, 255})


def addresses_6(reading: Reading) -> Iterator[Finding]:
    """Find IPv6 addresses of some length; `a::b` is more often a name in a program."""
    raw = reading.raw
    for start, end in _ADDRESS_6.spans(raw):
        stop = end - 1 if raw[start:end].endswith(b":") and not raw[start:end].endswith(b"::") else end
        value = raw[start:stop].decode()
        if raw[start - 1 : start] == b":" or (raw[end : end + 1] == b":" and raw[end + 1 : end + 2].isalnum()):  # a fingerprint
            continue
        if sum(map(bool, value.split(":"))) < _LEAST_GROUPS_6 or not reading.opens(start) or not reading.closes(stop) or not any(map(str.isdigit, value)):
            continue
        if _is_address_6(value):
            yield reading.finding(start, stop, kind="ip")


def _is_address_6(value: str) -> bool:
    try:
        IPv6Address(value)
    except AddressValueError:
        return False
    return True


def hardware(reading: Reading) -> Iterator[Finding]:
    """Find addresses of network cards (EUI-48)."""
    for start, end in _HARDWARE.spans(reading.raw):
        if reading.raw[end : end + 1] not in {b":", b"-"} and reading.raw[start - 1 : start] not in {b":", b"-"}:
            yield reading.finding(start, end, kind="mac")
