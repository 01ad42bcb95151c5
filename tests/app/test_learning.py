"""
Learning from a real ledger, over real files: what is put in force, what is not, and the way back.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.app.learning_site import Site
from tests.ledger.entries import a_record

from pointsman.app.facts import facts
from pointsman.app.gateway import Gateway
from pointsman.app.learned import folder_of
from pointsman.app.learning import RESTS, Learner
from pointsman.control.learning.known import known
from pointsman.control.learning.version import Overtaken, Version, named_in, put_in_force, version_at
from pointsman.core.errors import Unusable
from pointsman.core.verdict import Keeping
from pointsman.ledger.content.records import Content
from pointsman.settings.load import Reloader


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    found = Site(tmp_path)
    yield found
    found.gateway.close()


def test_outcomes_become_parameters_in_force(site: Site) -> None:
    site.tell("small", good=30, bad=10)
    site.tell("large", good=38, bad=2)

    found = site.learner.round()
    site.reload()

    assert found.is_new
    assert site.gateway.stages.snapshot.learned == found.version.parameters
    learned = site.gateway.learned.of(site.gateway.settings)
    assert learned is not None
    by_target = {one.target: one for one in known(learned.predictor.parameters)}
    assert by_target["small"].quality < by_target["large"].quality
    assert found.version.why[0] == "Learned from 80 outcomes."


def test_whoever_goes_back_is_not_overruled(site: Site) -> None:
    site.tell("small", good=20, bad=0)
    site.learner.round()
    first = site.path.with_name("learned.json").read_bytes()
    site.reload()
    site.tell("small", good=0, bad=20)
    assert site.learner.round().is_new
    site.path.with_name("learned.json").write_bytes(first)
    site.reload()

    assert site.learner.round().says == RESTS
    assert site.learner.round(by_hand=True).is_new


def test_a_roll_back_brings_the_parameters_of_then_back(site: Site) -> None:
    before = site.gateway.stages.snapshot
    site.tell("small", good=20, bad=0)
    first = site.learner.round().version.parameters
    site.reload()
    in_force = site.gateway.stages.snapshot
    site.tell("small", good=0, bad=20)
    site.learner.round()
    site.reload()
    assert len({before.digest, in_force.digest, site.gateway.stages.snapshot.digest}) == 3

    site.roll_back(to=in_force.digest)
    assert site.gateway.stages.snapshot.learned == first
    assert site.gateway.stages.snapshot.digest == in_force.digest
    assert site.gateway.notes() == {}

    site.roll_back(to=before.digest)
    assert site.gateway.stages.snapshot.learned == ""
    assert site.gateway.stages.snapshot.digest == before.digest
    assert not site.path.with_name("learned.json").exists()
    assert site.learner.round().says == RESTS


def test_what_a_gateway_learned_is_taken_up_by_whoever_watches_the_files(site: Site) -> None:
    reloader = Reloader(site.path, facts(site.gateway.prices), current=site.gateway.settings)
    assert reloader.check() is None
    site.tell("small", good=20, bad=0)
    made = site.learner.round()
    found = reloader.check()
    assert found is not None
    assert found.snapshot.learned == made.version.parameters


def test_parameters_that_are_lost_are_told_and_calls_go_on_by_the_owners_order(site: Site) -> None:
    site.tell("small", good=20, bad=0)
    digest = site.learner.round().version.parameters
    site.reload()
    site.path.with_name("learned").joinpath(digest).write_bytes(b"somebody wrote over this")
    restarted = Gateway(site.load(), environ={}, clock=site.clock)
    try:
        assert "are damaged" in restarted.notes()["learned"]
        assert "pointsman rollback" in restarted.notes()["learned"]
        assert restarted.learned.of(restarted.settings) is None
    finally:
        restarted.close()
    assert site.gateway.notes() == {}  # what is at hand is used on


def test_nothing_is_learned_before_it_is_time_and_nothing_goes_wrong_loudly(site: Site) -> None:
    site.tell("small", good=20, bad=0)
    first = site.learner.look()
    assert first is not None
    assert first.is_new
    assert site.learner.look() is None
    site.now_ms += 3_600_000
    site.path.with_name("learned.json").write_text("{broken")
    assert site.learner.look() is None
    assert site.learner.trouble is not None
    assert "pointsman rollback" in site.learner.trouble


def test_too_little_makes_no_version_unless_somebody_asks_for_it(site: Site) -> None:
    site.tell("small", good=3, bad=0)
    assert not site.learner.round().is_new
    tried = site.learner.round(by_hand=True, dry=True)
    assert not tried.is_new
    assert tried.version.parameters
    assert not site.path.with_name("learned.json").exists()
    assert site.learner.round(by_hand=True).version.labels == 3


def test_whoever_learns_anew_forgets_what_was_learned(site: Site) -> None:
    site.tell("small", good=20, bad=0)
    once = site.learner.round().version
    site.reload()
    site.tell("small", good=20, bad=0)
    site.learner.round()
    site.reload()
    anew = site.learner.round(by_hand=True, anew=True).version
    assert (once.labels, anew.labels, anew.fitted) == (20, 40, 40)


def test_who_is_overtaken_changes_nothing(site: Site) -> None:
    site.tell("small", good=20, bad=0)
    site.learner.round()
    pointer = site.path.with_name("learned.json")
    with pytest.raises(Overtaken, match="learn again"):
        put_in_force(pointer, Version(parameters="0" * 32, before="1" * 32), folder=site.path.parent)
    assert version_at(pointer).parameters != "0" * 32


def test_old_parameters_go_and_those_that_a_snapshot_names_stay(site: Site) -> None:
    site.tell("small", good=20, bad=0)
    kept = site.learner.round().version.parameters
    site.reload()
    folder = folder_of(site.gateway.settings)
    orphan = folder.keep(b"nobody names these")
    site.tell("small", good=20, bad=0)
    newest = site.learner.round().version.parameters
    assert folder.digests() == {kept, newest}
    assert orphan not in folder.digests()


def test_much_more_evidence_is_learned_from_the_ground_up_and_teaches_who_judges_answers(site: Site) -> None:
    site.configure("routing: {by: value, check: [small]}")
    read: list[str] = []

    def kept(call_id: str) -> Content | None:
        read.append(call_id)
        if len(read) % 3 == 0:
            return None  # it has had its time
        good = site.is_good(call_id)
        answer = "The total is 12." if good else "I am not sure, I cannot find it."
        return Content(
            call_id=call_id,
            tenant="default",
            label="internal",
            keeping=Keeping.FULL,
            said_ms=0,
            until_ms=1,
            request=b'{"messages": [{"role": "user", "content": "What is the total?"}]}',
            answer=json.dumps({"choices": [{"message": {"content": answer}}]}).encode(),
        )

    site.tell("small", good=60, bad=60)
    site.grade("large", {number: float(number % 4 > 0) for number in range(120)})
    learner = Learner(lambda: site.gateway.settings, price_of=site.gateway.prices.of, now_ms=site.clock.wall_ms, read=kept)
    found = learner.round()
    site.reload()
    assert (found.version.fitted, len(read)) == (240, 120)  # outcomes and grades; texts of given answers alone
    learned = site.gateway.learned.of(site.gateway.settings)
    assert learned is not None
    judge = learned.verifier("triage")
    assert judge.labels > 0
    assert judge.next_target == "large"
    assert judge.onward("What is the total?", "The total is 12.", evidence={}, prior=0.7) is not None


def test_under_a_guarantee_each_round_proves_the_promise_anew_or_says_nothing(site: Site) -> None:
    site.configure("routing: {by: value, guarantee: true}")
    site.tell("small", good=20, bad=0)
    made = site.learner.round()
    site.reload()
    assert made.is_new
    learned = site.gateway.learned.of(site.gateway.settings)
    assert learned is not None
    assert learned.standing("triage") is None  # no pairs, no promise
    assert not site.learner.round().is_new


@pytest.mark.parametrize(
    ("more", "data_class", "kept"),
    [
        ("", "internal", "AAAA"),
        ("", "internal+personal", "AAAA"),
        ("", "internal+restricted", None),
        ("retention: {classes: {personal: {content: nothing}}}", "personal", None),
        ("learning: {keep_features: false}", "internal", None),
    ],
)
def test_no_more_of_a_prompt_is_kept_than_may_be(site: Site, more: str, data_class: str, kept: str | None) -> None:
    site.configure("routing: {by: value}", more)
    record = a_record(1, data_class=data_class, features="AAAA", learned="x")
    assert site.gateway.learned.noted(record, site.gateway.settings).features == kept


def test_a_pointer_that_cannot_be_written_is_told_and_the_old_one_stays(site: Site, tmp_path: Path) -> None:
    pointer = tmp_path / "gone" / "learned.json"
    with pytest.raises(Unusable, match="cannot be written"):
        put_in_force(pointer, Version(parameters="0" * 32), folder=tmp_path)
    assert named_in("[1]") == ""
    assert named_in('{"parameters": "abc"}') == "abc"
