"""
What this machine has: keys of known vendors in the environment, by the variable's name and never its value, and model servers that answer.
"""

import http.client
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import msgspec

from pointsman.providers.profiles.table import PROFILES

_TIMEOUT_S: Final = 0.5
_LONGEST_S: Final = 1.5
_MOST_BYTES: Final = 1024 * 1024
_LONGEST_NAME: Final = 200
_GOOD: Final = 200
# Words in the names of models that do not chat.
_OTHER_TRADES: Final = ("embed", "rerank", "bge-", "whisper", "tts", "clip")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelServer:
    """A model server that answered: its kind, where its API begins, and what it serves, the most likely to chat first."""

    kind: str
    url: str
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What there is: kinds of vendors whose key is set, and model servers."""

    vendors: tuple[str, ...] = ()
    servers: tuple[ModelServer, ...] = ()


class _Model(msgspec.Struct):
    id: str


class _Models(msgspec.Struct):
    data: list[_Model]


def variable_of(kind: str) -> str:
    """Return the environment variable that usually holds the key of a kind of vendor, or nothing."""
    credential = PROFILES[kind].credential or ""
    return credential.removeprefix("env:") if credential.startswith("env:") else ""


def vendors_with_key(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the kinds of vendors whose key is set."""
    return tuple(kind for kind in PROFILES if (name := variable_of(kind)) and environ.get(name, "").strip())


def usual_servers() -> dict[str, str]:
    """Return where a local model server of each kind usually listens."""
    return {kind: profile.base_url for kind, profile in PROFILES.items() if profile.port is not None and profile.base_url is not None}


def servers_at(places: Iterable[tuple[str, str]]) -> tuple[ModelServer, ...]:
    """Ask each place (kind, URL) which models it serves, all at once. Whatever does not answer soon and well is not there."""
    asked = list(places)
    with ThreadPoolExecutor(max_workers=max(len(asked), 1)) as pool:
        answers = list(pool.map(_models_at, [url for _, url in asked]))
    return tuple(ModelServer(kind=kind, url=url, models=models) for (kind, url), models in zip(asked, answers, strict=True) if models is not None)


def _models_at(url: str) -> tuple[str, ...] | None:
    try:
        body = _get(url.rstrip("/") + "/models")
        told = None if body is None else msgspec.json.decode(body, type=_Models)
    except (OSError, http.client.HTTPException, ValueError):  # nothing there, or something else that listens on this port
        return None
    if told is None:
        return None
    names = [model.id for model in told.data if model.id.isprintable() and 0 < len(model.id) <= _LONGEST_NAME]
    return tuple(sorted(names, key=lambda name: any(word in name.lower() for word in _OTHER_TRADES)))


def _get(url: str) -> bytes | None:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
    until = time.monotonic() + _LONGEST_S
    try:
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        body = b""
        while answer.status == _GOOD and len(body) <= _MOST_BYTES and time.monotonic() < until:
            piece = answer.read1(65536)
            if not piece:
                return body
            body += piece
    finally:
        connection.close()
    return None
