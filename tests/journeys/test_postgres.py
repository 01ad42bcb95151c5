"""
A gateway whose ledger is in PostgreSQL: the same numbers, the same budgets after a restart, and nothing lost while the server is away.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.cli.running import VendorServer
from tests.journeys.gateway import Gateway, Settings
from tests.journeys.processes import eventually
from tests.storage.databases import Server, a_server

from pointsman.storage.open import open_reading

PASSWORD = "not-to-be-shown"


@pytest.fixture
def vendor() -> Iterator[VendorServer]:
    server = VendorServer()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = a_server()
    yield server
    server.end()


def settings_of(vendor: VendorServer) -> Settings:
    return {
        "server": {"database": "env:LEDGER_URL"},
        "vendors": {"acme": {"kind": "openai_compatible", "base_url": vendor.url, "region": "here"}},
        "targets": {"small": {"vendor": "acme", "model": "small", "price": {"input_usd_per_million": 100, "output_usd_per_million": 200}}},
        "capabilities": {"support": {"ladder": ["small"]}, "frugal": {"ladder": ["small"]}},
        "limits": [{"name": "purse", "by": "capability", "only": "frugal", "budget_usd": 0.02, "period": "day"}],
    }


def asked(gateway: Gateway, capability: str, unit: str = "ticket-1") -> Any:
    return gateway.chat(capability, headers={"x-pointsman-unit": unit}, max_tokens=5)


def told(gateway: Gateway, outcome_id: str) -> Any:
    return gateway.post("/v1/outcomes", json={"unit": "ticket-1", "id": outcome_id, "kind": "resolved", "success": True})


def report_of(gateway: Gateway) -> dict[str, Any]:
    found = json.loads(gateway.cli("report", "--json").stdout)
    return {one["capability"]: one for one in found["capabilities"]}


def test_a_ledger_in_postgresql_outlives_its_gateway_and_its_server(server: Server, vendor: VendorServer, tmp_path: Path) -> None:
    url = server.fresh().replace("postgres@", f"postgres:{PASSWORD}@")
    with Gateway(tmp_path, settings_of(vendor), environ={"LEDGER_URL": url}) as gateway:
        # What it cost and what it was worth.
        assert [asked(gateway, "support").status_code for _ in range(2)] == [200, 200]
        assert told(gateway, "o-1").status_code < 300
        eventually(lambda: report_of(gateway).get("support", {}).get("calls") == 2, "the record of both calls")
        support = report_of(gateway)["support"]
        assert (support["useful"], support["units"], support["cost_nano_usd"]) == (1, 1, 4_000_000)

        # A budget that is spent stays spent.
        eventually(lambda: asked(gateway, "frugal").status_code == 402, "the end of the budget")
        gateway.stop()
        gateway.start()
        assert asked(gateway, "frugal").status_code == 402

        # The server goes away: what was accepted is kept, the rest refused and told.
        server.stop()
        answers = [200, 200]

        def refused() -> bool:
            answers.append(asked(gateway, "support").status_code)
            return answers[-1] == 503

        eventually(refused, "the refusal of calls")
        assert told(gateway, "o-2").status_code == 503
        trouble = gateway.get("/readyz")
        assert (trouble.status_code, "the ledger cannot be written" in trouble.text) == (503, True)
        assert PASSWORD not in trouble.text + gateway.process.said()
        assert PASSWORD not in gateway.cli("report", expect=3).stderr

        # It comes back: all goes on, and nothing was lost.
        server.start()
        eventually(lambda: gateway.get("/readyz").status_code == 200, "the return of the ledger")
        answers.append(asked(gateway, "support").status_code)
        assert told(gateway, "o-2").status_code < 300
        kept = answers.count(200)
        eventually(lambda: report_of(gateway)["support"]["ok"] == kept, f"the record of {kept} calls")
    with closing(open_reading(url)) as db:
        assert db.rows("SELECT outcome_id FROM outcome ORDER BY outcome_id") == [{"outcome_id": "o-1"}, {"outcome_id": "o-2"}]
        assert db.rows("SELECT state, calls FROM unit WHERE workflow = 'support'") == [{"state": "useful", "calls": kept}]
    assert not (tmp_path / "pointsman.db").exists()
