"""A text is cut into tokens without loss, and what is seen of a token depends on its form where its word is unknown."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.governance.detection.sequence_tokens import BUCKETS, FEATURES, TOKEN, features, masked

LISTS = {"maria": 1, "oak": 0b110}


@given(text=st.text(max_size=200))
@settings(max_examples=60)
def test_the_tokens_of_a_text_are_the_text(text: str) -> None:
    assert "".join(TOKEN.findall(text)) == text


@given(text=st.text(max_size=100))
@settings(max_examples=40)
def test_masking_keeps_every_character_in_its_place(text: str) -> None:
    hidden = masked(text)
    assert len(hidden) == len(text)
    assert all(one == other or (other in "123456789" and one == "0") for one, other in zip(hidden, text, strict=True))


def test_blanks_belong_to_the_token_behind_them() -> None:
    assert TOKEN.findall("Ask  Maria,\nplease ") == ["Ask", "  Maria", ",", "\nplease", " "]


def test_a_rule_of_marks_is_one_token() -> None:
    assert TOKEN.findall("a ---- b ..") == ["a", " ----", " b", " .", "."]


@given(token=st.text(max_size=30).filter(lambda text: len(TOKEN.findall(text)) == 1))
@settings(max_examples=60)
def test_every_token_has_as_many_features_as_there_are_places(token: str) -> None:
    for known in (True, False):
        seen = features(token, LISTS, known=known)
        assert len(seen) == FEATURES
        assert all(0 <= bucket < BUCKETS for bucket in seen)


def test_a_word_on_a_list_is_seen_as_such_only_while_it_is_known() -> None:
    assert features(" maria", LISTS) != features(" maria", {})
    assert features(" maria", LISTS, known=False) == features(" maria", {}, known=False)


def test_the_form_of_a_word_is_seen() -> None:
    forms = (
        " maria",
        " Maria",
        " MARIA",
        " M",
        " m",
        " mArIa",
        " MacRia",
        " maria2",
        " MARIA2",
        " 0000",
        " 00",
        " Ma0",
        " 0th",
        " ma_ria",
        "!",
        " ---",
        " Żółw",
        " 请描",
    )
    assert len({tuple(features(form, {})) for form in forms}) == len(forms)


def test_the_blanks_before_a_token_are_seen() -> None:
    forms = ("maria", " maria", "  maria", "\nmaria", "\n\nmaria", " ")
    assert len({tuple(features(form, {})) for form in forms}) == len(forms)
