"""
OpenAI Chat Completions, as the vendor writes it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from pointsman.cli.simulated.asked import Asked, read_openai
from pointsman.cli.simulated.mind import Said
from pointsman.cli.simulated.pieces import pieces
from pointsman.cli.simulated.protocol import Piece, Protocol

CREATED: Final = 1_750_000_000
_FINGERPRINT: Final = "fp_simulated"
_FRAGMENT: Final = 12
_FINISH: Final = MappingProxyType(
    {"stop": "stop", "length": "length", "tools": "tool_calls", "stop_sequence": "stop", "refused": "content_filter", "unfinished": None}
)
_ERRORS: Final = MappingProxyType(
    {
        400: ("invalid_request_error", None),
        401: ("invalid_request_error", "invalid_api_key"),
        403: ("invalid_request_error", "unsupported_country_region_territory"),
        404: ("invalid_request_error", "model_not_found"),
        429: ("requests", "rate_limit_exceeded"),
    }
)


def whole(asked: Asked, said: Said, *, number: str) -> bytes:
    """Return a `chat.completion` object."""
    is_refusal = said.finish == "refused"
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None if said.uses or is_refusal else said.text,
        "refusal": said.text if is_refusal else None,
        "annotations": [],
    }
    if said.uses:
        message["tool_calls"] = [
            {"id": _call_id(number, index), "type": "function", "function": {"name": use.name, "arguments": use.arguments}}
            for index, use in enumerate(said.uses)
        ]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _FINISH[said.finish]}
    return msgspec.json.encode({**_head(asked, number, kind="chat.completion"), "choices": [choice], "usage": _usage(asked, said), **_tail()})


def stream(asked: Asked, said: Said, *, number: str) -> list[Piece]:
    """Return the `chat.completion.chunk` events: the role, deltas, the finish, usage if it was asked for, `[DONE]`."""

    def chunk(delta: Mapping[str, Any], finish: str | None = None, *, tokens: int = 0) -> Piece:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        usage = {"usage": None} if asked.wants_usage else {}
        return _event({**_head(asked, number, kind="chat.completion.chunk"), **_tail(), "choices": [choice], **usage}, tokens)

    is_refusal = said.finish == "refused"
    events = [chunk({"role": "assistant", "content": None if said.uses or is_refusal else "", "refusal": None}, tokens=1 + said.tokens_thought)]
    events.extend(chunk({"refusal" if is_refusal else "content": piece}, tokens=1) for piece in pieces(said.text))
    for index, use in enumerate(said.uses):
        function: dict[str, Any] = {"name": use.name, "arguments": ""}
        events.append(chunk({"tool_calls": [{"index": index, "id": _call_id(number, index), "type": "function", "function": function}]}, tokens=1))
        events.extend(chunk({"tool_calls": [{"index": index, "function": {"arguments": part}}]}, tokens=3) for part in _fragments(use.arguments))
    events.append(chunk({}, _FINISH[said.finish]))
    if asked.wants_usage:
        events.append(_event({**_head(asked, number, kind="chat.completion.chunk"), **_tail(), "choices": [], "usage": _usage(asked, said)}))
    return [*events, Piece(b"data: [DONE]\n\n")]


def error(status: int, message: str, *, number: str) -> bytes:
    """Return an error's body."""
    del number
    kind, code = _ERRORS.get(status, ("server_error", None))
    return _error(message, kind, code=code)


def broken(number: str) -> bytes:
    """Return the event that ends a stream with an error."""
    del number
    return b"data: " + _error("The server had an error while processing your request. Sorry about that!", "server_error", code=None) + b"\n\n"


def models(names: tuple[str, ...]) -> bytes:
    """Return the list of models."""
    return msgspec.json.encode({"object": "list", "data": [{"id": name, "object": "model", "created": CREATED, "owned_by": "simulated"} for name in names]})


def _headers(number: str) -> Mapping[str, str]:
    return {"x-request-id": f"req_{number}", "openai-version": "2020-10-01", "openai-organization": "simulated", "openai-processing-ms": "1"}


def _error(message: str, kind: str, *, code: str | None, param: str | None = None) -> bytes:
    return msgspec.json.encode({"error": {"message": message, "type": kind, "param": param, "code": code}})


def _head(asked: Asked, number: str, *, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{number}", "object": kind, "created": CREATED, "model": asked.model}


def _tail() -> dict[str, Any]:
    return {"service_tier": "default", "system_fingerprint": _FINGERPRINT}


def _usage(asked: Asked, said: Said) -> dict[str, Any]:
    return {
        "prompt_tokens": asked.tokens_in,
        "completion_tokens": said.tokens_out,
        "total_tokens": asked.tokens_in + said.tokens_out,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": said.tokens_thought,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _call_id(number: str, index: int) -> str:
    return f"call_{number}{index}"


def _fragments(arguments: str) -> list[str]:
    return [arguments[at : at + _FRAGMENT] for at in range(0, len(arguments), _FRAGMENT)]


def _event(told: Mapping[str, Any], tokens: int = 0) -> Piece:
    return Piece(b"data: " + msgspec.json.encode(told) + b"\n\n", tokens)


OPENAI: Final = Protocol(
    path="/v1/chat/completions",
    read=read_openai,
    whole=whole,
    stream=stream,
    error=error,
    broken=broken,
    refusal_error=lambda _: _error(
        "Your request was rejected as a result of our safety system.", "invalid_request_error", code="content_policy_violation", param="messages"
    ),
    too_long_error=lambda _: _error(
        "This model's maximum context length was exceeded. Please reduce the length of the messages.",
        "invalid_request_error",
        code="context_length_exceeded",
        param="messages",
    ),
    headers=_headers,
    end_events=1,
)
