"""Decision tables: what decides, what does not, and what is refused before it ever runs."""

import time
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.places.attempts import an_attempt
from tests.values import a_call, a_key, a_principal

from pointsman.core.call import Image, Role, Text, Tool, ToolUse, Turn
from pointsman.core.capability import RuleTable
from pointsman.core.label import a_label
from pointsman.core.place import Dialect
from pointsman.core.reply import Finish, Native, Reply, Usage
from pointsman.places.rules.table import Fault, RulesPlace, check
from pointsman.places.rules.veto import Vetoed


def _table(*rows: Mapping[str, str]) -> RuleTable:
    return RuleTable(name="support.csv", rows=rows, digest="d")


def _before(text: str, *rows: Mapping[str, str], **more: Any) -> str | None:
    reply = RulesPlace(_table(*rows)).before(an_attempt(text, **more))
    if reply is None:
        return None
    (part,) = reply.parts
    assert isinstance(part, Text)
    return part.text


def _when(expression: str) -> Mapping[str, str]:
    return {"then": "answer", "when": expression, "answer": "yes"}


def _reply(text: str = "42", **more: Any) -> Reply:
    whole: dict[str, Any] = {"reply_id": "r", "model": "small", "finish": Finish.DONE, "parts": (Text(text),), "usage": Usage(tokens_in=1), **more}
    return Reply(**whole)


# ── before a model ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_row_that_fits_answers_and_names_its_table() -> None:
    place = RulesPlace(_table({"then": "answer", "text": '.contains("opening hours")', "answer": "9 to 18."}))
    reply = place.before(an_attempt("What are your opening hours?"))
    assert reply is not None
    assert (reply.model, reply.finish, reply.parts, reply.usage) == ("rules/support.csv", Finish.DONE, (Text("9 to 18."),), Usage())
    assert place.before(an_attempt("Where is it?")) is None
    assert not place.has_after


@pytest.mark.parametrize(
    ("column", "cell", "fits"),
    [
        ("turns", "> 0", True),
        ("turns", "> 1", False),
        ("turns", "<= 1", True),
        ("turns", "1", True),
        ("turns", "!= 1", False),
        ("turns * 10", "10", True),
        ("text", '"hello"', True),
        ("text", '== "hello"', True),
        ("text", 'in ["a", "hello"]', True),
        ("text", 'in["a"]', False),
        ("text", '.startsWith("he")', True),
        ("text.size()", "5", True),
        ("stream", "false", True),
        ("tools", '.exists(t, t == "refund")', True),
        ("tools.size()", "1 // one tool", True),
        ("turns", "1 || stream", True),
        ("text", "", True),
        ("text", " - ", True),
    ],
)
def test_a_cell_tests_the_expression_at_the_head_of_its_column(column: str, cell: str, fits: bool) -> None:
    call = a_call("hello", tools=(Tool(name="refund", description=None, parameters={}),))
    row = {"then": "answer", "answer": "yes", column: cell, "user": '""'}
    assert (_before("", row, call=call) == "yes") is fits


def test_a_rule_can_speak_of_the_call_and_of_who_asks() -> None:
    call = a_call("second", stream=True, system=(Text("be"), Text("kind")), turns=(Turn(Role.USER, (Text("first"),)), Turn(Role.USER, (Text("second"),))))
    principal = a_principal(a_key(tenant="acme", team="care", application="shop"), user="ann")
    told = {
        "text": '"second"',
        "system": r'"be\nkind"',
        "turns": "2",
        "stream": "true",
        "capability": '"support"',
        "tenant": '"acme"',
        "team": '"care"',
        "application": '"shop"',
        "user": '"ann"',
        "data_class": '"confidential"',
        "tools.size()": "0",
    }
    assert _before("", {"then": "answer", "answer": "all", **told}, call=call, principal=principal, label=a_label("confidential")) == "all"
    assert _before("", _when('team == "" && application == "" && user == ""')) == "yes"


def test_the_text_is_that_of_the_last_user_turn_without_its_pictures() -> None:
    turns = (
        Turn(Role.USER, (Text("first"),)),
        Turn(Role.USER, (Text("a"), Image(url="https://x.example/1.png"), Text("b"))),
        Turn(Role.ASSISTANT, (Text("c"),)),
    )
    assert _before("", _when(r'text == "a\nb"'), call=a_call(turns=turns)) == "yes"
    assert _before("", _when('text == ""'), call=a_call(turns=(Turn(Role.ASSISTANT, (Text("c"),)),))) == "yes"


def test_an_answer_can_be_worked_out() -> None:
    assert _before("hi", {"then": "answer", "answer": '="You said " + text + " in turn " + string(turns)'}) == "You said hi in turn 1"


def test_a_veto_ends_the_call_with_its_own_words() -> None:
    with pytest.raises(Vetoed, match=r"^Please call us\.$") as vetoed:
        _before("refund", {"name": "no refunds", "then": "veto", "text": '.contains("refund")', "message": "Please call us."})
    assert vetoed.value.rule == "no refunds"
    with pytest.raises(Vetoed, match="A rule of this capability does not allow this") as vetoed:
        _before("refund", {"then": "veto"})
    assert vetoed.value.rule == "row 1"


@pytest.mark.parametrize("condition", ["1 / (turns - 1) == 1", "dyn(turns) && true", "dyn(turns)", '{"a": true}[text]', "text.matches(text)"])
def test_a_veto_that_cannot_be_evaluated_vetoes(condition: str) -> None:
    with pytest.raises(Vetoed, match=r"Not now\. \(the rule `guard` could not be evaluated"):
        _before("(", {"name": "guard", "then": "veto", "when": condition, "message": "Not now."}, _when("true"))


def test_a_veto_that_cannot_be_evaluated_vetoes_among_rows_that_do_not_fit() -> None:
    guard = {"name": "guard", "then": "veto", "when": "1 / (turns - 1) == 1", "message": "Not now."}
    with pytest.raises(Vetoed, match="the rule `guard` could not be evaluated"):
        _before("x", _when("false"), guard, _when('text == "y"'))


@pytest.mark.parametrize("fitting", [0, 1, 15, 16, 17, 39])
def test_any_row_of_a_long_table_can_decide(fitting: int) -> None:
    rows = [{"then": "answer", "when": f'text == "question {index}"', "answer": f"answer {index}"} for index in range(40)]
    assert _before(f"question {fitting}", *rows) == f"answer {fitting}"
    assert _before("another question", *rows) is None


@pytest.mark.parametrize(
    "row", [_when("1 / (turns - 1) == 1"), _when("dyn(turns)"), {"then": "answer", "answer": "=dyn(turns)"}, {"then": "answer", "answer": '={"a": "b"}[text]'}]
)
def test_an_answer_that_cannot_be_evaluated_is_passed_over(row: Mapping[str, str]) -> None:
    assert _before("x", row) is None
    assert _before("x", row, {"then": "answer", "answer": "next"}) == "next"


@pytest.mark.parametrize("text", ["forbidden", "a\0forbidden", "\0" * 5 + "forbidden", "a\0b\0forbidden\0"])
def test_no_character_hides_the_rest_of_a_text_from_a_rule(text: str) -> None:
    with pytest.raises(Vetoed):
        _before(text, {"then": "veto", "text": '.contains("forbidden")'})
    tools = (Tool(name=text, description=None, parameters={}),)
    with pytest.raises(Vetoed):
        _before("", {"then": "veto", "tools": '.exists(t, t.contains("forbidden"))'}, call=a_call("", tools=tools))


def test_a_text_that_the_engine_cannot_read_vetoes() -> None:
    with pytest.raises(Vetoed):
        _before("\ud800", {"then": "veto", "text": '.contains("x")'})


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), st.integers(0, 30), st.integers(0, 30))
def test_a_rule_sees_every_text_as_it_is(text: str, start: int, end: int) -> None:
    part = text[start:end].replace("\0", "")
    literal = "".join(f"\\U{ord(character):08x}" for character in part)
    assert (_before(text, {"then": "answer", "answer": "yes", "text": f'.contains("{literal}")'}) == "yes") is (part in text)


_CONDITIONS = st.sampled_from(["", "turns > 0", "turns > 5", "stream", 'text == "x"', "1 / (turns - 1) == 0", "true", "false"])
_ROWS = st.lists(st.tuples(st.sampled_from(["answer", "veto"]), _CONDITIONS), min_size=1, max_size=6)
_OUTCOME = {"": True, "turns > 0": True, "turns > 5": False, "stream": False, 'text == "x"': True, "1 / (turns - 1) == 0": None, "true": True, "false": False}


def _rows(told: list[tuple[str, str]]) -> list[Mapping[str, str]]:
    return [{"name": str(n), "then": then, "when": when, "answer": str(n) if then == "answer" else ""} for n, (then, when) in enumerate(told)]


@given(_ROWS)
def test_the_first_row_that_fits_decides(told: list[tuple[str, str]]) -> None:
    """A veto fits when in doubt, an answer does not."""
    first = next((n for n, (then, when) in enumerate(told) if _OUTCOME[when] or (_OUTCOME[when] is None and then == "veto")), None)
    try:
        decided = _before("x", *_rows(told))
    except Vetoed as vetoed:
        decided = vetoed.rule
    assert decided == (None if first is None else str(first))


@given(_ROWS)
def test_a_row_that_is_said_never_to_decide_changes_nothing_when_it_is_taken_out(told: list[tuple[str, str]]) -> None:
    def outcome(rows: list[Mapping[str, str]]) -> str | None:
        try:
            return _before("x", *rows)
        except Vetoed as vetoed:
            return vetoed.rule

    rows = _rows(told)
    idle = {fault.row for fault in check(_table(*rows))}
    assert outcome([row for n, row in enumerate(rows) if n not in idle]) == outcome(rows)


# ── after a model ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_can_be_corrected_or_vetoed_once_it_is_there() -> None:
    place = RulesPlace(
        _table(
            {"phase": "after", "then": "veto", "answer.contains(secret)": "", "when": 'answer.contains("secret")'},
            {"phase": "after", "then": "correct", "when": 'finish == "length"', "answer": '=answer + " …"'},
            {"phase": "after", "then": "correct", "when": 'target == "acme/small" && place == "cloud" && turns == 1 && answer == "7"', "answer": "seven"},
        )
    )
    assert place.has_after
    attempt = an_attempt()
    assert place.before(attempt) is None
    with pytest.raises(Vetoed):
        place.after(attempt, _reply("a secret"))
    assert place.after(attempt, _reply("cut", finish=Finish.LENGTH)).parts == (Text("cut …"),)
    assert place.after(attempt, _reply("7")).parts == (Text("seven"),)
    untouched = _reply("42")
    assert place.after(attempt, untouched) is untouched


def test_a_corrected_answer_keeps_its_usage_but_not_the_tools_and_bytes_it_replaces() -> None:
    place = RulesPlace(_table({"phase": "after", "then": "correct", "answer": "No tools here."}))
    reply = _reply(
        parts=(Text("a"), ToolUse(use_id="1", name="refund", arguments="{}")),
        finish=Finish.TOOLS,
        native=Native(Dialect.OPENAI_CHAT, b"{}"),
        usage=Usage(tokens_in=1, cost_nano_usd=7),
        stop_sequence="x",
    )
    got = place.after(an_attempt(), reply)
    assert (got.parts, got.finish, got.native, got.stop_sequence) == ((Text("No tools here."),), Finish.DONE, None, None)
    assert (got.usage, got.reply_id, got.model) == (reply.usage, "r", "small")


# ── what is refused ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("row", "column", "says"),
    [
        ({"then": "answer", "answer": "x", "phase": "during"}, "phase", "`during` is no phase; write `before` or `after`"),
        ({"answer": "x"}, "then", "`` is not possible before a model; write `answer` or `veto`"),
        ({"then": "correct", "answer": "x"}, "then", "`correct` is not possible before"),
        ({"then": "answer", "answer": "x", "phase": "after"}, "then", "write `correct` or `veto`"),
        ({"then": "answer"}, "answer", "a row that must answer needs an answer"),
        ({"then": "correct", "phase": "after"}, "answer", "a row that must correct needs an answer"),
        ({"then": "veto", "answer": "x"}, "answer", "write what the caller is told under `message`"),
        ({"then": "veto", "when": "turns >"}, "when", "Syntax error"),
        ({"then": "veto", "when": "turns"}, "when", "must give true or false"),
        ({"then": "veto", "when": "answer == ''"}, "when", "undeclared reference to 'answer'"),
        ({"then": "veto", "when": "true) || (true"}, "when", "Syntax error"),
        ({"then": "veto", "turnz": "> 5"}, "turnz", "undeclared reference to 'turnz'"),
        ({"then": "veto", "turns": "many"}, "turns", "undeclared reference to 'many'"),
        ({"then": "veto", "turns": '> "5"'}, "turns", "no matching overload"),
        ({"then": "answer", "answer": "=turns"}, "answer", "must give a text"),
        ({"then": "veto", "turns": "-"}, "turns", "this column tests nothing"),
        ({"then": "veto", "when": "1 > 2"}, "when", "its condition is false whatever the call"),
        ({"then": "answer", "when": "1 / 0 == 1", "answer": "x"}, "when", "its condition is false whatever the call"),
    ],
)
def test_a_faulty_row_is_told_with_its_column(row: Mapping[str, str], column: str, says: str) -> None:
    (fault,) = check(_table(row))
    assert (fault.row, fault.column) == (0, column)
    assert says in fault.says


_ALL = {"then": "answer", "answer": "x"}
_SAME = {**_ALL, "turns": "> 5"}


@pytest.mark.parametrize(
    ("rows", "faulty"),
    [
        ([_SAME, _ALL], []),
        ([_ALL, _SAME], [1]),
        ([{**_ALL, "when": "true"}, _SAME], [1]),
        ([{"then": "veto", "when": "1 / 0 == 1"}, _SAME], [1]),
        ([_SAME, _SAME, {**_ALL, "turns": "> 6"}, _SAME], [1, 3]),
        ([{"then": "veto", "turns": "> 5"}, _SAME], [1]),
        ([_SAME, {"then": "veto", "turns": "> 5"}], []),  # should the condition fail to evaluate, the veto decides
        ([{**_ALL, "answer": "=text"}, _SAME], []),  # should the answer fail to evaluate, the next row decides
        ([_ALL, {"phase": "after", "then": "veto"}], []),
        ([{"then": "no"}, _ALL], [0]),
    ],
)
def test_rows_that_can_never_decide_are_found(rows: list[Mapping[str, str]], faulty: list[int]) -> None:
    assert [fault.row for fault in check(_table(*rows))] == faulty


def test_a_table_without_rows_is_refused() -> None:
    assert check(_table()) == [Fault(0, "rows", "the table has no rows, so it can never decide")]


def test_every_fault_of_a_table_is_told_at_once() -> None:
    faults = check(_table({"then": "veto", "when": "turns >", "turnz": "> 5"}, {"then": "no"}))
    assert [(fault.row, fault.column) for fault in faults] == [(0, "when"), (0, "turnz"), (1, "then")]


# ── cost ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_table_of_ten_rows_costs_a_request_well_under_a_tenth_of_a_millisecond() -> None:
    place = RulesPlace(_table(*({"then": "answer", "answer": "x", "text": f'.contains("word {n}")', "turns": f"> {n}"} for n in range(10))))
    attempt = an_attempt("where " * 170)

    def span() -> float:
        began = time.thread_time()  # the others on this machine do not count
        for _ in range(50):
            place.before(attempt)
        return (time.thread_time() - began) / 50

    assert min(span() for _ in range(10)) < 0.0001
