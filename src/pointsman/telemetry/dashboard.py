"""
A dashboard for Grafana (JSON, to be imported), made from the figures that are told and the objectives that are promised.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from pointsman.settings.workflows import Objective, Workflow
from pointsman.telemetry.alerts import burn_rate, cost_per_outcome

_SOURCE: Final = {"type": "prometheus", "uid": "${source}"}
_W: Final = '{workflow=~"$workflow"}'
_WIDTH: Final = 24

Target = tuple[str, str]  # a question, and what its lines are called


def dashboard(workflows: Iterable[Workflow]) -> bytes:
    """Return the dashboard."""
    named = list(workflows)
    board = _Board()
    _overview(board)
    _where(board)
    promised = [(workflow, one) for workflow in named for one in workflow.objectives]
    if promised:
        board.row("Objectives")
        for workflow, one in promised:
            _objective(board, workflow, one=one)
    _inside(board)
    whole: dict[str, Any] = {
        "title": "Pointsman",
        "uid": "pointsman",
        "tags": ["pointsman"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-24h", "to": "now"},
        "templating": {"list": [_choose_source(), _choose_workflow()]},
        "annotations": {"list": []},
        "panels": board.panels,
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n"


class _Board:
    """Panels, from left to right and from top to bottom."""

    def __init__(self) -> None:
        self.panels: list[dict[str, Any]] = []
        self._x = self._y = self._height = 0

    def row(self, title: str) -> None:
        """Begin a row with a title."""
        self._wrap()
        self.panels.append({"id": self._next, "type": "row", "title": title, "collapsed": False, "gridPos": self._place(_WIDTH, 1), "panels": []})

    def panel(self, kind: str, title: str, *targets: Target, unit: str, size: tuple[int, int] = (8, 8)) -> None:
        """Add a panel of a kind and a size (columns of 24, lines)."""
        if self._x + size[0] > _WIDTH:
            self._wrap()
        self.panels.append(
            {
                "id": self._next,
                "type": kind,
                "title": title,
                "datasource": _SOURCE,
                "gridPos": self._place(*size),
                "targets": [
                    {"refId": chr(ord("A") + index), "datasource": _SOURCE, "expr": expr, "legendFormat": legend}
                    for index, (expr, legend) in enumerate(targets)
                ],
                "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
                "options": {},
            }
        )

    @property
    def _next(self) -> int:
        return len(self.panels) + 1

    def _place(self, width: int, height: int) -> dict[str, int]:
        told = {"x": self._x, "y": self._y, "w": width, "h": height}
        self._x, self._height = self._x + width, max(self._height, height)
        return told

    def _wrap(self) -> None:
        self._x, self._y, self._height = 0, self._y + self._height, 0


def _overview(board: _Board) -> None:
    units = "pointsman_workflow_units"
    board.row("What it cost and what it was worth")
    cost = f"sum(max by (workflow, part) (pointsman_workflow_cost_usd{_W}))"
    useful = f'sum(max by (workflow) ({units}{{workflow=~"$workflow",state="useful"}}))'
    told = f'sum(max by (workflow) ({units}{{workflow=~"$workflow",state="told"}}))'
    everything = f'sum(max by (workflow) ({units}{{workflow=~"$workflow",state="all"}}))'
    board.panel("stat", "Cost per useful outcome, 7 days", (f"{cost} / {useful}", ""), unit="currencyUSD", size=(6, 4))
    board.panel("stat", "Useful outcomes, 7 days", (useful, ""), unit="short", size=(6, 4))
    board.panel("stat", "Units with an outcome", (f"{told} / {everything}", ""), unit="percentunit", size=(6, 4))
    answered = 'sum(rate(pointsman_requests_total{workflow=~"$workflow",status="ok"}[$__rate_interval]))'
    board.panel("stat", "Calls answered", (f"{answered} / sum(rate(pointsman_requests_total{_W}[$__rate_interval]))", ""), unit="percentunit", size=(6, 4))
    by_state = f"sum by (state) (increase(pointsman_units_total{_W}[1h]))"
    board.panel("timeseries", "Outcomes told, by the hour", (by_state, "{{state}}"), unit="short", size=(12, 8))
    board.panel("timeseries", "Cost by place, by the hour", (f"sum by (place) (increase(pointsman_cost_usd_total{_W}[1h]))", "{{place}}"), unit="currencyUSD")


def _where(board: _Board) -> None:
    board.row("Calls")
    board.panel("timeseries", "Calls by end", (f"sum by (status) (rate(pointsman_requests_total{_W}[$__rate_interval]))", "{{status}}"), unit="reqps")
    board.panel("timeseries", "Calls by place", (f"sum by (place) (rate(pointsman_requests_total{_W}[$__rate_interval]))", "{{place}}"), unit="reqps")
    bucket = f"sum by (le) (rate(pointsman_request_duration_seconds_bucket{_W}[$__rate_interval]))"
    board.panel("timeseries", "Time of a call", *((f"histogram_quantile({q}, {bucket})", f"p{round(q * 100)}") for q in (0.5, 0.95, 0.99)), unit="s")
    tokens = f"sum by (direction) (rate(pointsman_tokens_total{_W}[$__rate_interval]))"
    board.panel("timeseries", "Tokens", (tokens, "{{direction}}"), unit="short")
    steps = "sum by (from, to) (rate(pointsman_escalations_total[$__rate_interval]))"
    board.panel("timeseries", "Steps up", (steps, "{{from}} → {{to}}"), unit="reqps")
    results = 'sum by (target, result) (rate(pointsman_attempts_total{result!="ok"}[$__rate_interval]))'
    board.panel("timeseries", "Attempts that failed", (results, "{{target}}: {{result}}"), unit="reqps")


def _objective(board: _Board, workflow: Workflow, *, one: Objective) -> None:
    title = f"{workflow.name}: {one.name}"
    if one.kind == "cost_per_outcome":
        board.panel("timeseries", f"{title} (US dollars for a useful outcome)", (cost_per_outcome(workflow.name), "cost"), unit="currencyUSD")
        return
    rates = tuple((burn_rate(one, window), window) for window in ("5m", "1h", "6h"))
    board.panel("timeseries", f"{title} (burn rate; 1 uses the budget up exactly)", *rates, unit="short")


def _inside(board: _Board) -> None:
    board.row("The gateway")
    board.panel("state-timeline", "Targets in use", ("min by (target) (pointsman_target_up)", "{{target}}"), unit="short")
    board.panel("timeseries", "What waits", ("max by (queue) (pointsman_queue_depth)", "{{queue}}"), unit="short")
    dropped = "sum by (what) (increase(pointsman_telemetry_dropped_total[15m]))"
    board.panel("timeseries", "Telemetry left out", (dropped, "{{what}}"), unit="short")
    spent = "max by (budget) (pointsman_budget_spent_usd) / max by (budget) (pointsman_budget_limit_usd)"
    board.panel("timeseries", "Budgets", (spent, "{{budget}}"), unit="percentunit")
    unknown = f"sum by (workflow) (increase(pointsman_cost_unknown_total{_W}[1h]))"
    board.panel("timeseries", "Attempts whose cost nobody knows", (unknown, "{{workflow}}"), unit="short")
    board.panel("timeseries", "Reviews", ("sum by (verdict) (increase(pointsman_reviews_total[1h]))", "{{verdict}}"), unit="short")
    board.panel("table", "In force", ("pointsman_policy_info", ""), ("pointsman_build_info", ""), unit="short", size=(24, 5))


def _choose_source() -> dict[str, Any]:
    return {"name": "source", "type": "datasource", "query": "prometheus", "label": "Source"}


def _choose_workflow() -> dict[str, Any]:
    question = "label_values(pointsman_requests_total, workflow)"
    return {
        "name": "workflow",
        "type": "query",
        "label": "Workflow",
        "datasource": _SOURCE,
        "query": {"query": question, "refId": "workflow"},
        "refresh": 2,
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }
