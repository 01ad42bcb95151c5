"""
Switches over the admin listener, and how soon they are heeded by a worker that serves.
"""

import asyncio
import hashlib
import json
import time
from contextlib import closing
from typing import Any

import pytest
from tests.server.house import ASK, get, post
from tests.server.served import Served
from tests.transport.vendor import run

from pointsman.app.switches import Off, switch_off
from pointsman.intake.keys import mint
from pointsman.storage.open import open_writing

PROMISED_S = 1.0
MINTED = mint(bytes(range(32)))
KEY = f"Authorization: Bearer {MINTED.secret}"


def keys(*scopes: str) -> dict[str, Any]:
    return {"web": {"sha256": hashlib.sha256(MINTED.secret.encode()).hexdigest(), "scopes": list(scopes)}}


def switch(**told: str) -> bytes:
    return post(json.dumps(told).encode(), KEY, "Content-Type: application/json", path="/v1/admin/switches")


def test_a_switch_is_off_within_a_second_and_says_who_and_why() -> None:
    async def main() -> None:
        async with Served(keys=keys("admin", "call")) as served:
            done = await served.ask(switch(state="off", kind="capability", name="support", reason="it lies"), admin=True)
            assert (done.status, done.json["changed"]) == (200, True)
            until = time.monotonic() + PROMISED_S
            while (got := await served.ask(post(ASK, KEY))).status != 503:
                assert time.monotonic() < until
                await asyncio.sleep(0.02)
            assert "it lies" in got.message
            (shown,) = (await served.ask(get("/v1/admin/switches", KEY), admin=True)).json["switches"]
            assert (shown["kind"], shown["name"], shown["actor"]) == ("capability", "support", "key web")
            again = await served.ask(switch(state="on", kind="capability", name="support"), admin=True)
            assert again.json["changed"] is True
            assert (await served.ask(switch(state="on", kind="capability", name="support"), admin=True)).json["changed"] is False

    run(main())


def test_what_another_process_switches_is_heeded_within_a_second() -> None:
    async def main() -> None:
        async with Served() as served:
            with closing(open_writing(served.gateway.switches.place)) as db:
                switch_off(db, Off(kind="vendor", name="acme", since_ms=1, actor="ada", reason="it lies"))
            until = time.monotonic() + PROMISED_S
            while not served.gateway.switches.off:
                assert time.monotonic() < until
                await asyncio.sleep(0.01)
            got = await served.ask(post(ASK))
            assert (got.status, "Every target of `support`" in got.message) == (503, True)

    run(main())


@pytest.mark.parametrize(
    "told", [{"state": "maybe", "kind": "vendor", "name": "acme"}, {"state": "off", "kind": "moon", "name": "x", "reason": "y"}, {"state": "off"}]
)
def test_a_switch_that_says_too_little_changes_nothing(told: dict[str, str]) -> None:
    async def main() -> None:
        async with Served(keys=keys("admin")) as served:
            assert (await served.ask(switch(**told), admin=True)).status == 400
            assert served.gateway.switches.off == ()

    run(main())


def test_switching_needs_the_scope() -> None:
    async def main() -> None:
        async with Served(keys=keys("call")) as served:
            assert (await served.ask(switch(state="off", kind="vendor", name="acme", reason="x"), admin=True)).status == 403
            assert (await served.ask(get("/v1/admin/switches", KEY), admin=True)).status == 403

    run(main())
