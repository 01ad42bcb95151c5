"""
Days of the demo's shop, lived through by the real gateway: what its ledger says afterwards is what happened.
"""

import gc
import logging
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pointsman.cli.demonstration.folder import FRONTIER, Ports
from pointsman.cli.demonstration.history import History, Time, remember, remembered
from pointsman.cli.demonstration.processes import free_port
from pointsman.ledger.balance import balance
from pointsman.storage.open import open_reading
from pointsman.storage.sql import Database

PORTS = Ports(gateway=free_port(), admin=free_port(), own_gpu=free_port(), cloud_a=free_port(), cloud_b=free_port())
_NOW_S = 1_772_280_000.0  # 2026-02-28T12:00:00Z, a Saturday
_DAY_MS = 86_400_000
_FIRST_MS = int(_NOW_S * 1000) // _DAY_MS * _DAY_MS - 2 * _DAY_MS


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, History]:
    home = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(home / "state"))
        return home, remember(home, PORTS, days=2, now_s=_NOW_S, tell=lambda share: None)


@pytest.fixture
def db(lived: tuple[Path, History]) -> Iterator[Database]:
    with closing(open_reading(lived[0] / "pointsman.db")) as found:
        yield found


def test_every_call_is_on_record_at_the_time_at_which_it_was_lived(lived: tuple[Path, History], db: Database) -> None:
    row = db.rows("SELECT COUNT(*) AS calls, MIN(started_ms) AS first, MAX(started_ms) AS last FROM call")[0]

    assert row["calls"] == lived[1].calls > 500
    assert _FIRST_MS <= row["first"] < row["last"] <= _NOW_S * 1000
    assert lived[1].refused == 0


def test_nothing_that_happens_in_the_story_is_logged_to_whoever_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    log = logging.getLogger("pointsman")

    async def live(self: History) -> None:
        del self
        log.error("a vendor fails")

    monkeypatch.setattr(History, "live", live)
    remember(tmp_path, PORTS, days=2, now_s=_NOW_S, tell=lambda share: None)
    log.error("afterwards")
    assert caplog.messages == ["afterwards"]


def test_whoever_ends_it_before_the_first_day_leaves_nothing_that_python_complains_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(story: object) -> None:
        del story
        raise KeyboardInterrupt

    monkeypatch.setattr("asyncio.run", ended)
    ports = Ports(gateway=1, admin=2, own_gpu=3, cloud_a=4, cloud_b=5)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with pytest.raises(KeyboardInterrupt):
            remember(tmp_path, ports, days=1, now_s=1_800_000_000, tell=lambda share: None)
        gc.collect()
    assert [str(one.message) for one in told if "never awaited" in str(one.message)] == []


def test_the_four_workloads_ran_where_they_may_run(db: Database) -> None:
    found = {(row["workflow"], row["place"]): row["calls"] for row in db.rows("SELECT workflow, place, COUNT(*) AS calls FROM call GROUP BY workflow, place")}

    assert {workflow for workflow, _ in found} == {"support", "support-frontier", "legal-review", "sales-research", "invoice-exceptions"}
    assert {place for workflow, place in found if workflow == "legal-review"} == {"private"}  # confidential
    assert {"rules", "private", "cloud"} <= {place for workflow, place in found if workflow == "support"}


def test_latencies_are_those_of_the_simulated_models_and_nobody_waited_for_them(db: Database) -> None:
    row = db.rows("SELECT MIN(latency_ms) AS least FROM call WHERE capability = :name AND place = 'cloud'", {"name": FRONTIER})[0]
    assert row["least"] > 700  # the first token of the frontier model alone takes so long


def test_a_resolved_ticket_costs_less_than_with_the_frontier_model_alone(db: Database) -> None:
    cost = {
        row["workflow"]: row["cost"] / row["useful"]
        for row in db.rows(
            "SELECT workflow, SUM(cost_nano_usd) AS cost, SUM(CASE WHEN state = 'useful' THEN 1 ELSE 0 END) AS useful FROM unit GROUP BY workflow"
        )
    }
    assert cost["support"] < cost["support-frontier"] / 2


def test_a_bad_release_becomes_an_incident_that_is_rolled_back_and_closed(db: Database) -> None:
    (incident,) = db.rows("SELECT incident_id, workflow, closed_ms, snapshot FROM incident")
    kinds = [row["kind"] for row in db.rows("SELECT kind FROM incident_event ORDER BY seq")]
    in_force = [row["digest"] for row in db.rows("SELECT digest FROM snapshot ORDER BY since_ms")]

    assert incident["workflow"] == "support"
    assert incident["closed_ms"] is not None
    assert "rolled_back" in kinds
    assert kinds[-1] == "closed"
    assert in_force[-1] == in_force[-3]  # what was in force before the release is in force again
    assert incident["snapshot"] == in_force[-2]


def test_the_books_balance(db: Database) -> None:
    assert balance(db).difference == 0


def test_it_is_remembered_until_another_day_or_another_number_of_days(lived: tuple[Path, History]) -> None:
    home = lived[0]
    assert remembered(home, days=2, now_s=_NOW_S + 3600) == PORTS
    assert remembered(home, days=3, now_s=_NOW_S) is None
    assert remembered(home, days=2, now_s=_NOW_S + 2 * 86_400) is None
    assert remembered(home / "elsewhere", days=2, now_s=_NOW_S) is None


def test_every_snapshot_of_it_can_be_gone_back_to_while_the_demo_runs(db: Database) -> None:
    """The addresses in it are those at which the demo's gateway and vendors listen."""
    files = [row["files"] for row in db.rows("SELECT files FROM snapshot")]
    assert len(files) >= 4
    for port in (PORTS.gateway, PORTS.admin, PORTS.own_gpu, PORTS.cloud_a, PORTS.cloud_b):
        assert all(f"127.0.0.1:{port}" in text for text in files)


def test_its_clock_never_goes_back() -> None:
    time = Time(1_000, seed=0)
    time.to(5)
    time.to(3)
    assert (time.now_s, time.wall_ms()) == (5, 6_000)
