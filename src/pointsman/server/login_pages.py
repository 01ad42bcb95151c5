"""
The few pages that people see when they sign in, as HTML: no script, no style from elsewhere, everything escaped.
"""

from collections.abc import Iterable
from html import escape

from pointsman.app.identity_approvals import Pending
from pointsman.intake.sessions import Session, csrf_of


def page(title: str, *parts: str) -> str:
    """Return a whole page of parts that are HTML already."""
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)} | Pointsman</title>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body><main><h1>{escape(title)}</h1>{"".join(parts)}</main></body></html>'


def signed_out(*, has_login: bool) -> str:
    """Return what somebody sees whom nobody knows here."""
    if not has_login:
        told = "People cannot sign in here: <code>identity.login</code> is not set. A link of <code>pointsman console link</code> leads in once."
        return page("Administration", f"<p>{told} Programs send a key.</p>")
    return page("Administration", '<p>Nobody is signed in.</p><p><a href="/login">Sign in</a></p>')


def who_am_i(session: Session, secret: str, *, roles: Iterable[str], permissions: Iterable[str]) -> str:
    """Return the page of a person who signed in."""
    facts = {
        "Name": session.user,
        "Tenant": session.tenant,
        "Groups": ", ".join(session.groups) or "none",
        "Roles": ", ".join(roles) or "none",
        "Permissions": ", ".join(sorted(permissions)) or "none",
        "Session": session.public_id,
    }
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
    return page(
        "Who am I",
        f"<dl>{rows}</dl>",
        form("/session/token", "Make a secret for calls", secret=secret),
        form("/logout", "Sign out", secret=secret),
        '<p><a href="/console">The console</a></p>',
        '<p><a href="/policy">Changes that wait for approval</a></p>',
    )


def calls_secret(told: str) -> str:
    """Return the page that shows a secret for calls, once."""
    return page(
        "A secret for calls",
        "<p>Send it as <code>Authorization: Bearer …</code>. It is shown only now, ends with your session, and replaces the one before.</p>",
        f"<p><code>{escape(told)}</code></p>",
        '<p><a href="/">Back</a></p>',
    )


def pending_change(pending: Pending | None, secret: str, *, difference: str, may_approve: bool) -> str:
    """Return the page of a change that waits."""
    if pending is None:
        return page("Changes that wait for approval", '<p>There is none.</p><p><a href="/">Back</a></p>')
    agreed = ", ".join(pending.approved_by) or "nobody"
    return page(
        "Changes that wait for approval",
        f"<p>Change <code>{escape(pending.digest)}</code> needs {pending.needed} people. Approved by: {escape(agreed)}.</p>",
        f"<pre>{escape(difference)}</pre>",
        form("/v1/admin/policy/approve", "Approve this change", secret=secret, digest=pending.digest) if may_approve else "",
        '<p><a href="/">Back</a></p>',
    )


def trouble(message: str) -> str:
    """Return the page of a sign-in that failed."""
    return page("Not signed in", f"<p>{escape(message)}</p>", '<p><a href="/login">Try again</a></p>')


def form(action: str, label: str, *, secret: str, **fields: str) -> str:
    """Return a form with one button. It carries the session's word."""
    told = {"csrf": csrf_of(secret), **fields}
    hidden = "".join(f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in told.items())
    return f'<form method="post" action="{escape(action)}">{hidden}<button>{escape(label)}</button></form>'
