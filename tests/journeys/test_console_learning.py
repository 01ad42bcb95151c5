"""
What is learned, as people see it: real calls through the real process, judged by a person, learned from by the command, and looked at in a real browser.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import expect
from tests.journeys.browsing import PHONE, WIDE, chromium, needs_chromium
from tests.journeys.gateway import UPSTREAM_KEY, Gateway
from tests.journeys.processes import eventually
from tests.journeys.test_console import Site
from tests.journeys.upstreams import Simulator

pytestmark = needs_chromium
_CALLS: Final = 60
_SHOTS: Final = os.environ.get("CONSOLE_SHOTS")  # a folder, for whoever wants to look


def _settings(simulator: Simulator) -> dict[str, Any]:
    price = {"input_usd_per_million": 1, "output_usd_per_million": 2}
    dear = {"input_usd_per_million": 10, "output_usd_per_million": 20}
    small = {"vendor": "acme", "model": "sim-small", "place": "private", "price": price}
    return {
        "vendors": {"acme": {"kind": "openai_compatible", "base_url": f"{simulator.url}/v1", "credential": "env:UPSTREAM_KEY", "zone": "private"}},
        "targets": {"small": small, "large": {**small, "price": dear}},
        "learning": {"embedding": "hashed"},
        "capabilities": {
            "answer": {
                "ladder": ["small", "large"],
                "routing": {"incumbent": "large", "not_worse_by": 0.4, "sure": 0.5, "explore": {"share": 0.5, "data_class": "confidential"}},
            }
        },
    }


@pytest.fixture(scope="module")
def site(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("learning")
    with Gateway(folder, _settings(simulator), environ={"UPSTREAM_KEY": UPSTREAM_KEY}) as gateway, chromium() as browser:
        _ask(gateway, range(_CALLS))
        rows = gateway.rows("SELECT call_id, target FROM call")
        for number, row in enumerate(rows):
            _judge(gateway, row["call_id"], value=float(number % 10 != 0))
        learned = gateway.cli("learn", "--once")
        assert "in force from now on" in learned.stdout, learned.stderr
        eventually(lambda: gateway.rows("SELECT COUNT(*) AS n FROM snapshot")[0]["n"] > 1, "the snapshot with what was learned")
        _ask(gateway, range(_CALLS, 2 * _CALLS))
        yield Site(gateway, browser)


def _ask(gateway: Gateway, numbers: range) -> None:
    for number in numbers:
        assert gateway.chat("answer", f"Where is parcel {number}?").status_code == 200
    eventually(lambda: len(gateway.rows("SELECT 1 FROM call")) == numbers.stop, "the record of every call")


def _judge(gateway: Gateway, call_id: str, *, value: float) -> None:
    # Judged a while ago: what was told in the last seconds is left for the next time.
    told = {"call_id": call_id, "metric": "right", "judge": "ann@1", "value": value, "is_human": True, "at_ms": round(time.time() * 1000) - 20_000}
    assert gateway.post("/v1/scores", json=told).status_code in {200, 201, 202}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["desk", "phone"])
def test_what_is_learned_and_weighed_is_sound_in_both_themes_on_a_desk_and_on_a_phone(site: Site, theme: str, size: tuple[int, int]) -> None:
    tab = site.tab(theme=theme, size=size)
    serious: list[str] = []
    for name, path in (("learning", "/console/learning"), ("weighed", f"/console/calls/{site.call_id}")):
        assert tab.open(site.admin + path).status == 200, path
        tab.must_be_sound()
        serious += tab.axe()
        if _SHOTS:
            tab.page.screenshot(path=Path(_SHOTS) / f"{name}-{theme}-{size[0]}.png", full_page=True)
    assert serious == []
    tab.close()


def test_without_scripts_a_person_finds_what_is_known_and_what_a_call_would_be_chosen_by(site: Site) -> None:
    tab = site.tab(scripts=False)
    tab.open(site.admin + "/console")
    tab.page.get_by_role("link", name="Learning").click()
    expect(tab.page.get_by_role("row", name="large incumbent")).to_contain_text("private")
    expect(tab.page.locator("#versions")).to_be_visible()
    tab.page.get_by_role("link", name="Explain").click()
    tab.page.get_by_label("Prompt or request").fill("Where is my parcel?")
    tab.page.get_by_role("button", name="Explain").click()
    expect(tab.page.get_by_role("heading", name="What is weighed")).to_be_visible()
    if _SHOTS:
        tab.page.screenshot(path=Path(_SHOTS) / "explain-weighed.png", full_page=True)
    tab.close()


def test_the_id_in_the_replys_header_leads_to_the_explanation(site: Site) -> None:
    answered = site.gateway.chat("answer", "Where is my parcel?")
    call_id = answered.headers["x-request-id"]
    eventually(lambda: bool(site.gateway.rows(f"SELECT 1 FROM call WHERE call_id = '{call_id}'")), "its record")
    told = site.gateway.cli("explain", "--call", call_id).stdout
    assert "Weighed with parameters" in told
    assert "Now it would" in told
