"""`/metrics` on the admin listener: who may read it, and that it tells of every worker."""

import urllib.error
import urllib.request
from pathlib import Path

import pytest
from tests.server.house import ASK, KEY, WHOLE, get, keys_of, post
from tests.server.served import Served
from tests.server.test_workers import _eventually, _workers
from tests.telemetry.text import value
from tests.transport.vendor import Vendor, run, says

from pointsman.telemetry.scrape import CONTENT_TYPE


def test_a_scrape_tells_what_was_called() -> None:
    async def main() -> None:
        async with Vendor(says(WHOLE)) as vendor, Served(vendor) as served:
            assert (await served.ask(post())).status == 200
            got = await served.ask(get("/metrics"), admin=True)
            assert (got.status, got.headers["content-type"]) == (200, CONTENT_TYPE)
            assert value(got.body, "pointsman_requests_total", workflow="support", place="cloud", status="ok") == 1
            assert value(got.body, "pointsman_target_up", target="acme/small") == 1
            assert value(got.body, "pointsman_workers") == 1
            policy = served.gateway.settings.policy.digest
            assert value(got.body, "pointsman_policy_info", snapshot=served.gateway.stages.snapshot.digest, policy=policy) == 1
            served.gateway.ledger.flush()
            served.gateway.telemetry._common[0]._due_s = 0.0  # type: ignore[attr-defined]  # pyright: ignore[reportFunctionMemberAccess]
            got = await served.ask(get("/metrics"), admin=True)
            assert value(got.body, "pointsman_workflow_units", workflow="support", state="all") == 1

    run(main())


@pytest.mark.parametrize(("headers", "scopes", "status"), [([KEY], ["admin"], 200), ([KEY], ["call"], 403), ([], ["admin"], 401)])
def test_a_scrape_needs_a_key_that_may_read_costs(headers: list[str], scopes: list[str], status: int) -> None:
    async def main() -> None:
        async with Served(keys=keys_of(scopes=scopes)) as served:
            assert (await served.ask(get("/metrics", *headers), admin=True)).status == status

    run(main())


def test_a_role_lets_a_key_scrape_and_no_more() -> None:
    async def main() -> None:
        roles = {"scraper": {"groups": ["monitoring"], "permissions": ["console.read"]}}
        async with Served(keys=keys_of(scopes=["call"], groups=["monitoring"]), identity={"roles": roles}) as served:
            assert (await served.ask(get("/metrics", KEY), admin=True)).status == 200
            assert (await served.ask(get("/v1/admin/snapshot", KEY), admin=True)).status == 403

    run(main())


def test_metrics_can_be_switched_off() -> None:
    async def main() -> None:
        async with Served(telemetry={"metrics": False}) as served:
            assert (await served.ask(get("/metrics"), admin=True)).status == 404

    run(main())


def test_an_open_breaker_and_a_missing_credential_are_told() -> None:
    async def main() -> None:
        targets = {"acme/small": {"vendor": "acme", "model": "small"}, "locked/big": {"vendor": "locked", "model": "big"}}
        vendors = {
            "acme": {"kind": "openai_compatible", "base_url": "http://127.0.0.1:1/v1"},
            "locked": {"kind": "openai_compatible", "base_url": "http://127.0.0.1:1/v1", "credential": "env:NOT_THERE"},
        }
        async with Served(vendors=vendors, targets=targets) as served:
            for _ in range(5):
                await served.ask(post())
            got = await served.ask(get("/metrics"), admin=True)
            assert value(got.body, "pointsman_target_up", target="acme/small") == 0
            assert value(got.body, "pointsman_target_up", target="locked/big") == 0
            assert value(got.body, "pointsman_requests_total", workflow="support", place="none", status="failed") == 5

    run(main())


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's list of processes")
def test_one_address_tells_of_two_workers(tmp_path: Path) -> None:
    with _workers(tmp_path) as workers:
        _eventually(lambda: len(workers.children()) == 2 and workers.is_up())
        statuses = [workers.ask("POST", "/v1/chat/completions", ASK)[0] for _ in range(20)]

        def scraped() -> bytes:
            try:
                with urllib.request.urlopen(f"http://{workers.file['server']['admin']}/metrics", timeout=20) as answer:
                    return answer.read()
            except urllib.error.URLError:
                return b""

        def counted() -> dict[str, float | None]:
            text = scraped()
            ends = {"failed": "none", "refused": "none"}
            return {status: value(text, "pointsman_requests_total", workflow="support", place=place, status=status) for status, place in ends.items()}

        refused = statuses.count(429)
        assert 0 < refused < 20
        _eventually(lambda: counted() == {"failed": 20.0 - refused, "refused": refused})
        assert value(scraped(), "pointsman_workers") == 2
