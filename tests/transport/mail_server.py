"""
A small SMTP server on a real socket: plain, STARTTLS or TLS, with sign-in, and with the answers that a test wants.
"""

import base64
import socket
import ssl
import threading
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass
class MailServer:
    """What came: `letters` as (sender, receivers, text), `signed_in` who signed in with which password, `was_secure` for each letter."""

    tls: ssl.SSLContext | None = None
    is_implicit: bool = False
    answers: dict[str, str] = field(default_factory=dict[str, str])
    letters: list[tuple[str, list[str], str]] = field(default_factory=list[tuple[str, list[str], str]])
    signed_in: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    was_secure: list[bool] = field(default_factory=list[bool])

    def __enter__(self) -> Self:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)  # closing alone would not wake who accepts
        self._socket.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            try:
                connection.settimeout(20)
                self._talk(connection)
            except OSError:
                connection.close()

    def _talk(self, connection: Any) -> None:
        is_tls = self.is_implicit and self.tls is not None
        _Talk(self, self.tls.wrap_socket(connection, server_side=True) if is_tls and self.tls is not None else connection, is_secure=is_tls).run()


class _Talk:
    """One connection, command by command."""

    def __init__(self, server: MailServer, connection: Any, *, is_secure: bool) -> None:
        self._server = server
        self._connection = connection
        self._file = connection.makefile("rwb")
        self._is_secure = is_secure
        self._sender = ""
        self._receivers: list[str] = []

    def run(self) -> None:
        self._say("220 ready")
        while line := self._file.readline().decode().strip():
            word = line.split()[0].lower()
            told = self._server.answers.get(word.upper())
            self._say(getattr(self, f"_{word}", _good)(line) if told is None else told)
            if word == "quit":
                break
        self._connection.close()

    def _say(self, line: str) -> None:
        self._file.write(f"{line}\r\n".encode())
        self._file.flush()

    def _ehlo(self, _: str) -> str:
        return "250-here\r\n250 " + ("AUTH PLAIN" if self._is_secure or self._server.tls is None else "STARTTLS")

    def _starttls(self, _: str) -> str:
        if self._server.tls is None:
            return "454 not here"
        self._say("220 go on")
        self._connection = self._server.tls.wrap_socket(self._connection, server_side=True)
        self._file, self._is_secure = self._connection.makefile("rwb"), True
        return self._again()

    def _again(self) -> str:
        """Answer the greeting that follows the handshake."""
        return self._ehlo(self._file.readline().decode())

    def _auth(self, line: str) -> str:
        _, user, password = base64.b64decode(line.split()[2]).decode().split("\0")
        self._server.signed_in.append((user, password))
        return "235 welcome"

    def _mail(self, line: str) -> str:
        self._sender = line.partition("<")[2].partition(">")[0]
        return "250 good"

    def _rcpt(self, line: str) -> str:
        self._receivers.append(line.partition("<")[2].partition(">")[0])
        return "250 good"

    def _data(self, _: str) -> str:
        self._say("354 go on")
        text = ""
        while (part := self._file.readline().decode()) != ".\r\n":
            text += part
        self._server.letters.append((self._sender, self._receivers, text))
        self._server.was_secure.append(self._is_secure)
        self._receivers = []
        return "250 taken"

    def _quit(self, _: str) -> str:
        return "221 bye"


def _good(_: str) -> str:
    return "250 good"
