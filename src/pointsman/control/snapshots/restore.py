"""
Writing the files of an earlier snapshot back: all of them or none, and what is there now is put on record first.

Rules:
1. Everything is written beside its place and is on the disk before the first file is replaced. The configuration itself is replaced last.
2. A journal says what is to become of which file until the last one is. After a crash the next roll-back, or `finish`, completes it.
3. What is written must pass the check of a configuration; if it does not, the files from before come back.
4. Nothing takes effect here: whoever watches the files loads them, with every approval that any change needs.
"""

import contextlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from pointsman.core.errors import PointsmanError, Unusable
from pointsman.settings.edit import editing

_JOURNAL: Final = ".journal"


def restore(path: Path, files: Mapping[str, str | None], *, check: Callable[[], object]) -> tuple[str, ...]:
    """
    Write `files` (path beside the configuration → text, the configuration first) back; return which differ from what was there. One without a text is deleted.

    `check` is called once they are in place and raises for a configuration that is wrong. Raises what it raises, and `Unusable` where a file cannot be
    written or lies outside the folder; then everything is as before.
    """
    folder = path.resolve().parent
    finish(path)
    with editing(path):
        wanted = {path.resolve() if index == 0 else _inside(folder, name): text for index, (name, text) in enumerate(files.items())}
        present = {place: _text_of(place) for place in wanted}
        changed = {place: text for place, text in wanted.items() if present[place] != text}
        if not changed:
            return ()
        before = {place: present[place] for place in changed}
        try:
            _write(path, changed)
            check()
        except (PointsmanError, OSError) as error:
            _write(path, before)
            if isinstance(error, OSError):
                raise Unusable(f"The files cannot be written ({error.strerror}). Allow writing beside `{path.name}`, or free the disk.") from error
            raise
    return tuple(os.path.relpath(place, folder) for place in changed)


def finish(path: Path) -> bool:
    """Complete a roll-back that a crash cut short; tell whether there was one."""
    journal = _journal_of(path)
    if not journal.exists():
        return False
    with editing(path), contextlib.suppress(FileNotFoundError):
        _put_in_place({Path(name): text for name, text in json.loads(journal.read_text(encoding="utf-8")).items()}, path)
        journal.unlink()
    return True


def _write(path: Path, files: Mapping[Path, str | None]) -> None:
    """Write every file (None: there is none) so that a crash leaves either nothing done or a journal of all that is to do."""
    journal = _journal_of(path)
    draft = journal.with_suffix(".new")
    _durably(draft, json.dumps({str(place): text for place, text in files.items()}))
    draft.replace(journal)
    try:
        _put_in_place(files, path)
    finally:
        journal.unlink(missing_ok=True)


def _put_in_place(files: Mapping[Path, str | None], path: Path) -> None:
    drafts: dict[Path, Path] = {}
    try:
        for place, text in files.items():
            if text is not None:
                draft = place.with_name(f".{place.name}.rollback")
                place.parent.mkdir(parents=True, exist_ok=True)
                _durably(draft, text)
                drafts[place] = draft
                _as_before(place, draft)
        for place in sorted(files, key=lambda one: one == path.resolve()):
            if place in drafts:
                drafts[place].replace(place)
                del drafts[place]
            else:
                place.unlink(missing_ok=True)
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)


def _durably(place: Path, text: str) -> None:
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _as_before(place: Path, draft: Path) -> None:
    """Give a file the mode and, where that is allowed, the owner of the one that it replaces."""
    with contextlib.suppress(FileNotFoundError):
        was = place.stat()
        with contextlib.suppress(PermissionError):
            os.chown(draft, was.st_uid, was.st_gid)
        draft.chmod(was.st_mode & 0o7777)


def _inside(folder: Path, name: str) -> Path:
    place = (folder / name).resolve()
    if folder not in place.parents:
        raise Unusable(f"The snapshot holds `{name}`, which is outside `{folder}`. Write that file back by hand.")
    return place


def _text_of(place: Path) -> str | None:
    try:
        with place.open(encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:  # it could not be put back if something goes wrong
        raise Unusable(f"`{place.name}` is there and cannot be read. Move it away, or make it readable text in UTF-8.") from error


def _journal_of(path: Path) -> Path:
    return path.resolve().with_name(f".{path.name}{_JOURNAL}")
