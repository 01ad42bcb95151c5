"""
Documents of the company's own that `detection.documents` names: read with the configuration, watched like it.
"""

import codecs
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from pointsman.settings import shape
from pointsman.settings.beside import Beside
from pointsman.settings.mistakes import Mistake
from pointsman.settings.yaml_text import Path as Where
from pointsman.settings.yaml_text import Text, dotted

_MOST_BYTES: Final = 8 * 1024 * 1024
_MOST_FILES: Final = 5000
_BEGINNING: Final = 4096

Document = tuple[str, str, str]  # name, class, text


def documents_of(text: Text, file: shape.File, *, beside: Beside) -> tuple[tuple[Document, ...], list[Mistake]]:
    """Return every document, and a mistake for each that cannot be read. In a folder, what is no UTF-8 text is passed over."""
    found: list[Document] = []
    mistakes: list[Mistake] = []
    for index, told in enumerate(file.detection.documents):
        path: Where = ("detection", "documents", index, "path")
        try:
            found.extend((name, told.data_class, content) for name, content in _read(told.path, beside))
        except (OSError, ValueError) as error:
            why = error.strerror or "unreadable" if isinstance(error, OSError) else str(error)
            remedy = "Name a UTF-8 text file, or a folder of them, beside this file."
            mistakes.append(Mistake(file=text.file, path=dotted(path), line=text.line(path), says=f"it cannot be read ({why}).", remedy=remedy))
    return tuple(found), mistakes


def _read(name: str, beside: Beside) -> Iterator[tuple[str, str]]:
    root = beside.note(name)
    if not root.is_dir():
        yield name, beside.source(name)
        return
    files = list(islice(_files(name, beside), _MOST_FILES + 1))
    if len(files) > _MOST_FILES:
        raise ValueError(f"it holds more than {_MOST_FILES} files")
    for inner in files:
        if beside.note(inner).stat().st_size > _MOST_BYTES:
            if _is_text(beside.note(inner)):
                raise ValueError(f"`{inner}` is longer than {_MOST_BYTES >> 20} MB, and would not be known again")
            continue
        try:
            yield inner, beside.source(inner)
        except UnicodeDecodeError:
            continue  # a picture or the like: there is no text to compare with


def _files(name: str, beside: Beside) -> Iterator[str]:
    """Yield every file within a folder. Folders are noted before they are listed: a file that comes or goes changes its folder. Links to folders are left."""
    for path in sorted(beside.note(name).iterdir()):
        inner = f"{name}/{path.name}"
        if path.is_file():
            beside.note(inner)
            yield inner
        elif path.is_dir() and not path.is_symlink():
            yield from _files(inner, beside)


def _is_text(path: Path) -> bool:
    """Tell whether a file begins as a text does."""
    with path.open("rb") as file:
        begins = file.read(_BEGINNING)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(begins)  # the last character may be cut
    except UnicodeDecodeError:
        return False
    return b"\0" not in begins
