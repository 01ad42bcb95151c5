"""
Credentials by reference: `env:NAME`, `file:PATH`, `keyring:SERVICE/USER` → the secret. The only place that reads the environment.
"""

import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pointsman.core.errors import CredentialMissing, ExtraMissing

KINDS: Final = ("env:", "file:", "keyring:")


def environment() -> Mapping[str, str]:
    """Return the environment of this process."""
    return os.environ


def secret(reference: str, *, folder: Path, environ: Mapping[str, str]) -> str:
    """Return the secret. Paths are relative to `folder`. Raises `CredentialMissing` or `ExtraMissing`; neither ever holds a secret."""
    kind, _, name = reference.partition(":")
    match kind:
        case "env":
            found = environ.get(name, "")
            remedy = f"Set the environment variable `{name}`"
        case "file":
            found, remedy = _from_file(folder / name), f"Write the key into the file `{name}`"
        case "keyring":
            found, remedy = _from_keyring(name), f"Store it with `keyring set {name.replace('/', ' ')}`"
        case _:
            raise CredentialMissing("A credential is no reference. Write `env:NAME`, `file:PATH` or `keyring:SERVICE/USER`.")
    if not found.strip():
        raise CredentialMissing(f"The credential `{reference}` is empty or missing. {remedy}.")
    return found.strip()


def _from_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _from_keyring(name: str) -> str:
    try:
        keyring = importlib.import_module("keyring")
    except ImportError as error:
        raise ExtraMissing(what="A credential from the system's keyring", extra="keyring") from error
    service, _, user = name.partition("/")
    return keyring.get_password(service, user) or ""
