"""
The simulator's wire, read by the vendors' own SDKs.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from anthropic import AsyncAnthropic, OverloadedError
from anthropic import RateLimitError as AnthropicRateLimit
from openai import APIError, AsyncOpenAI, InternalServerError, RateLimitError
from tests.cli.simulated.at_work import with_vendor

from pointsman.cli.simulated.vendor import Running

Both = Callable[[AsyncOpenAI, AsyncAnthropic], Awaitable[None]]

WEATHER = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 2}}, "required": ["city", "days"]}
OPENAI_TOOLS: Any = [{"type": "function", "function": {"name": name, "parameters": WEATHER}} for name in ("get_weather", "get_time")]
ANTHROPIC_TOOLS: Any = [{"name": name, "input_schema": WEATHER} for name in ("get_weather", "get_time")]
ASKS_FOR_TOOLS: Any = [{"role": "user", "content": "Please call get_weather and get_time."}]
HELLO: Any = [{"role": "user", "content": [{"type": "text", "text": "Hello there"}]}]


def with_sdks(work: Both) -> None:
    async def run(running: Running) -> None:
        openai = AsyncOpenAI(base_url=f"{running.url}/v1", api_key="k", max_retries=0)
        anthropic = AsyncAnthropic(base_url=running.url, api_key="k", max_retries=0)
        try:
            await work(openai, anthropic)
        finally:
            await openai.close()
            await anthropic.close()

    with_vendor(run)


def test_models_are_listed_to_both() -> None:
    async def work(openai: AsyncOpenAI, anthropic: AsyncAnthropic) -> None:
        names = ["sim-frontier", "sim-mid", "sim-small", "sim-tiny"]
        assert [model.id async for model in await openai.models.list()] == names
        assert [model.id async for model in anthropic.models.list()] == names

    with_sdks(work)


def test_the_same_prompt_is_answered_alike_streamed_or_not() -> None:
    async def work(openai: AsyncOpenAI, anthropic: AsyncAnthropic) -> None:
        whole = await openai.chat.completions.create(model="sim-small", messages=HELLO)
        assert whole.choices[0].message.content == "You said: Hello there"
        text, usage, finish = "", None, None
        async for chunk in await openai.chat.completions.create(model="sim-small", messages=HELLO, stream=True, stream_options={"include_usage": True}):
            text += "".join(choice.delta.content or "" for choice in chunk.choices)
            finish = next((choice.finish_reason for choice in chunk.choices if choice.finish_reason), finish)
            usage = chunk.usage or usage
        assert (text, finish, usage) == ("You said: Hello there", "stop", whole.usage)
        told = await anthropic.messages.create(model="sim-small", max_tokens=50, messages=HELLO)
        async with anthropic.messages.stream(model="sim-small", max_tokens=50, messages=HELLO) as stream:
            streamed = await stream.get_final_message()
        assert streamed.content[0].text == told.content[0].text == "You said: Hello there"  # pyright: ignore[reportAttributeAccessIssue]
        assert streamed.usage.output_tokens == told.usage.output_tokens
        assert streamed.stop_reason == told.stop_reason == "end_turn"

    with_sdks(work)


def test_an_openai_stream_tells_no_usage_unless_asked() -> None:
    async def work(openai: AsyncOpenAI, anthropic: AsyncAnthropic) -> None:
        assert all(
            [chunk.usage is None and chunk.choices async for chunk in await openai.chat.completions.create(model="sim-small", messages=HELLO, stream=True)]
        )

    with_sdks(work)


def test_tools_are_called_in_parallel_with_arguments_that_fit() -> None:
    async def work(openai: AsyncOpenAI, anthropic: AsyncAnthropic) -> None:
        whole = await openai.chat.completions.create(model="sim-small", messages=ASKS_FOR_TOOLS, tools=OPENAI_TOOLS)
        calls: Any = whole.choices[0].message.tool_calls
        assert whole.choices[0].finish_reason == "tool_calls"
        assert [call.function.name for call in calls] == ["get_weather", "get_time"]
        assert msgspec.json.decode(calls[0].function.arguments)["days"] == 2
        told = await anthropic.messages.create(model="sim-small", max_tokens=99, messages=ASKS_FOR_TOOLS, tools=ANTHROPIC_TOOLS)
        assert told.stop_reason == "tool_use"
        assert [block.name for block in told.content if block.type == "tool_use"] == ["get_weather", "get_time"]

    with_sdks(work)


def test_arguments_of_tools_are_streamed_in_fragments() -> None:
    async def work(openai: AsyncOpenAI, anthropic: AsyncAnthropic) -> None:
        fragments: dict[int, list[str]] = {}
        async for chunk in await openai.chat.completions.create(model="sim-small", messages=ASKS_FOR_TOOLS, tools=OPENAI_TOOLS, stream=True):
            for call in chunk.choices[0].delta.tool_calls or ():
                assert call.function is not None
                fragments.setdefault(call.index, []).append(call.function.arguments or "")
        assert all(len(parts) > 3 and msgspec.json.decode("".join(parts))["days"] == 2 for parts in fragments.values())
        assert set(fragments) == {0, 1}
        async with anthropic.messages.stream(model="sim-small", max_tokens=99, messages=ASKS_FOR_TOOLS, tools=ANTHROPIC_TOOLS) as stream:
            deltas = [event async for event in stream if event.type == "input_json"]
            final = await stream.get_final_message()
        assert len(deltas) > 6
        assert [block.input["days"] for block in final.content if block.type == "tool_use"] == [2, 2]

    with_sdks(work)


def test_how_free_a_model_is_to_use_tools_is_obeyed() -> None:
    async def work(openai: AsyncOpenAI, anthropic: AsyncAnthropic) -> None:
        async def called(**more: Any) -> list[str]:
            answer = await openai.chat.completions.create(model="sim-small", tools=OPENAI_TOOLS, **{"messages": HELLO, **more})
            return [call.function.name for call in answer.choices[0].message.tool_calls or ()]  # pyright: ignore[reportAttributeAccessIssue]

        assert await called() == []
        assert await called(tool_choice="required") == ["get_weather"]
        assert await called(tool_choice={"type": "function", "function": {"name": "get_time"}}) == ["get_time"]
        assert await called(messages=ASKS_FOR_TOOLS, tool_choice="none") == []
        assert await called(messages=ASKS_FOR_TOOLS, parallel_tool_calls=False) == ["get_weather"]
        choice: Any = {"type": "tool", "name": "get_time"}
        told = await anthropic.messages.create(model="sim-small", max_tokens=99, messages=HELLO, tools=ANTHROPIC_TOOLS, tool_choice=choice)
        assert [block.name for block in told.content if block.type == "tool_use"] == ["get_time"]
        choice = {"type": "auto", "disable_parallel_tool_use": True}
        told = await anthropic.messages.create(model="sim-small", max_tokens=99, messages=ASKS_FOR_TOOLS, tools=ANTHROPIC_TOOLS, tool_choice=choice)
        assert [block.name for block in told.content if block.type == "tool_use"] == ["get_weather"]

    with_sdks(work)


def test_what_a_tool_answered_comes_back_in_the_answer() -> None:
    async def work(openai: AsyncOpenAI, anthropic: AsyncAnthropic) -> None:
        use: Any = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
        turns: Any = [*ASKS_FOR_TOOLS, {"role": "assistant", "tool_calls": [use]}, {"role": "tool", "tool_call_id": "c1", "content": "17 degrees"}]
        whole = await openai.chat.completions.create(model="sim-small", messages=turns, tools=OPENAI_TOOLS)
        assert whole.choices[0].message.content == "The tools answered: 17 degrees"
        used: Any = {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "get_weather", "input": {}}]}
        result: Any = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "17 degrees"}]}
        told = await anthropic.messages.create(model="sim-small", max_tokens=99, messages=[*ASKS_FOR_TOOLS, used, result], tools=ANTHROPIC_TOOLS)
        assert told.content[0].text == "The tools answered: 17 degrees"  # pyright: ignore[reportAttributeAccessIssue]

    with_sdks(work)


def test_structured_output_fits_its_schema() -> None:
    async def work(openai: AsyncOpenAI, anthropic: AsyncAnthropic) -> None:
        form: Any = {"type": "json_schema", "json_schema": {"name": "w", "schema": WEATHER, "strict": True}}
        whole = await openai.chat.completions.create(model="sim-small", messages=HELLO, response_format=form)
        assert msgspec.json.decode(whole.choices[0].message.content or "") == {"city": "Hello there", "days": 2}
        whole = await openai.chat.completions.create(model="sim-small", messages=HELLO, response_format={"type": "json_object"})
        assert msgspec.json.decode(whole.choices[0].message.content or "") == {"answer": "Hello there"}
        told = await anthropic.messages.create(
            model="sim-small", max_tokens=99, messages=HELLO, extra_body={"output_config": {"format": {"type": "json_schema", "schema": WEATHER}}}
        )
        assert msgspec.json.decode(told.content[0].text) == {"city": "Hello there", "days": 2}  # pyright: ignore[reportAttributeAccessIssue]

    with_sdks(work)


def test_thinking_comes_first_and_signed() -> None:
    async def work(openai: AsyncOpenAI, anthropic: AsyncAnthropic) -> None:
        async with anthropic.messages.stream(model="sim-small", max_tokens=2000, messages=HELLO, thinking={"type": "enabled", "budget_tokens": 1024}) as stream:
            kinds = {event.type async for event in stream}
            final = await stream.get_final_message()
        assert {"thinking", "signature", "text"} <= kinds
        thought: Any = final.content[0]
        assert (thought.type, bool(thought.thinking), bool(thought.signature)) == ("thinking", True, True)
        assert final.content[1].type == "text"
        whole = await openai.chat.completions.create(model="sim-small", messages=HELLO, reasoning_effort="low")
        assert whole.usage is not None
        assert whole.usage.completion_tokens_details is not None
        assert 0 < (whole.usage.completion_tokens_details.reasoning_tokens or 0) < whole.usage.completion_tokens

    with_sdks(work)


def test_stop_sequences_and_limits_end_an_answer() -> None:
    async def work(openai: AsyncOpenAI, anthropic: AsyncAnthropic) -> None:
        whole = await openai.chat.completions.create(model="sim-small", messages=HELLO, stop="there")
        assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == ("You said: Hello ", "stop")
        whole = await openai.chat.completions.create(model="sim-small", messages=HELLO, max_completion_tokens=2)
        assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == ("You said", "length")
        told = await anthropic.messages.create(model="sim-small", max_tokens=50, messages=HELLO, stop_sequences=["nothing", "Hello"])
        assert (told.stop_reason, told.stop_sequence) == ("stop_sequence", "Hello")
        told = await anthropic.messages.create(model="sim-small", max_tokens=2, messages=HELLO)
        assert (told.stop_reason, told.usage.output_tokens) == ("max_tokens", 2)

    with_sdks(work)


def test_a_refusal_is_read_as_one() -> None:
    async def work(openai: AsyncOpenAI, anthropic: AsyncAnthropic) -> None:
        refusal = ""
        async for chunk in await openai.chat.completions.create(model="sim-small!refuse_content", messages=HELLO, stream=True):
            refusal += chunk.choices[0].delta.refusal or ""
        assert refusal == "I'm sorry, but I can't help with that."
        told = await anthropic.messages.create(model="sim-small!refuse_content", max_tokens=50, messages=HELLO)
        assert (told.stop_reason, told.content) == ("refusal", [])

    with_sdks(work)


def test_errors_are_raised_as_the_sdks_know_them() -> None:
    async def work(openai: AsyncOpenAI, anthropic: AsyncAnthropic) -> None:
        with pytest.raises(RateLimitError):
            await openai.chat.completions.create(model="sim-small!status_429", messages=HELLO)
        with pytest.raises(InternalServerError):
            await openai.chat.completions.create(model="sim-small!status_503", messages=HELLO)
        with pytest.raises(AnthropicRateLimit):
            await anthropic.messages.create(model="sim-small!status_429", max_tokens=50, messages=HELLO)
        with pytest.raises(OverloadedError):
            await anthropic.messages.create(model="sim-small!status_529", max_tokens=50, messages=HELLO)
        with pytest.raises(APIError, match="had an error"):
            _ = [chunk async for chunk in await openai.chat.completions.create(model="sim-small!error_event", messages=HELLO, stream=True)]
        with pytest.raises(Exception, match="overloaded_error"):
            async with anthropic.messages.stream(model="sim-small!error_event", max_tokens=50, messages=HELLO) as stream:
                await stream.get_final_message()

    with_sdks(work)
