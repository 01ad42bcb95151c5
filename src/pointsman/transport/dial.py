"""
From a host to a socket: the name is looked up once, every address is checked, and one of those is connected to.

So a name that leads elsewhere by the next look cannot lead a connection there (DNS rebinding). TLS still proves the name. Proxies that the environment
names are not asked: what is sent here carries credentials.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import TypeVar

from pointsman.settings.addresses import Address, checked, is_address

P = TypeVar("P", bound=asyncio.Protocol)


async def dial(protocol: Callable[[], P], at: tuple[str, int], *, tls: ssl.SSLContext | None, accepts: Callable[[Address], bool]) -> P:
    """
    Return a protocol that is connected to a host and port, by the first of its addresses that answers.

    Raises `OSError`, of which `Forbidden` where one of the addresses is not one that `accepts`, and `ssl.SSLError`.
    """
    loop, (host, port) = asyncio.get_running_loop(), at
    found = [host] if is_address(host) else [str(one[4][0]) for one in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    failed = OSError(f"`{host}` has no address")
    for address in checked(host, found, accepts=accepts):
        try:
            _, connection = await loop.create_connection(protocol, address, port, ssl=tls, server_hostname=host if tls is not None else None)
        except ssl.SSLError:
            raise
        except OSError as error:
            failed = error
        else:
            return connection
    raise failed


def dial_and_wait(at: tuple[str, int], *, accepts: Callable[[Address], bool], timeout_s: float) -> socket.socket:
    """Return a plain socket to a host and port, for those who may block. Raises `OSError`."""
    host, port = at
    failed = OSError(f"`{host}` has no address")
    for address in checked(host, [str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)], accepts=accepts):
        try:
            return socket.create_connection((address, port), timeout_s)
        except OSError as error:
            failed = error
    raise failed
