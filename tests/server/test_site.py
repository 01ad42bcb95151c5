"""The public listener's routes over real sockets: calls in both dialects, their refusals, models, outcomes, health."""

import asyncio
import gc
import sqlite3
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.server.house import ASK, ASK_STREAM, CHUNK, END, KEY, MINTED, STREAM, WHOLE, House, get, keys_of, post, with_house
from tests.transport.vendor import Talk, Vendor, answer, chunk, eventually, run, says, stream_head
from tests.values import anthropic_answer, openai_answer

from pointsman.ledger.writer import Ledger
from pointsman.places.models.outlet import ModelStream

CLAUDE = msgspec.json.encode({"model": "support", "max_tokens": 10, "messages": [{"role": "user", "content": "hi"}]})
MESSAGES = "/v1/messages"


def _rows(house: House, query: str) -> list[tuple[Any, ...]]:
    house.gateway.ledger.flush()
    with sqlite3.connect(house.settings.folder / house.settings.server.database) as connection:
        return connection.execute(query).fetchall()


# ── calls ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_tells_the_decision_and_its_cost_in_headers() -> None:
    async def work(house: House) -> None:
        got = await house.ask(post())
        assert got.status == 200
        assert got.body == openai_answer()
        snapshot = house.gateway.stages.snapshot.digest
        told = {name: value for name, value in got.headers.items() if name.startswith("x-pointsman")}
        assert told == {
            "x-pointsman-target": "acme/small",
            "x-pointsman-place": "cloud",
            "x-pointsman-reason": "first_choice",
            "x-pointsman-snapshot": snapshot,
            "x-pointsman-data-class": "internal",
            "x-pointsman-cost-nano-usd": str(10 * 1_000_000 + 5 * 2_000_000),
        }
        assert len(got.headers["x-request-id"]) == 36

    run(with_house(work, says(WHOLE)))


@pytest.mark.parametrize("path", ["/v1/chat/completions", MESSAGES])
def test_what_a_stranger_sends_is_not_read(path: str) -> None:
    """A body of twenty megabytes takes a second to read, in which nobody else is answered."""

    async def work(house: House) -> None:
        assert (await house.ask(post(b"no JSON", path=path))).status == 401
        assert (await house.ask(post(b"no JSON", KEY, path=path))).status == 400

    run(with_house(work, keys=keys_of()))


def test_a_stream_tells_the_decision_in_its_head_and_its_cost_in_a_trailer() -> None:
    async def work(house: House) -> None:
        got = await house.ask(post(ASK_STREAM))
        assert got.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert got.headers["x-pointsman-target"] == "acme/small"
        assert got.headers["trailer x-pointsman-cost-nano-usd"] == "unknown"  # this vendor told no usage
        assert got.body == CHUNK + END

    run(with_house(work, says(STREAM)))


def test_an_anthropic_caller_gets_the_request_id_where_its_sdk_looks() -> None:
    async def work(house: House) -> None:
        got = await house.ask(post(CLAUDE, path=MESSAGES))
        assert got.status == 200
        assert got.json["type"] == "message"
        assert got.headers["request-id"] == got.headers["x-request-id"]

    run(with_house(work, says(WHOLE)))


@pytest.mark.parametrize(
    ("body", "headers", "status", "told"),
    [
        (b"\xff{}", [], 400, "not valid JSON"),
        (b"[]", [], 400, "no object"),
        (b"", [], 400, "not valid JSON"),
        (b"[" * 50_000, [], 413, "Send it flatter"),
        (b'{"a":' * 100 + b"1" + b"}" * 100, [], 413, "Send it flatter"),
        (ASK, ["Content-Type: text/plain"], 400, "Send `content-type: application/json`"),
        (ASK, ["Content-Type:"], 400, "The request has no content type. Send `content-type: application/json`"),
        (ASK, ["x-pointsman-data-class: hushed"], 400, "Declare one or several of `public`"),
        (ASK, ["x-pointsman-data-class: restricted"], 403, "may receive"),
        (ASK, ["x-pointsman-unit: " + "x" * 201], 400, "`x-pointsman-unit` must hold 1 to 200 printable characters"),
        (ASK, ["x-pointsman-user:"], 400, "`x-pointsman-user` must hold"),
        (ASK, ["x-pointsman-user: a\tb"], 400, "printable"),
        (ASK.replace(b"support", b"nothing"), [], 404, "`GET /v1/models` lists"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", MESSAGES])
def test_a_refusal_has_the_shape_of_the_callers_dialect_and_a_remedy(path: str, body: bytes, headers: list[str], status: int, told: str) -> None:
    async def work(house: House) -> None:
        sent = body.replace(b'{"model"', b'{"max_tokens":5,"model"')
        got = await house.ask(post(sent, *headers, path=path))
        assert (got.status, told in got.message) == (status, True), got.message
        assert got.headers["x-should-retry"] == "false"
        if path == MESSAGES:
            assert got.json["type"] == "error"
        else:
            assert "type" in got.json["error"]

    run(with_house(work, says(WHOLE)))


@pytest.mark.parametrize(
    ("headers", "status", "told"),
    [
        ([], 401, "No key came with this request"),
        ([KEY, "x-api-key: pm_other"], 401, "Two different keys"),
        ([KEY, f"x-api-key: {MINTED.secret}"], 200, ""),
        ([f"x-api-key: {MINTED.secret}"], 200, ""),
        (["Authorization: Bearer sk-vendor"], 401, "This is no key of Pointsman"),
        (["Authorization: Bearer \xe9\xff"], 401, "no key of Pointsman"),
    ],
)
def test_one_valid_key_is_let_in(headers: list[str], status: int, told: str) -> None:
    async def work(house: House) -> None:
        got = await house.ask(post(ASK, *headers))
        assert got.status == status
        if told:
            assert told in got.message
            assert MINTED.secret not in got.message

    run(with_house(work, says(WHOLE), keys=keys_of()))


def test_unit_and_user_are_recorded_as_they_were_meant() -> None:
    async def work(house: House) -> None:
        await house.ask(post(ASK, "x-pointsman-unit: Fall Zürich 7", "x-pointsman-user: ann"))
        assert _rows(house, "select unit, user from call") == [("Fall Zürich 7", "ann")]
        caller = await house.caller()
        caller.send(post(ASK, "x-pointsman-unit: MARK").replace(b"MARK", b"\xff\xfe"))
        assert "Send it in UTF-8" in (await caller.answer()).message

    run(with_house(work, says(WHOLE)))


def test_a_failure_of_the_vendor_is_told_with_when_to_come_back() -> None:
    async def work(house: House) -> None:
        got = await house.ask(post())
        assert (got.status, got.headers["retry-after"]) == (503, "7")
        assert "slow down" in got.message

    run(with_house(work, says(answer(b'{"error":{"message":"slow down"}}', status="429 Too Many", headers="retry-after: 7\r\n"))))


async def breaks(talk: Talk) -> None:
    """Break in the middle of a stream."""
    await talk.request()
    await talk.trickle([stream_head() + chunk(CHUNK)])
    talk.cut()


def test_a_stream_that_breaks_ends_with_an_error_event_and_a_whole_frame() -> None:
    async def work(house: House) -> None:
        got = await house.ask(post(ASK_STREAM))
        assert got.status == 200
        assert got.body.startswith(CHUNK)
        assert b'"error"' in got.body.removeprefix(CHUNK)
        assert _rows(house, "select status from call") == [("cut",)]

    run(with_house(work, breaks))


@pytest.mark.parametrize(("script", "questions"), [(breaks, 1), (says(STREAM, WHOLE), 2)], ids=["breaks", "whole"])
def test_only_a_whole_answer_is_held_against_what_another_target_says(script: Any, questions: int) -> None:
    """Half an answer agrees with nothing, and says nothing of who gave it."""
    targets = {name: {"vendor": "acme", "model": name, "price": {"input_usd_per_million": 1, "output_usd_per_million": 1}} for name in ("small", "big")}
    routed = {"ladder": ["small", "big"], "retries": {"per_target": 0}, "routing": {"shadow": {"share": 1.0}}}

    async def work(house: House) -> None:
        assert (await house.ask(post(ASK_STREAM))).status == 200
        await eventually(lambda: not any(client.is_busy for client in house.clients))
        await house.gateway.shadows.finish()
        assert len(_rows(house, "select target from attempt")) == questions

    run(with_house(work, script, says(WHOLE), targets=targets, capabilities={"support": routed}))


def test_a_stream_that_breaks_before_its_first_byte_is_an_ordinary_error() -> None:
    """A client can try again only if it was not told 200 before."""
    only_usage = b'data: {"id":"c","model":"small","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n'

    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.trickle([stream_head() + chunk(only_usage)])
        await asyncio.sleep(0.005)
        talk.cut()

    async def work(house: House) -> None:
        got = await house.ask(post(ASK_STREAM))
        assert got.status == 502
        assert "cut" in got.message

    run(with_house(work, script))


def test_an_unexpected_error_in_a_stream_tells_nothing_of_the_inside_and_ends_the_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(house: House) -> None:
        def broken(*_: object, **__: object) -> None:
            raise RuntimeError("the inside")

        monkeypatch.setattr(type(house.gateway.stages.breakers), "succeeded", broken)
        got = await house.ask(post(ASK_STREAM))
        assert b"Something unexpected went wrong" in got.body
        assert b"the inside" not in got.body

    run(with_house(work, says(STREAM)))


def test_a_stream_without_a_single_byte_is_still_a_whole_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(_: ModelStream) -> None:
        raise StopAsyncIteration

    monkeypatch.setattr(ModelStream, "__anext__", nothing)

    async def work(house: House) -> None:
        got = await house.ask(post(ASK_STREAM))
        assert (got.status, got.body) == (200, b"")

    run(with_house(work, says(STREAM)))


# ── hostile names ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", ["/v1/chat/completions", MESSAGES])
def test_no_name_can_break_out_of_a_response_header(path: str) -> None:
    """Neither a model's nor a field's: the reason for a target names the fields that another could not express."""
    evil = "x\r\nset-cookie: a=b\r\n\r\nHTTP/1.1 200 OK"
    wire = anthropic_answer() if path == MESSAGES else openai_answer()

    async def main() -> None:
        async with Vendor(says(answer(wire))) as vendor:
            told = {"base_url": vendor.url, "region": "here"}
            vendors = {"acme": {"kind": "openai_compatible", **told}, "claude": {"kind": "anthropic_compatible", **told}}
            ladder = ["acme/small", "claude/模型-ü"] if path == MESSAGES else ["claude/模型-ü", "acme/small"]
            async with House(vendor, vendors=vendors, capabilities={"support": {"ladder": ladder}}) as house:
                body = {"model": "support", "max_tokens": 10, "messages": [{"role": "user", "content": "hi"}], evil: 1}
                got = await house.ask(post(msgspec.json.encode(body), path=path))
                assert got.status == 200
                assert "set-cookie" not in got.headers
                names = {got.headers["x-pointsman-target"], got.headers["x-pointsman-reason"]}
                assert "claude/%E6%A8%A1%E5%9E%8B-%C3%BC" in "".join(names)
                assert all(name.isascii() and name.isprintable() for name in names)

    run(main())


# ── other routes ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("request_bytes", "told"),
    [
        (get("/"), "There is nothing at `/`"),
        (get("/v1/chat/completions/"), "Calls go to `/v1/chat/completions`"),
        (get("/v1/chat/completions"), "Use POST"),
        (get("/v1/messages", method="DELETE"), "Use POST"),
        (get("/livez", method="OPTIONS"), "Use GET"),
        (post(b"", path="/v1/models"), "Use GET"),
        (get("/" + "a" * 5000), "aaa`"),
    ],
)
def test_an_unknown_path_or_method_is_told_what_would_be_right(request_bytes: bytes, told: str) -> None:
    async def work(house: House) -> None:
        got = await house.ask(request_bytes)
        assert (got.status, told in got.message) == (404, True), got.message
        assert len(got.message) < 300

    run(with_house(work, says()))


@pytest.mark.parametrize(("path", "status"), [("/livez", 200), ("/readyz", 200), ("/nothing", 404), ("/v1/chat/completions", 404)])
def test_head_is_answered_like_get_but_without_a_body(path: str, status: int) -> None:
    async def work(house: House) -> None:
        caller = await house.caller()
        caller.send(get(path, method="HEAD") + get("/livez", "Connection: close"))
        assert (await caller.head())[0] == status
        assert (await caller.answer()).json == {"status": "alive"}
        assert await caller.rest() == b""

    run(with_house(work, says()))


def test_models_are_listed_for_the_key_and_in_the_dialect_of_the_caller() -> None:
    capabilities = {name: {"ladder": ["acme/small"]} for name in ("support", "team/sales:v2", "secret")}

    async def work(house: House) -> None:
        openai = (await house.ask(get("/v1/models", KEY))).json
        assert (openai["object"], [one["id"] for one in openai["data"]]) == ("list", ["support", "team/sales:v2"])
        claude = (await house.ask(get("/v1/models", KEY, "anthropic-version: 2023-06-01"))).json
        assert [(one["id"], one["type"]) for one in claude["data"]] == [("support", "model"), ("team/sales:v2", "model")]
        assert (await house.ask(get("/v1/models/support?x=1", KEY))).json["id"] == "support"
        for path in ("team/sales:v2", "team%2Fsales%3Av2"):
            assert (await house.ask(get(f"/v1/models/{path}", KEY))).json["id"] == "team/sales:v2"
        assert (await house.ask(get("/v1/models/secret", KEY))).status == 404
        refused = await house.ask(get("/v1/models", "anthropic-version: 2023-06-01"))
        assert (refused.status, refused.json["type"]) == (401, "error")

    run(with_house(work, says(), keys=keys_of(capabilities=["support", "team/sales:v2"]), capabilities=capabilities))


def test_health_tells_whether_calls_can_be_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(house: House) -> None:
        assert (await house.ask(get("/livez"))).json == {"status": "alive"}
        ready = await house.ask(get("/readyz"))
        assert (ready.status, ready.json["status"]) == (200, "ready")
        monkeypatch.setattr(Ledger, "trouble", "disk full")  # the writer would find that all is well again
        refused = await house.ask(post())
        assert (refused.status, refused.headers["retry-after"]) == (503, "1")
        ready = await house.ask(get("/readyz"))
        assert (ready.status, ready.json["reason"]) == (503, "the ledger cannot be written: disk full")

    run(with_house(work, says()))


def test_a_stopping_gateway_finishes_calls_takes_no_new_ones_and_says_so() -> None:
    go_on = asyncio.Event()

    async def slow(talk: Talk) -> None:
        await talk.request()
        await go_on.wait()
        talk.write(WHOLE)
        await talk.gone()

    async def main() -> None:
        async with Vendor(slow) as vendor, House(vendor) as house:
            under_way = await house.caller()
            under_way.send(post())
            await eventually(lambda: len(vendor.requests) == 1)
            house.site.drain()
            for path, dialect in (("/v1/chat/completions", False), (MESSAGES, True)):
                refused = await house.ask(post(path=path))
                assert (refused.status, refused.headers["retry-after"]) == (503, "1")
                assert "is stopping" in refused.message
                assert ("type" in refused.json) is dialect
            assert (await house.ask(get("/readyz"))).json == {"status": "not ready", "reason": "it is stopping"}
            assert (await house.ask(get("/livez"))).status == 200
            go_on.set()
            assert (await under_way.answer()).status == 200

    run(main())


# ── outcomes ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _outcome(body: bytes, *headers: str) -> bytes:
    return post(body, *headers, path="/v1/outcomes")


def test_an_outcome_is_recorded_before_it_is_confirmed_and_once_for_each_id() -> None:
    async def work(house: House) -> None:
        body = b'{"unit":"ticket 7","kind":"resolved","id":"o1","value_usd":12.5,"at_ms":1700000000000}'
        for _ in range(2):
            got = await house.ask(_outcome(body))
            assert (got.status, got.json) == (201, {"id": "o1", "unit": "ticket 7", "kind": "resolved", "recorded": True})
        assert len((await house.ask(_outcome(b'{"unit":"a","kind":"b"}'))).json["id"]) == 36
        assert len(_rows(house, "select * from outcome")) == 2

    run(with_house(work, says()))


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "cannot be read"),
        (b"{}", "`unit`"),
        (b'{"unit":"a","kind":"b","more":1}', "unknown field"),
        (b"\xff", "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
        (b'{"unit":"","kind":"b"}', "`unit` must hold"),
        (b'{"unit":"a","kind":"b","id":""}', "`id` must hold"),
        (b'{"unit":"a","kind":"b","capability":"%b"}' % (b"x" * 300), "`capability` must hold"),
        (b'{"unit":"a\\u0000","kind":"b"}', "printable"),
        (b'{"unit":"a","kind":"b","value_usd":"NaN"}', "US dollars"),
        (b'{"unit":"a","kind":"b","value_usd":"1e999999999"}', "US dollars"),
        (b'{"unit":"a","kind":"b","value_usd":10000000001}', "US dollars"),
        (b'{"unit":"a","kind":"b","at_ms":-1}', "Unix milliseconds"),
        (b'{"unit":"a","kind":"b","at_ms":99999999999999999999999999}', "Unix milliseconds"),
    ],
)
def test_an_outcome_that_cannot_be_kept_is_refused_with_its_field(body: bytes, told: str) -> None:
    async def work(house: House) -> None:
        got = await house.ask(_outcome(body))
        assert (got.status, told in got.message) == (400, True), got.message
        assert house.gateway.trouble() is None

    run(with_house(work, says()))


def test_an_outcome_needs_a_key_with_the_scope() -> None:
    async def work(house: House) -> None:
        assert (await house.ask(_outcome(b'{"unit":"a","kind":"b"}'))).status == 401
        got = await house.ask(_outcome(b'{"unit":"a","kind":"b"}', KEY))
        assert (got.status, "scope `outcomes`" in got.message) == (403, True)

    run(with_house(work, says(), keys=keys_of(scopes=["call"])))


# ── memory ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _alive(*kinds: str) -> dict[str, int]:
    gc.collect()
    names = [type(thing).__name__ for thing in gc.get_objects()]
    return {kind: names.count(kind) for kind in kinds}


@pytest.mark.parametrize("script", [says(stream_head() + chunk(CHUNK)), says(b"no http\r\n")])
def test_aborted_streams_and_failed_calls_leave_nothing_behind(script: Callable[[Talk], Any]) -> None:
    kinds = ("Client", "Connection", "Trace", "Way", "ModelStream", "Streaming", "Call", "Request", "Task", "async_generator", "HttpRequestParser")

    async def once(house: House) -> None:
        caller = await house.caller()
        caller.send(post(ASK_STREAM))
        await caller.reader.readuntil(b"\r\n\r\n")
        caller.leave()
        house.callers.remove(caller)

    async def many(house: House, count: int) -> None:
        for _ in range(count // 20):
            await asyncio.gather(*(once(house) for _ in range(20)))
        await eventually(lambda: not house.clients)
        house.gateway.ledger.flush()

    async def work(house: House) -> None:
        await many(house, 40)
        before = _alive(*kinds)
        await many(house, 1000)
        after = _alive(*kinds)
        assert {kind: after[kind] - before[kind] for kind in kinds if after[kind] > before[kind] + 5} == {}

    run(with_house(work, script))
