"""
The console in the hands of an operator: a real browser, a real gateway, and what is done there is done to the calls that follow.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from playwright.sync_api import Browser, expect
from tests.journeys.browsing import PHONE, WIDE, Tab, chromium, needs_chromium
from tests.journeys.gateway import UPSTREAM_KEY, Gateway
from tests.journeys.processes import eventually
from tests.journeys.upstreams import Simulator

pytestmark = needs_chromium
_CALLS: Final = 24
_SHOTS: Final = os.environ.get("CONSOLE_SHOTS")  # a folder, for whoever wants to look
PAGES: Final = {
    "cost": "/console/cost",
    "cost-by-target": "/console/cost?by=target&span=24h",
    "cost-outcomes": "/console/cost/outcomes",
    "cost-budgets": "/console/cost/budgets",
    "cost-savings": "/console/cost/savings?workflow=support",
    "what-if": "/console/cost/what-if?workflow=support&ask=prices&in.small=3",
    "exports": "/console/cost/exports",
    "incidents": "/console/incidents",
    "objectives": "/console/objectives",
    "vendors": "/console/vendors",
    "switch": "/console/vendors/switch?kind=target&name=small",
}


def _settings(simulator: Simulator) -> dict[str, Any]:
    price = {"input_usd_per_million": 1, "output_usd_per_million": 2}
    return {
        "vendors": {"acme": {"kind": "openai_compatible", "base_url": f"{simulator.url}/v1", "credential": "env:UPSTREAM_KEY", "zone": "private"}},
        "targets": {name: {"vendor": "acme", "model": "sim-small", "place": "private", "price": price} for name in ("small", "other")},
        "capabilities": {"answer": {"ladder": ["small", "other"]}},
        "workflows": {
            "support": {
                "capabilities": ["answer"],
                "unit": "ticket",
                "objectives": {"answered": {"kind": "success", "share": 0.99, "window": "7d"}},
            }
        },
        "limits": [{"name": "all", "by": "tenant", "budget_usd": 10, "period": "month"}],
        "costs": {"baseline": "small", "tags": ["project"]},
    }


class Site:
    """The gateway with its console, and an operator who has signed in."""

    def __init__(self, gateway: Gateway, browser: Browser) -> None:
        self.gateway = gateway
        self.browser = browser
        told = json.loads(gateway.process.out.read_text())
        self.admin = told["admin"]
        tab = Tab(browser)
        tab.open(told["console"])
        self.state: Any = tab.context.storage_state()
        tab.close()

    def tab(self, **told: Any) -> Tab:
        return Tab(self.browser, **{"state": self.state, **told})

    def ran_on(self) -> str:
        answered = self.gateway.chat("answer", "Where is my parcel?")
        assert answered.status_code == 200, answered.text
        return answered.headers["x-pointsman-target"]


@pytest.fixture(scope="module")
def site(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Gateway(tmp_path_factory.mktemp("operation"), _settings(simulator), environ={"UPSTREAM_KEY": UPSTREAM_KEY}) as gateway, chromium() as browser:
        for number in range(_CALLS):
            assert gateway.chat("answer", f"Where is parcel {number}?", headers={"x-pointsman-unit": f"ticket-{number}"}).status_code == 200
        told = {"unit": "ticket-1", "kind": "resolved", "id": "o-1", "workflow": "support"}
        assert gateway.post("/v1/outcomes", json=told).status_code == 201
        eventually(lambda: len(gateway.rows("SELECT 1 FROM call")) == _CALLS, "the record of every call")
        yield Site(gateway, browser)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["desk", "phone"])
def test_every_page_of_money_and_operation_is_sound_in_both_themes_on_a_desk_and_on_a_phone(site: Site, theme: str, size: tuple[int, int]) -> None:
    tab = site.tab(theme=theme, size=size)
    serious: list[str] = []
    for name, path in PAGES.items():
        assert tab.open(site.admin + path).status == 200, path
        tab.must_be_sound()
        serious += tab.axe()
        if _SHOTS:
            tab.page.screenshot(path=Path(_SHOTS) / f"{name}-{theme}-{size[0]}.png", full_page=True)
    assert serious == []
    assert tab.hosts == {site.admin.removeprefix("http://")}, "no request leaves the machine"
    tab.close()


def test_a_target_that_is_switched_off_without_scripts_answers_no_call_until_it_may_again(site: Site) -> None:
    assert site.ran_on() == "small"
    tab = site.tab(scripts=False)
    tab.open(site.admin + "/console/vendors")
    tab.page.get_by_role("link", name="Switch small off").click()
    expect(tab.page.locator("main")).to_contain_text("answer goes to other")
    tab.page.get_by_label("Why").fill("it lies")
    tab.page.get_by_role("button", name="Switch small off").click()
    expect(tab.page.locator("main")).to_contain_text("The target small was switched off by operator: it lies")
    eventually(lambda: site.ran_on() == "other", "a call that another target answers")
    tab.page.get_by_role("link", name="Let small run again").click()
    tab.page.get_by_role("button", name="Let it run again").click()
    eventually(lambda: site.ran_on() == "small", "a call that the target answers again")
    tab.close()


def test_an_incident_is_opened_rolled_back_and_closed_and_calls_go_where_they_went_before(site: Site) -> None:
    path = site.gateway.folder / "pointsman.yaml"
    was = path.read_text()
    told = yaml.safe_load(was)
    told["capabilities"]["answer"]["ladder"] = ["other"]
    path.write_text(yaml.safe_dump(told))
    eventually(lambda: site.ran_on() == "other", "the change of the ladder")
    eventually(lambda: len(site.gateway.rows("SELECT 1 FROM snapshot")) == 2, "the record of both snapshots")
    tab = site.tab()
    tab.open(site.admin + "/console/incidents")
    tab.page.get_by_label("What is wrong").fill("Answers are wrong")
    tab.page.get_by_label("Workflow").select_option("support")
    tab.page.get_by_role("button", name="Open").click()
    expect(tab.page.get_by_role("heading", level=1)).to_have_text("Answers are wrong")
    expect(tab.page.locator(".changes").first).to_contain_text("ladder is other")
    tab.page.get_by_role("link", name="Roll back…").click()
    expect(tab.page.locator(".sentences")).to_contain_text("ladder is small → other, and was other")
    expect(tab.page.locator(".diff .plus").first).to_be_visible()
    tab.page.get_by_role("button", name="Go back to this snapshot").click()
    expect(tab.page.locator(".changes").first).to_contain_text("Rolled back to snapshot")
    eventually(lambda: site.ran_on() == "small", "the ladder of before")
    assert yaml.safe_load(path.read_text()) == yaml.safe_load(was)
    tab.page.get_by_label("What it was, and what ended it").fill("The ladder is back.")
    tab.page.get_by_role("button", name="Close").click()
    expect(tab.page.locator("main")).to_contain_text("closed")
    assert tab.faults == []
    tab.close()


def test_a_table_of_money_is_saved_as_a_file_that_adds_up(site: Site) -> None:
    tab = site.tab()
    tab.open(site.admin + "/console/cost?by=workflow")
    with tab.page.expect_download() as waiting:
        tab.page.get_by_role("link", name="Save as CSV").click()
    saved = Path(waiting.value.path()).read_text()
    assert waiting.value.suggested_filename.startswith("cost-by-workflow-")
    assert "support" in saved
    booked = site.gateway.rows("SELECT SUM(cost_nano_usd) AS cost FROM call")[0]["cost"]
    assert sum(int(line.rpartition(",")[2]) for line in saved.splitlines()[1:]) == booked
    tab.close()
