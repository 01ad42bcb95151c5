"""
A vendor of both protocols that repeats what it was asked and keeps every byte that it heard. The worst case for a gateway: whatever reaches it comes back.

The name of the model says how it behaves, in words with a `-` between: `tool` calls a tool with what it heard, `bytes` sends a stream byte by byte, `fail`
fails, `cut` ends a stream in the middle, `refuse` refuses, `short` says only `Done.`, `wait` stops after
half of a stream until `released` is set.
"""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, NamedTuple, Self

_PATIENCE_S: Final = 55.0
_CUT: Final = 9  # events; what is cut has begun to speak
_EVENTS: Final = "text/event-stream"


class Heard(NamedTuple):
    """One request: the model's name, the path, the headers in lower case, the body."""

    model: str
    path: str
    headers: dict[str, str]
    body: bytes


class Parrot:
    """Serves on a port of its own while its `with` block lasts."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.released = threading.Event()
        parrot = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                _answer(self, parrot, body=body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def bodies(self, model: str = "") -> list[bytes]:
        """Return the bodies that a model was sent, or all."""
        return [one.body for one in self.heard if one.model == model or not model]

    def vendors(self, **more: Any) -> dict[str, Any]:
        """Return it as two vendors of the settings, one for each protocol."""
        return {
            "parrot": {"kind": "openai_compatible", "base_url": f"{self.url}/v1", "credential": "env:UPSTREAM_KEY", "region": "here", **more},
            "macaw": {"kind": "anthropic_compatible", "base_url": self.url, "credential": "env:UPSTREAM_KEY", "region": "here", **more},
        }


def _answer(request: BaseHTTPRequestHandler, parrot: Parrot, *, body: bytes) -> None:
    asked = json.loads(body)
    model = asked["model"]
    parrot.heard.append(Heard(model, request.path, {name.lower(): value for name, value in request.headers.items()}, body))
    ways = frozenset(model.split("-"))
    is_openai = request.path.endswith("/chat/completions")
    if "fail" in ways:
        _send(request, 500, {"error": {"type": "server_error", "message": "no"}})
        return
    text = "Done." if "short" in ways else _said(asked)
    if not asked.get("stream"):
        _send(request, 200, (_openai if is_openai else _anthropic)(asked, text, ways=ways))
        return
    events = (_openai_stream if is_openai else _anthropic_stream)(asked, text, ways=ways)
    _stream(request, parrot, "".join(list(events)[: _CUT if "cut" in ways else None]), ways=ways)


def _said(asked: dict[str, Any]) -> str:
    """Return all texts of the last message, and what tools said."""
    return " ".join(_texts(asked["messages"][-1].get("content") or ""))


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
        return
    for part in content:
        if "text" in part:
            yield part["text"]
        elif part.get("type") == "tool_result":
            yield from _texts(part.get("content", ""))


def _send(request: BaseHTTPRequestHandler, status: int, told: dict[str, Any]) -> None:
    body = json.dumps(told).encode()
    request.send_response(status)
    request.send_header("content-type", "application/json")
    request.send_header("content-length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


def _stream(request: BaseHTTPRequestHandler, parrot: Parrot, events: str, *, ways: frozenset[str]) -> None:
    request.send_response(200)
    request.send_header("content-type", _EVENTS)
    request.send_header("connection", "close")
    request.end_headers()
    request.close_connection = True
    whole = events.encode()
    step = 1 if "bytes" in ways else len(whole) // 2
    try:
        for start in range(0, len(whole), step):
            request.wfile.write(whole[start : start + step])
            request.wfile.flush()
            if "wait" in ways:
                parrot.released.wait(_PATIENCE_S)
    except OSError:
        return  # the gateway has gone away, as it may


# ── OpenAI's words ──────────────────────────────────────────────────────────────────────────────────────────────────


def _openai(asked: dict[str, Any], text: str, *, ways: frozenset[str]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text}
    finish = "stop"
    if "tool" in ways:
        call = {"id": "call_1", "type": "function", "function": {"name": "note", "arguments": json.dumps({"text": text})}}
        message, finish = {"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls"
    elif "refuse" in ways:
        message, finish = {"role": "assistant", "content": None, "refusal": text}, "content_filter"
    choices = [{"index": index, "message": message, "finish_reason": finish} for index in range(asked.get("n", 1))]
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    return {"id": "c-1", "object": "chat.completion", "created": 1, "model": asked["model"], "choices": choices, "usage": usage}


def _openai_stream(asked: dict[str, Any], text: str, *, ways: frozenset[str]) -> Iterator[str]:
    def event(choices: list[dict[str, Any]], **more: Any) -> str:
        told = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": asked["model"], "choices": choices, **more}
        return f"data: {json.dumps(told)}\n\n"

    count = asked.get("n", 1)
    finish = "tool_calls" if "tool" in ways else "content_filter" if "refuse" in ways else "stop"
    for index in range(count):
        first = {"role": "assistant", "content": None if "tool" in ways else ""}
        if "tool" in ways:
            first["tool_calls"] = [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "note", "arguments": ""}}]
        yield event([{"index": index, "delta": first, "finish_reason": None}])
    for letter in json.dumps({"text": text}) if "tool" in ways else text:
        for index in range(count):  # the choices interleave
            delta: dict[str, Any] = {"content": letter}
            if "tool" in ways:
                delta = {"tool_calls": [{"index": 0, "function": {"arguments": letter}}]}
            elif "refuse" in ways:
                delta = {"refusal": letter}
            yield event([{"index": index, "delta": delta, "finish_reason": None}])
    for index in range(count):
        yield event([{"index": index, "delta": {}, "finish_reason": finish}])
    yield event([], usage={"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15})
    yield "data: [DONE]\n\n"


# ── Anthropic's words ───────────────────────────────────────────────────────────────────────────────────────────────


def _block(text: str, ways: frozenset[str]) -> dict[str, Any]:
    return {"type": "tool_use", "id": "toolu_1", "name": "note", "input": {"text": text}} if "tool" in ways else {"type": "text", "text": text}


def _stop(ways: frozenset[str]) -> str:
    return "tool_use" if "tool" in ways else "refusal" if "refuse" in ways else "end_turn"


def _anthropic(asked: dict[str, Any], text: str, *, ways: frozenset[str]) -> dict[str, Any]:
    usage = {"input_tokens": 10, "output_tokens": 5}
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": asked["model"]}
    return {**head, "content": [_block(text, ways)], "stop_reason": _stop(ways), "stop_sequence": None, "usage": usage}


def _anthropic_stream(asked: dict[str, Any], text: str, *, ways: frozenset[str]) -> Iterator[str]:
    def event(kind: str, **more: Any) -> str:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n"

    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": asked["model"], "content": [], "stop_reason": None, "stop_sequence": None}
    yield event("message_start", message={**head, "usage": {"input_tokens": 10, "output_tokens": 1}})
    begun = {**_block("", ways), "input": {}} if "tool" in ways else _block("", ways)
    yield event("content_block_start", index=0, content_block=begun)
    for letter in json.dumps({"text": text}) if "tool" in ways else text:
        delta = {"type": "input_json_delta", "partial_json": letter} if "tool" in ways else {"type": "text_delta", "text": letter}
        yield event("content_block_delta", index=0, delta=delta)
    yield event("content_block_stop", index=0)
    yield event("message_delta", delta={"stop_reason": _stop(ways), "stop_sequence": None}, usage={"output_tokens": 5})
    yield event("message_stop")
