"""
`pointsman telemetry`: what monitoring needs to know of this configuration, and whether the collector takes what it is sent.
"""

from collections.abc import Iterator
from pathlib import Path

import click

from pointsman.app.outlets import Outlets
from pointsman.app.telemetry import collector_of
from pointsman.cli.configuration import now_ms, settings_at
from pointsman.cli.options import config_option, json_option, print_json
from pointsman.control.objectives.budget import LEAST_BAD, rules_of
from pointsman.core.entry import CallRecord
from pointsman.core.errors import Unusable
from pointsman.core.ids import uuid7
from pointsman.settings.load import Settings
from pointsman.settings.secrets import environment
from pointsman.telemetry.alerts import BurnRule, alert_rules
from pointsman.telemetry.dashboard import dashboard
from pointsman.telemetry.events import Evaluation, of_evaluation
from pointsman.telemetry.otlp import Otlp
from pointsman.telemetry.spans import spans_of
from pointsman.transport.bounds import Bounds

_WORKFLOW = "pointsman-check"


@click.group("telemetry")
def command() -> None:
    """Make a dashboard and alert rules, and try the collector."""


@command.command("dashboard")
@config_option
def show_dashboard(path: Path) -> None:
    """Print a dashboard for Grafana (JSON), with the objectives of the workflows."""
    click.echo(dashboard(settings_at(path).workflows.values()).decode(), nl=False)


@command.command("alerts")
@config_option
def show_alerts(path: Path) -> None:
    """Print rules for Prometheus' alerts (YAML), made from the objectives of the workflows."""
    settings = settings_at(path)
    click.echo(alert_rules(_rules(settings), settings.workflows.values()), nl=False)


@command.command("check")
@config_option
@json_option
def check(path: Path, *, as_json: bool) -> None:
    """Send a span, an event and the metrics of one made-up call to the collector, and tell whether it took them."""
    settings = settings_at(path)
    told = settings.file.telemetry
    to = collector_of(told, Outlets(folder=settings.folder, environ=environment(), bounds=Bounds()).secret)
    if to is None:
        raise Unusable("No collector is named, so nothing is sent anywhere. Set `telemetry.otlp`.")
    otlp, record = Otlp(to), _made_up()
    otlp.measure(record, {})
    judged = Evaluation(call_id=record.call_id, name=_WORKFLOW, at_ms=record.started_ms, workflow=_WORKFLOW, label="made up")
    took = {
        "traces": otlp.send_spans(spans_of(record, {}, semconv=told.semconv)),
        "metrics": otlp.send_metrics() is True,
        "logs": otlp.send_events([of_evaluation(judged)]),
    }
    otlp.close()
    if as_json:
        print_json({"collector": to.url, "took": took})
    else:
        for signal, was_taken in took.items():
            click.echo(f"  {signal:<8} {'taken' if was_taken else 'NOT taken'} by {to.url}/v1/{signal}")
    if not any(took.values()):
        raise Unusable(f"The collector at {to.url} took nothing. Start it, or correct `telemetry.otlp` and `telemetry.otlp_headers`.")


def _rules(settings: Settings) -> Iterator[BurnRule]:
    for workflow in settings.workflows.values():
        for one in workflow.objectives:
            for rule in rules_of(one) if one.kind != "cost_per_outcome" else ():
                yield BurnRule(
                    objective=one,
                    name=rule.name,
                    severity=rule.severity,
                    rate=rule.rate,
                    long_ms=rule.long_ms,
                    short_ms=rule.short_ms,
                    least_bad=LEAST_BAD,
                )


def _made_up() -> CallRecord:
    at_ms = now_ms()
    return CallRecord(
        call_id=uuid7(now_ms=at_ms, random_bits=at_ms),
        started_ms=at_ms,
        capability=_WORKFLOW,
        unit=_WORKFLOW,
        key_id="",
        tenant="",
        team=None,
        application=None,
        user=None,
        data_class="public",
        snapshot="",
        status="ok",
        reason="check",
        latency_ms=1.0,
        entries=(),
        considered=(),
        workflow=_WORKFLOW,
    )
