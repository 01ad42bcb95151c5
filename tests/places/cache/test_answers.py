"""Exact answers: who may find one again, for how long, and within how many bytes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields, replace
from tests.places.attempts import EVERYWHERE, an_attempt
from tests.values import Time, a_call, a_capability, a_key, a_principal

from pointsman.core.attempt import Attempt
from pointsman.core.call import HiddenThinking, Refusal, Text, Thinking, ToolUse
from pointsman.core.capability import CachePolicy
from pointsman.core.label import CLASSES, a_label
from pointsman.core.place import Dialect
from pointsman.core.reply import Finish, Native, Reply, Usage
from pointsman.core.verdict import Sharing, Verdict
from pointsman.places.cache.answers import AnswerCache, CacheKey, cache_key

REPLY = Reply(reply_id="r", model="small", finish=Finish.DONE, parts=(Text("42"),), usage=Usage(tokens_in=1))


def _attempt(text: str = "What is six times seven?", **more: Any) -> Attempt:
    return an_attempt(text, **{"capability": a_capability(cache=CachePolicy(ttl_s=60)), **more})


def _cache(time: Time | None = None, max_bytes: int = 1_000_000) -> AnswerCache:
    return AnswerCache(max_bytes=max_bytes, now=(time or Time()).clock.monotonic_s)


def test_an_answer_is_found_again_by_the_same_question_and_no_other() -> None:
    cache = _cache()
    assert cache.find(_attempt()) is None
    cache.keep(_attempt(), REPLY)
    assert cache.find(_attempt()) is REPLY
    assert cache.find(_attempt("What is six times eight?")) is None


def test_fields_that_cannot_change_an_answer_do_not_change_the_question() -> None:
    cache = _cache()
    cache.keep(_attempt(), REPLY)
    call = a_call("What is six times seven?")
    more = {"stream": True, "stream_options": {"include_usage": True}, "metadata": {"a": "b"}, "user": "ann", "store": True}
    assert cache.find(_attempt(call=replace(call, wire={**call.wire, **more}))) is REPLY


@pytest.mark.parametrize("more", [{"tools": []}, {"temperature": 0}, {"seed": 1}, {"a_field_of_tomorrow": 1}, {"max_tokens": 5}])
def test_every_other_field_does(more: dict[str, object]) -> None:
    cache = _cache()
    cache.keep(_attempt(), REPLY)
    call = a_call("What is six times seven?")
    assert cache.find(_attempt(call=replace(call, wire={**call.wire, **more}))) is None


_SCOPES = st.fixed_dictionaries(
    {
        "tenant": st.sampled_from(["acme", "globex"]),
        "permissions": st.sampled_from([None, frozenset[str](), frozenset({"support"}), frozenset({"support", "other"})]),
        "label": st.sampled_from([a_label(name) for name in CLASSES]),
        "name": st.sampled_from(["support", "sales"]),
        "version": st.sampled_from(["v1", "v2"]),
        "snapshot": st.sampled_from(["0", "1"]),
        "dialect": st.sampled_from(Dialect),
        "text": st.sampled_from(["a", "b", ""]),
        "headers": st.sampled_from([(), (("anthropic-beta", "a"),), (("anthropic-beta", "b"),)]),
    }
)


def _scoped(scope: dict[str, Any]) -> Attempt:
    return an_attempt(
        call=a_call(scope["text"], dialect=scope["dialect"], headers=scope["headers"]),
        principal=a_principal(a_key(tenant=scope["tenant"], capabilities=scope["permissions"])),
        capability=a_capability(scope["name"], version=scope["version"], cache=CachePolicy(ttl_s=60)),
        verdict=Verdict(label=scope["label"], mask=EVERYWHERE, snapshot=scope["snapshot"]),
    )


@given(_SCOPES, _SCOPES)
def test_two_calls_share_an_answer_if_and_only_if_their_whole_scope_is_the_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Nobody is shown what somebody with other rights, data or contract was answered."""
    cache = _cache()
    cache.keep(_scoped(one), REPLY)
    assert (cache.find(_scoped(other)) is REPLY) is (one == other)


def test_an_application_finds_nothing_by_naming_the_user_of_another() -> None:
    """Whom it acts for is its own word."""
    verdict = Verdict(label=a_label("personal"), mask=EVERYWHERE, snapshot="0", sharing=Sharing.USER)

    def asked_by(key_id: str, user: str | None) -> Attempt:
        return _attempt(principal=a_principal(a_key(key_id), user=user), verdict=verdict)

    cache = _cache()
    cache.keep(asked_by("crm", "ann"), REPLY)
    found = [cache.find(asked_by(*who)) is REPLY for who in (("crm", "ann"), ("crm", "bob"), ("crm", None), ("desk", "ann"), ("@login", "ann"))]
    assert found == [True, False, False, False, False]


def test_a_key_cannot_be_made_without_its_whole_scope() -> None:
    key = cache_key(_attempt())
    names = [field.name for field in fields(CacheKey)]
    for name in names:
        told = {field: getattr(key, field) for field in names if field != name}
        with pytest.raises(TypeError, match=name):
            CacheKey(**told)


def test_an_answer_is_kept_for_as_long_as_the_owner_says() -> None:
    time = Time()
    cache = _cache(time)
    cache.keep(_attempt(), REPLY)
    time.advance(59.9)
    assert cache.find(_attempt()) is REPLY
    time.advance(0.1)
    assert cache.find(_attempt()) is None
    assert cache.size_bytes == 0


@pytest.mark.parametrize("finish", Finish)
def test_an_answer_that_was_cut_off_or_refused_is_not_kept(finish: Finish) -> None:
    cache = _cache()
    cache.keep(_attempt(), replace(REPLY, finish=finish))
    assert (cache.find(_attempt()) is not None) is (finish not in (Finish.LENGTH, Finish.REFUSED, Finish.PAUSED))


def test_a_refusal_in_words_is_not_kept_although_the_model_was_done() -> None:
    cache = _cache()
    cache.keep(_attempt(), replace(REPLY, parts=(Refusal(text="I cannot help with that."),)))
    assert cache.find(_attempt()) is None


def test_nothing_is_kept_for_a_capability_without_a_cache() -> None:
    cache = _cache()
    cache.keep(_attempt(capability=a_capability()), REPLY)
    assert (cache.find(_attempt(capability=a_capability())), cache.size_bytes) == (None, 0)


def test_a_newer_answer_takes_the_place_of_the_older() -> None:
    cache = _cache()
    cache.keep(_attempt(), replace(REPLY, parts=(Text("x" * 500),)))
    size = cache.size_bytes
    cache.keep(_attempt(), REPLY)
    assert cache.find(_attempt()) is REPLY
    assert cache.size_bytes < size


def test_the_answer_that_was_not_asked_for_longest_leaves_first() -> None:
    answer = replace(REPLY, parts=(Text("x" * 1000),))
    cache = _cache(max_bytes=5000)
    for text in ("a", "b", "c"):
        cache.keep(_attempt(text), answer)
    assert cache.find(_attempt("a")) is not None
    cache.keep(_attempt("d"), answer)
    assert [cache.find(_attempt(text)) is not None for text in "abcd"] == [True, False, True, True]


@given(st.lists(st.tuples(st.text(max_size=3).map(lambda text: text * 300), st.booleans()), max_size=40))
def test_the_bound_in_bytes_holds_whatever_comes(steps: list[tuple[str, bool]]) -> None:
    cache = _cache(max_bytes=10_000)
    for step, (text, as_bytes) in enumerate(steps):
        body = Native(Dialect.OPENAI_CHAT, text.encode("utf-8", "replace")) if as_bytes else None
        parts = (Text(text), ToolUse(use_id="1", name="n", arguments=text), Thinking(text=text), HiddenThinking(data=text))
        reply = replace(REPLY, parts=parts, native=body)
        cache.keep(_attempt(str(step)), reply)
        found = cache.find(_attempt(str(step)))
        assert found in (None, reply)
        assert cache.size_bytes <= 10_000
        held = sum(len(part.text.encode("utf-8", "replace")) for part in found.parts if isinstance(part, Text)) if found is not None else 0
        assert held <= cache.size_bytes


def test_an_answer_too_large_for_the_whole_cache_drives_nothing_out() -> None:
    cache = _cache(max_bytes=5000)
    cache.keep(_attempt("small"), REPLY)
    cache.keep(_attempt("large"), replace(REPLY, parts=(Text("x" * 5000),)))
    assert cache.find(_attempt("small")) is REPLY
    assert cache.find(_attempt("large")) is None
