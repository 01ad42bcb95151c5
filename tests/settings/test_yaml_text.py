"""
YAML as it is read here: what JSON could say, and the line of everything.
"""

import pytest

from pointsman.settings.mistakes import SettingsInvalid
from pointsman.settings.yaml_text import compose, dotted, read


def test_a_text_that_is_to_be_edited_must_be_without_a_mistake() -> None:
    assert read("a: 1", "f.yaml").values == {"a": 1}
    with pytest.raises(SettingsInvalid, match=r"f\.yaml:2: a: this name stands here twice"):
        read("a: 1\na: 2", "f.yaml")


def test_every_value_has_its_line_and_what_has_none_the_line_of_what_holds_it() -> None:
    text = compose("a:\n  - b: 1\n\n    c: [2,\n      3]\n", "f.yaml")
    assert [text.line(path) for path in ((), ("a",), ("a", 0, "b"), ("a", 0, "c"), ("a", 0, "c", 1))] == [1, 1, 2, 4, 5]
    assert text.line(("a", 0, "z", "y")) == 2
    assert text.line(("z",)) == 1


def test_an_alias_is_the_value_it_names_and_merging_is_not_known() -> None:
    assert compose("a: &x {b: 1}\nc: *x", "f.yaml").values == {"a": {"b": 1}, "c": {"b": 1}}
    assert compose("a: &x {b: 1}\nc: {<<: *x}", "f.yaml").values["c"] == {"<<": {"b": 1}}


def test_dates_are_texts_and_words_are_what_yaml_says_they_are() -> None:
    text = compose("a: 2027-01-31\nb: 2027-01-31T12:00:00Z\nc: yes\nd: ~\ne: 0x10", "f.yaml")
    assert text.values == {"a": "2027-01-31", "b": "2027-01-31T12:00:00+00:00", "c": True, "d": None, "e": 16}
    assert text.written["c",] == "yes"


def test_a_path_is_written_as_people_write_it() -> None:
    assert dotted(("capabilities", "support", "ladder", 0)) == "capabilities.support.ladder[0]"
