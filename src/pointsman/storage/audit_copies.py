"""
Where checkpoints of the audit log are kept outside of it: another folder, a git repository, a witness. What they mean is known to `ledger/audit`.
"""

import importlib
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Struct

from pointsman.settings.addresses import checked
from pointsman.storage.audit_files import keep_note, make_folder, replace_whole

_GIT_S: Final = 20.0
_WITNESS_S: Final = 5.0
_MOST_ANSWER_BYTES: Final = 65_536


class NotKept(OSError):
    """A place outside did not take a checkpoint."""


class Copy(Struct, frozen=True, kw_only=True):
    """A checkpoint to keep: of which log and stream, with the notes of the keys."""

    origin: str
    stream: str
    note: str
    keys: Sequence[str]
    in_history: bool


def folder_name(origin: str) -> str:
    """Return the name of a folder for a log."""
    return "".join(letter if letter.isalnum() or letter in ".-" else "_" for letter in origin)


def keep_in_folder(folder: Path, copy: Copy) -> Path:
    """Keep a checkpoint in a folder, and return the folder of its log. Raises `OSError`."""
    whole = folder / folder_name(copy.origin)
    for number, note in enumerate(copy.keys, 1):
        path = whole / "keys" / f"{number:04d}.note"
        if not path.exists():  # what is there was told before, and stays whatever is told now
            make_folder(path.parent)
            replace_whole(path, note.encode())
    make_folder(whole / copy.stream)
    keep_note(whole / copy.stream, copy.note, in_history=copy.in_history)
    return whole


def keep_in_git(repository: Path, copy: Copy) -> None:
    """Keep a checkpoint in a git repository as a commit of its own. Raises `OSError`."""
    whole = keep_in_folder(repository, copy)
    _git(repository, "add", "--", str(whole))
    if _git(repository, "status", "--porcelain", "--", str(whole)):
        _git(repository, "commit", "--quiet", "--message", f"Checkpoint of {copy.origin}/{copy.stream}", "--", str(whole))


def ask_witness(url: str, body: str) -> tuple[int, str]:
    """Send a checkpoint to a witness (C2SP tlog-witness); return the status and the text of its answer. Raises `OSError`."""
    told = urlsplit(url)
    host, port = told.hostname or "", told.port or (443 if told.scheme == "https" else 80)
    checked(host, [str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)])
    client: Any = importlib.import_module("http.client")  # it brings a mail library along: only who has a witness waits for that
    kind = client.HTTPSConnection if told.scheme == "https" else client.HTTPConnection
    connection = kind(host, port, timeout=_WITNESS_S)
    try:
        connection.request("POST", f"{told.path.rstrip('/')}/add-checkpoint", body=body.encode(), headers={"content-type": "text/plain"})
        answer = connection.getresponse()
        return answer.status, answer.read(_MOST_ANSWER_BYTES).decode("utf-8", "replace")
    except client.HTTPException as error:
        raise NotKept(f"the witness `{url}` does not speak HTTP ({type(error).__name__})") from error
    finally:
        connection.close()


def _git(repository: Path, *words: str) -> str:
    who = ("-c", "user.name=Pointsman", "-c", "user.email=audit@localhost")
    try:
        done = subprocess.run(  # noqa: S603 - the words are ours
            ["git", "-C", str(repository), *who, *words],  # noqa: S607 - the git of this machine, wherever it is
            capture_output=True,
            text=True,
            timeout=_GIT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise NotKept(f"git in `{repository}` does not end") from error
    if done.returncode:
        raise NotKept(f"git in `{repository}`: {done.stderr.strip()[:200]}")
    return done.stdout
