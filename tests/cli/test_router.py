"""
`pointsman router`, as somebody uses it who has only a table: prompts of two kinds, asked of a small and a large model.

Easy prompts both models get right; hard ones only the large one, and one in eight of these neither.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.app.test_semantic import installed
from tests.cli.conftest import Run
from tests.cli.running import Done
from tests.decision.prediction.encoders import install

from pointsman.cli.main import main
from pointsman.cli.router import command

STORE = Path(".pointsman-router")


def rows(*, count: int = 90, is_named: bool = True, has_cost: bool = True) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for number in range(count):
        is_hard = number % 2 == 1
        kind, prompt = ("hard", f"Prove theorem {number} of the long book, step by step.") if is_hard else ("easy", f"Add {number} and 1.")
        for model, score, cost in (("small", 0 if is_hard else 1, 0.01), ("large", 0 if number % 16 == 15 else 1, 0.1)):
            row: dict[str, Any] = {"prompt": prompt, "model": model, "score": score, "answer": "I cannot say." if score == 0 else f"It is {number + 1}."}
            found.append({**row, **({"capability": kind} if is_named else {}), **({"cost": cost} if has_cost else {})})
    return found


def table(name: str, lines: list[dict[str, Any]]) -> None:
    Path(name).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def read(name: str = "out.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(name).read_text(encoding="utf-8").splitlines()]


def good(done: Done) -> str:
    assert done.code == 0, done.err + done.out
    return done.out


def told(done: Done) -> Any:
    return json.loads(good(done))


@pytest.fixture(scope="session")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that has learned from 36 of 90 prompts: few enough to be quick."""
    folder = tmp_path_factory.mktemp("router")
    table(str(folder / "outcomes.jsonl"), rows(count=90))
    for words in (("import", str(folder / "outcomes.jsonl")), ("fit", "--labels", "36")):
        with pytest.raises(SystemExit) as ended:
            main(["router", *words, "--store", str(folder / "store")])
        assert ended.value.code == 0
    return folder / "store"


@pytest.fixture
def fitted(run: Run, learned: Path) -> Run:
    """Run commands beside a copy of that store."""
    shutil.copytree(learned, STORE)
    return run


@pytest.fixture
def extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the extra `semantic`, with a tiny encoder."""
    install(tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setattr("pointsman.app.semantic.installed", installed)


def decided(run: Run, mode: str, *more: str) -> list[dict[str, Any]]:
    good(run("router", "decide", "--in", "in.jsonl", "--mode", mode, "--out", "out.jsonl", *more))
    return read()


# ── import and fit ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_outcomes_are_imported_once_however_often_the_file_is_given(run: Run) -> None:
    table("outcomes.jsonl", rows(count=4))
    assert told(run("router", "import", "outcomes.jsonl", "--json"))["added"] == 8
    again = good(run("router", "import", "outcomes.jsonl"))
    assert again.splitlines() == ["0 outcomes added, 0 changed, 8 as before.", "The store has 8 outcomes of 4 prompts and 2 models."]


def test_bad_rows_are_told_by_row_and_column_and_good_ones_kept(run: Run) -> None:
    table("outcomes.jsonl", [{"prompt": "p", "model": "m", "score": 1, "note": 3}, {"prompt": "p", "model": "n", "score": 7}, {"prompt": "q", "model": "m"}])
    done = run("router", "import", "outcomes.jsonl")
    assert done.code == 1
    assert "1 outcomes added" in done.out
    assert "row 2, column `score`: is 7." in done.err
    assert "Ignored columns: `note`." in done.err
    assert "1 rows without a score were left out." in done.err
    assert "1 outcomes have no cost." in done.err
    assert json.loads(run("router", "import", "outcomes.jsonl", "--json").out)["bad"] == [
        {"row": 2, "column": "score", "says": "is 7. A score is between 0 and 1: divide it by its highest value."}
    ]


def test_more_bad_rows_than_fit_a_screen_are_counted(run: Run) -> None:
    table("outcomes.jsonl", [{"prompt": "p", "model": "m", "score": 7}] * 60)
    done = run("router", "import", "outcomes.jsonl")
    assert "… and 10 more. --json tells all of them." in done.err


def test_columns_are_mapped_and_a_pair_that_is_none_is_wrong_usage(run: Run) -> None:
    table("outcomes.jsonl", [{"question": "p", "llm": "m", "score": 1}])
    good(run("router", "import", "outcomes.jsonl", "--map", "prompt=question,model=llm"))
    done = run("router", "import", "outcomes.jsonl", "--map", "prompt")
    assert (done.code, "`prompt` is no pair. Write it like score=grade." in done.err) == (2, True)


def test_without_a_number_seven_in_ten_prompts_are_learned_from_and_with_a_split_those_of_it(run: Run) -> None:
    table("outcomes.jsonl", rows(count=100))
    good(run("router", "import", "outcomes.jsonl"))
    assert told(run("router", "fit", "--json"))["labels"] == 70
    assert told(run("router", "fit", "--all", "--json"))["labels"] == 100
    assert told(run("router", "fit", "--per-capability", "7", "--json"))["labels"] == 14
    table("more.jsonl", [{**row, "split": "train" if number < 40 else "test"} for number, row in enumerate(rows(count=100))])
    good(run("router", "import", "more.jsonl"))
    assert told(run("router", "fit", "--json"))["labels"] == 20
    done = run("router", "fit", "--labels", "50")
    assert "Learned from 20 of 100 prompts and 2 models" in done.out
    assert "There were only 20 prompts to learn from, not 50." in done.err


def test_how_much_is_learned_from_is_said_once(fitted: Run) -> None:
    done = fitted("router", "fit", "--labels", "3", "--all")
    assert (done.code, "Give one of them." in done.err) == (2, True)


def test_the_same_seed_draws_the_same_prompts_and_another_others(fitted: Run) -> None:
    first = told(fitted("router", "evaluate", "--json"))
    good(fitted("router", "fit", "--labels", "36", "--seed", "1"))
    other = told(fitted("router", "evaluate", "--json"))
    good(fitted("router", "fit", "--labels", "36"))
    again = told(fitted("router", "evaluate", "--json"))
    assert first["lines"] == again["lines"] != other["lines"]


def test_without_costs_everybody_is_told_that_nothing_can_be_saved(run: Run) -> None:
    table("outcomes.jsonl", rows(has_cost=False))
    good(run("router", "import", "outcomes.jsonl"))
    assert "No cost is known: every model counts as 1." in run("router", "fit").err
    assert "No cost is known" in run("router", "evaluate").err
    table("in.jsonl", [{"prompt": "Add 3 and 1.", "capability": "easy"}])
    assert decided(run, "lambda=0.1")[0]["expected_cost"] is None


@pytest.mark.usefixtures("extra")
def test_prompts_are_looked_at_by_what_words_mean_where_the_extra_is_installed(run: Run) -> None:
    table("outcomes.jsonl", rows())
    good(run("router", "import", "outcomes.jsonl"))
    first = run("router", "fit", "--labels", "48", "--json")
    assert told(first)["embedding"] == "semantic"
    assert "happens once" in first.err
    again = run("router", "fit", "--labels", "48")
    assert "happens once" not in again.err + again.out
    assert len(list(STORE.glob("*.table"))) == 1
    table("in.jsonl", [{"prompt": "Add 1000 and 1."}, {"prompt": "Prove theorem 999 of the long book, step by step."}])
    by_meaning = decided(run, "lambda=0.2")
    assert [line["model"] for line in by_meaning] == ["small", "large"]
    table("feedback.jsonl", [{"prompt": "Add 7 and 1.", "capability": "easy", "model": "small", "score": 1}])
    good(run("router", "feedback", "feedback.jsonl"))
    assert told(run("router", "fit", "--labels", "48", "--embedding", "hashed", "--json"))["embedding"] == "hashed"
    assert [line["predicted_quality"] for line in decided(run, "lambda=0.2")] != [line["predicted_quality"] for line in by_meaning]


@pytest.mark.usefixtures("extra")
def test_a_table_that_is_gone_from_the_store_is_told_with_the_way_back(run: Run) -> None:
    table("outcomes.jsonl", rows())
    good(run("router", "import", "outcomes.jsonl"))
    good(run("router", "fit", "--labels", "48"))
    next(STORE.glob("*.table")).unlink()
    done = run("router", "evaluate")
    assert done.code != 0
    assert "pointsman router fit" in done.err
    assert good(run("router", "fit", "--labels", "48"))


def test_meaning_without_the_extra_is_told_with_what_to_install(run: Run) -> None:
    table("outcomes.jsonl", rows())
    good(run("router", "import", "outcomes.jsonl"))
    done = run("router", "fit", "--labels", "48", "--embedding", "semantic")
    assert done.code != 0
    assert "pointsman[semantic]" in done.err


@pytest.mark.parametrize("words", [("fit",), ("evaluate",), ("estimate", "--policy", "share=0.5")])
def test_a_folder_without_a_store_says_how_to_begin(run: Run, words: tuple[str, ...]) -> None:
    done = run("router", *words)
    assert (done.code, "Import outcomes with `pointsman router import FILE`" in done.err) == (1, True)


def test_a_store_that_has_learned_nothing_says_so(run: Run) -> None:
    table("outcomes.jsonl", rows(count=4))
    good(run("router", "import", "outcomes.jsonl"))
    done = run("router", "evaluate")
    assert (done.code, "Run `pointsman router fit` first." in done.err) == (1, True)


# ── evaluate ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_evaluation_shows_what_is_saved_beside_the_baselines(fitted: Run) -> None:
    found = told(fitted("router", "evaluate", "--json"))
    assert (found["prompts"], found["labels"], found["weak"], found["strong"]) == (54, 36, "small", "large")
    lines = {line["name"]: line for line in found["lines"]}
    assert list(lines) == ["router", "cascade", "capability", "length", "random", "zero", "oracle"]
    # Easy prompts to the small model at a tenth, hard ones to the large one: 0.5 × 0.1 + 0.5 of always asking it.
    assert lines["router"]["cost_at"]["100%"]["value"] == pytest.approx(0.55)
    assert lines["random"]["cost_at"]["100%"]["value"] == pytest.approx(1.0)
    assert lines["oracle"]["cost_at"]["100%"]["value"] <= 0.55
    pair = {line["name"]: line for line in found["pair"]}
    assert pair["router"]["cpt"]["95%"]["value"] <= 0.5
    assert pair["random"]["apgr"]["value"] == pytest.approx(0.5)
    assert pair["random"]["cpt"]["80%"]["value"] == pytest.approx(0.8)
    fixed = {(one["line"], one["level"]): one for one in found["beforehand"]}
    assert fixed["router", "100%"]["cost"]["value"] == pytest.approx(0.55)
    assert fixed["router", "100%"]["quality"]["value"] == pytest.approx(1.0)


def test_an_evaluation_is_read_by_people(fitted: Run) -> None:
    done = fitted("router", "evaluate", "--risk", "0.1,0.2")
    assert "54 held-out prompts, learned from 36 others. Best single model: `large`; cheapest: `small`." in done.out
    assert "PGR by share of calls" in done.out
    assert "At the quality of `large` this saves: router 45% [" in done.out
    assert "At the price fixed beforehand for it: router 45% [" in done.out
    assert "Promised with 80%: a loss of at most 0.1" in done.out


def test_what_is_saved_is_told_with_its_interval_from_the_least_to_the_most(fitted: Run) -> None:
    cost = next(line["cost_at"]["100%"] for line in told(fitted("router", "evaluate", "--json"))["lines"] if line["name"] == "router")
    least, most = round(100 - 100 * cost["high"]), round(100 - 100 * cost["low"])
    assert least < 45 < most
    assert f"this saves: router 45% [{least}%, {most}%]" in good(fitted("router", "evaluate"))


def test_a_promise_without_enough_pairs_is_said_to_be_none(fitted: Run) -> None:
    assert "Nothing was proven" in fitted("router", "evaluate", "--risk", "0.001,0.01").err


def test_several_draws_are_told_as_means_with_the_least_and_the_most(fitted: Run) -> None:
    found = told(fitted("router", "evaluate", "--repeat", "2", "--risk", "0.1,0.2", "--json"))
    each = [next(line["aiq"]["value"] for line in one["lines"] if line["name"] == "length") for one in found["repeats"]]
    length = next(line["aiq"] for line in found["lines"] if line["name"] == "length")
    assert length == {"value": pytest.approx(sum(each) / 2), "low": min(each), "high": max(each)}
    assert len(found["promises"]) == 2
    done = fitted("router", "evaluate", "--repeat", "2", "--risk", "0.1,0.2")
    assert "the least and the most of 2 draws" in done.out
    assert "of 2 draws; in 0 of these" in done.out


def test_one_model_and_nothing_held_out_cannot_be_evaluated(run: Run) -> None:
    table("outcomes.jsonl", [row for row in rows(count=8) if row["model"] == "small"])
    good(run("router", "import", "outcomes.jsonl"))
    good(run("router", "fit"))
    assert "there is nothing to choose between" in run("router", "evaluate").err
    table("outcomes.jsonl", rows(count=8))
    good(run("router", "import", "outcomes.jsonl"))
    good(run("router", "fit", "--all"))
    assert "nothing is left to evaluate on" in run("router", "evaluate").err


def test_held_out_prompts_that_not_every_model_was_asked_are_left_out(run: Run) -> None:
    table("outcomes.jsonl", rows(count=40)[:-1])
    good(run("router", "import", "outcomes.jsonl"))
    good(run("router", "fit", "--labels", "20"))
    done = run("router", "evaluate")
    assert "19 held-out prompts" in done.out or "20 held-out prompts" in done.out
    table("halves.jsonl", [row for number, row in enumerate(rows(count=40)) if (number // 2 + number) % 2])
    good(run("router", "import", "halves.jsonl", "--store", "halves"))
    good(run("router", "fit", "--store", "halves"))
    assert "Score some prompts on all of them" in run("router", "evaluate", "--store", "halves").err


def test_where_the_cheap_model_turns_out_better_there_is_no_gap_to_close(run: Run) -> None:
    split = [{**row, "split": "train" if number < 40 else "test"} for number, row in enumerate(rows(count=60))]
    table("outcomes.jsonl", [{**row, "score": row["score"] if row["split"] == "train" else int(row["model"] == "small")} for row in split])
    good(run("router", "import", "outcomes.jsonl"))
    good(run("router", "fit"))
    assert "there is no gap to close" in run("router", "evaluate").err


# ── decide ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def asked(count: int = 20) -> list[dict[str, Any]]:
    return [
        {"id": f"q{number}", "capability": "hard", "prompt": f"Prove theorem {number + 900} of the long book, step by step."}
        if number % 2
        else {"id": f"q{number}", "capability": "easy", "prompt": f"Add {number + 900} and 1."}
        for number in range(count)
    ]


@pytest.mark.parametrize(("share", "calls"), [("0", 0), ("0.25", 5), ("0.5", 10), ("1", 20)])
def test_a_share_of_calls_is_exact_and_goes_to_those_that_need_it_most(fitted: Run, share: str, calls: int) -> None:
    table("in.jsonl", asked())
    found = decided(fitted, f"share={share}")
    large = [line["id"] for line in found if line["model"] == "large"]
    assert len(large) == calls
    hard = {f"q{number}" for number in range(1, 20, 2)}
    assert set(large) <= hard or hard <= set(large)


def test_a_decision_says_what_was_expected_of_it(fitted: Run) -> None:
    table("in.jsonl", asked(2))
    easy, hard = decided(fitted, "lambda=0.2")
    assert (easy["id"], easy["model"], easy["probability"]) == ("q0", "small", 1.0)
    assert (hard["model"], hard["expected_cost"]) == ("large", pytest.approx(0.1, rel=0.05))
    assert 0.8 < hard["predicted_quality"] < 1.0
    assert 0.0 < hard["sd"] < 0.3
    assert hard["cpu_us"] > 0


def test_an_id_that_is_decided_otherwise_is_told_because_feedback_is_about_its_last_decision(fitted: Run) -> None:
    table("in.jsonl", asked(6))
    words = ("router", "decide", "--in", "in.jsonl", "--out", "out.jsonl", "--mode")
    assert "decided otherwise" not in fitted(*words, "share=1").err
    assert "decided otherwise" not in fitted(*words, "share=1").err
    assert "6 of these ids were decided otherwise before" in fitted(*words, "share=0").err
    table("told.jsonl", [{"id": one["id"], "score": 1} for one in read()])
    assert told(fitted("router", "feedback", "told.jsonl", "--json"))["learned"] == 6


def test_at_a_price_of_nothing_quality_decides_and_at_a_high_one_the_cost(fitted: Run) -> None:
    table("in.jsonl", asked())
    assert {line["model"] for line in decided(fitted, "lambda=1000")} == {"small"}
    assert [line["model"] for line in decided(fitted, "lambda=0") if line["id"] in {"q1", "q3"}] == ["large", "large"]


def test_ids_come_back_as_they_were_given_and_are_made_where_there_are_none(fitted: Run) -> None:
    table("in.jsonl", [{"prompt": "Add 1 and 1.", "id": 7}, {"prompt": "Add 1 and 1."}, {"prompt": "Grüße 🎉", "id": "ü"}])
    first, second, third = decided(fitted, "lambda=0.1")
    assert (first["id"], third["id"]) == (7, "ü")
    assert second["id"].endswith("-2")


def test_exploring_logs_the_probability_of_each_model_and_repeats_with_its_seed(fitted: Run) -> None:
    table("in.jsonl", [{"prompt": f"Something else entirely, number {number}."} for number in range(200)])
    first = decided(fitted, "online=0.0,0.4")
    assert first == [{**line, "cpu_us": first[at]["cpu_us"]} for at, line in enumerate(decided(fitted, "online=0.0,0.4"))]
    assert first != [{**line, "cpu_us": first[at]["cpu_us"]} for at, line in enumerate(decided(fitted, "online=0.0,0.4", "--seed", "1"))]
    tried = [line for line in first if line["probability"] < 0.5]
    assert 0 < len(tried) < 120
    for line in tried:
        assert sum(line["probabilities"].values()) == pytest.approx(1.0)
        assert line["probability"] == line["probabilities"][line["model"]] >= 0.01


def test_a_promise_keeps_unseen_capabilities_with_the_best_single_model(run: Run) -> None:
    table("outcomes.jsonl", rows(count=240))
    good(run("router", "import", "outcomes.jsonl"))
    good(run("router", "fit", "--labels", "36"))
    table("in.jsonl", [*asked(), *[{"prompt": f"Add {number} and 1.", "capability": "unseen"} for number in range(5)]])
    done = run("router", "decide", "--in", "in.jsonl", "--mode", "risk=0.05,0.1", "--out", "out.jsonl")
    assert "With probability 90% over the draw of 204 pairs that were not learned from, the expected loss of quality is at most 0.05" in good(done)
    found = read()
    assert {line["model"] for line in found[-5:]} == {"large"}
    assert {line["model"] for line in found[:20:2]} == {"small"}
    assert told(run("router", "decide", "--in", "in.jsonl", "--mode", "risk=0.05,0.1", "--out", "out.jsonl", "--json"))["promise"]["pairs"] == 204


def of_two_kinds(*, count: int) -> list[dict[str, Any]]:
    """Of ten prompts nine are easy and both models get them right; one is hard, and only the large one does."""
    found: list[dict[str, Any]] = []
    for number in range(count):
        is_hard = number % 10 == 9
        for model, score, cost in (("small", int(not is_hard or number % 20 == 9), 0.01), ("large", 1, 0.1)):
            found.append({"prompt": f"Question {number}", "capability": "hard" if is_hard else "easy", "model": model, "score": score, "cost": cost})
    return found


def test_a_promise_is_about_the_mix_of_capabilities_and_each_is_proven_by_itself_where_that_is_asked_for(run: Run) -> None:
    """Half of the hard prompts lose all by leaving `large`: hidden in the mix, where they are a tenth."""
    table("outcomes.jsonl", of_two_kinds(count=1500))
    good(run("router", "import", "outcomes.jsonl"))
    good(run("router", "fit", "--labels", "20"))
    table("in.jsonl", [{"prompt": f"Question {number}", "capability": kind} for number, kind in enumerate(["easy", "hard"] * 5)])
    words = ("router", "decide", "--in", "in.jsonl", "--mode", "risk=0.1,0.1", "--out", "out.jsonl")
    mixed = run(*words)
    assert "It is about the mean over the mix of 2 capabilities in these pairs: one of them alone may lose more. See --each." in good(mixed)
    done = run(*words, "--each")
    assert "It is proven for 1 of 2, for each with this probability by itself; others stay with the best single model." in good(done)
    assert {line["model"] for line in read()[::2]} == {"small"}
    assert {line["model"] for line in read()[1::2]} == {"large"}
    hard = next(line for line in good(done).splitlines() if line.startswith("hard"))
    assert hard.split()[:3] == ["hard", "148", "-"]
    parts = told(run(*words, "--each", "--json"))["promise"]["parts"]
    assert [(one["capability"], one["proof"]["threshold"] is None) for one in parts] == [("easy", False), ("hard", True)]


def test_only_a_promise_is_proven_for_each_capability(fitted: Run) -> None:
    table("in.jsonl", asked())
    done = fitted("router", "decide", "--in", "in.jsonl", "--mode", "share=0.5", "--out", "out.jsonl", "--each")
    assert (done.code, "Use --each with --mode risk=EPS,DELTA" in done.err) == (1, True)


def test_where_nothing_is_left_to_prove_a_promise_half_of_what_was_learned_from_does(run: Run) -> None:
    table("outcomes.jsonl", rows(count=240))
    good(run("router", "import", "outcomes.jsonl"))
    good(run("router", "fit", "--all"))
    table("in.jsonl", asked())
    pairs = told(run("router", "decide", "--in", "in.jsonl", "--mode", "risk=0.05,0.1", "--out", "out.jsonl", "--json"))["promise"]["pairs"]
    assert 90 < pairs < 150
    assert {line["model"] for line in read()[:20:2]} == {"small"}


def test_a_split_for_calibration_is_what_proves(run: Run) -> None:
    table("outcomes.jsonl", [{**row, "split": "validation" if number < 400 else "train"} for number, row in enumerate(rows(count=240))])
    good(run("router", "import", "outcomes.jsonl"))
    assert told(run("router", "fit", "--json"))["labels"] == 40
    table("in.jsonl", asked())
    assert told(run("router", "decide", "--in", "in.jsonl", "--mode", "risk=0.1,0.1", "--out", "out.jsonl", "--json"))["promise"]["pairs"] == 200


def test_what_cannot_be_proven_is_not_done(fitted: Run) -> None:
    table("in.jsonl", asked())
    done = fitted("router", "decide", "--in", "in.jsonl", "--mode", "risk=0.001,0.01", "--out", "out.jsonl")
    assert "Nothing is proven with" in done.err
    assert {line["model"] for line in read()} == {"large"}


def test_a_promise_needs_two_models_and_enough_prompts_to_learn_from(run: Run) -> None:
    table("in.jsonl", asked(2))
    table("outcomes.jsonl", [row for row in rows(count=8) if row["model"] == "small"])
    good(run("router", "import", "outcomes.jsonl"))
    good(run("router", "fit"))
    assert "there is nothing to choose between" in run("router", "decide", "--in", "in.jsonl", "--mode", "risk=0.1,0.1", "--out", "o").err
    table("outcomes.jsonl", rows(count=1))
    good(run("router", "import", "outcomes.jsonl", "--store", "one"))
    good(run("router", "fit", "--store", "one", "--all"))
    done = run("router", "decide", "--in", "in.jsonl", "--mode", "risk=0.1,0.1", "--out", "o", "--store", "one")
    assert done.code == 1 or "Nothing is proven" in done.err


def test_a_cascade_asks_the_large_model_after_an_answer_that_looks_wrong(fitted: Run) -> None:
    lines = [{**line, "answers": {"small": "I cannot say." if at % 2 else f"It is {at}.", "large": None}} for at, line in enumerate(asked())]
    table("in.jsonl", lines)
    found = decided(fitted, "lambda=0.2", "--answers")
    assert [line["path"] for line in found[:2]] == [["small"], ["small", "large"]]
    assert [line["model"] for line in found[:2]] == ["small", "large"]
    assert found[0]["path_cost"] == pytest.approx(0.01, rel=0.05)
    assert found[1]["path_cost"] == pytest.approx(0.11, rel=0.05)
    assert found[0]["predicted_quality"] > 0.8
    assert sum(len(line["path"]) == 2 for line in decided(fitted, "share=0.3", "--answers")) == 6


def test_a_cascade_without_answers_or_by_another_mode_says_what_to_do(fitted: Run) -> None:
    table("in.jsonl", asked(2))
    words = ("router", "decide", "--in", "in.jsonl", "--out", "o", "--answers", "--mode")
    assert "`q0` has no answer of `small`, which is asked first." in fitted(*words, "lambda=0.2").err
    table("in.jsonl", [{**line, "answers": {"small": "so"}} for line in asked(2)])
    assert "A cascade cannot be chosen by `online`." in fitted(*words, "online").err
    table("plain.jsonl", [{key: value for key, value in row.items() if key != "answer"} for row in rows(count=40)])
    good(fitted("router", "import", "plain.jsonl", "--store", "plain"))
    good(fitted("router", "fit", "--store", "plain"))
    assert "Nothing was learned of the answers of `small`." in fitted(*words, "lambda=0.2", "--store", "plain").err


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"prompt": ""}', "line 1 of `in.jsonl`, column `prompt`: is empty."),
        ('{"prompt": "p", "id": [1]}', "column `id`: is neither text nor a whole number."),
        ('{"prompt": "p", "answers": {"m": 1}}', "column `answers`: is no object of texts by model."),
        ('{"prompt": "p", "id": 1}\n{"prompt": "q", "id": "1"}', "line 2 of `in.jsonl`, column `id`: `1` stands there twice."),
        ("", "`in.jsonl` is empty."),
    ],
)
def test_a_prompt_that_cannot_be_read_stops_before_anything_is_written(fitted: Run, line: str, says: str) -> None:
    Path("in.jsonl").write_text(line)
    done = fitted("router", "decide", "--in", "in.jsonl", "--mode", "share=0.5", "--out", "out.jsonl")
    assert (done.code, says in done.err) == (1, True)
    assert not Path("out.jsonl").exists()


@pytest.mark.parametrize("mode", ["share", "share=2", "lambda=-1", "risk=0.1", "risk=0,0.1", "risk=0.1,0", "online=1,2", "best"])
def test_a_mode_that_is_none_says_how_modes_are_written(fitted: Run, mode: str) -> None:
    table("in.jsonl", asked(1))
    done = fitted("router", "decide", "--in", "in.jsonl", "--mode", mode, "--out", "out.jsonl")
    assert (done.code, "Write `" in done.err) == (1, True)


def test_a_file_that_cannot_be_written_says_so(fitted: Run) -> None:
    table("in.jsonl", asked(1))
    done = fitted("router", "decide", "--in", "in.jsonl", "--mode", "share=1", "--out", "nowhere/out.jsonl")
    assert (done.code, "Name a file in a folder that is there" in done.err) == (1, True)


def test_a_guard_keeps_what_is_unlike_anything_seen_with_the_best_single_model(fitted: Run) -> None:
    table("in.jsonl", [*asked(4), *[{"prompt": f"Add {number} and 1.", "capability": f"unseen {number}"} for number in range(4)]])
    free = decided(fitted, "lambda=0.8")
    safe = decided(fitted, "lambda=0.8", "--guard", "0.02,0.8")
    assert {line["model"] for line in free[4:]} == {"small"}
    assert {line["model"] for line in safe[1::2]} | {line["model"] for line in safe[4:]} == {"large"}
    assert {line["model"] for line in decided(fitted, "online=0.8,0.5", "--guard", "0.02,0.8")[4:]} == {"large"}
    lines = told(fitted("router", "evaluate", "--guard", "0.02,0.8", "--json"))["lines"]
    assert [line["name"] for line in lines][:2] == ["router", "guarded"]


def test_a_guard_lets_go_what_is_as_good(fitted: Run) -> None:
    table("in.jsonl", asked(2))
    assert [line["model"] for line in decided(fitted, "lambda=0.2", "--guard", "0.1,0.6")] == ["small", "large"]


@pytest.mark.parametrize(
    ("mode", "guard", "says"), [("lambda=1", "0.02", "is no guard."), ("lambda=1", "0.1,1", "is no guard."), ("share=1", "0.1,0.9", "is exact")]
)
def test_a_guard_that_is_none_or_has_no_say_is_told(fitted: Run, mode: str, guard: str, says: str) -> None:
    table("in.jsonl", asked(1))
    done = fitted("router", "decide", "--in", "in.jsonl", "--mode", mode, "--guard", guard, "--out", "out.jsonl")
    assert (done.code, says in done.err) == (1, True)


# ── feedback and estimate ───────────────────────────────────────────────────────────────────────────────────────────


def test_feedback_is_learned_from_once(fitted: Run) -> None:
    table("in.jsonl", [{"id": f"n{number}", "prompt": f"Translate line {number}.", "capability": "new"} for number in range(40)])
    before = decided(fitted, "lambda=0.2")
    table(
        "told.jsonl",
        [{"id": f"n{number}", "model": model, "score": score, "cost": 0.01} for number in range(40) for model, score in (("small", 1), ("large", 0))],
    )
    assert told(fitted("router", "feedback", "told.jsonl", "--json")) == {"learned": 80, "changed": 0, "same": 0, "refused": 0, "bad": []}
    after = decided(fitted, "lambda=0.2")
    assert {line["model"] for line in after} == {"small"}
    assert after[0]["predicted_quality"] > before[0]["predicted_quality"]
    assert good(fitted("router", "feedback", "told.jsonl")) == "0 rows learned, 0 changed, 80 told before.\n"
    assert decided(fitted, "lambda=0.2")[0]["predicted_quality"] == after[0]["predicted_quality"]


def test_feedback_that_is_corrected_is_learned_anew(fitted: Run) -> None:
    table("in.jsonl", [{"id": "n", "prompt": "Translate.", "capability": "new"}])
    table("right.jsonl", [{"prompt": f"Translate {number}.", "capability": "new", "model": "small", "score": 1} for number in range(30)])
    table("wrong.jsonl", [{"prompt": f"Translate {number}.", "capability": "new", "model": "small", "score": 0} for number in range(30)])
    good(fitted("router", "feedback", "right.jsonl"))
    only_right = decided(fitted, "share=0")[0]["predicted_quality"]
    good(fitted("router", "feedback", "wrong.jsonl"))
    assert decided(fitted, "share=0")[0]["predicted_quality"] < only_right - 0.3
    assert good(fitted("router", "feedback", "right.jsonl")) == "0 rows learned, 30 changed, 0 told before.\n"
    assert decided(fitted, "share=0")[0]["predicted_quality"] == pytest.approx(only_right, abs=1e-6)


def test_what_was_told_is_not_forgotten_by_a_new_start(fitted: Run) -> None:
    table("in.jsonl", [{"prompt": "Translate.", "capability": "new"}])
    table("told.jsonl", [{"prompt": f"Translate {number}.", "capability": "new", "model": "small", "score": 0} for number in range(30)])
    good(fitted("router", "feedback", "told.jsonl"))
    before = decided(fitted, "share=0")[0]["predicted_quality"]
    done = fitted("router", "fit", "--labels", "36")
    assert (done.code, "And from 30 rows of feedback that were told before." in done.err) == (0, True)
    assert decided(fitted, "share=0")[0]["predicted_quality"] == before


def test_a_model_that_feedback_names_first_is_one_more_to_choose(fitted: Run) -> None:
    table("told.jsonl", [{"prompt": f"Prove {number}.", "capability": "hard", "model": "newcomer", "score": 1, "cost": 0.001} for number in range(60)])
    good(fitted("router", "feedback", "told.jsonl"))
    table("in.jsonl", asked(2))
    assert decided(fitted, "lambda=0.2")[1]["model"] == "newcomer"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ({"id": "q9", "score": 1}, "row 1, column `id`: `q9` was not decided here."),
        ({"prompt": "p", "score": 1}, "column `model`: is empty. Name the model"),
        ({"prompt": "p", "model": "m"}, "column `score`: is empty."),
        ({"prompt": "p", "model": "m", "score": 2}, "column `score`: is 2."),
    ],
)
def test_feedback_that_cannot_be_read_is_told_and_the_rest_learned(fitted: Run, line: dict[str, Any], says: str) -> None:
    table("told.jsonl", [line, {"prompt": "p", "model": "small", "score": 0.5}])
    done = fitted("router", "feedback", "told.jsonl")
    assert (done.code, done.out) == (1, "1 rows learned, 0 changed, 0 told before.\n")
    assert says in done.err
    assert json.loads(fitted("router", "feedback", "told.jsonl", "--json").out)["refused"] == 1


def explored(run: Run) -> None:
    """Explore 800 prompts of which nothing is known, where the small model is right in all, and tell so."""
    table("in.jsonl", [{"id": f"n{number}", "prompt": f"Unknown {number}."} for number in range(800)])
    found = decided(run, "online=0.2,0.5")
    table("told.jsonl", [{"id": line["id"], "score": int(line["model"] == "small"), "cost": 0.01 if line["model"] == "small" else 0.1} for line in found])
    good(run("router", "feedback", "told.jsonl"))


def test_another_policy_is_estimated_from_what_chance_decided(fitted: Run) -> None:
    explored(fitted)
    found = told(fitted("router", "estimate", "--policy", "always=small", "--json"))
    assert found["quality"]["proposed"]["low"] <= 1.0 <= found["quality"]["proposed"]["high"] + 0.02
    assert found["cost"]["proposed"]["value"] == pytest.approx(0.01, abs=0.01)
    assert found["quality"]["logged"] < 1.0
    large = told(fitted("router", "estimate", "--policy", "always=large", "--json"))
    assert large["quality"]["proposed"]["value"] < 0.1
    assert large["quality"]["change"]["high"] < 0
    for policy in ("share=0.5", "lambda=0.4"):
        assert "doubly robust" in good(fitted("router", "estimate", "--policy", policy))


def test_a_policy_may_be_a_file_of_decisions(fitted: Run) -> None:
    explored(fitted)
    table(
        "policy.jsonl",
        [{"id": f"n{number}", **({"model": "small"} if number % 2 else {"probabilities": {"small": 0.5, "large": 0.5}})} for number in range(800)],
    )
    found = told(fitted("router", "estimate", "--policy", "policy.jsonl", "--json"))
    assert found["quality"]["proposed"]["value"] == pytest.approx(0.75, abs=0.1)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ({"id": "n0", "model": "other"}, "column `model`: `other` could not have been chosen."),
        ({"id": "n0", "probabilities": {"small": 0.5}}, "adds up to 0.5"),
        ({"id": "n0", "probabilities": {"small": "much"}}, "is no object of numbers"),
        ({"id": "n0", "model": "small"}, "says nothing of `n1` and 1 more."),
    ],
)
def test_a_file_of_decisions_that_cannot_be_used_says_why(fitted: Run, line: dict[str, Any], says: str) -> None:
    table("in.jsonl", [{"id": f"n{number}", "prompt": f"Unknown {number}."} for number in range(3)])
    table("told.jsonl", [{"id": one["id"], "score": 1} for one in decided(fitted, "online")])
    good(fitted("router", "feedback", "told.jsonl"))
    table("policy.jsonl", [line])
    done = fitted("router", "estimate", "--policy", "policy.jsonl")
    assert (done.code, says in done.err) == (1, True)


@pytest.mark.parametrize(
    ("policy", "says"), [("best", "is neither a policy nor a file."), ("risk=0.1,0.1", "cannot be estimated by itself"), ("always=x", "No decision could")]
)
def test_a_policy_that_is_none_says_how_policies_are_written(fitted: Run, policy: str, says: str) -> None:
    assert "No decision has feedback yet." in fitted("router", "estimate", "--policy", policy).err
    table("in.jsonl", asked(2))
    table("told.jsonl", [{"id": one["id"], "score": 1} for one in decided(fitted, "online")])
    good(fitted("router", "feedback", "told.jsonl"))
    done = fitted("router", "estimate", "--policy", policy)
    assert (done.code, says in done.err) == (1, True)


def test_a_log_without_chance_proves_nothing_of_another_policy(fitted: Run) -> None:
    table("in.jsonl", asked())
    table("told.jsonl", [{"id": one["id"], "score": 1} for one in decided(fitted, "share=0.5")])
    good(fitted("router", "feedback", "told.jsonl"))
    done = fitted("router", "estimate", "--policy", "always=small")
    assert (done.code, "an estimate needs 200" in done.err) == (4, True)


def test_a_policy_that_did_what_was_done_changes_nothing_and_nothing_is_shown_of_rounding(fitted: Run) -> None:
    table("in.jsonl", asked(240))
    found = decided(fitted, "share=1")
    table("told.jsonl", [{"id": one["id"], "score": number % 2, "cost": 0.1 + number / 7000} for number, one in enumerate(found)])
    good(fitted("router", "feedback", "told.jsonl"))
    lines = good(fitted("router", "estimate", "--policy", "always=large")).splitlines()
    assert [line.split("]")[1].strip() for line in lines if line.startswith(("quality", "cost"))] == ["+0 [+0, +0", "+0 [+0, +0"]


def test_every_command_of_the_group_has_a_line_of_help() -> None:
    assert all(one.short_help for one in command.commands.values())
