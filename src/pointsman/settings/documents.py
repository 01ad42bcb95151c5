"""
Documents of the company's own that `detection.documents` names: read with the configuration, watched like it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pointsman.core.errors import Mistake
from pointsman.settings import shape
from pointsman.settings.beside import Beside
from pointsman.settings.yaml_text import Path as Where
from pointsman.settings.yaml_text import Text, dotted

_MOST_BYTES: Final = 8 * 1024 * 1024
_MOST_FILES: Final = 5000

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
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.stat().st_size <= _MOST_BYTES)
    if len(files) > _MOST_FILES:
        raise ValueError(f"it holds more than {_MOST_FILES} files")
    for path in files:
        inner = str(Path(name) / path.relative_to(root))
        try:
            yield inner, beside.source(inner)
        except UnicodeDecodeError:
            continue  # a picture or the like: there is no text to compare with
