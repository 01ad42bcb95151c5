"""
`POST /v1/webhooks/NAME`: what another system tells of a unit in its own words, signed with a shared key (HMAC-SHA-256).

The signature is checked before anything is read. What is told twice counts once: by the id of the message, else by what it says.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, cast

import msgspec

from pointsman.core.entry import Outcome
from pointsman.core.errors import BadRequest, NotAuthenticated
from pointsman.server.outcomes import LAST_MS, checked_usd
from pointsman.settings.secret_value import Secret, local
from pointsman.settings.webhook_shape import Incoming
from pointsman.surfaces.names import checked

ORIGIN: Final = local("webhooks")
_PREFIX: Final = "sha256="
# Beyond this, a number of seconds would be after the year 5138: it is milliseconds.
_LAST_S: Final = 100_000_000_000
_NUMBER: Final = re.compile(r"[0-9]{1,7}|[0-9]{9,15}")  # eight digits are a date
_PLACE: Final = re.compile(r"[0-9]{1,4}")
_HEX: Final = re.compile(r"[0-9a-fA-F]{64}")


def check_signature(body: bytes, headers: Mapping[str, str], *, told: Incoming, key: Secret, now_ms: int) -> None:
    """Raise `NotAuthenticated` for a message that was not signed with the key, or too long ago."""
    told_time = None if told.timestamp is None else headers.get(told.timestamp, "")
    if told_time is not None:
        at_ms = _time_ms(told_time)
        if at_ms is None or abs(now_ms - at_ms) > told.tolerance_s * 1000:
            raise NotAuthenticated(f"`{told.timestamp}` is no time within {told.tolerance_s:g} s of now. Send the time that is signed, and set the clocks.")
    signed = body if told_time is None else told_time.encode("latin-1") + body
    wanted = hmac.new(key.reveal_to(ORIGIN).encode(), signed, hashlib.sha256).digest()
    if not hmac.compare_digest(wanted, _bytes_of(headers.get(told.signature, ""))):
        raise NotAuthenticated(f"`{told.signature}` is not the signature of this message. Sign its bytes with the key of the webhook (HMAC-SHA-256).")


def outcome_told(body: bytes, name: str, *, told: Incoming, now_ms: int) -> Outcome | None:
    """Return what a message says of a unit; None for a word that means nothing here. Raises `BadRequest` for a message without what the paths lead to."""
    try:
        tree: object = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"The message is not JSON ({error}). Send one JSON object.") from error
    word = _name(tree, told.event, field="event")
    meaning = told.events.get(word)
    if meaning is None:
        return None
    at = None if told.at is None else _at(tree, told.at)
    at_ms = None if at is None else _time_ms(at)
    if at is not None and at_ms is None:
        raise BadRequest(f"`{told.at}` is no time. Send ISO 8601, or Unix seconds or milliseconds.", field=told.at)
    # Of its bytes and not of its time of arrival, so that a repeated message is the same.
    message = hashlib.sha256(body).hexdigest()[:32] if told.id is None else _name(tree, told.id, field="id")
    return Outcome(
        unit=_name(tree, told.unit, field="unit"),
        outcome_id=checked(f"{name}/{message}", field="id"),
        kind=meaning.kind or word,
        success=meaning.success,
        at_ms=now_ms if at_ms is None else at_ms,
        tenant=told.tenant,
        value_nano_usd=None if told.value_usd is None else _usd(tree, told.value_usd),
        source=f"webhook:{name}",
        workflow=told.workflow,
        reversed=meaning.reversed,
    )


def key_of(told: Incoming, secret: Callable[[str], Secret]) -> Secret:
    """Return the key of a sender. It may take time: called from a thread. Raises `CredentialMissing`."""
    return secret(told.secret).bound_to(ORIGIN)


def _at(tree: object, path: str) -> Any:
    """Return what a dotted path leads to, or None."""
    found: Any = tree
    for step in path.split("."):
        if isinstance(found, dict):
            found = cast("dict[str, Any]", found).get(step)
            continue
        items = cast("list[Any]", found) if isinstance(found, list) else []
        if not _PLACE.fullmatch(step) or int(step) >= len(items):
            return None
        found = items[int(step)]
    return found


def _name(tree: object, path: str, *, field: str) -> str:
    found = _at(tree, path)
    if not isinstance(found, str | int) or isinstance(found, bool):
        raise BadRequest(f"The message has no text or number at `{path}`, where its {field} is looked for. Correct `{field}` of the webhook.", field=path)
    return checked(str(found), field=path)


def _usd(tree: object, path: str) -> int | None:
    found = _at(tree, path)
    if found is None:
        return None
    try:
        amount = Decimal(str(found))
    except InvalidOperation as error:
        raise BadRequest(f"`{path}` is no number of US dollars. Correct `value_usd` of the webhook.", field=path) from error
    return checked_usd(amount, field=path)


def _time_ms(told: object) -> int | None:
    """Return Unix milliseconds of ISO 8601 or a number of seconds or milliseconds; None for anything else. A time without a zone is UTC."""
    if isinstance(told, str) and _NUMBER.fullmatch(told):
        told = int(told)  # before a date is looked for: some milliseconds would be one, of the 18th century
    if isinstance(told, str):
        try:
            moment = datetime.fromisoformat(told)
        except ValueError:
            return None
        else:
            return max(round((moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp() * 1000), 0)
    if isinstance(told, bool) or not isinstance(told, int | float) or not 0 <= told <= LAST_MS:
        return None
    return round(told) if told > _LAST_S else round(told * 1000)


def _bytes_of(signature: str) -> bytes:
    """Return the bytes of a signature in hex or base64; none for what is neither."""
    text = signature.strip().removeprefix(_PREFIX)
    try:
        return bytes.fromhex(text) if _HEX.fullmatch(text) else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return b""
