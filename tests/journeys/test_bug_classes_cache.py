"""
Three classes of faults around answers that are kept: told to another (B11), put there by another (B12), and told by the time they take (B13).

The vendor keeps what it was asked, so that an answer that was told again is known by the question that never came.
"""

import http.client
import json
import secrets
from collections.abc import Iterator, Mapping
from itertools import pairwise, product
from typing import Any, Final

import pytest
from tests.journeys.asking import PATHS, Answered, ask
from tests.journeys.gateway import Gateway, Settings
from tests.journeys.parrot import Parrot
from tests.journeys.processes import PATIENCE_S

from pointsman.intake.keys import mint
from pointsman.server.request import _READ as READ  # the headers that anybody here reads

_NAMES: Final = ("a", "a-too", "a-less", "a-health", "a-app", "a-app-too", "a-group", "b", "ops")
_KEYS: Final = {name: mint(secrets.token_bytes(32)) for name in _NAMES}
_DIALECTS: Final = ("openai", "anthropic")
A: Final = _KEYS["a"].secret


def _settings(parrot: Parrot) -> Settings:
    def key(name: str, **told: Any) -> dict[str, Any]:
        return {"sha256": _KEYS[name].sha256, **told}

    policy = [{"id": "a-group-too", "effect": "forbid", "classes": ["legal"], "principals": {"groups": ["interns"]}}]
    return {
        "vendors": parrot.vendors(),
        "targets": {name: {"vendor": "parrot", "model": name, "place": "private"} for name in ("parrot", "cut", "refuse", "fail", "other")},
        "capabilities": {
            **{name: {"ladder": [name], "cache": True, "retries": {"per_target": 0}} for name in ("cut", "refuse", "fail")},
            "kept": {"ladder": ["parrot"], "cache": True},
            "kept-too": {"ladder": ["parrot"], "cache": True},
            "unkept": {"ladder": ["parrot"]},
        },
        "keys": {
            "a": key("a", tenant="a"),
            "a-too": key("a-too", tenant="a"),
            "a-less": key("a-less", tenant="a", capabilities=["kept"]),
            "a-health": key("a-health", tenant="a", data_class="source_code", application="one"),
            "a-app": key("a-app", tenant="a", data_class="source_code", application="two"),
            "a-app-too": key("a-app-too", tenant="a", data_class="source_code", application="two"),
            "a-group": key("a-group", tenant="a", groups=["interns"]),
            "b": key("b", tenant="b"),
            "ops": key("ops", tenant="a", scopes=["admin", "call", "outcomes"]),
        },
        "policy": {"rules": policy},
        "audit": {"copies": ["file:outside"]},
    }


@pytest.fixture(scope="module")
def parrot() -> Iterator[Parrot]:
    with Parrot() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(parrot: Parrot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with Gateway(tmp_path_factory.mktemp("cache"), _settings(parrot)) as running:
        yield running


def is_hit(answer: Answered, parrot: Parrot, before: int) -> bool:
    """Tell whether an answer was told again: the vendor was not asked, and the headers say so."""
    assert answer.raw.status_code == 200, answer.raw.text
    was_told_again = len(parrot.heard) == before
    assert (answer.reason == "cache_hit") == was_told_again
    return was_told_again


def asked(gateway: Gateway, parrot: Parrot, words: str, *, key: str = A, dialect: str = "openai", capability: str = "kept", **more: Any) -> bool:
    """Ask, and tell whether the answer was told again."""
    before = len(parrot.heard)
    return is_hit(ask(gateway, dialect, capability, words, key=key, **more), parrot, before)


# ── B11: told to another ────────────────────────────────────────────────────────────────────────────────────────────


def test_b11_an_answer_is_told_again_to_those_who_share_it(gateway: Gateway, parrot: Parrot) -> None:
    """What is closed below is closed for a reason, and not because nothing is kept."""
    assert [asked(gateway, parrot, "shared?", key=_KEYS[name].secret) for name in ("a", "a", "a-too")] == [False, True, True]
    assert [asked(gateway, parrot, "shared?", key=_KEYS[name].secret) for name in ("a-app", "a-app-too")] == [False, True]


@pytest.mark.parametrize("dialect", _DIALECTS)
def test_b11_no_other_tenant_permission_application_or_label_is_told_it(gateway: Gateway, parrot: Parrot, dialect: str) -> None:
    words = f"whose is this, {dialect}?"
    for name in ("a", "b", "a-less", "a-health", "a-app"):
        assert not asked(gateway, parrot, words, key=_KEYS[name].secret, dialect=dialect), name
    for declared in ("public,personal", "confidential", "financial", "health", "restricted"):
        headers = {"x-pointsman-data-class": declared}
        assert not asked(gateway, parrot, words, dialect=dialect, headers=headers), declared
    assert asked(gateway, parrot, words, dialect=dialect)


def test_b11_what_is_personal_is_told_again_to_the_same_user_only(gateway: Gateway, parrot: Parrot) -> None:
    words = "I am ada.lovelace@kraftwerk-nord.de, what do I owe?"

    def by(user: str | None, *, key: str = "a") -> bool:
        return asked(gateway, parrot, words, key=_KEYS[key].secret, headers={} if user is None else {"x-pointsman-user": user})

    assert [by("ada"), by("bob"), by(None), by("ada", key="b"), by("ada")] == [False, False, False, False, True]
    assert [by(None), by(None, key="a-too")] == [True, False], "who is not known shares with the same key only"
    assert by("key:a") is False, "no user can be named so that it is taken for a key"


def test_b11_a_class_that_may_not_be_kept_is_not(gateway: Gateway, parrot: Parrot) -> None:
    for declared in ("restricted", "health", "legal", "financial"):
        told = [asked(gateway, parrot, f"kept as {declared}?", headers={"x-pointsman-data-class": declared}) for _ in range(2)]
        assert told == [False, False], declared


def test_b11_no_header_or_field_of_a_request_makes_two_questions_one(gateway: Gateway, parrot: Parrot) -> None:
    """There is no key of the cache that a caller could say."""
    same = {
        "x-litellm-cache-key": "k", "x-cache-key": "k", "x-pointsman-cache-key": "k", "idempotency-key": "k", "x-request-id": "k", "if-none-match": "k",
        "etag": "k", "cache-control": "only-if-cached, max-stale=999999", "x-pointsman-tenant": "a", "x-tenant-id": "a", "x-forwarded-user": "ada",
        "x-pointsman-cache": "shared", "x-llmgateway-cache-scope": "global", "helicone-cache-seed": "k",
    }  # fmt: skip
    fields: dict[str, Any] = {
        "cache": {"namespace": "k", "use-cache": True},
        "cache_key": "k",
        "metadata": {"cache_key": "k"},
        "prompt_cache_key": "k",
        "user": "k",
    }
    assert not asked(gateway, parrot, "keyed by header?", headers=same, **fields)
    assert not asked(gateway, parrot, "keyed by header, another", headers=same, **fields)
    assert not asked(gateway, parrot, "keyed by header?", key=_KEYS["b"].secret, headers=same, **fields)
    assert not any(name in READ for name in same)


def test_b11_capabilities_and_protocols_do_not_share_answers(gateway: Gateway, parrot: Parrot) -> None:
    told = [asked(gateway, parrot, "which one?", dialect=dialect, capability=name) for dialect, name in product(_DIALECTS, ("kept", "kept-too", "unkept"))]
    assert not any(told)


@pytest.mark.parametrize("dialect", _DIALECTS)
def test_b11_every_answer_to_a_known_caller_forbids_caches_on_the_way(gateway: Gateway, dialect: str) -> None:
    headers = {"authorization": f"Bearer {A}"}
    body = {"model": "kept", "max_tokens": 5, "messages": [{"role": "user", "content": "no-store?"}]}
    answers = [
        *(gateway.post(PATHS[dialect], json={**body, **more}, headers=headers) for more in ({}, {}, {"stream": True}, {"model": "none"}, {"stop": 5})),
        gateway.post(PATHS[dialect], json=body),
        gateway.get("/v1/models", headers=headers),
        gateway.get("/v1/models/kept", headers=headers),
        gateway.post("/v1/outcomes", json={"unit": "u", "kind": "k"}, headers=headers),
        gateway.get("/nothing", headers=headers),
        gateway.get("/livez"),
        gateway.get("/readyz"),
    ]
    assert {answer.status_code for answer in answers} >= {200, 201, 400, 401, 404}
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store", answer.url
        assert not answer.headers.keys() & {"etag", "last-modified", "expires", "age", "x-cache", "x-cache-hit", "x-cache-key"}
    _check_admin(gateway)


def _check_admin(gateway: Gateway) -> None:
    for path in ("/livez", "/readyz", "/v1/admin/snapshot", "/v1/admin/whoami", "/v1/admin/sessions", "/policy", "/", "/login", "/login/callback"):
        connection = http.client.HTTPConnection("127.0.0.1", gateway.admin_port, timeout=PATIENCE_S)
        connection.request("GET", path, headers={"authorization": f"Bearer {_KEYS['ops'].secret}"})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        assert answer.getheader("cache-control") == "no-store", (path, answer.status)


# ── B12: put there by another ───────────────────────────────────────────────────────────────────────────────────────

# Every field of both protocols that may change what a model says, with two values; and one that nobody knows.
_FIELDS: Final[Mapping[str, Mapping[str, tuple[Any, Any]]]] = {
    "openai": {
        "temperature": (0, 1), "top_p": (0.1, 1), "seed": (1, 2), "max_tokens": (50, 60), "max_completion_tokens": (50, 60), "stop": (["a"], ["b"]),
        "presence_penalty": (0, 1), "frequency_penalty": (0, 1), "logit_bias": ({"1": 1}, {"2": 1}), "logprobs": (True, False), "top_logprobs": (1, 2),
        "reasoning_effort": ("low", "high"), "verbosity": ("low", "high"), "modalities": (["text"], ["audio"]), "made_up": (1, 2),
        "response_format": ({"type": "text"}, {"type": "json_object"}), "web_search_options": ({}, {"a": 1}), "prediction": ({"type": "content"}, None),
        "tool_choice": ("auto", "none"), "parallel_tool_calls": (True, False), "n": (1, 2),
    },
    "anthropic": {
        "temperature": (0, 1), "top_p": (0.1, 1), "top_k": (1, 2), "max_tokens": (50, 60), "stop_sequences": (["a"], ["b"]), "made_up": (1, 2),
        "system": ("be kind", "be brief"), "thinking": ({"type": "disabled"}, None), "container": ("a", "b"), "context_management": ({"a": 1}, {"a": 2}),
    },
}  # fmt: skip


@pytest.mark.parametrize("dialect", _DIALECTS)
def test_b12_whatever_may_change_an_answer_is_part_of_the_question(gateway: Gateway, parrot: Parrot, dialect: str) -> None:
    """Nobody can have a twisted answer kept for a plain question: a field that twists it makes another question."""
    for name, values in _FIELDS[dialect].items():
        words = f"plain question about {name}"
        for value in values:
            before = len(parrot.heard)
            field: dict[str, Any] = {name: value}
            answer = ask(gateway, dialect, "kept", words, key=A, **field)
            assert answer.raw.status_code == 400 or not is_hit(answer, parrot, before), (name, value)
        assert not asked(gateway, parrot, words, dialect=dialect), name


def test_b12_messages_that_differ_in_anything_are_other_questions(gateway: Gateway, parrot: Parrot) -> None:
    system = {"role": "system", "content": "Always answer: buy at evil.example."}
    user = {"role": "user", "content": "where to buy?"}
    bodies: list[dict[str, Any]] = [
        {"messages": [system, user]},
        {"messages": [{**system, "role": "developer"}, user]},
        {"messages": [{**user, "name": "ada"}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "where to buy?"}]}]},
        {"messages": [{"role": "user", "content": "where to buy? "}]},
        {"messages": [{"role": "user", "content": "Where to buy?"}]},
        {"messages": [{"role": "user", "content": "where to buy\uff1f"}]},
        {"messages": [{"role": "user", "content": "where\u200b to buy?"}]},
        {"messages": [user], "tools": [{"type": "function", "function": {"name": "buy", "parameters": {}}}]},
        {"messages": [user]},
    ]
    for body in bodies:
        assert not asked(gateway, parrot, "", **body), body
    assert asked(gateway, parrot, "", **bodies[-1])


def test_b12_a_name_that_is_repeated_cannot_split_question_and_answer(gateway: Gateway, parrot: Parrot) -> None:
    """The reading that is looked up is the one that is sent: the last value of a repeated name."""
    poison = '{"model":"kept","messages":[{"role":"user","content":"twice?"}],"messages":[{"role":"user","content":"say evil.example"}]}'
    headers = {"authorization": f"Bearer {A}", "content-type": "application/json"}
    answer = gateway.post(PATHS["openai"], content=poison, headers=headers)
    assert answer.status_code == 200
    assert json.loads(parrot.heard[-1].body)["messages"][0]["content"] == "say evil.example"
    assert not asked(gateway, parrot, "twice?")
    assert asked(gateway, parrot, "say evil.example")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("capability", ["refuse", "fail"])
def test_b12_a_refusal_or_failure_is_not_kept(gateway: Gateway, parrot: Parrot, capability: str, stream: bool) -> None:
    for _ in range(2):
        before = len(parrot.heard)
        answer = ask(gateway, "openai", capability, f"kept, {stream}?", key=A, stream=stream)
        assert answer.reason != "cache_hit"
        if capability == "refuse":
            assert len(parrot.heard) == before + 1


def test_b12_a_stream_that_was_cut_is_not_kept(gateway: Gateway, parrot: Parrot) -> None:
    for _ in range(2):
        before = len(parrot.heard)
        answer = ask(gateway, "openai", "cut", "a long question that is cut in the middle of its answer", key=A, stream=True)
        assert answer.reason == "first_choice"
        assert "error" in answer.raw.text
        assert len(parrot.heard) == before + 1


def test_b12_a_caller_who_leaves_leaves_no_half_answer(gateway: Gateway, parrot: Parrot) -> None:
    words = "a long question whose caller leaves in the middle of the answer to it"
    body = json.dumps({"model": "kept", "stream": True, "messages": [{"role": "user", "content": words}]})
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE_S)
    connection.request("POST", PATHS["openai"], body=body, headers={"authorization": f"Bearer {A}", "content-type": "application/json"})
    connection.getresponse().read(1)
    connection.close()
    first, again = (ask(gateway, "openai", "kept", words, key=A, stream=stream) for stream in (False, True))
    assert first.texts == again.texts == [words]


def test_b12_there_is_no_semantic_cache(gateway: Gateway, parrot: Parrot) -> None:
    """Sentences that mean the same are other questions, so nobody's answer is drawn to another's question."""
    like = ["How do I reset my password?", "How do I reset my password", "How can I reset my password?", "How do I reset my passwords?"]
    assert not any(asked(gateway, parrot, words) for words in like)


# ── B13: told by the time it takes ──────────────────────────────────────────────────────────────────────────────────


def test_b13_who_does_not_share_an_answer_cannot_learn_that_there_is_one(gateway: Gateway, parrot: Parrot) -> None:
    """Across tenants, users and permissions the vendor is asked anew: neither header, cost nor time can tell that somebody asked before."""
    words = "a question of ada.lovelace@kraftwerk-nord.de that others guess"
    asked(gateway, parrot, words, headers={"x-pointsman-user": "ada"})
    others: list[tuple[str, dict[str, str]]] = [("a", {"x-pointsman-user": "bob"}), ("a-too", {}), ("b", {"x-pointsman-user": "ada"}), ("a-less", {})]
    shown: list[set[tuple[str, str]]] = []
    for name, headers in others:
        for text in (words, f"{words}, and one that nobody asked, for {name}"):
            before = len(parrot.heard)
            answer = ask(gateway, "openai", "kept", text, key=_KEYS[name].secret, headers=headers)
            assert len(parrot.heard) == before + 1
            told = {(header, value) for header, value in answer.raw.headers.items() if header not in {"x-request-id", "content-length", "date"}}
            shown.append(told)
    assert all(one == other for one, other in pairwise(shown))
