"""
The console as people use it: the real process, real calls through it, and a real browser in both themes, on a desk and on a phone.
"""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, expect
from tests.journeys.browsing import PHONE, WIDE, Tab, chromium, needs_chromium
from tests.journeys.gateway import UPSTREAM_KEY, Gateway
from tests.journeys.processes import PATIENCE_S, eventually
from tests.journeys.upstreams import Simulator

pytestmark = needs_chromium
_CALLS: Final = 60
_FIRST_PAGE_BYTES: Final = 150_000
_CONFIDENTIAL: Final = {"x-pointsman-data-class": "confidential"}
_SHOTS: Final = os.environ.get("CONSOLE_SHOTS")  # a folder, for whoever wants to look


def _settings(simulator: Simulator) -> dict[str, Any]:
    return {
        "vendors": {"acme": {"kind": "openai_compatible", "base_url": f"{simulator.url}/v1", "credential": "env:UPSTREAM_KEY", "zone": "private"}},
        "targets": {
            "small": {"vendor": "acme", "model": "sim-small", "place": "private", "price": {"input_usd_per_million": 1, "output_usd_per_million": 2}},
            "nowhere": {
                "vendor": "acme",
                "model": "sim-small",
                "place": "private",
                "accepts": "internal",
                "price": {"input_usd_per_million": 9, "output_usd_per_million": 9},
            },
        },
        "capabilities": {"answer": {"ladder": ["nowhere", "small"], "owner": "care@example.com"}},
        "workflows": {"support": {"capabilities": ["answer"], "unit": "ticket", "value_usd": 2.5, "window": "1d"}},
        "limits": [{"name": "all", "by": "tenant", "budget_usd": 10, "period": "month"}],
    }


class Site:
    """The gateway with its console, and somebody who has signed in."""

    def __init__(self, gateway: Gateway, browser: Browser) -> None:
        self.gateway = gateway
        self.browser = browser
        told = json.loads(gateway.process.out.read_text())
        self.admin, self.link = told["admin"], told["console"]
        tab = Tab(browser)
        tab.open(self.link)
        self.state: Any = tab.context.storage_state()
        tab.close()
        self.call_id = gateway.rows("SELECT call_id FROM call ORDER BY call_id DESC LIMIT 1")[0]["call_id"]
        self.pages = {
            "overview": "/console",
            "workflows": "/console/workflows",
            "workflow": "/console/workflows/support",
            "calls": "/console/calls",
            "call": f"/console/calls/{self.call_id}",
            "unit": "/console/units/support/ticket-7",
            "explain": "/console/explain",
            "keys": "/console/keys",
            "settings": "/console/settings",
        }

    def tab(self, **told: Any) -> Tab:
        return Tab(self.browser, **{"state": self.state, **told})


@pytest.fixture(scope="module")
def site(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Gateway(tmp_path_factory.mktemp("console"), _settings(simulator), environ={"UPSTREAM_KEY": UPSTREAM_KEY}) as gateway, chromium() as browser:
        for number in range(_CALLS):
            answered = gateway.chat("answer", f"Where is parcel {number}?", headers={"x-pointsman-unit": f"ticket-{number}", **_CONFIDENTIAL})
            assert answered.status_code == 200, answered.text
            if number % 4:
                told = {"unit": f"ticket-{number}", "kind": "resolved", "id": f"o-{number}", "workflow": "support"}
                assert gateway.post("/v1/outcomes", json=told).status_code == 201
        eventually(lambda: len(gateway.rows("SELECT 1 FROM call")) == _CALLS, "the record of every call")
        yield Site(gateway, browser)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["desk", "phone"])
def test_every_page_is_sound_in_both_themes_on_a_desk_and_on_a_phone(site: Site, theme: str, size: tuple[int, int]) -> None:
    tab = site.tab(theme=theme, size=size)
    serious: list[str] = []
    for name, path in site.pages.items():
        assert tab.open(site.admin + path).status == 200, path
        tab.must_be_sound()
        serious += tab.axe()
        if _SHOTS:
            tab.page.screenshot(path=Path(_SHOTS) / f"{name}-{theme}-{size[0]}.png", full_page=True)
    assert serious == []
    assert tab.hosts == {site.admin.removeprefix("http://")}, "no request leaves the machine"
    tab.close()


def test_a_link_leads_in_once_and_another_is_printed_on_demand(site: Site) -> None:
    stranger = Tab(site.browser)
    assert stranger.open(site.admin + "/console").status == 401
    expect(stranger.page.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert stranger.open(site.link).status == 401, "it was used"
    link = site.gateway.cli("console", "link").stdout.strip()
    assert stranger.open(link).status == 200
    expect(stranger.page.get_by_role("heading", level=1)).to_have_text("Overview")
    cookie = stranger.context.cookies()[0]
    assert (cookie.get("httpOnly"), cookie.get("sameSite")) == (True, "Lax")
    with stranger.page.expect_navigation():
        stranger.page.get_by_role("button", name="Sign out").click()
    assert stranger.open(site.admin + "/console").status == 401
    stranger.close()


def test_the_first_page_is_light_and_its_chart_is_drawn_over_a_table(site: Site) -> None:
    tab = site.tab()
    tab.open(site.admin + "/console")
    assert tab.bytes <= _FIRST_PAGE_BYTES
    expect(tab.page.locator("#cost canvas")).to_be_visible()
    expect(tab.page.locator("#cost .numbers")).to_be_hidden()
    tab.page.locator("#cost").get_by_role("button", name="Table").click()
    expect(tab.page.locator("#cost .numbers")).to_be_visible()
    expect(tab.page.locator("#cost canvas")).to_be_hidden()
    tab.close()


def test_calls_are_filtered_and_paged_in_place_and_the_address_says_so(site: Site) -> None:
    tab = site.tab()
    tab.open(site.admin + "/console/calls")
    rows = tab.page.locator("#calls tbody tr")
    expect(rows).to_have_count(50)
    tab.page.get_by_role("link", name="Older").click()
    expect(rows).to_have_count(_CALLS - 50)
    assert "before=" in tab.page.url
    tab.page.go_back()
    expect(rows).to_have_count(50)
    tab.page.get_by_label("Place").select_option("cloud")
    expect(tab.page.locator("#calls")).to_contain_text("No call fits")
    tab.page.wait_for_url(re.compile("place=cloud"))
    assert tab.faults == []
    tab.close()


def test_without_scripts_everything_is_read_filtered_and_sent_all_the_same(site: Site) -> None:
    tab = site.tab(scripts=False)
    tab.open(site.admin + "/console")
    expect(tab.page.locator("#cost .numbers")).to_be_visible()
    tab.page.get_by_role("link", name="Calls", exact=True).click()
    tab.page.get_by_label("Status").select_option("not answered")
    tab.page.get_by_role("button", name="Show").click()
    expect(tab.page.locator("#calls")).to_contain_text("No call fits")
    tab.page.get_by_role("link", name="Explain").click()
    tab.page.get_by_label("Prompt or request").fill("Where is my parcel?")
    tab.page.get_by_label("Declared data class").fill("confidential")
    tab.page.get_by_role("button", name="Explain").click()
    expect(tab.page.get_by_role("heading", name="It would be answered by small")).to_be_visible()
    tab.page.get_by_role("button", name="dark").click()
    assert tab.page.locator("html").get_attribute("data-theme") == "dark"
    tab.close()


def test_a_person_goes_from_the_first_page_to_why_one_call_ran_where_it_ran(site: Site) -> None:
    tab = site.tab()
    tab.open(site.admin + "/console")
    tab.page.locator("#workflow-table").get_by_role("link", name="support").click()
    expect(tab.page.get_by_role("heading", level=1)).to_have_text("support")
    tab.page.get_by_role("link", name="Its calls").click()
    tab.page.locator("#calls tbody tr").first.get_by_role("link").first.click()
    decision = tab.page.locator(".sentences")
    expect(decision).to_contain_text("Ran on small")
    expect(decision).to_contain_text("nowhere was closed by the policy for confidential data.")
    tab.page.get_by_role("link", name=f"ticket-{_CALLS - 1}").click()
    expect(tab.page.get_by_role("heading", level=1)).to_have_text(f"ticket-{_CALLS - 1}")
    assert tab.faults == []
    tab.close()


def test_on_a_phone_the_navigation_opens_and_leads_on_and_the_keyboard_reaches_the_content(site: Site) -> None:
    tab = site.tab(size=PHONE)
    tab.open(site.admin + "/console")
    link = tab.page.get_by_role("navigation", name="Pages").get_by_role("link", name="Calls")
    expect(link).to_be_hidden()
    tab.page.get_by_role("button", name="Menu").click()
    expect(link).to_be_visible()
    link.click()
    expect(tab.page.get_by_role("heading", level=1)).to_have_text("Calls")
    tab.page.keyboard.press("Tab")
    expect(tab.page.get_by_role("link", name="Skip to the content")).to_be_focused()
    tab.page.keyboard.press("Enter")
    expect(tab.page.locator("#main")).to_be_focused()
    tab.close()


@pytest.fixture
def quiet_site(site: Site, simulator: Simulator, tmp_path: Path) -> Iterator[Site]:
    """A gateway of its own in the same browser: what is asked here would be one call too many for others."""
    with Gateway(tmp_path, _settings(simulator), environ={"UPSTREAM_KEY": UPSTREAM_KEY}) as gateway:
        assert gateway.chat("answer", "Where is my parcel?", headers=_CONFIDENTIAL).status_code == 200
        eventually(lambda: len(gateway.rows("SELECT 1 FROM call")) == 1, "the record of the call")
        yield Site(gateway, site.browser)


def test_what_happens_is_seen_without_reloading_where_a_page_is_asked_to_look_again(quiet_site: Site) -> None:
    site, tab = quiet_site, quiet_site.tab()
    tab.open(site.admin + "/console/calls")
    tab.page.get_by_role("link", name="Live: off").click()
    expect(tab.page.get_by_role("link", name="Live: on")).to_be_visible()
    site.gateway.chat("answer", "And now?", headers={"x-pointsman-unit": "ticket-live"})
    expect(tab.page.locator("#calls").get_by_role("link", name="ticket-live")).to_be_visible(timeout=PATIENCE_S * 1000)
    assert tab.faults == []
    tab.close()
