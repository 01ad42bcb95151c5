"""
Where the ledger is: a file beside the configuration, or a PostgreSQL database by its URL. A URL with a password is told by reference and never shown.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from pointsman.core.errors import Unusable
from pointsman.settings.secret_value import local
from pointsman.settings.secrets import Reader, is_reference, secret

SCHEMES: Final = ("postgresql://", "postgres://")
_PURPOSE: Final = local("ledger")

# A file, or the URL of a PostgreSQL database.
Place = Path | str


def ledger_place(told: str, *, folder: Path, environ: Mapping[str, str], vault: Reader | None = None) -> Place:
    """
    Return where the ledger is by what `server.database` says: a file (relative to `folder`), a URL, or a reference to a URL.

    Raises `Unusable` for a reference to something that is no URL, `CredentialMissing` or `SecretUnusable` for one that leads nowhere.
    """
    if is_url(told):
        return told
    if not is_reference(told):
        return folder / told
    url = secret(told, folder=folder, environ=environ, vault=vault).bound_to(_PURPOSE).reveal_to(_PURPOSE)
    if not is_url(url):
        raise Unusable(f"`server.database` leads with `{told}` to something that is no URL of a database. Write `postgresql://user:password@host/name` there.")
    return url


def is_url(told: str) -> bool:
    """Tell whether this is the URL of a PostgreSQL database."""
    return told.startswith(SCHEMES)


def passwords_of(url: str) -> tuple[str, ...]:
    """Return the password of a URL as it is written and as it is meant, from either of the two places where one may be."""
    whole, _, query = url.partition("?")
    login = whole.partition("://")[2].rpartition("@")[0]  # the last `@`: a password may hold one that nobody escaped
    told = [login.partition(":")[2], *(pair.partition("=")[2] for pair in query.split("&") if pair.startswith(("password=", "sslpassword=")))]
    return tuple(sorted({form for one in told if one for form in (one, unquote(one))}, key=len, reverse=True))


def without_password(url: str) -> str:
    """Return a URL as it may be shown."""
    for password in passwords_of(url):
        url = url.replace(f":{password}@", ":***@").replace(f"password={password}", "password=***")
    return url
