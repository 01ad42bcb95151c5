"""What a target is sent: nothing of what was found, in any field; and all of it comes back."""

import base64
import json
import re
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.core.verdict import Duty, Obligation
from pointsman.governance.filtering.filter import Filtered, NotFilterable, filtered
from pointsman.governance.filtering.pseudonyms import Namer, Style
from pointsman.governance.filtering.tree import spots
from pointsman.governance.finding import Finding, Spot

KEY = b"the key of a tenant for its pseudonyms"
PERSONAL = frozenset({Duty("personal", Obligation.PSEUDONYMISE)})
REDACT = frozenset({Duty("personal", Obligation.REDACT)})
PICTURE = base64.b64encode(b"\x89PNG" + bytes(range(56))).decode()


def finding(text: str, value: str, *, kind: str = "person", data_class: str = "personal", nth: int = 0) -> Finding:
    start = [match.start() for match in re.finditer(re.escape(value), text)][nth]
    return Finding(start=start, end=start + len(value), kind=kind, data_class=data_class, detector="told")


def a_wire(*contents: Any, **more: Any) -> dict[str, Any]:
    return {"model": "support", "messages": [{"role": "user", "content": content} for content in contents], **more}


def filter_it(wire: dict[str, Any], *known: tuple[str, str, str], first_only: bool = False, **more: Any) -> Filtered:
    """Filter a body in which a detector finds some values (text, kind, class), wherever they stand or in their first text only."""
    found: list[tuple[Spot, list[Finding]]] = []
    left = list(known)
    for spot in spots(wire, more.get("headers", ())):
        here = [one for one in left if one[0] in spot.text and spot.media_type is None]
        ones = [
            Finding(start=match.start(), end=match.end(), kind=kind, data_class=data_class, detector="told")
            for value, kind, data_class in here
            for match in re.finditer(re.escape(value), spot.text)
        ]
        found.append((spot, ones))
        left = [one for one in left if not (first_only and one in here)]
    told: dict[str, Any] = {"duties": PERSONAL, "names": Namer(KEY, scope="one"), **more}
    return filtered(wire, found, **told)


ANN = ("Ann Smith", "person", "personal")
MAIL = ("ann@example.org", "email", "personal")


def restored(done: Filtered) -> Any:
    assert done.restorer is not None
    return done.restorer.tree(done.wire)


def said(done: Filtered, position: int = 0) -> Any:
    messages: Any = done.wire["messages"]
    return messages[position]["content"]


def test_a_value_leaves_as_a_pseudonym_and_comes_back() -> None:
    wire = a_wire("I am Ann Smith (ann@example.org).")
    done = filter_it(wire, ANN, MAIL)
    assert re.fullmatch(r"I am PERSON_\w{8} \(EMAIL_\w{8}\)\.", said(done))
    assert done.count_by_kind == {"person": 1, "email": 1}
    assert restored(done) == wire


def test_what_is_due_to_be_taken_out_does_not_come_back() -> None:
    done = filter_it(a_wire("I am Ann Smith."), ANN, duties=REDACT)
    assert (said(done), done.restorer) == ("I am [person removed].", None)


def test_only_classes_with_a_duty_are_touched_and_other_obligations_are_not_ours() -> None:
    wire = a_wire("I am Ann Smith.")
    for duties in (
        frozenset[Duty](),
        frozenset({Duty("health", Obligation.REDACT)}),
        frozenset({Duty("personal", Obligation.PERSON), Duty("personal", Obligation.SUMMARISE)}),
    ):
        done = filter_it(wire, ANN, duties=duties)
        assert (done.wire, done.restorer, done.count_by_kind) == (wire, None, {})


def test_a_class_under_both_duties_is_taken_out() -> None:
    assert said(filter_it(a_wire("I am Ann Smith."), ANN, duties=PERSONAL | REDACT)) == "I am [person removed]."


def test_what_was_found_in_one_place_leaves_through_no_other() -> None:
    wire = a_wire("I am Ann Smith.", "Ann Smith again.", system="Ann Smith", x_note={"Ann Smith": ["Ann Smith!"]}, stop=["Ann Smith"])
    wire["messages"][1]["tool_calls"] = [{"function": {"name": "f", "arguments": json.dumps({"Ann Smith": "Ann\u0020Smith"})}}]
    done = filter_it(wire, ANN, first_only=True)
    assert "Smith" not in json.dumps(done.wire)
    told = restored(done)
    assert json.loads(told["messages"][1]["tool_calls"][0]["function"].pop("arguments")) == {"Ann Smith": "Ann Smith"}
    del wire["messages"][1]["tool_calls"][0]["function"]["arguments"]
    assert told == wire


def test_a_value_within_a_word_and_a_very_short_one_stay_where_nobody_found_them() -> None:
    done = filter_it(a_wire("Ann is 42.", "Annual report, 42 pages, Ann."), ("Ann", "person", "personal"), ("42", "age", "personal"), first_only=True)
    assert re.fullmatch(r"Annual report, 42 pages, PERSON_\w{8}\.", said(done, 1))


def test_a_value_in_a_script_without_spaces_is_found_within_a_line() -> None:
    done = filter_it(a_wire("李明", "昨天李明来了"), ("李明", "person", "personal"), first_only=True)
    assert re.fullmatch(r"昨天PERSON_\w{8}来了", said(done, 1))


def test_overlapping_findings_are_replaced_as_their_union() -> None:
    text = "See https://x.org/ann@example.org/7 now."
    for ones in (["https://x.org/ann@example.org", "ann@example.org/7"], ["ann@example.org", "https://x.org/ann@example.org/7"]):
        wire = a_wire(text)
        findings = [finding(text, ones[0], kind="a"), finding(text, ones[1], kind="bb")]
        done = filtered(wire, [(spots(wire)[0], findings)], duties=PERSONAL, names=Namer(KEY, scope="one"))
        assert re.fullmatch(rf"See {'A' if len(ones[0]) > len(ones[1]) else 'BB'}_\w{{8}} now\.", said(done))
        assert restored(done) == wire


def test_what_must_be_taken_out_wins_within_what_may_be_replaced() -> None:
    wire = a_wire("def f(): key = 'hunter22' # Ann Smith")
    done = filter_it(
        wire,
        ("def f(): key = 'hunter22' # Ann Smith", "code", "source_code"),
        ("hunter22", "secret:password", "secret"),
        duties=frozenset({Duty("source_code", Obligation.PSEUDONYMISE), Duty("secret", Obligation.REDACT)}),
    )
    assert re.fullmatch(r"CODE_\w{8}\[secret removed\]CODE_\w{8}", said(done))
    assert restored(done)["messages"][0]["content"] == "def f(): key = '[secret removed]' # Ann Smith"


def test_thousands_of_values_under_both_duties_are_replaced_in_linear_time() -> None:
    count = 2000
    text = " ".join(f"a{number:06} b{number:06}" for number in range(count))
    wire = a_wire(text)
    ones = [
        Finding(start=16 * number + at, end=16 * number + at + 7, kind="email", data_class=data_class, detector="test/1")
        for number in range(count)
        for at, data_class in ((0, "personal"), (8, "financial"))
    ]
    duties = PERSONAL | {Duty("financial", Obligation.REDACT)}
    started = time.process_time()

    done = filtered(wire, [(spot, ones if spot.text == text else []) for spot in spots(wire)], duties=duties, names=Namer(KEY, scope="one"))

    assert time.process_time() - started < 3  # it was six seconds when each was compared with each
    assert done.count_by_kind["email"] == 2 * count


def test_names_within_names_without_end_are_not_replaced_but_refused_in_linear_time() -> None:
    """A detector takes `Ann`, `Ann Ann`, `Ann Ann Ann` … for one person each, and each holds all those before."""
    texts = [" ".join(["Ann"] * count) for count in range(1, 50)] * 30
    wire = {"messages": [{"role": "user", "content": text} for text in texts]}
    found = [(spot, [finding(spot.text, spot.text)] if spot.text.startswith("Ann") else []) for spot in spots(wire)]
    started = time.process_time()

    with pytest.raises(NotFilterable):
        filtered(wire, found, duties=PERSONAL, names=Namer(KEY, scope="one"))

    assert time.process_time() - started < 2


def test_a_finding_over_the_edge_of_its_text_is_cut_and_an_empty_one_is_nothing() -> None:
    wire = a_wire("Ann Smith")
    spot = spots(wire)[0]
    edges = [
        Finding(start=-4, end=99, kind="person", data_class="personal", detector="told"),
        Finding(start=3, end=3, kind="x", data_class="personal", detector="told"),
    ]
    done = filtered(wire, [(spot, edges)], duties=PERSONAL, names=Namer(KEY, scope="one"))
    assert re.fullmatch(r"PERSON_\w{8}", said(done))


def test_findings_of_another_body_are_refused() -> None:
    wire = a_wire("Ann Smith")
    stranger = Spot(path=("messages", 0, "content"), text="Bob")
    with pytest.raises(ValueError, match="another text"):
        filtered(wire, [(stranger, [finding("Bob", "Bob")])], duties=PERSONAL, names=Namer(KEY, scope="one"))


def test_a_number_becomes_a_text_and_arguments_stay_json() -> None:
    wire = a_wire("x", tools=[{"arguments": '{"card":4111111111111111,"n":1}', "card": 4111111111111111}])
    done = filter_it(wire, ("4111111111111111", "card", "personal"))
    tool: Any = done.wire["tools"]
    assert json.loads(tool[0]["arguments"]) == {"card": tool[0]["card"], "n": 1}
    assert tool[0]["card"].startswith("CARD_")


def test_names_and_identifiers_that_are_taken_out_stay_distinct_and_stay_names() -> None:
    wire = a_wire(
        "x",
        tool_calls=[{"id": "ann@example.org"}, {"id": "bob@example.org"}, {"tool_call_id": "ann@example.org"}],
        data={"ann@example.org": 1, "bob@example.org": 2},
    )
    done = filter_it(wire, MAIL, ("bob@example.org", "email", "personal"), duties=REDACT)
    calls: Any = done.wire["tool_calls"]
    assert calls[0]["id"] == calls[2]["tool_call_id"] != calls[1]["id"]
    assert all(re.fullmatch(r"REMOVED_[A-Z2-7]{8}", name) for name in (calls[0]["id"], calls[1]["id"], *done.wire["data"]))  # type: ignore[attr-defined]
    assert len(done.wire["data"]) == 2  # type: ignore[arg-type]


def test_a_file_with_a_finding_is_taken_out_of_the_message() -> None:
    for part in (
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}", "detail": "Ann Smith"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}},
    ):
        wire = a_wire([{"type": "text", "text": "I am Ann Smith."}, part])
        found = [
            (spot, [finding(spot.text, PICTURE[:9]), *([finding(spot.text, "Ann Smith")] if "Ann" in spot.text else [])] if spot.media_type else [])
            for spot in spots(wire)
        ]
        done = filtered(wire, found, duties=PERSONAL, names=Namer(KEY, scope="one"))
        assert said(done) == [{"type": "text", "text": "I am Ann Smith."}, {"type": "text", "text": "[file removed]"}]
        assert done.count_by_kind == {"file": 1}
    wire = a_wire([{"type": "text", "text": "I am Ann Smith."}, part | {"title": "Ann Smith"}])
    found = [(spot, [finding(spot.text, PICTURE[:9])] if spot.media_type else [finding(spot.text, "Ann Smith")]) for spot in spots(wire)]
    done = filtered(wire, found, duties=PERSONAL, names=Namer(KEY, scope="one"))
    assert "Ann" not in json.dumps(done.wire)
    assert done.count_by_kind == {"file": 1, "person": 1}


def test_a_file_that_is_no_part_of_a_message_cannot_be_filtered() -> None:
    wire = {"messages": [], "cover": f"data:image/png;base64,{PICTURE}"}
    found = [(spot, [finding(spot.text, PICTURE)] if spot.media_type else []) for spot in spots(wire)]
    with pytest.raises(NotFilterable, match="`cover`") as caught:
        filtered(wire, found, duties=PERSONAL, names=Namer(KEY, scope="one"))
    assert caught.value.path == ("cover",)


def test_a_heeded_header_is_filtered_too() -> None:
    done = filter_it(a_wire("Hi."), ANN, headers=(("anthropic-beta", "x-2025-01-01"), ("anthropic-beta", "Ann Smith")))
    assert done.headers[0] == ("anthropic-beta", "x-2025-01-01")
    assert re.fullmatch(r"PERSON_\w{8}", done.headers[1][1])


def test_a_value_beside_one_that_is_replaced_stands_alone_then() -> None:
    wire = a_wire("AnnAnn")
    done = filtered(wire, [(spots(wire)[0], [finding("AnnAnn", "Ann", nth=1)])], duties=PERSONAL, names=Namer(KEY, scope="one"))
    assert re.fullmatch(r"(PERSON_\w{8}){2}", said(done))


def test_a_body_that_could_not_be_put_back_is_not_sent() -> None:
    class Careless(Namer):
        def name(self, kind: str, text: str) -> str:
            super().name("person", "Bob")
            return super().name("person", "Ann Smith")

    with pytest.raises(NotFilterable):
        filter_it(a_wire("Ann Smith and Bob"), ANN, ("Bob", "person", "personal"), names=Careless(KEY, scope="one"))


# ── look-alikes ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("bend", [str, str.lower, lambda name: name.replace("_", " "), lambda name: f"**{name}**"])
def test_nobody_reads_a_value_by_writing_its_pseudonym(bend: Any) -> None:
    """A document in the conversation may be by somebody else, and say what the model is to repeat."""
    name = Namer(KEY, scope="one").name("person", "Ann Smith")
    wire = a_wire("I am Ann Smith.", f"Repeat: {bend(name)}!")
    done = filter_it(wire, ANN)
    assert re.search(r"LITERAL_\w{8}", said(done, 1))
    assert name.lower() not in said(done, 1).lower()
    assert restored(done) == wire


def test_a_pseudonym_of_another_conversation_stands_for_nothing() -> None:
    stranger = Namer(KEY, scope="two").name("person", "Ann Smith")
    wire = a_wire(f"I am Ann Smith. {stranger}")
    done = filter_it(wire, ANN)
    assert stranger in said(done)
    assert restored(done) == wire


def test_a_text_that_makes_a_pseudonym_together_with_its_neighbour_comes_back_too() -> None:
    """The text ends where another pseudonym begins: only a whole text of its own tells them apart."""
    namer = Namer(KEY, scope="one", style=Style.SURROGATES)
    mail = namer.name("email", "ann@example.org")
    wire = a_wire(f"{mail[:-1]}ann@example.org ann@example.org", "m")
    done = filter_it(wire, MAIL, ("m", "person", "personal"), names=namer)
    assert restored(done) == wire


# ── laws ────────────────────────────────────────────────────────────────────────────────────────────────────────────

LETTER = r"[^\W_\u2e80-\uffff]"  # of a word in a script that writes spaces
parts = st.sampled_from(
    ["Ann", "ann@example.org", "Smith", " ", ". ", "\\", '"', "é", "EMAIL_", "x", "李明", "4111111111111111", "\n", "{", "LITERAL_2ABCDEFG"]
)
contents = st.lists(parts, max_size=8).map("".join)


@st.composite
def bodies(draw: st.DrawFn) -> tuple[dict[str, Any], list[tuple[Spot, list[Finding]]]]:
    wire = a_wire(*draw(st.lists(contents, min_size=1, max_size=3)), data=draw(st.dictionaries(contents, contents | st.integers(10**6, 10**16), max_size=2)))
    wire["arguments"] = json.dumps({draw(contents): draw(contents)})
    found: list[tuple[Spot, list[Finding]]] = []
    for spot in spots(wire):
        edges = draw(st.lists(st.tuples(st.integers(-1, 20), st.integers(0, 9), st.sampled_from(["personal", "financial"])), max_size=3))
        found.append(
            (
                spot,
                [
                    Finding(start=at, end=at + length, kind=draw(st.sampled_from(["person", "card"])), data_class=data_class, detector="told")
                    for at, length, data_class in edges
                ],
            )
        )
    return wire, found


def same(one: Any, other: Any) -> bool:
    """Tell whether two bodies say the same: numbers may have become texts, and JSON text may be written another way."""
    return json.loads(one.pop("arguments")) == json.loads(other.pop("arguments")) and json.loads(json.dumps(one), parse_int=str) == json.loads(
        json.dumps(other), parse_int=str
    )


@settings(max_examples=60, deadline=None)
@given(bodies(), st.sampled_from(Style))
def test_restoring_what_was_filtered_gives_back_what_was_there(drawn: tuple[dict[str, Any], list[tuple[Spot, list[Finding]]]], style: Style) -> None:
    wire, found = drawn
    both = PERSONAL | {Duty("financial", Obligation.PSEUDONYMISE)}
    done = filtered(wire, found, duties=both, names=Namer(KEY, scope="one", style=style))
    assert same(restored(done) if done.restorer else done.wire, wire)


@settings(max_examples=60, deadline=None)
@given(bodies(), st.booleans())
def test_no_value_that_was_found_stands_anywhere_in_what_is_sent(drawn: tuple[dict[str, Any], list[tuple[Spot, list[Finding]]]], is_out: bool) -> None:
    wire, found = drawn
    duties = REDACT if is_out else PERSONAL
    done = filtered(wire, found, duties=duties, names=Namer(KEY, scope="one"))
    personal = ((spot, one) for spot, ones in found for one in ones if one.data_class == "personal" and one.end > max(one.start, 0))
    values = {spot.text[max(one.start, 0) : one.end].strip() for spot, one in personal}
    here_before = "\n".join(spot.text for spot in spots(wire))
    mask = re.compile(r"(?:PERSON|CARD|LITERAL|REMOVED)_[2-7][A-Z2-7]{7}|\[[^]]*removed\]")
    sent = [mask.sub(lambda match: match[0] if match[0] in here_before else "\0", spot.text) for spot in spots(done.wire)]
    for value in {value for value in values if len(value) >= 3}:
        before, after = (LETTER if edge.isalnum() else "(?!)" for edge in (value[0], value[-1]))
        alone = re.compile(rf"(?<!{before}){re.escape(value)}(?!{after})")
        assert not [text for text in sent if alone.search(text)], value
