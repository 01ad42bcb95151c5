"""
Tokens of workloads: what is believed, and everything that is not.
"""

import json
import sys
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey, OKPKey
from joserfc.jws import JWSRegistry
from tests.journeys.oidc_provider import AUDIENCE, Provider, a_rsa_key, hs_confused

from pointsman.core.errors import ExtraMissing, NotAuthenticated
from pointsman.core.label import a_label
from pointsman.core.principal import Principal, Scope
from pointsman.intake.identity import Identities, Register, Revoked
from pointsman.intake.tokens import IssuerUnavailable, claim
from pointsman.intake.tokens_cache import TokenCache
from pointsman.intake.tokens_keys import JwksUnusable, KeyRing, read_jwks
from pointsman.settings.identity_values import ClaimNames, Identity, Issuer, Role


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    found = Provider()  # it makes tokens; nobody asks it over HTTP here
    yield found
    found.server.server_close()


def an_issuer(provider: Provider, **more: Any) -> Issuer:
    return Issuer(**{"name": "ci", "issuer": provider.url, "audience": AUDIENCE, "capabilities": None, **more})


def a_ring(provider: Provider, *, document: bytes | None = None, **more: Any) -> KeyRing:
    ring = KeyRing(an_issuer(provider, **more))
    ring.learn(document or json.dumps(provider.jwks()).encode(), time.time())
    return ring


def identities(*rings: KeyRing, register: Register | None = None, roles: tuple[Role, ...] = ()) -> Identities:
    return Identities(Identity(issuers=tuple(ring.issuer for ring in rings), roles=roles), rings=rings, register=register)


def who(provider: Provider, token: str, **more: Any) -> Principal:
    return identities(a_ring(provider, **more)).identify(token, now_s=time.time())


def test_a_token_of_a_listed_issuer_tells_who_asks(provider: Provider) -> None:
    found = who(provider, provider.token(sub="job-7", groups=["ci", "staff"]), label=a_label("personal"), groups=frozenset({"machines"}))
    assert (found.user, found.key.key_id, found.key.tenant) == ("job-7", "@ci", "default")
    assert (found.key.groups, found.key.label.text) == ({"ci", "staff", "machines"}, "personal")
    assert found.key.scopes == {Scope.CALL, Scope.OUTCOMES}


def test_claims_say_tenant_team_application_and_which_capabilities(provider: Provider) -> None:
    names = ClaimNames(user="preferred_username", groups="realm.roles", tenant="org", team="t", application="azp", capabilities="may")
    token = provider.token(preferred_username="ada", realm={"roles": ["a"]}, org="acme", t="blue", azp="shop", may="support billing")
    found = who(provider, token, claims=names)
    assert (found.user, found.key.tenant, found.key.team, found.key.application) == ("ada", "acme", "blue", "shop")
    assert (found.key.groups, found.key.capabilities) == ({"a"}, {"support", "billing"})
    narrowed = who(provider, token, claims=names, capabilities=frozenset({"billing", "hr"}))
    assert narrowed.key.capabilities == {"billing"}


def test_a_token_may_name_its_audiences_in_a_list_and_its_groups_in_a_text(provider: Provider) -> None:
    assert who(provider, provider.token(aud=["other", AUDIENCE], groups="a b")).key.groups == {"a", "b"}


NOW = int(time.time())
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "another issuer": ({"iss": "https://evil.example"}, "`iss`"),
    "an issuer that is nearly ours": ({"iss": "http://127.0.0.1/"}, "`iss`"),
    "no issuer": ({"iss": None}, "`iss`"),
    "an issuer that is no text": ({"iss": ["x"]}, "`iss`"),
    "another audience": ({"aud": "https://other.example"}, "`aud`"),
    "an audience that only begins like ours": ({"aud": AUDIENCE + ".evil"}, "`aud`"),
    "no audience": ({"aud": None}, "`aud`"),
    "an audience of numbers": ({"aud": [1]}, "`aud`"),
    "expired": ({"iat": NOW - 7200, "exp": NOW - 3600}, "has expired"),
    "never ending": ({"exp": None}, "never ends"),
    "an end that is no number": ({"exp": "tomorrow"}, "`exp`"),
    "an end that is true": ({"exp": True}, "`exp`"),
    "not valid yet": ({"nbf": NOW + 3600}, "not valid yet"),
    "made in the future": ({"iat": NOW + 3600, "exp": NOW + 7200}, "not valid yet"),
    "too long a life": ({"exp": NOW + 10 * 86_400}, "lives longer"),
    "too long a life without a beginning": ({"iat": None, "exp": NOW + 10 * 86_400}, "lives longer"),
    "no user": ({"sub": None}, "claim `sub`"),
    "a user with a line break": ({"sub": "a\nb"}, "claim `sub`"),
    "too many groups": ({"groups": [str(number) for number in range(501)]}, "more than 500 groups"),
}


@pytest.mark.parametrize(("claims", "says"), WRONG.values(), ids=WRONG)
def test_a_token_with_wrong_claims_is_refused(provider: Provider, claims: dict[str, Any], says: str) -> None:
    token = provider.token(**claims)
    with pytest.raises(NotAuthenticated, match=says) as caught:
        who(provider, token)
    assert token not in caught.value.message


def _unsigned(provider: Provider) -> str:
    head, body, _ = provider.token().split(".")
    told = json.loads(urlsafe_b64decode(head + "=="))
    return ".".join([_part({**told, "alg": "none"}), body, ""])


def _part(told: object) -> str:
    return urlsafe_b64encode(json.dumps(told).encode()).rstrip(b"=").decode()


def _confused(provider: Provider) -> str:
    claims = json.loads(urlsafe_b64decode(provider.token().split(".")[1] + "=="))
    key = provider.keys[0]
    return hs_confused(claims, public_pem=key.as_pem(private=False), kid=key.as_dict()["kid"])


def _with_own_key(provider: Provider) -> str:
    own = ECKey.generate_key("P-256", {"kid": "own"})
    return provider.token(key=own, head={"jwk": own.as_dict(private=False), "jku": "https://evil.example/keys"})


FORGED = {
    "no signature (`none`)": (_unsigned, "not accepted"),
    "HS256 with the public key as its secret": (_confused, "not accepted"),
    "a key that the token brings along": (_with_own_key, "`kid`"),
    "the right id, another key": (lambda provider: provider.token(key=ECKey.generate_key("P-256", {"kid": provider.keys[0].as_dict()["kid"]})), "signature"),
    "a critical extension": (lambda provider: _with_head(provider, crit=["exp"]), "`crit`"),
    "an unencoded payload": (lambda provider: _with_head(provider, b64=False), "`b64`"),
    "another type": (lambda provider: _with_head(provider, typ="secevent+jwt"), "`typ`"),
    "an id that is no text": (lambda provider: _with_head(provider, kid=7), "cannot be understood"),
    "padding": (lambda provider: provider.token() + "=", "base64url"),
    "another alphabet": (lambda provider: provider.token().replace("-", "+").replace("_", "/") + "+", "base64url"),
    "no JSON": (lambda provider: "." + provider.token().partition(".")[2], "no JSON object"),
    "a list instead of claims": (lambda provider: f"{_part({'alg': 'ES256'})}.{_part([1])}.", "no JSON object"),
    "no end to it": (lambda provider: provider.token(note="x" * 20_000), "longer than"),
}


def _with_head(provider: Provider, **head: Any) -> str:
    first, rest = provider.token().split(".", 1)
    told = json.loads(urlsafe_b64decode(first + "=="))
    return f"{_part({**told, **head})}.{rest}"


@pytest.mark.parametrize(("make", "says"), FORGED.values(), ids=FORGED)
def test_a_forged_token_is_refused(provider: Provider, make: Any, says: str) -> None:
    with pytest.raises(NotAuthenticated, match=says):
        who(provider, make(provider))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(place=st.integers(min_value=0), bit=st.integers(min_value=0, max_value=7))
def test_b5_a_token_with_one_bit_changed_is_another_token(provider: Provider, place: int, bit: int) -> None:
    """Whatever bit it is: the cache does not know it, and it is not believed."""
    known = identities(a_ring(provider))
    token = provider.token()
    known.identify(token, now_s=time.time())
    raw = bytearray(token.encode())
    raw[place % len(raw)] ^= 1 << bit
    changed = bytes(raw).decode("latin-1")
    assert changed != token
    assert known._cache.find(changed, time.time()) is None
    with pytest.raises(NotAuthenticated):
        known.identify(changed, now_s=time.time())


def test_a_verified_token_is_not_verified_again_until_it_ends(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = a_ring(provider)
    known = identities(ring)
    now = int(time.time())
    token = provider.token(exp=now + 600)
    first = known.identify(token, now_s=now)
    monkeypatch.setattr(KeyRing, "find", lambda *_: pytest.fail("it was verified again"))
    assert known.identify(token, now_s=now + 629) is first
    monkeypatch.undo()
    with pytest.raises(NotAuthenticated, match="has expired"):
        known.identify(token, now_s=now + 631)


def test_what_is_known_of_tokens_is_bounded(provider: Provider) -> None:
    cache, known = TokenCache(most=3), identities(a_ring(provider))
    tokens = [provider.token() for _ in range(5)]
    for token in tokens:
        known.identify(token, now_s=time.time())
        found = known._cache.find(token, time.time())
        assert found is not None
        cache.keep(token, found)
    assert len(cache) == 3
    assert [cache.find(token, time.time()) is not None for token in tokens] == [False, False, True, True, True]


@pytest.mark.parametrize("shut_out", [Revoked(tokens=frozenset({"t-1"})), Revoked(subjects=frozenset({"job-1"}))])
def test_b20_what_is_revoked_is_refused_at_the_next_use(provider: Provider, shut_out: Revoked) -> None:
    register = Register()
    known = identities(a_ring(provider), register=register)
    token, other = provider.token(jti="t-1"), provider.token(jti="t-2", sub="job-2")
    known.identify(token, now_s=time.time())
    register.revoked = shut_out
    with pytest.raises(NotAuthenticated, match="revoked"):
        known.identify(token, now_s=time.time())
    assert known.identify(other, now_s=time.time()).user == "job-2"
    register.trouble = "no disk"
    with pytest.raises(IssuerUnavailable, match="no disk"):
        known.identify(other, now_s=time.time())


# ── keys of issuers ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("algorithm", ["RS256", "PS384", "ES384", "EdDSA", "Ed25519"])
def test_every_listed_algorithm_verifies(provider: Provider, algorithm: str) -> None:
    made = {"RS": lambda: a_rsa_key("k"), "PS": lambda: a_rsa_key("k"), "ES": lambda: ECKey.generate_key("P-384", {"kid": "k"})}
    key = made.get(algorithm[:2], lambda: OKPKey.generate_key("Ed25519", {"kid": "k"}))()
    token = provider.token(key=key, head={"alg": "Ed25519" if algorithm == "EdDSA" else algorithm})
    document = json.dumps({"keys": [key.as_dict(private=False)]}).encode()
    assert who(provider, token, document=document, algorithms=frozenset({algorithm, "Ed25519"})).user == "job-1"
    with pytest.raises(NotAuthenticated, match="not accepted"):
        who(provider, token, document=document, algorithms=frozenset({"ES256"}))


def test_a_token_without_a_key_id_is_taken_where_there_is_one_key_only(provider: Provider) -> None:
    one, two = (ECKey.generate_key("P-256", {"kid": name}) for name in ("one", "two"))
    token = provider.token(key=one, head={"kid": None})
    assert who(provider, token, document=_jwks(one)).user == "job-1"
    with pytest.raises(NotAuthenticated, match="`kid`"):
        who(provider, token, document=_jwks(one, two))


def _jwks(*keys: Any, **more: Any) -> bytes:
    return json.dumps({"keys": [{**key.as_dict(private=False), **more} for key in keys]}).encode()


RSA = a_rsa_key()
EC = ECKey.generate_key("P-256", {"kid": "k"})
USELESS = {
    "no JSON": b"<html>",
    "no object": b"[]",
    "no keys": b"{}",
    "an empty list": b'{"keys":[]}',
    "keys that are none": b'{"keys":[7,{},{"kty":"EC"},{"kty":"oct","k":"AAAA"}]}',
    "a shared secret": json.dumps({"keys": [OctKey.generate_key(256).as_dict()]}).encode(),
    "a private key": json.dumps({"keys": [EC.as_dict(private=True)]}).encode(),
    "a key for encryption": _jwks(EC, use="enc"),
    "a key that may not verify": _jwks(EC, key_ops=["sign"]),
    "an algorithm that is not done here": _jwks(EC, alg="HS256"),
    "an id that is no text": _jwks(EC, kid=7),
    "a curve that is not done here": _jwks(EC, crv="secp256k1"),
    "a point beside the curve": _jwks(EC, x=EC.as_dict()["y"]),
    "a weak RSA key": _jwks(RSA, n=RSA.as_dict()["n"][:200]),
}


@pytest.mark.parametrize("document", USELESS.values(), ids=USELESS)
def test_a_document_without_a_usable_key_teaches_nothing(provider: Provider, document: bytes) -> None:
    with pytest.raises(JwksUnusable):
        read_jwks(document)
    ring = a_ring(provider)
    with pytest.raises(JwksUnusable):
        ring.learn(document, time.time())
    assert ring.find(provider.keys[0].as_dict()["kid"], "ES256") is not None


def test_a_rotated_key_is_believed_and_the_old_one_is_not_any_more(provider: Provider) -> None:
    ring = a_ring(provider)
    known = identities(ring)
    old = provider.token()
    known.identify(old, now_s=time.time())
    provider.rotate()
    new = provider.token()
    assert known.unknown_key(new, now_s=time.time()) is ring
    assert known.unknown_key(old, now_s=time.time()) is None
    ring.learn(json.dumps(provider.jwks()).encode(), time.time())
    assert known.identify(new, now_s=time.time()).user == "job-1"
    with pytest.raises(NotAuthenticated, match="`kid`"):
        known.identify(old, now_s=time.time())


def test_an_issuer_is_asked_for_unknown_keys_rarely_whoever_sends_them(provider: Provider) -> None:
    ring = a_ring(provider)
    assert ring.wants(NOW, unknown=True)
    ring.asking(NOW)
    assert not ring.wants(NOW + 9, unknown=True)
    assert ring.wants(NOW + 11, unknown=True)
    for token in ("no.token.here", _unsigned(provider), provider.token(iss="https://evil.example")):
        assert identities(ring).unknown_key(token, now_s=NOW) is None


def test_keys_are_believed_for_a_stated_time_while_their_issuer_is_away(provider: Provider) -> None:
    ring = KeyRing(an_issuer(provider, keys_live_s=3600.0))
    known = identities(ring)
    token = provider.token(iat=NOW, exp=NOW + 80_000)
    with pytest.raises(IssuerUnavailable, match="have not been fetched"):
        known.identify(token, now_s=NOW)
    ring.learn(json.dumps(provider.jwks()).encode(), NOW)
    assert known.identify(token, now_s=NOW + 3599).user == "job-1"
    ring.failed("cannot connect")
    with pytest.raises(IssuerUnavailable, match="cannot connect"):
        known.identify(token, now_s=NOW + 3601)
    assert ring.wants(NOW + 3601)


def test_of_two_entries_for_one_issuer_the_audience_decides(provider: Provider) -> None:
    known = identities(a_ring(provider, audience="a", name="first"), a_ring(provider, audience="b", name="second"))
    assert known.identify(provider.token(aud="b"), now_s=time.time()).key.key_id == "@second"


def test_an_address_that_was_not_verified_names_nobody(provider: Provider) -> None:
    names = ClaimNames(user="email")
    assert who(provider, provider.token(email="a@b.example", email_verified=True), claims=names).user == "a@b.example"
    with pytest.raises(NotAuthenticated, match="not verified"):
        who(provider, provider.token(email="a@b.example", email_verified=False), claims=names)


def test_a_tenant_with_a_slash_could_be_read_as_another_and_is_refused(provider: Provider) -> None:
    with pytest.raises(NotAuthenticated, match="tenant"):
        who(provider, provider.token(org="a/b"), claims=ClaimNames(tenant="org"))


def test_a_path_through_a_claim_that_holds_nothing_leads_nowhere() -> None:
    assert claim({"realm": {"roles": ["a"]}}, "realm.roles") == ["a"]
    assert claim({"realm": "plain"}, "realm.roles") is None


def test_without_the_extra_its_name_is_told(monkeypatch: pytest.MonkeyPatch, provider: Provider) -> None:
    monkeypatch.setitem(sys.modules, "joserfc.jwk", None)
    with pytest.raises(ExtraMissing, match=r"pointsman\[identity\]"):
        read_jwks(json.dumps(provider.jwks()).encode())


def test_a_signature_that_the_library_cannot_even_look_at_is_wrong(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refuses:
        def verify(self, *_: object) -> bool:
            raise ValueError("no such signature")

    [key, *_] = read_jwks(json.dumps(provider.jwks()).encode())
    monkeypatch.setattr(JWSRegistry, "algorithms", {name: Refuses() for name in JWSRegistry.algorithms})
    assert not key.verifies(b"signed", b"signature", algorithm="RS256")
