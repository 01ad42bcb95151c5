"""
Sending a letter by SMTP, for those who may block. What stands in it belongs to whoever writes it.

Rules:
1. A name is looked up once and every address checked; one of those is connected to.
2. Without TLS nothing leaves this machine and its private networks, and a password goes nowhere.
"""

import smtplib
import socket
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any, Final

from msgspec import Struct

from pointsman.settings.addresses import is_near_address, is_somebody
from pointsman.transport.dial import dial_and_wait
from pointsman.transport.post import Undelivered

_TIMEOUT_S: Final = 10.0


class Server(Struct, frozen=True, kw_only=True):
    """An SMTP server. `security` is `starttls`, `tls` or `none`; `password` is the secret itself; `ca_file` is trusted instead of the usual authorities."""

    host: str
    port: int
    security: str = "starttls"
    user: str | None = None
    password: str | None = None
    ca_file: str | None = None
    timeout_s: float = _TIMEOUT_S

    def __repr__(self) -> str:
        """Show where, and nothing that signs in."""
        return f"Server({self.host}:{self.port})"


class Letter(Struct, frozen=True, kw_only=True):
    """One letter in plain text."""

    sender: str
    to: Sequence[str]
    subject: str
    text: str


def send(letter: Letter, server: Server) -> None:
    """Hand a letter to the server. Raises `Undelivered` unless it was taken for every address."""
    if server.password is not None and server.security == "none":
        raise Undelivered("a password would cross a network in the open; use `starttls` or `tls`")
    try:
        with _connected(server) as smtp:
            if server.security == "starttls":
                smtp.starttls(context=_tls(server))
            if server.user is not None:
                smtp.login(server.user, server.password or "")
            refused = smtp.send_message(_written(letter), from_addr=letter.sender, to_addrs=list(letter.to))
    except smtplib.SMTPResponseException as error:  # what servers say may repeat what they were told
        raise Undelivered(f"{server.host}:{server.port} answers {error.smtp_code}") from error
    except smtplib.SMTPException as error:
        raise Undelivered(f"{server.host}:{server.port} does not take the letter ({type(error).__name__})") from error
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
        raise Undelivered(f"{server.host}:{server.port} cannot be reached ({why})") from error
    if refused:
        raise Undelivered(f"{server.host}:{server.port} refuses {len(refused)} of {len(letter.to)} addresses")


class _Checked(smtplib.SMTP):
    """A client whose socket leads to a checked address. The standard library's own TLS client overrides the same method."""

    def __init__(self, server: Server) -> None:
        self._server = server
        super().__init__(server.host, server.port, timeout=server.timeout_s)

    def _get_socket(self, *at: Any) -> socket.socket:
        host, port, timeout = at
        accepts = is_near_address if self._server.security == "none" else is_somebody
        found = dial_and_wait((host, port), accepts=accepts, timeout_s=timeout)
        return _tls(self._server).wrap_socket(found, server_hostname=host) if self._server.security == "tls" else found


def _connected(server: Server) -> smtplib.SMTP:
    return _Checked(server)


def _tls(server: Server) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=server.ca_file)


def _written(letter: Letter) -> EmailMessage:
    written = EmailMessage()
    written["from"], written["to"], written["subject"] = letter.sender, ", ".join(letter.to), letter.subject
    written["date"], written["message-id"] = formatdate(), make_msgid(domain="pointsman")
    written.set_content(letter.text)
    return written
