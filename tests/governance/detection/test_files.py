"""Of a file everything with letters is read, what nobody sees too, and what cannot be read is said to be unread."""

import base64
import importlib
import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable
from typing import Any, Final

import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf.generic import ArrayObject, DecodedStreamObject, DictionaryObject, NameObject, TextStringObject

from pointsman.governance.detection import files
from pointsman.governance.detection.files import FileText, read_file

SECRET: Final = "the launch is on the fourth"


def read(data: bytes, media_type: str = "", *, clock: Callable[[], float] = lambda: 0.0) -> FileText:
    return read_file(base64.b64encode(data).decode(), media_type, clock=clock)


def has(result: FileText, text: str = SECRET) -> bool:
    return any(text in one for one in result.texts)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(*chunks: bytes, after: bytes = b"") -> bytes:
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(13)) + b"".join(chunks) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"") + after


def jpeg(*segments: tuple[int, bytes], after: bytes = b"") -> bytes:
    return (
        b"\xff\xd8"
        + b"".join(b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body for marker, body in segments)
        + b"\xff\xda\0\2\1\2\3\xff\xd9"
        + after
    )


def archive(parts: dict[str, bytes | str], *, packed: bool = True) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as written:
        for name, content in parts.items():
            written.writestr(name, content)
    return out.getvalue()


def docx(**more: bytes | str) -> bytes:
    runs = "".join(f"<w:r><w:t>{part}</w:t></w:r>" for part in ("the laun", "ch is on", " the fourth &amp; fifth"))
    named = {name.replace("__", "/"): content for name, content in more.items()}
    return archive(
        {"[Content_Types].xml": "<Types/>", "word/document.xml": f"<w:document><w:p>{runs}</w:p><w:p><w:r><w:t>next</w:t></w:r></w:p></w:document>", **named}
    )


def pdf(pages: Iterable[str], *, title: str = "", note: str = "", picture: bool = False, **more: Any) -> bytes:
    writer = pypdf.PdfWriter()
    font = DictionaryObject(
        {NameObject("/Type"): NameObject("/Font"), NameObject("/Subtype"): NameObject("/Type1"), NameObject("/BaseFont"): NameObject("/Helvetica")}
    )
    for text in pages:
        page = writer.add_blank_page(300, 300)
        content = DecodedStreamObject()
        content.set_data(f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET".encode())
        page[NameObject("/Contents")] = writer._add_object(content)
        resources = DictionaryObject({NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})})
        if picture:
            image = DecodedStreamObject()
            image.update({NameObject("/Type"): NameObject("/XObject"), NameObject("/Subtype"): NameObject("/Image")})
            resources[NameObject("/XObject")] = DictionaryObject({NameObject("/I1"): writer._add_object(image)})
        page[NameObject("/Resources")] = resources
        if note:
            annotation = DictionaryObject({NameObject("/Subtype"): NameObject("/Text"), NameObject("/Contents"): TextStringObject(note)})
            page[NameObject("/Annots")] = writer._add_object(ArrayObject([writer._add_object(annotation)]))
    if title:
        writer.add_metadata({"/Title": title})
    if more.get("xmp"):
        stream = DecodedStreamObject()
        stream.set_data(more["xmp"].encode())
        writer._root_object[NameObject("/Metadata")] = writer._add_object(stream)
    if more.get("attached"):
        writer.add_attachment("a.txt", b"more")
    if more.get("password"):
        writer.encrypt(more["password"], algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


@pytest.mark.parametrize("media_type", ["text/plain", "text/csv", "application/json", "application/ld+json", "image/svg+xml", ""])
def test_a_file_of_text_is_read_whole(media_type: str) -> None:
    assert read(f'{{"note": "{SECRET}"}}'.encode(), media_type) == FileText(texts=(f'{{"note": "{SECRET}"}}',), unread=False)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_text_is_read_in_its_encoding(encoding: str) -> None:
    assert has(read(f"Überall: {SECRET}".encode(encoding), "text/plain"), f"Überall: {SECRET}")


def test_a_data_address_tells_its_own_media_type() -> None:
    payload = f"data:text/plain;charset=utf-8;base64,{base64.b64encode(SECRET.encode()).decode()}"
    assert read_file(payload, "image/png", clock=lambda: 0.0).texts == (SECRET,)


def test_base64_of_the_web_without_its_end_and_with_line_breaks_is_read() -> None:
    data = "ÿþ?".encode() + SECRET.encode()
    payload = base64.urlsafe_b64encode(data).decode().rstrip("=")
    assert has(read_file("\n".join(payload[at : at + 10] for at in range(0, len(payload), 10)), "text/plain", clock=lambda: 0.0))


@pytest.mark.parametrize("payload", ["§§§", "a", "A" * (files.MAX_FILE_BYTES * 4 // 3 + 100)], ids=["signs", "cut", "large"])
def test_what_is_no_base64_or_too_large_is_unread(payload: str) -> None:
    assert read_file(payload, "text/plain", clock=lambda: 0.0) == FileText(texts=(), unread=True, why="no base64, or too large")


@pytest.mark.parametrize(
    "part",
    [
        chunk(b"tEXt", b"Comment\0" + SECRET.encode()),
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(SECRET.encode())),
        chunk(b"iTXt", b"Comment\0\0\0en\0Note\0" + SECRET.encode()),
        chunk(b"iTXt", b"Comment\0\1\0en\0Note\0" + zlib.compress(SECRET.encode())),
        chunk(b"eXIf", b"MM\0*" + SECRET.encode() + b"\0"),
    ],
    ids=["plain", "packed", "international", "international packed", "exif"],
)
def test_the_text_in_a_png_is_read_and_its_pixels_are_not(part: bytes) -> None:
    result = read(png(part), "image/png")
    assert has(result)
    assert result.unread
    assert result.why == "pixels"


def test_what_hangs_on_after_a_picture_is_read() -> None:
    assert has(read(png(after=SECRET.encode()), "image/png"))
    assert has(read(jpeg(after=SECRET.encode()), "image/jpeg"))


@pytest.mark.parametrize("marker", [0xE1, 0xED, 0xFE])
def test_the_data_about_a_jpeg_is_read(marker: int) -> None:
    result = read(jpeg((0xE0, b"JFIF\0"), (marker, b"Exif\0\0" + SECRET.encode()), (0xDB, b"table")), "image/jpeg")
    assert has(result)
    assert result.why == "pixels"
    assert not has(result, "table")


def test_a_damaged_packed_text_is_no_error() -> None:
    assert read(png(chunk(b"zTXt", b"Comment\0\0broken")), "image/png").texts == ("Comment: ",)
    assert read(jpeg()[:-6], "image/jpeg").unread


def test_a_format_without_a_reader_is_unread_but_its_words_are_scanned() -> None:
    result = read(b"GIF89a\0\1" + SECRET.encode() + b"\0\xff", "image/gif")
    assert has(result)
    assert result.why == "no reader for `image/gif`"
    assert read(b"", "").why == "no reader for `unknown`"


def test_a_word_split_over_runs_of_a_document_is_read_as_one() -> None:
    result = read(docx())
    assert has(result, f"{SECRET} & fifth")
    assert has(result, "next")
    assert not result.unread


def test_names_in_attributes_of_a_document_are_read() -> None:
    assert has(read(docx(word__comments="", **{"word__comments.xml": '<w:comment w:author="Ada &quot;A&quot; Lovelace" w:id="1"/>'})), 'Ada "A" Lovelace')


def test_a_picture_in_a_document_leaves_pixels_unread() -> None:
    result = read(docx(**{"word__media__image1.png": png(chunk(b"tEXt", b"Comment\0from the picture"))}))
    assert has(result, "from the picture")
    assert result.why == "pixels"


def test_an_archive_is_read_with_the_names_of_its_parts() -> None:
    result = read(archive({"plans/launch.txt": SECRET, "more.zip": archive({"deep.txt": "deep down"}), "empty/": ""}))
    assert has(result)
    assert has(result, "plans/launch.txt")
    assert has(result, "deep down")
    assert not result.unread


def test_archives_in_archives_are_opened_to_a_bound() -> None:
    inner = archive({"a.txt": SECRET})
    for _ in range(4):
        inner = archive({"more.zip": inner})
    result = read(inner)
    assert not has(result)
    assert result.why == "archives in archives"


def test_a_part_that_unpacks_to_too_much_is_left() -> None:
    result = read(archive({"bomb.txt": b"0" * 30_000_000, "note.txt": SECRET}))
    assert has(result)
    assert result.why.startswith("part too large")


def test_more_parts_than_the_bound_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_MEMBERS", 3)
    assert read(archive({f"{number}.txt": "x" for number in range(5)})).why == "more parts than may be read"


def test_more_text_than_the_bound_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_TEXT_CHARS", 10)
    result = read(("y" * 50 + SECRET).encode(), "text/plain")
    assert sum(map(len, result.texts)) <= 10
    assert result.why == "more text than may be read"


def test_when_the_time_is_over_no_further_part_is_begun() -> None:
    ticks = iter(range(1000))
    result = read(archive({"a.txt": "x", "b.txt": SECRET}), clock=lambda: float(next(ticks)))
    assert result == FileText(texts=(), unread=True, why="more than may be read in the time")


def test_an_encrypted_or_damaged_archive_is_unread() -> None:
    data = bytearray(archive({"note.txt": SECRET}, packed=False))
    data[data.index(b"PK\1\2") + 8] |= 1
    assert read(bytes(data)).why.startswith("part too large, encrypted")
    whole = archive({"note.txt": SECRET * 20}, packed=False)
    assert read(whole[:60]).why == "damaged archive"
    assert read(whole.replace(SECRET.encode(), SECRET[::-1].encode(), 1)).unread


def test_the_text_and_the_data_of_a_pdf_are_read() -> None:
    result = read(pdf([SECRET, "page two"], title="Plan of Ada", note="ask Bob", xmp="<x>made by Carol</x>"), "application/pdf")
    for text in (SECRET, "page two", "Plan of Ada", "ask Bob", "made by Carol"):
        assert has(result, text)
    assert not result.unread


@pytest.mark.parametrize(
    ("more", "why"),
    [({"picture": True}, "pixels"), ({"pages": [""]}, "pixels"), ({"attached": True}, "attachments"), ({"password": "swordfish"}, "encrypted")],
    ids=["picture", "scan", "attachment", "password"],
)
def test_what_a_pdf_holds_beside_its_text_is_unread(more: dict[str, Any], why: str) -> None:
    assert read(pdf(**{"pages": [SECRET], **more})).why == why


def test_a_damaged_pdf_is_unread_and_no_error() -> None:
    assert read(pdf([SECRET])[:200], "application/pdf").why == "damaged PDF"


def test_more_pages_than_the_bound_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_PAGES", 1)
    result = read(pdf(["one", SECRET]))
    assert has(result, "one")
    assert not has(result)
    assert result.why == "more pages than may be read"


def test_without_the_extra_a_pdf_is_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    assert "install the extra" in read(pdf([SECRET])).why


@settings(max_examples=80, deadline=None)
@given(st.sampled_from([png(chunk(b"tEXt", b"a\0b")), jpeg((0xE1, b"Exif")), docx(), archive({"a": "b"})]), st.integers(0, 400), st.binary(max_size=8))
def test_no_damage_raises(data: bytes, at: int, damage: bytes) -> None:
    assert isinstance(read(data[:at] + damage + data[at + len(damage) :]).unread, bool)
