"""
Anthropic Messages, as the vendor writes it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from pointsman.cli.simulated.asked import Asked, read_anthropic
from pointsman.cli.simulated.conversation import signature
from pointsman.cli.simulated.mind import Said
from pointsman.cli.simulated.pieces import pieces
from pointsman.cli.simulated.protocol import Piece, Protocol

_FRAGMENT: Final = 12
_FINISH: Final = MappingProxyType(
    {"stop": "end_turn", "length": "max_tokens", "tools": "tool_use", "stop_sequence": "stop_sequence", "refused": "refusal", "unfinished": None}
)
_ERRORS: Final = MappingProxyType(
    {
        400: "invalid_request_error",
        401: "authentication_error",
        403: "permission_error",
        404: "not_found_error",
        413: "request_too_large",
        429: "rate_limit_error",
        529: "overloaded_error",
    }
)


def whole(asked: Asked, said: Said, *, number: str) -> bytes:
    """Return a `message` object."""
    return msgspec.json.encode(
        {
            "id": f"msg_{number}",
            "type": "message",
            "role": "assistant",
            "model": asked.model,
            "content": [_block(kind, body, number=number) for kind, body in _content(said)],
            "stop_reason": _FINISH[said.finish],
            "stop_sequence": said.stop_sequence,
            "usage": _usage(asked, said.tokens_out),
        }
    )


def stream(asked: Asked, said: Said, *, number: str) -> list[Piece]:
    """Return the events: `message_start`, the blocks with a `ping` among them, `message_delta`, `message_stop`."""
    empty: dict[str, Any] = {"id": f"msg_{number}", "type": "message", "role": "assistant", "model": asked.model, "content": []}
    start = {**empty, "stop_reason": None, "stop_sequence": None, "usage": _usage(asked, 1)}
    events = [_event("message_start", {"message": start}, tokens=1)]
    for index, (kind, body) in enumerate(_content(said)):
        opening = _block(kind, body, number=number)
        opening.update({"text": ""} if kind == "text" else {"input": {}} if kind == "tool_use" else {"thinking": "", "signature": ""})
        events.append(_event("content_block_start", {"index": index, "content_block": opening}))
        if index == 0:
            events.append(_event("ping", {}))
        events.extend(_event("content_block_delta", {"index": index, "delta": delta}, tokens=tokens) for delta, tokens in _deltas(kind, body, number=number))
        events.append(_event("content_block_stop", {"index": index}))
    delta = {"stop_reason": _FINISH[said.finish], "stop_sequence": said.stop_sequence}
    usage = {"input_tokens": asked.tokens_in, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": said.tokens_out}
    return [*events, _event("message_delta", {"delta": delta, "usage": usage}), _event("message_stop", {})]


def error(status: int, message: str, *, number: str) -> bytes:
    """Return an error's body."""
    return msgspec.json.encode(
        {"type": "error", "error": {"type": _ERRORS.get(status, "api_error"), "message": message}, "request_id": f"req_{number}"},
    )


def broken(number: str) -> bytes:
    """Return the event that ends a stream with an error."""
    del number
    return _event("error", {"error": {"type": "overloaded_error", "message": "Overloaded"}}).data


def models(names: tuple[str, ...]) -> bytes:
    """Return the list of models."""
    data = [{"type": "model", "id": name, "display_name": name, "created_at": "2025-06-15T00:00:00Z"} for name in names]
    return msgspec.json.encode({"data": data, "has_more": False, "first_id": names[0], "last_id": names[-1]})


def _headers(number: str) -> Mapping[str, str]:
    return {"request-id": f"req_{number}", "anthropic-organization-id": "simulated"}


def _content(said: Said) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = [("thinking", said.thinking)] if said.thinking else []
    if said.text and said.finish != "refused":
        found.append(("text", said.text))
    return [*found, *(("tool_use", (index, use)) for index, use in enumerate(said.uses))]


def _block(kind: str, body: Any, *, number: str) -> dict[str, Any]:
    match kind:
        case "thinking":
            return {"type": kind, "thinking": body, "signature": signature(number)}
        case "text":
            return {"type": kind, "text": body}
        case _:
            index, use = body
            return {"type": kind, "id": f"toolu_{number}{index}", "name": use.name, "input": msgspec.Raw(use.arguments.encode())}


def _deltas(kind: str, body: Any, *, number: str) -> list[tuple[dict[str, Any], int]]:
    match kind:
        case "thinking":
            thought = [({"type": "thinking_delta", "thinking": piece}, 1) for piece in pieces(body)]
            return [*thought, ({"type": "signature_delta", "signature": signature(number)}, 0)]
        case "text":
            return [({"type": "text_delta", "text": piece}, 1) for piece in pieces(body)]
        case _:
            text = body[1].arguments
            fragments = [text[at : at + _FRAGMENT] for at in range(0, len(text), _FRAGMENT)]
            return [({"type": "input_json_delta", "partial_json": part}, 3 if part else 1) for part in ("", *fragments)]


def _usage(asked: Asked, tokens_out: int) -> dict[str, Any]:
    return {
        "input_tokens": asked.tokens_in,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": tokens_out,
        "service_tier": "standard",
    }


def _event(kind: str, told: Mapping[str, Any], *, tokens: int = 0) -> Piece:
    return Piece(f"event: {kind}\ndata: ".encode() + msgspec.json.encode({"type": kind, **told}) + b"\n\n", tokens)


ANTHROPIC: Final = Protocol(
    path="/v1/messages",
    read=read_anthropic,
    whole=whole,
    stream=stream,
    error=error,
    broken=broken,
    refusal_error=lambda number: error(400, "Output blocked by content filtering policy", number=number),
    too_long_error=lambda number: error(400, "prompt is too long: 300000 tokens > 200000 maximum", number=number),
    headers=_headers,
    end_events=2,
)
