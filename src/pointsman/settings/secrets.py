"""
Credentials by reference: `env:NAME`, `file:PATH`, `keyring:SERVICE/USER` → the secret. The only place that reads the environment.
"""

import importlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pointsman.core.errors import CredentialMissing, ExtraMissing

_REFERENCE: Final = re.compile(r"env:[A-Za-z_]\w*|file:[^\0]+|keyring:[^/]+/.+", re.ASCII)


def is_reference(text: str) -> bool:
    """Tell whether a text is a reference to a credential."""
    return _REFERENCE.fullmatch(text) is not None


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
            found, remedy = _from_keyring(name), f"Store it with `keyring set {name.replace('/', ' ', 1)}`"
        case _:
            raise CredentialMissing("A credential is no reference. Write `env:NAME`, `file:PATH` or `keyring:SERVICE/USER`.")
    found = found.strip()
    if not found:
        raise CredentialMissing(f"The credential `{reference}` is empty or missing. {remedy}.")
    if not (found.isascii() and found.isprintable()):
        raise CredentialMissing(f"The credential `{reference}` holds a line break or another character that no key has. {remedy}, and nothing else.")
    return found


def _from_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def _from_keyring(name: str) -> str:
    try:
        keyring: Any = importlib.import_module("keyring")
    except ImportError as error:
        raise ExtraMissing(what="A credential from the system's keyring", extra="keyring") from error
    service, _, user = name.partition("/")
    try:
        return str(keyring.get_password(service, user) or "")
    except Exception as error:
        raise CredentialMissing(f"The keyring cannot be asked for `{name}` ({type(error).__name__}). Unlock it, or use `env:` or `file:`.") from error
