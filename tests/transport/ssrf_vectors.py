"""
Addresses as attackers write them: every spelling of an address that some reader takes for the address, and every way to hide one in a URL.

Made, not collected: addresses × spellings × URLs around them. What each must not lead to is said by whoever uses them.
"""

import ipaddress
from collections.abc import Iterable, Iterator
from typing import Final

# Where no service is that anybody could name: metadata of clouds (AWS, GCP, ECS, Azure, Alibaba, Oracle), nobody, everybody.
NOBODY_4: Final = (
    "169.254.169.254",
    "169.254.170.2",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
)
NOBODY_6: Final = ("::", "fe80::1", "fe80::a9fe:a9fe", "fec0::1", "ff02::1", "fd00:ec2::254", "fd20:ce::254", "100::1")
SCHEMES: Final = (
    "file", "ftp", "gopher", "dict", "ldap", "ldaps", "tftp", "sftp", "ssh", "telnet", "jar", "netdoc", "phar", "ws", "wss", "unix", "http+unix", "javascript",
    "data", "view-source", "smb", "imap", "redis", "mailto", "h2c", "httpx", "HTTPS:http", "",
)  # fmt: skip
# The digits from 0 on in other scripts: full width, Arabic, mathematical bold; circled ones begin with 1.
_DIGITS: Final = tuple({ord("0") + digit: first + digit for digit in range(10)} for first in (0xFF10, 0x0660, 0x1D7CE))
_CIRCLED: Final = {ord("0"): 0x24EA, **{ord("0") + digit: 0x245F + digit for digit in range(1, 10)}}
_DOTS: Final = "\u3002\uff0e\uff61\u2024"  # what name preparation takes for a dot


def spellings(address: str) -> Iterator[str]:
    """Yield hosts that some resolver or parser takes for an IPv4 address, the plain one not among them."""
    a, b, c, d = map(int, address.split("."))
    whole = int(ipaddress.IPv4Address(address))
    yield from (str(whole), hex(whole), f"0X{whole:08X}", f"0{whole:o}", f"00000{whole:o}", str(whole + 2**32))
    yield from (f"{a}.{(b << 16) + (c << 8) + d}", f"{a}.{b}.{(c << 8) + d}", f"0x{a:x}.{(b << 16) + (c << 8) + d}")
    yield ".".join(f"0x{part:x}" for part in (a, b, c, d))
    yield ".".join(f"0{part:o}" for part in (a, b, c, d))
    yield ".".join(f"{part:04d}" for part in (a, b, c, d))
    yield f"0x{a:x}.{b}.0{c:o}.{d}"
    yield f"{a + 256}.{b}.{c}.{d}"
    for digits in (_CIRCLED, *_DIGITS):
        yield address.translate(digits)
    for dot in _DOTS:
        yield address.replace(".", dot)
    yield from (f"{address}.", f"{address}..", address.replace(".", "%2e"), f"%{ord(address[0]):x}{address[1:]}", f"{address}%00", f"{address}%20")
    yield from (f"\u200b{address}", f"{address}\u00ad", f"{address}%0d%0a", f" {address}", f"{address}\t")


def wrapped(address: str) -> Iterator[str]:
    """Yield IPv6 hosts, in brackets, that hold an IPv4 address: mapped, compatible, NAT64, 6to4, Teredo, with zones."""
    four = ipaddress.IPv4Address(address)
    high, low = int(four) >> 16, int(four) & 0xFFFF
    teredo = ipaddress.IPv6Address((0x20010000 << 96) | (0x5EF5 << 80) | (~int(four) & 0xFFFFFFFF))
    for host in (
        f"::ffff:{address}",
        f"::ffff:{high:x}:{low:x}",
        f"0:0:0:0:0:ffff:{address}",
        f"::{address}",
        f"::{high:x}:{low:x}",
        f"64:ff9b::{address}",
        f"64:ff9b::{high:x}:{low:x}",
        f"64:ff9b:1::{address}",
        f"2002:{high:x}:{low:x}::1",
        str(teredo),
        f"::ffff:{address}%1",
        f"::ffff:{address}%25eth0",
    ):
        yield f"[{host}]"


def around(host: str, port: int) -> Iterator[str]:
    """Yield URLs in which a reader may see another host than the one that is connected to."""
    yield from (
        f"http://good.example@{host}:{port}/",
        f"http://good.example:80@{host}:{port}/",
        f"http://{host}:{port}\\@good.example/",
        f"http://good.example\\@{host}:{port}/",
        f"http://{host}:{port}#@good.example/",
        f"http://good.example%2f@{host}:{port}/",
        f"http:\\\\{host}:{port}/",
        f"http:{host}:{port}",
        f"//{host}:{port}/",
        f"http:///{host}:{port}/",
        f"http://{host}:{port}:80/",
        f"http://{host}:0{port}x/",
        f"http://[{host}]:{port}/",
        f"http://{host} :{port}/",
        f"http://\r\n{host}:{port}/",
        f"ht\ttp://{host}:{port}/",
        f"\x00http://{host}:{port}/",
        f"http://{host}:{port}/\r\nx: y",
        f"http://a:b@c@{host}:{port}/",
    )


def _urls(hosts: Iterable[str], port: int) -> Iterator[str]:
    for index, host in enumerate(hosts):
        yield f"{'https' if index % 3 == 0 else 'http'}://{host}:{port}/"


def closed_to_operators(port: int) -> list[str]:
    """Return URLs that no field of the configuration may lead to: hosts with two readings, and addresses of nobody in every form."""
    urls = [*_urls((host for address in ("127.0.0.1", *NOBODY_4) for host in spellings(address)), port)]
    urls += _urls((host for address in NOBODY_4 for host in (address, *wrapped(address))), port)
    urls += _urls((f"[{address}]" for address in NOBODY_6), port)
    urls += around("127.0.0.1", port)
    urls += [f"{scheme}://127.0.0.1:{port}/" for scheme in SCHEMES]
    urls += ["http://", "https://:443/", f"http://[::1%25lo]:{port}/", f"http://[::1:{port}/", f"http://localhost:{port}@/", "http://.../", "http://a..b/"]
    return list(dict.fromkeys(urls))


def in_the_open(port: int) -> list[str]:
    """Return URLs that would carry data through a public network without TLS."""
    public = ("8.8.8.8", "1.1.1.1", "192.0.2.1", "100.64.0.1", "172.32.0.1", "11.0.0.1", "128.0.0.1")
    hosts = [
        *public,
        *(host for address in public[:2] for host in wrapped(address)),
        "[2600::1]",
        "[2001:4860:4860::8888]",
        "api.example.com",
        "localhost.example",
    ]
    return [f"http://{host}:{port}/" for host in hosts]


def every(port: int) -> list[str]:
    """Return all of them, and the plain ones: what a caller may try."""
    plain = [f"http://{host}:{port}/" for host in ("127.0.0.1", "localhost", "[::1]", "127.0.0.2", "10.0.0.1", "192.168.0.1", *wrapped("127.0.0.1"))]
    plain += [f"http://127.0.0.1:{port}?@good.example/", f"http://127.0.0.1:{port}/@good.example/"]
    return [*plain, *closed_to_operators(port), *in_the_open(port)]
