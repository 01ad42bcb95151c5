"""
Asking in both protocols without an SDK, and what an answer says: texts and arguments of tools, whole or from a stream.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import httpx2
from tests.journeys.gateway import Gateway, said

PATHS: Final[Mapping[str, str]] = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}


class Answered(NamedTuple):
    """What came back: the raw answer, the texts of its choices, the arguments of its tools."""

    raw: httpx2.Response
    texts: list[str]
    arguments: list[Any]

    @property
    def reason(self) -> str:
        return self.raw.headers.get("x-pointsman-reason", "")


def ask(
    gateway: Gateway,
    dialect: str,
    capability: str,
    text: Any,
    *,
    key: str,
    headers: Mapping[str, str] | None = None,
    fields: Mapping[str, Any] | None = None,
    **more: Any,
) -> Answered:
    """Ask one question; `fields` and `more` are further fields of the body."""
    body: dict[str, Any] = {
        "model": capability,
        "messages": [{"role": "user", "content": text}],
        **({"max_tokens": 500} if dialect == "anthropic" else {}),
        **(fields or {}),
        **more,
    }
    answer = gateway.post(PATHS[dialect], json=body, headers={"authorization": f"Bearer {key}", **(headers or {})})
    if answer.status_code != httpx2.codes.OK:
        return Answered(answer, [], [])
    texts, arguments = (_streamed if body.get("stream") else _whole)(answer, dialect)
    return Answered(answer, texts, [json.loads(one) if isinstance(one, str) else one for one in arguments])


def _whole(answer: httpx2.Response, dialect: str) -> tuple[list[str], list[Any]]:
    told = answer.json()
    if dialect == "openai":
        messages = [choice["message"] for choice in told["choices"]]
        calls = [call["function"]["arguments"] for message in messages for call in message.get("tool_calls") or ()]
        return [message["content"] or message.get("refusal") or "" for message in messages], calls
    texts = [part["text"] for part in told["content"] if part["type"] == "text"]
    return texts, [part["input"] for part in told["content"] if part["type"] == "tool_use"]


def _streamed(answer: httpx2.Response, dialect: str) -> tuple[list[str], list[Any]]:
    texts: dict[int, str] = {}
    calls: dict[tuple[int, int], str] = {}
    for event in said(answer):
        if dialect == "openai":
            for choice in event.get("choices", ()):
                index, delta = choice["index"], choice["delta"]
                texts[index] = texts.get(index, "") + (delta.get("content") or delta.get("refusal") or "")
                for call in delta.get("tool_calls") or ():
                    at = (index, call["index"])
                    calls[at] = calls.get(at, "") + (call["function"].get("arguments") or "")
        elif event["type"] == "content_block_delta":
            index, delta = event["index"], event["delta"]
            if delta["type"] == "text_delta":
                texts[index] = texts.get(index, "") + delta["text"]
            elif delta["type"] == "input_json_delta":
                calls[index, 0] = calls.get((index, 0), "") + delta["partial_json"]
    return [texts[index] for index in sorted(texts)], [calls[at] for at in sorted(calls)]
