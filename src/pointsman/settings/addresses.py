"""
What can be told from an address alone: whether it is this machine, a near network, or out in the open. Nothing is looked up.
"""

import ipaddress
from typing import Final
from urllib.parse import SplitResult, urlsplit

_MOST_PORT: Final = 65_535
_NEAR: Final = (".local", ".internal", ".lan", ".localhost")


def split_url(url: str) -> SplitResult | None:
    """Return the parts of an absolute http(s) URL, or None if it is none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    is_plain = url.isascii() and url.isprintable() and " " not in url
    return parts if is_plain and parts.scheme in ("http", "https") and parts.hostname and port != 0 else None


def is_loopback(listen: str) -> bool:
    """Tell whether `host:port` can be reached from this machine only."""
    host = _host(listen)
    found = _ip(host)
    return host == "localhost" if found is None else found.is_loopback


def is_near(host: str) -> bool:
    """Tell whether a host is this machine or in a private network, as far as its name or number says."""
    found = _ip(host)
    if found is not None:
        return found.is_private
    return "." not in host or host.endswith(_NEAR)


def port_of(listen: str) -> int | None:
    """Return the port of `host:port`, or None if there is no such port."""
    port = int(listen.rpartition(":")[2])
    return port if port <= _MOST_PORT else None


def is_same(listen: str, other: str) -> bool:
    """Tell whether two addresses cannot both be listened on: the same port of the same host, or of all hosts."""
    hosts = {_host(listen), _host(other)}
    everywhere = any(found is not None and found.is_unspecified for found in map(_ip, hosts))
    return port_of(listen) == port_of(other) != 0 and (len(hosts) == 1 or everywhere)


def _host(listen: str) -> str:
    return listen.rpartition(":")[0].strip("[]").lower()


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
