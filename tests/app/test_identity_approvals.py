"""
Approvals of the configuration: what waits, who counts, and what a start finds.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.settings.files import known
from tests.values import Time

from pointsman.app.identity import Standing
from pointsman.app.identity_approvals import Approvals, NothingPending, agreed_by, approved
from pointsman.core.errors import Unusable
from pointsman.intake.identity import Revoked
from pointsman.intake.sessions import Session
from pointsman.settings.load import Settings, load
from pointsman.settings.secret_value import Secret

IDENTITY = {
    "login": {"issuer": "https://id.example.com", "client_id": "p"},
    "roles": {"lead": {"groups": ["leads"], "permissions": ["policy.change"]}},
    "approvals": {"policy": 2},
}


def a_file(folder: Path, **more: Any) -> Settings:
    told = {"capabilities": {"support": {"ladder": ["openai/gpt-5-mini"]}}, "identity": IDENTITY, **more}
    path = folder / "pointsman.yaml"
    path.write_text(yaml.safe_dump({name: value for name, value in told.items() if value is not None}))
    return load(path, known())


def start(folder: Path) -> Settings:
    path = folder / "pointsman.yaml"
    return approved(load(path, known()), path=path, facts=known(), now_s=1.0)


def a_person(name: str, *, issuer: str = "https://id.example.com") -> Session:
    return Session(digest=name, issuer=issuer, subject=f"sub-{name}", user=f"{name}@example.com", groups=("leads",), began_s=0.0, seen_s=0.0)


class Running:
    """A gateway as far as approvals see it."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.standing = Standing(folder / settings.identity.kept_in, secret=Secret, clock=Time().clock)
        self.standing.identities(settings.identity)
        self.approvals = Approvals(self.standing, settings.identity)

    def reload(self, settings: Settings) -> bool:
        admitted = self.approvals.admits(settings)
        if admitted:
            self.approvals.took_effect(settings)
        return admitted


CHANGE = {"capabilities": {"support": {"ladder": ["openai/gpt-5"]}}}


def test_a_change_takes_effect_when_two_different_people_have_agreed(tmp_path: Path) -> None:
    running = Running(tmp_path, a_file(tmp_path))
    change = a_file(tmp_path, **CHANGE)
    digest = change.identity.policy_digest
    assert not running.reload(change)
    assert running.approvals.told == {"waits_for_approval": digest}
    assert "+    - openai/gpt-5\n" in running.approvals.difference()
    for _ in range(2):
        assert running.approvals.approve(digest, a_person("ada")).approved_by == ("ada@example.com",)
    assert not running.reload(change)
    assert running.approvals.approve(digest, a_person("bob")).approved_by == ("ada@example.com", "bob@example.com")
    assert running.reload(change)
    assert (running.approvals.told, running.approvals.pending(), running.approvals.difference()) == ({}, None, "")


def test_the_change_does_not_say_how_many_must_agree_to_it(tmp_path: Path) -> None:
    running = Running(tmp_path, a_file(tmp_path))
    for change in (a_file(tmp_path, identity=None), a_file(tmp_path, identity={**IDENTITY, "approvals": None})):
        assert not running.reload(change)
    digest = change.identity.policy_digest
    running.approvals.approve(digest, a_person("ada"))
    running.approvals.approve(digest, a_person("bob"))
    assert running.reload(change)
    assert running.standing.file().in_force() is None
    assert running.reload(a_file(tmp_path, **CHANGE)), "from then on nobody is asked"


def test_agreeing_to_one_change_is_not_agreeing_to_the_next(tmp_path: Path) -> None:
    running = Running(tmp_path, a_file(tmp_path))
    first = a_file(tmp_path, **CHANGE)
    running.reload(first)
    for name in ("ada", "bob"):
        running.approvals.approve(first.identity.policy_digest, a_person(name))
    second = a_file(tmp_path, capabilities={"support": {"ladder": ["openai/gpt-5-nano"]}})
    assert not running.reload(second)
    with pytest.raises(NothingPending):
        running.approvals.approve(first.identity.policy_digest, a_person("eve"))
    assert running.reload(a_file(tmp_path, limits=[{"name": "l", "by": "tenant", "requests_per_minute": 5}])), "and back is nothing new"
    with pytest.raises(NothingPending):
        running.approvals.approve(second.identity.policy_digest, a_person("eve"))


def test_who_is_shut_out_has_agreed_to_nothing_and_one_name_at_two_providers_is_two_people() -> None:
    agreed = [("https://id|sub-ada", "ada", 1.0), ("https://other|sub-ada", "ada", 1.0), ("https://id|sub-bob", "bob", 1.0)]
    assert len(agreed_by(agreed, Revoked())) == 3
    assert list(agreed_by(agreed, Revoked(subjects=frozenset({"sub-ada"})))) == ["https://id|sub-bob"]
    assert len(agreed_by(agreed, Revoked(subjects=frozenset({"bob"})))) == 2


# ── the start ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_start_without_approvals_keeps_nothing(tmp_path: Path) -> None:
    settings = a_file(tmp_path, identity=None)
    assert start(tmp_path).identity.policy_digest == settings.identity.policy_digest
    assert not (tmp_path / "pointsman-identity.db").exists()
    a_standing = Standing(tmp_path / "pointsman-identity.db", secret=Secret, clock=Time().clock)
    a_standing.file().revoke("subject", "ada", now_s=1.0)
    assert start(tmp_path).identity == settings.identity
    a_standing.close()


def test_a_start_finds_what_was_approved_last(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = a_file(tmp_path)
    assert start(tmp_path).snapshot.digest == first.snapshot.digest
    assert "needs the approval of 2 people" in caplog.text
    change = a_file(tmp_path, **CHANGE)
    found = start(tmp_path)
    assert (found.snapshot.digest, found.stamps) == (first.snapshot.digest, change.stamps)
    running = Running(tmp_path, found)
    assert not running.reload(change)
    for name in ("ada", "bob"):
        running.approvals.approve(change.identity.policy_digest, a_person(name))
    assert start(tmp_path).snapshot.digest == change.snapshot.digest
    assert start(tmp_path).snapshot.digest == change.snapshot.digest, "and is not asked again"
    assert Running(tmp_path, found).reload(change), "a slower worker sees that it is in force"


def test_a_start_that_finds_a_file_of_the_policy_changed_refuses(tmp_path: Path) -> None:
    settings = a_file(tmp_path)
    start(tmp_path)
    standing = Standing(tmp_path / settings.identity.kept_in, secret=Secret, clock=Time().clock)
    standing.file().put_in_force("of-other-files", settings.identity.source, now_s=1.0)
    a_file(tmp_path, **CHANGE)
    with pytest.raises(Unusable, match="changed and not approved"):
        start(tmp_path)
    standing.close()
