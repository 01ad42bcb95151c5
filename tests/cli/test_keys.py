"""
`pointsman keys`: keys in the file, secrets shown once.
"""

import hashlib
import stat
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.cli.running import SECRET

from pointsman.cli import keys
from pointsman.cli.configuration import settings_at
from pointsman.core.errors import NotAuthenticated
from pointsman.core.label import PUBLIC
from pointsman.core.principal import Key, Scope
from pointsman.intake.keys import Door

FILE = """\
# ours
capabilities:
  support: {ladder: [openai/gpt-6-luna]}   # the first
  other: {ladder: [openai/gpt-6-luna]}
"""
NOW_S = 1_800_000_000  # 2027-01-15T08:00:00


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(keys, "now_ms", lambda: NOW_S * 1000)
    path = tmp_path / "pointsman.yaml"
    path.write_text(FILE)
    return path


def whose(path: Path, secret: str, *, at_s: float = NOW_S) -> str:
    """Return whose secret it is, as the gateway sees it."""
    return Door(settings_at(path).snapshot.keys).identify(None, secret, user=None, now_s=at_s).key.key_id


def key_of(path: Path, name: str) -> Key:
    return next(key for key in settings_at(path).snapshot.keys if key.key_id == name)


def test_a_new_key_opens_the_door_and_is_shown_once(run: Run, path: Path) -> None:
    done = run("keys", "create", "web")

    secret = done.out.strip()
    assert SECRET.fullmatch(secret)
    assert whose(path, secret) == "web"
    assert secret not in path.read_text() + done.err
    assert hashlib.sha256(secret.encode()).hexdigest() in path.read_text()
    assert path.read_text().startswith(FILE)


def test_the_first_key_comes_with_a_warning_and_the_second_without(run: Run) -> None:
    assert "warning: This is the first key." in run("keys", "create", "web").err
    assert "warning" not in run("keys", "create", "batch").err


def test_a_key_holds_what_was_asked_for(run: Run, path: Path) -> None:
    words = ["--tenant", "acme", "--team", "42", "--application", "shop", "--capability", "support", "--capability", "other"]
    run("keys", "create", "web", *words, "--scope", "call", "--scope", "admin", "--expires", "2027-02-01", "--data-class", "public")

    key = key_of(path, "web")
    assert (key.tenant, key.team, key.application) == ("acme", "42", "shop")
    assert key.capabilities == {"support", "other"}
    assert key.scopes == {Scope.CALL, Scope.ADMIN}
    assert key.label == PUBLIC
    assert key.expires_s == 1_801_440_000


def test_a_key_may_belong_to_groups_and_its_data_to_regions(run: Run, path: Path) -> None:
    run("keys", "create", "web", "--group", "support", "--group", "night", "--residency", "eu", "--residency", "ch")

    key = key_of(path, "web")
    assert (key.groups, key.label.residency) == ({"support", "night"}, {"eu", "ch"})
    [shown] = run("keys", "list", "--json").json
    assert (shown["groups"], shown["residency"]) == (["night", "support"], ["ch", "eu"])


def test_a_key_may_end_after_a_span(run: Run, path: Path) -> None:
    run("keys", "create", "web", "--expires", "2d")

    assert key_of(path, "web").expires_s == NOW_S + 2 * 86_400


@pytest.mark.parametrize("ends", ["soon", "2020-01-01", "2027-13-01"])
def test_an_end_that_is_none_or_over_is_refused(run: Run, path: Path, ends: str) -> None:
    done = run("keys", "create", "web", "--expires", ends)

    assert done.code == 2
    assert ends in done.err
    assert path.read_text() == FILE


def test_a_name_that_is_taken_is_refused_and_nothing_changes(run: Run, path: Path) -> None:
    run("keys", "create", "web")
    before = path.read_text()

    done = run("keys", "create", "web")

    assert done.code == 1
    assert "`pointsman keys rotate web`" in done.err
    assert path.read_text() == before


@pytest.mark.parametrize("name", ["a b", "-", "ä", "x" * 101, "a\nb"])
def test_a_name_that_no_key_can_have_is_refused(run: Run, path: Path, name: str) -> None:
    done = run("keys", "create", "--", name)

    assert done.code == 1
    assert path.read_text() == FILE


def test_a_capability_that_is_not_there_is_told_and_nothing_changes(run: Run, path: Path) -> None:
    done = run("keys", "create", "web", "--capability", "suport")

    assert done.code == 1
    assert "Did you mean `support`?" in done.err
    assert path.read_text() == FILE


def test_both_secrets_open_the_door_until_the_overlap_ends(run: Run, path: Path) -> None:
    old = run("keys", "create", "web").out.strip()

    done = run("keys", "rotate", "web", "--overlap", "2h")

    new = done.out.strip()
    assert "until 2027-01-15T10:00:00 UTC" in done.err
    assert whose(path, new) == whose(path, old, at_s=NOW_S + 7199) == "web"
    with pytest.raises(NotAuthenticated):
        whose(path, old, at_s=NOW_S + 7200)


def test_a_rotation_without_overlap_ends_the_old_secrets_at_once(run: Run, path: Path) -> None:
    oldest = run("keys", "create", "web").out.strip()
    old = run("keys", "rotate", "web").out.strip()

    done = run("keys", "rotate", "web", "--overlap", "0m")

    assert "the old one is accepted no more" in done.err
    assert "a key has two at most" in done.err
    assert len(key_of(path, "web").digests) == 1
    for secret in (oldest, old):
        with pytest.raises(NotAuthenticated):
            whose(path, secret)


def test_a_first_rotation_without_overlap_needs_no_second_secret(run: Run, path: Path) -> None:
    run("keys", "create", "web")

    assert run("keys", "rotate", "web", "--overlap", "0d").code == 0
    assert len(key_of(path, "web").digests) == 1


def test_an_overlap_that_is_no_span_is_wrong_usage(run: Run) -> None:
    assert run("keys", "rotate", "web", "--overlap", "a while").code == 2


def test_a_revoked_key_is_refused_and_its_neighbours_are_not(run: Run, path: Path) -> None:
    web, batch = run("keys", "create", "web").out.strip(), run("keys", "create", "batch").out.strip()

    assert run("keys", "revoke", "web").code == 0

    assert whose(path, batch) == "batch"
    with pytest.raises(NotAuthenticated):
        whose(path, web)


def test_the_last_key_is_revoked_by_force_only_because_that_opens_the_gateway(run: Run, path: Path) -> None:
    run("keys", "create", "web")

    assert run("keys", "revoke", "web").code == 1
    forced = run("keys", "revoke", "web", "--force")

    assert forced.code == 0
    assert "open to anybody on this machine" in forced.err
    assert settings_at(path).snapshot.keys == ()


def test_the_last_key_of_a_gateway_that_others_reach_cannot_be_revoked_at_all(run: Run, path: Path) -> None:
    run("keys", "create", "web")
    path.write_text("server: {listen: '0.0.0.0:8800'}\n" + path.read_text())
    before = path.read_text()

    done = run("keys", "revoke", "web", "--force")

    assert done.code == 1
    assert path.read_text() == before


@pytest.mark.parametrize("what", ["rotate", "revoke"])
def test_a_key_that_is_not_there_is_told(run: Run, what: str) -> None:
    done = run("keys", what, "nobody")

    assert done.code == 1
    assert "`pointsman keys list`" in done.err


def test_the_list_shows_what_each_may_do_and_until_when(run: Run) -> None:
    run("keys", "create", "web", "--expires", "1d", "--capability", "support", "--team", "red")
    run("keys", "create", "batch")

    told = run("keys", "list")

    lines = [line.split() for line in told.out.split("\n")[1:3]]
    assert lines == [
        ["web", "default", "red", "support", "call,", "outcomes", "internal", "until", "2027-01-16T08:00:00"],
        ["batch", "default", "all", "call,", "outcomes", "internal", "until", "revoked"],
    ]


def test_a_key_that_has_ended_is_marked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("keys", "create", "web", "--expires", "1d")
    monkeypatch.setattr(keys, "now_ms", lambda: (NOW_S + 86_400) * 1000)

    assert "2027-01-16T08:00:00 (over)" in run("keys", "list").out


def test_without_keys_the_list_says_that_the_gateway_is_open(run: Run) -> None:
    done = run("keys", "list")

    assert (done.code, done.out) == (0, "")
    assert "open to anybody on this machine" in done.err


def test_every_command_speaks_json(run: Run) -> None:
    made = run("keys", "create", "web", "--team", "red", "--json").json
    turned = run("keys", "rotate", "web", "--json").json
    listed = run("keys", "list", "--json").json
    ended = run("keys", "revoke", "web", "--force", "--json").json

    assert (made["first"], made["team"]) == (True, "red")
    assert made["secret"] != turned["secret"]
    assert turned["previous_until"] == listed[0]["previous_until"] == "2027-01-16T08:00:00"
    assert (listed[0]["name"], listed[0]["expires"], listed[0]["scopes"]) == ("web", None, ["call", "outcomes"])
    assert ended == {"name": "web", "revoked": True, "open": True}


def test_the_mode_of_the_file_is_kept(run: Run, path: Path) -> None:
    path.chmod(0o600)

    run("keys", "create", "web")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_a_file_there_is_nothing_to_edit(run: Run, path: Path) -> None:
    path.unlink()

    assert "`pointsman init`" in run("keys", "create", "web").err
