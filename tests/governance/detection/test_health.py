"""A term of health is general knowledge until somebody is there whose health it is."""

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.governance.detection.health import HealthTerms, with_person
from pointsman.governance.finding import Finding

DETECTOR: Final = HealthTerms()


def terms(text: str) -> list[str]:
    return [text[finding.start : finding.end] for finding in DETECTOR.find(text)]


def named(text: str, name: str, *, kind: str = "person") -> Finding:
    start = text.index(name)
    return Finding(start=start, end=start + len(name), kind=kind, data_class="personal", detector="test")


def health(*texts: str, names: dict[str, str] | None = None) -> set[str]:
    findings = [[*DETECTOR.find(text), *(named(text, name, kind=kind) for name, kind in (names or {}).items() if name in text)] for text in texts]
    raised = with_person(findings, texts)
    return {text[finding.start : finding.end] for of_text, text in zip(raised, texts, strict=True) for finding in of_text if finding.data_class == "health"}


@pytest.mark.parametrize(
    "text",
    [
        "What are the symptoms of flu and of diabetes?",
        "Explain how metformin works.",
        "Write an essay about cancer research in Europe.",
        "I have a question about diabetes.",
        "Which foods are good for high blood pressure?",
    ],
)
def test_a_general_question_is_no_health_data(text: str) -> None:
    assert health(text) == set()


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("I was diagnosed with type 2 diabetes last year.", "diabetes"),
        ("I take 20 mg of prozac every morning.", "prozac"),
        ("My mother has breast cancer.", "breast cancer"),
        ("The patient denies HIV.", "HIV"),
        ("She suffers from chronic migraine.", "migraine"),
        ("Our employee was hospitalised for depression.", "depression"),
        ("Ich habe Depressionen.", "Depressionen"),
    ],
)
def test_a_sentence_that_says_whose_it_is_makes_it_health_data(text: str, term: str) -> None:
    assert term in health(text)


def test_an_identifier_anywhere_in_the_call_makes_it_health_data() -> None:
    note = "Metformin 500 mg twice daily, hypertension under control."
    who = "The file of Ada Lovelace."
    assert health(note, "The file of nobody.") == set()
    assert health(note, who, names={"Ada Lovelace": "person"}) == {"Metformin", "hypertension"}
    assert health(note, "Reply to ada@example.com", names={"ada@example.com": "email"}) == {"Metformin", "hypertension"}


def test_what_names_nobody_is_not_enough() -> None:
    assert health("Hypertension in London.", names={"London": "location"}) == set()


def test_a_disease_with_the_name_of_a_person_is_not_that_person() -> None:
    assert health("Parkinson's is treated with levodopa.", names={"Parkinson": "person"}) == set()


def test_a_question_beside_a_name_counts_only_in_the_same_sentence() -> None:
    assert health("What are the symptoms of flu and diabetes? Yours, Ada Lovelace", names={"Ada Lovelace": "person"}) == set()
    assert health("Explain the diabetes of Ada Lovelace.", names={"Ada Lovelace": "person"}) == {"diabetes"}


def test_what_is_denied_in_plain_words_is_not_counted_but_a_finding_of_a_clinic_is() -> None:
    assert terms("There is no diabetes in this cohort.") == []
    assert terms("Sin diabetes.") == []
    assert terms("She tested negative for HIV.") == ["HIV"]
    assert terms("Melanoma was excluded.") == ["Melanoma"]


def test_a_code_counts_with_its_word_beside_it() -> None:
    assert terms("ICD-10: E11.9 and part number E11.9") == ["E11.9"]
    assert terms("Dx F32.1") == ["F32.1"]
    assert terms("Gate B12, seat A10.") == []


def test_terms_are_words_and_not_parts_of_words() -> None:
    assert terms("The cancerous growth of bureaucracy hivewards, a gouty gouth") == []
    assert terms("DIABÈTE et Guillain-Barré") == ["DIABÈTE", "Guillain-Barré"]


def test_other_findings_pass_through_unchanged() -> None:
    text = "Ada Lovelace has asthma."
    person = named(text, "Ada Lovelace")
    raised = with_person([[person, *DETECTOR.find(text)]], [text])
    assert raised[0][0] == person
    assert [finding.kind for finding in raised[0]] == ["person", "health"]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["I have asthma.", "no asthma", "what is asthma", "asthma and Ada", "x" * 50, ""]), max_size=5), st.booleans())
def test_knowing_of_a_person_never_lowers_anything(texts: list[str], also: bool) -> None:
    without = with_person([list(DETECTOR.find(text)) for text in texts], texts)
    findings = [[*DETECTOR.find(text), *([named(text, "Ada")] if also and "Ada" in text else [])] for text in texts]
    with_names = with_person(findings, texts)
    for one, other in zip(without, with_names, strict=True):
        assert {finding.start for finding in one if finding.kind == "health"} <= {finding.start for finding in other if finding.kind == "health"}
