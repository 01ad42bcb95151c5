"""
`pointsman identity`: shut out, let in again, and look.
"""

from pathlib import Path

import pytest
from tests.cli.conftest import Run

from pointsman.app.identity import told_of
from pointsman.cli.configuration import settings_at
from pointsman.intake.sessions import Session, digest_of
from pointsman.storage.identity_file import IdentityFile

FILE = """\
capabilities:
  support: {ladder: [openai/gpt-6-luna]}
"""
SESSION = Session(digest=digest_of("s"), issuer="https://id", subject="u-1", user="ada", groups=("staff", "leads"), began_s=1.0, seen_s=1.0)


@pytest.fixture(autouse=True)
def file(tmp_path: Path) -> IdentityFile:
    (tmp_path / "pointsman.yaml").write_text(FILE)
    return IdentityFile(tmp_path / "pointsman-identity.db")


def test_a_person_who_is_shut_out_loses_their_sessions_and_may_be_let_in_again(run: Run, file: IdentityFile) -> None:
    file.put_session(SESSION.digest, told_of(SESSION), seen_s=1.0)
    assert run("identity", "revoke", "--subject", "ada", "--json").json == {"revoked": "subject", "name": "ada", "sessions_ended": 1}
    assert (file.revoked(1.0)["subject"], list(file.sessions())) == ({"ada"}, [])
    assert "shut out: subject ada" in run("identity", "show").out
    assert "may come in again" in run("identity", "restore", "--subject", "ada").err
    again = run("identity", "restore", "--subject", "ada")
    assert (again.code, "is not shut out" in again.err) == (1, True)


def test_a_token_and_a_session_are_ended_by_their_names(run: Run, file: IdentityFile) -> None:
    file.put_session(SESSION.digest, told_of(SESSION), seen_s=1.0)
    assert "within a second" in run("identity", "revoke", "--token", "t-1").err
    shown = run("identity", "show", "--json").json
    assert shown["sessions"] == [{"session": SESSION.public_id, "user": "ada", "groups": ["staff", "leads"]}]
    assert (shown["revoked"]["token"], shown["waits_for_approval"]) == (["t-1"], None)
    assert run("identity", "revoke", "--session", SESSION.public_id).code == 0
    gone = run("identity", "revoke", "--session", SESSION.public_id)
    assert (gone.code, "There is no session" in gone.err) == (1, True)
    assert run("identity", "restore", "--token", "t-1", "--json").json == {"restored": "token", "name": "t-1"}


@pytest.mark.parametrize("arguments", [(), ("--subject", "a", "--token", "b")])
def test_one_thing_is_named(run: Run, arguments: tuple[str, ...]) -> None:
    done = run("identity", "revoke", *arguments)
    assert (done.code, "Name one of --subject, --token, --session" in done.err) == (2, True)


def test_a_change_that_waits_is_shown_with_who_agreed(run: Run, file: IdentityFile, tmp_path: Path) -> None:
    digest = settings_at(tmp_path / "pointsman.yaml").identity.policy_digest
    file.put_in_force("another", "text", now_s=1.0)
    assert f"waits for approval: {digest}, approved by nobody" in run("identity", "show").out
    file.approve(digest, person="https://id|u-1", user="ada", now_s=1.0)
    file.approve(digest, person="https://id|u-2", user="eve", now_s=2.0)
    file.revoke("subject", "u-2", now_s=3.0)
    assert run("identity", "show", "--json").json["approved_by"] == ["ada"]


def test_a_key_that_is_revoked_or_replaced_at_once_is_told_to_running_gateways(run: Run, file: IdentityFile, tmp_path: Path) -> None:
    path = tmp_path / "pointsman.yaml"
    run("keys", "create", "web")
    first = settings_at(path).snapshot.keys[0].digests[0].sha256
    run("keys", "rotate", "web")
    assert file.revoked(1.0)["key"] == frozenset(), "the old secret is still accepted for a day"
    run("keys", "rotate", "web", "--overlap", "0m")
    second = file.revoked(1.0)["key"]
    assert first in second
    assert len(second) == 2
    run("keys", "revoke", "web", "--force")
    assert len(file.revoked(1.0)["key"]) == 3
