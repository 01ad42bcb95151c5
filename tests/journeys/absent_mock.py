"""
What stands in the third party's place on a machine without npm: whoever asks is turned away, and counted, so that the test can be told to skip.
"""

import socket
import threading
from contextlib import suppress
from typing import Final, Self

WHY: Final = "it asks the third party's mock, and npm is absent, so that is not installed (`npm ci --prefix tests/aimock`)"
# The caller's mistake, in the vendors' eyes: so no breaker opens, and the next test asks again and is told the same.
_ANSWER: Final = b'HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 44\r\n\r\n{"error": {"message": "the mock is absent"}}'


class AbsentMock:
    """A listener that turns everybody away. Leaving its `with` block ends it."""

    def __init__(self) -> None:
        self.asked = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._turn_away, name="absent-mock", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread
        self._thread.join()
        self._socket.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def _turn_away(self) -> None:
        with suppress(OSError):  # ours was shut down
            while True:
                client, _ = self._socket.accept()
                self.asked += 1
                with client, suppress(OSError):  # who leaves early needs no answer
                    client.settimeout(20)
                    client.recv(65536)  # an answer that comes before the question is none
                    client.sendall(_ANSWER)
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(65536):  # closed with something unread, the answer would be lost
                        pass
