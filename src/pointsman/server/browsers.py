"""
Web pages are kept out: a browser on this machine reaches a gateway that answers on this machine only, and any page can make it send requests.

Two things protect. A body must say that it is JSON: a page of another origin may not say so without asking first, and is never told yes. And a gateway without
keys answers to names of this machine alone, so that a page cannot give its own name the address of this machine (DNS rebinding).
"""

from typing import Final

from pointsman.core.errors import BadRequest, NotAuthenticated
from pointsman.server.request import Request
from pointsman.settings.addresses import is_loopback

_JSON: Final = "application/json"


def check_json(request: Request) -> None:
    """Raise `BadRequest` for a body that does not say it is JSON."""
    told = request.headers.get("content-type", "")
    kind = told if told == _JSON else told.partition(";")[0].strip().lower()
    if kind != _JSON:
        told = f"The content type `{kind[:60]}` is not understood here." if kind else "The request has no content type."
        raise BadRequest(f"{told} Send `content-type: {_JSON}`.", field="content-type")


def check_name(host: str | None) -> None:
    """Raise `NotAuthenticated` if a request to a gateway without keys was meant for a name (its `Host`) that is not this machine's."""
    host = "localhost" if host is None else host
    if not is_loopback(host if host.rpartition(":")[2].isdigit() else f"{host}:80"):
        raise NotAuthenticated(
            f"This gateway has no keys, so it answers to this machine's own names only, and not to `{host[:100]}`. "
            "Call it as 127.0.0.1 or localhost, or make a key with `pointsman keys create`."
        )
