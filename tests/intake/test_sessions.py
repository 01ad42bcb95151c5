"""
Sessions: how they begin, how they end, and what is kept of their secrets.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pointsman.core.errors import NotAuthenticated
from pointsman.core.principal import Scope
from pointsman.intake.identity import Identities, Register, Revoked
from pointsman.intake.sessions import CALLS_PREFIX, LINK, Session, csrf_of, digest_of, new_secret
from pointsman.intake.tokens import IssuerUnavailable
from pointsman.settings.identity_values import Identity, Issuer, Login, Role

LOGIN = Login(issuer=Issuer(name="@login", issuer="https://id.example", audience="pointsman"), url="http://127.0.0.1:8801", session_s=1000.0, idle_s=100.0)
SECRET = new_secret(bytes(32))
CALLS = new_secret(bytes(range(32)), prefix=CALLS_PREFIX)
SESSION = Session(
    digest=digest_of(SECRET),
    issuer="https://id.example",
    subject="u-1",
    user="ada@example.com",
    groups=("staff",),
    began_s=0.0,
    seen_s=0.0,
    calls_digest=digest_of(CALLS),
    tenant="acme",
)
TOLD = Identity(login=LOGIN, roles=(Role(name="user", groups=frozenset({"staff"}), permissions=frozenset({"capability:support"})),))


def known(*sessions: Session, told: Identity = TOLD) -> Identities:
    register = Register()
    register.sessions.replace_all(sessions)
    return Identities(told, register=register)


def test_a_session_lets_its_person_in_until_it_has_been_idle() -> None:
    here = known(SESSION)
    for now_s in (10.0, 100.0, 190.0):
        assert here.session(SECRET, now_s=now_s) is not None
    assert here.session(SECRET, now_s=290.0) is None, "a hundred seconds without a request"


def test_a_session_ends_however_busy_it_is() -> None:
    here = known(SESSION)
    assert all(here.session(SECRET, now_s=float(now_s)) is not None for now_s in range(0, 1000, 50))
    assert here.session(SECRET, now_s=1000.0) is None


def test_the_secret_for_calls_shows_the_person_with_their_groups_and_capabilities() -> None:
    found = known(SESSION).identify(CALLS, now_s=1.0)
    assert (found.user, found.key.tenant, found.key.groups) == ("ada@example.com", "acme", {"staff"})
    assert (found.key.scopes, found.key.capabilities) == ({Scope.CALL}, {"support"})


def test_neither_secret_opens_what_the_other_is_for() -> None:
    """A secret that an application holds must not become a browser's."""
    here = known(SESSION)
    assert here.session(CALLS, now_s=1.0) is None
    assert here.session(SECRET, now_s=1.0, for_calls=True) is None
    assert not here.knows(SECRET)


@pytest.mark.parametrize("shut_out", ["u-1", "ada@example.com"])
def test_who_is_shut_out_has_no_session(shut_out: str) -> None:
    here = known(SESSION)
    here.register.revoked = Revoked(subjects=frozenset({shut_out}))
    assert here.session(SECRET, now_s=1.0) is None
    with pytest.raises(NotAuthenticated, match="Sign in again"):
        here.identify(CALLS, now_s=1.0)


def test_no_session_is_believed_while_it_cannot_be_told_who_is_shut_out() -> None:
    here = known(SESSION)
    here.register.trouble = "the disk is gone"
    with pytest.raises(IssuerUnavailable, match="the disk is gone"):
        here.session(SECRET, now_s=1.0)


def test_where_nobody_can_sign_in_no_session_counts() -> None:
    here = known(SESSION, told=Identity(issuers=(LOGIN.issuer,)))
    assert here.session(SECRET, now_s=1.0) is None
    with pytest.raises(NotAuthenticated):
        here.of_session(SESSION)


BY_LINK = replace(SESSION, issuer="@link", subject="operator", user="operator", groups=(), tenant="default", calls_digest=None)


def test_without_a_provider_a_session_that_a_link_began_is_an_operators_until_it_has_been_idle() -> None:
    here = known(BY_LINK, told=Identity())
    session = here.session(SECRET, now_s=7000.0)
    assert session is not None
    who = here.of_session(session)
    assert all(here.roles.allows(who, permission) for permission in ("admin", "console.read", "policy.read", "audit.read"))
    assert not here.roles.allows(who, "policy.change"), "that takes people who are known"
    assert not here.roles.allows(who, "capability:support"), "and it calls nothing"
    assert here.session(SECRET, now_s=7000.0 + LINK.idle_s) is None


def test_with_a_provider_no_link_counts_and_without_one_nobody_who_signed_in_there() -> None:
    assert known(BY_LINK).session(SECRET, now_s=1.0) is None
    with pytest.raises(NotAuthenticated):
        known(BY_LINK).of_session(BY_LINK)
    assert known(SESSION, told=Identity()).session(SECRET, now_s=1.0) is None


def test_whoever_operates_can_be_shut_out_too() -> None:
    here = known(BY_LINK, told=Identity())
    here.register.revoked = Revoked(subjects=frozenset({"operator"}))
    assert here.session(SECRET, now_s=1.0) is None


def test_a_session_that_was_ended_is_forgotten_with_its_last_use() -> None:
    here = known(SESSION)
    assert here.session(SECRET, now_s=50.0) is not None
    assert dict(here.register.sessions.used()) == {SESSION.digest: 50.0}
    here.register.sessions.replace_all([replace(SESSION, seen_s=60.0)])
    assert dict(here.register.sessions.used()) == {}
    assert [one.seen_s for one in here.register.sessions.all()] == [60.0]
    here.register.sessions.replace_all([])
    assert here.session(SECRET, now_s=51.0) is None


def test_secrets_are_of_32_random_bytes_and_nothing_kept_leads_to_them() -> None:
    assert (len(SECRET), CALLS.startswith("ps_")) == (43, True)
    with pytest.raises(ValueError, match="32 random bytes"):
        new_secret(b"short")
    assert SECRET not in str(SESSION)
    assert csrf_of(SECRET) not in (SESSION.digest, SECRET)
    assert SESSION.digest.startswith(SESSION.public_id)


@settings(max_examples=50)
@given(st.text(max_size=60))
def test_b9_no_text_but_the_secret_itself_opens_a_session(text: str) -> None:
    assert (known(SESSION).session(text, now_s=1.0) is not None) is (text == SECRET)
    assert known(SESSION).session("", now_s=1.0) is None
