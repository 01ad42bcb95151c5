"""
Explain: where a call would go and why. What is pasted is judged as a call would be, and is neither sent nor kept.
"""

import secrets
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from pointsman.app.explain import Explanation
from pointsman.console.candidates import Seen, seen
from pointsman.console.frame import Ask, Shown
from pointsman.core.call import Call
from pointsman.core.errors import BadRequest, PointsmanError
from pointsman.core.ids import uuid7
from pointsman.core.place import Dialect
from pointsman.core.principal import Principal
from pointsman.decision.criteria import read
from pointsman.storage.sql import Database
from pointsman.surfaces.registry import BY_DIALECT

_PROTOCOLS: Final = {"openai": Dialect.OPENAI_CHAT, "anthropic": Dialect.ANTHROPIC_MESSAGES}
_USUAL_TOKENS: Final = 1024


def explain(ask: Ask, db: Database) -> Shown:
    """Show the form, and the explanation of what was sent with it."""
    del db
    form = ask.form
    values: dict[str, Any] = {
        "capabilities": list(ask.control.snapshot.capabilities),
        "keys": [key.key_id for key in ask.control.snapshot.keys],
        "form": {name: form.get(name, "") for name in ("capability", "key", "data_class", "criteria", "protocol", "text")},
        "found": None,
        "wrong": None,
        "rows": [],
    }
    if form.get("text"):
        try:
            call = _call(ask)
            key = form.get("key") or _able(ask, call.capability)
            told = form.get("criteria", "")
            criteria: Mapping[str, float] = read(told) if told else {}
            found = ask.control.explain(call, key_id=key, data_class=form.get("data_class") or None, criteria=criteria)
            values |= {"found": found, "rows": _rows(found)}
        except PointsmanError as error:  # what was pasted stays in the form
            values["wrong"] = error.message
    return Shown(template="explain.html", title="Explain", values=values, has_span=False, status=400 if values["wrong"] else 200)


def _rows(found: Explanation) -> list[Seen]:
    """Return the candidates as they were weighed; none where the owner's order counts."""
    if not found.is_by_value:
        return []
    weighed = [one.weighed for one in found.candidates if one.weighed is not None]
    return seen(weighed, chosen=found.first, vetoes={one.target: one.code for one in found.candidates if one.order is None})


def _call(ask: Ask) -> Call:
    text, capability = ask.form["text"].strip(), ask.form.get("capability", "")
    dialect = _PROTOCOLS.get(ask.form.get("protocol", ""), Dialect.OPENAI_CHAT)
    body = _body(text, capability, dialect=dialect)
    if capability:
        body["model"] = capability
    known = ask.control.snapshot
    if body.get("model") not in {*known.capabilities, *known.targets}:
        raise BadRequest(
            f"There is no capability `{str(body.get('model', ''))[:100]}`. Choose one, or name one as `model` in what you paste.", field="capability"
        )
    return BY_DIALECT[dialect].decode(msgspec.json.encode(body), uuid7(now_ms=ask.control.now_ms(), random_bits=secrets.randbits(74)))


def _body(text: str, capability: str, *, dialect: Dialect) -> dict[str, Any]:
    """Return what is pasted as a request: a whole one, or a prompt that becomes one."""
    if text.startswith("{"):
        try:
            return msgspec.json.decode(text, type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError) as error:
            raise BadRequest("This begins like a request, but is no JSON. Paste the whole body, or a prompt in plain words.", field="text") from error
    body: dict[str, Any] = {"model": capability, "messages": [{"role": "user", "content": text}]}
    return body if dialect is Dialect.OPENAI_CHAT else {**body, "max_tokens": _USUAL_TOKENS}


def _able(ask: Ask, capability: str) -> str | None:
    """Return the first key that may use the capability, if there is one."""
    able = (key for key in ask.control.snapshot.keys if ask.control.allows(Principal(key=key), f"capability:{capability}"))
    return next((key.key_id for key in able), None)
