"""
Debian's Chromium, driven by Playwright, for journeys through the console. A tab notes what a page must not do: violate the policy, leave the machine, break.
"""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response, sync_playwright

CHROMIUM: Final = Path("/usr/bin/chromium")
WITHOUT: Final = f"there is no Chromium at {CHROMIUM} (Debian's package `chromium`)"
_AXE: Final = Path(__file__).parents[1] / "console_axe" / "node_modules" / "axe-core" / "axe.min.js"
# Without these, Chromium itself talks to hosts of its maker, at every start.
_FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDE: Final = (1360, 900)
PHONE: Final = (390, 844)
needs_chromium: Final = pytest.mark.skipif(not CHROMIUM.exists(), reason=WITHOUT)


@contextmanager
def chromium() -> Generator[Browser]:
    """Give a browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


class Tab:
    """One tab, with everything that went wrong in it. `state` are the cookies of somebody who signed in."""

    def __init__(self, browser: Browser, *, size: tuple[int, int] = WIDE, theme: Any = "light", state: Any = None, scripts: bool = True) -> None:
        self.context: BrowserContext = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=theme, storage_state=state, java_script_enabled=scripts
        )
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(45_000)
        self.faults: list[str] = []
        self.hosts: set[str] = set()
        self.bytes = 0
        self.page.on("console", lambda message: self._note(message.type, message.text))
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc or request.url[:20]))
        self.page.on("requestfinished", lambda request: self._weigh(request.sizes()))

    def _note(self, kind: str, text: str) -> None:
        if kind == "error" and "status of 4" not in text:  # a refusal that the journey asked for is no fault
            self.faults.append(f"{self.page.url}: {text}")

    def _weigh(self, sizes: Any) -> None:
        self.bytes += sizes["responseHeadersSize"] + sizes["responseBodySize"]

    def open(self, url: str) -> Response:
        """Open a page and wait until nothing loads any more."""
        response = self.page.goto(url)
        assert response is not None
        self.page.wait_for_load_state("networkidle")
        return response

    def must_be_sound(self) -> None:
        """Check that the page did nothing that it must not do, and fits its window."""
        assert self.faults == []
        assert self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{self.page.url} is wider than its window"
        assert self.page.locator("h1").count() == 1

    def axe(self) -> list[str]:
        """Return what axe finds serious or critical; nothing where it is not installed (`npm ci --prefix tests/console_axe`)."""
        if not _AXE.exists():
            return []
        self.page.evaluate(_AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{self.page.url}: {one['id']}: {node['html'][:160]} {node['any'][0]['message'] if node['any'] else ''}"
            for one in found["violations"]
            if one["impact"] in {"serious", "critical"}
            for node in one["nodes"]
        ]

    def close(self) -> None:
        self.context.close()
