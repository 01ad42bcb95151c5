"""
What can be read of a file or picture that a request carries as base64: its text, and the data about it that nobody sees.

`read_file` returns texts to be scanned like any other, and says whether something was left unread: the pixels of a picture, a page without a text
layer, an unknown or damaged format, or what a bound cut off. What is unread counts as the ceiling of its source; that is for the caller. Nothing
here renders, follows a link, or unpacks without a bound.
"""

import base64
import binascii
import importlib
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final

from msgspec import Struct

MAX_FILE_BYTES: Final = 20 << 20
MAX_TEXT_CHARS: Final = 4 << 20
MAX_MEMBERS: Final = 2_000
MAX_PAGES: Final = 300
MAX_DEPTH: Final = 2  # a file in a file in a file is not opened
MAX_RATIO: Final = 200  # of unpacked to packed bytes of one member
_BUDGET_S: Final = 0.5

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"
_ZIP: Final = b"PK\x03\x04"
_PDF: Final = b"%PDF-"
_PLAIN_TYPES: Final = frozenset(
    {
        "application/json",
        "application/xml",
        "application/yaml",
        "application/x-yaml",
        "application/javascript",
        "application/x-ndjson",
        "application/csv",
        "application/sql",
        "application/toml",
    }
)
_XML_TEXT: Final = re.compile(r">([^<]{1,100000})<")
_XML_BREAK: Final = re.compile(r"</(?:w:p|a:p|row|si|text:p|text:h)>")
_XML_ATTRIBUTE: Final = re.compile(r'\b(\w+)="([^"<]{1,2000})"')
_TELLING: Final = frozenset({"author", "descr", "title", "Target", "name", "alt", "initials", "userName", "lastModifiedBy"})
_ENTITIES: Final = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&"))
_READABLE_RUN: Final = re.compile(rb"[\x20-\x7e\t\r\n]{4,4096}")
_SPACE: Final = 0x20
_MIN_READABLE: Final = 0.9


class FileText(Struct, frozen=True, kw_only=True):
    """What was read of a file: `texts`, and whether something in it was left `unread`, with the first reason for it (empty if all was read)."""

    texts: tuple[str, ...]
    unread: bool
    why: str = ""


class _Reading:
    """The texts of one reading, and how much more may be read."""

    def __init__(self, clock: Callable[[], float], budget_s: float) -> None:
        self._clock = clock
        self._until = clock() + budget_s
        self._chars_left = MAX_TEXT_CHARS
        self.texts: list[str] = []
        self.why = ""

    def add(self, text: str) -> None:
        if text.strip():
            kept = text[: self._chars_left]
            self._chars_left -= len(kept)
            self.texts.append(kept)
            if len(kept) < len(text):
                self.leave("more text than may be read")

    def leave(self, why: str) -> None:
        """Note that something stays unread."""
        self.why = self.why or why

    @property
    def is_over(self) -> bool:
        """Whether no more may be read. Says so in the result."""
        if self._chars_left <= 0 or self._clock() > self._until:
            self.leave("more than may be read in the time")
            return True
        return False


def read_file(payload: str, media_type: str, *, clock: Callable[[], float], budget_s: float = _BUDGET_S) -> FileText:
    """
    Return what can be read of a file given as base64 (a `data:` address too).

    The bytes decide what a file is, the declared media type only where they do not tell. `clock` counts seconds; after `budget_s` no further part is
    begun. Never raises: what cannot be read is `unread`.
    """
    reading = _Reading(clock, budget_s)
    if payload.startswith("data:"):
        head, _, payload = payload.partition(",")
        media_type = head[5:].partition(";")[0] or media_type
    data = _decoded(payload)
    if data is None:
        reading.leave("no base64, or too large")
    else:
        _read(data, media_type.lower().partition(";")[0].strip(), reading=reading, depth=0)
    return FileText(texts=tuple(reading.texts), unread=bool(reading.why), why=reading.why)


def _decoded(payload: str) -> bytes | None:
    plain = "".join(payload.split()).rstrip("=").replace("-", "+").replace("_", "/")
    if len(plain) * 3 // 4 > MAX_FILE_BYTES:
        return None
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _read(data: bytes, media_type: str, *, reading: _Reading, depth: int) -> None:
    if data.startswith(_PNG):
        _read_png(data, reading)
    elif data.startswith(_JPEG):
        _read_jpeg(data, reading)
    elif data.startswith(_ZIP):
        _read_zip(data, reading, depth=depth)
    elif data.startswith(_PDF):
        _read_pdf(data, reading)
    elif media_type.startswith("text/") or media_type in _PLAIN_TYPES or media_type.endswith(("+json", "+xml")) or _looks_plain(data):
        _read_plain(data, reading)
    else:
        # Whatever it is, its words in plain sight are scanned (GIF comments, WebP and TIFF metadata, old office files).
        reading.add(_runs(data))
        reading.leave(f"no reader for `{media_type or 'unknown'}`")


def _looks_plain(data: bytes) -> bool:
    head = data[:4096]
    return b"\x00" not in head and len(head) > 0 and sum(byte >= _SPACE or byte in b"\t\r\n" for byte in head) >= _MIN_READABLE * len(head)


def _runs(data: bytes) -> str:
    return "\n".join(run.decode("ascii") for run in _READABLE_RUN.findall(data[: MAX_TEXT_CHARS * 4]))[:MAX_TEXT_CHARS]


def _read_plain(data: bytes, reading: _Reading) -> None:
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig")):
        if data.startswith(mark):
            reading.add(data.decode(encoding, "replace"))
            return
    try:
        reading.add(data.decode())
    except UnicodeDecodeError:
        reading.add(data.decode("latin-1"))


def _read_png(data: bytes, reading: _Reading) -> None:
    reading.leave("pixels")
    at = len(_PNG)
    while at + 8 <= len(data) and not reading.is_over:
        size, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + size]
        if kind in {b"tEXt", b"zTXt", b"iTXt"}:
            reading.add(_png_text(kind, body))
        elif kind == b"eXIf":
            reading.add(_runs(body))
        at += size + 12
        if kind == b"IEND":
            break
    if at < len(data):
        # What hangs on after the end of the picture is no part of it, and a place to hide text.
        reading.add(_runs(data[at:]))


def _png_text(kind: bytes, body: bytes) -> str:
    keyword, _, rest = body.partition(b"\0")
    if kind == b"tEXt":
        text = rest.decode("latin-1")
    elif kind == b"zTXt":
        text = _inflated(rest[1:]).decode("latin-1")
    else:
        packed = rest[:1] == b"\1"
        parts = rest[2:].split(b"\0", 2)
        text = (_inflated(parts[-1]) if packed else parts[-1]).decode("utf-8", "replace")
    return f"{keyword.decode('latin-1')}: {text}"


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, MAX_TEXT_CHARS)
    except zlib.error:
        return b""


def _read_jpeg(data: bytes, reading: _Reading) -> None:
    reading.leave("pixels")
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and not reading.is_over:  # noqa: PLR2004 - every segment begins with it
        marker, size = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        if marker == 0xDA:  # noqa: PLR2004 - start of scan: the pixels follow
            end = data.rfind(b"\xff\xd9")
            reading.add(_runs(data[end + 2 :]) if end >= 0 else "")
            return
        # APP1 to APP15 hold EXIF, XMP and IPTC, COM a comment.
        if 0xE1 <= marker <= 0xEF or marker == 0xFE:  # noqa: PLR2004 - the markers of the format
            reading.add(_runs(data[at + 4 : at + 2 + size]))
        at += 2 + max(2, size)


def _read_zip(data: bytes, reading: _Reading, *, depth: int) -> None:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError):
        reading.leave("damaged archive")
        return
    if len(members) > MAX_MEMBERS:
        reading.leave("more parts than may be read")
    for member in members[:MAX_MEMBERS]:
        if reading.is_over:
            return
        if not member.is_dir():
            reading.add(member.filename if depth == 0 and not _is_office(archive) else "")
            _read_member(archive, member, reading=reading, depth=depth)


def _is_office(archive: zipfile.ZipFile) -> bool:
    return "[Content_Types].xml" in archive.NameToInfo or "mimetype" in archive.NameToInfo


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, *, reading: _Reading, depth: int) -> None:
    content = _unpacked(archive, member)
    if content is None:
        reading.leave("part too large, encrypted or damaged")
    elif member.filename.endswith((".xml", ".rels")):
        reading.add("\n".join(_xml_texts(content.decode("utf-8", "replace"))))
    elif depth < MAX_DEPTH:
        _read(content, "", reading=reading, depth=depth + 1)
    else:
        reading.leave("archives in archives")


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes | None:
    """Return a part whole, or None. The sizes an archive claims are not believed: no more is unpacked than the bound."""
    bound = min(MAX_TEXT_CHARS * 4, max(1 << 16, member.compress_size * MAX_RATIO))
    if member.flag_bits & 1:
        return None
    try:
        with archive.open(member) as part:
            content = part.read(bound + 1)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, ValueError, RuntimeError):
        return None
    return content if len(content) <= bound else None


def _xml_texts(source: str) -> Iterator[str]:
    """Yield the text of each paragraph or row. The values of attributes count too: comments and links have their text there."""
    for paragraph in _XML_BREAK.split(source):
        text = "".join(_XML_TEXT.findall(paragraph + "<"))
        attributes = " ".join(value for name, value in _XML_ATTRIBUTE.findall(paragraph) if name in _TELLING)
        for written, meant in _ENTITIES:
            text, attributes = text.replace(written, meant), attributes.replace(written, meant)
        if text.strip():
            yield text
        if attributes:
            yield attributes


def _read_pdf(data: bytes, reading: _Reading) -> None:
    try:
        # An extra: without it a PDF is unread. Loaded when the first PDF comes, for it is large.
        pypdf: Any = importlib.import_module("pypdf")
    except ImportError:
        reading.leave("no reader for PDF: install the extra `files`")
        return
    try:
        document: Any = pypdf.PdfReader(io.BytesIO(data), strict=False)
        if document.is_encrypted and not document.decrypt(""):
            reading.leave("encrypted")
            return
        _read_pages(document, reading)
        about: dict[str, Any] = document.metadata or {}
        reading.add("\n".join(f"{name}: {value}" for name, value in about.items()))
        reading.add(_xmp(document))
        if document.attachments:
            reading.leave("attachments")
    except Exception:  # noqa: BLE001 - a damaged file may raise anything; what was read stays, the rest is unread
        reading.leave("damaged PDF")


def _read_pages(document: Any, reading: _Reading) -> None:
    for number, page in enumerate(document.pages):
        if number >= MAX_PAGES:
            reading.leave("more pages than may be read")
        if number >= MAX_PAGES or reading.is_over:
            return
        text = str(page.extract_text())
        reading.add(text)
        if not text.strip() or _has_pictures(page):
            reading.leave("pixels")
        for note in page.get("/Annots") or ():
            reading.add(str(note.get_object().get("/Contents") or ""))


def _has_pictures(page: Any) -> bool:
    resources = page.get("/Resources")
    objects = resources.get_object().get("/XObject") if resources is not None else None
    return any(one.get_object().get("/Subtype") in {"/Image", "/Form"} for one in objects.get_object().values()) if objects is not None else False


def _xmp(document: Any) -> str:
    stream = document.trailer["/Root"].get("/Metadata")
    return _runs(stream.get_object().get_data()[:MAX_TEXT_CHARS]) if stream is not None else ""
