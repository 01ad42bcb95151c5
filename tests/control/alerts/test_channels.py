"""
What webhooks and letters say, and that secrets are read when they are needed and never told.
"""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from tests.transport.hooks import a_hook
from tests.transport.mail_server import MailServer

from pointsman.control.alerts.alert import Event
from pointsman.control.alerts.channels import Channel, channels_of
from pointsman.core.errors import CredentialMissing
from pointsman.settings.costs_shape import Alerts, Email, Webhook
from pointsman.settings.secret_value import Secret
from pointsman.transport.post import Undelivered

NOW_MS = 1_767_225_600_000
EVENT = Event(
    event_id="burn|support/answered|fast|1",
    at_ms=NOW_MS,
    kind="burn",
    subject="support/answered",
    rule="fast",
    says="5 of 10 were not good <!channel> & more.",
    value=50.0,
    threshold=14.4,
    told_ms=None,
)


def channel(told: Alerts, **secrets: str) -> Channel:
    def secret(reference: str) -> Secret:
        if reference.removeprefix("env:") not in secrets:
            raise CredentialMissing(f"The credential `{reference}` is empty or missing. Set it.")
        return Secret(secrets[reference.removeprefix("env:")])

    (found,) = channels_of(told, secret=secret, now_ms=lambda: NOW_MS).values()
    return found


def test_a_webhook_gets_json_that_is_signed() -> None:
    with a_hook() as hook:
        channel(Alerts(webhooks={"ops": Webhook(url=hook.url, secret="env:KEY")}), KEY="signing-key")(EVENT)
    ((_, headers, body),) = hook.got
    assert json.loads(body) == {
        "id": "burn|support/answered|fast|1",
        "at": "2026-01-01T00:00:00Z",
        "kind": "burn",
        "subject": "support/answered",
        "rule": "fast",
        "says": EVENT.says,
        "value": 50.0,
        "threshold": 14.4,
    }
    at, _, digest = headers["x-pointsman-signature"].removeprefix("t=").partition(",v1=")
    assert digest == hmac.new(b"signing-key", f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def test_what_slack_is_sent_mentions_nobody() -> None:
    with a_hook() as hook:
        channel(Alerts(webhooks={"chat": Webhook(url="env:CHAT", form="slack")}), CHAT=hook.url)(EVENT)
    told = json.loads(hook.got[0][2])
    assert told.keys() == {"text"}
    assert "5 of 10 were not good &lt;!channel&gt; &amp; more." in told["text"]
    assert "x-pointsman-signature" not in hook.got[0][1]


def test_a_letter_says_what_happened() -> None:
    with MailServer() as server:
        email = Email(host="127.0.0.1", port=server.port, security="none", sender="gateway@example.com", to=["ops@example.com"])
        channel(Alerts(email=email))(EVENT)
    ((_, receivers, text),) = server.letters
    assert receivers == ["ops@example.com"]
    assert "subject: [pointsman] burn: support/answered" in text.lower()
    assert "5 of 10 were not good" in text


@pytest.mark.parametrize("told", [Webhook(url="env:AWAY"), Webhook(url="http://127.0.0.1:1/", secret="env:AWAY")])
def test_a_secret_that_is_missing_is_told_as_undelivered(told: Any) -> None:
    with pytest.raises(Undelivered, match="env:AWAY"):
        channel(Alerts(webhooks={"ops": told}))(EVENT)


def test_a_missing_password_sends_no_letter(tmp_path: Path) -> None:
    del tmp_path
    email = Email(host="127.0.0.1", port=1, user="gateway", password="env:AWAY", sender="a@b.c", to=["x@y.z"])
    with pytest.raises(Undelivered, match="env:AWAY"):
        channel(Alerts(email=email))(EVENT)
