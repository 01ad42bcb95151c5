"""
What can be told from an address alone: whether it is this machine, a near network, out in the open, or where no service of anybody's is.

Rules:
1. Nothing is looked up here. Whoever looks a name up has every address of the answer checked (`checked`) and connects to one of those, never to the name.
2. A host is written in one way: `0x7f.1`, `2130706433`, `127.1`, digits of other scripts and percent signs are no hosts, because readers differ about them.
3. An IPv4 address inside an IPv6 one (mapped, NAT64, 6to4, Teredo) counts as what it is inside.
4. Private networks are where private models run, so they are open. Closed to everybody are link-local addresses and those at which clouds tell machines
   their credentials, and what is no address of one machine.
"""

import errno
import ipaddress
import re
from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import SplitResult, urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_MOST_PORT: Final = 65_535
_NEAR: Final = (".local", ".internal", ".lan", ".localhost")
_NAME: Final = re.compile(r"(?!.*\.\.)[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?\.?", re.ASCII)
# A last label that makes resolvers read the whole as an IPv4 address (WHATWG URL, section 3.5).
_NUMBER: Final = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)", re.ASCII)

_NEAR_NETWORKS: Final[tuple[Network, ...]] = tuple(
    map(ipaddress.ip_network, ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))
)
# Where clouds tell machines their credentials, beside the link-local ones: Azure, Alibaba, Oracle, AWS and Google over IPv6. Then what is no one machine.
_NOBODY: Final[tuple[Network, ...]] = tuple(
    map(
        ipaddress.ip_network,
        (
            "168.63.129.16/32", "100.100.100.200/32", "192.0.0.0/24", "fd00:ec2::254/128", "fd20:ce::254/128",
            "169.254.0.0/16", "fe80::/10", "fec0::/10",
            "0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "::/128", "ff00::/8", "100::/64",
        ),
    )
)  # fmt: skip
_NAT64: Final = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")
_LOW: Final = 0xFFFFFFFF


class Forbidden(OSError):
    """A name leads where no service is. `strerror` names the address. Remedy: correct the name, or who answers for it."""


def split_url(url: str) -> SplitResult | None:
    """Return the parts of an absolute http(s) URL, or None if it is none, or one that can be read in two ways."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    is_plain = url.isascii() and url.isprintable() and not set(url) & set(" \\")
    return parts if is_plain and parts.scheme in ("http", "https") and port != 0 and is_host(parts.hostname or "") else None


def is_address(host: str) -> bool:
    """Tell whether a host is an address, which need not be looked up."""
    return _ip(host) is not None


def is_host(host: str) -> bool:
    """Tell whether this is a host as it is written here: a name in ASCII, four decimal numbers, or an IPv6 address without a zone."""
    if _ip(host) is not None:
        return "%" not in host
    return _NAME.fullmatch(host) is not None and _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]) is None


def is_loopback(listen: str) -> bool:
    """Tell whether `host:port` can be reached from this machine only."""
    host = _host(listen)
    found = _ip(host)
    return host == "localhost" if found is None else found.is_loopback


def is_near(host: str) -> bool:
    """Tell whether a host is this machine or in a private network, as far as its name or number says."""
    found = _ip(host)
    if found is not None:
        return is_near_address(found)
    return is_host(host) and ("." not in host or host.endswith(_NEAR))


def is_nobody(host: str) -> bool:
    """Tell whether a host is an address at which no service is that anybody could name here. Of a name that is not known."""
    found = _ip(host)
    return found is not None and not is_somebody(found)


def is_somebody(address: Address) -> bool:
    """Tell whether a service may be at an address."""
    inside = _inside(address)
    return not any(each in network for each in {address, inside} for network in _NOBODY if each.version == network.version)


def is_near_address(address: Address) -> bool:
    """Tell whether an address is this machine or in a private network."""
    inside = _inside(address)
    return is_somebody(inside) and any(inside in network for network in _NEAR_NETWORKS if inside.version == network.version)


def is_own_address(address: Address) -> bool:
    """Tell whether an address is this machine."""
    return _inside(address).is_loopback


def checked(host: str, found: Iterable[str], *, accepts: Callable[[Address], bool] = is_somebody) -> list[str]:
    """
    Return the addresses that a host was found at, each once, in order.

    Raises `Forbidden` if one of them is nobody's or not accepted: of a name that leads to good and bad places nothing good is known.
    """
    told = list(dict.fromkeys(found))
    for one in told:
        address = _ip(one.partition("%")[0])
        if address is None or not is_somebody(address) or not accepts(address):
            raise Forbidden(errno.EACCES, f"`{host}` leads to {one}, which is not allowed")
    return told


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


def _ip(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _inside(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for, else the address itself."""
    if address.version == 4:  # noqa: PLR2004 - the version number is its own name
        return address
    found = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo is not None else None)
    if found is not None:
        return found
    is_wrapped = any(address in network for network in _NAT64) or (address in _COMPATIBLE and int(address) > 1)
    return ipaddress.IPv4Address(int(address) & _LOW) if is_wrapped else address
