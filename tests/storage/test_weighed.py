import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ledger.entries import a_record, a_score, an_entry, write

from pointsman.core.routing import Weighed
from pointsman.storage.batch import Batch
from pointsman.storage.records import write_batch
from pointsman.storage.sql import Database
from pointsman.storage.weighed import criteria_of, weighed_of, weighed_text


def a_candidate(target: str = "acme/small", **more: Any) -> Weighed:
    whole: dict[str, Any] = {"quality": 0.83, "low": 0.79, "high": 0.87, "cost_nano_usd": 400_000, "latency_ms": 900.0, "value_nano_usd": 7_900_000, **more}
    return Weighed(target=target, **whole)


WEIGHED = (a_candidate(probability=0.98), a_candidate("acme/large", quality=0.9, low=0.88, high=0.92, cost_nano_usd=None, latency_ms=None, reason="too_dear"))


def test_a_choice_by_value_is_kept_with_what_was_expected_of_whoever_answers(each_database: Database) -> None:
    write(each_database, [a_record(1, weighed=WEIGHED, learned="ab12", features="AAEC", mode="explore", propensity=0.98)])
    [row] = each_database.rows("SELECT * FROM decision")
    assert (row["predicted_quality"], row["predicted_cost_nano_usd"], row["predicted_latency_ms"]) == (0.83, 400_000, 900.0)
    assert (row["learned"], row["features"], row["mode"], row["propensity"]) == ("ab12", "AAEC", "explore", 0.98)
    assert weighed_of(row["weighed"]) == WEIGHED


def test_what_the_request_set_is_kept_with_what_was_weighed_by_it(each_database: Database) -> None:
    write(each_database, [a_record(1, weighed=WEIGHED, criteria={"risk": 4.0}), a_record(2, weighed=WEIGHED), a_record(3, criteria={"risk": 4.0})])
    texts = [row["weighed"] for row in each_database.rows("SELECT weighed FROM decision ORDER BY call_id")]
    assert [criteria_of(text) for text in texts] == [{"risk": 4.0}, {}, {}]
    assert [weighed_of(text) for text in texts] == [WEIGHED, WEIGHED, ()]
    assert json.loads(texts[1])[0]["target"] == "acme/small", "without criteria the text is the list that it always was"


def test_after_a_fallback_it_is_the_prediction_of_the_target_that_answered(each_database: Database) -> None:
    write(each_database, [a_record(1, entries=(an_entry(error="server_error"), an_entry(1, target="acme/large")), weighed=WEIGHED)])
    [row] = each_database.rows("SELECT chosen, predicted_quality, predicted_cost_nano_usd FROM decision")
    assert row == {"chosen": "acme/large", "predicted_quality": 0.9, "predicted_cost_nano_usd": None}


def test_of_a_target_that_nobody_weighed_nothing_was_predicted(each_database: Database) -> None:
    write(each_database, [a_record(1, entries=(an_entry(target="rules"),), weighed=WEIGHED, learned="ab12")])
    [row] = each_database.rows("SELECT learned, predicted_quality FROM decision")
    assert row == {"learned": "ab12", "predicted_quality": None}


def test_a_choice_by_the_owners_order_says_nothing_of_predictions(each_database: Database) -> None:
    write(each_database, [a_record(1), a_record(2, weighed=WEIGHED), a_record(3)])
    rows = each_database.rows("SELECT learned, weighed, features, predicted_quality FROM decision ORDER BY call_id")
    assert [row["weighed"] is None for row in rows] == [True, False, True]
    assert set(rows[0].values()) == {None}


def test_features_are_kept_also_where_nothing_was_weighed(each_database: Database) -> None:
    write(each_database, [a_record(1, features="AAEC")])
    assert each_database.rows("SELECT features, weighed FROM decision") == [{"features": "AAEC", "weighed": None}]


def test_a_score_may_be_that_of_an_answer_which_was_not_given(each_database: Database) -> None:
    record = a_record(1)
    write(each_database, [record])
    given, other = a_score("s-1", record.call_id), a_score("s-2", record.call_id, target="acme/large")
    write_batch(each_database, Batch(scores=[given, other]))
    assert each_database.rows("SELECT target, workflow FROM score ORDER BY score_id") == [
        {"target": "", "workflow": "support"},
        {"target": "acme/large", "workflow": "support"},
    ]


finite = st.floats(allow_nan=False, allow_infinity=False)
candidates = st.builds(
    Weighed,
    target=st.text(max_size=8),
    quality=finite,
    low=finite,
    high=finite,
    cost_nano_usd=st.none() | st.integers(0, 2**62),
    latency_ms=st.none() | finite,
    value_nano_usd=st.integers(-(2**62), 2**62),
    probability=finite,
    reason=st.text(max_size=8),
)


@settings(max_examples=50)
@given(st.lists(candidates, min_size=1, max_size=4).map(tuple), st.dictionaries(st.text(max_size=8), finite, max_size=3))
def test_what_was_weighed_is_read_as_it_was_kept(weighed: tuple[Weighed, ...], criteria: dict[str, float]) -> None:
    text = weighed_text(weighed, criteria)
    assert (weighed_of(text), criteria_of(text)) == (weighed, criteria)


def test_a_text_that_is_none_of_ours_says_nothing() -> None:
    assert [weighed_of(text) for text in (None, "", "[", "[{}]", '[{"target": 1}]')] == [()] * 5
    assert [criteria_of(text) for text in (None, '{"criteria": {"risk": "high"}, "candidates": []}', "[]")] == [{}] * 3
