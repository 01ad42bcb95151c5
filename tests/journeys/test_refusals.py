"""
Each refusal is an exception of the SDK's own class for it, with a remedy, and with the field at fault where there is one.
"""

import hashlib
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from tests.journeys.gateway import Gateway
from tests.journeys.sdks import GREETING, PNG, AnthropicClient, OpenAIClient, Sdk, every_sdk
from tests.journeys.upstreams import Upstreams, mock, settings

from pointsman.intake.keys import mint

_KEYS = {name: mint(secrets.token_bytes(32)) for name in ("web", "raw", "old", "mute", "narrow", "paced", "paced-too")}


def _key(name: str, **more: Any) -> dict[str, Any]:
    return {"sha256": _KEYS[name].sha256, **more}


def _limit(name: str) -> dict[str, Any]:
    return {"name": f"{name}-pace", "by": "key", "only": name, "requests_per_minute": 1}


@pytest.fixture(scope="module")
def guarded(upstreams: Upstreams, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    more = {
        "targets": {
            "wrong-model": mock("fails-404"),
            "wrong-request": mock("fails-400"),
        },
        "capabilities": {"inline": {"ladder": ["llama/tiny"]}},
        "keys": {
            "web": _key("web"),
            "raw": _key("raw", scopes=["call", "raw_targets"]),
            "old": _key("old", expires="2026-01-01"),
            "mute": _key("mute", scopes=["outcomes"]),
            "narrow": _key("narrow", capabilities=["mock-openai"]),
            "paced": _key("paced"),
            "paced-too": _key("paced-too"),
        },
        "limits": [_limit("paced"), _limit("paced-too")],
        "server": {"bounds": {"max_body_bytes": 100_000}},
    }
    with Gateway(tmp_path_factory.mktemp("guarded"), settings(upstreams, **more)) as running:
        yield running


def _refused(sdk: Sdk, gateway: Gateway, kind: str, *, key: str = "web", capability: str = "mock-openai", **more: Any) -> Any:
    """Ask, whole and as a stream; return what the SDK raised, which must be of this class and say the same both times."""
    secret = _KEYS[key].secret if key in _KEYS else key
    client = sdk.client(gateway, secret)
    expected = getattr(sdk.errors, kind)
    with pytest.raises(expected) as whole:
        sdk.create(client, capability, **more)
    with pytest.raises(expected) as stream:
        list(sdk.words(client, capability, **more))
    assert type(whole.value) is type(stream.value)
    assert _told(whole.value)["message"] == _told(stream.value)["message"]
    return whole.value


def _told(error: Any) -> dict[str, Any]:
    return error.body.get("error", error.body)


@every_sdk
def test_a_foreign_a_mistyped_an_unknown_and_an_expired_key_are_told_apart(guarded: Gateway, sdk: Sdk) -> None:
    web = _KEYS["web"].secret
    mistyped = web[:-1] + ("x" if web[-1] != "x" else "y")
    unknown = mint(hashlib.sha256(b"another gateway's").digest()).secret
    for secret, words in (("sk-vendor", "no key of Pointsman"), (mistyped, "mistyped"), (unknown, "not known here"), ("old", "has expired")):
        error = _refused(sdk, guarded, "AuthenticationError", key=secret)
        assert words in str(error)
        assert secret not in str(error) or secret == "old"


@every_sdk
def test_a_key_without_the_scope_may_not_call(guarded: Gateway, sdk: Sdk) -> None:
    assert "scope `call`" in str(_refused(sdk, guarded, "PermissionDeniedError", key="mute"))


@every_sdk
def test_a_capability_that_does_not_exist_and_one_that_is_closed_look_alike(guarded: Gateway, sdk: Sdk) -> None:
    assert "`GET /v1/models` lists" in str(_refused(sdk, guarded, "NotFoundError", capability="mock-openia"))
    closed = _told(_refused(sdk, guarded, "NotFoundError", key="narrow", capability="mock-anthropic"))["message"]
    absent = _told(_refused(sdk, guarded, "NotFoundError", key="narrow", capability="nothing"))["message"]
    assert closed.replace("mock-anthropic", "nothing") == absent
    client = sdk.client(guarded, _KEYS["narrow"].secret)
    assert [model.id for model in client.models.list()] == ["mock-openai"]
    with pytest.raises(sdk.errors.NotFoundError):
        client.models.retrieve("mock-anthropic")


@every_sdk
def test_naming_a_target_is_a_permission_of_its_own(guarded: Gateway, sdk: Sdk) -> None:
    answer = sdk.create(sdk.client(guarded, _KEYS["raw"].secret), "llama/tiny")
    assert answer.headers["x-pointsman-target"] == "llama/tiny"
    error = _refused(sdk, guarded, "PermissionDeniedError", key="web", capability="llama/tiny")
    assert "scope `raw_targets`" in str(error)


@every_sdk
def test_over_a_limit_the_sdk_learns_when_to_come_back(guarded: Gateway, sdk: Sdk) -> None:
    key = "paced" if isinstance(sdk, OpenAIClient) else "paced-too"
    client = sdk.client(guarded, _KEYS[key].secret)
    sdk.create(client, "mock-openai")
    with pytest.raises(sdk.errors.RateLimitError) as refused:
        sdk.create(client, "mock-openai")
    assert 1 <= int(refused.value.response.headers["retry-after"]) <= 120
    assert f"{key}-pace" in str(refused.value)


def test_a_bad_field_is_named_in_openais_way(guarded: Gateway) -> None:
    openai = OpenAIClient()
    messages = [{"role": "user", "content": "hello"}, {"role": "robot", "content": "beep"}]
    error = _refused(openai, guarded, "BadRequestError", messages=messages)
    assert (error.param, error.code, error.type) == ("messages[1].role", "bad_request", "invalid_request_error")
    assert _refused(openai, guarded, "BadRequestError", temperature="warm").param == "temperature"
    picture = {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{PNG}"}}
    error = _refused(openai, guarded, "BadRequestError", messages=[{"role": "user", "content": [picture]}])
    assert error.param == "messages[0].content[0].image_url.url"


def test_a_bad_field_is_named_in_anthropics_way(guarded: Gateway) -> None:
    error = _refused(AnthropicClient(), guarded, "BadRequestError", tools=[{"name": "lookup", "input_schema": {"type": "objekt"}}])
    assert _told(error)["type"] == "invalid_request_error"
    assert "`tools[0].input_schema`" in str(error)
    assert error.request_id


def test_what_no_target_can_express_is_named(guarded: Gateway) -> None:
    error = _refused(OpenAIClient(), guarded, "BadRequestError", capability="mock-anthropic", n=2, logprobs=True)
    assert (error.code, error.param) == ("not_expressible", "logprobs")
    assert "`logprobs`, `n`" in str(error)
    error = _refused(AnthropicClient(), guarded, "BadRequestError", capability="mock-openai", extra_body={"top_k": 5})
    assert "`top_k`" in str(error)


@every_sdk
def test_what_no_target_offers_is_named(guarded: Gateway, sdk: Sdk) -> None:
    """The model server cannot see pictures; that is known before anything is sent."""
    content = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}]
    if isinstance(sdk, AnthropicClient):
        content = [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}]
    error = _refused(sdk, guarded, "BadRequestError", capability="llama-openai", messages=[{"role": "user", "content": content}])
    assert "`llama-openai`: lacks:images" in str(error)


@every_sdk
def test_a_data_class_that_no_place_may_see_is_refused(guarded: Gateway, sdk: Sdk) -> None:
    error = _refused(sdk, guarded, "PermissionDeniedError", extra_headers={"x-pointsman-data-class": "restricted"})
    assert "no target that may receive `restricted` data" in str(error)


@every_sdk
def test_a_mistake_that_the_vendor_finds_is_told_in_its_words(guarded: Gateway, sdk: Sdk) -> None:
    assert "the mock says 400" in str(_refused(sdk, guarded, "BadRequestError", capability="wrong-request"))


@every_sdk
def test_a_prompt_that_no_target_holds_is_a_bad_request(guarded: Gateway, sdk: Sdk) -> None:
    error = _refused(sdk, guarded, "BadRequestError", capability="llama-openai", text="hello " * 1000)
    assert "exceeds the available context size" in str(error)


@every_sdk
def test_a_body_over_the_bound_is_refused_while_it_is_still_being_sent(guarded: Gateway, sdk: Sdk) -> None:
    error = _refused(sdk, guarded, "APIStatusError", text="x" * 5_000_000)
    assert error.status_code == 413
    assert _told(error)["code"] == "too_large"
    assert "`server.bounds.max_body_bytes`" in _told(error)["message"]
    assert sdk.create(sdk.client(guarded, _KEYS["web"].secret), "mock-openai").headers["x-pointsman-target"] == "mock-openai"


def test_a_body_over_the_bound_is_refused_in_anthropics_shape_too(guarded: Gateway) -> None:
    error = _refused(AnthropicClient(), guarded, "APIStatusError", text="x" * 200_000)
    assert (error.body["type"], error.body["error"]["type"]) == ("error", "request_too_large")


@every_sdk
def test_a_model_that_the_vendor_does_not_have_is_no_fault_of_the_caller(guarded: Gateway, sdk: Sdk) -> None:
    error = _refused(sdk, guarded, "InternalServerError", capability="wrong-model")
    assert error.status_code == 502
    assert "`wrong-model` failed (not_found)" in str(error)


@every_sdk
def test_a_refusal_is_on_record_and_costs_nothing(guarded: Gateway, sdk: Sdk) -> None:
    error = _refused(sdk, guarded, "BadRequestError", capability="wrong-request", text=GREETING)
    record = guarded.call(error.response.headers["x-request-id"])
    assert (record["status"], record["key_id"], record["cost_nano_usd"]) == ("rejected", "web", 0)
