"""
What `pointsman check` warns of where targets are chosen by value: wishes that nothing can fulfil.
"""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.cli.conftest import Run
from tests.ledger.entries import a_record, a_score, an_entry

from pointsman.cli.configuration import now_ms
from pointsman.decision.guarantee.split import is_kept_apart
from pointsman.decision.prediction.fit import fit
from pointsman.decision.prediction.parameters import encode
from pointsman.decision.prediction.values import Label, Prompt
from pointsman.storage.batch import Batch
from pointsman.storage.learned import LearnedFolder
from pointsman.storage.open import open_writing
from pointsman.storage.records import write_batch

CONFIGURATION = """
vendors:
  acme: {kind: openai_compatible, base_url: "http://127.0.0.1:9/v1", zone: private}
  staff: {kind: people}
targets:
  large: {vendor: acme, model: large, price: {input_usd_per_million: 10, output_usd_per_million: 10, id: acme-2026}}
  small: {vendor: acme, model: small, price: {input_usd_per_million: 1, output_usd_per_million: 1, id: acme-2026}}
  desk: {vendor: staff, model: people, people: {item_usd: 3}}
capabilities:
  triage: {ladder: [large, small], routing: ROUTING}
"""


@pytest.fixture
def site(run: Run, tmp_path: Path) -> Path:
    del run  # its folder is where commands look
    return tmp_path


def told(run: Run, folder: Path, routing: str, *, more: str = "", ladder: str = "[large, small]") -> str:
    """Return what `check` warns of."""
    text = CONFIGURATION.replace("ROUTING", routing).replace("[large, small]", ladder)
    (folder / "pointsman.yaml").write_text(text + more)
    done = run("check")
    assert done.code == 0, done.err
    return done.err


def learn(folder: Path, *, good: dict[str, float], table: str = "") -> None:
    """Put parameters in force, learned from 100 answers of each target, of which so many were good."""
    prompt = Prompt(capability="triage")
    labels = [Label(prompt=prompt, target=name, score=float(at % 100 < share * 100)) for at in range(100) for name, share in good.items()]
    digest = LearnedFolder(folder / "learned").keep(encode(replace(fit(labels), table=table)))
    (folder / "learned.json").write_text(json.dumps({"parameters": digest, "labels": 200}))


def a_key(name: str, *, data_class: str, more: str = "") -> str:
    return f'  {name}: {{sha256: "{name.encode().hex():0>64}", data_class: {data_class}{more}}}\n'


def tell_pairs(folder: Path, *, number: int) -> None:
    """Keep so many pairs of shadow calls that were kept apart to prove a promise."""
    at_ms, records, scores = now_ms() - 3_600_000, [], []
    for at in range(4 * number):
        record = a_record(at, at_ms=at_ms, capability="triage", workflow="triage", entries=(an_entry(target="large"),))
        if len(records) < number and is_kept_apart(record.call_id):
            records.append(record)
            given = a_score(f"{at}-given", record.call_id, workflow="triage", at_ms=at_ms + 1, target="")
            scores += [given, a_score(f"{at}-other", record.call_id, workflow="triage", at_ms=at_ms + 1, target="small")]
    db = open_writing(folder / "pointsman.db")
    write_batch(db, Batch(records=records))
    write_batch(db, Batch(scores=scores))
    db.close()


# ── guarantees ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_guarantee_that_nothing_can_prove_is_warned_of_with_what_helps(run: Run, site: Path) -> None:
    warned = told(run, site, "{guarantee: true}")

    assert "`triage` asks for a guarantee, and nothing can prove one: there are no `shadow` calls and no evaluation set, and there are 0 pairs of the" in warned
    assert "pointsman guarantee calibrate triage --from FILE" in warned
    found = json.loads(run("check", "--json").out)["unmet"]
    assert list(found["guarantees_without_pairs"]) == ["triage"]


def test_shadow_calls_will_bring_the_pairs_so_nothing_is_warned_of(run: Run, site: Path) -> None:
    assert "guarantee" not in told(run, site, "{guarantee: true, shadow: {share: 0.1}}")
    assert "nothing can prove one" in told(run, site, "{guarantee: true, shadow: {share: 0}}")


def test_shadow_calls_that_the_data_forbids_bring_none(run: Run, site: Path) -> None:
    key = "keys:\n" + a_key("desk", data_class="confidential")
    warned = told(run, site, "{guarantee: true, shadow: {share: 0.1}}", more=key)

    assert "nothing can prove one" in warned
    assert "`triage` never has `shadow` calls: they take data up to `internal`" in warned


@pytest.mark.parametrize(("number", "is_warned"), [(100, True), (149, False)])
def test_pairs_that_the_ledger_has_already_are_counted(run: Run, site: Path, number: int, is_warned: bool) -> None:
    tell_pairs(site, number=number)
    warned = told(run, site, "{guarantee: true}")

    assert ("there are 100 pairs of the 149" in warned) is is_warned
    assert ("nothing can prove one" in warned) is is_warned


def test_an_evaluation_set_that_proved_it_is_enough(run: Run, site: Path) -> None:
    learn(site, good={"large": 0.9, "small": 0.9})
    assert "nothing can prove one" in told(run, site, "{guarantee: true}")
    rows = [{"prompt": f"ticket {at}", "model": name, "score": at % 10 > 0} for at in range(400) for name in ("large", "small")]
    (site / "scores.jsonl").write_text("\n".join(map(json.dumps, rows)))
    run("guarantee", "calibrate", "triage", "--from", "scores.jsonl")

    assert run("check").err.count("nothing can prove one") == 0


def test_a_ledger_that_cannot_be_read_is_told_and_stops_nothing(run: Run, site: Path) -> None:
    (site / "pointsman.db").write_text("this is no database")

    assert "nothing can prove one: there are no `shadow` calls and no evaluation set, and the ledger cannot be read" in told(run, site, "{guarantee: true}")


# ── trials ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_trials_that_the_data_of_every_caller_forbids_are_warned_of(run: Run, site: Path) -> None:
    keys = "keys:\n" + a_key("desk", data_class="confidential") + a_key("ward", data_class="health")
    warned = told(run, site, "{explore: {share: 0.05}}", more=keys)

    assert (
        "`triage` never has `explore` calls: they take data up to `internal` (`routing.explore.data_class`), and whoever may use it sends `confidential` data"
        in warned
    )


@pytest.mark.parametrize(
    "more",
    [
        pytest.param("", id="without-keys-whoever-comes-sends-internal-data"),
        pytest.param("keys:\n" + a_key("desk", data_class="confidential") + a_key("shop", data_class="public"), id="one-key-sends-milder-data"),
        pytest.param(
            "keys:\n"
            + a_key("desk", data_class="confidential")
            + "identity: {issuers: {ci: {issuer: 'https://ci.example', audience: gw, capabilities: ['*']}}}\n",
            id="a-token-may-send-milder-data",
        ),
    ],
)
def test_trials_that_some_caller_may_have_are_not_warned_of(run: Run, site: Path, more: str) -> None:
    assert "never has" not in told(run, site, "{explore: {share: 0.05}}", more=more)


def test_a_key_that_may_not_use_the_capability_makes_no_trial_possible(run: Run, site: Path) -> None:
    keys = "keys:\n" + a_key("desk", data_class="confidential") + a_key("shop", data_class="public", more=", scopes: [outcomes]")

    assert "`triage` never has `explore` calls" in told(run, site, "{explore: {share: 0.05}}", more=keys)


# ── floors ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_floor_is_warned_of_as_long_as_nothing_was_learned(run: Run, site: Path) -> None:
    warned = told(run, site, "{criteria: {quality_floor: 0.8}}")

    assert "no target of `triage` is known to reach its `quality_floor`: nothing was learned of any." in warned


def test_a_floor_that_no_target_reaches_is_told_with_the_nearest(run: Run, site: Path) -> None:
    learn(site, good={"large": 0.85, "small": 0.4})

    assert "`quality_floor`: `large` comes nearest, with 0.8" in told(run, site, "{criteria: {quality_floor: 0.95}}")
    assert "quality_floor" not in told(run, site, "{criteria: {quality_floor: 0.8}}")
    assert "`large` comes nearest, with 0.7" in told(run, site, "{criteria: {quality_floor: 0.8, confidence: 0.99}}")


def test_people_who_cost_what_an_item_costs_lack_no_price(run: Run, site: Path) -> None:
    assert "is unknown at" not in told(run, site, "{}", ladder="[large, desk]")


def test_people_are_expected_to_reach_a_floor(run: Run, site: Path) -> None:
    assert "quality_floor" not in told(run, site, "{criteria: {quality_floor: 0.8}}", ladder="[large, desk]")


def test_parameters_that_are_lost_are_told_and_no_floor_is_judged_without_them(run: Run, site: Path) -> None:
    learn(site, good={"large": 0.9, "small": 0.9})
    for kept in (site / "learned").iterdir():
        kept.unlink()
    warned = told(run, site, "{criteria: {quality_floor: 0.95}}")

    assert "The learned parameters `" in warned
    assert "quality_floor" not in warned


def test_a_table_of_tokens_that_is_lost_is_told_too(run: Run, site: Path) -> None:
    learn(site, good={"large": 0.9, "small": 0.9}, table="0" * 32)
    warned = told(run, site, "{guarantee: true, criteria: {quality_floor: 0.95}}")

    assert "The table of tokens `" in warned
    assert "nothing can prove one" in warned
    assert "quality_floor" not in warned
