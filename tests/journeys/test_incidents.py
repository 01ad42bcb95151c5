"""
Shutting things off and going back, while two workers serve: whatever one of them learns the other must know too.

Answers come from a rule, so that no vendor is needed.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from tests.journeys.gateway import Gateway
from tests.journeys.processes import PATIENCE_S, SOON_S, eventually

_ENOUGH: Final = 24  # connections after which both workers have been asked
APPROVED: Final = {
    "approvals": {"policy": 2},
    "roles": {"lead": {"groups": ["leads"], "permissions": ["policy.change"]}},
    "login": {"issuer": "http://127.0.0.1:1", "client_id": "pointsman", "url": "http://127.0.0.1:8801"},
}
OLD, NEW = "By the old rule.", "By the new rule."


def table(answer: str) -> str:
    return f"when,then,answer\ntrue,answer,{answer}\n"


def settings(**more: Any) -> dict[str, Any]:
    return {
        "vendors": {"acme": {"kind": "openai_compatible", "base_url": "http://127.0.0.1:1/v1"}},
        "targets": {"acme/small": {"vendor": "acme", "model": "small"}},
        "capabilities": {"support": {"ladder": ["acme/small"], "rules": "rules.csv"}},
        "server": {"workers": 2},
        **more,
    }


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    (tmp_path / "rules.csv").write_text(table(OLD))
    with Gateway(tmp_path, settings()) as running:
        yield running


def statuses(gateway: Gateway) -> set[int]:
    return {gateway.chat("support").status_code for _ in range(_ENOUGH)}


def answers(gateway: Gateway) -> set[str]:
    return {gateway.chat("support").json()["choices"][0]["message"]["content"] for _ in range(_ENOUGH)}


def test_a_capability_is_off_at_both_workers_within_a_second_and_after_a_restart(gateway: Gateway) -> None:
    assert statuses(gateway) == {200}
    gateway.cli("switch", "off", "capability", "support", "--reason", "it lies")
    eventually(lambda: statuses(gateway) == {503}, "the switch at both workers", within_s=SOON_S)
    assert statuses(gateway) == {503}
    assert gateway.chat("support").json()["error"]["code"] == "switched_off"
    gateway.stop()
    gateway.start()
    assert statuses(gateway) == {503}
    gateway.cli("switch", "on", "capability", "support")
    eventually(lambda: statuses(gateway) == {200}, "the switch at both workers")


def test_one_command_brings_the_files_of_before_into_force_at_both_workers(gateway: Gateway) -> None:
    eventually(lambda: len(gateway.rows("SELECT * FROM snapshot")) == 1, "the first snapshot")
    (gateway.folder / "rules.csv").write_text(table(NEW))
    eventually(lambda: answers(gateway) == {NEW}, "the change at both workers")
    eventually(lambda: len(gateway.rows("SELECT * FROM snapshot")) >= 2, "the second snapshot")
    opened = json.loads(gateway.cli("incident", "open", "--title", "Answers are wrong", "--json").stdout)
    gateway.cli("rollback", "--incident", opened["incident_id"])
    eventually(lambda: answers(gateway) == {OLD}, "the roll-back at both workers")
    shown = gateway.cli("incident", "show", opened["incident_id"]).stdout
    assert "The file `rules.csv` changed: 1 lines are new, 1 are gone." in shown
    assert "Rolled back to snapshot" in shown
    newest = eventually(lambda: [row["digest"] for row in gateway.rows("SELECT digest FROM snapshot ORDER BY since_ms")][2:], "the third snapshot")
    assert newest[0] == gateway.rows("SELECT digest FROM snapshot ORDER BY since_ms")[0]["digest"]


def test_a_roll_back_waits_for_approval_like_any_change(tmp_path: Path) -> None:
    (tmp_path / "rules.csv").write_text(table(OLD))
    open_to = settings()
    with Gateway(tmp_path, open_to) as gateway:
        eventually(lambda: len(gateway.rows("SELECT * FROM snapshot")) == 1, "the first snapshot")
        gateway.write({**gateway.settings, "identity": APPROVED})
        eventually(lambda: len(gateway.rows("SELECT * FROM snapshot")) >= 2, "the second snapshot")
        gateway.cli("rollback")

        def waits() -> bool:
            told = httpx2.get(f"http://127.0.0.1:{gateway.admin_port}/readyz", timeout=PATIENCE_S).json()
            return "waits_for_approval" in told

        eventually(waits, "the roll-back to wait")
        assert "approvals" not in gateway.path.read_text()
