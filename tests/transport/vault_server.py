"""
A small server that speaks version 2 of Vault's key-value API, over real sockets. It checks the token and the namespace as Vault does.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hvs.token-of-the-tests"


class VaultServer:
    """What is kept there: entry (`mount/path`) → fields. `seen` are the paths asked for; `raw` answers anything with this status and body."""

    def __init__(self) -> None:
        self.entries: dict[str, dict[str, Any]] = {}
        self.namespace = ""
        self.token = TOKEN
        self.lease_s = 0
        self.seen: list[str] = []
        self.raw: tuple[int, bytes] | None = None
        self.url = ""

    def answer(self, path: str, headers: Any) -> tuple[int, bytes]:
        self.seen.append(path)
        if self.raw is not None:
            return self.raw
        if headers["x-vault-token"] != self.token or (headers["x-vault-namespace"] or "") != self.namespace or headers["x-vault-request"] != "true":
            return 403, b'{"errors":["permission denied"]}'
        mount, _, rest = path.removeprefix("/v1/").partition("/data/")
        fields = self.entries.get(f"{mount}/{rest}")
        if fields is None:
            return 404, b'{"errors":[]}'
        return 200, json.dumps(
            {
                "request_id": "5b5e0f0c",
                "lease_id": "",
                "renewable": False,
                "lease_duration": self.lease_s,
                "data": {"data": fields, "metadata": {"version": 1, "created_time": "2026-01-01T00:00:00Z", "deletion_time": "", "destroyed": False}},
            }
        ).encode()


@contextmanager
def vault_server() -> Iterator[VaultServer]:
    server = VaultServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = server.answer(self.path, self.headers)
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{listening.server_port}"
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()
