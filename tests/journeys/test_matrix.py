"""
Route × method × who comes, at both listeners: every route of the real tables has a row with what each is answered, and a route without a row fails.

Beside the statuses every answer is searched for what belongs to others: names of capabilities, units, people, answers. None may hold any.
"""

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Final, cast

import httpx2
import pytest
from joserfc import jws
from joserfc.jwk import ECKey
from tests.journeys.gateway import Gateway, Settings
from tests.journeys.oidc_provider import CLIENT_ID, CLIENT_SECRET, Provider
from tests.journeys.processes import PATIENCE_S, eventually

from pointsman.intake.keys import mint
from pointsman.server.admin import admin_app
from pointsman.server.site import Site

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
_KEYS: Final = {name: mint(secrets.token_bytes(32)) for name in ("web", "caller", "reporter", "raw", "ops", "other", "late", "stranger")}
_ISSUER: Final = ECKey.generate_key("P-256", {"kid": "k", "use": "sig", "alg": "ES256"})
_AUDIENCE: Final = "https://gateway.example.com"

# Who comes. The first are nobody to the gateway.
UNKNOWN: Final = ("nobody", "wrong", "mangled", "two", "expired", "unsigned", "old")
KEYS: Final = ("web", "caller", "reporter", "raw", "ops", "other", "job")
PEOPLE: Final = ("person", "lead")
EVERYBODY: Final = (*UNKNOWN, *KEYS, *PEOPLE, "both")


@dataclass(frozen=True)
class Row:
    """What a route answers: `to` some, `known` to all others who are known there, `unknown` to the rest. `sends` is what a request carries."""

    to: Mapping[str, int] = field(default_factory=dict[str, int])
    known: int = 403
    unknown: int = 401
    sends: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def status(self, who: str, *, is_admin: bool) -> int:
        """Return what somebody is answered. At the public listener a cookie is nothing."""
        is_known = who in KEYS or (is_admin and who in PEOPLE) or (not is_admin and who == "both")
        if who == "both":
            default = 400 if is_admin else self.to.get("web", self.known)
            return self.to.get("both", default)
        return self.to.get(who, self.known if is_known else self.unknown)


def _to(status: int, *names: str) -> dict[str, int]:
    return dict.fromkeys(names, status)


_ASK: Final = {"json": {"model": "support", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}}
_CALLERS: Final = _to(200, "web", "caller", "raw", "other", "job")
_OPEN: Final = Row(to=_to(200, *EVERYBODY))
PUBLIC: Final[Mapping[tuple[str, str], Row]] = {
    ("POST", "/v1/chat/completions"): Row(to=_CALLERS, sends=_ASK),
    ("POST", "/v1/messages"): Row(to=_CALLERS, sends=_ASK),
    ("GET", "/v1/models"): Row(known=200),
    ("GET", "/v1/models/"): Row(known=200),
    ("POST", "/v1/outcomes"): Row(to=_to(201, "web", "reporter", "other", "job"), sends={"json": {"unit": "u", "kind": "k"}}),
    # Nobody's call has this id: who may judge at all is told so.
    ("POST", "/v1/reviews"): Row(to=_to(400, "web", "reporter", "other", "job"), sends={"json": {"call_id": "c", "verdict": "edited"}}),
    ("POST", "/v1/scores"): Row(to=_to(400, "web", "reporter", "other", "job"), sends={"json": {"call_id": "c", "metric": "m", "judge": "j", "value": 1}}),
    ("POST", "/v1/webhooks/"): Row(to=_to(404, *EVERYBODY), sends={"json": {}}),  # none is configured; a key is not what opens one
    ("GET", "/livez"): _OPEN,
    ("GET", "/readyz"): _OPEN,
}
_OPERATORS: Final = _to(200, "ops", "lead")  # the scope `admin`, or a role; approving is for people alone
ADMIN: Final[Mapping[tuple[str, str], Row]] = {
    ("GET", "/livez"): _OPEN,
    ("GET", "/readyz"): _OPEN,
    ("GET", "/v1/admin/snapshot"): Row(to=_to(200, "ops")),
    ("POST", "/v1/admin/reload"): Row(to=_to(202, "ops")),
    ("GET", "/v1/admin/whoami"): Row(known=200),
    ("GET", "/v1/admin/sessions"): Row(to=_OPERATORS),
    ("POST", "/v1/admin/revoke"): Row(to=_OPERATORS, sends={"data": {"subject": "somebody-else"}}),
    ("GET", "/v1/admin/policy/pending"): Row(to=_OPERATORS),
    ("POST", "/v1/admin/policy/approve"): Row(to=_to(400, "lead"), sends={"data": {"digest": "0" * 16}}),
    ("GET", "/policy"): Row(to=_OPERATORS),
    ("GET", "/metrics"): Row(to=_to(200, "ops")),
    ("GET", "/v1/admin/switches"): Row(to=_to(200, "ops")),
    ("POST", "/v1/admin/switches"): Row(to=_to(400, "ops"), sends={"data": {"kind": "vendor", "name": "nobody-of-this-name", "off": "true"}}),
    ("GET", "/"): Row(known=200, to=_to(200, "nobody")),
    ("GET", "/login"): Row(to=_to(303, *EVERYBODY)),
    ("GET", "/login/callback"): Row(to=_to(401, *EVERYBODY)),
    ("GET", "/enter"): Row(to=_to(303, *EVERYBODY)),
    ("POST", "/session/token"): Row(known=400, to=_to(200, *PEOPLE)),
    ("POST", "/logout"): Row(known=303),
}


def _settings(provider: Provider) -> Settings:
    def key(name: str, tenant: str = "a", **told: Any) -> dict[str, Any]:
        return {"sha256": _KEYS[name].sha256, "tenant": tenant, **told}

    issuer = {
        "issuer": "https://jobs.example.com",
        "audience": _AUDIENCE,
        "jwks": "file:jwks.json",
        "algorithms": ["ES256"],
        "tenant": "c",
        "capabilities": ["support"],
    }
    login = {"issuer": provider.url, "client_id": CLIENT_ID, "client_secret": "env:OIDC_SECRET", "algorithms": ["ES256"], "claims": {"user": "email"}}
    own = ["support", "canary-capability-of-a"]
    return {
        "vendors": {"acme": {"kind": "openai_compatible", "base_url": "http://127.0.0.1:1/v1"}},
        "targets": {"canary-target": {"vendor": "acme", "model": "canary-model", "place": "private"}},
        "capabilities": {name: {"ladder": ["canary-target"], "rules": "rules.csv"} for name in ("support", "canary-capability-of-a")},
        "keys": {
            "web": key("web", capabilities=own),
            "caller": key("caller", scopes=["call"], capabilities=own),
            "reporter": key("reporter", scopes=["outcomes"], capabilities=own),
            "raw": key("raw", scopes=["call", "raw_targets"], capabilities=own),
            "ops": key("ops", scopes=["admin"], capabilities=own),
            "other": key("other", "b", capabilities=["support"]),
            "late": key("late", expires="2020-01-01"),
        },
        "identity": {
            "issuers": {"jobs": issuer},
            "login": login,
            "roles": {
                "staff": {"groups": ["staff"], "permissions": ["capability:support"]},
                "lead": {"groups": ["leads"], "permissions": ["policy.read", "policy.change", "identity.revoke"]},
            },
        },
        "audit": {"copies": ["file:outside"]},
    }


def _token(key: ECKey, **claims: Any) -> str:
    now = int(time.time())
    whole = {"iss": "https://jobs.example.com", "aud": _AUDIENCE, "sub": "job-7", "iat": now, "exp": now + 3000, "jti": secrets.token_hex(8), **claims}
    return jws.serialize_compact({"alg": "ES256", "typ": "JWT", "kid": "k"}, json.dumps(whole).encode(), key, algorithms=["ES256"])


class House:
    """The gateway, and everybody who may come to it."""

    def __init__(self, gateway: Gateway, provider: Provider) -> None:
        self.gateway = gateway
        self._provider = provider
        self._client = httpx2.Client(timeout=PATIENCE_S)
        job = _token(_ISSUER)
        stranger = ECKey.generate_key("P-256", {"kid": "k"})
        self._bearers = {name: minted.secret for name, minted in _KEYS.items()} | {
            "job": job,
            "wrong": _KEYS["stranger"].secret,
            "expired": _KEYS["late"].secret,
        }
        self._bearers |= {"unsigned": _token(stranger), "old": _token(_ISSUER, iat=1, exp=2)}
        self._cookies = {name: self._sign_in(name) for name in PEOPLE}

    def close(self) -> None:
        self._client.close()

    def _sign_in(self, name: str) -> tuple[str, str]:
        """Return the cookie of a new session, and the word that its forms carry."""
        self._provider.person = {"sub": f"s-{name}", "email": f"canary-{name}@example.com", "groups": ["leads" if name == "lead" else "staff"]}
        with httpx2.Client(base_url=self._url("/", is_admin=True), timeout=PATIENCE_S, follow_redirects=True) as browser:
            page = browser.get("/login").text
            assert "Who am I" in page, page
            return browser.cookies["pointsman"], page.partition('name="csrf" value="')[2].partition('"')[0]

    def headers(self, who: str) -> dict[str, str]:
        """Return what somebody shows."""
        match who:
            case "nobody":
                return {}
            case "mangled":
                return {"authorization": "Bearer"}
            case "two":
                return {"authorization": f"Bearer {_KEYS['web'].secret}", "x-api-key": _KEYS["ops"].secret}
            case "both":
                return {"authorization": f"Bearer {_KEYS['web'].secret}", "cookie": f"pointsman={self._cookies['lead'][0]}"}
            case "person" | "lead":
                return {"cookie": f"pointsman={self._cookies[who][0]}"}
            case _:
                return {"authorization": f"Bearer {self._bearers[who]}"}

    def ask(self, who: str, method: str, path: str, *, is_admin: bool, sends: Mapping[str, Any]) -> httpx2.Response:
        if who in PEOPLE and path == "/logout":
            self._cookies[who] = self._sign_in(who)  # the last one ended with the last question
        self._client.cookies.clear()  # each shows exactly what is its own
        told = dict(sends)
        if is_admin and method == "POST" and who in PEOPLE:
            told["data"] = {**told.get("data", {}), "csrf": self._cookies[who][1]}
        return self._client.request(method, self._url(path, is_admin=is_admin), headers=self.headers(who), **told)

    def _url(self, path: str, *, is_admin: bool) -> str:
        return f"http://127.0.0.1:{self.gateway.admin_port if is_admin else self.gateway.port}{path}"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("matrix")
    (folder / "rules.csv").write_text("when,then,answer\ntrue,answer,By a rule.\n")
    (folder / "jwks.json").write_text(json.dumps({"keys": [_ISSUER.as_dict(private=False)]}))
    with Provider() as provider, Gateway(folder, _settings(provider), environ={"OIDC_SECRET": CLIENT_SECRET}) as gateway:
        found = House(gateway, provider)
        _plant(found)
        yield found
        found.close()


def _plant(house: House) -> None:
    """Leave objects of tenant `a` behind: calls, outcomes and units, with names that are looked for in every answer."""
    shown = house.headers("web")
    ask = {"model": "canary-capability-of-a", "messages": [{"role": "user", "content": "canary-question"}]}
    headers = {**shown, "x-pointsman-unit": "canary-unit", "x-pointsman-user": "canary-user"}
    assert house.gateway.post("/v1/chat/completions", json=ask, headers=headers).status_code == 200
    outcome = {"unit": "canary-unit", "kind": "canary-kind", "id": "canary-outcome", "source": "canary-source"}
    assert house.gateway.post("/v1/outcomes", json=outcome, headers=shown).status_code == 201


# ── every route has a row ───────────────────────────────────────────────────────────────────────────────────────────


def admin_routes() -> Mapping[tuple[str, str], str]:
    """Return what each route of the admin listener declares."""
    return admin_app(cast("Any", None), reload=lambda: None, trouble=lambda: None).state.declared


def test_every_route_of_both_listeners_has_a_row_and_no_row_is_left_over() -> None:
    assert Site(cast("Any", None)).routes == PUBLIC.keys()
    assert admin_routes().keys() == ADMIN.keys()


def test_every_admin_route_that_the_application_really_has_was_declared() -> None:
    """A route that was added beside the guard would be in the application and not in the table."""
    app = admin_app(cast("Any", None), reload=lambda: None, trouble=lambda: None)
    real = {(method, route.path) for route in cast("list[Any]", app.routes) for method in route.methods - {"HEAD"}}
    assert real == ADMIN.keys()


# ── the matrix ──────────────────────────────────────────────────────────────────────────────────────────────────────

# Whose names may stand in which answer. Everybody may read the names of the own tenant's capabilities; operators see what they operate.
_OWN: Final = frozenset({"web", "caller", "reporter", "raw", "ops", "both"})


def _canaries(who: str, path: str) -> list[str]:
    """Return what may not stand in an answer."""
    words = ["canary-unit", "canary-user", "canary-kind", "canary-outcome", "canary-source", "canary-question", "canary-model"]
    if not ((who in _OWN and path.startswith(("/v1/models", "/v1/admin/whoami", "/v1/admin/snapshot"))) or (who, path) == ("ops", "/metrics")):
        words.append("canary-capability-of-a")
    if (who, path) not in {("ops", "/v1/admin/snapshot"), ("ops", "/metrics")}:
        words.append("canary-target")
    # Who signed in reads the own name; who may shut people out reads who is there.
    words += [f"canary-{person}@" for person in PEOPLE if person != who and not (who in _OPERATORS and path == "/v1/admin/sessions")]
    return [*words, *(minted.secret for minted in _KEYS.values()), CLIENT_SECRET]


@pytest.mark.parametrize("listener", ["public", "admin"])
def test_each_route_answers_each_method_to_whom_it_should_and_shows_nobody_what_is_anothers(house: House, listener: str) -> None:
    rows, is_admin = (ADMIN, True) if listener == "admin" else (PUBLIC, False)
    paths = dict.fromkeys(path for _, path in rows)
    wrong: list[str] = []
    leaks: list[str] = []
    cells = 0
    for path, method, who in product(paths, METHODS, EVERYBODY):
        row = rows.get(("GET" if method == "HEAD" else method, path))
        expected = {404, 405} if row is None else {row.status(who, is_admin=is_admin)}
        if method == "HEAD" and is_admin and who in PEOPLE:
            expected |= {401}  # whatever is no GET must come from a page of this listener
        answer = house.ask(who, method, f"{path}support" if path.endswith("/models/") else path, is_admin=is_admin, sends={} if row is None else row.sends)
        cells += 1
        told = f"{method} {path} {who}: {answer.status_code}"
        if answer.status_code not in expected:
            wrong.append(f"{told}, and not {expected}")
        seen = answer.text + "".join(f"{name}: {value}\n" for name, value in answer.headers.items())
        leaks += [f"{told} holds {word}" for word in _canaries(who, path) if word in seen and not (path == "/session/token" and answer.status_code == 200)]
    assert wrong == []
    assert leaks == []
    assert cells == len(paths) * len(METHODS) * len(EVERYBODY)


def test_what_is_anothers_is_answered_like_what_is_not_there(house: House) -> None:
    """A name is no oracle: a capability of another tenant's key, a target, and a name that nobody has are told apart by nothing."""
    for who in ("other", "job"):
        shown = house.headers(who)
        seen: list[tuple[int, str]] = []
        for name in ("canary-capability-of-a", "canary-target", "nobody-has-this-name"):
            body = {**_ASK["json"], "model": name}
            answers = [
                house.gateway.get(f"/v1/models/{name}", headers=shown),
                *(house.gateway.post(path, json=body, headers=shown) for path in ("/v1/chat/completions", "/v1/messages")),
            ]
            seen.append((sum(answer.status_code for answer in answers), "".join(_plain(answer, name) for answer in answers)))
        assert seen[0] == seen[2], who
        assert seen[0][0] == 3 * 404
    listed = house.gateway.get("/v1/models", headers=house.headers("other")).json()["data"]
    assert [one["id"] for one in listed] == ["support"]


def _plain(answer: httpx2.Response, name: str) -> str:
    told = answer.text.replace(name, "NAME").replace(answer.headers.get("x-request-id", "\0"), "ID")
    return told + str(sorted(answer.headers.keys()))


def test_outcomes_of_two_tenants_with_the_same_names_are_two(house: House) -> None:
    """The owner is part of every key: nobody overwrites, repeats or reads what another told."""
    for who, kind in (("web", "of-a"), ("other", "of-b"), ("job", "of-c"), ("other", "of-b-again")):
        body = {"unit": "shared-unit", "kind": kind, "id": "shared-id"}
        answer = house.gateway.post("/v1/outcomes", json=body, headers=house.headers(who))
        assert answer.status_code == 201
        assert "of-a" not in answer.text or who == "web"
    rows = house.gateway.rows("SELECT tenant, kind FROM outcome WHERE outcome_id = 'shared-id' ORDER BY tenant")
    assert [row["tenant"] for row in rows] == ["a", "b", "c"]
    assert next(row["kind"] for row in rows if row["tenant"] == "a") == "of-a"


def test_a_call_is_on_record_under_who_made_it_whatever_its_headers_say(house: House) -> None:
    forged = {"x-pointsman-tenant": "a", "x-tenant": "a", "x-pointsman-key": "web", "x-forwarded-user": "ada", "x-pointsman-user": "a/ada"}
    for who, tenant in (("other", "b"), ("job", "c"), ("web", "a")):
        answer = house.gateway.post("/v1/chat/completions", json=_ASK["json"], headers={**forged, **house.headers(who)})
        record = eventually(lambda answer=answer: house.gateway.call(answer.headers["x-request-id"]), "the record")
        assert record["tenant"] == tenant
