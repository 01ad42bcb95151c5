"""
`pointsman guarantee`: what is promised is said exactly, proven from tables and shadow calls, and put in force; and why nothing is, where nothing is.
"""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Run
from tests.ledger.entries import a_record, a_score, an_entry

from pointsman.cli import guarantee
from pointsman.core.routing import Weighed
from pointsman.decision.prediction.fit import fit
from pointsman.decision.prediction.parameters import Parameters, decode, encode
from pointsman.decision.prediction.values import Label, Prompt
from pointsman.storage.batch import Batch
from pointsman.storage.learned import LearnedFolder
from pointsman.storage.open import open_writing
from pointsman.storage.records import write_batch

DAY_MS = 86_400_000
NOW_MS = 1_767_225_600_000 + 60 * DAY_MS
CONFIGURATION = """
vendors:
  acme: {kind: openai_compatible, base_url: "http://127.0.0.1:9/v1"}
targets:
  large: {vendor: acme, model: large, price: {input_usd_per_million: 10, output_usd_per_million: 10, id: acme-2026}}
  small: {vendor: acme, model: small, price: {input_usd_per_million: 1, output_usd_per_million: 1, id: acme-2026}}
capabilities:
  triage: {ladder: [large, small], routing: {by: value, guarantee: true, shadow: {share: 0.1}}}
  other: {ladder: [large, small]}
"""


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarantee, "now_ms", lambda: NOW_MS)


@pytest.fixture
def site(run: Run, tmp_path: Path) -> Path:
    del run  # its folder is where commands look
    (tmp_path / "pointsman.yaml").write_text(CONFIGURATION)
    return tmp_path


def failed(run: Run, *words: str, code: int = 1) -> str:
    """Return what a command said that failed."""
    done = run(*words)
    assert done.code == code, done.out
    return done.err


def learn(folder: Path) -> None:
    """Put parameters in force by which `small` is about as good as `large`."""
    prompt = Prompt(capability="triage")
    labels = [Label(prompt=prompt, target=target, score=float(number % 10 > 0)) for number in range(60) for target in ("large", "small")]
    digest = LearnedFolder(folder / "learned").keep(encode(fit(labels)))
    (folder / "learned.json").write_text(json.dumps({"parameters": digest, "labels": 120}))


def a_table(folder: Path, *, pairs: int, worse: float = 0.0, small: str = "small") -> Path:
    rng = random.Random(1)
    rows = []
    for number in range(pairs):
        large = rng.random() < 0.9
        rows.append({"prompt": f"ticket {number}", "model": "large", "score": large, "ignored": 1})
        rows.append({"prompt": f"ticket {number}", "model": small, "score": large and rng.random() >= worse})
    path = folder / "scores.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def a_pair(number: int, *, small: float, large: float, at_ms: int) -> tuple[Any, list[Any]]:
    """Return a call that `large` answered and what it and a shadow call to `small` scored."""
    seen = tuple(
        Weighed(target=name, quality=quality, low=0.0, high=1.0, cost_nano_usd=None, latency_ms=None, value_nano_usd=0)
        for name, quality in (("large", 0.9), ("small", 0.9))
    )
    record = a_record(number, at_ms=at_ms, capability="triage", workflow="triage", entries=(an_entry(target="large"),), weighed=seen)
    scores = [
        a_score(f"{number}-{name}", record.call_id, workflow="triage", at_ms=at_ms + 1, value=value, target=target, selection_propensity=0.1)
        for name, target, value in (("given", "", large), ("other", "small", small))
    ]
    return record, scores


def tell(folder: Path, several: list[tuple[Any, list[Any]]]) -> None:
    db = open_writing(folder / "pointsman.db")
    write_batch(db, Batch(records=[record for record, _ in several]))
    write_batch(db, Batch(scores=[score for _, scores in several for score in scores]))
    db.close()


def test_before_anything_is_proven_it_is_said_what_is_missing(run: Run, site: Path) -> None:
    shown = run("guarantee").out

    assert "triage: not in force (guarantee:none)" in shown
    assert "Nothing is promised. Its incumbent answers." in shown
    assert "There are 0 pairs; 149 more are the least that can prove that it loses at most 0.02 with probability 0.9" in shown
    assert "other" not in shown


def test_a_table_proves_a_promise_that_is_then_in_force(run: Run, site: Path) -> None:
    learn(site)
    told = run("guarantee", "calibrate", "triage", "--from", str(a_table(site, pairs=400))).out

    assert "the expected quality is at most 0.02 below that of always asking `large`, when calls go to `small`" in told
    shown = run("guarantee", "triage").out
    assert "triage: in force (certified)" in shown
    assert "With probability at least 0.9 over the draw of its pairs" in shown
    assert "It was proven on 400 pairs from an evaluation set, told from 2026-03-02 to 2026-03-02" in shown
    assert "About 100% of such calls leave `large`." in shown
    assert "not about a single call, a part of the traffic, or another capability" in shown
    assert "It lapses on 2026-04-01" in shown


def test_what_is_worse_is_not_promised(run: Run, site: Path) -> None:
    learn(site)
    done = failed(run, "guarantee", "calibrate", "triage", "--from", str(a_table(site, pairs=400, worse=0.3)))

    assert "Nothing can be promised for `triage`. 400 pairs show that no part of the traffic that is worth while can leave the incumbent" in done
    assert json.loads(run("guarantee", "--json").out)["guarantees"][0]["in_force"] is False


def test_a_dry_run_changes_nothing(run: Run, site: Path) -> None:
    learn(site)
    before = (site / "learned.json").read_bytes()
    found = json.loads(run("guarantee", "calibrate", "triage", "--from", str(a_table(site, pairs=400)), "--dry-run", "--json").out)

    assert (found["in_force"], found["certificate"]["pairs"]) == (False, 400)
    assert (site / "learned.json").read_bytes() == before


def test_shadow_calls_prove_it_too_and_half_of_them_are_kept_for_that(run: Run, site: Path) -> None:
    learn(site)
    tell(site, [a_pair(number, small=1.0, large=1.0, at_ms=NOW_MS - DAY_MS + number) for number in range(600)])
    found = json.loads(run("guarantee", "calibrate", "triage", "--shadows", "--json").out)["certificate"]

    assert 240 < found["pairs"] < 360
    assert (found["source"], found["mean"]) == ("shadows", 0.0)


def test_once_more_is_lost_than_promised_the_gate_is_closed(run: Run, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learn(site)
    run("guarantee", "calibrate", "triage", "--from", str(a_table(site, pairs=400)))
    tell(site, [a_pair(number, small=0.0, large=1.0, at_ms=NOW_MS + 1_000 + number) for number in range(80)])
    monkeypatch.setattr(guarantee, "now_ms", lambda: NOW_MS + DAY_MS)
    shown = run("guarantee").out

    assert "triage: not in force (guarantee:drift:loss)" in shown
    assert "The gate is closed: more is lost than was promised, as was noticed on 2026-03-02. It opens with a certificate from pairs that are later" in shown


def test_a_promise_lapses(run: Run, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learn(site)
    run("guarantee", "calibrate", "triage", "--from", str(a_table(site, pairs=400)), "--lasts", "2d")
    monkeypatch.setattr(guarantee, "now_ms", lambda: NOW_MS + 2 * DAY_MS)

    assert "It has lapsed. Calibrate again with `pointsman guarantee calibrate triage`." in run("guarantee").out


def test_other_parameters_are_not_promised_for(run: Run, site: Path) -> None:
    learn(site)
    run("guarantee", "calibrate", "triage", "--from", str(a_table(site, pairs=400)))
    folder, pointer = LearnedFolder(site / "learned"), site / "learned.json"
    before = decode(folder.read(json.loads(pointer.read_text())["parameters"]))
    after = Parameters(cells=before.cells[:1], certificates=before.certificates)
    pointer.write_text(json.dumps({"parameters": folder.keep(encode(after))}))

    assert "triage: not in force (guarantee:other_parameters)" in run("guarantee").out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("calibrate", "nobody", "--shadows"), "There is no capability `nobody`."),
        (("calibrate", "other", "--shadows"), "`other` is tried in the order of its ladder"),
        (("nobody",), "There is no capability `nobody`."),
        (("calibrate", "triage", "--shadows", "--lasts", "soon"), "`--lasts soon` is no span of time."),
        (("calibrate", "triage", "--shadows"), "There are 0 pairs"),
    ],
)
def test_mistakes_are_told_with_what_to_do(run: Run, site: Path, words: tuple[str, ...], says: str) -> None:
    learn(site)
    assert says in failed(run, "guarantee", *words)


def test_a_table_of_other_models_is_refused_by_their_names(run: Run, site: Path) -> None:
    learn(site)
    done = failed(run, "guarantee", "calibrate", "triage", "--from", str(a_table(site, pairs=3, small="tiny")))

    assert "has no scores of both `large` and another target of `triage`; its models are `large`, `tiny`." in done


def test_a_row_that_cannot_be_used_is_named(run: Run, site: Path) -> None:
    learn(site)
    (site / "bad.jsonl").write_text('{"prompt": "a", "model": "large", "score": 7}')

    assert "row 1 of `bad.jsonl`, column `score`" in failed(run, "guarantee", "calibrate", "triage", "--from", str(site / "bad.jsonl"))


def test_it_is_said_where_pairs_come_from(run: Run, site: Path) -> None:
    assert "`--from FILE`, or `--shadows`" in failed(run, "guarantee", "calibrate", "triage", code=2)


def test_without_anything_learned_nothing_can_be_proven(run: Run, site: Path) -> None:
    assert "Nothing was learned yet" in failed(run, "guarantee", "calibrate", "triage", "--shadows")


def test_a_looser_promise_than_the_owner_asks_for_is_warned_of(run: Run, site: Path) -> None:
    learn(site)
    told = run("guarantee", "calibrate", "triage", "--from", str(a_table(site, pairs=400)), "--loss", "0.1")

    assert "asks for a stricter promise" in told.err
    assert "triage: not in force (guarantee:other_promise)" in run("guarantee").out


def test_without_capabilities_by_value_there_is_nothing_to_promise(run: Run, site: Path) -> None:
    (site / "pointsman.yaml").write_text(CONFIGURATION.replace(", routing: {by: value, guarantee: true, shadow: {share: 0.1}}", ""))

    assert "No capability is chosen by value" in run("guarantee").err


def test_a_ladder_of_one_has_nothing_to_promise(run: Run, site: Path) -> None:
    learn(site)
    (site / "pointsman.yaml").write_text(
        CONFIGURATION.replace(
            "triage: {ladder: [large, small], routing: {by: value, guarantee: true", "triage: {ladder: [large], routing: {by: value, guarantee: true"
        )
    )

    assert "`triage` has no target beside its incumbent. Add one to its ladder." in failed(run, "guarantee", "calibrate", "triage", "--shadows")


def test_of_a_table_that_may_have_been_learned_from_the_half_that_was_kept_apart_counts(run: Run, site: Path) -> None:
    learn(site)
    pointer = site / "learned.json"
    pointer.write_text(json.dumps({**json.loads(pointer.read_text()), "source": "table"}))
    found = json.loads(run("guarantee", "calibrate", "triage", "--from", str(a_table(site, pairs=600)), "--json").out)["certificate"]

    assert 240 < found["pairs"] < 360


def test_rows_of_other_capabilities_and_without_a_score_do_not_count(run: Run, site: Path) -> None:
    learn(site)
    table = a_table(site, pairs=300)
    more = [{"prompt": "x", "model": "small", "score": None}, {"prompt": "y", "model": "small", "score": 0, "capability": "other"}]
    table.write_text("\n".join([table.read_text(), *map(json.dumps, more)]))

    assert "Nothing was put in force." in run("guarantee", "calibrate", "triage", "--from", str(table), "--dry-run").err


def test_a_promise_that_nobody_asks_for_is_said_to_bind_nobody(run: Run, site: Path) -> None:
    learn(site)
    (site / "pointsman.yaml").write_text(CONFIGURATION.replace("guarantee: true, ", ""))

    assert "does not ask for a guarantee" in run("guarantee", "calibrate", "triage", "--from", str(a_table(site, pairs=300))).err
