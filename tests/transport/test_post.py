"""
Sending a message to a URL: taken or told why not, and signed so that the receiver can tell.
"""

import hashlib
import hmac

import pytest
from tests.transport.hooks import a_hook

from pointsman.core.http import Deadlines
from pointsman.transport.post import Undelivered, post, signature


def test_a_message_arrives_as_json() -> None:
    with a_hook() as hook:
        post(hook.url, b"{}", headers={"x-more": "1"})
    ((path, headers, body),) = hook.got
    assert (path, body, headers["content-type"], headers["x-more"]) == ("/hook", b"{}", "application/json", "1")


@pytest.mark.parametrize("status", [302, 404, 500])
def test_anything_but_success_is_not_taken(status: int) -> None:
    with a_hook() as hook:
        hook.status = status
        with pytest.raises(Undelivered, match=str(status)):
            post(hook.url, b"{}", headers={})


@pytest.mark.parametrize("url", ["http://hooks.example.com/secret", "https://169.254.169.254/secret", "ftp://x/secret", "http://127.0.0.1:1/secret"])
def test_a_url_that_may_not_or_cannot_be_asked_is_told_without_its_path(url: str) -> None:
    with pytest.raises(Undelivered) as told:
        post(url, b"{}", headers={}, deadlines=Deadlines(total_s=2.0))
    assert "secret" not in str(told.value)


def test_a_signature_can_be_checked_with_the_key_alone() -> None:
    told = signature(b"key", b'{"a":1}', at_s=1_700_000_000)
    expected = hmac.new(b"key", b'1700000000.{"a":1}', hashlib.sha256).hexdigest()
    assert told == f"t=1700000000,v1={expected}"
