"""
The console's own files for browsers: each is named by the hash of its content, so that it can be kept for ever, and compressed once.
"""

import gzip
import hashlib
from collections.abc import Mapping
from importlib import resources
from typing import Final

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from pointsman.core.errors import UnknownRoute

PREFIX: Final = "/console/static/"
# In the order in which a page asks for them.
_FILES: Final[Mapping[str, str]] = {
    "console.css": "text/css; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
    "vendor/htmx.min.js": "text/javascript; charset=utf-8",
    "vendor/uplot.min.js": "text/javascript; charset=utf-8",
    "vendor/uplot.min.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_DIGITS: Final = 12
_FOR_EVER: Final = "public, max-age=31536000, immutable"


class Asset(Struct, frozen=True, kw_only=True):
    """One file: its address, and what is sent."""

    url: str
    kind: str
    plain: bytes
    packed: bytes


class Assets:
    """All files of the package. One that was not built in is left out: pages do without it."""

    def __init__(self) -> None:
        found = {name: asset for name, kind in _FILES.items() if (asset := _read(name, kind)) is not None}
        self._urls = {name: asset.url for name, asset in found.items()}
        self._by_url = {asset.url: asset for asset in found.values()}

    def url(self, name: str) -> str | None:
        """Return where a file is found, or None if it was not built in."""
        return self._urls.get(name)

    def answer(self, request: Request) -> Response:
        """Return what a browser asked for. Raises `UnknownRoute`."""
        asset = self._by_url.get(request.url.path)
        if asset is None:
            raise UnknownRoute("There is no such file. Open the page again: it names the files of this version.")
        packs = "gzip" in request.headers.get("accept-encoding", "")
        headers = {"cache-control": _FOR_EVER, "vary": "accept-encoding", **({"content-encoding": "gzip"} if packs else {})}
        return Response(asset.packed if packs else asset.plain, media_type=asset.kind, headers=headers)


def _read(name: str, kind: str) -> Asset | None:
    file = resources.files("pointsman.console").joinpath("static", name)
    try:
        plain = file.read_bytes()
    except FileNotFoundError:
        return None
    stem, _, ending = name.rpartition("/")[2].rpartition(".")
    url = f"{PREFIX}{stem}.{hashlib.sha256(plain).hexdigest()[:_DIGITS]}.{ending}"
    return Asset(url=url, kind=kind, plain=plain, packed=gzip.compress(plain, 9, mtime=0))
