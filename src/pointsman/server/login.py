"""
How people sign in: OpenID Connect with the authorization code flow, at the admin listener.

Rules (OpenID Connect Core 1.0, RFC 7636, RFC 9207, RFC 9700):
1. Every sign-in has its own state, nonce and PKCE verifier (S256), is bound to the browser that began it, and can end once, within ten minutes.
2. The ID token comes straight from the provider and is verified all the same: signature, issuer, audience, nonce, times.
3. A session is new at every sign-in. Its secret is in a cookie that no script reads, never in a URL, and only its digest is kept.
4. A provider's words are not shown: they may be anybody's. The log says what went wrong.
"""

import hashlib
import hmac
import logging
import secrets
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from pointsman.app.gateway import Gateway
from pointsman.app.identity import told_of
from pointsman.app.identity_issuers import Discovered, ProviderWrong
from pointsman.core.errors import BadRequest, NotAuthenticated, PointsmanError, UnknownRoute
from pointsman.intake.identity import claimed
from pointsman.intake.sessions import CALLS_PREFIX, SECRET_BYTES, Session, digest_of, is_over, new_secret
from pointsman.intake.tokens import Verified, Verifier, read_token, text_claim
from pointsman.ledger.audit.record import Kind
from pointsman.server import login_pages
from pointsman.server.admin_guard import OPEN, SIGNED_IN, Guard, Visitor
from pointsman.settings.identity_values import Login
from pointsman.settings.secret_value import Origin
from pointsman.telemetry.logs import Plain
from pointsman.transport.endpoint import origin_of
from pointsman.transport.lookup import Lookup

_LOG: Final = logging.getLogger("pointsman")
_CALLBACK: Final = "/login/callback"
_PATIENCE_S: Final = 600.0
_MOST_UNDER_WAY: Final = 1000
_FAILED: Final = "The sign-in did not succeed. Try again, and ask the operator to look at the log if it does not succeed then."


class _UnderWay(Struct, frozen=True, kw_only=True):
    """A sign-in that began. `browser` is the digest of a cookie that only the browser that began it has."""

    browser: str
    nonce: str
    verifier: str
    until_s: float


class _Answer(Struct, frozen=True):
    """What is read of the provider's answer to a code. Its access token is not wanted, and not kept."""

    id_token: str


class SignIn:
    """The pages and steps of signing in. `random` returns so many random bytes."""

    def __init__(self, gateway: Gateway, guard: Guard, *, random: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._gateway = gateway
        self._guard = guard
        self._random = random
        self._under_way: dict[str, _UnderWay] = {}

    def routes(self) -> list[Route]:
        """Return the routes of signing in and out."""
        route = self._guard.route
        return [
            route("/", self._home, permission=OPEN),
            route("/login", self._begin, permission=OPEN),
            route(_CALLBACK, self._finish, permission=OPEN),
            route("/logout", self._leave, permission=SIGNED_IN, method="POST"),
            route("/session/token", self._calls_secret, permission=SIGNED_IN, method="POST"),
        ]

    # ── pages ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _home(self, request: Request, visitor: Visitor) -> Response:
        visitor = self._guard.visitor(request)
        current = self._gateway.standing.current
        if visitor.session is None:
            return HTMLResponse(login_pages.signed_out(has_login=current.told.login is not None))
        groups = frozenset(visitor.session.groups)
        shown = login_pages.who_am_i(visitor.session, visitor.secret, roles=current.roles.names(groups), permissions=current.roles.of_groups(groups))
        return HTMLResponse(shown)

    async def _begin(self, request: Request, visitor: Visitor) -> Response:
        del request, visitor
        login = self._login()
        try:
            found = await self._gateway.standing.issuers.discover(login.issuer)
        except ProviderWrong as error:
            return self._failed(str(error))
        if found.authorization_endpoint is None or found.token_endpoint is None:
            return self._failed("its discovery document names no endpoints for signing in")
        browser, state, nonce, verifier = (new_secret(self._random(SECRET_BYTES)) for _ in range(4))
        self._note(state, _UnderWay(browser=digest_of(browser), nonce=nonce, verifier=verifier, until_s=self._now_s + _PATIENCE_S))
        challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": login.issuer.audience,
            "redirect_uri": login.url + _CALLBACK,
            "scope": " ".join(login.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in found.authorization_endpoint else "?"
        response = RedirectResponse(f"{found.authorization_endpoint}{joint}{urlencode(asked)}", status_code=303)
        self._set_cookie(response, f"{self._guard.cookie}-login", value=browser, max_age_s=_PATIENCE_S)
        return response

    async def _finish(self, request: Request, visitor: Visitor) -> Response:
        del visitor
        login = self._login()
        try:
            session, secret = await self._session(request, login)
        except ProviderWrong as error:
            return self._failed(str(error))
        except PointsmanError as error:
            return self._failed(error.message)
        response = RedirectResponse("/", status_code=303)
        response.delete_cookie(f"{self._guard.cookie}-login", secure=self._guard.is_secure, httponly=True, samesite="lax")
        self._set_cookie(response, self._guard.cookie, value=secret, max_age_s=login.session_s)
        _LOG.info("session %s began", Plain(session.public_id))
        self._gateway.auditor.happened(Kind.LOGIN, actor=session.user, facts={"session": session.public_id})
        return response

    async def _leave(self, request: Request, visitor: Visitor) -> Response:
        del request
        if visitor.session is not None:
            self._gateway.standing.end_sessions([visitor.session.digest])
        response = RedirectResponse("/", status_code=303)
        response.delete_cookie(self._guard.cookie, secure=self._guard.is_secure, httponly=True, samesite="lax")
        return response

    async def _calls_secret(self, request: Request, visitor: Visitor) -> Response:
        del request
        if visitor.session is None or visitor.session.is_by_link:
            raise BadRequest("Only a person who signed in here can have a secret for calls. Open `/login` in a browser.")
        secret = new_secret(self._random(SECRET_BYTES), prefix=CALLS_PREFIX)
        self._keep(msgspec.structs.replace(visitor.session, calls_digest=digest_of(secret)))
        return HTMLResponse(login_pages.calls_secret(secret))

    # ── steps ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _session(self, request: Request, login: Login) -> tuple[Session, str]:
        """Return a new session and its secret. Raises `ProviderWrong` or `NotAuthenticated`."""
        told = request.query_params
        under_way = self._under_way.pop(told.get("state", ""), None)
        browser = digest_of(request.cookies.get(f"{self._guard.cookie}-login", ""))
        if under_way is None or self._now_s >= under_way.until_s or not hmac.compare_digest(browser, under_way.browser):
            raise NotAuthenticated("This sign-in was not begun in this browser, took too long, or has ended already. Try again.")
        if told.get("iss", login.issuer.issuer) != login.issuer.issuer:
            raise ProviderWrong("the answer is of another issuer (`iss`)")
        if "code" not in told:
            raise ProviderWrong("it sent no code back")
        verified = await self._verified(login, code=told["code"], under_way=under_way)
        return self._new_session(verified)

    async def _verified(self, login: Login, *, code: str, under_way: _UnderWay) -> Verified:
        standing = self._gateway.standing
        found = await standing.issuers.discover(login.issuer)
        if found.token_endpoint is None:
            raise ProviderWrong("its discovery document names no token endpoint")
        body = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": login.url + _CALLBACK,
            "client_id": login.issuer.audience,
            "code_verifier": under_way.verifier,
        }
        asked = self._with_secret(login, found, body=body)
        try:
            token = msgspec.json.decode(await standing.issuers.ask(asked), type=_Answer).id_token
        except msgspec.DecodeError as error:
            raise ProviderWrong("its answer to the code holds no ID token") from error
        read, ring = read_token(token), standing.issuers.ring(login.issuer)
        if ring.is_closed(self._now_s) or (ring.find(read.kid, read.algorithm) is None and ring.wants(self._now_s, unknown=True)):
            await standing.issuers.fetch(ring)
        verified = Verifier([ring]).verify(read, self._now_s)
        _check_id_token(verified.claims, login, nonce=under_way.nonce)
        return verified

    def _with_secret(self, login: Login, found: Discovered, *, body: dict[str, str]) -> Lookup:
        """Return the request for a code's tokens, with the secret of our registration if it has one, bound to the endpoint's origin."""
        url, headers = found.token_endpoint or "", {"content-type": "application/x-www-form-urlencoded"}
        if login.client_secret is not None:
            origin: Origin = origin_of(url)
            secret = self._gateway.standing.secret(login.client_secret).bound_to(origin).reveal_to(origin)
            if "client_secret_basic" in found.token_endpoint_auth_methods_supported:
                pair = f"{quote(login.issuer.audience, safe='')}:{quote(secret, safe='')}"
                headers["authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
            else:
                body = {**body, "client_secret": secret}
        return Lookup(url=url, headers=headers, body=urlencode(body).encode(), ca_file=self._gateway.standing.issuers.authority(login.issuer))

    def _new_session(self, verified: Verified) -> tuple[Session, str]:
        names, subject = claimed(verified.claims, verified.issuer), verified.subject
        if subject is None:
            raise NotAuthenticated("The ID token names no subject (`sub`). Ask the provider's operator.")
        secret, now_s = new_secret(self._random(SECRET_BYTES)), self._now_s
        session = Session(
            digest=digest_of(secret),
            issuer=verified.issuer.issuer,
            subject=subject,
            user=names.user or subject,
            groups=tuple(sorted(names.groups)),
            began_s=now_s,
            seen_s=now_s,
            tenant=names.tenant,
            team=names.team,
            application=names.application,
        )
        if {session.subject, session.user} & self._gateway.standing.register.revoked.subjects:
            raise NotAuthenticated("This person is shut out. Ask the operator of this gateway.")
        self._keep(session)
        return session, secret

    def _keep(self, session: Session) -> None:
        standing, login = self._gateway.standing, self._login()
        over = [one.digest for one in standing.register.sessions.all() if is_over(one, login, now_s=self._now_s)]
        file = standing.file()
        file.drop_sessions(over)
        file.put_session(session.digest, told_of(session), seen_s=session.seen_s)
        standing.look()

    def _note(self, state: str, under_way: _UnderWay) -> None:
        now_s = self._now_s
        self._under_way = {known: one for known, one in self._under_way.items() if one.until_s > now_s}
        if len(self._under_way) >= _MOST_UNDER_WAY:
            raise NotAuthenticated("Too many people are signing in at once. Try again in a few minutes.")
        self._under_way[state] = under_way

    @property
    def _now_s(self) -> float:
        return self._gateway.standing.now_s

    def _login(self) -> Login:
        login = self._gateway.standing.current.told.login
        if login is None:
            raise UnknownRoute("People cannot sign in here: `identity.login` is not set.")
        return login

    def _set_cookie(self, response: Response, name: str, *, value: str, max_age_s: float) -> None:
        response.set_cookie(name, value, max_age=int(max_age_s), path="/", secure=self._guard.is_secure, httponly=True, samesite="lax")

    def _failed(self, why: str) -> Response:
        _LOG.warning("a sign-in did not succeed: %s", Plain(why))
        return HTMLResponse(login_pages.trouble(_FAILED), status_code=401)


def _check_id_token(claims: Any, login: Login, *, nonce: str) -> None:
    """Check what only an ID token has (OpenID Connect Core 1.0, section 3.1.3.7). Raises `NotAuthenticated`."""
    if not hmac.compare_digest((text_claim(claims, "nonce") or "").encode(), nonce.encode()):
        raise NotAuthenticated("The ID token is not of this sign-in (`nonce`). Try again.")
    audience, party = claims.get("aud"), claims.get("azp")
    if (isinstance(audience, list) and len(audience) > 1 and party is None) or party not in (None, login.issuer.audience):  # pyright: ignore[reportUnknownArgumentType] - JSON
        raise NotAuthenticated("The ID token was made for another party (`azp`). Ask the provider's operator.")
