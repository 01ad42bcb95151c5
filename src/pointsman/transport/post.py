"""
Sending a short message to a URL, for those who may block: one POST, no redirect, every address of the name checked.

Over plain `http` only this machine is asked, because a message and its URL may be secrets.
"""

import asyncio
import hmac
from collections.abc import Mapping
from typing import Final

from pointsman.core.http import Deadlines
from pointsman.transport.connection import AnswerBroken
from pointsman.transport.lookup import Lookup, look_up

SIGNATURE: Final = "x-pointsman-signature"
_DEADLINES: Final = Deadlines(connect_s=5.0, first_byte_s=10.0, gap_s=10.0, total_s=10.0)
_GOOD: Final = range(200, 300)


class Undelivered(OSError):
    """A message was not taken. The text says why, and holds nothing of the URL or the message."""


def post(url: str, body: bytes, *, headers: Mapping[str, str], deadlines: Deadlines = _DEADLINES) -> None:
    """Send JSON. Raises `Undelivered` unless the other side says that it took it."""
    told = {"content-type": "application/json", **headers}
    try:
        answer = asyncio.run(look_up(Lookup(url=url, headers=told, body=body), deadlines=deadlines))
    except AnswerBroken as broken:
        raise Undelivered(broken.failure.message) from broken
    if answer.status not in _GOOD:
        raise Undelivered(f"the receiver answers {answer.status}")


def signature(key: bytes, body: bytes, *, at_s: int) -> str:
    """
    Return the value of `x-pointsman-signature`: `t=SECONDS,v1=HEX`, where HEX is HMAC-SHA-256 over `SECONDS.BODY`.

    The time is signed too, so that whoever checks it can refuse what is old.
    """
    return f"t={at_s},v1={hmac.new(key, b'%d.' % at_s + body, 'sha256').hexdigest()}"
