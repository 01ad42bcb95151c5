"""
The two official SDKs behind one way of asking, so that one matrix of cases covers both. Everything is left to the SDKs: how a request is
written, how a stream is put together, what an answer must look like.
"""

import asyncio
import base64
import json
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import anthropic
import openai
import pytest
from openai.types.chat import ChatCompletion
from pydantic import BaseModel
from tests.journeys.gateway import Gateway

MODES: Final = ("whole", "stream", "async", "async-stream")

PNG: Final = base64.b64encode(
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\x00\x05\x00\x01\xff\x89\x99=\x1d\x00\x00\x00\x00IEND\xaeB`\x82"
).decode()

GREETING: Final = "Good morning, dear model"
ORDERS: Final = {"type": "object", "properties": {"order": {"type": "string", "enum": ["A1", "B2"]}}, "required": ["order"], "additionalProperties": False}


class Triage(BaseModel):
    """The shape that structured answers must have."""

    topic: Literal["refund", "delivery"]
    urgent: bool


@dataclass(frozen=True)
class Asked:
    """A question in no SDK's words."""

    text: str
    tools: bool = False
    must_call: bool = False
    one_call: bool = False
    image: bool = False
    shape: type[BaseModel] | None = None
    max_tokens: int = 600
    stop: tuple[str, ...] = ()
    system: str | None = None
    thinking: bool = False
    history: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Said:
    """An answer in no SDK's words. `turn` is the SDK's own, to be sent back with results of tools."""

    text: str
    finish: str
    tokens_in: int
    tokens_out: int
    calls: tuple[tuple[str, str, dict[str, Any]], ...] = ()
    thought: str = ""
    signature: str | None = None
    parsed: BaseModel | None = None
    turn: Any = field(default=None, repr=False)


class OpenAIClient:
    """`openai`, whole and streamed, sync and async."""

    name = "openai"
    errors: Final = openai
    finish_words: Final = {"stop": "done", "length": "length", "tool_calls": "tools"}

    def client(self, gateway: Gateway, key: str = "none", **options: Any) -> openai.OpenAI:
        return gateway.openai(key, **options)

    def create(self, client: Any, capability: str, text: str = GREETING, **more: Any) -> Any:
        """Ask with the SDK's plainest call; returns the raw response, whose `parse()` is the answer."""
        request = {"model": capability, "messages": [{"role": "user", "content": text}], "max_completion_tokens": 100, **more}
        return client.chat.completions.with_raw_response.create(**request)

    def words(self, client: Any, capability: str, text: str = GREETING, **more: Any) -> Generator[str]:
        """Yield the words of a stream as they come; leaving the generator leaves the stream."""
        request = {"model": capability, "messages": [{"role": "user", "content": text}], "max_completion_tokens": 1000, **more}
        with client.chat.completions.create(**request, stream=True) as stream:
            for chunk in stream:
                if chunk.choices and chunk.choices[0].delta.content:
                    yield chunk.choices[0].delta.content

    def ask(self, gateway: Gateway, capability: str, asked: Asked, mode: str, *, key: str = "none") -> Said:
        wanted = self._request(capability, asked)
        if mode.startswith("async"):
            return asyncio.run(self._ask_async(gateway, key, wanted, is_stream=mode.endswith("stream")))
        client = gateway.openai(key).chat.completions
        if mode == "whole":
            return self._said(client.parse(**wanted) if "response_format" in wanted else client.create(**wanted))
        with client.stream(**wanted, stream_options={"include_usage": True}) as stream:
            try:
                return self._said(stream.get_final_completion())
            except openai.LengthFinishReasonError as cut:  # the SDK's way to tell it
                return self._said(cut.completion)

    async def _ask_async(self, gateway: Gateway, key: str, wanted: dict[str, Any], *, is_stream: bool) -> Said:
        async with gateway.async_openai(key) as client:
            chat = client.chat.completions
            if not is_stream:
                return self._said(await (chat.parse(**wanted) if "response_format" in wanted else chat.create(**wanted)))
            async with chat.stream(**wanted, stream_options={"include_usage": True}) as stream:
                try:
                    return self._said(await stream.get_final_completion())
                except openai.LengthFinishReasonError as cut:
                    return self._said(cut.completion)

    def after(self, asked: Asked, said: Said, results: Iterable[tuple[str, str]]) -> Asked:
        """Return the question that goes on with the results of tools."""
        told = [{"role": "tool", "tool_call_id": use_id, "content": text} for use_id, text in results]
        return Asked(asked.text, tools=True, max_tokens=asked.max_tokens, thinking=asked.thinking, history=(said.turn, *told))

    def _request(self, capability: str, asked: Asked) -> dict[str, Any]:
        content: Any = asked.text
        if asked.image:
            content = [{"type": "text", "text": asked.text}, {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}]
        system = [] if asked.system is None else [{"role": "system", "content": asked.system}]
        request: dict[str, Any] = {
            "model": capability,
            "messages": [*system, {"role": "user", "content": content}, *asked.history],
            "max_completion_tokens": asked.max_tokens,
        }
        if asked.tools:
            function = {"name": "lookup", "description": "Look an order up.", "parameters": ORDERS, "strict": True}
            request["tools"] = [{"type": "function", "function": function}]
        if asked.must_call:
            request["tool_choice"] = "required"
        if asked.one_call:
            request["parallel_tool_calls"] = False
        if asked.shape is not None:
            request["response_format"] = asked.shape
        if asked.stop:
            request["stop"] = list(asked.stop)
        return request

    def _said(self, completion: Any) -> Said:
        assert isinstance(completion, ChatCompletion)
        choice = completion.choices[0]
        message = choice.message
        details = getattr(message, "reasoning_details", None) or []
        assert completion.usage is not None
        return Said(
            text=message.content or "",
            finish=self.finish_words[choice.finish_reason],
            tokens_in=completion.usage.prompt_tokens,
            tokens_out=completion.usage.completion_tokens,
            calls=tuple((call.id, call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or ()),  # type: ignore[union-attr]
            thought=getattr(message, "reasoning_content", None) or "",
            signature=details[0].get("signature") if details else None,
            parsed=getattr(message, "parsed", None),
            turn=_without_parsed(message.model_dump(exclude_none=True, warnings=False)),
        )


class AnthropicClient:
    """`anthropic`, whole and streamed, sync and async."""

    name = "anthropic"
    errors: Final = anthropic
    finish_words: Final = {"end_turn": "done", "stop_sequence": "done", "max_tokens": "length", "tool_use": "tools"}

    def client(self, gateway: Gateway, key: str = "none", **options: Any) -> anthropic.Anthropic:
        return gateway.anthropic(key, **options)

    def create(self, client: Any, capability: str, text: str = GREETING, **more: Any) -> Any:
        """Ask with the SDK's plainest call; returns the raw response, whose `parse()` is the answer."""
        request = {"model": capability, "messages": [{"role": "user", "content": text}], "max_tokens": 100, **more}
        return client.messages.with_raw_response.create(**request)

    def words(self, client: Any, capability: str, text: str = GREETING, **more: Any) -> Generator[str]:
        """Yield the words of a stream as they come; leaving the generator leaves the stream."""
        request = {"model": capability, "messages": [{"role": "user", "content": text}], "max_tokens": 1000, **more}
        with client.messages.create(**request, stream=True) as stream:
            for event in stream:
                if event.type == "content_block_delta" and event.delta.type == "text_delta":
                    yield event.delta.text

    def ask(self, gateway: Gateway, capability: str, asked: Asked, mode: str, *, key: str = "none") -> Said:
        wanted = self._request(capability, asked)
        if mode.startswith("async"):
            return asyncio.run(self._ask_async(gateway, key, wanted, is_stream=mode.endswith("stream")))
        client = gateway.anthropic(key).messages
        if mode == "whole":
            return self._said(client.parse(**wanted) if "output_format" in wanted else client.create(**wanted))
        with client.stream(**wanted) as stream:
            return self._said(stream.get_final_message())

    async def _ask_async(self, gateway: Gateway, key: str, wanted: dict[str, Any], *, is_stream: bool) -> Said:
        async with gateway.async_anthropic(key) as client:
            if not is_stream:
                return self._said(await (client.messages.parse(**wanted) if "output_format" in wanted else client.messages.create(**wanted)))
            async with client.messages.stream(**wanted) as stream:
                return self._said(await stream.get_final_message())

    def after(self, asked: Asked, said: Said, results: Iterable[tuple[str, str]]) -> Asked:
        """Return the question that goes on with the results of tools."""
        told = [{"type": "tool_result", "tool_use_id": use_id, "content": text} for use_id, text in results]
        return Asked(asked.text, tools=True, max_tokens=asked.max_tokens, thinking=asked.thinking, history=(said.turn, {"role": "user", "content": told}))

    def _request(self, capability: str, asked: Asked) -> dict[str, Any]:
        content: Any = asked.text
        if asked.image:
            picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
            content = [{"type": "text", "text": asked.text}, picture]
        request: dict[str, Any] = {
            "model": capability,
            "messages": [{"role": "user", "content": content}, *asked.history],
            "max_tokens": asked.max_tokens,
        }
        if asked.system is not None:
            request["system"] = asked.system
        if asked.tools:
            request["tools"] = [{"name": "lookup", "description": "Look an order up.", "input_schema": ORDERS}]
        if asked.must_call or asked.one_call:
            request["tool_choice"] = {"type": "any" if asked.must_call else "auto", "disable_parallel_tool_use": asked.one_call}
        if asked.shape is not None:
            request["output_format"] = asked.shape
        if asked.stop:
            request["stop_sequences"] = list(asked.stop)
        if asked.thinking:
            request["thinking"] = {"type": "enabled", "budget_tokens": 1024}
            request["max_tokens"] = 2048
        return request

    def _said(self, message: Any) -> Said:
        assert isinstance(message, anthropic.types.Message)
        thinking = [block for block in message.content if block.type == "thinking"]
        return Said(
            text="".join(block.text for block in message.content if block.type == "text"),
            finish=self.finish_words[message.stop_reason or ""],
            tokens_in=message.usage.input_tokens + (message.usage.cache_read_input_tokens or 0),
            tokens_out=message.usage.output_tokens,
            calls=tuple((block.id, block.name, dict(block.input)) for block in message.content if block.type == "tool_use"),
            thought="".join(block.thinking for block in thinking),
            signature=(thinking[0].signature or None) if thinking else None,
            parsed=getattr(message, "parsed_output", None),
            turn={"role": "assistant", "content": [_block(block) for block in message.content]},
        )


def _block(block: Any) -> dict[str, Any]:
    return {name: value for name, value in block.model_dump(exclude_none=True).items() if not name.startswith("parsed")}


def _without_parsed(message: dict[str, Any]) -> dict[str, Any]:
    message.pop("parsed", None)
    for call in message.get("tool_calls", ()):
        call["function"].pop("parsed_arguments", None)
        call.pop("index", None)
    return message


Sdk = OpenAIClient | AnthropicClient
SDKS: Final = (OpenAIClient(), AnthropicClient())
every_sdk: Final = pytest.mark.parametrize("sdk", SDKS, ids=lambda sdk: sdk.name)
