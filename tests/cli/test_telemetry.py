"""`pointsman telemetry`: a dashboard, alert rules, and a try at the collector."""

import json
from pathlib import Path

import pytest
import yaml
from tests.cli.conftest import Run
from tests.telemetry.collector import a_collector, attributes

CONFIG = """
vendors: {acme: {kind: openai_compatible, base_url: "http://127.0.0.1:1/v1"}}
targets: {acme/small: {vendor: acme, model: small}}
capabilities: {support: {ladder: [acme/small]}}
workflows:
  tickets:
    capabilities: [support]
    objectives:
      answers: {kind: success, share: 0.99}
      cost: {kind: cost_per_outcome, threshold_usd: 0.4}
"""


@pytest.fixture(autouse=True)
def configuration(run: Run) -> None:
    del run  # it makes the folder
    Path("pointsman.yaml").write_text(CONFIG)


def test_alert_rules_follow_the_objectives(run: Run) -> None:
    done = run("telemetry", "alerts")
    assert done.code == 0
    rules = [rule for group in yaml.safe_load(done.out)["groups"] for rule in group["rules"]]
    burns = [rule["labels"]["burn"] for rule in rules if rule["alert"] == "PointsmanObjectiveBurns"]
    assert burns == ["fast", "middle", "slow"]
    assert [rule["labels"]["objective"] for rule in rules if rule["alert"] == "PointsmanOutcomeCosts"] == ["cost"]


def test_the_dashboard_is_json(run: Run) -> None:
    done = run("telemetry", "dashboard")
    assert done.code == 0
    assert json.loads(done.out)["uid"] == "pointsman"


def test_a_collector_that_takes_all_is_fine(run: Run) -> None:
    with a_collector() as collector:
        Path("pointsman.yaml").write_text(f"{CONFIG}\ntelemetry: {{otlp: '{collector.url}', otlp_headers: {{x-token: 'env:TOKEN'}}}}\n")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TOKEN", "s3cret-word")
            done = run("telemetry", "check")
            assert (done.code, done.out.count(" taken by ")) == (0, 3)
            assert run("telemetry", "check", "--json").json["took"] == {"traces": True, "metrics": True, "logs": True}
    assert {headers["x-token"] for headers in collector.headers} == {"s3cret-word"}
    assert "invoke_workflow pointsman-check" in [span.name for span in collector.spans]
    assert attributes(collector.events[0])["gen_ai.evaluation.score.label"] == "made up"


def test_a_collector_that_takes_nothing_is_told(run: Run) -> None:
    with a_collector() as collector:
        collector.status = 403
        Path("pointsman.yaml").write_text(f"{CONFIG}\ntelemetry: {{otlp: '{collector.url}'}}\n")
        done = run("telemetry", "check")
    assert (done.code, done.out.count("NOT taken")) == (3, 3)
    assert "took nothing" in done.err


def test_without_a_collector_it_is_said_where_to_name_one(run: Run) -> None:
    done = run("telemetry", "check")
    assert done.code == 3
    assert "Set `telemetry.otlp`" in done.err
