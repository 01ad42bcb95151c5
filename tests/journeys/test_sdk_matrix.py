"""
Both official SDKs, in every mode, against every upstream: what a user of an SDK sees must not depend on who answers.
"""

from dataclasses import replace
from typing import Final

import pytest
from tests.journeys.gateway import Gateway
from tests.journeys.sdks import MODES, AnthropicClient, Asked, OpenAIClient, Sdk, Triage, every_sdk
from tests.journeys.upstreams import SAID, TOKENS_IN, TOKENS_OUT

MOCKS: Final = ("mock-openai", "mock-anthropic")
LLAMAS: Final = ("llama-openai", "llama-anthropic")
SIMULATED: Final = ("sim-openai", "sim-anthropic")
RESULTS: Final = ("on its way", "at the door")
TOLD: Final = {
    **dict.fromkeys(MOCKS, "A1 is on its way, B2 is at your door."),
    **dict.fromkeys(SIMULATED, "The tools answered: on its way; at the door"),
}

every_mode: Final = pytest.mark.parametrize("mode", MODES)


@every_mode
@pytest.mark.parametrize("capability", MOCKS)
@every_sdk
def test_a_plain_answer_arrives_whole(gateway: Gateway, sdk: Sdk, capability: str, mode: str) -> None:
    said = sdk.ask(gateway, capability, Asked("Where is my parcel?", system="Be kind."), mode)
    assert (said.text, said.finish, said.calls) == (SAID, "done", ())
    assert (said.tokens_in, said.tokens_out) == (TOKENS_IN, TOKENS_OUT)


@every_mode
@pytest.mark.parametrize("capability", SIMULATED)
@every_sdk
def test_the_simulated_vendor_is_understood_too(gateway: Gateway, sdk: Sdk, capability: str, mode: str) -> None:
    said = sdk.ask(gateway, capability, Asked("Good morning, dear model", system="Be kind."), mode)
    assert (said.text, said.finish, said.calls) == ("You said: Good morning, dear model", "done", ())
    assert said.tokens_in > 0
    assert said.tokens_out > 0


@every_mode
@pytest.mark.parametrize("capability", LLAMAS)
@every_sdk
def test_a_real_model_says_as_much_as_it_was_allowed(gateway: Gateway, sdk: Sdk, capability: str, mode: str) -> None:
    said = sdk.ask(gateway, capability, Asked("Where is my parcel?", max_tokens=9), mode)
    assert (len(said.text), said.finish, said.tokens_out) == (9, "length", 9)
    assert said.tokens_in > len("Where is my parcel?")


@every_mode
@pytest.mark.parametrize("capability", [*MOCKS, *SIMULATED, *LLAMAS])
@every_sdk
def test_two_tools_are_called_at_once_and_their_results_are_understood(gateway: Gateway, sdk: Sdk, capability: str, mode: str) -> None:
    asked = Asked("Please lookup A1 and lookup B2, my two orders.", tools=True, must_call=True)
    said = sdk.ask(gateway, capability, asked, mode)
    assert said.finish == "tools"
    assert [name for _, name, _ in said.calls] == ["lookup", "lookup"]
    assert all(arguments["order"] in {"A1", "B2"} for *_, arguments in said.calls)
    (first, *_), (second, *_) = said.calls
    assert first != second

    after = sdk.after(asked, said, zip((first, second), RESULTS, strict=True))
    expected = TOLD.get(capability)
    if expected is None:  # the tiny model knows no end, so it is given one
        endless = sdk.ask(gateway, capability, replace(after, max_tokens=20), "whole").text
        after = replace(after, stop=(endless[9:11],))
        expected = endless[: endless.index(endless[9:11])]
    told = sdk.ask(gateway, capability, after, mode)
    assert (told.text, told.finish, told.calls) == (expected, "done", ())


@every_mode
@pytest.mark.parametrize("capability", [*MOCKS, *SIMULATED, "llama-openai"])
@every_sdk
def test_a_structured_answer_fits_its_type(gateway: Gateway, sdk: Sdk, capability: str, mode: str) -> None:
    said = sdk.ask(gateway, capability, Asked("Sort this as JSON: where is my parcel?", shape=Triage), mode)
    assert isinstance(said.parsed, Triage)


@every_mode
@pytest.mark.parametrize("capability", MOCKS)
@every_sdk
def test_a_picture_is_sent_along(gateway: Gateway, sdk: Sdk, capability: str, mode: str) -> None:
    assert sdk.ask(gateway, capability, Asked("What is broken here?", image=True), mode).text == SAID


@every_mode
@pytest.mark.parametrize("capability", LLAMAS)
@every_sdk
def test_a_stop_word_ends_the_answer_before_it(gateway: Gateway, sdk: Sdk, capability: str, mode: str) -> None:
    without = sdk.ask(gateway, capability, Asked("Where is my parcel?", max_tokens=30), mode).text
    stop = without[10:12]
    said = sdk.ask(gateway, capability, Asked("Where is my parcel?", max_tokens=30, stop=(stop, "never said")), mode)
    assert (said.text, said.finish) == (without[: without.index(stop)], "done")


@every_mode
@pytest.mark.parametrize("capability", SIMULATED)
@every_sdk
def test_a_stop_word_is_told_to_every_vendor(gateway: Gateway, sdk: Sdk, capability: str, mode: str) -> None:
    said = sdk.ask(gateway, capability, Asked("Good morning, dear model", stop=(", dear", "never said")), mode)
    assert (said.text, said.finish) == ("You said: Good morning", "done")


@every_mode
@pytest.mark.parametrize("capability", SIMULATED)
@every_sdk
def test_a_caller_who_wants_one_call_at_a_time_gets_one(gateway: Gateway, sdk: Sdk, capability: str, mode: str) -> None:
    said = sdk.ask(gateway, capability, Asked("Please lookup A1 and lookup B2.", tools=True, one_call=True), mode)
    assert [name for _, name, _ in said.calls] == ["lookup"]


@every_mode
@pytest.mark.parametrize("capability", MOCKS)
@every_sdk
def test_an_answer_that_was_cut_at_its_limit_says_so(gateway: Gateway, sdk: Sdk, capability: str, mode: str) -> None:
    assert sdk.ask(gateway, capability, Asked("Say at most a line."), mode).finish == "length"


@every_mode
@pytest.mark.parametrize("capability", MOCKS)
@every_sdk
def test_what_the_model_thought_is_told(gateway: Gateway, sdk: Sdk, capability: str, mode: str) -> None:
    said = sdk.ask(gateway, capability, Asked("Please think."), mode)
    assert (said.text, said.thought) == (SAID, "The parcel was scanned at noon.")
    assert (said.signature is not None) == (capability == "mock-anthropic")


@every_mode
def test_thinking_that_was_asked_for_is_told_with_its_proof(gateway: Gateway, mode: str) -> None:
    said = AnthropicClient().ask(gateway, "sim-anthropic", Asked("Good morning", thinking=True), mode)
    assert said.text == "You said: Good morning"
    assert said.thought
    assert said.signature


@every_mode
@every_sdk
def test_signed_thoughts_are_handed_back_with_the_results_of_tools(gateway: Gateway, sdk: Sdk, mode: str) -> None:
    """The mock refuses, as the vendor does, a turn whose thoughts lost their signature."""
    asked = Asked("Please think about two orders.", tools=True, thinking=True)
    said = sdk.ask(gateway, "mock-anthropic", asked, mode)
    assert said.thought == "I need both."
    told = sdk.ask(gateway, "mock-anthropic", sdk.after(asked, said, [(use_id, "done") for use_id, *_ in said.calls]), mode)
    assert told.text == "A1 is on its way, B2 is at your door."


@every_sdk
def test_the_list_of_models_is_the_list_of_capabilities(gateway: Gateway, sdk: Sdk) -> None:
    client = gateway.openai() if isinstance(sdk, OpenAIClient) else gateway.anthropic()
    assert [model.id for model in client.models.list()] == list(gateway.settings["capabilities"])
    assert client.models.retrieve("mock-openai").id == "mock-openai"
