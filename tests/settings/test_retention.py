"""
What is kept of a call, and for how long: the least that configuration and policy allow, and never a contradiction.
"""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.core.label import UNKNOWN, Label, a_label
from pointsman.core.verdict import Keeping, Verdict
from pointsman.settings.retention_compile import Retention, mistakes_in, retention_mistakes, retention_of, span_s
from pointsman.settings.retention_shape import Retention as Told
from pointsman.settings.yaml_text import read

DAY_S = 86_400
FULL = {"content": "full", "content_for": "30d"}


def told(**section: Any) -> Told:
    return msgspec.convert(section, Told)


def meant(**section: Any) -> Retention:
    return retention_of(told(**section))


def wrong(**section: Any) -> list[str]:
    return [f"{'.'.join(path)}: {says} {remedy}" for path, says, remedy in retention_mistakes(told(**section))]


def a_verdict(label: Label, keeping: Keeping = Keeping.FULL, **more: Any) -> Verdict:
    return Verdict(label=label, mask=0, snapshot="0123456789abcdef", keeping=keeping, **more)


def test_by_default_no_content_is_kept_and_records_for_ever() -> None:
    retention = meant()
    assert not retention.keeps_content
    assert retention.under(a_verdict(a_label("public"))).keeping is Keeping.NOTHING
    assert retention.records_s(["internal"]) is None
    assert wrong() == []


def test_content_is_kept_as_far_as_the_class_says() -> None:
    retention = meant(**FULL, classes={"personal": {"content": "filtered", "content_for": "7d"}, "health": {"content": "hash"}})
    assert retention.keeps_content
    kept = {name: retention.under(a_verdict(a_label(name))) for name in ("internal", "personal", "health")}
    assert {name: (one.keeping, one.content_s // DAY_S) for name, one in kept.items()} == {
        "internal": (Keeping.FULL, 30),
        "personal": (Keeping.FILTERED, 7),
        "health": (Keeping.HASH, 30),
    }


def test_of_several_classes_the_least_holds() -> None:
    retention = meant(**FULL, classes={"personal": {"content": "filtered"}, "financial": {"content_for": "2d"}})
    kept = retention.under(a_verdict(a_label("internal", "personal", "financial")))
    assert (kept.keeping, kept.content_s) == (Keeping.FILTERED, 2 * DAY_S)


@pytest.mark.parametrize("label", [UNKNOWN, a_label("secret"), a_label("internal", "secret"), a_label("my-own-class"), a_label()])
def test_unknown_data_and_secrets_are_not_kept_by_what_is_usual(label: Label) -> None:
    assert meant(**FULL).under(a_verdict(label)).keeping is Keeping.NOTHING


def test_a_strict_class_is_kept_where_it_is_named() -> None:
    retention = meant(classes={"restricted": {"content": "hash"}, "my-own-class": {"content": "full"}})
    assert retention.under(a_verdict(UNKNOWN)).keeping is Keeping.HASH
    assert retention.under(a_verdict(a_label("my-own-class"))).keeping is Keeping.FULL


def test_a_verdict_can_only_make_it_less() -> None:
    retention = meant(content="filtered", content_for="10d")
    for keeping in Keeping:
        assert retention.under(a_verdict(a_label("internal"), keeping)).keeping is min(keeping, Keeping.FILTERED)
    assert retention.under(a_verdict(a_label("internal"), keep_at_most_s=60)).content_s == 60
    assert retention.under(a_verdict(a_label("internal"), keep_at_most_s=99 * DAY_S)).content_s == 10 * DAY_S
    assert retention.under(a_verdict(a_label("internal"), keep_at_most_s=0)).keeping is Keeping.NOTHING


def test_a_label_may_bring_its_own_ceiling() -> None:
    label = msgspec.structs.replace(a_label("internal"), keep_at_most_s=DAY_S)
    assert meant(**FULL).under(a_verdict(label)).content_s == DAY_S


_CLASSES = st.sets(st.sampled_from(["public", "internal", "personal", "financial", "restricted", "secret"]))


@given(known=_CLASSES, learned=_CLASSES)
@settings(max_examples=60)
def test_learning_more_about_the_data_never_keeps_more_or_longer(known: set[str], learned: set[str]) -> None:
    retention = meant(**FULL, classes={"personal": {"content": "filtered", "content_for": "7d"}, "restricted": {"content": "hash"}})
    if known:
        before, after = (retention.under(a_verdict(a_label(*classes))) for classes in (known, known | learned))
        assert after.keeping <= before.keeping
        assert after.content_s <= before.content_s


def test_records_live_as_long_as_their_class_says_and_never_less_than_they_must() -> None:
    retention = meant(
        records_for="90d", classes={"financial": {"records_for": "400d", "records_at_least": "365d"}, "personal": {"records_for": "380d"}, "legal": {}}
    )
    days = {
        names: (retention.records_s(names) or 0) // DAY_S
        for names in (("internal",), ("financial",), ("internal", "financial"), ("financial", "personal"), ("legal",), ())
    }
    assert days == {("internal",): 90, ("financial",): 400, ("internal", "financial"): 400, ("financial", "personal"): 380, ("legal",): 90, (): 90}


@given(
    usual=st.none() | st.integers(1, 50),
    classes=st.dictionaries(st.sampled_from("abc"), st.tuples(st.none() | st.integers(1, 50), st.none() | st.integers(1, 50)), max_size=3),
    mixed=st.sets(st.sampled_from("abcd")),
)
@settings(max_examples=100)
def test_in_what_loads_no_record_has_a_floor_above_its_ceiling(usual: int | None, classes: dict[str, tuple[int | None, int | None]], mixed: set[str]) -> None:
    section: dict[str, Any] = {} if usual is None else {"records_for": f"{usual}d"}
    section["classes"] = {
        name: {key: f"{days}d" for key, days in (("records_for", most), ("records_at_least", least)) if days is not None}
        for name, (most, least) in classes.items()
    }
    if wrong(**section):
        return
    ends_s = meant(**section).records_s(mixed)
    for name in mixed & classes.keys():
        most, least = classes[name]
        assert ends_s is None or ends_s >= (least or 0) * DAY_S
        assert most is None or (ends_s is not None and ends_s <= most * DAY_S)


@pytest.mark.parametrize(
    ("section", "says"),
    [
        (
            {"classes": {"financial": {"records_for": "30d", "records_at_least": "180d"}}},
            (
                "classes.financial.records_at_least: records of `financial` must be kept for 180 days and be gone after 30 days."
                " Raise `records_for` of this class, or lower `records_at_least`."
            ),
        ),
        (
            {"records_for": "90d", "classes": {"financial": {"records_at_least": "180d"}}},
            (
                "classes.financial.records_at_least: records of `financial` must be kept for 180 days and be gone after 90 days."
                " Raise `records_for` of this class, or lower `records_at_least`."
            ),
        ),
        (
            {"classes": {"financial": {"records_at_least": "180d"}, "personal": {"records_for": "30d"}}},
            (
                "classes.financial.records_at_least: one call may hold `financial` and `personal` data: its record must stay 180 days and go after 30 days."
                " Raise `records_for` of `personal`, or lower `records_at_least` of `financial`."
            ),
        ),
        ({"records_for": "7d", **FULL}, "content_for: content would outlive the record of its call. Lower `content_for`, or raise `records_for`."),
        (
            {"classes": {"personal": {"content": "filtered", "content_for": "60d", "records_for": "30d"}}},
            "classes.personal.content_for: content would outlive the record of its call. Lower `content_for`, or raise `records_for`.",
        ),
        ({"classes": {"secret": {"content": "hash"}}}, "classes.secret.content: secrets are never kept, in any form. Write `content: nothing`."),
        ({"file": "one.db", "keys": {"file": "one.db"}}, "keys.file: content and its keys would be in one file, and in the same backups. Name another file."),
        (
            {"keys": {"master": "0123456789abcdef"}},
            "keys.master: a key must not stand in this file. Write `env:NAME`, `file:PATH`, `keyring:SERVICE/USER` or `vault:MOUNT/PATH#FIELD`.",
        ),
    ],
)
def test_a_contradiction_is_refused_with_its_path_and_what_to_do(section: dict[str, Any], says: str) -> None:
    assert wrong(**section) == [says]


def test_a_contradiction_is_told_with_its_line() -> None:
    source = "capabilities: {}\nretention:\n  classes:\n    secret:\n      content: full\n"
    text = read(source, "pointsman.yaml")
    [mistake] = mistakes_in(text, msgspec.convert(text.values["retention"], Told))
    assert (mistake.path, mistake.line) == ("retention.classes.secret.content", 5)


def test_a_span_is_minutes_hours_days_or_weeks() -> None:
    assert [span_s(text) for text in ("90m", "2h", "3d", "1w")] == [5400, 7200, 259_200, 604_800]
