"""
Commands as processes, what they came to, and a small vendor on a real socket for them to talk to.
"""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.values import openai_answer

from pointsman.cli.demonstration.processes import free_port

PROGRAM = "from pointsman.cli.main import main; main()"
SECRET = re.compile(r"^pm_\w{49}$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Done:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class _Vendor(BaseHTTPRequestHandler):
    """An OpenAI-compatible server whose model names say what it does."""

    protocol_version = "HTTP/1.1"
    server: "VendorServer"  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        self._answer(json.dumps({"object": "list", "data": [{"id": model} for model in self.server.models]}).encode())

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        model = asked["model"]
        if model == "broken":
            self._answer(b'{"error": {"message": "out of order"}}', status=500)
        elif not asked.get("stream"):
            self._answer(openai_answer(f"You said: {asked['messages'][-1]['content']}", model=model, tokens=(10, 5)))
        else:
            self._stream(asked)

    def _stream(self, asked: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": asked["model"]}
        for text in ("You ", "\x1b[31msaid: ", asked["messages"][-1]["content"]):
            self._event({**head, "choices": [{"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}]})
        if asked["model"] == "cut":
            self.close_connection = True
            return
        if asked["model"] == "stuck":
            self.server.released.wait(55)
        finish = "length" if asked.get("max_completion_tokens") or asked.get("max_tokens") else "stop"
        self._event({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
        self._event({**head, "choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}})
        self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _event(self, value: object) -> None:
        self._chunk(b"data: " + json.dumps(value).encode() + b"\n\n")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.flush()

    def _answer(self, body: bytes, *, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Say nothing."""


class VendorServer(ThreadingHTTPServer):
    """The small vendor. `released` lets go of answers that are stuck."""

    daemon_threads = True
    models: tuple[str, ...] = ("small",)

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Vendor)
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a gateway that hangs up in the middle is what some tests are about."""


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on at present."""
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(free_port())
    return list(ports)


def start(*words: str, folder: Path, **environ: str) -> subprocess.Popen[str]:
    """Start a command as a process of its own."""
    clean = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY") and not name.startswith("POINTSMAN_")}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words],
        cwd=folder,
        env={**clean, "XDG_STATE_HOME": str(folder / ".state"), **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> Done:
    """Wait for a process to end."""
    try:
        out, err = process.communicate(timeout=50)
    finally:
        process.kill()
    return Done(process.returncode, out, err)


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway: its process, folder and address, and what it said when it was ready."""

    process: subprocess.Popen[str]
    folder: Path
    url: str
    ready: Any


CONFIGURATION = """\
server: {{listen: 127.0.0.1:{listen}, admin: 127.0.0.1:{admin}}}
vendors:
  acme: {{kind: openai_compatible, base_url: {url}, region: here}}
targets:
  small:
    vendor: acme
    model: small
    price: {{input_usd_per_million: 100, output_usd_per_million: 200}}
  local:
    vendor: acme
    model: small
    place: private
    hardware: {{hourly_usd: 1}}
capabilities:
  support: {{ladder: [small], unit: ticket}}
  second: {{ladder: [acme/broken, small], retries: {{per_target: 0}}}}
  down: {{ladder: [acme/broken], retries: {{per_target: 0}}}}
  cut: {{ladder: [acme/cut]}}
  stuck: {{ladder: [acme/stuck]}}
  own: {{ladder: [local], data_class: restricted}}
limits:
  - {{name: tiny, by: capability, only: stuck, requests_per_minute: 1000}}
"""


def until(told: Callable[[], bool]) -> None:
    """Wait until something is so. The bound is far off: it is there for what never becomes so, not for a slow machine."""
    end = time.monotonic() + 30
    while not told():
        assert time.monotonic() < end, "it never became so"
        time.sleep(0.01)
