"""
Credentials by reference: `env:NAME`, `file:PATH`, `keyring:SERVICE/USER`, `vault:MOUNT/PATH#FIELD` → the secret. The only place that reads the environment.

Vault is asked over HTTP, which is no business of the settings: whoever composes passes in the reader (`transport/vault.py`).
"""

import importlib
import os
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from pointsman.core.errors import CredentialMissing, ExtraMissing
from pointsman.settings.secret_value import Secret

FORMS: Final = "`env:NAME`, `file:PATH`, `keyring:SERVICE/USER` or `vault:MOUNT/PATH#FIELD`"
SHORTEST: Final = 8  # what is shorter can be guessed, and would blot out ordinary words where it is hidden
_REFERENCE: Final = re.compile(r"env:[A-Za-z_]\w*|file:[^\0]+|keyring:[^/]+/.+|vault:[^/#\s]+/[^#\s]+#[^#\s]+", re.ASCII)
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO

# Reference without its kind → the text of the secret, or "" if there is none.
Reader = Callable[[str], str]


class SecretUnusable(CredentialMissing):
    """A secret is there but must not be used: empty, too short, or open to others. Remedy: see the message; the gateway does not start with it."""

    code = "secret_unusable"


def is_reference(text: str) -> bool:
    """Tell whether a text is a reference to a credential."""
    return _REFERENCE.fullmatch(text) is not None


def environment() -> Mapping[str, str]:
    """Return the environment of this process."""
    return os.environ


def presume(name: str, value: str) -> None:
    """Set a variable of this process for libraries that read it when they are loaded, unless whoever runs us has set it."""
    os.environ.setdefault(name, value)


def secret(reference: str, *, folder: Path, environ: Mapping[str, str], vault: Reader | None = None) -> Secret:
    """
    Return the secret, bound to no origin yet. Paths are relative to `folder`.

    Raises `CredentialMissing` if there is none, `SecretUnusable` if there is one that must not be used, `ExtraMissing`; none ever holds a secret.
    """
    kind, _, name = reference.partition(":")
    match kind:
        case "env":
            found = environ.get(name)
            remedy = f"Set the environment variable `{name}`"
        case "file":
            found, remedy = _from_file(folder / name, name), f"Write the key into the file `{name}`"
        case "keyring":
            found, remedy = _from_keyring(name), f"Store it with `keyring set {name.replace('/', ' ', 1)}`"
        case "vault":
            found, remedy = _from_vault(vault, name), f"Write it with `vault kv put {_vault_words(name)}`"
        case _:
            raise CredentialMissing(f"A credential is no reference. Write {FORMS}.")
    return _checked(found, reference, remedy=remedy)


def _checked(found: str | None, reference: str, *, remedy: str) -> Secret:
    if found is None:
        raise CredentialMissing(f"The credential `{reference}` is empty or missing. {remedy}.")
    found = found.strip()
    if not found:
        raise SecretUnusable(f"The credential `{reference}` is empty or missing. {remedy}. Where none is needed, leave the reference out.")
    if not (found.isascii() and found.isprintable()):
        raise SecretUnusable(f"The credential `{reference}` holds a line break or another character that no key has. {remedy}, and nothing else.")
    if len(found) < SHORTEST:
        raise SecretUnusable(
            f"The credential `{reference}` has fewer than {SHORTEST} characters, so it can be guessed."
            f" {remedy} with a longer one, or leave the reference out if none is needed."
        )
    return Secret(found)


def check_private(path: Path, name: str) -> None:
    """
    Make sure that nobody else can read a file that holds a secret. Raises `SecretUnusable`, and `OSError` if it cannot be looked at.

    A file of the system's own user may be readable for a group, because that is how orchestrators hand secrets to processes of other users.
    """
    found = path.stat()
    forbidden = stat.S_IRWXO if found.st_uid == 0 and os.geteuid() != 0 else _OTHERS
    if found.st_mode & forbidden:
        raise SecretUnusable(f"The file `{name}` holds a secret and is open to others (mode {stat.S_IMODE(found.st_mode):04o}). Run `chmod 600 {name}`.")


def _from_file(path: Path, name: str) -> str | None:
    try:
        check_private(path, name)
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None


def _from_keyring(name: str) -> str | None:
    try:
        keyring: Any = importlib.import_module("keyring")
    except ImportError as error:
        raise ExtraMissing(what="A credential from the system's keyring", extra="keyring") from error
    service, _, user = name.partition("/")
    try:
        found = keyring.get_password(service, user)
    except Exception as error:
        raise CredentialMissing(f"The keyring cannot be asked for `{name}` ({type(error).__name__}). Unlock it, or use `env:` or `file:`.") from error
    return None if found is None else str(found)


def _from_vault(vault: Reader | None, name: str) -> str | None:
    if vault is None:
        raise CredentialMissing(f"Vault is not asked here for `{name}`. Set `VAULT_ADDR` and `VAULT_TOKEN`, and start the gateway.")
    return vault(name)


def _vault_words(name: str) -> str:
    path, _, field = name.partition("#")
    mount, _, rest = path.partition("/")
    return f"-mount={mount} {rest} {field}=…"
