"""Is it good enough: replies against the capability's contract."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.values import a_call, a_capability, a_snapshot

from pointsman.assess.checks import GOOD, Checks
from pointsman.core.attempt import Grade
from pointsman.core.call import OutputSchema, Part, Refusal, Text, ToolUse
from pointsman.core.errors import Unusable
from pointsman.core.reply import Finish, Reply

TICKET = {"type": "object", "required": ["team"], "properties": {"team": {"enum": ["billing", "support"]}}}


def a_reply(*parts: Part | str, finish: Finish = Finish.DONE) -> Reply:
    return Reply(reply_id="r", model="m", finish=finish, parts=tuple(Text(part) if isinstance(part, str) else part for part in parts))


def grade(reply: Reply, schema: dict[str, Any] | None = TICKET, *, raw: bool = False) -> Grade:
    capability = a_capability(output=OutputSchema(name="ticket", schema=schema), raw=raw)
    return Checks(a_snapshot(capability)).grade(reply, capability)


def test_an_answer_that_fits_the_schema_is_good() -> None:
    assert grade(a_reply('{"team":', '"billing"}')) == GOOD


def test_one_that_does_not_says_where_it_fails() -> None:
    found = grade(a_reply('{"team": "sales"}'))
    assert (found.passed, found.code) == (False, "schema")
    assert "sales" in found.says


@pytest.mark.parametrize("text", ["", "Sure! {}", "{", '{"a": 1e999}', "[" * 100_000, '{"a": "\ud800"}'.encode("utf-8", "surrogatepass").decode("latin-1")[:8]])
def test_what_is_not_json_is_not_good_enough(text: str) -> None:
    assert grade(a_reply(text)).code == "not_json"


def test_json_nested_deeper_than_anyone_reads_is_judged_all_the_same() -> None:
    assert grade(a_reply('{"team": "billing", "deep": ' + "[" * 900 + "]" * 900 + "}")) == GOOD


def test_a_truncated_answer_is_not_good_enough_even_if_it_can_be_read() -> None:
    assert grade(a_reply('{"team": "billing"}', finish=Finish.LENGTH)).code == "truncated"


def test_without_a_shape_any_object_will_do() -> None:
    assert grade(a_reply("{}"), None) == GOOD
    assert grade(a_reply("[]"), None).code == "schema"


@pytest.mark.parametrize(
    "reply",
    [
        a_reply("I cannot.", finish=Finish.REFUSED),
        a_reply(Refusal(text="I cannot.")),
        a_reply(ToolUse(use_id="u", name="look_up", arguments="{}"), finish=Finish.TOOLS),
        a_reply("Thinking", finish=Finish.PAUSED),
    ],
    ids=["filtered", "refused", "tools", "paused"],
)
def test_a_refusal_is_not_routed_around_and_a_step_on_the_way_is_not_judged_as_the_end(reply: Reply) -> None:
    assert grade(reply) == GOOD


def test_a_capability_without_a_schema_trusts_every_whole_answer() -> None:
    capability = a_capability()
    checks = Checks(a_snapshot(capability))
    assert checks.grade(a_reply("anything"), capability) == GOOD
    assert not checks.must_see_whole(a_call(), capability, is_judged=False)


def test_a_target_named_directly_is_not_held_to_a_capability_s_contract() -> None:
    assert grade(a_reply("anything"), raw=True) == GOOD


def test_only_a_contract_makes_it_necessary_to_see_the_whole_answer() -> None:
    capability = a_capability(output=OutputSchema(name="ticket", schema=TICKET))
    assert Checks(a_snapshot(capability)).must_see_whole(a_call(), capability, is_judged=False)


@pytest.mark.parametrize("schema", [{"$ref": "http://127.0.0.1:1/schema"}, {"$ref": "file:///etc/hostname"}, {"$ref": "#/$defs/none"}, {"type": 5}])
def test_a_schema_that_cannot_be_used_as_it_stands_is_refused_and_nothing_is_fetched(schema: dict[str, Any]) -> None:
    with pytest.raises(Unusable, match="`output_schema` of `support` cannot be used"):
        grade(a_reply("{}"), schema)


json_leaves = st.none() | st.booleans() | st.integers() | st.text()
json_values = st.recursive(json_leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


@given(json_values)
def test_the_check_agrees_with_the_schema_whatever_the_answer(value: Any) -> None:
    fits = isinstance(value, dict) and value.get("team") in ("billing", "support")
    assert grade(a_reply(msgspec.json.encode(value).decode())).passed == fits
