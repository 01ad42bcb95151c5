"""
A class of faults seen from outside: requests that cost more than they say (B10). Every text and file is read in a time that grows no faster than its
length, and nothing that is packed is unpacked without a bound.

Answers come from a rule, so what is measured is reading, searching and judging.
"""

import base64
import gzip
import io
import json
import secrets
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from tests.journeys.gateway import Gateway

from pointsman.intake.keys import mint

_KEY: Final = mint(secrets.token_bytes(32))
_SHOWN: Final = {"authorization": f"Bearer {_KEY.secret}"}
_MB: Final = 1024 * 1024
_BUDGET_MS: Final = 2500
_MOST_S: Final = 4.5  # the budget, and what is done before and after it


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("bounds")
    (folder / "rules.csv").write_text("when,then,answer\ntrue,answer,By a rule.\n")
    told = {
        "vendors": {"acme": {"kind": "openai_compatible", "base_url": "http://127.0.0.1:1/v1"}},
        "targets": {"acme/small": {"vendor": "acme", "model": "small", "place": "private"}},
        "capabilities": {"support": {"ladder": ["acme/small"], "rules": "rules.csv", "data_class": "restricted"}},
        "keys": {"web": {"sha256": _KEY.sha256}},
        "detection": {"budget_ms": _BUDGET_MS},
        "audit": {"copies": ["file:outside"]},
    }
    with Gateway(folder, told) as running:
        yield running


def memory_mb(gateway: Gateway) -> int:
    """Return the most memory that the gateway has had so far."""
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) // 1024


def cpu_s(gateway: Gateway) -> float:
    """Return the processor seconds of the gateway so far: what it did, and not how busy the machine is."""
    told = Path(f"/proc/{gateway.process.pid}/schedstat").read_text().split()
    return int(told[0]) / 1e9


def cost_of(gateway: Gateway, text: str) -> float:
    before = cpu_s(gateway)
    answer = gateway.chat("support", text, key=_KEY.secret)
    assert answer.status_code in (200, 403), answer.text
    return cpu_s(gateway) - before


# ── time ────────────────────────────────────────────────────────────────────────────────────────────────────────────

# What makes patterns and parsers go back and forth: one piece after the other, as long as the text is to be.
_PIECES: Final[Mapping[str, Callable[[int], str]]] = {
    "one letter": lambda n: "a" * n,
    "words": lambda n: "ab " * (n // 3),
    "digits": lambda n: "4" * n,
    "digits and gaps": lambda n: "4 " * (n // 2),
    "digits and dashes": lambda n: "1-" * (n // 2),
    "cards": lambda n: "4111111111111111 " * (n // 17),
    "accounts": lambda n: "DE89370400440532013000 " * (n // 23),
    "almost accounts": lambda n: "DE89 3704 0044 " * (n // 15),
    "mails": lambda n: "a@b.co " * (n // 7),
    "almost mails": lambda n: "a@" * (n // 2),
    "dots": lambda n: "a." * (n // 2),
    "a mail without end": lambda n: "a" * (n // 2) + "@" + "b." * (n // 4),
    "addresses": lambda n: "1.2.3." * (n // 6),
    "colons": lambda n: "a:" * (n // 2),
    "schemes": lambda n: "http://" * (n // 7),
    "phones": lambda n: "+49 30 " * (n // 7),
    "brackets": lambda n: "(" * n,
    "quotes": lambda n: "\"'" * (n // 2),
    "assignments": lambda n: "password=" * (n // 9),
    "keys": lambda n: "sk-" * (n // 3),
    "pem": lambda n: "-----BEGIN " * (n // 11),
    "base64": lambda n: base64.b64encode(bytes(range(256)) * (n // 340)).decode(),
    "base64 of base64": lambda n: base64.b64encode(base64.b64encode(base64.b64encode(b"a@b.co " * (n // 17)))).decode(),
    "short base64": lambda n: "aGVsbG8gd29ybGQ= " * (n // 17),
    "hex": lambda n: "deadbeef" * (n // 8),
    "short hex": lambda n: "0x41 " * (n // 5),
    "percent": lambda n: "%41" * (n // 3),
    "percent of percent": lambda n: "%2525" * (n // 5),
    "entities": lambda n: "&#65;" * (n // 5),
    "unfinished entities": lambda n: "&#" * (n // 2),
    "tags": lambda n: "<b>" * (n // 3),
    "unfinished tags": lambda n: "<" * n,
    "escapes": lambda n: "\\u0041" * (n // 6),
    "backslashes": lambda n: "\\" * n,
    "zero width": lambda n: "\u200b" * n,
    "combining": lambda n: "a" + "\u0301" * n,
    "ligatures": lambda n: "\ufdfa" * (n // 18),
    "homoglyphs": lambda n: "\u0430" * n,
    "full width": lambda n: "\uff14" * n,
    "spelled": lambda n: "at dot " * (n // 7),
    "spaced": lambda n: "a b c " * (n // 6),
    "names": lambda n: "Ada Lovelace, " * (n // 14),
    "capitals": lambda n: "A " * (n // 2),
    "lines": lambda n: "\n" * n,
    "code": lambda n: "def f(x): return x\n" * (n // 19),
    "braces": lambda n: "{[" * (n // 2),
    "pseudonyms": lambda n: "PERSON_2ABCDEFG " * (n // 16),
    "almost pseudonyms": lambda n: "PERSON_" * (n // 7),
    "astral": lambda n: "\U0001d7d2" * n,
    "right to left": lambda n: "\u202e1234" * (n // 5),
}
_SIZE: Final = 12_000
_NOISE_S: Final = 0.02  # what a call costs however long it is, and what the clock of the machine does not tell


def test_b10_a_text_costs_no_more_than_its_length(gateway: Gateway) -> None:
    """Twice as long, twice as dear: for what grows with the square the ratio would be four."""
    cost_of(gateway, "first")
    dear: dict[str, tuple[float, float]] = {}
    for name, make in _PIECES.items():
        for attempt in range(1, 4):
            # The same text twice would be known the second time.
            short, long = (cost_of(gateway, f"{attempt} {make(size)}") for size in (_SIZE, 2 * _SIZE))
            if long <= 2.8 * short + _NOISE_S:
                break
            dear[name] = (short, long)
        else:
            continue
        dear.pop(name, None)
    assert dear == {}


def test_b10_no_text_of_a_hundred_thousand_characters_takes_long(gateway: Gateway) -> None:
    slow = {
        name: cost
        for name in ("digits", "dots", "mails", "base64", "percent", "names", "combining", "assignments")
        if (cost := cost_of(gateway, _PIECES[name](100_000))) > _MOST_S
    }
    assert slow == {}


# ── what is packed ──────────────────────────────────────────────────────────────────────────────────────────────────


def _zip(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def _pdf(stream: bytes, *, filters: str) -> bytes:
    head = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    page = b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>endobj\n"
    body = b"4 0 obj<</Length %d/Filter[%b]>>stream\n%b\nendstream endobj\ntrailer<</Root 1 0 R>>\n%%%%EOF" % (len(stream), filters.encode(), stream)
    return head + page + body


def _png(text: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    head = chunk(b"IHDR", (2**31 - 1).to_bytes(4, "big") * 2 + b"\x08\x06\x00\x00\x00")
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"zTXt", b"a\x00\x00" + text) + chunk(b"iTXt", b"a\x00\x01\x00\x00\x00" + text) + chunk(b"IEND", b"")


_ZEROS: Final = bytes(64 * _MB)  # the bound of a body is 20


def _laughs() -> bytes:
    named = b"".join(b'<!ENTITY %c "%b">' % (98 + number, b"&%c;" % (97 + number) * 10) for number in range(9))
    return b'<!DOCTYPE x [<!ENTITY a "lol">' + named + b"]><x>&j;</x>"


_WORD: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
# A name, a media type, and some kilobytes that would be some hundred megabytes.
_BOMBS: Final[Mapping[str, tuple[str, Callable[[], bytes]]]] = {
    "zip": ("application/zip", lambda: _zip(*((f"{number}.txt", _ZEROS) for number in range(8)))),
    "zip in zip": ("application/zip", lambda: _zip(("a.zip", _zip(("b.zip", _zip(("c.txt", _ZEROS))))))),
    "office": (_WORD, lambda: _zip(("[Content_Types].xml", b"<Types/>"), ("word/document.xml", b"<w:t>" + _ZEROS + b"</w:t>"))),
    "laughs": ("application/xml", _laughs),
    "laughs in a picture": ("image/svg+xml", _laughs),
    "laughs in office": (_WORD, lambda: _zip(("word/document.xml", _laughs()))),
    "gzip": ("application/gzip", lambda: gzip.compress(_ZEROS)),
    "pdf": ("application/pdf", lambda: _pdf(zlib.compress(_ZEROS), filters="/FlateDecode")),
    "pdf twice": ("application/pdf", lambda: _pdf(zlib.compress(zlib.compress(_ZEROS)), filters="/FlateDecode/FlateDecode")),
    "pdf run lengths": ("application/pdf", lambda: _pdf(zlib.compress(b"\x81a" * 400_000), filters="/FlateDecode/RunLengthDecode")),
    "png": ("image/png", lambda: _png(zlib.compress(_ZEROS))),
    "half a zip": ("application/zip", lambda: _zip(("a.txt", _ZEROS))[:-30]),
    "many members": ("application/zip", lambda: _zip(*((f"{number}", b"") for number in range(20_000)))),
}


@pytest.mark.parametrize("name", _BOMBS)
def test_b10_a_bomb_in_a_file_is_not_unpacked_beyond_bounds(gateway: Gateway, name: str) -> None:
    kind, make = _BOMBS[name]
    bomb = make()
    before, memory = cpu_s(gateway), memory_mb(gateway)
    packed = base64.b64encode(bomb).decode()
    parts = [
        {"type": "file", "file": {"filename": f"{name}.bin", "file_data": f"data:{kind};base64,{packed}"}},
        {"type": "text", "text": "what is in it?"},
    ]
    said = [{"role": "user", "content": parts}]
    openai = gateway.post("/v1/chat/completions", json={"model": "support", "messages": said}, headers=_SHOWN)
    source = {"type": "base64", "media_type": kind, "data": packed}
    document = [{"type": "document", "source": source}, {"type": "text", "text": "what is in it?"}]
    anthropic = gateway.post("/v1/messages", json={"model": "support", "max_tokens": 5, "messages": [{"role": "user", "content": document}]}, headers=_SHOWN)
    assert {openai.status_code, anthropic.status_code} <= {200, 400, 403}, (openai.text, anthropic.text)
    assert cpu_s(gateway) - before < _MOST_S
    assert memory_mb(gateway) - memory < 150


def test_b10_a_bomb_in_a_text_is_not_unpacked_beyond_bounds(gateway: Gateway) -> None:
    memory = memory_mb(gateway)
    for bomb in (gzip.compress(_ZEROS), zlib.compress(_ZEROS), gzip.compress(gzip.compress(_ZEROS)), _zip(("a", _ZEROS))):
        for text in (base64.b64encode(bomb).decode(), bomb.hex(), base64.b64encode(base64.b64encode(bomb)).decode()):
            assert cost_of(gateway, f"{text} what is it?") < _MOST_S
    assert memory_mb(gateway) - memory < 150


_PACKED: Final[Mapping[str, tuple[str, Callable[[], bytes]]]] = {
    "gzip": ("gzip", lambda: gzip.compress(_ZEROS)),
    "deflate": ("deflate", lambda: zlib.compress(_ZEROS)),
    "twice": ("gzip, gzip", lambda: gzip.compress(gzip.compress(_ZEROS))),
    "depth": ("gzip", lambda: gzip.compress(b"{" * 10_000_000)),
    "unknown": ("br", lambda: bytes(100)),
    "broken": ("gzip", lambda: b"\x1f\x8b" + bytes(1000)),
    "members": ("gzip", lambda: gzip.compress(b"{}") * 50_000),
}


@pytest.mark.parametrize("name", _PACKED)
def test_b10_a_body_that_is_packed_is_unpacked_within_the_bound_of_bodies(gateway: Gateway, name: str) -> None:
    encoding, make = _PACKED[name]
    body = make()
    before, memory = cpu_s(gateway), memory_mb(gateway)
    headers = {**_SHOWN, "content-encoding": encoding, "content-type": "application/json"}
    answer = gateway.post("/v1/chat/completions", content=body, headers=headers)
    assert answer.status_code in (400, 413)
    assert cpu_s(gateway) - before < 2.0
    assert memory_mb(gateway) - memory < 120


# ── JSON, and what is none ──────────────────────────────────────────────────────────────────────────────────────────


def _bodies() -> Iterator[tuple[str, str]]:
    head, tail = '{"model":"support","messages":[{"role":"user","content":"hi"}]', "}"
    yield "depth of lists", f'{head},"x":{"[" * 200_000}{"]" * 200_000}{tail}'
    yield "depth of objects", head + "," + '"x":{' * 100_000 + "}" * 100_000 + tail
    yield "a long number", f'{head},"x":{"9" * 500_000}{tail}'
    yield "a large exponent", f'{head},"x":1e{"9" * 1000}{tail}'
    yield "many numbers", f'{head},"x":[{",".join(["12345678"] * 50_000)}]{tail}'
    yield "many names", head + "," + ",".join(f'"x{number}":1' for number in range(20_000)) + tail
    yield "one name again and again", head + ',"x":1' * 50_000 + tail
    yield "many messages", '{"model":"support","messages":[' + ",".join(['{"role":"user","content":"a"}'] * 20_000) + "]}"
    yield "escapes", head + ',"x":"' + "\\u0041" * 50_000 + '"' + tail
    yield "arguments in arguments", _nested(8)
    yield (
        "a pattern in a schema",
        head + ',"tools":[{"type":"function","function":{"name":"f","parameters":{"pattern":"(a+)+$","const":"' + "a" * 50_000 + '!"}}}]}',
    )
    yield "many references", f'{head},"tools":[{{"type":"function","function":{{"name":"f","parameters":{_references()}}}}}]{tail}'


def _nested(depth: int) -> str:
    inside: Any = {"who": "a@b.co"}
    for _ in range(depth):
        inside = {"arguments": json.dumps(inside)}
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": json.dumps(inside)}}
    said = [{"role": "assistant", "content": None, "tool_calls": [call]}, {"role": "tool", "tool_call_id": "c", "content": "x"}]
    return json.dumps({"model": "support", "messages": said})


def _references() -> str:
    told = {f"d{number}": {"allOf": [{"$ref": f"#/$defs/d{number + 1}"}] * 10} for number in range(30)}
    return json.dumps({"$ref": "#/$defs/d0", "$defs": {**told, "d30": {"type": "string"}}})


@pytest.mark.parametrize(("name", "body"), [pytest.param(*told, id=told[0]) for told in _bodies()])
def test_b10_a_body_is_read_in_its_own_time(gateway: Gateway, name: str, body: str) -> None:
    before, memory = cpu_s(gateway), memory_mb(gateway)
    answer = gateway.post("/v1/chat/completions", content=body, headers={**_SHOWN, "content-type": "application/json"})
    assert answer.status_code in (200, 400, 403, 413), (name, answer.text)
    assert cpu_s(gateway) - before < _MOST_S
    assert memory_mb(gateway) - memory < 200


def test_b10_forms_and_other_types_are_not_read_at_all(gateway: Gateway) -> None:
    parts = b"".join(b'--x\r\ncontent-disposition: form-data; name="a%d"\r\n\r\nb\r\n' % number for number in range(20_000))
    for kind in ("multipart/form-data; boundary=x", "multipart/form-data", "application/x-www-form-urlencoded", "text/plain", "application/xml"):
        before = cpu_s(gateway)
        answer = gateway.post("/v1/chat/completions", content=parts, headers={**_SHOWN, "content-type": kind})
        assert (answer.status_code, "content-type" in answer.text) == (400, True)
        assert cpu_s(gateway) - before < 1.0


def test_b10_strangers_cannot_make_it_work(gateway: Gateway) -> None:
    """A long body of somebody without a key is not read."""
    body = json.dumps({"model": "support", "messages": [{"role": "user", "content": "a@b.co " * 500_000}]}).encode()
    for headers in ({}, {"authorization": "Bearer pm_nobody"}, {"x-api-key": "a" * 60_000}):
        before = cpu_s(gateway)
        answer: httpx2.Response = gateway.post("/v1/chat/completions", content=body, headers={**headers, "content-type": "application/json"})
        assert answer.status_code in (401, 413)
        assert cpu_s(gateway) - before < 0.5


def test_b10_a_wildcard_is_a_letter_like_any_other(gateway: Gateway) -> None:
    """Names that a caller chose are compared, never matched as patterns."""
    for unit in ("%", "_", "ticket-1", "*", "[a-z]*"):
        answer = gateway.post("/v1/outcomes", json={"unit": unit, "kind": "solved", "id": unit}, headers=_SHOWN)
        assert answer.status_code == 201
    told = gateway.rows("SELECT unit, outcome_id FROM outcome ORDER BY recorded")
    assert [(row["unit"], row["outcome_id"]) for row in told] == [(unit, unit) for unit in ("%", "_", "ticket-1", "*", "[a-z]*")]
