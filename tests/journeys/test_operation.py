"""
A gateway in the hands of its operator: reloads, mistakes, signals, workers.
"""

import os
import secrets
import signal
import sqlite3
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.journeys.gateway import Gateway, Settings
from tests.journeys.processes import PATIENCE_S, eventually
from tests.journeys.sdks import GREETING, SDKS, Asked, OpenAIClient, Sdk, every_sdk
from tests.journeys.upstreams import SAID, Upstreams, mock, settings, simulated

from pointsman.intake.keys import mint

# The mock's `steady` says 240 letters at a pace that lets a second of things happen meanwhile.
_STEADY_LETTERS = 240


def _steady(upstreams: Upstreams, **more: Any) -> Settings:
    targets = {"steady": mock("steady"), "steady-anthropic": mock("steady", dialect="anthropic")}
    return settings(upstreams, targets={**targets, **more.pop("targets", {})}, **more)


@pytest.mark.parametrize("upstream", ["steady", "steady-anthropic"])
@every_sdk
def test_a_stream_goes_on_over_a_reload_that_takes_its_target_away(upstreams: Upstreams, tmp_path: Path, sdk: Sdk, upstream: str) -> None:
    with Gateway(tmp_path, _steady(upstreams)) as gateway:
        before = gateway.snapshot()
        with gateway.recorded(upstream) as records:
            words = sdk.words(sdk.client(gateway), upstream)
            text = next(words)
            assert gateway.reload(settings(upstreams)) != before
            with pytest.raises(sdk.errors.NotFoundError):
                sdk.create(sdk.client(gateway), upstream)
            text += "".join(words)
        assert len(text) == _STEADY_LETTERS
        assert [(record["status"], record["snapshot"]) for record in records] == [("ok", before)]
        assert sdk.ask(gateway, "mock-openai", Asked(GREETING), "whole").text == SAID


def test_a_file_with_mistakes_keeps_the_old_snapshot_and_says_why(upstreams: Upstreams, tmp_path: Path) -> None:
    with Gateway(tmp_path, settings(upstreams)) as gateway:
        before = gateway.snapshot()
        good = gateway.settings
        gateway.write({**good, "capabilities": {"broken": {"ladder": ["no-such-target"]}}, "surprise": 1})
        gateway.process.signal(signal.SIGHUP)
        eventually(lambda: "stays in force" in gateway.process.said(), "the complaint")
        told = gateway.process.said()
        assert "surprise" in told
        assert "no-such-target" in told
        assert gateway.snapshot() == before
        assert gateway.chat("mock-openai").status_code == 200
        gateway.path.write_text("capabilities: [", encoding="utf-8")
        gateway.process.signal(signal.SIGHUP)
        eventually(lambda: gateway.process.said().count("stays in force") == 2, "the second complaint")
        assert gateway.chat("mock-openai").status_code == 200
        assert gateway.reload(_steady(upstreams)) != before
        assert gateway.chat("steady").status_code == 200


def _listed(gateway: Gateway) -> list[str]:
    return [model["id"] for model in gateway.get("/v1/models").json()["data"]]


def test_a_changed_file_is_noticed_without_a_signal(upstreams: Upstreams, tmp_path: Path) -> None:
    with Gateway(tmp_path, settings(upstreams)) as gateway:
        gateway.write({**_steady(upstreams), "server": gateway.settings["server"]})
        names = eventually(lambda: [name for name in _listed(gateway) if name.startswith("steady")], "the reload")
        assert names == ["steady", "steady-anthropic"]


def test_a_document_that_is_put_into_its_folder_stays_in_house_from_then_on(upstreams: Upstreams, tmp_path: Path) -> None:
    recipe = " ".join(f"step {number}: stir {number * 7} turns at {number * 3} degrees" for number in range(1, 40))
    (tmp_path / "recipes" / "new").mkdir(parents=True)
    more = {
        "detection": {"documents": [{"path": "recipes", "data_class": "restricted"}]},
        "targets": {"own": simulated("sim-mid", place="private")},
        "capabilities": {"cook": {"ladder": ["sim-openai", "own"], "data_class": "restricted"}},
    }
    with Gateway(tmp_path, settings(upstreams, **more)) as gateway:
        assert gateway.chat("cook", recipe).headers["x-pointsman-place"] == "cloud"
        (tmp_path / "recipes" / "new" / "soup.txt").write_text(recipe, encoding="utf-8")
        eventually(lambda: gateway.chat("cook", recipe).headers["x-pointsman-place"] == "private", "the notice of the document", within_s=5)
        copied = gateway.chat("cook", f"Please shorten this for me: {recipe[300:700]}")
        assert (copied.headers["x-pointsman-place"], copied.headers["x-pointsman-data-class"]) == ("private", "restricted")


@every_sdk
def test_a_stream_under_way_is_finished_before_the_end(upstreams: Upstreams, tmp_path: Path, sdk: Sdk) -> None:
    with Gateway(tmp_path, _steady(upstreams)) as gateway:
        words = sdk.words(sdk.client(gateway), "steady")
        text = next(words)
        gateway.process.signal(signal.SIGTERM)
        eventually(lambda: _is_closed(gateway), "the end of the listener")
        text += "".join(words)
        assert len(text) == _STEADY_LETTERS
        assert gateway.process.wait() == 0
        assert [row["status"] for row in gateway.rows("SELECT status FROM call")] == ["ok"]


def _is_closed(gateway: Gateway) -> bool:
    client = OpenAIClient().client(gateway)
    try:
        client.models.list()
    except OpenAIClient.errors.APIConnectionError:
        return True
    return False


def test_the_admin_listener_tells_health_and_asks_for_an_administrators_key(upstreams: Upstreams, tmp_path: Path) -> None:
    minted = {name: mint(secrets.token_bytes(32)) for name in ("boss", "web")}
    keys = {"boss": {"sha256": minted["boss"].sha256, "scopes": ["admin"]}, "web": {"sha256": minted["web"].sha256}}
    with Gateway(tmp_path, settings(upstreams, keys=keys)) as gateway:
        admin = f"http://127.0.0.1:{gateway.admin_port}"

        def ask(method: str, path: str, name: str | None = None) -> httpx2.Response:
            shown = {} if name is None else {"authorization": f"Bearer {minted[name].secret}"}
            return httpx2.request(method, admin + path, headers=shown, timeout=PATIENCE_S)

        assert [ask("GET", path).status_code for path in ("/livez", "/readyz")] == [200, 200]
        assert [ask("GET", "/v1/admin/snapshot", name).status_code for name in (None, "web", "boss")] == [401, 403, 200]
        told = ask("GET", "/v1/admin/snapshot", "boss").json()
        assert told["snapshot"] == gateway.snapshot()
        assert told["capabilities"]["mock-openai"]["ladder"] == ["mock-openai"]
        gateway.write({**_steady(upstreams), "keys": keys, "server": gateway.settings["server"]})
        assert [ask("POST", "/v1/admin/reload", name).status_code for name in ("web", "boss")] == [403, 202]
        eventually(lambda: gateway.snapshot() != told["snapshot"], "the reload")


def test_while_the_ledger_is_locked_nothing_is_accepted_and_nothing_is_lost(upstreams: Upstreams, tmp_path: Path) -> None:
    with Gateway(tmp_path, settings(upstreams)) as gateway:
        ids = [gateway.chat("mock-openai").headers["x-request-id"]]
        gateway.call(ids[0])
        lock = sqlite3.connect(tmp_path / "pointsman.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        ids.append(gateway.chat("mock-openai").headers["x-request-id"])  # recorded while it cannot be written
        eventually(lambda: gateway.get("/readyz").status_code == 503, "the trouble")
        for sdk in SDKS:
            with pytest.raises(sdk.errors.APIStatusError, match="ledger cannot be written") as refused:
                sdk.create(sdk.client(gateway), "mock-openai")
            assert refused.value.status_code == 503
            assert refused.value.response.headers["retry-after"] == "1"
        lock.execute("ROLLBACK")
        lock.close()
        eventually(lambda: gateway.get("/readyz").status_code == 200, "the recovery")
        ids.append(gateway.chat("mock-openai").headers["x-request-id"])
        assert [gateway.call(call_id)["status"] for call_id in ids] == ["ok"] * 3


def test_an_idle_gateway_ends_at_once(upstreams: Upstreams, tmp_path: Path) -> None:
    with Gateway(tmp_path, settings(upstreams)) as gateway:
        client = gateway.openai()
        client.models.list()  # an idle connection is no reason to wait
        started = time.monotonic()
        assert gateway.stop() == 0
        assert time.monotonic() - started < 5  # it would wait ten seconds for a call under way


def test_two_workers_share_limits_and_ledger_and_one_that_dies_is_replaced(upstreams: Upstreams, tmp_path: Path) -> None:
    limits = [{"name": "pace", "by": "capability", "only": "mock-openai", "requests_per_minute": 10}]
    with Gateway(tmp_path, settings(upstreams, limits=limits, server={"workers": 2})) as gateway:
        workers = eventually(lambda: found if len(found := _children(gateway.process.pid)) == 2 else [], "two workers")
        # A connection belongs to one worker; fresh ones reach both.
        with gateway.recorded("mock-openai", calls=24) as records:
            answers = [gateway.chat("mock-openai").status_code for _ in range(24)]
        assert (answers.count(200), answers.count(429)) == (10, 14)
        assert [record["status"] for record in records].count("over_limit") == 14
        assert len({gateway.chat("mock-anthropic").status_code for _ in range(10)}) == 1

        os.kill(workers[0], signal.SIGKILL)
        eventually(lambda: len(found := _children(gateway.process.pid)) == 2 and workers[0] not in found, "the replacement")
        eventually(lambda: _all_answer(gateway), "both workers' answers")
        assert gateway.stop() == 0
        assert [row["calls"] for row in gateway.rows("SELECT sum(calls) AS calls FROM rollup_hour WHERE capability = 'mock-openai'")] == [24]


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text(encoding="utf-8").split()]


def _all_answer(gateway: Gateway) -> bool:
    try:
        return all(gateway.chat("mock-anthropic").status_code == 200 for _ in range(10))
    except OSError:
        return False
