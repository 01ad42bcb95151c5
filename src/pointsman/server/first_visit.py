"""
The first way in: a one-time link that `pointsman up` and `pointsman console link` print, for gateways where people do not sign in through a provider.

Rules:
1. A link is 256 random bits; only their digest is kept. It leads in once, within fifteen minutes, and a newer one takes its place.
2. It makes a session as signing in does, of whoever operates this gateway. It may not approve changes of the policy: that takes people who are known.
3. Where `identity.login` is set, no link leads in.
"""

import logging
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from pointsman.app.gateway import Gateway
from pointsman.app.identity import told_of
from pointsman.intake.sessions import LINK, LINK_S, SECRET_BYTES, Session, digest_of, is_over, new_secret
from pointsman.ledger.audit.record import Kind
from pointsman.server import login_pages
from pointsman.server.admin_guard import OPEN, Guard, Visitor
from pointsman.storage.identity_links import put_link, use_link
from pointsman.telemetry.logs import Plain

_LOG: Final = logging.getLogger("pointsman")
_OPERATOR: Final = "operator"
_USED: Final = "This link was used already, is too old, or a newer one took its place. Print a new one with `pointsman console link`."


def new_link(path: Path, admin: str, *, now_s: float, random: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """Return the address that leads into the console once. `path` is the file of sessions, `admin` the admin listener's address. Raises `Unusable`."""
    code = new_secret(random(SECRET_BYTES))
    put_link(path, digest_of(code), until_s=now_s + LINK_S)
    host, _, port = admin.rpartition(":")
    name = "127.0.0.1" if host.strip("[]") in {"", "0.0.0.0", "::", "localhost"} else host  # noqa: S104 - what a browser cannot be sent to
    return f"http://{name}:{port}/enter?code={code}"


class FirstVisit:
    """The route that a link leads to, for the gateway whose file of sessions is at `path`. `random` returns so many random bytes."""

    def __init__(self, gateway: Gateway, guard: Guard, *, random: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._gateway = gateway
        self._guard = guard
        self._random = random

    def routes(self) -> list[Route]:
        """Return the one route."""
        return [self._guard.route("/enter", self._enter, permission=OPEN)]

    async def _enter(self, request: Request, visitor: Visitor) -> Response:
        del visitor
        standing = self._gateway.standing
        if standing.current.told.login is not None:
            return RedirectResponse("/login", status_code=303)
        code = request.query_params.get("code", "")
        if not (code and use_link(standing.path, digest_of(code), now_s=standing.now_s)):
            return HTMLResponse(login_pages.page("Not signed in", f"<p>{_USED}</p>"), status_code=401)
        secret, session = self._new_session()
        response = RedirectResponse("/console", status_code=303)
        response.set_cookie(self._guard.cookie, secret, max_age=int(LINK.session_s), path="/", secure=self._guard.is_secure, httponly=True, samesite="lax")
        _LOG.info("session %s began, by a one-time link", Plain(session.public_id))
        self._gateway.auditor.happened(Kind.LOGIN, actor=session.user, facts={"session": session.public_id})
        return response

    def _new_session(self) -> tuple[str, Session]:
        standing = self._gateway.standing
        secret, now_s = new_secret(self._random(SECRET_BYTES)), standing.now_s
        session = Session(digest=digest_of(secret), issuer=LINK.issuer.issuer, subject=_OPERATOR, user=_OPERATOR, groups=(), began_s=now_s, seen_s=now_s)
        file = standing.file()
        file.drop_sessions([one.digest for one in standing.register.sessions.all() if one.is_by_link and is_over(one, LINK, now_s=now_s)])
        file.put_session(session.digest, told_of(session), seen_s=now_s)
        standing.look()
        return secret, session
