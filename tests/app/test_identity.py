"""
Keys of issuers fetched over real HTTP; and who is shut out, seen by every process that shares the file.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.journeys.oidc_provider import AUDIENCE, Provider
from tests.values import Time

from pointsman.app.gateway import system_clock
from pointsman.app.identity import Standing, told_of
from pointsman.app.identity_issuers import ProviderWrong
from pointsman.core.clock import Clock
from pointsman.core.errors import CredentialMissing, NotAuthenticated
from pointsman.intake.sessions import Session, digest_of
from pointsman.intake.tokens import IssuerUnavailable
from pointsman.settings.identity_values import Identity, Issuer, Login
from pointsman.settings.secret_value import Secret


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


def an_issuer(provider: Provider, **more: Any) -> Issuer:
    return Issuer(**{"name": "ci", "issuer": provider.url, "audience": AUDIENCE, "capabilities": None, **more})


def a_standing(folder: Path, clock: Clock | None = None) -> Standing:
    return Standing(folder / "identity.db", secret=lambda _: Secret("a-secret-of-the-registration"), clock=clock or system_clock())


def with_standing(folder: Path, work: Callable[[Standing], Awaitable[None]], clock: Clock | None = None) -> None:
    async def main() -> None:
        standing = a_standing(folder, clock)
        try:
            await work(standing)
        finally:
            standing.close()

    asyncio.run(main())


async def who(standing: Standing, token: str) -> str | None:
    await standing.ready_for(f"Bearer {token}", None)
    return standing.current.identify(token, now_s=standing.now_s).user


def test_the_first_token_of_an_issuer_waits_for_its_keys_and_is_believed(tmp_path: Path, provider: Provider) -> None:
    async def work(standing: Standing) -> None:
        standing.identities(Identity(issuers=(an_issuer(provider),)))
        token = provider.token()
        assert await asyncio.gather(*(who(standing, token) for _ in range(20))) == ["job-1"] * 20
        assert provider.asked == ["/.well-known/openid-configuration", "/jwks"]

    with_standing(tmp_path, work)


def test_a_rotation_is_noticed_by_the_first_token_that_has_the_new_key(tmp_path: Path, provider: Provider) -> None:
    time_ = Time(wall_ms=time.time_ns() // 1_000_000)

    async def work(standing: Standing) -> None:
        standing.identities(Identity(issuers=(an_issuer(provider, jwks=f"{provider.url}/jwks"),)))
        old = provider.token()
        await who(standing, old)
        time_.advance(60)
        provider.rotate()
        assert await who(standing, provider.token()) == "job-1"
        with pytest.raises(NotAuthenticated, match="`kid`"):
            await who(standing, old)
        assert provider.asked == ["/jwks", "/jwks"]

    with_standing(tmp_path, work, time_.clock)


def test_strangers_keys_cannot_make_it_ask_again_and_again(tmp_path: Path, provider: Provider) -> None:
    async def work(standing: Standing) -> None:
        standing.identities(Identity(issuers=(an_issuer(provider),)))
        await who(standing, provider.token())
        for number in range(30):
            with pytest.raises(NotAuthenticated):
                await who(standing, provider.token(head={"kid": f"unknown-{number}"}))
        assert provider.asked.count("/jwks") == 1

    with_standing(tmp_path, work)


def test_while_the_issuer_is_away_its_keys_go_on_for_the_stated_time_and_then_nothing_does(tmp_path: Path, provider: Provider) -> None:
    time_ = Time(wall_ms=time.time_ns() // 1_000_000)

    async def work(standing: Standing) -> None:
        standing.identities(Identity(issuers=(an_issuer(provider, keys_live_s=3000.0),)))
        token = provider.token(exp=int(time.time()) + 80_000)
        await who(standing, token)
        provider.is_down = True
        for _ in range(9):
            time_.advance(310)
            standing.issuers.refresh()
            await asyncio.gather(*standing.issuers._fetching.values())
            assert await who(standing, token) == "job-1"
        time_.advance(310)
        with pytest.raises(IssuerUnavailable, match="`ci` cannot be had"):
            await who(standing, token)
        provider.is_down = False
        time_.advance(11)
        assert await who(standing, token) == "job-1"

    with_standing(tmp_path, work, time_.clock)


@pytest.mark.parametrize("misbehaves", ["speaks_for_another", "keys_elsewhere", "no_keys", "empty_keys", "no_document", "shows_private_keys"])
def test_an_issuer_that_misbehaves_vouches_for_nobody(tmp_path: Path, provider: Provider, misbehaves: str) -> None:
    async def work(standing: Standing) -> None:
        provider.misbehaves = misbehaves
        standing.identities(Identity(issuers=(an_issuer(provider),)))
        with pytest.raises(IssuerUnavailable):
            await who(standing, provider.token())

    with_standing(tmp_path, work)


def test_keys_can_be_a_file_where_there_is_no_network(tmp_path: Path, provider: Provider) -> None:
    async def work(standing: Standing) -> None:
        issuer = an_issuer(provider, jwks="file:keys.json")
        standing.identities(Identity(issuers=(issuer,)))
        with pytest.raises(IssuerUnavailable, match="cannot be read"):
            await who(standing, provider.token())
        (tmp_path / "keys.json").write_text(str(provider.jwks()).replace("'", '"'))
        await standing.issuers.fetch(standing.issuers.ring(issuer))
        assert await who(standing, provider.token()) == "job-1"
        assert provider.asked == []

    with_standing(tmp_path, work)


def test_a_reload_keeps_the_keys_of_issuers_that_did_not_change(tmp_path: Path, provider: Provider) -> None:
    async def work(standing: Standing) -> None:
        issuer = an_issuer(provider)
        standing.identities(Identity(issuers=(issuer,)))
        await who(standing, provider.token())
        ring = standing.issuers.ring(issuer)
        standing.identities(Identity(issuers=(issuer,), hosts=frozenset({"a"})))
        assert standing.issuers.ring(issuer) is ring
        other = replace(issuer, audience="another")
        standing.identities(Identity(issuers=(other,)))
        assert standing.issuers.ring(other) is not ring

    with_standing(tmp_path, work)


def test_what_answers_something_else_than_a_document_is_told_by_its_status(tmp_path: Path, provider: Provider) -> None:
    async def work(standing: Standing) -> None:
        with pytest.raises(ProviderWrong, match="answers 404"):
            await standing.issuers.get(f"{provider.url}/nothing", an_issuer(provider))

    with_standing(tmp_path, work)


# ── the file ────────────────────────────────────────────────────────────────────────────────────────────────────────

LOGIN = Login(issuer=Issuer(name="@login", issuer="https://id.example", audience="p"), url="http://127.0.0.1:8801", client_secret="env:X")
SESSION = Session(digest=digest_of("s"), issuer="https://id.example", subject="u-1", user="ada", groups=(), began_s=1_700_000_000.0, seen_s=1_700_000_000.0)


def test_without_the_section_there_is_no_file_and_no_work(tmp_path: Path) -> None:
    standing = a_standing(tmp_path)
    standing.identities(Identity())
    assert (standing.look(), standing.has_file, list(tmp_path.iterdir())) == (False, False, [])
    standing.close()


def test_b20_what_one_process_revokes_another_refuses_at_its_next_look(tmp_path: Path) -> None:
    time_ = Time()
    one, other = a_standing(tmp_path, time_.clock), a_standing(tmp_path, time_.clock)
    for standing in (one, other):
        standing.identities(Identity(login=LOGIN))
    one.file().put_session(SESSION.digest, told_of(SESSION), seen_s=SESSION.seen_s)
    assert other.look()
    assert other.current.session("s", now_s=other.now_s) is not None
    assert one.revoke("subject", "ada") == 1
    assert other.look()
    assert other.current.session("s", now_s=other.now_s) is None
    assert not other.look()
    one.revoke("token", "t-1")
    other.look()
    assert other.register.revoked.tokens == {"t-1"}
    time_.advance(9 * 86_400)
    one.revoke("session", "nothing")
    one.file().revoke("key", "ab", now_s=one.now_s)
    other.look()
    assert (other.register.revoked.tokens, other.register.revoked.keys) == (frozenset(), {"ab"})
    one.close()
    other.close()


def test_the_last_use_of_a_session_is_shared_so_that_no_worker_thinks_it_idle(tmp_path: Path) -> None:
    time_ = Time()
    one, other = a_standing(tmp_path, time_.clock), a_standing(tmp_path, time_.clock)
    for standing in (one, other):
        standing.identities(Identity(login=LOGIN))
    one.file().put_session(SESSION.digest, told_of(SESSION), seen_s=SESSION.seen_s)
    other.look()
    for _ in range(4):
        time_.advance(1000)
        assert other.current.session("s", now_s=other.now_s) is not None
        other.look()
        one.look()
    assert one.current.session("s", now_s=one.now_s) is not None
    one.close()
    other.close()


def test_a_file_that_cannot_be_read_closes_the_door_to_tokens_after_a_moment_and_opens_it_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    time_ = Time()
    standing = a_standing(tmp_path, time_.clock)
    standing.identities(Identity(login=LOGIN))
    file = standing.file()
    file._connection.execute("ALTER TABLE revoked RENAME TO gone")
    file.put_session("other", "{}", seen_s=0.0)
    standing.look()
    assert standing.register.trouble is None, "what was read last holds for a moment"
    time_.advance(6)
    standing.look()
    with pytest.raises(IssuerUnavailable, match="cannot be read"):
        standing.current.session("s", now_s=standing.now_s)
    assert "cannot be told who is shut out" in caplog.text
    file._connection.execute("ALTER TABLE gone RENAME TO revoked")
    standing.look()
    assert standing.register.trouble is not None, "a session that cannot be understood is no better"
    file.drop_sessions(["other"])
    standing.look()
    assert standing.register.trouble is None
    standing.close()


def test_b9_a_secret_that_is_missing_or_short_refuses_the_configuration(tmp_path: Path) -> None:
    def missing(reference: str) -> Secret:
        raise CredentialMissing(f"`{reference}` is empty")

    standing = Standing(tmp_path / "identity.db", secret=missing, clock=system_clock())
    with pytest.raises(CredentialMissing):
        standing.check(Identity(login=LOGIN))
    standing.check(Identity(login=replace(LOGIN, client_secret=None)))
    standing.check(Identity())
