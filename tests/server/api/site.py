"""
The admin listener as `pointsman up` makes it, in this process, with a ledger of twenty days and whoever asks it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
from tests.console.house import OPERATOR, House, a_house

from pointsman.cli.up import console
from pointsman.server.admin import admin_app

Work = Callable[[House, httpx2.AsyncClient], Awaitable[None]]


def on_a_site(work: Work, **settings: Any) -> None:
    """Run a test with the listener and an operator's program."""

    async def main() -> None:
        async with a_house(**settings) as house:
            house.app = admin_app(house.gateway, reload=lambda: None, trouble=house.gateway.trouble, more=console)
            await work(house, house.browser(authorization=f"Bearer {OPERATOR.secret}"))

    asyncio.run(main())


def code(got: httpx2.Response) -> tuple[int, str]:
    """Return the status and the code of an error, which is JSON with a message."""
    assert got.headers["content-type"] == "application/json"
    told = got.json()["error"]
    assert told.keys() == {"code", "message"}
    assert told["message"].endswith((".", "`"))
    return got.status_code, told["code"]
