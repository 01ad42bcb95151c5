"""
Secrets from a Vault server: version 2 of its key-value engine, over HTTP, read again from time to time so that a rotation needs no restart.

It blocks, so it is called when the gateway starts and from a thread later, never from the event loop. What a secret is for is not known here.
"""

import importlib
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec

from pointsman.core.errors import CredentialMissing, Unusable
from pointsman.settings.addresses import is_nobody, is_own_address, is_somebody, split_url
from pointsman.settings.secret_value import Origin, Secret
from pointsman.settings.secrets import secret
from pointsman.transport.dial import dial_and_wait

_TIMEOUT_S: Final = 5.0
_MOST_BYTES: Final = 1024 * 1024
_EVERY_S: Final = 30.0
_NOT_FOUND: Final = 404
_OK: Final = 200
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_PORTS: Final = {"http": 80, "https": 443}


class _Answer(msgspec.Struct, frozen=True):
    data: dict[str, Any] | None = None
    lease_duration: int = 0


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of one entry, and when (seconds of `now`) to read it again."""

    fields: Mapping[str, Any]
    due_s: float


class Vault:
    """
    Reads entries of one server and remembers them.

    `token` is asked for before each request, because agents renew it in place; `now` are seconds that only grow; an entry with a lease is read
    again after half of it, any other after `every_s`. Raises `Unusable` for an address that is none, or one that would carry the token in the open.
    """

    def __init__(self, address: str, *, token: Callable[[], Secret], now: Callable[[], float], settings: Mapping[str, str] | None = None) -> None:
        told = settings or {}
        self._origin = _origin(address)
        self._token = token
        self._now = now
        self._namespace = told.get("VAULT_NAMESPACE", "")
        self._ca_file = told.get("VAULT_CACERT", "")
        self._every_s = float(told.get("VAULT_REREAD_S", _EVERY_S))
        self._known: dict[str, _Known] = {}
        self.trouble: str | None = None

    def read(self, name: str) -> str:
        """Return the field that `MOUNT/PATH#FIELD` names, "" if there is none. Raises `CredentialMissing` if the server does not say."""
        entry, _, field = name.partition("#")
        if entry not in self._known:
            self._known[entry] = self._fetch(entry)
        found = self._known[entry].fields.get(field)
        return found if isinstance(found, str) else ""

    def renew(self) -> bool:
        """
        Read again what is due, and tell whether anything changed.

        While the server does not answer, what it said last stays in use, `trouble` says why, and it is asked again at the next call.
        """
        changed = False
        for entry, known in tuple(self._known.items()):
            if self._now() < known.due_s:
                continue
            try:
                again = self._fetch(entry)
            except CredentialMissing as error:
                self.trouble = error.message
                continue
            self.trouble = None
            changed = changed or again.fields != known.fields
            self._known[entry] = again
        return changed

    def _fetch(self, entry: str) -> _Known:
        mount, _, path = entry.partition("/")
        headers = {"x-vault-token": self._token().bound_to(self._origin).reveal_to(self._origin), "x-vault-request": "true"}
        if self._namespace:
            headers["x-vault-namespace"] = self._namespace
        status, body = self._get(f"/v1/{quote(mount)}/data/{quote(path)}", headers, entry=entry)
        if status == _NOT_FOUND:
            return _Known(fields={}, due_s=self._now() + self._every_s)
        if status != _OK:
            raise CredentialMissing(f"Vault answers {status} for `{entry}`. Check the token's policy and `VAULT_NAMESPACE`.")
        try:
            answer = msgspec.json.decode(body, type=_Answer)
        except msgspec.DecodeError as error:
            raise CredentialMissing(f"What answers for `{entry}` at `{self._origin.text}` is no Vault. Correct `VAULT_ADDR`.") from error
        fields = (answer.data or {}).get("data")
        if not isinstance(fields, dict):
            raise CredentialMissing(f"`{mount}` is no key-value engine of version 2. Enable one with `vault secrets enable -path={mount} kv-v2`.")
        wait_s = answer.lease_duration / 2 if answer.lease_duration > 0 else self._every_s
        return _Known(fields=fields, due_s=self._now() + wait_s)  # pyright: ignore[reportUnknownArgumentType] - JSON

    def _get(self, path: str, headers: Mapping[str, str], *, entry: str) -> tuple[int, bytes]:
        client: Any = importlib.import_module("http.client")  # it brings a mail library along: only who uses Vault waits for that
        connection: Any = None
        try:
            connection = self._connection(client)
            connection.request("GET", path, headers=dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.read(_MOST_BYTES)
        except (OSError, client.HTTPException) as error:
            raise CredentialMissing(
                f"Vault cannot be asked for `{entry}` at `{self._origin.text}` ({type(error).__name__}). Start or unseal it, or correct `VAULT_ADDR`."
            ) from error
        finally:
            if connection is not None:
                connection.close()

    def _connection(self, client: Any) -> Any:
        host, port = self._origin.host, self._origin.port
        if self._origin.scheme == "http":
            plain = client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
            plain.sock = dial_and_wait((host, port), accepts=is_own_address, timeout_s=_TIMEOUT_S)
            return plain
        try:
            context = ssl.create_default_context(cafile=self._ca_file or None)
        except (OSError, ssl.SSLError) as error:
            raise Unusable("The file that `VAULT_CACERT` names holds no certificate in PEM form. Name the authority that signed Vault's.") from error
        connection = client.HTTPSConnection(host, port, timeout=_TIMEOUT_S, context=context)
        connection.sock = context.wrap_socket(dial_and_wait((host, port), accepts=is_somebody, timeout_s=_TIMEOUT_S), server_hostname=host)
        return connection


def vault_of(environ: Mapping[str, str], *, folder: Path, now: Callable[[], float]) -> Vault | None:
    """
    Return the Vault that the usual variables name, or None: `VAULT_ADDR`, `VAULT_TOKEN` or `VAULT_TOKEN_FILE`, `VAULT_NAMESPACE`, `VAULT_CACERT`.

    `VAULT_REREAD_S` is how often entries without a lease are read again. Raises `Unusable` as `Vault` does.
    """
    address = environ.get("VAULT_ADDR")
    if not address:
        return None
    file = environ.get("VAULT_TOKEN_FILE")
    reference = f"file:{file}" if file else "env:VAULT_TOKEN"
    return Vault(address, token=lambda: secret(reference, folder=folder, environ=environ), now=now, settings=environ)


def _origin(address: str) -> Origin:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise Unusable("`VAULT_ADDR` is no address. Write `https://host:8200`.") from error
    if split_url(address) is None or is_nobody(host) or parts.username is not None or parts.path.strip("/") or parts.query or parts.fragment:
        raise Unusable("`VAULT_ADDR` is no address. Write `https://host:8200`.")
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise Unusable("`VAULT_ADDR` would carry the token in the open. Write `https://`, or reach Vault on a loopback address.")
    return Origin(parts.scheme, host, port or _PORTS[parts.scheme])
