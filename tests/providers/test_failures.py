import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.values import a_target

from pointsman.core.failure import FailureKind
from pointsman.core.http import Incoming
from pointsman.providers.failures import bad_answer, failure, stream_kind


def _answer(status: int, body: object = b"", **headers: str) -> Incoming:
    written = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Incoming(status=status, headers={name.replace("_", "-"): value for name, value in headers.items()}, body=written)


def _openai(message: str, *, kind: str | None = None, code: object = None) -> object:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _anthropic(kind: str, message: str) -> object:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        pytest.param(400, _openai("Unknown parameter.", kind="invalid_request_error"), "rejected", id="OpenAI, a wrong request"),
        pytest.param(400, _openai("Too long.", kind="invalid_request_error", code="context_length_exceeded"), "context_length", id="OpenAI, a long prompt"),
        pytest.param(401, _openai("Incorrect API key.", code="invalid_api_key"), "credential", id="OpenAI, our key"),
        pytest.param(404, _openai("No such model.", code="model_not_found"), "not_found", id="OpenAI, no such model"),
        pytest.param(400, _openai("No such model.", code="model_not_found"), "not_found", id="a server that says 400 for it"),
        pytest.param(429, _openai("Slow down.", kind="requests", code="rate_limit_exceeded"), "rate_limited", id="OpenAI, too fast"),
        pytest.param(429, _openai("Pay.", kind="insufficient_quota", code="insufficient_quota"), "credential", id="OpenAI, no money left: waiting is vain"),
        pytest.param(400, _openai("Flagged.", code="content_filter"), "content_refused", id="Azure, its filter"),
        pytest.param(400, _openai("Flagged.", code="content_policy_violation"), "content_refused", id="OpenAI, its policy"),
        pytest.param(500, _openai("Sorry.", kind="server_error"), "server_error", id="OpenAI, its fault"),
        pytest.param(400, _anthropic("invalid_request_error", "max_tokens: required"), "rejected", id="Anthropic, a wrong request"),
        pytest.param(400, _anthropic("invalid_request_error", "prompt is too long: 9 tokens > 5 maximum"), "context_length", id="Anthropic, a long prompt"),
        pytest.param(413, _anthropic("request_too_large", "Request exceeds the maximum size"), "context_length", id="Anthropic, a large body"),
        pytest.param(
            400, _anthropic("invalid_request_error", "Your credit balance is too low to access the API."), "credential", id="Anthropic, no money left"
        ),
        pytest.param(402, _anthropic("billing_error", "Pay."), "credential", id="Anthropic, a bill"),
        pytest.param(401, _anthropic("authentication_error", "invalid x-api-key"), "credential", id="Anthropic, our key"),
        pytest.param(403, _anthropic("permission_error", "Not yours."), "credential", id="Anthropic, not ours"),
        pytest.param(404, _anthropic("not_found_error", "model: x"), "not_found", id="Anthropic, no such model"),
        pytest.param(429, _anthropic("rate_limit_error", "Slow down."), "rate_limited", id="Anthropic, too fast"),
        pytest.param(500, _anthropic("api_error", "Sorry."), "server_error", id="Anthropic, its fault"),
        pytest.param(529, _anthropic("overloaded_error", "Overloaded"), "overloaded", id="Anthropic, overloaded"),
        pytest.param(
            400, _openai("the request exceeds the available context size", kind="exceed_context_size_error", code=400), "context_length", id="llama.cpp"
        ),
        pytest.param(400, _openai("no", kind="exceed_context_size_error", code=400), "context_length", id="llama.cpp, by its type alone"),
        pytest.param(400, {"object": "error", "message": "This model's maximum context length is 8", "code": 400}, "context_length", id="vLLM, older"),
        pytest.param(422, {"detail": [{"msg": "prompt exceeds the maximum number of tokens"}]}, "context_length", id="FastAPI"),
        pytest.param(422, {"detail": "Unprocessable"}, "rejected", id="FastAPI, a text"),
        pytest.param(404, {"error": "model 'x' not found"}, "not_found", id="Ollama"),
        pytest.param(400, [_openai("API key not valid.", code=400)], "rejected", id="Gemini wraps it in a list"),
        pytest.param(408, b"", "server_error", id="a timeout of theirs"),
        pytest.param(409, b"", "server_error", id="a conflict of theirs"),
        pytest.param(502, b"<html><head><title>502 Bad Gateway</title></head></html>", "server_error", id="a proxy"),
        pytest.param(503, b"upstream connect error", "overloaded", id="another proxy"),
        pytest.param(418, b"", "rejected", id="anything else of ours"),
        pytest.param(599, b"", "server_error", id="anything else of theirs"),
    ],
)
def test_a_vendors_error_is_told_apart_by_what_may_be_done_about_it(status: int, body: object, kind: str) -> None:
    found = failure(_answer(status, body))
    assert (found.kind, found.status) == (kind, status)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(_openai("Say it."), "Say it.", id="OpenAI"),
        pytest.param(_anthropic("x", "Say it."), "Say it.", id="Anthropic"),
        pytest.param({"error": "Say it."}, "Say it.", id="a text"),
        pytest.param({"message": "Say it."}, "Say it.", id="a message"),
        pytest.param({"detail": "Say it."}, "Say it.", id="a detail"),
        pytest.param({"detail": [{"msg": "Say it."}]}, '[{"msg":"Say it."}]', id="details"),
        pytest.param(b"Say\r\n it.", "Say it.", id="one line of no JSON"),
        pytest.param(b"\n <!doctype html><html><title lang=en>\n502 Bad\nGateway</title>", "it answered with a web page: 502 Bad Gateway", id="a page"),
        pytest.param(b"<html>", "it answered with a web page", id="a page without a title"),
        pytest.param({"error": {"message": None}}, "status 500", id="nothing said"),
        pytest.param({"error": 5}, '{"error":5}', id="another shape"),
        pytest.param([], "status 500", id="an empty list"),
        pytest.param(b"\xff\xfe", "\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}", id="no text"),
        pytest.param(b"[" * 100_000, "[" * 300, id="nested deep"),
        pytest.param({"error": {"message": "x" * 1000}}, "x" * 300, id="long"),
    ],
)
def test_the_vendors_words_are_kept_on_one_line_whatever_form_they_have(body: object, message: str) -> None:
    assert failure(_answer(500, body)).message == message


@pytest.mark.parametrize(
    "said",
    ["Incorrect API key provided: sk-proj-1234abcd5678. You can", "Incorrect API key provided: abcd****wxyz. You can", "key sk-ant-api03-AAAA_bbbb is invalid"],
)
def test_the_key_that_a_vendor_refuses_is_not_repeated(said: str) -> None:
    message = failure(_answer(401, _openai(said))).message
    assert "…" in message
    assert not any(part in message for part in ("1234", "abcd", "wxyz", "AAAA", "bbbb"))


def test_a_redirect_is_no_answer() -> None:
    found = failure(_answer(307, b"", location="https://example.org"))
    assert found.kind is FailureKind.BAD_ANSWER
    assert "307" in found.message


DATE = "Wed, 21 Oct 2026 07:28:00 GMT"


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        pytest.param({}, None, id="nothing said"),
        pytest.param({"retry_after": "7"}, 7.0, id="seconds"),
        pytest.param({"retry_after": "0"}, 0.0, id="at once"),
        pytest.param({"retry_after": "1.5"}, 1.5, id="part of a second"),
        pytest.param({"retry_after_ms": "1500", "retry_after": "2"}, 1.5, id="milliseconds say it better"),
        pytest.param({"retry_after_ms": "soon", "retry_after": "2"}, 2.0, id="milliseconds that are none"),
        pytest.param({"retry_after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": DATE}, 30.0, id="a date"),
        pytest.param({"retry_after": "Wed, 21 Oct 2026 07:27:00 GMT", "date": DATE}, 0.0, id="a date that has passed"),
        pytest.param({"retry_after": "Wednesday, 21-Oct-26 07:28:30 GMT", "date": DATE}, 30.0, id="the form of 1994"),
        pytest.param({"retry_after": "Wed Oct 21 07:28:30 2026", "date": DATE}, 30.0, id="the form of C, without a zone"),
        pytest.param({"retry_after": "Wed, 21 Oct 2026 09:28:30 +0200", "date": DATE}, 30.0, id="another zone"),
        pytest.param({"retry_after": "Wed, 21 Oct 2026 07:28:30 GMT"}, None, id="a date without the answer's own"),
        pytest.param({"retry_after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "today"}, None, id="a date beside one that is none"),
        pytest.param({"retry_after": "-1", "date": DATE}, None, id="less than nothing"),
        pytest.param({"retry_after": "inf", "date": DATE}, None, id="never"),
        pytest.param({"retry_after": "nan", "date": DATE}, None, id="no number"),
        pytest.param({"retry_after": "tomorrow", "date": DATE}, None, id="words"),
        pytest.param({"retry_after": "", "date": DATE}, None, id="an empty field"),
    ],
)
def test_when_to_come_back_is_read_in_every_form(headers: dict[str, str], wait_s: float | None) -> None:
    assert failure(_answer(429, b"", **headers)).retry_after_s == wait_s


@given(status=st.integers(300, 599), body=st.binary(max_size=60), retry=st.text(max_size=30), date=st.text(max_size=30))
def test_no_answer_of_a_vendor_breaks_the_reader(status: int, body: bytes, retry: str, date: str) -> None:
    found = failure(Incoming(status=status, headers={"retry-after": retry, "date": date}, body=body))
    assert found.message
    assert "\n" not in found.message
    assert found.retry_after_s is None or found.retry_after_s >= 0


@pytest.mark.parametrize(
    ("code", "kind", "expected"),
    [
        (None, "overloaded_error", "overloaded"),
        (None, "api_error", "server_error"),
        (None, "rate_limit_error", "rate_limited"),
        ("rate_limit_exceeded", None, "rate_limited"),
        ("context_length_exceeded", "invalid_request_error", "context_length"),
        (429, None, "rate_limited"),
        (502, None, "server_error"),
        (400, "BadRequestError", "broken"),
        (1, "server_error", "server_error"),
        (None, None, "broken"),
        ("who knows", "what", "broken"),
    ],
)
def test_an_error_told_in_a_stream_is_told_apart_by_its_words_or_number(code: str | int | None, kind: str | None, expected: str) -> None:
    assert stream_kind(code, kind) == expected


def test_bytes_that_are_no_answer_name_the_target() -> None:
    failed = bad_answer(a_target("acme/small"), ValueError("x" * 1000))
    assert (failed.target, failed.failure.kind) == ("acme/small", FailureKind.BAD_ANSWER)
    assert len(failed.failure.message) < 400
