"""
Two classes of faults around what belongs to whom: a caller who names a URL or a credential (B7), and objects of one owner in the hands of another (B8).

Two vendors with a key each stand behind the gateway. Whatever a caller says, each hears its own key, on its own path, and no other.
"""

import json
import re
import secrets
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from tests.journeys.asking import PATHS, ask
from tests.journeys.gateway import Gateway, Settings
from tests.journeys.parrot import Parrot
from tests.journeys.processes import PATIENCE_S, eventually

from pointsman.cli.kept import kept
from pointsman.intake.keys import mint
from pointsman.ledger.content.store import ContentStore

_KEYS: Final = {name: mint(secrets.token_bytes(32)) for name in ("a", "b", "raw")}
_FIRST: Final = "sk-of-the-first-vendor-5d1c"
_SECOND: Final = "sk-of-the-second-vendor-8e2b"
_MINE: Final = "sk-of-the-caller-himself-77aa"
_DIALECTS: Final = ("openai", "anthropic")


def _settings(first: Parrot, second: Parrot) -> Settings:
    vendors = {
        "first": {"kind": "openai_compatible", "base_url": f"{first.url}/deep/v1", "credential": "env:FIRST", "region": "here"},
        "second": {"kind": "anthropic_compatible", "base_url": second.url, "credential": "env:SECOND", "region": "here"},
    }
    targets = {
        "first": {"vendor": "first", "model": "first", "place": "private"},
        "second": {"vendor": "second", "model": "second", "place": "private"},
        "waiting": {"vendor": "first", "model": "echo-wait", "place": "private"},
        "broken": {"vendor": "first", "model": "fail", "place": "private"},
    }
    return {
        "vendors": vendors,
        "targets": targets,
        "capabilities": {
            "one": {"ladder": ["first"]},
            "two": {"ladder": ["second"]},
            "waits": {"ladder": ["waiting"]},
            "falls-back": {"ladder": ["broken", "second"], "retries": {"per_target": 0}},
        },
        "keys": {
            "a": {"sha256": _KEYS["a"].sha256, "tenant": "a"},
            "b": {"sha256": _KEYS["b"].sha256, "tenant": "b"},
            "raw": {"sha256": _KEYS["raw"].sha256, "scopes": ["call", "raw_targets"], "capabilities": ["one"]},
        },
        "retention": {"content": "full"},
        "audit": {"copies": ["file:outside"]},
    }


@pytest.fixture(scope="module")
def first() -> Iterator[Parrot]:
    with Parrot() as running:
        yield running


@pytest.fixture(scope="module")
def second() -> Iterator[Parrot]:
    with Parrot() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(first: Parrot, second: Parrot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    told = _settings(first, second)
    with Gateway(tmp_path_factory.mktemp("owners"), told, environ={"FIRST": _FIRST, "SECOND": _SECOND}) as running:
        yield running


# ── B7: URLs and credentials are the operator's ─────────────────────────────────────────────────────────────────────

_URL: Final = "http://127.0.0.1:9/evil"
_FIELDS: Final[list[dict[str, Any]]] = [
    {"base_url": _URL, "api_base": _URL, "api_key": _MINE, "api_version": "x", "organization": _MINE},
    {"extra_body": {"base_url": _URL, "api_key": _MINE, "extra_headers": {"authorization": _MINE}}},
    {"extra_headers": {"authorization": f"Bearer {_MINE}", "host": "127.0.0.1:9"}, "headers": {"x-api-key": _MINE}},
    {"litellm_params": {"api_base": _URL, "api_key": _MINE, "model": "openai/evil"}, "litellm_metadata": {"api_base": _URL}},
    {"model_list": [{"model_name": "one", "litellm_params": {"api_base": _URL}}], "fallbacks": [{"model": "evil", "api_base": _URL, "api_key": _MINE}]},
    {"user_config": {"router": {"api_base": _URL}}, "custom_llm_provider": "openai", "provider": {"url": _URL, "order": ["evil"]}},
    {"metadata": {"user_api_key": _MINE, "headers": json.dumps({"authorization": _MINE})}, "credentials": {"key": _MINE}},
    {"azure_endpoint": _URL, "aws_bedrock_runtime_endpoint": _URL, "vertex_credentials": _MINE, "proxy": _URL, "http_proxy": _URL, "ssl_verify": False},
    {"target": "second", "targets": ["second"], "vendor": "second", "place": "cloud", "ladder": ["second"], "route": "second"},
]
_HEADERS: Final[list[dict[str, str]]] = [
    {"x-base-url": _URL, "x-api-base": _URL, "x-openai-api-base": _URL, "x-litellm-api-base": _URL, "x-target-url": _URL, "x-upstream": _URL},
    {"x-vendor-api-key": _MINE, "api-key": _MINE, "openai-api-key": _MINE, "anthropic-api-key": _MINE, "x-goog-api-key": _MINE, "openai-organization": _MINE},
    {"x-pointsman-target": "second", "x-pointsman-vendor": "second", "x-pointsman-credential": _MINE, "x-pointsman-place": "cloud"},
    {"proxy-authorization": f"Bearer {_MINE}", "forwarded": "host=127.0.0.1:9", "x-forwarded-host": "127.0.0.1:9", "x-original-host": "127.0.0.1:9"},
]


@pytest.mark.parametrize("dialect", _DIALECTS)
@pytest.mark.parametrize("index", range(len(_FIELDS)))
def test_b7_no_field_of_a_body_names_a_url_a_credential_or_a_target(gateway: Gateway, first: Parrot, second: Parrot, dialect: str, index: int) -> None:
    for capability, vendor, key, vendor_dialect in (("one", first, _FIRST, "openai"), ("two", second, _SECOND, "anthropic")):
        before = len(first.heard), len(second.heard)
        answer = ask(gateway, dialect, capability, "hello", key=_KEYS["a"].secret, fields=_FIELDS[index])
        if answer.raw.status_code != 200:  # another protocol has no word for such a field
            assert answer.raw.status_code == 400, answer.raw.text
            assert dialect != vendor_dialect
            assert (len(first.heard), len(second.heard)) == before
            continue
        assert len(first.heard) + len(second.heard) == sum(before) + 1
        _check(vendor, key)


@pytest.mark.parametrize("dialect", _DIALECTS)
@pytest.mark.parametrize("index", range(len(_HEADERS)))
def test_b7_no_header_does_either(gateway: Gateway, first: Parrot, second: Parrot, dialect: str, index: int) -> None:
    for capability, vendor, key in (("one", first, _FIRST), ("two", second, _SECOND)):
        before = len(first.heard) + len(second.heard)
        answer = ask(gateway, dialect, capability, "hello", key=_KEYS["a"].secret, headers=_HEADERS[index])
        assert answer.texts == ["hello"]
        assert len(first.heard) + len(second.heard) == before + 1
        _check(vendor, key)
        assert not vendor.heard[-1].headers.keys() & _HEADERS[index].keys()


def _check(vendor: Parrot, key: str) -> None:
    """Make sure that the last request was the operator's: path, host and credential."""
    heard = vendor.heard[-1]
    assert heard.path == ("/deep/v1/chat/completions" if key == _FIRST else "/v1/messages")
    assert heard.headers["host"] == vendor.url.removeprefix("http://")
    shown = heard.headers.get("authorization", heard.headers.get("x-api-key", ""))
    assert shown.removeprefix("Bearer ") == key
    told = json.dumps(heard.headers)
    assert _MINE not in told
    assert _KEYS["a"].secret not in told + heard.body.decode()
    assert heard.model in {"first", "second"}


@pytest.mark.parametrize(
    "model",
    [
        "first/other-model", "first/", "/first", "openai/gpt-4o", _URL, f"first@{_URL}", "one ", " one", "ONE", "one/../two", "two", "one%2ftwo",
        "vendor:first", "broken", "second", "first/fail", "", "one\u0000", "o\u200bne", "http://127.0.0.1:9/v1#one",
    ],
)  # fmt: skip
def test_b7_a_model_is_the_name_of_something_that_the_key_may_use(gateway: Gateway, first: Parrot, second: Parrot, model: str) -> None:
    """The key may use one capability and name targets; it can name no model of a vendor's that is no target, and no URL."""
    before = len(first.heard) + len(second.heard)
    for dialect in _DIALECTS:
        answer = ask(gateway, dialect, model, "hello", key=_KEYS["raw"].secret)
        if model in {"broken", "second"}:
            assert answer.raw.status_code in (200, 502)
        else:
            assert answer.raw.status_code in (400, 404), (model, answer.raw.text)
    if model not in {"broken", "second"}:
        assert len(first.heard) + len(second.heard) == before


def test_b7_a_credential_stays_with_its_vendor_through_a_fallback(gateway: Gateway, first: Parrot, second: Parrot) -> None:
    for stream in (False, True):
        assert ask(gateway, "openai", "falls-back", "hello", key=_KEYS["a"].secret, stream=stream).texts == ["hello"]
        assert _FIRST not in json.dumps(second.heard[-1].headers) + second.heard[-1].body.decode()
    assert not any(_SECOND in json.dumps(one.headers) + one.body.decode() for one in first.heard)
    assert not any(_FIRST in json.dumps(one.headers) + one.body.decode() for one in second.heard)


def test_b7_a_vendor_that_moves_gets_its_key_at_the_new_origin_only(gateway: Gateway, first: Parrot, second: Parrot) -> None:
    """A change of the address is the operator's, and the old origin hears nothing more."""
    with Parrot() as moved:
        vendors = {**gateway.settings["vendors"]}
        gateway.reload({**gateway.settings, "vendors": {**vendors, "first": {**vendors["first"], "base_url": f"{moved.url}/v1"}}})
        before = len(first.heard)
        assert ask(gateway, "openai", "one", "hello", key=_KEYS["a"].secret).texts == ["hello"]
        assert moved.heard[-1].headers["authorization"] == f"Bearer {_FIRST}"
        assert len(first.heard) == before
        gateway.reload({**gateway.settings, "vendors": vendors})


# ── B8: the owner is part of every key ──────────────────────────────────────────────────────────────────────────────

# Tables that hold nothing of an owner's: sums over all, what hardware cost, the proof of the master key, what the operator's configuration and people did.
_OF_NOBODY: Final = frozenset(
    {"infra_cost", "rollup_minute", "rollup_hour", "latency_hour", "rolled_latency", "failure_hour", "rollup_tag_day", "master", "compatible"}
    | {"snapshot", "workflow", "target", "price", "invoice_line", "release", "budget_event", "incident", "incident_event", "switch", "segment"}
)
# Tables whose rows are named by an id that the gateway draws, and that no caller can choose.
_BY_CALL: Final = frozenset({"call", "attempt", "decision", "content"})
# Tables whose ids are made with the owner in front (`server/judgements.py`, `storage/units.py`), so that nobody uses up another's.
_OWNER_IN_ID: Final = frozenset({"charge", "review", "score"})


def test_b8_every_table_with_something_of_an_owner_has_the_owner_in_its_key() -> None:
    folder = resources.files("pointsman.storage").joinpath("migrations")
    files = [Path(str(folder)) / name for name in ("", "content", "keys")]
    tables: dict[str, str] = {}
    for path in (one for folder in files for one in folder.glob("*.sql")):
        tables |= dict(re.findall(r"CREATE TABLE (\w+) \((.*?)\)(?: WITHOUT ROWID)?;", path.read_text(), re.DOTALL))
    assert len(tables) >= 10
    for name, body in tables.items():
        if name in _OF_NOBODY:
            assert "tenant" not in body
        elif name in _BY_CALL:
            assert re.search(r"call_id TEXT (NOT NULL|PRIMARY KEY)", body), name
            assert "tenant TEXT NOT NULL" in body or name in {"attempt", "decision"}
        elif name in _OWNER_IN_ID:
            assert f"{name}_id TEXT PRIMARY KEY" in body, name
        else:
            assert re.search(r"(PRIMARY KEY|UNIQUE) \([^)]*\btenant\b", body), name


def test_b8_ids_of_calls_are_the_gateways_own(gateway: Gateway) -> None:
    """Nobody can write over another's call by naming its id."""
    answer = ask(gateway, "openai", "one", "of a", key=_KEYS["a"].secret)
    call_id = answer.raw.headers["x-request-id"]
    forged = {"x-request-id": call_id, "request-id": call_id, "x-call-id": call_id, "x-pointsman-call": call_id, "idempotency-key": call_id}
    again = ask(gateway, "openai", "one", "of b", key=_KEYS["b"].secret, headers=forged, id=call_id, call_id=call_id, request_id=call_id)
    assert again.raw.headers["x-request-id"] != call_id
    assert gateway.call(call_id)["tenant"] == "a"
    assert gateway.call(again.raw.headers["x-request-id"])["tenant"] == "b"


def test_b8_the_same_user_of_two_tenants_is_two_people(gateway: Gateway) -> None:
    """Content, audit trail and erasure: what is done to one leaves the other alone, whatever the names."""
    users = {"x-pointsman-user": "ada", "x-pointsman-unit": "ticket-1", "x-pointsman-data-class": "internal"}
    calls = {name: ask(gateway, "openai", "one", f"the words of {name}", key=_KEYS[name].secret, headers=users) for name in ("a", "b")}
    ids = {name: answer.raw.headers["x-request-id"] for name, answer in calls.items()}
    for name, call_id in ids.items():
        assert f"the words of {name}".encode() in eventually(lambda call_id=call_id: _content(gateway, call_id), "the content")
    trails = {name: eventually(lambda name=name: _trail(gateway, f"{name}/ada"), "the trail") for name in ids}
    assert [call_id in trails[name] for name in ids for call_id in ids.values()] == [True, False, False, True]
    assert gateway.cli("audit", "trail", "--subject", "a/b/ada", "--json").stdout.count(ids["b"]) == 0, "no name reaches over a tenant's edge"

    assert gateway.cli("erase", "--subject", "a/ada", "--json").returncode == 0
    assert _content(gateway, ids["a"]) == b""
    assert b"the words of b" in _content(gateway, ids["b"])
    assert ids["a"] not in _trail(gateway, "a/ada")
    assert ids["b"] in _trail(gateway, "b/ada")
    assert gateway.call(ids["a"])["user"] != "ada"
    assert gateway.call(ids["b"])["user"] == "ada"


def _content(gateway: Gateway, call_id: str) -> bytes:
    """Return request and answer of a call as they are kept, or nothing."""
    with kept(gateway.path) as found:
        if not found.files.content.exists():
            return b""
        store = ContentStore(found.files.content, found.files.keys)
        content = store.read(call_id, who="tests")
        store.close()
    return b"" if content is None else (content.request or b"") + (content.answer or b"")


def _trail(gateway: Gateway, subject: str) -> str:
    return gateway.cli("audit", "trail", "--subject", subject, "--json").stdout


def test_b8_answers_carry_nothing_of_another_owners_call(gateway: Gateway) -> None:
    words = "a secret plan that only tenant a has spoken of"
    ask(gateway, "openai", "one", words, key=_KEYS["a"].secret, headers={"x-pointsman-unit": "unit-of-a"})
    for dialect in _DIALECTS:
        for path, body in ((PATHS[dialect], {"model": "one", "max_tokens": 5, "messages": [{"role": "user", "content": "what was said before?"}]}),):
            told = gateway.post(path, json=body, headers={"authorization": f"Bearer {_KEYS['b'].secret}", "x-pointsman-unit": "unit-of-a"})
            assert told.status_code == 200
            assert "plan" not in told.text


def test_what_was_said_is_kept_although_its_caller_left(gateway: Gateway, first: Parrot) -> None:
    """Nobody keeps a conversation off the record by hanging up: in the middle of a stream, or the moment an answer is there."""
    body = {"model": "waits", "stream": True, "messages": [{"role": "user", "content": "said before the caller left"}]}
    headers = {"authorization": f"Bearer {_KEYS['a'].secret}"}
    first.released.clear()  # so that the vendor is in the middle of its answer until the end of this test
    with httpx2.stream("POST", gateway.url + PATHS["openai"], json=body, headers=headers, timeout=PATIENCE_S) as answer:
        call_id = answer.headers["x-request-id"]
        next(answer.iter_raw())
    try:
        found = eventually(lambda: _content(gateway, call_id), "the content")
    finally:
        first.released.set()
    assert b"said before the caller left" in found
    assert b'"content": "s"' in found, "and what was answered so far"
    assert gateway.call(call_id)["status"] == "cancelled"
