"""The admin listener: open health, and everything else behind a key with the scope."""

import hashlib
from typing import Any

import pytest
from tests.server.house import get
from tests.server.served import Served
from tests.transport.vendor import run

from pointsman.intake.keys import mint
from pointsman.ledger.writer import Ledger

MINTED = mint(bytes(range(32)))
KEY = f"Authorization: Bearer {MINTED.secret}"


def _keys(*scopes: str) -> dict[str, Any]:
    return {"web": {"sha256": hashlib.sha256(MINTED.secret.encode()).hexdigest(), "scopes": list(scopes)}}


def test_health_is_told_to_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with Served(keys=_keys("call")) as served:
            assert (await served.ask(get("/livez"), admin=True)).json == {"status": "alive"}
            assert (await served.ask(get("/readyz"), admin=True)).json == {"status": "ready", "reason": None}
            monkeypatch.setattr(Ledger, "trouble", "disk full")  # the writer would find that all is well again
            ready = await served.ask(get("/readyz"), admin=True)
            assert (ready.status, ready.json["reason"]) == (503, "the ledger cannot be written: disk full")

    run(main())


@pytest.mark.parametrize(
    ("headers", "scopes", "status"),
    [([KEY], ["admin"], 200), ([f"x-api-key: {MINTED.secret}"], ["admin"], 200), ([], ["admin"], 401), ([KEY], ["call", "outcomes", "raw_targets"], 403)],
)
def test_administration_needs_a_key_with_the_scope(headers: list[str], scopes: list[str], status: int) -> None:
    async def main() -> None:
        async with Served(keys=_keys(*scopes)) as served:
            got = await served.ask(get("/v1/admin/snapshot", *headers), admin=True)
            assert got.status == status
            if status == 200:
                assert got.json["snapshot"] == served.gateway.stages.snapshot.digest
                assert got.json["capabilities"]["support"]["ladder"] == ["acme/small"]
            again = await served.ask(get("/v1/admin/reload", *headers, "Content-Length: 0", method="POST"), admin=True)
            assert again.status == (202 if status == 200 else status)

    run(main())


def test_without_keys_a_page_that_gives_its_own_name_our_address_administers_nothing() -> None:
    async def main() -> None:
        async with Served() as served:
            for request in (get("/v1/admin/snapshot"), get("/v1/admin/reload", "Content-Length: 0", method="POST")):
                got = await served.ask(request.replace(b"Host: localhost", b"Host: evil.example:8801"), admin=True)
                assert (got.status, "127.0.0.1 or localhost" in got.message) == (401, True)

    run(main())


def test_calls_are_not_answered_there_and_administration_not_elsewhere() -> None:
    async def main() -> None:
        async with Served() as served:
            assert (await served.ask(get("/v1/models"), admin=True)).status == 404
            assert (await served.ask(get("/v1/admin/snapshot"))).status == 404
            assert (await served.ask(get("/v1/admin/snapshot"), admin=True)).status == 200

    run(main())
