"""
Text that was written in an encoding: entities, percent and backslash escapes, hexadecimal, Base64 and what was compressed inside, lists of codes.

Whatever decodes to something other than text is left alone.
"""

import base64
import binascii
import html
import re
import zlib
from collections.abc import Callable
from typing import Final
from unicodedata import category

from pointsman.governance.detection.linear import Linear, LinearSet
from pointsman.governance.detection.views.budget import Budget, SpentError
from pointsman.governance.detection.views.view import Edit, Edits

Decoder = Callable[[bytes, Budget], Edits]

_ENTITY_NAMES: Final = "commat|period|num|colon|sol|lowbar|hyphen|dash|nbsp|Tab|NewLine|plus|equals|ensp|emsp|thinsp|shy|zwnj|zwj|lpar|rpar"
_ENTITY: Final = rf"&(?:amp;)?(?:#[0-9]{{1,7}}|#[xX][0-9A-Fa-f]{{1,6}}|(?:{_ENTITY_NAMES}));?"
_PERCENT: Final = r"%[0-7][0-9A-Fa-f]|(?:%[89A-Fa-f][0-9A-Fa-f])+"
_ESCAPE: Final = (
    r"\\\\?u[dD][89abAB][0-9a-fA-F]{2}\\\\?u[dD][c-fC-F][0-9a-fA-F]{2}|\\\\?u[0-9a-fA-F]{4}|\\u\{[0-9a-fA-F]{1,6}\}|\\U[0-9a-fA-F]{8}|\\\\?x[0-9a-fA-F]{2}"
    r"|\\[01][0-7]{2}|\bU\+[0-9A-F]{4,6} ?"
)
_STRETCH: Final = (
    r"[A-Za-z0-9+/_\-]{40,}(?:\r?\n[A-Za-z0-9+/_\-]{2,})+={0,2}|0x[0-9A-Fa-f]{18,}|[0-9a-f]{18,}|[0-9A-F]{18,}"
    r"|[a-z+/_\-]{0,23}[A-Z0-9][a-z+/_\-]*[A-Z0-9][A-Za-z0-9+/_\-]{6,}={0,2}"
)
_QUOTED: Final = r"(?:=[0-9A-F]{2}){3,}"
_STYLED: Final = r"(?:\\[0-9A-Fa-f]{2,6} ){5,}\\[0-9A-Fa-f]{2,6} ?"
_CODES: Final = r"\b(?:(?:0x)?[0-9A-Fa-f]{2,3}[ ,:;]{1,2}){8,}(?:0x)?[0-9A-Fa-f]{2,3}\b|\b(?:[01]{7,8} ?){8,}\b"

_UNICODE_ESCAPE: Final = re.compile(r"[0-9a-fA-F]+")
_SEPARATORS: Final = re.compile(r"[ ,:;]+")
_PARTS: Final = re.compile(r"[A-Za-z0-9]{11,}={0,2}")
_NUMBER: Final = re.compile(r"[0-9A-Z ./()+\-]+")
_LEAST_BASE64: Final = 11
_LEAST_HEX: Final = 18
_LAST_CODE: Final = 0x10FFFF
_SURROGATES: Final = range(0xD800, 0xE000)
_COMPRESSED: Final = (b"\x1f\x8b", b"x\x01", b"x\x5e", b"x\x9c", b"x\xda")
_FREE_CHARACTERS: Final = 65_536
_EXPANSION: Final = 10
_URLSAFE: Final = str.maketrans("-_", "+/")
_OTHER_WHITE: Final = frozenset("\t\n\r\f\v")
_UNSEEN: Final = frozenset({"Cf", "Zs", "Zl", "Zp"})  # formats and blanks, which Python does not call printable
_LOST: Final = "\ufffd"  # stands for bytes that are no character
_ODD_SHARE: Final = 10


def _entities(raw: bytes, _budget: Budget) -> Edits:
    for start, end in _PATTERNS[0].spans(raw):
        yield Edit(start, end, html.unescape(html.unescape(raw[start:end].decode())))


def _percents(raw: bytes, _budget: Budget) -> Edits:
    for start, end in _PATTERNS[1].spans(raw):
        yield Edit(start, end, _as_text(bytes.fromhex(raw[start:end].replace(b"%", b"").decode())))


def _escapes(raw: bytes, _budget: Budget) -> Edits:
    for start, end in _PATTERNS[2].spans(raw):
        escape = raw[start:end].decode()
        octal = escape[1].isdigit()
        codes = [int(escape[1:], 8)] if octal else [int(code, 16) for code in _UNICODE_ESCAPE.findall(escape.replace("U+", " "))]
        text = "".join(chr(code) for code in codes if code <= _LAST_CODE)
        yield Edit(start, end, text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


def _tokens(raw: bytes, budget: Budget) -> Edits:
    for start, end in _PATTERNS[3].spans(raw):
        token = raw[start:end].decode()
        decoded = _decoded_token(token, budget)
        if decoded is not None:
            yield Edit(start, end, decoded)
            continue
        yield None
        for part in _PARTS.finditer(token):
            inner = _decoded_token(part[0], budget) if len(part[0]) < len(token) else None
            if inner is not None:
                yield Edit(start + part.start(), start + part.end(), inner)


def _quoted(raw: bytes, _budget: Budget) -> Edits:
    for start, end in _PATTERNS[4].spans(raw):
        yield Edit(start, end, _as_text(bytes.fromhex(raw[start:end].replace(b"=", b"").decode())))


def _styled(raw: bytes, _budget: Budget) -> Edits:
    """Read the escapes of style sheets (CSS Syntax 4.3.7)."""
    for start, end in _PATTERNS[6].spans(raw):
        codes = [int(code, 16) for code in _UNICODE_ESCAPE.findall(raw[start:end].decode())]
        text = "".join(chr(code) for code in codes if code <= _LAST_CODE and code not in _SURROGATES)
        yield Edit(start, end, text) if _is_text(text) else None


def _codes(raw: bytes, _budget: Budget) -> Edits:
    for start, end in _PATTERNS[5].spans(raw):
        words = _SEPARATORS.split(raw[start:end].decode().strip())
        readings = filter(None, (_of_codes(words, radix) for radix in (16, 10, 2)))
        together = "\n".join(readings)
        yield Edit(start, end - raw[start:end].endswith(b" "), together) if together else None


def _of_codes(words: list[str], radix: int) -> str:
    try:
        text = bytes(int(word, radix) for word in words).decode("ascii")
    except ValueError:  # no numbers of this radix, or no characters
        return ""
    return text if _is_text(text) else ""


_FAMILIES: Final[tuple[tuple[str, Decoder], ...]] = (
    (_ENTITY, _entities),
    (_PERCENT, _percents),
    (_ESCAPE, _escapes),
    (_STRETCH, _tokens),
    (_QUOTED, _quoted),
    (_CODES, _codes),
    (_STYLED, _styled),
)
_PATTERNS: Final = tuple(Linear(pattern) for pattern, _ in _FAMILIES)
_ANY: Final = LinearSet([pattern for pattern, _ in _FAMILIES])


def decodings(raw: bytes, budget: Budget) -> Edits:
    """Find what is encoded in a text and what it says; raises `SpentError` where it would become too long."""
    for number in sorted(_ANY.found_in(raw)):
        yield from _FAMILIES[number][1](raw, budget)


def _decoded_token(token: str, budget: Budget) -> str | None:
    if "\n" in token:
        token = "".join(token.split())
    token = token.removeprefix("0x")
    if len(token) >= _LEAST_HEX and len(token) % 2 == 0 and (token.islower() or token.isupper() or token.isdigit()):
        try:
            found = _readable(bytes.fromhex(token), budget)
            if found is not None and token.isdigit() and not _NUMBER.fullmatch(found):  # most long numbers decode to some text
                found = None
        except ValueError:
            found = None
        if found is not None:
            return found
    found = _of_base32(token, budget) if token.isupper() else None
    return _of_base64(token, budget) if found is None else found


def _of_base32(token: str, budget: Budget) -> str | None:
    try:
        return _readable(base64.b32decode(token.rstrip("=") + "=" * (-len(token.rstrip("=")) % 8)), budget)
    except binascii.Error:
        return None


def _of_base64(token: str, budget: Budget) -> str | None:
    bare = token.rstrip("=").translate(_URLSAFE)
    if len(bare) < _LEAST_BASE64 or bare.isdigit():
        return None
    bare = bare[: len(bare) - 1] if len(bare) % 4 == 1 else bare
    return _readable(binascii.a2b_base64(bare + "=" * (-len(bare) % 4)), budget)


def _readable(data: bytes, budget: Budget) -> str | None:
    """Return the text that the bytes are, at most `_EXPANSION` times as long; None if they are none."""
    if data.startswith(_COMPRESSED):
        data = _decompressed(data, budget)
    elif data[1:8:2] == b"\0\0\0\0"[: len(data[1:8:2])] and len(data) % 2 == 0:
        return _if_text(data.decode("utf-16-le", "replace"))
    return _if_text(data.decode("utf-8", "replace"))


def _decompressed(data: bytes, budget: Budget) -> bytes:
    most = min(budget.characters, max(_FREE_CHARACTERS, _EXPANSION * len(data)))
    machine = zlib.decompressobj(wbits=47)
    try:
        out = machine.decompress(data, most + 1)
    except zlib.error:
        return data
    if len(out) > most:
        raise SpentError
    return out


def _if_text(text: str) -> str | None:
    return text if text and _is_text(text) else None


def _is_text(text: str) -> bool:
    """Tell whether people could read it. A tenth may be anything, else one odd byte would hide all the rest; what nobody sees is no reason against it."""
    if text.isprintable() and _LOST not in text:
        return True
    odd = sum(letter == _LOST or not (letter.isprintable() or letter in _OTHER_WHITE or category(letter) in _UNSEEN) for letter in text)
    return odd * _ODD_SHARE <= len(text)


def _as_text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")
