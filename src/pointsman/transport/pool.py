"""
Keep-alive connections to one endpoint, and the watch over their deadlines.
"""

import asyncio
import ssl
from collections import deque
from typing import Final

from pointsman.core.errors import BadRequest
from pointsman.core.failure import Failure, FailureKind
from pointsman.core.http import Deadlines, Incoming, Outgoing
from pointsman.settings.addresses import is_near_address, is_somebody
from pointsman.transport.bounds import Bounds
from pointsman.transport.connection import AnswerBroken, Connection
from pointsman.transport.dial import dial
from pointsman.transport.endpoint import Endpoint
from pointsman.transport.inflate import inflate

IDLE_S: Final = 60.0
_LINGER_S: Final = 2.0
_FIRST_BAD_STATUS: Final = 300


class Pool:
    """
    Connections to one endpoint. The newest idle one is used first, so that the others can age out.

    A kept connection that the vendor closed before it read our request is replaced once, silently (RFC 9112, section 9.3.1).
    """

    def __init__(self, endpoint: Endpoint, bounds: Bounds) -> None:
        self._endpoint = endpoint
        self._bounds = bounds
        self._idle: deque[Connection] = deque()
        self._all: set[Connection] = set()
        self._opening = 0
        self._tls = endpoint.tls()

    async def fetch(self, outgoing: Outgoing, deadlines: Deadlines) -> Incoming:
        """Send a request and return its whole answer. Raises `AnswerBroken`."""
        request = self._endpoint.request(outgoing)
        begun = asyncio.get_running_loop().time()
        connection = await self._take(deadlines, begun)
        try:
            try:
                answer = await connection.whole(request, deadlines, begun=begun)
            except AnswerBroken as broken:
                if not broken.stale:
                    raise
                connection = await self._connect(deadlines, begun)
                answer = await connection.whole(request, deadlines, begun=begun)
        except BaseException:
            connection.abort()
            raise
        return self.plain(answer) if answer.headers else answer

    async def open(self, outgoing: Outgoing, deadlines: Deadlines) -> "Streaming":
        """Send a request and return once the head of its answer is there. Raises `AnswerBroken`."""
        request = self._endpoint.request(outgoing)
        begun = asyncio.get_running_loop().time()
        connection = await self._take(deadlines, begun)
        try:
            try:
                status = await connection.send(request, deadlines, begun=begun)
            except AnswerBroken as broken:
                if not broken.stale:
                    raise
                connection = await self._connect(deadlines, begun)
                status = await connection.send(request, deadlines, begun=begun)
        except BaseException:
            connection.abort()
            raise
        return Streaming(connection, status, pool=self)

    def sweep(self, now: float) -> None:
        """End every exchange whose deadline has passed by `now` (loop time) and close connections idle for too long."""
        for connection in tuple(self._all):
            if connection.due <= now:
                connection.expire(now)
        while self._idle and (not self._idle[0].is_open or self._idle[0].idle_since + IDLE_S <= now):
            self._idle.popleft().abort()

    def close(self) -> None:
        """Drop every connection."""
        for connection in tuple(self._all):
            connection.abort()
        self._idle.clear()

    @property
    def open_connections(self) -> int:
        """How many sockets are open, idle ones included."""
        return len(self._all)

    async def _take(self, deadlines: Deadlines, begun: float) -> Connection:
        if deadlines.total_s <= 0:
            raise AnswerBroken(Failure(kind=FailureKind.TIMEOUT_TOTAL, message="no time is left for this call"))
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        return await self._connect(deadlines, begun)

    async def _connect(self, deadlines: Deadlines, begun: float) -> Connection:
        if len(self._all) + self._opening >= self._bounds.connections:
            raise AnswerBroken(Failure(kind=FailureKind.BUSY, message=f"all {self._bounds.connections} connections are in use"))
        at = self._endpoint
        left_s = begun + deadlines.total_s - asyncio.get_running_loop().time()
        self._opening += 1
        try:
            async with asyncio.timeout(min(deadlines.connect_s, left_s)):
                return await self._dial()
        except TimeoutError as error:
            kind = FailureKind.TIMEOUT_CONNECT if deadlines.connect_s < left_s else FailureKind.TIMEOUT_TOTAL
            raise AnswerBroken(Failure(kind=kind, message=f"no connection to {at.host}:{at.port} within {min(deadlines.connect_s, left_s):.3g} s")) from error
        except ssl.SSLError as error:
            raise AnswerBroken(Failure(kind=FailureKind.TLS, message=f"TLS with {at.host}:{at.port} failed ({_why(error)})")) from error
        except OSError as error:
            raise AnswerBroken(Failure(kind=FailureKind.CONNECT, message=f"cannot connect to {at.host}:{at.port} ({error.strerror or error})")) from error
        finally:
            self._opening -= 1

    async def _dial(self) -> Connection:
        loop = asyncio.get_running_loop()
        at = self._endpoint
        return await dial(
            lambda: Connection(loop, self._bounds, everyone=self._all, on_free=self._free),
            (at.host, at.port),
            tls=self._tls,
            accepts=is_near_address if self._tls is None else is_somebody,  # without TLS nothing leaves the near networks, wherever a name leads by now
        )

    def _free(self, connection: Connection) -> None:
        connection.idle_since = connection.now()
        self._idle.append(connection)

    def plain(self, answer: Incoming) -> Incoming:
        """Return an answer unpacked, and an error without our credential, should the vendor repeat it. Raises `AnswerBroken`."""
        try:
            body = inflate(answer.body, answer.headers.get("content-encoding", ""), limit_bytes=self._bounds.answer_bytes)
        except BadRequest as error:
            raise AnswerBroken(Failure(kind=FailureKind.BAD_ANSWER, message=f"the answer cannot be unpacked: {error.message}")) from error
        if answer.status >= _FIRST_BAD_STATUS:
            body = self._endpoint.hide(body)
        return Incoming(status=answer.status, headers=answer.headers, body=body)

    def hide(self, told: str) -> str:
        """Return what a vendor told without our credential."""
        return self._endpoint.hide(told.encode()).decode()

    def release(self, connection: Connection, *, whole: bool) -> None:
        """Take back a connection whose answer was read to its end mark, or drop it when it was left half-read."""
        if whole and connection.is_open:
            connection.discard_rest(_LINGER_S)
        else:
            connection.abort()


class Streaming:
    """A streamed answer. Closing it half-read drops the socket, which tells the vendor to stop."""

    __slots__ = ("_connection", "_ended", "_pool", "first_byte_at", "status")

    def __init__(self, connection: Connection, status: int, *, pool: Pool) -> None:
        self.status = status
        self.first_byte_at = connection.first_byte_at
        self._connection = connection
        self._pool = pool
        self._ended = False

    def header(self, name: bytes) -> str | None:
        """Return a header of the answer by its lower-case name."""
        for key, value in self._connection.header_pairs:
            if key.lower() == name:
                return value.decode("latin-1")
        return None

    def hide(self, told: str) -> str:
        """Return what a vendor told in the stream without our credential, should it repeat that in an error."""
        return self._pool.hide(told)

    async def read(self) -> bytes | None:
        """Return what has arrived, or None at the end. Raises `AnswerBroken`."""
        data = None if self._ended else await self._connection.read()
        if data is None:
            self._ended = True
        return data

    async def whole(self) -> Incoming:
        """Read the rest, for an answer that turned out not to be a stream. Raises `AnswerBroken`."""
        answer = await self._connection.rest()
        self._ended = True
        return self._pool.plain(answer)

    def close(self, *, whole: bool) -> None:
        """Give the connection back if the answer was read to its end mark (`whole`), else drop it."""
        if not self._ended:
            self._ended = True
            self._pool.release(self._connection, whole=whole)


def _why(error: ssl.SSLError) -> str:
    return error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else error.reason or "the handshake broke off"
