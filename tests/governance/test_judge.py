"""Where data may go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.values import a_capability, a_key, a_principal, a_snapshot, a_target

from pointsman.core.errors import NoPlaceAllowed
from pointsman.core.label import Level
from pointsman.core.snapshot import Snapshot
from pointsman.governance.judge import Policy, label_of, reason, verdict_on

TARGETS = [a_target(f"to/{label.name.lower()}", bit=2 + label, accepts=label) for label in Level]
SNAPSHOT = a_snapshot(a_capability(ladder=TARGETS))
labels = st.sampled_from(Level)
declared = st.one_of(st.none(), labels)


def permitted(label: Level, snapshot: Snapshot = SNAPSHOT) -> set[str]:
    verdict = verdict_on(label, snapshot)
    places = {"rules": snapshot.rules_target, "cache": snapshot.cache_target, **snapshot.targets}
    return {name for name, target in places.items() if verdict.permits(target)}


@pytest.mark.parametrize(
    ("label", "places"),
    [
        (Level.PUBLIC, {"rules", "cache", "to/public", "to/internal", "to/confidential", "to/restricted"}),
        (Level.INTERNAL, {"rules", "cache", "to/internal", "to/confidential", "to/restricted"}),
        (Level.CONFIDENTIAL, {"rules", "cache", "to/confidential", "to/restricted"}),
        (Level.RESTRICTED, {"rules", "to/restricted"}),
    ],
)
def test_data_goes_only_where_its_class_is_accepted(label: Level, places: set[str]) -> None:
    assert permitted(label) == places


def test_a_request_cannot_declare_away_what_its_key_declares() -> None:
    principal = a_principal(a_key(data_class=Level.CONFIDENTIAL))
    capability = a_capability(ceiling=Level.RESTRICTED)
    assert Policy(SNAPSHOT).judge(principal, Level.PUBLIC, capability=capability).label is Level.CONFIDENTIAL


def test_data_above_the_ceiling_is_refused_with_the_way_to_look_it_up() -> None:
    with pytest.raises(NoPlaceAllowed, match="`pointsman explain --capability support`") as refused:
        Policy(SNAPSHOT).judge(a_principal(), Level.CONFIDENTIAL, capability=a_capability(ceiling=Level.INTERNAL))
    assert refused.value.data_class == "confidential"


def test_a_verdict_is_given_in_the_name_of_its_snapshot() -> None:
    assert verdict_on(Level.PUBLIC, SNAPSHOT).snapshot == SNAPSHOT.digest


def test_a_target_of_another_snapshot_is_closed() -> None:
    stranger = a_target("stranger", bit=60)
    assert not verdict_on(Level.PUBLIC, SNAPSHOT).permits(stranger)


def test_each_target_can_be_told_why_it_is_open_or_closed() -> None:
    verdict = verdict_on(Level.CONFIDENTIAL, SNAPSHOT)
    closed, open_ = (reason(SNAPSHOT.targets[name], verdict) for name in ("to/internal", "to/restricted"))
    assert (closed.code, closed.says) == ("policy:confidential", "accepts data up to `internal` only; this is `confidential`")
    assert (open_.code, open_.says) == ("permitted", "accepts data up to `restricted`; this is `confidential`")


# ── laws ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(known=labels, learned=labels)
def test_learning_more_about_the_data_never_widens_where_it_may_go(known: Level, learned: Level) -> None:
    assert permitted(max(known, learned)) <= permitted(known)


@given(key=labels, first=declared, second=labels)
def test_declaring_more_only_ever_tightens(key: Level, first: Level | None, second: Level) -> None:
    assert label_of(key, first) >= key
    assert label_of(key, None if first is None else max(first, second)) >= label_of(key, first)


@given(st.lists(labels, min_size=1, max_size=6), labels)
def test_no_target_receives_what_it_does_not_accept(accepted: list[Level], label: Level) -> None:
    ladder = [a_target(f"t{index}", bit=2 + index, accepts=accepts) for index, accepts in enumerate(accepted)]
    verdict = verdict_on(label, a_snapshot(a_capability(ladder=ladder)))
    assert all(verdict.permits(target) == (target.accepts >= label) for target in ladder)
