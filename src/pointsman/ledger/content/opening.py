"""
Where the ledger, the content and its keys are, and the master key that opens them.
"""

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from msgspec import Struct

from pointsman.core.errors import Unusable
from pointsman.ledger import envelope
from pointsman.ledger.content.keys import KeyStore
from pointsman.settings.ledger_place import Place, ledger_place
from pointsman.settings.retention_compile import Retention
from pointsman.settings.secret_value import local
from pointsman.settings.secrets import Reader, SecretUnusable, secret
from pointsman.storage.segments import FOLDER

_SHORTEST: Final = 32  # characters of a master key: 128 bits even where they are hex
_PURPOSE: Final = local("content-keys")
_FILE: Final = "file:"


class Files(Struct, frozen=True, kw_only=True):
    """
    What retention and erasure change: the ledger, which may be a database, and files. `segments` is the folder of sealed days, `copies` the one with copies
    of the keys, if there is one.
    """

    ledger: Place
    content: Path
    keys: KeyStore
    segments: Path
    copies: Path | None = None


def open_files(folder: Path, retention: Retention, *, ledger: str, environ: Mapping[str, str], vault: Reader | None = None) -> Files:
    """
    Return the files of a configuration in this folder; the keys' file is opened, and made with a new master key at the first time.

    Raises `CredentialMissing` or `SecretUnusable` for a master key that is missing or weak, `Unusable` for one that does not fit the keys.
    """
    path = folder / retention.keys_file
    _make_master(retention.master, folder, keys_exist=path.exists())
    keys = KeyStore(path, master_key(retention.master, folder=folder, environ=environ, vault=vault))
    copies = None if retention.copies is None else folder / retention.copies
    place = ledger_place(ledger, folder=folder, environ=environ, vault=vault)
    return Files(ledger=place, content=folder / retention.content_file, keys=keys, segments=folder / FOLDER, copies=copies)


def master_key(reference: str, *, folder: Path, environ: Mapping[str, str], vault: Reader | None = None) -> bytes:
    """Return the 32 bytes of a master key. Raises `CredentialMissing`, or `SecretUnusable` for one that is too short."""
    text = secret(reference, folder=folder, environ=environ, vault=vault).bound_to(_PURPOSE).reveal_to(_PURPOSE)
    if len(text) < _SHORTEST:
        raise SecretUnusable(
            f"The master key `{reference}` has fewer than {_SHORTEST} characters, so it can be guessed. Write one with `openssl rand -base64 32`."
        )
    return envelope.derive(text.encode(), salt=b"", purpose=b"pointsman master key")


def _make_master(reference: str, folder: Path, *, keys_exist: bool) -> None:
    path = folder / reference.removeprefix(_FILE)
    if not reference.startswith(_FILE) or path.exists():
        return
    if keys_exist:
        raise Unusable(f"The master key `{reference}` is missing, and without it no kept content can be read. Put the file back, with mode 600.")
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        with os.fdopen(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(_SHORTEST) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            with suppress(FileExistsError):  # another worker was faster
                os.link(beside, path)  # so that nobody ever finds a file without its key
        finally:
            beside.unlink()
    except OSError as error:
        raise Unusable(
            f"The master key `{reference}` cannot be written ({error.strerror}). Make its folder, or name another under `retention.keys`."
        ) from error
