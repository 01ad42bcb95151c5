"""
What reaches a vendor is what the caller sent: every field in the same dialect, every meaning in another, and never the caller's key.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.journeys.gateway import UPSTREAM_KEY, Gateway
from tests.journeys.sdks import GREETING, PNG, AnthropicClient, OpenAIClient, Sdk, every_sdk
from tests.journeys.upstreams import Simulator, Upstreams, settings

_CALLERS_KEY = "the-callers-own-secret"

# What a model of sentences takes for a name in a text of all alphabets would be replaced on its way; here the way itself is looked at.
_PLAIN = {"off": ["person", "address", "location", "phone", "age", "nationality", "postcode"]}


@pytest.fixture(scope="module")
def gateway(upstreams: Upstreams, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with Gateway(tmp_path_factory.mktemp("plain"), settings(upstreams, detection=_PLAIN)) as running:
        yield running


def _received(simulator: Simulator) -> dict[str, Any]:
    return simulator.requests("sim-mid")[-1]


@every_sdk
@pytest.mark.parametrize("upstream", ["openai", "anthropic"])
def test_the_vendor_is_shown_its_own_key_and_never_the_callers(gateway: Gateway, simulator: Simulator, sdk: Sdk, upstream: str) -> None:
    more: dict[str, Any] = {"extra_headers": {"cookie": "session=callers", "x-forwarded-for": "10.0.0.1", "x-pointsman-unit": "ticket-9"}}
    sdk.create(sdk.client(gateway, _CALLERS_KEY), f"sim-{upstream}", **more)
    headers = _received(simulator)["headers"]
    shown = headers["authorization"] if upstream == "openai" else headers["x-api-key"]
    assert shown.removeprefix("Bearer ") == UPSTREAM_KEY
    told = json.dumps(headers)
    assert not any(secret in told for secret in (_CALLERS_KEY, "callers", "10.0.0.1", "ticket-9", "stainless"))


def test_fields_that_we_do_not_know_pass_through_in_openais_dialect(gateway: Gateway, simulator: Simulator) -> None:
    more = {"seed": 7, "logit_bias": {"5": 1}, "metadata": {"a": "b"}, "extra_body": {"future": {"nested": [1, None, "ü"]}}, "presence_penalty": 0.5}
    OpenAIClient().create(gateway.openai(), "sim-openai", **more)
    body = _received(simulator)["body"]
    assert body == {
        "messages": [{"role": "user", "content": GREETING}],
        "model": "sim-mid",
        "max_completion_tokens": 100,
        "seed": 7,
        "logit_bias": {"5": 1},
        "metadata": {"a": "b"},
        "future": {"nested": [1, None, "ü"]},
        "presence_penalty": 0.5,
    }


def test_fields_that_we_do_not_know_pass_through_in_anthropics_dialect(gateway: Gateway, simulator: Simulator) -> None:
    system = [{"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}}]
    more = {"system": system, "metadata": {"user_id": "u1"}, "extra_body": {"top_k": 3, "future": {"nested": [1, None, "ü"]}}}
    AnthropicClient().create(gateway.anthropic(), "sim-anthropic", **more)
    body = _received(simulator)["body"]
    assert body == {
        "model": "sim-mid",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": GREETING}],
        "system": system,
        "metadata": {"user_id": "u1"},
        "top_k": 3,
        "future": {"nested": [1, None, "ü"]},
    }


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def test_an_openai_call_is_translated_whole(gateway: Gateway, simulator: Simulator) -> None:
    function = {"name": "lookup", "description": "Look up.", "parameters": {"type": "object", "properties": {"order": {"type": "string"}}}}
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    used = {"id": "call_1", "type": "function", "function": {"name": "lookup", "arguments": '{"order": "A1"}'}}
    OpenAIClient().create(
        gateway.openai(),
        "sim-anthropic",
        messages=[
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": [{"type": "text", "text": "What is this?"}, picture]},
            {"role": "assistant", "content": None, "tool_calls": [used]},
            {"role": "tool", "tool_call_id": "call_1", "content": "on its way"},
            {"role": "user", "content": "And now?"},
        ],
        tools=[{"type": "function", "function": function}],
        tool_choice={"type": "function", "function": {"name": "lookup"}},
        parallel_tool_calls=False,
        temperature=0.5,
        top_p=0.9,
        stop=["END"],
        user="u1",
        reasoning_effort="low",
    )
    body = _received(simulator)["body"]
    assert body == {
        "model": "sim-mid",
        "max_tokens": 100,
        "system": "Be kind.",
        "messages": [
            {"role": "user", "content": [_text("What is this?"), {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "call_1", "name": "lookup", "input": {"order": "A1"}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": [_text("on its way")]}, _text("And now?")]},
        ],
        "tools": [{"name": "lookup", "description": "Look up.", "input_schema": function["parameters"]}],
        "tool_choice": {"type": "tool", "name": "lookup", "disable_parallel_tool_use": True},
        "temperature": 0.5,
        "top_p": 0.9,
        "stop_sequences": ["END"],
        "metadata": {"user_id": "u1"},
        "output_config": {"effort": "low"},
    }


def test_an_anthropic_call_is_translated_whole(gateway: Gateway, simulator: Simulator) -> None:
    used = {"type": "tool_use", "id": "t1", "name": "lookup", "input": {"order": "A1"}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "lost", "is_error": True}
    AnthropicClient().create(
        gateway.anthropic(),
        "sim-openai",
        system="Be kind.",
        messages=[
            {"role": "user", "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}]},
            {"role": "assistant", "content": [{"type": "text", "text": "I look."}, used]},
            {"role": "user", "content": [result, {"type": "text", "text": "And now?"}]},
        ],
        tools=[{"name": "lookup", "input_schema": {"type": "object"}}],
        tool_choice={"type": "any", "disable_parallel_tool_use": True},
        stop_sequences=["END"],
        metadata={"user_id": "u1"},
        extra_body={"temperature": 0.5},
    )
    body = _received(simulator)["body"]
    first, second, third, *rest = body.pop("messages")
    assert first == {"role": "system", "content": "Be kind."}
    assert second == {"role": "user", "content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}]}
    (use,) = third["tool_calls"]
    assert (third["role"], third["content"], use["id"], json.loads(use["function"]["arguments"])) == ("assistant", "I look.", "t1", {"order": "A1"})
    assert [message["role"] for message in rest] == ["tool", "user"]
    assert "lost" in rest[0]["content"]
    assert rest[1]["content"] == "And now?"
    assert body == {
        "model": "sim-mid",
        "max_tokens": 100,
        "tools": [{"type": "function", "function": {"name": "lookup", "parameters": {"type": "object"}}}],
        "tool_choice": "required",
        "parallel_tool_calls": False,
        "stop": ["END"],
        "user": "u1",
        "temperature": 0.5,
    }


# What one dialect can say and the other cannot: refused by name, never dropped.
_ANTHROPIC_ONLY: dict[str, dict[str, Any]] = {
    "top_k": {"extra_body": {"top_k": 5}},
    "thinking": {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000},
    "container": {"extra_body": {"container": "c1"}},
    "tools[0].type": {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
    "messages[0].content[0].type": {
        "messages": [{"role": "user", "content": [{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}]}]
    },
    "stop_sequences": {"stop_sequences": ["a", "b", "c", "d", "e"]},
}
_OPENAI_ONLY: dict[str, dict[str, Any]] = {
    "n": {"n": 2},
    "logprobs": {"logprobs": True},
    "seed": {"seed": 7},
    "frequency_penalty": {"frequency_penalty": 1},
    "temperature": {"temperature": 1.5},
    "response_format": {"response_format": {"type": "json_object"}},
    "tools[0].type": {"tools": [{"type": "custom", "custom": {"name": "free"}}]},
    "messages[0].content[0].type": {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}]}]},
    "messages[0].name": {"messages": [{"role": "user", "content": "hi", "name": "Ada"}]},
    "messages[1].role": {"messages": [{"role": "user", "content": "hi"}, {"role": "developer", "content": "Be rude now."}]},
}


@pytest.mark.parametrize("field", _ANTHROPIC_ONLY)
def test_what_only_anthropics_dialect_can_say_is_refused_by_name(gateway: Gateway, field: str) -> None:
    with pytest.raises(AnthropicClient.errors.BadRequestError) as refused:
        AnthropicClient().create(gateway.anthropic(), "sim-openai", **_ANTHROPIC_ONLY[field])
    assert f"`{field}`" in refused.value.body["error"]["message"]  # type: ignore[index]


@pytest.mark.parametrize("field", _OPENAI_ONLY)
def test_what_only_openais_dialect_can_say_is_refused_by_name(gateway: Gateway, field: str) -> None:
    with pytest.raises(OpenAIClient.errors.BadRequestError) as refused:
        OpenAIClient().create(gateway.openai(), "sim-anthropic", **_OPENAI_ONLY[field])
    assert refused.value.param == field


def test_the_beta_client_of_anthropic_is_answered_too(gateway: Gateway) -> None:
    message = gateway.anthropic().beta.messages.create(model="sim-anthropic", max_tokens=50, messages=[{"role": "user", "content": GREETING}])
    assert message.content[0].text == f"You said: {GREETING}"  # type: ignore[union-attr]


def test_a_beta_that_was_asked_for_reaches_the_vendor_or_is_refused(gateway: Gateway, simulator: Simulator) -> None:
    """A beta changes what an answer means; to leave it out unsaid would be to drop a field."""
    ask = gateway.anthropic().beta.messages.create
    request: dict[str, Any] = {"max_tokens": 50, "messages": [{"role": "user", "content": GREETING}], "betas": ["context-1m-2025-08-07"]}
    ask(model="sim-anthropic", **request)
    assert _received(simulator)["headers"].get("anthropic-beta") == "context-1m-2025-08-07"
    with pytest.raises(AnthropicClient.errors.BadRequestError, match="anthropic-beta"):
        ask(model="sim-openai", **request)


def test_many_choices_pass_through_in_their_own_dialect(gateway: Gateway) -> None:
    answer = gateway.chat("llama-openai", n=2, max_tokens=4)
    assert [choice["index"] for choice in answer.json()["choices"]] == [0, 1]


@every_sdk
def test_a_long_text_in_all_alphabets_arrives_unharmed(gateway: Gateway, simulator: Simulator, sdk: Sdk) -> None:
    text = "Grüße, 世界, \U0001f4e6 \u2028 \x7f " + "ä" * 300_000
    answer = sdk.create(sdk.client(gateway), "sim-openai", text, **({"max_completion_tokens": 2} if isinstance(sdk, OpenAIClient) else {"max_tokens": 2}))
    assert answer.headers["x-pointsman-target"] == "sim-openai"
    assert _received(simulator)["body"]["messages"][-1]["content"] == text
