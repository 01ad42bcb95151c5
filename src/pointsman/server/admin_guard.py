"""
The door of the admin listener: one extractor, one principal, and a permission that each route declares.

Rules:
1. A route is made with its permission; there is no route without one, and `OPEN` is written out where everybody may come.
2. What decides is the route that answers: no path is looked at beside the router's own.
3. Two credentials that differ, or a cookie beside a credential, are refused: nobody could say which of them counts.
4. A form is taken from a page of this listener only: it carries the session's word, and the browser says where it comes from.
5. The listener answers to its own names only, so that no page can give its name the address of this machine (DNS rebinding).
6. A page for people (`for_people`) asks who they are even where a gateway without keys lets every program in.
"""

import hmac
import ipaddress
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import msgspec
from msgspec import Struct
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from pointsman.app.gateway import Gateway
from pointsman.core.errors import BadRequest, NotAuthenticated, NotPermitted, PointsmanError
from pointsman.core.principal import Principal, Scope
from pointsman.intake.keys import LOCAL
from pointsman.intake.roles import is_key
from pointsman.intake.sessions import Session, csrf_of
from pointsman.server.browsers import check_name
from pointsman.settings.addresses import is_loopback

OPEN: Final = ""
SIGNED_IN: Final = "*"  # anybody who is known here
_ASKING: Final = frozenset({"GET", "HEAD"})
_FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"
_MOST_FORM_BYTES: Final = 16_384
_GOOD_SITES: Final = frozenset({"same-origin", "none"})

NO_STORE: Final[Mapping[str, str]] = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "referrer-policy": "same-origin",  # without any referrer, browsers say of our own forms that they come from nowhere (`Origin: null`)
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Visitor(Struct, frozen=True, kw_only=True):
    """
    Who came, once a route's permission is checked. `session` and its `secret` are set for a browser.

    `form` holds the texts that a POST carried, `numbers` its whole numbers, which only JSON (`is_json`) tells apart from texts.
    """

    principal: Principal | None = None
    session: Session | None = None
    secret: str = ""
    form: Mapping[str, str] = {}
    numbers: Mapping[str, int] = {}
    is_json: bool = False


Work = Callable[[Request, Visitor], Awaitable[Response]]
Told = Callable[[Request, PointsmanError], Awaitable[Response]]


class Guard:
    """Makes routes. Each is answered only for those who have its permission."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self.declared: dict[tuple[str, str], str] = {}

    @property
    def cookie(self) -> str:
        """The cookie's name. Over HTTPS no other host or path can set one of this name (RFC 6265bis, `__Host-`)."""
        return "__Host-pointsman" if self.is_secure else "pointsman"

    @property
    def is_secure(self) -> bool:
        """Tell whether browsers come over HTTPS."""
        login = self._gateway.standing.current.told.login
        return login is not None and login.url.startswith("https://")

    def route(self, path: str, work: Work, *, permission: str, method: str = "GET", for_people: Told | None = None) -> Route:
        """
        Return a route that is answered for those with the permission.

        With `for_people` it is a page: that tells them of a refusal, and nobody comes in without a session or a credential.
        """
        self.declared[method, path] = permission

        async def answer(request: Request) -> Response:
            try:
                visitor = Visitor() if permission == OPEN else await self.admit(request, permission, is_page=for_people is not None)
                response = await work(request, visitor)
            except PointsmanError as error:
                if for_people is None:
                    raise
                response = await for_people(request, error)
            for name, value in NO_STORE.items():
                response.headers.setdefault(name, value)
            return response

        return Route(path, answer, methods=[method])

    async def admit(self, request: Request, permission: str, *, is_page: bool = False) -> Visitor:
        """Return who came; for a page, a person or program that showed something. Raises `NotAuthenticated`, `NotPermitted` or `BadRequest`."""
        self._check_host(request)
        await self._gateway.standing.ready_for(request.headers.get("authorization"), request.headers.get("x-api-key"))
        visitor = self.visitor(request)
        principal = visitor.principal
        if principal is None or (is_page and visitor.session is None and principal.key is LOCAL):
            raise NotAuthenticated("Nobody is signed in. Open `/login` in a browser, or send a key as `Authorization: Bearer <key>`.")
        if request.method not in _ASKING:
            visitor = await self._with_form(request, visitor)
        if permission != SIGNED_IN:
            self._check(principal, permission)
        return visitor

    def visitor(self, request: Request) -> Visitor:
        """Return who came, as far as the credentials tell; nobody if there are none. Raises as `admit` does."""
        headers, secret = request.headers, request.cookies.get(self.cookie, "")
        shown = headers.getlist("authorization"), headers.getlist("x-api-key")
        intake, now_s = self._gateway.stages.intake, self._gateway.standing.now_s
        if any(len(values) > 1 for values in shown):
            raise BadRequest("The same credential header came twice with this request. Send one.", field="authorization")
        if secret and any(shown):
            raise BadRequest("A session and another credential came with this request. Send one of them.", field="cookie")
        session = intake.others.session(secret, now_s=now_s) if secret else None
        if session is not None:
            return Visitor(principal=intake.others.of_session(session), session=session, secret=secret)
        if intake.is_open or any(shown):
            return Visitor(principal=intake.identify(headers.get("authorization"), headers.get("x-api-key"), user=None))
        return Visitor()

    def _check(self, principal: Principal, permission: str) -> None:
        if is_key(principal) and permission == "admin" and Scope.ADMIN not in principal.key.scopes:
            raise NotPermitted(what="administration (scope `admin`)", who=principal.key.key_id)
        self._gateway.stages.intake.check(principal, permission)

    def _check_host(self, request: Request) -> None:
        host = request.headers.get("host", "localhost")
        if self._gateway.stages.intake.is_open:
            check_name(host)
            return
        told = self._gateway.standing.current.told
        name = _name_of(host)
        known = told.hosts | ({urlsplit(told.login.url).hostname} if told.login is not None else set[str | None]())
        if not (_is_address(name) or is_loopback(f"{name}:80") or name in known):
            raise NotAuthenticated(f"The admin listener does not answer to `{host[:100]}`. Add the name to `identity.hosts`.")

    async def _with_form(self, request: Request, visitor: Visitor) -> Visitor:
        _check_site(request)
        fields, is_json = await _form(request)
        form = {name: value for name, value in fields.items() if isinstance(value, str)}
        if visitor.session is not None:
            told = form.get("csrf") or request.headers.get("x-csrf-token", "")
            if not hmac.compare_digest(told.encode(), csrf_of(visitor.secret).encode()):
                raise NotAuthenticated("This form is not of a page of this session. Open the page again and send it from there.")
        numbers = {name: value for name, value in fields.items() if isinstance(value, int)}
        return msgspec.structs.replace(visitor, form=form, numbers=numbers, is_json=is_json)


def _check_site(request: Request) -> None:
    """Refuse what a page of another origin makes a browser send. Programs send neither header."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    is_foreign = (site is not None and site not in _GOOD_SITES) or (origin is not None and origin.partition("://")[2] != request.headers.get("host"))
    if is_foreign:
        raise NotAuthenticated("A page of another origin sent this. Use the pages of this listener, or a program with a key.")


async def _form(request: Request) -> tuple[Mapping[str, str | int], bool]:
    """Return what a body says, and whether it is JSON. Raises `BadRequest`."""
    body = b""
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > _MOST_FORM_BYTES:
                raise BadRequest(f"The form is longer than {_MOST_FORM_BYTES} bytes. Send less.")
        kind = request.headers.get("content-type", _FORM).partition(";")[0].strip().lower()
        if body and kind not in {_FORM, _JSON}:
            raise BadRequest(f"The content type `{kind[:60]}` is not understood here. Send `{_FORM}` or `{_JSON}`.", field="content-type")
        if body and kind == _JSON:
            return _fields(body), True
        return _once(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=50)), False
    except (ValueError, ClientDisconnect) as error:  # what msgspec raises is a `ValueError` too
        raise BadRequest(f"The form cannot be read. Send `{_FORM}`, or JSON with texts and whole numbers.") from error


def _fields(body: bytes) -> Mapping[str, str | int]:
    told = msgspec.json.decode(body, type=dict[str, str | int])
    json.loads(body, object_pairs_hook=_once)  # tells what stands there twice; it is flat by now
    return told


def _once(pairs: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    """Return fields by name. Raises `BadRequest` for one that is there twice: nobody could say which of them counts."""
    told = dict(pairs)
    if len(told) != len(pairs):
        raise BadRequest("A field is there twice with this form. Send each once.")
    return told


def _name_of(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_address(host: str) -> bool:
    try:
        return bool(ipaddress.ip_address(host))
    except ValueError:
        return False
