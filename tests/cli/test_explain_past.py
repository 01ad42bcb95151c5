"""
`pointsman explain --call`: why a call on record went where it went, from nothing but the ledger and the snapshots in it.
"""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.cli.conftest import Run
from tests.ledger.entries import START_MS, a_record, an_entry, write

from pointsman.cli.configuration import settings_at
from pointsman.control.snapshots.history import Kept, keep
from pointsman.core.entry import CallRecord
from pointsman.core.routing import Weighed
from pointsman.storage.open import open_writing

FILE = """\
vendors:
  lab: {kind: vllm, base_url: "http://127.0.0.1:9/v1"}
targets:
  small: {vendor: lab, model: small, price: {input_usd_per_million: 1, output_usd_per_million: 2}}
  large: {vendor: lab, model: large, price: {input_usd_per_million: 10, output_usd_per_million: 20}}
capabilities:
  triage: {ladder: [small, large], data_class: confidential, routing: {incumbent: large, not_worse_by: 0.1}}
  plain: {ladder: [small]}
"""
SMALL = Weighed(target="small", quality=0.89, low=0.86, high=0.92, cost_nano_usd=2_000_000, latency_ms=400.0, value_nano_usd=-2_000_000, probability=0.98)
LARGE = replace(SMALL, target="large", quality=0.9, low=0.87, high=0.93, cost_nano_usd=9_000_000, value_nano_usd=-9_000_000, probability=0.02)
STRICTER = "`large` would have been chosen if `not_worse_by` were at most 0.043 (was 0.1)."


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, run: Run) -> Path:
    del run  # it goes into the folder first
    (tmp_path / "pointsman.yaml").write_text(FILE)
    return tmp_path


def remembered(folder: Path, *, snapshot: str | None = None, target: str = "small", **more: Any) -> CallRecord:
    """Put a call on record, under the snapshot in force where no other is told."""
    in_force = settings_at(folder / "pointsman.yaml").snapshot.digest
    told: dict[str, Any] = {"capability": "triage", "weighed": (SMALL, LARGE), "learned": "ab12cd34ef", "reason": "best_value", **more}
    record = a_record(1, entries=(an_entry(target=target),), snapshot=snapshot or in_force, **told)
    with closing(open_writing(folder / "pointsman.db")) as db:
        write(db, [record])
    return record


def test_what_was_weighed_is_shown_with_what_would_have_changed_it(run: Run, folder: Path) -> None:
    done = run("explain", "--call", remembered(folder).call_id)
    lines = [line.split() for line in done.out.split("\n")]
    assert done.code == 0
    assert ["*", "small", "0.890", "0.86-0.92", "$0.002", "400", "ms", "$-0.002", "98.0%", "-"] in lines
    assert "Weighed with parameters ab12cd34:" in done.out
    assert "It ran on `small` (cloud) and ended with `ok`" in done.out
    assert "What would have changed it, by the criteria of then:" in done.out
    assert STRICTER in done.out
    assert "Now it would go to `large` first (`incumbent`)" in done.out, "nothing is learned in this folder"


def test_what_decided_it_beside_the_worth_is_told_by_the_rules_of_then(run: Run, folder: Path) -> None:
    kept_back = (replace(SMALL, reason="guard:worse", probability=0.0), replace(LARGE, probability=1.0))
    told = remembered(folder, target="large", reason="incumbent", weighed=kept_back)
    done = run("explain", "--call", told.call_id)

    assert "What decided it:" in done.out
    assert "`small` is expected to be worth more than `large`, but may not go before `large`: it is not surely enough as good." in done.out
    with_trials = FILE.replace("not_worse_by: 0.1", "not_worse_by: 0.1, explore: {share: 0.1, data_class: public}")
    with closing(open_writing(folder / "pointsman.db")) as db:
        keep(db, Kept(digest="cafe" * 4, since_ms=START_MS, parent=None, author=""), files={"pointsman.yaml": with_trials})
        write(db, [a_record(2, entries=(an_entry(target="large"),), snapshot="cafe" * 4, capability="triage", weighed=kept_back, reason="incumbent")])
    says = run("explain", "--call", a_record(2).call_id, "--json").json["decisions"][0]["decisive"]
    assert says[1:] == ["Nothing is tried here: `explore` takes data up to `public`, and this is `internal`."]


def test_a_candidate_that_no_rule_kept_back_is_told_to_be_worth_less(run: Run, folder: Path) -> None:
    rows = [line.split() for line in run("explain", "--call", remembered(folder).call_id).out.split("\n")]
    assert ["large", "0.900", "0.87-0.93", "$0.009", "400", "ms", "$-0.009", "2.0%", "worth", "less"] in rows


def test_the_criteria_are_those_of_the_snapshot_that_was_in_force_then(run: Run, folder: Path) -> None:
    with closing(open_writing(folder / "pointsman.db")) as db:
        keep(db, Kept(digest="cafe" * 4, since_ms=START_MS, parent=None, author=""), files={"pointsman.yaml": FILE.replace("0.1}", "0.2}")})
    told = run("explain", "--call", remembered(folder, snapshot="cafe" * 4).call_id, "--json").json
    assert told["criteria"] == "then"
    [loss] = [one for one in told["decisions"][0]["changes"] if one["what"] == "loss"]
    assert (loss["was"], loss["needed"], loss["chosen"]) == (0.2, 0.043, "large")


@pytest.mark.parametrize("files", [None, {"pointsman.yaml": "capabilities: ["}, {"pointsman.yaml": FILE, "../outside.yaml": "x"}])
def test_criteria_that_are_not_on_record_are_told_to_be_those_of_now(run: Run, folder: Path, files: dict[str, str] | None) -> None:
    if files is not None:
        with closing(open_writing(folder / "pointsman.db")) as db:
            keep(db, Kept(digest="cafe" * 4, since_ms=START_MS, parent=None, author=""), files=files)
    done = run("explain", "--call", remembered(folder, snapshot="cafe" * 4).call_id)
    is_read = files is not None and len(files) > 1
    assert ("by the criteria of now (those of then are not on record)" in done.out) is not is_read
    assert STRICTER in done.out
    assert not (folder.parent / "outside.yaml").exists()


def test_a_call_whose_request_set_criteria_is_counted_by_these(run: Run, folder: Path) -> None:
    """Worth 5 cents to its owner, 20 to this request: by the owner's word alone the figures on record would not come out."""
    file = FILE.replace("not_worse_by: 0.1", "not_worse_by: 0.1, criteria: {value_usd: 0.05}, requests_may_set: {value_usd: [0, 1]}")
    (folder / "pointsman.yaml").write_text(file)
    cents = 200_000_000
    seen = tuple(replace(one, value_nano_usd=round(cents * one.quality) - (one.cost_nano_usd or 0)) for one in (SMALL, LARGE))
    call = remembered(folder, weighed=seen, criteria={"value_usd": 0.2})
    done = run("explain", "--call", call.call_id)

    assert "The request set `value_usd=0.2`: by that it was weighed." in done.out
    assert "What would have changed it, by the criteria of then:" in done.out
    [decided] = run("explain", "--call", call.call_id, "--json").json["decisions"]
    assert decided["asked"] == {"value_usd": 0.2}
    [value] = [one for one in decided["changes"] if one["what"] == "value"]
    assert (value["was"], value["needed"], value["chosen"]) == (cents, 700_000_000, "large")
    assert run("explain", "--call", call.call_id, "--json").json["now"]["reason"] == "incumbent"


def test_a_capability_that_is_gone_is_told_without_counterfactuals(run: Run, folder: Path) -> None:
    done = run("explain", "--call", remembered(folder, snapshot="cafe" * 4, capability="gone").call_id)
    assert done.code == 0
    assert "0.86-0.92" in done.out
    assert "would have been chosen" not in done.out
    assert "Now it would be refused (`unknown_capability`)." in done.out


def test_a_trial_is_told_with_who_would_have_been_asked_without_it(run: Run, folder: Path) -> None:
    done = run("explain", "--call", remembered(folder, target="large", mode="explore", propensity=0.02, reason="explores").call_id)
    assert "It was chosen as explore, with a probability of 2.0%. Without that `small` would have been asked first." in done.out


def test_who_answered_after_the_first_is_told(run: Run, folder: Path) -> None:
    done = run("explain", "--call", remembered(folder, target="large", considered=(("other", "switched_off"),)).call_id)
    assert "`small` was asked first; `large` answered after it." in done.out
    assert "other was out: switched_off." in done.out


def test_a_choice_by_the_owners_order_is_told_as_one(run: Run, folder: Path) -> None:
    done = run("explain", "--call", remembered(folder, capability="plain", weighed=(), learned="").call_id)
    assert "It was chosen by the owner's order: nothing was weighed." in done.err
    assert "Now it would again go to `small` first" in done.out


def test_a_call_that_is_not_on_record_is_an_error_that_says_where_the_id_is_found(run: Run, folder: Path) -> None:
    remembered(folder)
    done = run("explain", "--call", "0190")
    assert done.code == 1
    assert "There is no call `0190` on record. The id is that of the reply header `x-request-id`" in done.err


def test_one_of_both_must_be_named(run: Run) -> None:
    done = run("explain")
    assert done.code == 2
    assert "--capability" in done.err
    assert "--call" in done.err
