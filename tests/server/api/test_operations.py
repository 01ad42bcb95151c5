"""
What operators' programs read and do over the admin API.
"""

from contextlib import closing
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from tests.console.house import DAY, HOUR, NOW, READER, House
from tests.ledger.entries import a_record
from tests.server.api.site import code, on_a_site

from pointsman.control.snapshots.history import Kept, keep
from pointsman.server.api.routes import OPERATIONS
from pointsman.storage.open import open_writing

INCIDENTS: Final = "/v1/admin/incidents"
ROLL_BACK: Final = "/v1/admin/roll-back"
PROMISED: Final = {
    "support": {"capabilities": ["triage"], "objectives": {"answered": {"kind": "success", "share": 0.9, "window": "28d"}}},
}


def test_who_lacks_the_permission_is_told_so_and_nobody_else_is() -> None:
    async def work(house: House, program: httpx2.AsyncClient) -> None:
        reader = house.browser(authorization=f"Bearer {READER.secret}")
        for one in OPERATIONS:
            path = one.path.replace("{incident_id}", "x").replace("{digest}", "abcdef")
            assert code(await house.browser().request(one.method, path)) == (401, "not_authenticated")
            assert (await reader.request(one.method, path)).status_code == 403
            assert (await program.request(one.method, path)).status_code not in {401, 403, 500}

    on_a_site(work)


def test_an_incident_is_opened_told_of_and_closed() -> None:
    async def work(house: House, program: httpx2.AsyncClient) -> None:
        house.history()
        opened = await program.post(INCIDENTS, json={"title": "Wrong answers", "workflow": "support", "since_ms": NOW - 3 * HOUR})
        assert opened.status_code == 201
        path = f"{INCIDENTS}/{opened.json()['incident_id']}"
        assert (await program.post(f"{path}/note", json={"says": "It is the new rule.\nWe go back."})).json()["recorded"] is True
        story = (await program.get(path)).json()
        assert [line["says"] for line in story["timeline"]][-1] == "It is the new rule.\nWe go back."
        assert (story["incident"]["opened_by"], story["incident"]["workflow"]) == ("key ops", "support")
        assert story["affected"]["calls"] > 0
        met = story["met"]["met"]
        assert {one["workflow"] for one in met} == {"support"}
        after = (await program.get(path, params={"after": met[0]["call_id"]})).json()["met"]["met"]
        assert after == met[1:]
        assert (await program.post(f"{path}/close", data={"says": "Gone."})).status_code == 200
        assert code(await program.post(f"{path}/close", data={"says": "Gone."})) == (404, "no_such_incident")
        assert (await program.get(INCIDENTS, params={"open_only": "true"})).json() == {"incidents": [], "before": None}

    on_a_site(work)


def test_incidents_come_a_page_at_a_time() -> None:
    async def work(house: House, program: httpx2.AsyncClient) -> None:
        made = [(await program.post(INCIDENTS, json={"title": f"Number {number}"})).json()["incident_id"] for number in range(3)]
        seen: list[str] = []
        before: str | None = None
        while True:
            page = (await program.get(INCIDENTS, params={"most": 2, **({} if before is None else {"before": before})})).json()
            seen += [one["incident_id"] for one in page["incidents"]]
            before = page["before"]
            if before is None:
                break
        assert sorted(seen) == sorted(made)

    on_a_site(work)


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"title": ""},
        {"title": " "},
        {"title": "x" * 201},
        {"title": "a\nb"},
        {"title": "x", "workflow": "nobody's"},
        {"title": "x", "target": "nobody's"},
        {"title": "x", "since_ms": NOW + 1},
        {"title": "x", "since_ms": -1},
        {"title": "x", "severity": "page"},
    ],
)
def test_an_incident_that_says_too_little_or_what_nobody_knows_is_not_opened(told: dict[str, Any]) -> None:
    async def work(house: House, program: httpx2.AsyncClient) -> None:
        assert code(await program.post(INCIDENTS, json=told)) == (400, "bad_request")
        assert (await program.get(INCIDENTS)).json()["incidents"] == []

    on_a_site(work)


@pytest.mark.parametrize("says", ["", " ", "x" * 4_001, "red \x1b[31m", "a\x00b"])
def test_a_note_holds_words(says: str) -> None:
    async def work(house: House, program: httpx2.AsyncClient) -> None:
        made = (await program.post(INCIDENTS, json={"title": "x"})).json()["incident_id"]
        assert code(await program.post(f"{INCIDENTS}/{made}/note", json={"says": says})) == (400, "bad_request")

    on_a_site(work)


def configuration(house: House) -> Path:
    return house.gateway.settings.folder / next(iter(house.gateway.settings.texts))


def put_on_record(house: House, *, text: str, since_ms: int, digest: str) -> None:
    with closing(open_writing(house.gateway.place)) as db:
        keep(db, Kept(digest=digest, since_ms=since_ms, parent=None, author="ada"), files={configuration(house).name: text})


def test_what_a_roll_back_would_change_is_looked_at_first_and_then_done() -> None:
    async def work(house: House, program: httpx2.AsyncClient) -> None:
        path = configuration(house)
        good = path.read_text(encoding="utf-8")
        put_on_record(house, text=good, since_ms=NOW - HOUR, digest=house.gateway.stages.snapshot.digest)
        path.write_text(good.replace("2.5", "3.5"), encoding="utf-8")
        incident = (await program.post(INCIDENTS, json={"title": "Worth too much"})).json()["incident_id"]
        looked = (await program.get(ROLL_BACK)).json()
        assert looked["files"] == [path.name]
        assert "3.5" in looked["difference"]["sentences"][0]
        assert code(await program.post(ROLL_BACK, json={"expected_ms": 1})) == (400, "bad_request")
        expected = {"expected_ms": looked["to"]["since_ms"]}
        assert code(await program.post(ROLL_BACK, json={**expected, "incident": "nobody"})) == (404, "no_such_incident")
        assert code(await program.post(ROLL_BACK, json={**expected, "to": "ffffffff"})) == (404, "no_such_snapshot")
        assert "3.5" in path.read_text(encoding="utf-8"), "nothing was done yet"
        assert (await program.post(ROLL_BACK, json={**expected, "incident": incident})).status_code == 200
        assert path.read_text(encoding="utf-8") == good
        assert (await program.get(f"{INCIDENTS}/{incident}")).json()["timeline"][-1]["kind"] == "rolled_back"

    on_a_site(work)


def test_snapshots_are_listed_and_compared() -> None:
    async def work(house: House, program: httpx2.AsyncClient) -> None:
        good = configuration(house).read_text(encoding="utf-8")
        for number, text in enumerate((good, good.replace("2.5", "3.5"), good.replace("2.5", "4.5"))):
            put_on_record(house, text=text, since_ms=NOW - DAY + number, digest=f"{number}" * 16)
        page = (await program.get("/v1/admin/snapshots", params={"most": 2, "before_ms": NOW - HOUR})).json()
        assert [one["digest"][0] for one in page["snapshots"]] == ["2", "1"]
        last = (await program.get("/v1/admin/snapshots", params={"before_ms": page["before_ms"]})).json()
        assert ([one["digest"][0] for one in last["snapshots"]], last["before_ms"]) == (["0"], None)
        found = (await program.get("/v1/admin/snapshots/222222")).json()
        assert (found["against"]["digest"][0], "4.5" in found["difference"]["sentences"][0]) == ("1", True)
        told = (await program.get("/v1/admin/snapshots/222222", params={"against": "0" * 16})).json()
        assert "2.5" in told["difference"]["sentences"][0]
        first = (await program.get("/v1/admin/snapshots/000000")).json()
        assert (first["against"], first["difference"]) == (None, {"sentences": [], "diffs": {}})
        assert code(await program.get("/v1/admin/snapshots/ffffff")) == (404, "no_such_snapshot")

    on_a_site(work)


def test_costs_add_up_by_every_dimension() -> None:
    async def work(house: House, program: httpx2.AsyncClient) -> None:
        house.history()
        for by in ("team", "application", "workflow", "capability", "tenant", "place", "target"):
            told = (await program.get("/v1/admin/costs", params={"by": by})).json()
            total = sum(one["total_nano_usd"] for one in told["lines"]) + sum(one["nano_usd"] for one in told["unallocated"])
            assert total == told["total_nano_usd"] > 0, by
        month = (await program.get("/v1/admin/costs", params={"month": "2026-01"})).json()
        assert month["total_nano_usd"] == told["total_nano_usd"]
        hours = {"since_ms": NOW - 2 * HOUR, "until_ms": NOW}
        assert (await program.get("/v1/admin/costs", params=hours)).json()["span"] == hours
        tag = (await program.get("/v1/admin/costs", params={"by": "tag", "tag": "project"})).json()
        assert tag["by"] == "tag project"

    on_a_site(work)


@pytest.mark.parametrize(
    "asked",
    [
        "by=moon",
        "by=tag",
        "tag=project",
        "by=tag&tag=%00",
        "month=2026-13",
        "month=9999-12",
        "month=2026-01&since_ms=1",
        "since_ms=5&until_ms=5",
        "since_ms=5&until_ms=4",
        "since_ms=-1",
        "since_ms=0",
        "since_ms=1e3",
        "until_ms=null",
        "since_ms=" + "9" * 400,
        "since_ms=" + "9" * 5_000,
        "until_ms=99999999999999",
        "by=team&by=team",
        "nobody=knows",
        "by=team%27%3B+DROP+TABLE+call%3B--",
    ],
)
def test_a_question_that_is_none_is_told_so(asked: str) -> None:
    async def work(house: House, program: httpx2.AsyncClient) -> None:
        assert code(await program.get(f"/v1/admin/costs?{asked}")) == (400, "bad_request")

    on_a_site(work)


def test_a_useful_outcome_has_its_cost_and_what_drove_it() -> None:
    async def work(house: House, program: httpx2.AsyncClient) -> None:
        house.history()
        told = (await program.get("/v1/admin/costs/per-outcome", params={"workflow": "support", "since_ms": NOW - 7 * DAY})).json()
        whole = told["whole"]
        assert "care" in {one["name"] for one in told["owners"]}
        assert sum(one["now"]["units"] for one in told["owners"]) == whole["now"]["units"] > 0
        assert sum(whole["cost_drivers"].values()) == whole["now"]["cost_nano_usd"] - whole["before"]["cost_nano_usd"]
        assert whole["now"]["per_useful_nano_usd"] == round(whole["now"]["cost_nano_usd"] / whole["now"]["useful"])
        got = await program.get("/v1/admin/costs/per-outcome", params={"workflow": "x' OR 1=1"})
        assert code(got) == (400, "bad_request")
        assert "`support`" in got.json()["error"]["message"]

    on_a_site(work)


def test_budgets_and_objectives_say_how_they_stand() -> None:
    async def work(house: House, program: httpx2.AsyncClient) -> None:
        house.history()
        broken = [a_record(50_000 + number, at_ms=NOW - number * 30_000, status="failed", capability="triage", workflow="support") for number in range(100)]
        house.remember(broken)
        (budget,) = (await program.get("/v1/admin/budgets")).json()["budgets"]
        assert (budget["budget"]["name"], budget["subject"]) == ("care-month", "default/care")
        assert budget["used_share"] == budget["spent_nano_usd"] / 1_000_000_000 > 1
        assert budget["says"]
        told = (await program.get("/v1/admin/objectives")).json()
        (objective,) = told["objectives"]
        assert (objective["objective"], objective["promised"]) == ("answered", 0.9)
        assert objective["good"] <= objective["total"]
        assert [one["objective"] for one in told["burning"]] == ["answered"]

    on_a_site(work, workflows=PROMISED)


def test_a_ledger_that_cannot_be_asked_is_no_fault_of_who_asks() -> None:
    async def work(house: House, program: httpx2.AsyncClient) -> None:
        assert (await program.get("/v1/admin/budgets")).status_code == 200
        with closing(open_writing(house.gateway.place)) as db:
            db.execute("DROP TABLE incident", {})
        assert code(await program.get(INCIDENTS)) == (503, "ledger_unavailable")

    on_a_site(work)
