import pytest

from pointsman.governance.detection.kinds import class_of
from pointsman.governance.detection.quasi import with_identity
from pointsman.governance.finding import Finding


def found(*kinds: str) -> tuple[Finding, ...]:
    return tuple(Finding(start=i, end=i + 1, kind=kind, data_class=class_of(kind), detector="d/1") for i, kind in enumerate(kinds))


@pytest.mark.parametrize("kind", ["age", "nationality", "postcode", "location"])
def test_what_says_something_about_a_person_counts_where_a_person_is_named_anywhere_in_the_request(kind: str) -> None:
    [[alone]] = with_identity([found(kind)], ["-"])
    [[beside], _] = with_identity([found(kind), found("email")], ["-", "-"])
    assert (alone.data_class, beside.data_class) == ("public", "personal")


@pytest.mark.parametrize("kind", ["organisation", "date", "url", "title", "card"])
def test_what_names_a_company_or_a_day_stays_what_it_is(kind: str) -> None:
    [[beside], _] = with_identity([found(kind), found("person")], ["-", "-"])
    assert beside.data_class == class_of(kind)


@pytest.mark.parametrize(
    ("text", "data_class"),
    [
        ("Translate into German: Ada is late.", "public"),
        ("Answer Ada in German.", "public"),
        ("Ada is a German citizen.", "personal"),
        ("German, says Ada.", "personal"),
    ],
)
def test_a_language_that_is_asked_for_says_nothing_about_the_person(text: str, data_class: str) -> None:
    at = text.index("German")
    nationality = Finding(start=at, end=at + 6, kind="nationality", data_class="public", detector="d/1")
    [[told], _] = with_identity([(nationality,), found("person")], [text, "-"])
    assert told.data_class == data_class
