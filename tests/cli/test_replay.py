"""
`pointsman replay`, on calls that the ledger's own writer wrote: tickets that went to `large`, and by chance to `small`.
"""

import json
import random
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Run
from tests.ledger.entries import a_record, an_entry, an_outcome, write

from pointsman.cli import replay
from pointsman.core.entry import CallRecord, Entry
from pointsman.core.reply import Usage
from pointsman.core.routing import Weighed
from pointsman.decision.prediction.fit import fit
from pointsman.decision.prediction.parameters import encode
from pointsman.decision.prediction.predictor import Predictor
from pointsman.decision.prediction.values import Label, Prompt
from pointsman.storage.learned import LearnedFolder
from pointsman.storage.open import open_writing

DAY_MS = 86_400_000
NOW_MS = 1_767_225_600_000 + 60 * DAY_MS
USD = 1_000_000_000
CONFIGURATION = """
vendors:
  acme: {kind: openai_compatible, base_url: "http://127.0.0.1:9/v1"}
  own: {kind: ollama, base_url: "http://127.0.0.1:9/v1"}
targets:
  large: {vendor: acme, model: large, price: {input_usd_per_million: 10, output_usd_per_million: 0, id: acme-2026}}
  small: {vendor: acme, model: small, price: {input_usd_per_million: 1, output_usd_per_million: 0, id: acme-2026}}
  near: {vendor: own, model: near, price: {input_usd_per_million: 0, output_usd_per_million: 0, id: none}}
capabilities:
  answer: {ladder: [large, small]}
workflows:
  support: {capabilities: [answer], unit: ticket, window: 7d}
"""
SMALL_FIRST = "capabilities: {answer: {ladder: [small, large]}}\n"
Made = Callable[..., None]


def weighed(first: str, chance: float) -> tuple[Weighed, ...]:
    return tuple(
        Weighed(
            target=name,
            quality=quality,
            low=0.5,
            high=1.0,
            cost_nano_usd=USD * price,
            latency_ms=latency,
            value_nano_usd=0,
            probability=chance if name == first else 1.0 - chance,
        )
        for name, quality, price, latency in (("large", 0.9, 10, 900.0), ("small", 0.8, 1, 300.0))
    )


def an_attempt(target: str, *, latency_ms: float = 0.0, **more: Any) -> Entry:
    million = Usage(tokens_in=1_000_000)
    cost = USD * {"large": 10, "small": 1, "near": 0}[target]
    return an_entry(
        target=target, cost=cost, usage=million, price_id="contract:acme-2026", latency_ms=latency_ms or (900.0 if target == "large" else 300.0), **more
    )


def a_ticket(number: int, target: str, *, days_ago: float = 20.0, **more: Any) -> CallRecord:
    entry = an_attempt(target)
    whole = {"entries": (entry,), "unit": f"ticket-{number}", "latency_ms": entry.latency_ms, "capability": "answer", "workflow": "support", **more}
    return a_record(number, at_ms=NOW_MS - int(days_ago * DAY_MS) + number, **whole)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """Write a ledger of tickets of which each resolved one is named, and a proposal."""
    monkeypatch.setattr(replay, "now_ms", lambda: NOW_MS)
    (tmp_path / "pointsman.yaml").write_text(CONFIGURATION)
    (tmp_path / "new.yaml").write_text(SMALL_FIRST)

    def make(records: list[CallRecord], resolved: dict[str, bool] | None = None) -> None:
        told = [
            an_outcome(record.unit, f"o-{record.unit}", workflow="support", success=resolved[record.unit], at_ms=record.started_ms + DAY_MS)
            for record in records
            if resolved
        ]
        with closing(open_writing(tmp_path / "pointsman.db")) as db:
            write(db, records, outcomes=told)

    return make


@pytest.fixture
def told(run: Run) -> Callable[..., Any]:
    def tell(*words: str) -> Any:
        done = run("replay", "--policy", "new.yaml", "--json", *words)
        assert done.code == 0, done.err
        return json.loads(done.out)

    return tell


def explored(count: int = 1500, *, share: float = 0.3, seed: int = 1) -> tuple[list[CallRecord], dict[str, bool]]:
    """Tickets of which `share` went to `small` by chance; `large` resolves nine of ten, `small` eight."""
    drawn = random.Random(seed)
    records: list[CallRecord] = []
    resolved: dict[str, bool] = {}
    for number in range(count):
        is_small = drawn.random() < share
        target = "small" if is_small else "large"
        mode, chance = ("explore", share) if is_small else ("policy", 1.0 - share)
        record = a_ticket(number, target, mode=mode, propensity=chance, weighed=weighed(target, chance))
        records.append(record)
        resolved[record.unit] = drawn.random() < (0.8 if is_small else 0.9)
    return records, resolved


def test_where_chance_tried_what_is_proposed_cost_and_quality_have_intervals(made: Made, told: Callable[..., Any]) -> None:
    made(*explored())
    found = told()
    [line] = found["capabilities"]
    assert (found["calls"], found["out_of"], line["calls"], line["no_place"], line["untouched"]) == (1500, 1500, 1500, 0, 0)
    assert line["moved"] == pytest.approx(1500 * 0.7)
    cost, quality, latency = line["cost"], line["quality"], line["latency"]
    assert [one["basis"] for one in (cost, quality, latency)] == ["doubly_robust"] * 3
    assert cost["now"] > 7 * USD
    assert cost["then"] == pytest.approx(1 * USD)
    assert quality["low"] < 0.8 < quality["high"]
    assert quality["now"] == pytest.approx(0.87, abs=0.03)
    assert 0.02 < quality["high"] - quality["low"] < 0.12
    assert latency["then"] == pytest.approx(300.0)
    assert quality["effective"] > 200


def test_without_anything_tried_cost_is_predicted_and_quality_unknown(made: Made, told: Callable[..., Any]) -> None:
    made([a_ticket(number, "large") for number in range(300)], {f"ticket-{number}": True for number in range(300)})
    [line] = told()["capabilities"]
    assert (line["cost"]["basis"], line["cost"]["then"], line["cost"]["low"]) == ("predicted", 1 * USD, None)
    assert line["quality"]["basis"] == "unknown"
    assert line["quality"]["then"] is None
    assert line["quality"]["now"] == 1.0


def test_the_policy_in_force_would_have_done_what_it_did(made: Made, told: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "new.yaml").write_text("costs: {baseline: large}\n")
    made([a_ticket(number, "large") for number in range(20)], {f"ticket-{number}": number != 0 for number in range(20)})
    found = told()
    [line] = found["capabilities"]
    assert found["differing"] == []
    assert line["moved"] == 0
    assert [line[name]["basis"] for name in ("cost", "quality", "latency")] == ["recorded"] * 3
    assert line["quality"]["then"] == line["quality"]["now"] == 0.95
    assert line["cost"]["then"] == 10 * USD


def test_the_same_targets_at_another_price_cost_exactly_what_their_tokens_do(made: Made, told: Callable[..., Any], tmp_path: Path) -> None:
    cheaper = "targets:\n  large: {vendor: acme, model: large, price: {input_usd_per_million: 6, output_usd_per_million: 0, id: acme-2027}}\n"
    (tmp_path / "new.yaml").write_text(cheaper)
    made([a_ticket(1, "large"), a_ticket(2, "large", entries=(an_attempt("large", error="server_error"), an_attempt("small", seq=1)))])
    cost = told()["capabilities"][0]["cost"]
    assert (cost["basis"], cost["now"], cost["then"]) == ("recorded", (10 + 11) / 2 * USD, (6 + 7) / 2 * USD)


def test_a_call_that_policy_would_close_everywhere_has_no_place(made: Made, told: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "new.yaml").write_text("capabilities: {answer: {ladder: [large, small], data_class: internal}}\n")
    made([a_ticket(1, "large"), a_ticket(2, "large", data_class="health"), a_ticket(3, "large", data_class="unknown")])
    found = told()
    [line] = found["capabilities"]
    assert (line["calls"], line["no_place"], line["moved"]) == (3, 2, 0)
    assert {one["after"] for one in found["differing"]} == {None}
    assert {one["why"] for one in found["differing"]} == {"no_place_allowed"}


def test_a_call_that_was_refused_may_have_a_place_now(made: Made, told: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "new.yaml").write_text("capabilities: {answer: {ladder: [near, large]}}\n")
    refused = a_ticket(1, "large", entries=(), status="no_place_allowed", data_class="health", considered=(("large", "policy:health"),))
    made([refused, a_ticket(2, "large")])
    [line] = told()["capabilities"]
    assert (line["regained"], line["untouched"], line["no_place"]) == (1, 1, 0)


def test_what_could_not_take_a_call_then_or_was_down_is_not_chosen_now(made: Made, told: Callable[..., Any]) -> None:
    reasons = ("breaker:server_error", "lacks:tools", "cannot_express:seed", "switched_off", "context_too_long")
    made([a_ticket(number, "large", considered=(("small", reason),)) for number, reason in enumerate(reasons)])
    [line] = told()["capabilities"]
    assert line["moved"] == 1  # by its protocol, `small` offers tools: what it lacked then it was given since


def test_a_target_of_another_protocol_takes_what_nothing_speaks_against(made: Made, told: Callable[..., Any], tmp_path: Path) -> None:
    other = "vendors: {claude: {kind: anthropic}}\ntargets: {far: {vendor: claude, model: claude-x}}\n"
    (tmp_path / "new.yaml").write_text(other + "capabilities: {answer: {ladder: [near, far, large]}}\n")
    made([a_ticket(1, "large", considered=(("near", "breaker:timeout"),))])
    assert [one["after"] for one in told()["differing"]] == ["far"]


def test_a_call_of_unknown_cost_stays_unknown(made: Made, told: Callable[..., Any]) -> None:
    made([a_ticket(1, "large", entries=(an_entry(target="large", cost=None, price_id=None),))])
    cost = told()["capabilities"][0]["cost"]
    assert (cost["basis"], cost["known"], cost["now"], cost["then"]) == ("unknown", 0, None, None)


def test_the_calls_that_differ_most_are_named_with_where_they_would_have_gone(made: Made, told: Callable[..., Any], run: Run) -> None:
    made(*explored(400))
    most = told()["differing"]
    assert len(most) == 10
    assert {(one["before"], one["after"]) for one in most} == {("large", "small")}
    assert most[0]["quality"] == pytest.approx(-0.1)
    assert most[0]["cost_nano_usd"] == -9 * USD
    text = run("replay", "--policy", "new.yaml").out
    assert most[0]["call_id"] in text
    assert "$-9.00" in text
    assert "cost and quality and latency" in text


def test_a_part_of_many_calls_is_drawn_from_all_of_the_span(made: Made, told: Callable[..., Any]) -> None:
    made([a_ticket(number, "large", days_ago=25 - number / 50) for number in range(1000)])
    found = told("--calls", "200")
    assert found["out_of"] == 1000
    assert 200 <= found["calls"] <= 232


def test_outcomes_that_may_still_change_do_not_count(made: Made, told: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "new.yaml").write_text("costs: {baseline: large}\n")
    made([a_ticket(1, "large", days_ago=20), a_ticket(2, "large", days_ago=3)], {"ticket-1": True, "ticket-2": False})
    quality = told()["capabilities"][0]["quality"]
    assert (quality["known"], quality["now"]) == (1, 1.0)


def test_mistakes_in_what_is_proposed_are_told_with_their_place(made: Made, run: Run, tmp_path: Path) -> None:
    made([a_ticket(1, "large")])
    (tmp_path / "new.yaml").write_text("capabilities: {answer: {ladder: [lage]}}\n")
    done = run("replay", "--policy", "new.yaml")
    assert done.code != 0
    assert "lage" in done.err


def test_a_span_without_calls_or_that_is_none_says_what_to_do(made: Made, run: Run) -> None:
    made([a_ticket(1, "large")])
    assert "--last" in run("replay", "--policy", "new.yaml", "--last", "24h").err
    assert run("replay", "--policy", "new.yaml", "--last", "soon").code == 2


# ── by value, with learned parameters ───────────────────────────────────────────────────────────────────────────────

BY_VALUE = "capabilities: {answer: {ladder: [large, small], routing: {not_worse_by: 0.2, explore: {share: 0.1}}}}\n"


@pytest.fixture
def learned(tmp_path: Path) -> Predictor:
    """Parameters in force that know both targets well, and by the prompt's features nothing."""
    scores = {"large": 0.9, "small": 0.8}
    labels = [
        Label(prompt=Prompt(capability="answer"), target=name, score=float(number < 100 * score), cost_nano_usd=USD * price, tokens_out=1, latency_s=seconds)
        for (name, score), price, seconds in zip(scores.items(), (10, 1), (0.9, 0.3), strict=True)
        for number in range(100)
    ]
    parameters = fit(labels)
    digest = LearnedFolder(tmp_path / "learned").keep(encode(parameters))
    (tmp_path / "learned.json").write_text(json.dumps({"parameters": digest}))
    return Predictor(parameters)


def test_a_proposal_by_value_is_asked_with_what_was_learned_and_tries_its_share(
    made: Made, told: Callable[..., Any], learned: Predictor, tmp_path: Path
) -> None:
    (tmp_path / "new.yaml").write_text(BY_VALUE)
    made(*explored(600, share=0.5))
    found = told()
    [line] = found["capabilities"]
    assert line["moved"] == pytest.approx(600 * 0.5, rel=0.2)
    assert 1.0 * USD < line["cost"]["then"] < 2.2 * USD  # nine of ten at `small`, and at most one of ten at `large`
    assert line["quality"]["basis"] == "doubly_robust"
    assert {one["after"] for one in found["differing"]} == {"small"}
    assert {one["why"] for one in found["differing"]} <= {"best_value", "explores"}


def test_what_was_looked_at_is_remembered_by_its_features_and_not_by_a_text(
    made: Made, told: Callable[..., Any], learned: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def heard(self: Predictor, prompt: Prompt, targets: Any) -> Any:
        asked.append(prompt.text)
        return predict(self, prompt, targets)

    predict = Predictor.predict
    monkeypatch.setattr(Predictor, "predict", heard)
    (tmp_path / "new.yaml").write_text(BY_VALUE)
    made([a_ticket(1, "large", features="AAEC"), a_ticket(2, "large")])
    told()
    assert {b"\0\1\2", ""} == set(asked)


def test_a_conversation_stays_where_it_would_have_begun(made: Made, told: Callable[..., Any], learned: Predictor, tmp_path: Path) -> None:
    (tmp_path / "new.yaml").write_text(BY_VALUE)
    made([a_ticket(number, "large", session="talk") for number in range(30)])
    [line] = told()["capabilities"]
    assert line["moved"] > 29  # once it stands at `small`, nothing more is tried


def test_what_a_request_set_of_its_criteria_it_sets_again(made: Made, told: Callable[..., Any], learned: Predictor, tmp_path: Path) -> None:
    """`large` takes 0.9 s: who wanted an answer within half a second is sent to `small`, though an answer of `large` is worth more."""
    routing = "{incumbent: large, not_worse_by: 0.2, criteria: {value_usd: 200}, requests_may_set: {within_s: [0.1, 60]}}"
    settable = "capabilities: {answer: {ladder: [large, small], routing: " + routing + "}}\n"
    (tmp_path / "new.yaml").write_text(settable)
    hurried = [a_ticket(number, "large", weighed=weighed("large", 1.0), criteria={"within_s": 0.5}) for number in range(3)]
    made([*hurried, a_ticket(10, "large", weighed=weighed("large", 1.0)), a_ticket(11, "large", weighed=weighed("large", 1.0), criteria={"within_s": 5.0})])
    found = told()

    assert {one["call_id"]: (one["after"], one["why"]) for one in found["differing"]} == {call.call_id: ("small", "best_value") for call in hurried}
    (tmp_path / "new.yaml").write_text(settable.replace(", requests_may_set: {within_s: [0.1, 60]}", ""))
    [line] = told()["capabilities"]
    assert line["no_place"] == 4, "the proposal refuses what these requests set"
