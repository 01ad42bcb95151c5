"""
Promises put together, over a real ledger: made where there are pairs, watched, closed, and proven anew with what came later.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.decision.weighed import ALL
from tests.ledger.entries import a_record, a_score, an_entry
from tests.values import a_call

from pointsman.app.facts import Prices, facts
from pointsman.app.guarantee import Desk, renewed
from pointsman.control.guarantee.observed import of_table
from pointsman.decision.by_value import ByValue
from pointsman.decision.choice import Circumstances, Rung
from pointsman.decision.choose import Chooser
from pointsman.decision.guarantee.certificate import Certificate, decode
from pointsman.decision.guarantee.drift import LOSSES
from pointsman.decision.learned import Learned
from pointsman.decision.prediction.parameters import Cell, Moments, Parameters
from pointsman.decision.prediction.predictor import Predictor
from pointsman.settings.load import Settings, load
from pointsman.storage.batch import Batch
from pointsman.storage.open import open_writing
from pointsman.storage.records import write_batch
from pointsman.storage.sql import Database

DAY_MS = 86_400_000
NOW_MS = 1_767_225_600_000 + 60 * DAY_MS
CONFIGURATION = """
vendors: {acme: {kind: openai_compatible, base_url: "http://127.0.0.1:9/v1"}}
targets:
  large: {vendor: acme, model: large, price: {input_usd_per_million: 10, output_usd_per_million: 10, id: acme-2026}}
  small: {vendor: acme, model: small, price: {input_usd_per_million: 4, output_usd_per_million: 1, id: acme-2026}}
capabilities:
  triage: {ladder: [large, small], routing: {by: value, guarantee: true, shadow: {share: 0.1}}}
  other: {ladder: [large, small], routing: {by: value}}
"""


def cell(target: str, *, good: float = 0.9, number: float = 60) -> Cell:
    return Cell(capability="triage", task="", target=target, scores=Moments(number, number * good, number * good))


PARAMETERS = Parameters(cells=(cell("large"), cell("small")))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    path = tmp_path / "pointsman.yaml"
    path.write_text(CONFIGURATION)
    return load(path, facts(Prices(lambda: NOW_MS)))


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with closing(open_writing(tmp_path / "pointsman.db")) as found:
        yield found


def desk(settings: Settings, parameters: Parameters = PARAMETERS, *, now_ms: int = NOW_MS) -> Desk:
    return Desk(settings, parameters, price_of=lambda target: target.price, now_ms=now_ms)


def tell(db: Database, number: int, *, first: int = 0, small: float = 1.0, at_ms: int = NOW_MS - DAY_MS) -> None:
    """Write calls that `large` answered well, each asked again of `small`."""
    records, scores = [], []
    for at in range(first, first + number):
        record = a_record(at, at_ms=at_ms + at, capability="triage", workflow="triage", entries=(an_entry(target="large"),))
        more: dict[str, Any] = {"workflow": "triage", "at_ms": at_ms + at, "selection_propensity": 0.1}
        scores += [a_score(f"{at}-a", record.call_id, value=1.0, **more), a_score(f"{at}-b", record.call_id, value=small, target="small", **more)]
        records.append(record)
    write_batch(db, Batch(records=records))
    write_batch(db, Batch(scores=scores))


def test_a_capability_that_asks_for_it_is_promised_what_its_pairs_prove(settings: Settings, db: Database) -> None:
    tell(db, 600)
    found = renewed(db, desk(settings), before=Parameters())

    assert list(found.parameters.certificates) == ["triage"]
    assert (found.is_new, found.why) == (True, ("a promise was proven for `triage`: 100% may leave `large`",))
    assert desk(settings, found.parameters).state(db, "triage").in_force
    assert not desk(settings, found.parameters).state(db, "other").in_force


def test_a_promise_that_holds_is_kept_as_it_is_and_watched(settings: Settings, db: Database) -> None:
    tell(db, 600)
    first = renewed(db, desk(settings), before=Parameters()).parameters
    tell(db, 50, first=1_000, at_ms=NOW_MS + 1_000)
    second = renewed(db, desk(settings, replace(first, certificates={}), now_ms=NOW_MS + DAY_MS), before=first)
    old, new = decode(first.certificates["triage"]), decode(second.parameters.certificates["triage"])

    assert old is not None
    assert new is not None
    assert (second.is_new, second.why) == (False, ())
    assert new.certificate == old.certificate
    assert 10 < new.drift.pairs < 40


def test_other_parameters_are_promised_for_anew(settings: Settings, db: Database) -> None:
    tell(db, 600)
    first = renewed(db, desk(settings), before=Parameters()).parameters
    other = Parameters(cells=(cell("large", good=0.8), cell("small")))
    second = renewed(db, desk(settings, other), before=first)

    assert second.is_new
    assert desk(settings, second.parameters).state(db, "triage").in_force


def test_after_an_alarm_the_gate_stays_closed_until_later_pairs_prove_it_again(settings: Settings, db: Database) -> None:
    tell(db, 600)
    first = renewed(db, desk(settings), before=Parameters()).parameters
    tell(db, 40, first=1_000, small=0.0, at_ms=NOW_MS + 1_000)
    second = renewed(db, desk(settings, first, now_ms=NOW_MS + DAY_MS), before=first)
    closed = decode(second.parameters.certificates["triage"])

    assert closed is not None
    assert closed.drift.alarm == LOSSES
    assert second.why == ("the gate of `triage` was closed (`drift:loss`): `large` answers",)

    third = renewed(db, desk(settings, second.parameters, now_ms=NOW_MS + 2 * DAY_MS), before=second.parameters)
    assert (third.is_new, third.why) == (False, ())

    tell(db, 1_200, first=5_000, at_ms=NOW_MS + 3 * DAY_MS)
    fourth = renewed(db, desk(settings, third.parameters, now_ms=NOW_MS + 4 * DAY_MS), before=third.parameters)
    opened = decode(fourth.parameters.certificates["triage"])

    assert opened is not None
    assert not opened.drift.alarm
    assert opened.certificate.from_ms > NOW_MS


def test_without_pairs_there_is_no_promise_and_no_version_for_its_sake(settings: Settings, db: Database) -> None:
    found = renewed(db, desk(settings), before=Parameters())

    assert (found.parameters.certificates, found.is_new) == ({}, False)


def test_what_a_lower_price_is_worth_lies_within_the_loss(settings: Settings) -> None:
    made = desk(settings)
    terms = made.terms("triage", made.routed()["triage"])

    assert (terms.incumbent, terms.targets, terms.loss, terms.sure) == ("large", ("small",), 0.02, 0.9)
    assert terms.lean == pytest.approx({"small": 0.02 * (1 - 5 / 20)})


def test_a_risky_capability_is_promised_a_smaller_loss(tmp_path: Path) -> None:
    path = tmp_path / "pointsman.yaml"
    path.write_text(CONFIGURATION.replace("shadow: {share: 0.1}", "criteria: {risk: high}"))
    made = desk(load(path, facts(Prices(lambda: NOW_MS))))

    assert made.terms("triage", made.routed()["triage"]).loss == 0.005


def test_a_free_target_may_cost_all_of_the_loss_and_one_of_unknown_price_nothing(tmp_path: Path) -> None:
    path = tmp_path / "pointsman.yaml"
    free = CONFIGURATION.replace("price: {input_usd_per_million: 4, output_usd_per_million: 1, id: acme-2026}", "hardware: {hourly_usd: 2}")
    leans = []
    for text in (free, free.replace(", hardware: {hourly_usd: 2}", "")):
        path.write_text(text)
        made = desk(load(path, facts(Prices(lambda: NOW_MS))))
        leans.append(made.terms("triage", made.routed()["triage"]).lean)

    assert leans == [{"small": 0.02}, {}]


def test_what_an_evaluation_proved_is_proven_anew_with_it_when_something_was_learned(settings: Settings, db: Database) -> None:
    made = desk(settings)
    terms = made.terms("triage", made.routed()["triage"], source="evaluation")
    told = of_table([(f"ticket {at}", name, 1.0) for at in range(300) for name in ("large", "small")], capability="triage", at_ms=NOW_MS)
    certificate = made.certify(told, terms)
    assert isinstance(certificate, Certificate)
    first = made.keep(certificate, told)
    assert b"ticket 7" not in first.certificates["triage"]
    other = Parameters(cells=(cell("large", good=0.8), cell("small")), certificates=first.certificates)
    later_ms = NOW_MS + DAY_MS

    second = renewed(db, desk(settings, other, now_ms=later_ms), before=first)
    again = decode(second.parameters.certificates["triage"])
    assert again is not None
    assert desk(settings, second.parameters, now_ms=later_ms).state(db, "triage").in_force
    assert (again.certificate.source, again.certificate.pairs, again.certificate.lapses_ms) == ("evaluation", 300, certificate.lapses_ms)

    lapsed = renewed(db, desk(settings, second.parameters, now_ms=certificate.lapses_ms), before=second.parameters)
    assert not lapsed.is_new
    assert not desk(settings, lapsed.parameters, now_ms=certificate.lapses_ms).state(db, "triage").in_force


def test_what_an_evaluation_proved_gives_way_to_more_pairs_of_real_traffic(settings: Settings, db: Database) -> None:
    made = desk(settings)
    told = of_table([(f"ticket {at}", name, 1.0) for at in range(150) for name in ("large", "small")], capability="triage", at_ms=NOW_MS)
    certificate = made.certify(told, made.terms("triage", made.routed()["triage"], source="evaluation"))
    assert isinstance(certificate, Certificate)
    first = made.keep(certificate, told)
    tell(db, 600)
    found = renewed(db, desk(settings, Parameters(cells=(cell("large", good=0.8), cell("small")))), before=first)
    again = decode(found.parameters.certificates["triage"])

    assert again is not None
    assert again.certificate.source == "shadows"


def first(settings: Settings, parameters: Parameters, *, now_ms: int) -> tuple[str, str]:
    """Return who a call goes to first under these parameters, and why."""
    rung = ladder(settings, parameters, now_ms=now_ms)[0]
    return rung.target.name, rung.reason


def ladder(settings: Settings, parameters: Parameters, *, now_ms: int) -> tuple[Rung, ...]:
    """Return in which order a call would be tried under these parameters."""
    by_value = ByValue(learned=Learned(Predictor(parameters), digest=parameters.digest))
    chooser = Chooser(misfits=lambda call, target: (), health=lambda name: None, by_value=by_value)
    return chooser.choose(a_call(), settings.snapshot.capabilities["triage"], verdict=ALL, now=Circumstances(now_ms=now_ms)).rungs


def test_calls_leave_the_incumbent_while_a_promise_holds_and_only_then(settings: Settings, db: Database) -> None:
    assert first(settings, PARAMETERS, now_ms=NOW_MS) == ("large", "incumbent")

    tell(db, 600)
    open_to = renewed(db, desk(settings), before=Parameters()).parameters
    assert first(settings, open_to, now_ms=NOW_MS + 1) == ("small", "certified")
    assert first(settings, open_to, now_ms=NOW_MS + 31 * DAY_MS) == ("large", "incumbent")

    tell(db, 40, first=1_000, small=0.0, at_ms=NOW_MS + 1_000)
    closed = renewed(db, desk(settings, open_to, now_ms=NOW_MS + DAY_MS), before=open_to).parameters
    assert first(settings, closed, now_ms=NOW_MS + DAY_MS) == ("large", "incumbent")


def test_under_a_guarantee_a_looked_at_answer_is_replaced_by_the_incumbents_only_and_that_is_said(tmp_path: Path, db: Database) -> None:
    path = tmp_path / "pointsman.yaml"
    path.write_text(CONFIGURATION.replace("shadow: {share: 0.1}", "shadow: {share: 0.1}, check: [small]"))
    settings = load(path, facts(Prices(lambda: NOW_MS)))
    assert [rung.target.name for rung in ladder(settings, PARAMETERS, now_ms=NOW_MS)] == ["large", "small"], "no way begins with `small` without a promise"
    assert any("No way that looks at answers of `small` first" in one for one in desk(settings).state(db, "triage").says)

    tell(db, 600)
    open_to = renewed(db, desk(settings), before=Parameters()).parameters
    rungs = ladder(settings, open_to, now_ms=NOW_MS + 1)
    assert [(rung.target.name, rung.reason, rung.checked) for rung in rungs] == [("small", "certified", True), ("large", "next_after:small", False)]
    assert any("It is about the answer of whoever goes first." in one for one in desk(settings, open_to, now_ms=NOW_MS + 1).state(db, "triage").says)
