"""
Where a secret may stand that has no form of its own: after a name that speaks of one, in a URL, on a command line, in a field, or as a long token.

This finds places, and finds too many on purpose. What is likely a secret is for `secrets_model` to say.
"""

import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from pointsman.governance.detection.linear import Linear

MAX_VALUE: Final = 400
MAX_LONG: Final = 300
_MAX_NAME: Final = 48
_MAX_IN_LIST: Final = 20
_MAX_COMMAND: Final = 80
_MIN_WORD: Final = 6


class Candidate(Struct, frozen=True, kw_only=True):
    """A text, characters `start` to `end`, that may be a secret. `name` is what calls it so, `form` how it stands there, `quoted` whether in quotes."""

    start: int
    end: int
    name: str
    form: str
    quoted: bool


# One pass in linear time over the whole text; everything after looks at a few characters around a hit.
_HINT: Final = Linear(
    r"(?i:pass|pwd|secret|token|api|key|auth|cred|bearer|basic|nonce|salt|seed|private|identified|login|encrypt|hmac|sign|session|cookie|access"
    r"|user=|account|contribsys__com|b64encode|\bpw\b|contrase.a|kennwort|wachtwoord|senha\b|parola\b|heslo\b)|://|[ '\"]-(?:u|p|-user)"
)
_LONG_HINT: Final = Linear(r"[A-Za-z0-9+/_\-]{24}")
_NAME_CHARS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")
_URL: Final = re.compile(r"://[^\s:/@\"'<>?#]{0,64}:([^\s/\"'<>]{1,200}?)@(?=[A-Za-z0-9\[$<{%])")
_USER: Final = re.compile(r"(?:-u|--user)[ =]{0,2}\s{0,3}[\"']?[^\s:\"'<]{0,64}[\"']?:(?:\"([^\"\n]{1,200})\"|'([^'\n]{1,200})'|([^\s\"']{1,200}))")
_FLAG: Final = re.compile(r"-p([^\s\"'=\-][^\s\"']{2,60})(?=\s)")
_DATABASE: Final = re.compile(r"mysql|mariadb|sshpass")
_LONG: Final = re.compile(r"[A-Za-z0-9+/_\-]{24,}={0,2}")
_REST: Final = re.compile(r"[A-Za-z0-9_.\-]{0,40}")
_GAP: Final = re.compile(
    r"(?P<close>(?:\\{0,3}[\"'`\])]|&quot;|&#3[49];|\*\*|(?<=\w)\?){0,3})"
    r"(?P<gap>\s{0,3}(?::\s{0,2}[A-Za-z][\w.\[\]|? ]{0,30}?=\s{0,8}|:{0,3}={1,3}[>~]?\s{0,8}|[?!+|]{1,2}=\s{0,8}|=>\s{0,8}|->\s{0,8}|::?\s{0,24})"
    r"|\s{0,2}\(\s{0,4}|\s{0,2},\s{0,12}|\s{0,4}</?[a-z]{1,8}>\s{0,12}|>\s{0,12}|\s{1,4}(?:by|value)\s{0,2}=?\s{0,2}"
    r"|\s{0,2}\|\s{1,4}|\s{1,4}is:?\s{1,4}|[ \t]{1,3})"
    r"(?P<scheme>(?:(?:new|String|str|Uri|Some)\(|\w{1,12}\((?=[\"'])|\{\s{0,2})?[\[{(]{0,2}\s{0,8})"
    r"(?P<quote>(?:[bruf@$&]{1,2}(?=[\"']))?(?:\\{0,3}[\"'`]|&quot;|&#3[49];)?)"
    r"(?P<method>(?:(?i:bearer|basic|token|apikey|api-token|flyv1|pass)[ :]{1,2})?)",
    re.IGNORECASE,
)
_BARE: Final = re.compile(r"[^\s\"'`,;<>|)\]}\\]{3,400}")
_IN_QUERY: Final = re.compile(r"[^\s\"'`,;<>|)\]}\\&]{3,400}")
_NEXT: Final = re.compile(r"[\"'`]?\s{0,4},\s{0,8}[\"'`]([^\"'`\s]{6,200})[\"'`]")
# An address without anything that only a few know, and what has neither letter nor digit.
_NO_SECRET: Final = re.compile(r"[a-z]{2,8}://[^\s@?#]*|[^A-Za-z0-9]+")
# A number, an alphabet, and what names a thing without being a key to it.
_NO_KEY: Final = re.compile(r"[\d_+/\-]*[A-Za-z]?[\d_+/\-]*={0,2}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ALPHABET: Final = re.compile(r"(?i:abcdefgh|01234567|23456789)")
_HAS_DIGIT: Final = re.compile(r"\d")


def candidates(text: str, raw: bytes) -> Iterator[Candidate]:
    """Yield every place of the text that may be a secret. They may overlap. `raw` is the shadow of the text (`linear`)."""
    until = value_until = 0
    for start, end in _HINT.spans(raw):
        mark = text[start]
        if mark == ":":
            yield from _spans(_URL.match(text, start), name="url password", form="url")
        elif mark in " '\"":
            yield from _flagged(text, start + 1)
        elif start >= until:
            until = _end(_REST, text, start=end)
            # In `password=password=` the second is a value. To take each such word for a name would let a text cost what it likes.
            if start >= value_until or text[start - 1] != "=":
                for candidate in _named(text, start, end=until):
                    value_until = candidate.end
                    yield candidate
    until = 0
    for start, end in _LONG_HINT.spans(raw):
        if start >= until:
            until = max(end, _end(_LONG, text, start=start))
            yield from _long(text, start, end=until)


def _end(pattern: re.Pattern[str], text: str, *, start: int) -> int:
    found = pattern.match(text, start)
    return found.end() if found else start


def _flagged(text: str, start: int) -> Iterator[Candidate]:
    yield from _spans(_USER.match(text, start), name="user password", form="flag")
    if _DATABASE.search(text, max(0, start - _MAX_COMMAND), start):
        yield from _spans(_FLAG.match(text, start), name="p password", form="flag")


def _spans(found: re.Match[str] | None, *, name: str, form: str) -> Iterator[Candidate]:
    if found is not None:
        group = found.lastindex or 0
        yield Candidate(start=found.start(group), end=found.end(group), name=name, form=form, quoted=group == 1 and form == "flag")


def _long(text: str, start: int, *, end: int) -> Iterator[Candidate]:
    """Yield a long token, with the name that stands before it, if any. What is longer than any key is no key."""
    if end - start > MAX_LONG or not _HAS_DIGIT.search(text, start, end):
        return
    if not _NO_KEY.fullmatch(text, start, end) and not _ALPHABET.search(text, start, end):
        quoted = start > 0 and text[start - 1] in "\"'`"
        yield Candidate(start=start, end=end, name=_name_before(text, start), form="long", quoted=quoted)


def _name_before(text: str, start: int) -> str:
    at = start
    while at > 0 and start - at < _MAX_NAME and text[at - 1] in " \t\"'`:=([{>\\":
        at -= 1
    return text[_left(text, at) : at]


def _left(text: str, start: int) -> int:
    """Return where the identifier begins that goes on at `start`."""
    at = start
    while at > 0 and start - at < _MAX_NAME and text[at - 1] in _NAME_CHARS:
        at -= 1
    return at


def _named(text: str, start: int, *, end: int) -> Iterator[Candidate]:
    """Yield what stands after a name that ends at `end`."""
    gap = _GAP.match(text, end)
    if gap is None:
        return
    left = _left(text, start)
    name = text[left:end].strip(".")
    if name.lower() == "pwd" and text.startswith("$(", max(0, left - 2)):  # `$(pwd):/srv` mounts a folder
        return
    form = _form(gap, name)
    value = _value(text, gap, form=form)
    if value is None or value[1] - value[0] < 3 or _NO_SECRET.fullmatch(text, *value):  # noqa: PLR2004 - shorter than any secret
        return
    quoted = bool(gap["quote"])
    if not quoted and form in {"call", "argument"} and not _HAS_DIGIT.search(text, *value):
        return
    if form == "word" and not _marked(text[value[0] : value[1]], name):
        return
    yield Candidate(start=value[0], end=value[1], name=name, form=form, quoted=quoted)
    if quoted and "[" in gap["scheme"]:
        yield from _listed(text, value[1], name=name)


def _form(gap: re.Match[str], name: str) -> str:
    if gap["method"] or name.lower() in {"bearer", "basic"}:
        return "scheme"
    between = gap["gap"].strip()
    if not between or (between == "(" and gap["gap"][0].isspace()):
        return "option" if name.startswith("-") else "word"
    if between[-1] in "=~:" or between in {"=>", "->", "::"}:
        return "assign" if "=" in between or between == "->" else "field"
    return {"(": "call", ",": "argument", "|": "table"}.get(between, "word" if between[0].isalpha() else "element")


def _value(text: str, gap: re.Match[str], *, form: str) -> tuple[int, int] | None:
    start, quote = gap.end(), gap["quote"].lstrip("bruf@$")
    if quote:
        end = text.find(quote, start, start + MAX_VALUE)
        while end > 0 and text[end - 1] == "\\" and not quote.startswith("\\"):
            end = text.find(quote, end + 1, start + MAX_VALUE)
        line = text.find("\n", start, end if end >= 0 else start + MAX_VALUE)
        return (start, end) if end > start and line < 0 else None
    found = (_IN_QUERY if form == "assign" and "&" in text[start : start + MAX_VALUE] else _BARE).match(text, start)
    if found is None:
        return None
    return (start, start + len(found[0].rstrip(".:*")))


def _marked(value: str, name: str) -> bool:
    """Return whether a word in running text has something of a secret: a digit, or signs but not those of an argument. `pass` is a verb as well."""
    if len(value) < _MIN_WORD or (name.lower() == "pass" and value.isidentifier()):
        return False
    return any(letter.isdigit() for letter in value) or (not (value.rstrip("?!.:") or "a").isalpha() and "=" not in value)


def _listed(text: str, at: int, *, name: str) -> Iterator[Candidate]:
    """Yield the further texts of a list whose first was found."""
    for _ in range(_MAX_IN_LIST):
        found = _NEXT.match(text, at)
        if found is None:
            return
        at = found.end(1)
        yield Candidate(start=found.start(1), end=at, name=name, form="list", quoted=True)
