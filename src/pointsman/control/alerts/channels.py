"""
Where alerts go: webhooks and e-mail, as the settings name them. Each takes an event or raises `Undelivered`.

Secrets are read when something is sent, so a rotated one is used by the next alert.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial

from pointsman.control.alerts.alert import Event
from pointsman.core.errors import PointsmanError
from pointsman.settings.costs_shape import Alerts as Told
from pointsman.settings.costs_shape import Email, Webhook
from pointsman.settings.secret_value import Secret, local
from pointsman.settings.secrets import is_reference
from pointsman.transport.mail import Letter, Server, send
from pointsman.transport.post import SIGNATURE, Undelivered, post, signature

Channel = Callable[[Event], None]
Read = Callable[[str], Secret]  # a reference → the secret


def channels_of(told: Told, *, secret: Read, now_ms: Callable[[], int]) -> Mapping[str, Channel]:
    """Return the channels by name: `webhook:NAME` and `email`."""
    found: dict[str, Channel] = {f"webhook:{name}": partial(_by_webhook, one, secret=secret, now_ms=now_ms) for name, one in told.webhooks.items()}
    if told.email is not None:
        found["email"] = partial(_by_mail, told.email, secret=secret)
    return found


def _by_webhook(told: Webhook, event: Event, *, secret: Read, now_ms: Callable[[], int]) -> None:
    url = _revealed(told.url, secret) if is_reference(told.url) else told.url
    body = json.dumps(_slack(event) if told.form == "slack" else _plain(event), separators=(",", ":")).encode()
    headers: dict[str, str] = {}
    if told.secret is not None:
        headers[SIGNATURE] = signature(_revealed(told.secret, secret).encode(), body, at_s=now_ms() // 1000)
    post(url, body, headers=headers)


def _by_mail(told: Email, event: Event, *, secret: Read) -> None:
    password = None if told.password is None else _revealed(told.password, secret)
    server = Server(host=told.host, port=told.port, security=told.security, user=told.user, password=password)
    subject = f"[pointsman] {event.kind}: {event.subject}"
    send(Letter(sender=told.sender, to=tuple(told.to), subject=_line(subject), text=f"{event.says}\n\n{_facts(event)}\n"), server)


def _plain(event: Event) -> dict[str, object]:
    """Return an event as programs read it."""
    return {
        "id": event.event_id,
        "at": _at(event.at_ms),
        "kind": event.kind,
        "subject": event.subject,
        "rule": event.rule,
        "says": event.says,
        "value": event.value,
        "threshold": event.threshold,
    }


def _slack(event: Event) -> dict[str, object]:
    """Return an event as Slack, Mattermost and their like show it. Nothing in it may mention people or link elsewhere."""
    says = event.says.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {"text": f"*{event.kind}* {says}\n_{_facts(event)}_"}


def _facts(event: Event) -> str:
    return f"{event.subject} · {event.rule} · {event.value:.4g} of {event.threshold:.4g} · {_at(event.at_ms)}"


def _line(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)[:200]


def _at(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _revealed(reference: str, secret: Read) -> str:
    try:
        purpose = local("alerts")
        return secret(reference).bound_to(purpose).reveal_to(purpose)
    except PointsmanError as error:
        raise Undelivered(error.message) from error
