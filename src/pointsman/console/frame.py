"""
The frame around every page: who may see it, which time it speaks of, its place in the navigation, and how it becomes HTML.

How to add a page:
1. Write `console/pages/<topic>.py` with a plain function `def <topic>(ask: Ask, db: Database) -> Shown`. It runs in a thread of its own with a connection
   that can only read, so it may ask the ledger directly: `db.rows(query("console/<name>"), ask.span.values)`. Questions are bounded in time and read roll-ups,
   or rows by key. Numbers and reasons are worked out in Python; the template only lays them out.
2. Write `console/templates/<topic>.html`, which extends `frame.html` and fills `{% block main %}`. `ui` (`macros.html`) has chips, charts, changes and empty
   pages; the filters are in `words.py`. Everything is escaped. No `style` attribute, no inline script: the content security policy forbids both. Every page
   says what fills it while it is empty.
3. List it in `console/routes.py`: `frame.page("/console/<topic>", work, permission=READ)`, or `method="POST"` for a form. A form holds `{{ csrf() }}` and is
   answered by `Shown(to="/console/…")`, which sends the browser on. Who lacks the permission is told so; hide the button with `{% if may("admin") %}`.
4. Put it into `NAVIGATION` below, if people should find it there.

A page shows `ask.span`, which the range selector sets (`?span=24h|7d|30d|90d`); set `has_span=False` in `Shown` where time plays no part.
Errors of ours become a page with the message and its remedy. An unknown name raises `UnknownRoute`, a wrong value `BadRequest`.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

import anyio
import anyio.to_thread
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from pointsman.console import charts, words
from pointsman.console.assets import Assets
from pointsman.console.control_protocol import Control
from pointsman.console.door import Guard, Visitor
from pointsman.console.span import DEFAULT, MONTHS, NAMES, Span, span_of
from pointsman.core.errors import BadRequest, LedgerUnavailable, NotAuthenticated, NotPermitted, PointsmanError, UnknownRoute
from pointsman.core.principal import Principal
from pointsman.intake.sessions import csrf_of
from pointsman.storage.sql import Database

READ: Final = "console.read"
THEMES: Final = ("auto", "light", "dark")
_THEME_COOKIE: Final = "pointsman-theme"
_AT_ONCE: Final = 2  # pages that are made at the same time: more would only wait for each other, and hold memory
_STATUS: Final = ((NotAuthenticated, 401), (NotPermitted, 403), (UnknownRoute, 404), (BadRequest, 400), (LedgerUnavailable, 503))

# Address → (words, icon). The order is that of a first day.
NAVIGATION: Final[tuple[tuple[str, str, str], ...]] = (
    ("/console", "Overview", "overview"),
    ("/console/workflows", "Workflows", "workflow"),
    ("/console/calls", "Calls", "calls"),
    ("/console/cost", "Cost", "cost"),
    ("/console/incidents", "Incidents", "incident"),
    ("/console/objectives", "Objectives", "objective"),
    ("/console/vendors", "Vendors and targets", "target"),
    ("/console/learning", "Learning", "learning"),
    ("/console/explain", "Explain", "explain"),
    ("/console/keys", "Keys and limits", "key"),
    ("/console/settings", "Settings", "settings"),
)

HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Ask(Struct, frozen=True, kw_only=True):
    """
    What somebody asks of a page: the words of its address (`path`), of the question mark (`query`) and of the form, who asks, and the time it speaks of.
    """

    control: Control
    principal: Principal
    span: Span
    path: Mapping[str, str] = {}
    query: Mapping[str, str] = {}
    form: Mapping[str, str] = {}

    @property
    def who(self) -> str:
        """Who asks, as it goes on record."""
        return self.principal.user or f"key {self.principal.key.key_id}"

    def word(self, name: str, *, longest: int = 200) -> str:
        """Return a value of the question mark, or ''. Raises `BadRequest` for one that is too long to be meant."""
        found = self.query.get(name, "").strip()
        if len(found) > longest:
            raise BadRequest(f"`{name}` is longer than {longest} characters. Shorten it.", field=name)
        return found


class Shown(Struct, frozen=True, kw_only=True):
    """
    What a page answers: a `template` with `values` and a `title`; or where to send the browser (`to`); or a `file` of some `kind` to be saved as `name`.
    """

    template: str = ""
    title: str = ""
    values: Mapping[str, Any] = {}
    has_span: bool = True
    status: int = 200
    to: str | None = None
    file: bytes | None = None
    kind: str = "text/csv; charset=utf-8"
    name: str = ""


Work = Callable[[Ask, Database], Shown]


class Frame:
    """Makes the routes of pages."""

    def __init__(self, control: Control, guard: Guard) -> None:
        self._control = control
        self._guard = guard
        self._limiter = anyio.CapacityLimiter(_AT_ONCE)
        self.assets = Assets()
        # Compiled once, when it is first needed; nothing is looked up on the disk again.
        self._templates = Environment(
            loader=PackageLoader("pointsman.console"), autoescape=True, undefined=StrictUndefined, auto_reload=False, trim_blocks=True, lstrip_blocks=True
        )
        told: dict[str, Any] = {
            "asset": self.assets.url,
            "navigation": NAVIGATION,
            "spans": {**{name: name for name in NAMES}, **{name: says for name, (says, _) in MONTHS.items()}},
            **words.FILTERS,
            **charts.DRAWN,
        }
        self._templates.globals.update(told)  # pyright: ignore[reportUnknownMemberType] - the library does not say what is in it
        self._templates.filters.update(words.FILTERS)  # pyright: ignore[reportUnknownMemberType] - as above

    def page(self, path: str, work: Work, *, permission: str = READ, method: str = "GET") -> Route:
        """Return the route of a page."""

        async def answer(request: Request, visitor: Visitor) -> Response:
            return await anyio.to_thread.run_sync(partial(self._answer, request, visitor, work=work), limiter=self._limiter)

        return self._guard.route(path, answer, permission=permission, method=method, for_people=self._refused)

    def set_theme(self, request: Request, visitor: Visitor) -> Response:
        """Keep the look that somebody chose, and send them back to where they were."""
        del request
        chosen, back = visitor.form.get("theme", ""), visitor.form.get("back", "")
        response = RedirectResponse(back if back.startswith("/console") else "/console", status_code=303, headers=dict(HEADERS))
        response.set_cookie(_THEME_COOKIE, chosen if chosen in THEMES else "auto", max_age=31_536_000, path="/console", httponly=True, samesite="lax")
        return response

    @property
    def refused(self) -> Callable[[Request, PointsmanError], Any]:
        """What tells people of a refusal, for routes that are no pages."""
        return self._refused

    def _answer(self, request: Request, visitor: Visitor, *, work: Work) -> Response:
        control = self._control
        assert visitor.principal is not None  # noqa: S101 - every page needs a permission, and nobody has none
        query = {name: value for name, value in request.query_params.items() if value}
        span = span_of(query.get("span", DEFAULT), control.now_ms())
        ask = Ask(control=control, principal=visitor.principal, span=span, path=request.path_params, query=query, form=visitor.form)
        with control.reading() as db:
            shown = work(ask, db)
        if shown.to is not None:
            return RedirectResponse(shown.to, status_code=303, headers=dict(HEADERS))
        if shown.file is not None:
            headers = {**HEADERS, "content-disposition": f'attachment; filename="{shown.name}"'}
            return Response(shown.file, media_type=shown.kind, headers=headers)
        return self._render(request, shown, ask=ask, secret=visitor.secret)

    def _render(self, request: Request, shown: Shown, *, ask: Ask | None, secret: str) -> Response:
        principal = None if ask is None else ask.principal

        def may(permission: str) -> bool:
            return principal is not None and self._control.allows(principal, permission)

        def link(**change: str | None) -> str:
            """Return this page's address with other words after the question mark."""
            told = {**(request.query_params if ask is None else ask.query), **change}
            return f"{request.url.path}?{urlencode({name: value for name, value in told.items() if value})}".rstrip("?")

        theme = request.cookies.get(_THEME_COOKIE, "auto")
        html = self._templates.get_template(shown.template).render(
            title=shown.title,
            here=request.url.path,
            theme=theme if theme in THEMES else "auto",
            span=None if ask is None or not shown.has_span else ask.span,
            query={} if ask is None else ask.query,
            who="" if principal is None else principal.user or principal.key.key_id,
            csrf=partial(_csrf, secret),
            may=may,
            link=link,
            now_ms=self._control.now_ms(),
            **shown.values,
        )
        return HTMLResponse(html, status_code=shown.status, headers=dict(HEADERS))

    async def _refused(self, request: Request, error: PointsmanError) -> Response:
        status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
        values = {"message": error.message, "status": status, "has_login": self._control.has_login}
        title = "Sign in" if status == _STATUS[0][1] else "Not possible"
        return self._render(request, Shown(template="refused.html", title=title, values=values, status=status, has_span=False), ask=None, secret="")


def _csrf(secret: str) -> Markup:
    return Markup('<input type="hidden" name="csrf" value="{}">').format(csrf_of(secret))
