"""
Three classes of faults that gateways had, as black boxes: what runs when a package is imported (B1), keys in logs (B14), and content in places that were
told to hold none, on the paths that nobody looks at (B15).

The gateway runs as a process at the log level DEBUG in front of a vendor that repeats all it hears, the key too, in answers and in errors. Every byte of every
file that it writes, and all that it prints, is searched.
"""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from tests.journeys.gateway import Gateway, Settings
from tests.journeys.processes import SOON_S, eventually
from tests.ledger.content.kept import files_holding

from pointsman.cli.kept import kept
from pointsman.intake.keys import mint
from pointsman.ledger.content.store import ContentStore

_FIRST: Final = "sk-first-of-the-vendor-4d1c"
_SECOND: Final = "sk-second-of-the-vendor-9e2b"
_KEY: Final = mint(bytes(range(32)))
_ENDINGS: Final = (
    "success",
    "stream",
    "error",
    "garbage",
    "html",
    "timeout",
    "cancel",
    "stream-abort",
    "retry",
    "fallback",
    "exhausted",
    "unknown-capability",
    "bad-json",
    "bad-field",
    "wrong-key",
    "foreign-key",
    "no-such-path",
    "broken-head",
)


class _Echo(BaseHTTPRequestHandler):
    """A vendor that repeats all it hears. The model's name says how it behaves."""

    protocol_version = "HTTP/1.1"
    server: "EchoServer"  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        asked = json.loads(body)
        model = asked["model"]
        self.server.keys.append(self.headers["authorization"].removeprefix("Bearer "))
        heard = f"{body.decode()} {self.headers['authorization']}"
        if model in {"error", "exhausted"} or (model == "retry" and self.server.first_time(heard)):
            self._send(503 if model == "retry" else 500, json.dumps({"error": {"message": heard, "type": heard, "code": heard}}).encode())
        elif model == "garbage":
            self._send(200, b'{"choices": [{"message": ' + json.dumps(heard).encode())
        elif model == "html":
            self._send(502, f"<html>{heard}</html>".encode(), kind="text/html")
        elif asked.get("stream"):
            self._stream(heard, model)
        else:
            if model == "timeout":
                self.server.released.wait(55)
            answer = {"role": "assistant", "content": heard}
            choice = {"index": 0, "message": answer, "finish_reason": "stop"}
            usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
            self._send(200, json.dumps({"id": "1", "object": "chat.completion", "created": 1, "model": model, "choices": [choice], "usage": usage}).encode())

    def _send(self, status: int, body: bytes, *, kind: str = "application/json") -> None:
        try:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:  # the gateway has gone away, as it may
            self.close_connection = True

    def _stream(self, heard: str, model: str) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            for _ in range(3):
                choice = {"index": 0, "delta": {"role": "assistant", "content": heard}, "finish_reason": None}
                event = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": model, "choices": [choice]}
                self.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")
                self.wfile.flush()
            if model == "cancel":
                self.server.released.wait(55)
            if model == "stream-abort":
                self.wfile.write(b"data: " + heard.encode() + b"\n\n")  # no JSON, and then the end
                return
            choice = {"index": 0, "delta": {}, "finish_reason": "stop"}
            event = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": model, "choices": [choice]}
            self.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\ndata: [DONE]\n\n")
        except OSError:  # as above
            return

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        pass


class EchoServer(ThreadingHTTPServer):
    """Keeps the keys that it was shown."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Echo)
        self.url = f"http://127.0.0.1:{self.server_port}/v1"
        self.keys: list[str] = []
        self.released = threading.Event()
        self._heard: set[str] = set()

    def first_time(self, heard: str) -> bool:
        is_first = heard not in self._heard
        self._heard.add(heard)
        return is_first

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients go away in these tests."""


@pytest.fixture(scope="module")
def echo() -> Iterator[EchoServer]:
    server = EchoServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()
    thread.join()


def _settings(echo: EchoServer) -> Settings:
    names = ["success", "stream", "error", "garbage", "html", "timeout", "cancel", "stream-abort", "retry", "exhausted"]
    ladders = {name: [name] for name in names} | {"fallback": ["error", "success"], "exhausted": ["error", "exhausted"]}
    return {
        "vendors": {"echo": {"kind": "openai_compatible", "base_url": echo.url, "credential": "file:echo.key"}},
        "targets": {name: {"vendor": "echo", "model": name, "place": "private"} for name in names},
        "capabilities": {
            name: {"ladder": ladder, "retries": {"per_target": 1, "backoff_s": 0.01}, "deadlines": {"first_byte_s": 0.4 if name == "timeout" else 10}}
            for name, ladder in ladders.items()
        },
        "keys": {"web": {"sha256": _KEY.sha256}},
        "audit": {"copies": ["file:outside"]},
    }


@pytest.fixture(scope="module")
def gateway(echo: EchoServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("canaries")
    (folder / "echo.key").touch(mode=0o600)
    (folder / "echo.key").write_text(_FIRST, encoding="ascii")
    with Gateway(folder, _settings(echo), words=["--log-level", "debug"]) as running:
        yield running


def _canaries(ending: str) -> tuple[str, str, str]:
    return f"canary-prompt-{ending}", f"canary-system-{ending}", f"canary-tool-{ending}"


def _ask(gateway: Gateway, ending: str) -> httpx2.Response | None:
    """Make one call that ends in this way, with canaries in every part of what is said."""
    prompt, system, tool = _canaries(ending)
    parameters = {"type": "object", "properties": {tool: {"type": "string", "description": tool}}}
    body: dict[str, Any] = {
        "messages": [{"role": "system", "content": system}, {"role": "user", "content": prompt}],
        "tools": [{"type": "function", "function": {"name": "look", "description": tool, "parameters": parameters}}],
        "metadata": {"about": prompt},
    }
    capability = ending if ending in _settings_names() else "success"
    call = {"key": _KEY.secret, **body}
    match ending:
        case "stream" | "stream-abort":
            return gateway.chat(capability, prompt, stream=True, **_without_messages(call))
        case "cancel":
            _cancel(gateway, {"model": capability, "stream": True, **body})
            return None
        case "unknown-capability":
            return gateway.chat(prompt, prompt, **_without_messages(call))
        case "bad-json":
            return gateway.post("/v1/chat/completions", content=f'{{"model": "{prompt}", {system}', headers=_shown(_KEY.secret))
        case "bad-field":
            return gateway.chat(capability, prompt, temperature=system, **_without_messages(call))
        case "wrong-key" | "foreign-key":
            key = f"pm_{system}" if ending == "wrong-key" else f"sk-{system}"
            return gateway.chat(capability, prompt, **{**_without_messages(call), "key": key})
        case "no-such-path":
            return gateway.post(f"/v1/{prompt}?{system}", content=tool, headers=_shown(_KEY.secret))
        case "broken-head":
            with socket.create_connection(("127.0.0.1", gateway.port)) as connection:
                connection.sendall(f"POST /v1/chat/completions HTTP/1.1\r\n{prompt} {system}\r\n\r\n{tool}".encode())
                connection.recv(1000)
            return None
        case _:
            return gateway.post("/v1/chat/completions", json={"model": capability, **body}, headers=_shown(_KEY.secret))


def _settings_names() -> frozenset[str]:
    return frozenset({"success", "stream", "error", "garbage", "html", "timeout", "cancel", "stream-abort", "retry", "fallback", "exhausted"})


def _without_messages(call: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in call.items() if name != "messages"}


def _shown(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def _cancel(gateway: Gateway, body: dict[str, Any]) -> None:
    """Go away in the middle of a stream."""
    content = json.dumps(body).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {_KEY.secret}\r\ncontent-type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", gateway.port)) as connection:
        connection.sendall(head.encode() + f"content-length: {len(content)}\r\n\r\n".encode() + content)
        connection.recv(1000)


def _settled(gateway: Gateway, calls: int) -> None:
    """Wait until all calls are on record."""
    eventually(lambda: len(gateway.rows("SELECT call_id FROM call")) >= calls, f"{calls} records")


@pytest.fixture(scope="module")
def endings(gateway: Gateway) -> dict[str, int]:
    """Make a call of each ending; return its status."""
    statuses: dict[str, int] = {}
    for ending in _ENDINGS:
        answer = _ask(gateway, ending)
        statuses[ending] = 0 if answer is None else answer.status_code
    _settled(gateway, len(_settings_names()))
    gateway.process.signal(signal.SIGHUP)  # what a reload says is looked at too
    eventually(lambda: "is in force" in gateway.process.err.read_text(encoding="utf-8"), "the reload")
    return statuses


def test_every_ending_is_the_one_that_was_meant(endings: dict[str, int], gateway: Gateway) -> None:
    """Else the tests below would look at calls that never came so far."""
    good = {"success", "stream", "retry", "fallback", "cancel", "broken-head"}
    assert {ending for ending, status in endings.items() if status in {0, 200}} - {"stream-abort"} == good
    told = {row["capability"]: row["status"] for row in gateway.rows("SELECT capability, status FROM call")}
    assert (told["retry"], told["fallback"], told["cancel"]) == ("ok", "ok", "cancelled")
    assert told["stream-abort"] not in {"ok", "cancelled"}


@pytest.mark.parametrize("ending", _ENDINGS)
def test_b15_no_file_and_no_log_holds_what_was_said_however_the_call_ended(ending: str, endings: dict[str, int], gateway: Gateway) -> None:
    assert ending in endings
    assert files_holding(gateway.folder, *_canaries(ending)) == []


def test_b14_no_key_is_in_any_file_or_log_at_any_level(endings: dict[str, int], gateway: Gateway) -> None:
    assert endings
    log = gateway.process.err.read_text(encoding="utf-8")
    assert log.count("failed: ") >= 5  # so there was something to tell
    assert files_holding(gateway.folder, _KEY.secret) == []
    assert files_holding(gateway.folder, _FIRST) == [f"echo.key: {_FIRST}"]


def test_b14_no_answer_repeats_the_key_of_a_vendor_that_tells_it_in_an_error(gateway: Gateway) -> None:
    for ending in ("error", "html", "garbage", "exhausted"):
        answer = _ask(gateway, ending)
        assert answer is not None
        assert answer.status_code >= 500
        assert _FIRST not in answer.text


def test_a_secret_that_was_replaced_is_out_of_use_within_a_second(gateway: Gateway, echo: EchoServer) -> None:
    _ask(gateway, "success")
    assert echo.keys[-1] == _FIRST
    (gateway.folder / "echo.key").write_text(_SECOND, encoding="ascii")
    replaced = time.monotonic()
    try:
        while echo.keys[-1] == _FIRST:
            asked = time.monotonic() - replaced
            _ask(gateway, "success")
            assert echo.keys[-1] == _SECOND or asked <= SOON_S
    finally:
        (gateway.folder / "echo.key").write_text(_FIRST, encoding="ascii")
    eventually(lambda: _ask(gateway, "success") and echo.keys[-1] == _FIRST, "the way back")


# ── B1: what runs when the package is imported ──────────────────────────────────────────────────────────────────────

_IMPORTS: Final = """
import os, pkgutil, sys, importlib
import pointsman
folder = os.path.dirname(pointsman.__file__)
seen = []

def ours(depth=2):
    frame = sys._getframe(depth)
    while frame is not None:
        if frame.f_code.co_filename.startswith(folder):
            return f"{os.path.relpath(frame.f_code.co_filename, folder)}:{frame.f_lineno}"
        frame = frame.f_back
    return None

WATCHED = ("socket.connect", "socket.bind", "socket.getaddrinfo", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "urllib.Request")

def hook(event, args):
    if event in WATCHED:
        seen.append(f"{event} {ours()}")
    if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        seen.append(f"write {args[0]} {ours()}")

class Watched(dict):
    def get(self, name, default=None):
        frame = sys._getframe(1)
        if frame.f_code.co_filename.startswith(folder):
            seen.append(f"environ {name} {os.path.relpath(frame.f_code.co_filename, folder)}:{frame.f_lineno}")
        return super().get(name, default)
    def __getitem__(self, name):
        frame = sys._getframe(1)
        if frame.f_code.co_filename.startswith(folder):
            seen.append(f"environ {name}")
        return super().__getitem__(name)

sys.dont_write_bytecode = True
os.environ = Watched(os.environ)
sys.addaudithook(hook)
for found in pkgutil.walk_packages([folder], "pointsman."):
    if not found.name.endswith("__main__"):
        importlib.import_module(found.name)
print("\\n".join(seen))
"""


def test_b1_importing_the_package_touches_nothing_outside() -> None:
    """No network, no process, no file written, no environment read: what runs at import runs for whoever only looks."""
    done = subprocess.run([sys.executable, "-c", _IMPORTS], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_b1_nothing_of_ours_runs_when_an_interpreter_starts() -> None:
    """Such as a `.pth` file, which would run in every process of the machine."""
    root = Path(__file__).parents[2]
    found = [path for path in (root / "src").rglob("*") if path.suffix == ".pth" or path.name in {"sitecustomize.py", "usercustomize.py"}]
    assert found == []


# ── content that is kept on purpose ─────────────────────────────────────────────────────────────────────────────────


def test_content_that_is_kept_can_be_read_with_the_keys_and_is_in_no_byte_without_them(echo: EchoServer, tmp_path: Path) -> None:
    """B15 where keeping is switched on: the switch opens the sealed store and nothing beside it; and an erasure reaches what the gateway kept."""
    (tmp_path / "echo.key").touch(mode=0o600)
    (tmp_path / "echo.key").write_text(_FIRST, encoding="ascii")
    canaries = ("canary-kept", "sung-by-ada")
    with Gateway(tmp_path, {**_settings(echo), "retention": {"content": "full"}}, words=["--log-level", "debug"]) as running:

        def asked() -> str:
            """Return the id of a call whose data is known: on a busy machine a detector may be late, and then nothing is kept."""
            headers = {"x-pointsman-user": "ada-4711"}
            call_id = running.chat("success", " ".join(canaries), key=_KEY.secret, headers=headers).headers["x-request-id"]
            return "" if "restricted" in running.call(call_id)["data_class"] else call_id

        call_id = eventually(asked, "a call whose data is known")
        assert eventually(lambda: _kept(running.path, call_id), "the content of the call")
        found = _kept(running.path, call_id)
        assert canaries[0].encode() in found
        assert canaries[1].encode() in found
        assert files_holding(tmp_path, *canaries, _KEY.secret) == []
        assert running.cli("erase", "--subject", "default/ada-4711", "--json").returncode == 0
        assert _kept(running.path, call_id) == b""
    assert files_holding(tmp_path, *canaries, "ada-4711") == []


def _kept(path: Path, call_id: str) -> bytes:
    """Return request and answer of a call as they are kept, or nothing."""
    with kept(path) as found:
        if not found.files.content.exists():
            return b""
        store = ContentStore(found.files.content, found.files.keys)
        content = store.read(call_id, who="tests")
        store.close()
    return b"" if content is None else (content.request or b"") + (content.answer or b"")
