"""
Conditions: what can be asked, and what is refused with a remedy.
"""

import pytest

from pointsman.governance.policy.conditions import BadCondition, Every, Given, Named, Not, Relation, Some, parse

REGION = Named("target", "region")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ('target.region == "eu"', Relation("==", REGION, Given("eu"))),
        ("'eu' != target.region", Relation("!=", Given("eu"), REGION)),
        ('target.region in ["eu", "us"]', Relation("in", REGION, Given(frozenset({"eu", "us"})))),
        ('"baa" in target.agreements', Relation("in", Given("baa"), Named("target", "agreements"))),
        ("target.retention_days <= 30", Relation("<=", Named("target", "retention_days"), Given(30))),
        ('target.name.startsWith("gpt")', Relation("startsWith", Named("target", "name"), Given("gpt"))),
        ("target.trains", Relation("==", Named("target", "trains"), Given(value=True))),
        ("!target.trains", Not(Relation("==", Named("target", "trains"), Given(value=True)))),
        ('purpose == "care"', Relation("==", Named("call", "purpose"), Given("care"))),
    ],
)
def test_a_condition_is_read(text: str, tree: object) -> None:
    assert parse(text) == tree


def test_and_binds_stronger_than_or_and_not_strongest() -> None:
    a, b, c = (parse(f'capability == "{name}"') for name in "abc")

    assert parse('capability == "a" || capability == "b" && capability == "c"') == Some((a, Every((b, c))))
    assert parse('(capability == "a" || capability == "b") && !(capability == "c")') == Every((Some((a, b)), Not(c)))
    assert parse("true && (false)\n") == Every((Relation("==", Given(value=True), Given(value=True)), Relation("==", Given(value=False), Given(value=True))))


@pytest.mark.parametrize(
    ("text", "says", "remedy"),
    [
        ('"personal" in label.classes', "`label`", "Derive a class"),
        ("now > 5", "`now`", "next_review"),
        ('text.contains("x")', "`text`", "decision table"),
        ('principal.user == "ann"', "`principal.user`", "group"),
        ('user == "ann"', "`user`", "group"),
        ('target.colour == "red"', "`target.colour`", "`target.region`"),
        ("weather", "`weather`", "`purpose`"),
        ('target.region == "eu', "cannot be read", "quotes"),
        ('target.region == "e\\u0075"', "cannot be read", "without"),
        ("target.region", "neither true nor false", "Compare"),
        ('target.region < "eu"', "`<`", "number with a number"),
        ('target.region == ["eu"]', "`==`", "`in`"),
        ("target.agreements == target.certifications", "`==`", "`in`"),
        ("target.retention_days in [30]", "texts only", "one"),
        ("target.retention_days == 99999999999999999999999", "too large", "smaller"),
        ("(target.trains", "`)` is missing", "Add it"),
        ("target.trains)", "does not belong", "comparison"),
        ("target.trains == false == true", "does not belong", "comparison"),
        ("(target.trains && true) == true", "compares attributes", "`&&`"),
        ("target region", "`.` is missing", "Add it"),
        ("", "does not belong", "comparison"),
        ("target.", "`target.the end`", "Known"),
        ("target.region in []", "texts only", "one"),
        ("target.region.size() == 2", "`size`", "`contains`"),
        ("target.region.contains(target.name)", "one text", "Write"),
        ('target.agreements.contains("baa")', "one text", "Write"),
        ("!" * 100 + "target.trains", "nested", "several rules"),
        ("(" * 100 + "target.trains" + ")" * 100, "nested", "several rules"),
        ("true && " * 300 + "true", "longer", "several rules"),
    ],
)
def test_what_cannot_be_decided_for_all_targets_at_once_is_refused_by_name(text: str, says: str, remedy: str) -> None:
    with pytest.raises(BadCondition) as refused:
        parse(text)

    assert says in refused.value.says
    assert remedy in refused.value.remedy
    assert str(refused.value).endswith((".", "`."))
