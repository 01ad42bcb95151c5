import re
import signal
import subprocess
import sys
import urllib.request
from typing import Any

import msgspec
import pytest
from tests.cli.simulated.at_work import chat, connected, openai, request, sent, with_vendor

from pointsman.cli.simulated.behaviour import Behaviour
from pointsman.cli.simulated.conversation import signature
from pointsman.cli.simulated.vendor import Running


def test_a_request_without_a_credential_is_told_so() -> None:
    async def work(running: Running) -> None:
        for headers in ({}, {"authorization": "Bearer "}):
            status, _, body = await sent(running, request("POST", "/v1/chat/completions", chat("sim-small"), headers))
            assert (status, msgspec.json.decode(body)["error"]["code"]) == (401, "invalid_api_key")
        assert (await sent(running, request("GET", "/v1/models", headers={})))[0] == 401

    with_vendor(work)


def test_a_vendor_with_a_credential_takes_no_other() -> None:
    async def work(running: Running) -> None:
        for headers, status in (({"x-api-key": "right"}, 200), ({"authorization": "Bearer right"}, 200), ({"authorization": "Bearer wrong"}, 401)):
            assert (await sent(running, request("POST", "/v1/chat/completions", chat("sim-small"), headers)))[0] == status

    with_vendor(work, Behaviour(speed=1000, credential="right"))


def test_what_the_vendor_cannot_read_is_a_bad_request() -> None:
    bodies = [
        b"",
        b"[]",
        b'{"model": "sim-small"}',
        b'{"model": "sim-small", "messages": []}',
        b'{"model": "sim-small", "messages": ["x"]}',
        b'{"messages": [{"role": "user", "content": "x"}]}',
        chat("sim-small", max_tokens=0),
        chat("sim-small", tools=[{"type": "function"}]),
        chat("sim-small", tools=7),
        chat("sim-small", stream_options="x"),
    ]

    async def work(running: Running) -> None:
        for body in bodies:
            for path in ("/v1/chat/completions", "/v1/messages"):
                status, _, _ = await sent(running, request("POST", path, body))
                assert (status == 400) or (path == "/v1/messages" and b"stream_options" in body), body

    with_vendor(work)


def test_anthropic_wants_a_limit_and_a_user_who_begins() -> None:
    async def work(running: Running) -> None:
        status, _, body = await sent(running, request("POST", "/v1/messages", chat("sim-small")))
        assert (status, b"max_tokens: Field required" in body) == (400, True)
        told = msgspec.json.encode({"model": "sim-small", "max_tokens": 5, "messages": [{"role": "assistant", "content": "x"}]})
        assert (await sent(running, request("POST", "/v1/messages", told)))[0] == 400

    with_vendor(work)


def test_anthropic_wants_to_know_the_version_of_its_protocol() -> None:
    async def work(running: Running) -> None:
        status, _, body = await sent(running, request("POST", "/v1/messages", chat("sim-small", max_tokens=5), {"x-api-key": "k"}))
        assert (status, b"anthropic-version: header is required" in body) == (400, True)

    with_vendor(work)


def _turns(*messages: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"model": "sim-small", "max_tokens": 50, "messages": [{"role": "user", "content": "Hello"}, *messages]})


USE = {"type": "tool_use", "id": "t1", "name": "look", "input": {}}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "17"}]}
CALL = {"role": "assistant", "tool_calls": [{"id": "t1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]}
ANSWER = {"role": "tool", "tool_call_id": "t1", "content": "17"}


@pytest.mark.parametrize(
    ("path", "turns", "status"),
    [
        ("/v1/messages", [{"role": "assistant", "content": [USE]}, RESULT], 200),
        ("/v1/messages", [RESULT], 400),
        ("/v1/messages", [{"role": "assistant", "content": [{**USE, "id": "t2"}]}, RESULT], 400),
        ("/v1/messages", [{"role": "assistant", "content": [{"type": "text", "text": ""}]}], 400),
        ("/v1/messages", [{"role": "assistant", "content": [{"type": "thinking", "thinking": "x", "signature": "made up"}]}], 400),
        ("/v1/messages", [{"role": "assistant", "content": [{"type": "thinking", "thinking": "x"}]}], 400),
        ("/v1/messages", [{"role": "assistant", "content": [{"type": "thinking", "thinking": "x", "signature": signature("1")}]}], 200),
        ("/v1/chat/completions", [CALL, ANSWER], 200),
        ("/v1/chat/completions", [ANSWER], 400),
        ("/v1/chat/completions", [CALL, {**ANSWER, "tool_call_id": "t2"}], 400),
    ],
)
def test_a_conversation_that_lost_something_on_its_way_is_refused(path: str, turns: list[dict[str, Any]], status: int) -> None:
    async def work(running: Running) -> None:
        assert (await sent(running, request("POST", path, _turns(*turns))))[0] == status

    with_vendor(work)


def test_an_unknown_model_or_path_is_not_found() -> None:
    async def work(running: Running) -> None:
        status, _, body = await openai(running, "gpt-5")
        assert (status, msgspec.json.decode(body)["error"]["code"]) == (404, "model_not_found")
        for method, path in (("GET", "/v1/chat/completions"), ("POST", "/v1/models"), ("GET", "/")):
            assert (await sent(running, request(method, path)))[0] == 404

    with_vendor(work)


def test_a_picture_alone_is_answered_too() -> None:
    async def work(running: Running) -> None:
        picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
        told = msgspec.json.encode({"model": "sim-small", "messages": [{"role": "user", "content": [picture]}]})
        status, _, body = await sent(running, request("POST", "/v1/chat/completions", told))
        assert (status, msgspec.json.decode(body)["choices"][0]["message"]["content"]) == (200, "You said: ")

    with_vendor(work)


def test_bytes_that_are_no_request_are_answered_and_closed() -> None:
    async def work(running: Running) -> None:
        status, headers, _ = await sent(running, b"NONSENSE\r\n\r\n")
        assert (status, headers["connection"]) == (400, "close")

    with_vendor(work)


def test_a_connection_serves_one_request_after_another() -> None:
    async def work(running: Running) -> None:
        async with connected(running) as (reader, writer):
            for _ in range(2):
                writer.write(request("POST", "/v1/chat/completions", chat("sim-small"), close=False))
                head = await reader.readuntil(b"\r\n\r\n")
                assert b"connection: close" not in head
                size = next(int(line.split(b": ")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length"))
                assert msgspec.json.decode(await reader.readexactly(size))["object"] == "chat.completion"

    with_vendor(work)


def test_requests_that_are_sent_together_are_answered_one_after_another() -> None:
    async def work(running: Running) -> None:
        first = request("POST", "/v1/chat/completions", chat("sim-small", text="one"), close=False)
        _, headers, body = await sent(running, first + request("POST", "/v1/chat/completions", chat("sim-small", text="two")))
        assert "connection" not in headers
        assert 0 < body.index(b"You said: one") < body.index(b"connection: close") < body.index(b"You said: two")

    with_vendor(work)


def test_the_process_says_where_it_listens_and_ends_on_a_signal() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "pointsman.cli.simulated", "--speed", "1000", "--seed", "3", "--key", "k"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        found = re.fullmatch(r"simulated vendor listens on (http://127\.0\.0\.1:\d+)\n", process.stdout.readline())
        assert found is not None
        asked = urllib.request.Request(f"{found[1]}/v1/chat/completions", chat("sim-small"), {"authorization": "Bearer k"})
        with urllib.request.urlopen(asked, timeout=30) as answer:
            assert msgspec.json.decode(answer.read())["choices"][0]["message"]["content"] == "You said: Hello"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
