"""What is told of units and calls over real sockets: outcomes, reviews, scores, webhooks, and the ways to name a unit."""

import asyncio
import base64
import hashlib
import hmac
import sqlite3
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from tests.server.house import ASK, KEY, WHOLE, Got, House, keys_of, post, with_house
from tests.transport.vendor import Vendor, run, says
from tests.values import a_principal

from pointsman.core.errors import BadRequest
from pointsman.intake.keys import mint
from pointsman.server.judgements import read_review
from pointsman.server.outcomes import checked_usd

OTHER = mint(bytes(reversed(range(32))))
OUTCOMES, REVIEWS, SCORES, DESK = "/v1/outcomes", "/v1/reviews", "/v1/scores", "/v1/webhooks/desk"
SECRET = "0123456789abcdef"


def rows(house: House, query: str) -> list[tuple[Any, ...]]:
    house.gateway.ledger.flush()
    with sqlite3.connect(house.settings.folder / house.settings.server.database) as connection:
        return connection.execute(query).fetchall()


async def tell(house: House, path: str, told: object, *headers: str) -> Got:
    return await house.ask(post(msgspec.json.encode(told), *headers, path=path))


# ── outcomes ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_outcome_says_all_that_is_kept_of_it() -> None:
    async def work(house: House) -> None:
        told = {
            "unit": "t1",
            "kind": "resolved",
            "id": "o2",
            "workflow": "support",
            "capability": "support",
            "value_usd": "12.5",
            "at_ms": 1_700_000_000_000,
            "source": "desk",
            "supersedes": "o1",
            "reversed": True,
            "human_minutes": 1.5,
            "queue": "tier-2",
        }
        assert (await tell(house, OUTCOMES, told)).status == 201
        sql = "SELECT unit, kind, success, outcome_id, workflow, capability, value_nano_usd, at_ms, source, supersedes, reversed, human_s, queue FROM outcome"
        assert rows(house, sql) == [
            ("t1", "resolved", 1, "o2", "support", "support", 12_500_000_000, 1_700_000_000_000, "desk", "o1", 1, 90.0, "tier-2"),
        ]

    run(with_house(work))


def test_of_many_outcomes_each_is_answered_and_the_valid_ones_are_kept() -> None:
    async def work(house: House) -> None:
        several = [{"unit": "a", "kind": "won", "id": "1"}, {"unit": "b"}, {"unit": "c", "kind": "won", "workflow": "sales"}, {"unit": "d", "kind": "won"}]
        got = await tell(house, OUTCOMES, {"outcomes": several})
        first, second, third, fourth = got.json["outcomes"]
        assert (got.status, got.json["recorded"], got.json["refused"]) == (200, 2, 2)
        assert first == {"recorded": True, "id": "1"}
        assert (second["recorded"], "`kind`" in second["message"]) == (False, True)
        assert (third["field"], "no workflow `sales`" in third["message"]) == ("workflow", True)
        assert len(fourth["id"]) == 36
        assert [row[0] for row in rows(house, "SELECT unit FROM outcome ORDER BY unit")] == ["a", "d"]
        assert (await tell(house, OUTCOMES, {"outcomes": several[:1]})).status == 201
        assert (await tell(house, OUTCOMES, {"outcomes": several[1:2]})).status == 400

    run(with_house(work))


NO_OUTCOMES: list[Any] = [
    ({"outcomes": []}, "1 to 1,000"),
    ({"outcomes": [{"unit": "a", "kind": "b"}] * 1001}, "1 to 1,000"),
    ({"unit": "a", "kind": "b", "human_minutes": -1}, "minutes of work"),
    ({"unit": "a", "kind": "b", "workflow": "sales"}, "no workflow `sales`"),
    ({"unit": "a", "kind": "b", "id": "1", "supersedes": "1"}, "cannot supersede itself"),
    ({"unit": "a", "kind": "b", "queue": ""}, "`queue` must hold"),
    ({"outcomes": 5}, "cannot be read"),
]


def test_what_is_no_outcome_is_refused_with_a_remedy() -> None:
    async def work(house: House) -> None:
        for told, message in NO_OUTCOMES:
            got = await tell(house, OUTCOMES, told)
            assert (got.status, message in got.message) == (400, True), got.message
            assert rows(house, "SELECT * FROM outcome") == []

    run(with_house(work))


# ── reviews and scores ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_review_and_a_score_speak_of_a_call_and_are_placed_with_it() -> None:
    async def work(house: House) -> None:
        call_id = (await house.ask(post(ASK, "x-pointsman-unit: t1"))).headers["x-request-id"]
        house.gateway.ledger.flush()
        review = {
            "call_id": call_id,
            "id": "r1",
            "verdict": "edited",
            "selection_propensity": 0.5,
            "edit_distance": 0.25,
            "human_minutes": 2,
            "reviewer": "ann",
        }
        for _ in range(2):
            got = await tell(house, REVIEWS, review)
            assert (got.status, got.json) == (201, {"id": "r1", "call_id": call_id, "recorded": True})
        score = {"call_id": call_id, "id": "s1", "metric": "faithful", "judge": "big@3", "value": 0.75, "at_ms": 5}
        assert (await tell(house, SCORES, score)).json["recorded"] is True
        assert rows(house, "SELECT review_id, workflow, unit, verdict, selection_propensity, edit_distance, seconds FROM review") == [
            ("default/r1", "support", "t1", "edited", 0.5, 0.25, 120.0)
        ]
        assert rows(house, "SELECT done_ms > 0 FROM review") == [(1,)]  # done now, as it has a verdict
        assert rows(house, "SELECT human_s FROM unit") == [(120.0,)]  # told twice, counted once
        assert rows(house, "SELECT score_id, workflow, metric, value, is_human, at_ms FROM score") == [("default/s1", "support", "faithful", 0.75, 0, 5)]

    run(with_house(work, says(WHOLE)))


def test_nobody_judges_calls_of_another_tenant() -> None:
    async def work(house: House) -> None:
        call_id = (await house.ask(post(ASK, KEY))).headers["x-request-id"]
        house.gateway.ledger.flush()
        stranger = f"Authorization: Bearer {OTHER.secret}"
        for path, told in ((REVIEWS, {"call_id": call_id, "verdict": "rejected"}), (SCORES, {"call_id": call_id, "metric": "m", "judge": "j", "value": 0})):
            got = await tell(house, path, told, stranger)
            assert (got.status, got.json["error"]["param"]) == (400, "call_id")
            assert (await tell(house, path, told, KEY)).status == 201
        assert rows(house, "SELECT tenant FROM review") == [("default",)]

    run(with_house(work, says(WHOLE), keys=keys_of() | {"other": {"sha256": OTHER.sha256, "tenant": "other"}}))


def test_of_many_judgements_each_is_answered() -> None:
    async def work(house: House) -> None:
        call_id = (await house.ask(post())).headers["x-request-id"]
        house.gateway.ledger.flush()
        score = {"call_id": call_id, "id": "1", "metric": "m", "judge": "j", "value": 1}
        got = await tell(house, SCORES, {"scores": [score, score | {"value": 2}, score | {"call_id": "nowhere", "id": "2"}]})
        assert (got.status, got.json["recorded"]) == (200, 1)
        first, second, third = got.json["scores"]
        assert first == {"recorded": True, "id": "1"}
        assert (second["field"], third["field"], third["id"]) == ("value", "call_id", "2")

    run(with_house(work, says(WHOLE)))


NO_JUDGEMENTS: list[Any] = [
    (REVIEWS, {"verdict": "edited"}, "`call_id`"),
    (REVIEWS, {"call_id": "c", "verdict": "liked"}, "Invalid enum value"),
    (REVIEWS, {"call_id": "c", "selection_propensity": 0}, "from more than 0 to 1"),
    (REVIEWS, {"call_id": "c", "edit_distance": 1.5}, "from 0 to 1"),
    (REVIEWS, {"call_id": "c", "done_ms": -1}, "Unix milliseconds"),
    (REVIEWS, {"call_id": "c", "cost_usd": "NaN"}, "US dollars"),
    (SCORES, {"call_id": "c", "metric": "m", "judge": "j", "value": 7}, "from 0 to 1"),
    (SCORES, {"call_id": "c", "metric": "", "judge": "j", "value": 1}, "`metric` must hold"),
]


def test_what_is_no_judgement_is_refused_with_a_remedy() -> None:
    async def work(house: House) -> None:
        for path, told, message in NO_JUDGEMENTS:
            got = await tell(house, path, told)
            assert (got.status, message in got.message) == (400, True), got.message

    run(with_house(work))


def test_judgements_need_a_key_with_the_scope() -> None:
    async def work(house: House) -> None:
        for path in (REVIEWS, SCORES):
            assert (await tell(house, path, {"call_id": "c"})).status == 401
            got = await tell(house, path, {"call_id": "c"}, KEY)
            assert (got.status, f"`POST {path}` (scope `outcomes`)" in got.message) == (403, True)

    run(with_house(work, keys=keys_of(scopes=["call"])))


# ── webhooks ────────────────────────────────────────────────────────────────────────────────────────────────────────

SENDER: dict[str, Any] = {
    "secret": "file:desk.key",
    "unit": "ticket.id",
    "event": "type",
    "events": {"ticket.solved": {"kind": "resolved"}, "ticket.reopened": {"success": False, "reversed": True}},
    "id": "event_id",
    "value_usd": "ticket.fields.0.worth",
    "at": "when",
    "workflow": "support",
}
MESSAGE: dict[str, Any] = {
    "type": "ticket.solved",
    "event_id": 77,
    "when": "2026-01-02T03:04:05Z",
    "ticket": {"id": "t1", "fields": [{"worth": "2.50"}]},
}


def signed(body: bytes, *, key: str = SECRET, before: bytes = b"") -> bytes:
    return hmac.new(key.encode(), before + body, hashlib.sha256).digest()


async def send(house: House, told: object, *headers: str, key: str = SECRET) -> Got:
    """Send a message as its sender would, unless headers say something else."""
    path = house.settings.folder / "desk.key"
    path.write_text(SECRET)
    path.chmod(0o600)
    body = msgspec.json.encode(told)
    return await house.ask(post(body, *(headers or (f"x-pointsman-signature: sha256={signed(body, key=key).hex()}",)), path=DESK))


def test_another_system_tells_of_units_in_its_own_words_and_a_message_counts_once() -> None:
    async def work(house: House) -> None:
        for _ in range(2):
            got = await send(house, MESSAGE)
            assert (got.status, got.json) == (201, {"id": "desk/77", "unit": "t1", "kind": "resolved", "recorded": True})
        await send(house, MESSAGE | {"event_id": 78, "type": "ticket.reopened"})
        sql = "SELECT unit, kind, success, reversed, value_nano_usd, at_ms, source, workflow, tenant FROM outcome ORDER BY recorded"
        at_ms = 1_767_323_045_000
        assert rows(house, sql) == [
            ("t1", "resolved", 1, 0, 2_500_000_000, at_ms, "webhook:desk", "support", "default"),
            ("t1", "ticket.reopened", 0, 1, 2_500_000_000, at_ms, "webhook:desk", "support", "default"),
        ]

    run(with_house(work, webhooks={"desk": SENDER}))


def test_a_word_that_means_nothing_here_is_taken_and_not_recorded() -> None:
    async def work(house: House) -> None:
        got = await send(house, MESSAGE | {"type": "ticket.viewed"})
        assert (got.status, got.json["recorded"]) == (200, False)
        assert rows(house, "SELECT * FROM outcome") == []

    run(with_house(work, webhooks={"desk": SENDER}))


@pytest.mark.parametrize("header", ["x-pointsman-signature: 00", "x-pointsman-signature: " + "ab" * 32, "x-other: 1", "x-pointsman-signature: %%%"])
def test_without_the_signature_nothing_is_read(header: str) -> None:
    async def work(house: House) -> None:
        got = await send(house, "no object", header)
        assert (got.status, "HMAC-SHA-256" in got.message) == (401, True)
        assert (await send(house, MESSAGE, key="another-key-of-16")).status == 401

    run(with_house(work, webhooks={"desk": SENDER}))


def test_a_signature_may_be_base64_and_have_a_time_that_is_signed_too() -> None:
    told = SENDER | {"signature": "x-zendesk-webhook-signature", "timestamp": "x-zendesk-webhook-signature-timestamp"}

    async def work(house: House) -> None:
        body = msgspec.json.encode(MESSAGE)
        now = str(house.gateway.clock.wall_ms() // 1000)
        for at, status in ((now, 201), (str(int(now) - 301), 401), ("yesterday", 401), ("", 401)):
            signature = base64.b64encode(signed(body, before=at.encode())).decode()
            lines = (f"x-zendesk-webhook-signature: {signature}", f"x-zendesk-webhook-signature-timestamp: {at}")
            assert (await send(house, MESSAGE, *lines)).status == status, at

    run(with_house(work, webhooks={"desk": told}))


INCOMPLETE: list[Any] = [
    ({"ticket": 5}, "no text or number at `ticket.id`"),
    ({"ticket": {}}, "no text or number at `ticket.id`"),
    ({"ticket": {"id": True}}, "no text or number at `ticket.id`"),
    ({"ticket": {"id": "t", "fields": [{"worth": "much"}]}}, "no number of US dollars"),
    ({"when": "soon"}, "`when` is no time"),
    ({"when": [1]}, "`when` is no time"),
    ({"event_id": None}, "no text or number at `event_id`"),
]


def test_a_message_without_what_the_paths_lead_to_says_which() -> None:
    async def work(house: House) -> None:
        for change, message in INCOMPLETE:
            got = await send(house, MESSAGE | change)
            assert (got.status, message in got.message) == (400, True), got.message

    run(with_house(work, webhooks={"desk": SENDER}))


def test_without_an_id_the_same_bytes_count_once_and_a_time_may_be_a_number() -> None:
    told = {name: value for name, value in SENDER.items() if name not in {"id", "value_usd"}}

    async def work(house: House) -> None:
        for when in (1_700_000_000, 1_700_000_000, 1_700_000_000_001, "1700000002", "2023-11-14T22:13:23", "1712010112345"):
            assert (await send(house, MESSAGE | {"when": when, "ticket": {"id": 5, "fields": []}})).status == 201
        assert rows(house, "SELECT unit, at_ms, value_nano_usd FROM outcome ORDER BY at_ms") == [
            ("5", 1_700_000_000_000, None),
            ("5", 1_700_000_000_001, None),
            ("5", 1_700_000_002_000, None),
            ("5", 1_700_000_003_000, None),
            ("5", 1_712_010_112_345, None),  # and no date of the year 1712
        ]

    run(with_house(work, webhooks={"desk": told}))


def test_what_is_signed_and_no_message_is_refused_as_such_and_a_value_may_be_missing() -> None:
    async def work(house: House) -> None:
        assert (await send(house, MESSAGE | {"ticket": {"id": "t9"}})).status == 201
        assert rows(house, "SELECT value_nano_usd FROM outcome") == [(None,)]
        body = b"{"
        got = await house.ask(post(body, f"x-pointsman-signature: {signed(body).hex()}", path=DESK))
        assert (got.status, "is not JSON" in got.message) == (400, True)

    run(with_house(work, webhooks={"desk": SENDER}))


def test_a_webhook_that_has_no_key_or_no_name_is_closed_and_says_nothing_of_where_keys_are(caplog: pytest.LogCaptureFixture) -> None:
    async def work(house: House) -> None:
        got = await tell(house, DESK, MESSAGE)
        assert got.status == 502
        assert "desk.key" not in got.message
        assert "desk.key" in caplog.text
        assert (await tell(house, "/v1/webhooks/nobody", MESSAGE)).status == 404

    run(with_house(work, webhooks={"desk": SENDER}))


# ── naming a unit, a session, tags and a trace ──────────────────────────────────────────────────────────────────────


def a_call(**more: Any) -> bytes:
    return msgspec.json.encode({"model": "support", "messages": [{"role": "user", "content": "hi"}], **more})


@pytest.mark.parametrize(
    ("headers", "metadata", "unit"),
    [
        (["x-pointsman-unit: from-header", "baggage: pointsman.unit=from-baggage"], {"pointsman_unit": "from-body"}, "from-header"),
        (["baggage: pointsman.unit=from-baggage"], {"pointsman_unit": "from-body"}, "from-body"),
        (["baggage: a=b, pointsman.unit=ticket%20%C3%A4;ttl=5 ,c=d"], None, "ticket ä"),
        (["baggage: other=x"], {"mine": "kept"}, None),
    ],
)
def test_a_unit_is_named_by_header_before_body_before_baggage(headers: list[str], metadata: Any, unit: str | None) -> None:
    async def work(house: House, vendor: Vendor) -> None:
        got = await house.ask(post(a_call(**({} if metadata is None else {"metadata": metadata})), *headers))
        assert got.status == 200
        assert rows(house, "SELECT unit FROM call") == [(unit or got.headers["x-request-id"],)]
        sent = vendor.requests[0]
        assert b"pointsman_unit" not in sent
        assert (b'"metadata":{"mine":"kept"}' in sent) is (metadata == {"mine": "kept"})

    async def both() -> None:
        async with Vendor(says(WHOLE)) as vendor, House(vendor) as house:
            await work(house, vendor)

    asyncio.run(both())


def test_session_tags_and_trace_are_on_record() -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    async def work(house: House) -> None:
        lines = ["x-pointsman-session: s1", "x-pointsman-tags: project=apollo, feature=search=fast", f"traceparent: {trace}"]
        assert (await house.ask(post(ASK, *lines))).status == 200
        [(session, tags, trace_id)] = rows(house, "SELECT session, tags, trace_id FROM call")
        assert (session, msgspec.json.decode(tags), trace_id) == ("s1", {"project": "apollo", "feature": "search=fast"}, trace.split("-")[1])

    run(with_house(work, says(WHOLE), costs={"tags": ["project", "feature"]}))


NO_TRACES = (
    "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    f"00-{'0' * 32}-00f067aa0ba902b7-01",
    "00-abc-def-01",
    "nonsense",
    f"00-{'a' * 32}-{'0' * 16}-01",
)


def test_a_traceparent_that_is_none_is_ignored() -> None:
    async def work(house: House) -> None:
        answered = [await house.ask(post(ASK, f"traceparent: {told}")) for told in NO_TRACES]
        assert [got.status for got in answered] == [200] * len(NO_TRACES)
        own = sorted(got.headers["x-request-id"].replace("-", "") for got in answered)
        assert sorted(trace_id for (trace_id,) in rows(house, "SELECT trace_id FROM call")) == own

    run(with_house(work, says(*[WHOLE] * len(NO_TRACES))))


NAMELESS: list[Any] = [
    (["x-pointsman-tags: project"], None, "like `project=apollo, feature=search`"),
    (["x-pointsman-tags: colour=red"], None, "`colour` is not declared under `costs.tags`. Use `project`"),
    (["x-pointsman-tags: project=a, project=b"], None, "told twice"),
    (["x-pointsman-tags: project="], None, "`x-pointsman-tags` must hold"),
    (["x-pointsman-session: " + "x" * 201], None, "`x-pointsman-session` must hold"),
    (["baggage: pointsman.unit=%ff"], None, "percent-encoded"),
    (["baggage: pointsman.unit="], None, "`baggage` must hold"),
    ([], {"pointsman_unit": 5}, "is no text"),
    ([], {"pointsman_unit": ""}, "`metadata.pointsman_unit` must hold"),
]


def test_what_names_nothing_is_refused_before_anybody_is_asked() -> None:
    async def work(house: House) -> None:
        for headers, metadata, message in NAMELESS:
            got = await house.ask(post(a_call(**({} if metadata is None else {"metadata": metadata})), *headers))
            assert (got.status, message in got.message) == (400, True), got.message

    run(with_house(work, costs={"tags": ["project"]}))


def test_without_tags_in_the_configuration_a_refusal_says_where_to_declare_them() -> None:
    async def work(house: House) -> None:
        got = await house.ask(post(ASK, "x-pointsman-tags: project=apollo"))
        assert "Add it there." in got.message

    run(with_house(work))


def test_nobody_makes_sums_overflow_or_other_work_cheaper() -> None:
    """Nano-dollars are summed in 63 bits: what one may tell leaves room for thousands of the greatest."""
    with pytest.raises(BadRequest, match="a million at most"):
        checked_usd(Decimal(1_000_001), field="value_usd")
    assert checked_usd(Decimal(1_000_000), field="value_usd") == 10**15
    assert 9_000 * 10**15 < 2**63
    with pytest.raises(BadRequest, match="below zero"):
        read_review(b'{"call_id": "c", "verdict": "edited", "cost_usd": -1}', a_principal(), new_id=str, now_ms=0)
