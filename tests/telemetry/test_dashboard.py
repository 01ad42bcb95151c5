"""The dashboard is one that Grafana takes, and asks for figures that are told."""

import json
import re
from itertools import combinations
from typing import Any

import jsonschema_rs
from tests.telemetry.test_alerts import TICKETS
from tests.telemetry.text import names

from pointsman.settings.workflows import Workflow
from pointsman.telemetry.dashboard import dashboard
from pointsman.telemetry.measures import FIGURES, Counted
from pointsman.telemetry.scrape import rendered

QUIET = Workflow(name="quiet", capabilities=())
BOARD: dict[str, Any] = json.loads(dashboard([TICKETS, QUIET]))
PANELS: list[dict[str, Any]] = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
EXPRS = [target["expr"] for panel in PANELS for target in panel["targets"]]

# What Grafana's importer needs of a dashboard.
SCHEMA = {
    "type": "object",
    "required": ["title", "uid", "schemaVersion", "panels", "templating", "time"],
    "properties": {
        "uid": {"type": "string", "maxLength": 40},
        "schemaVersion": {"type": "integer", "minimum": 36},
        "panels": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "type", "title", "gridPos"],
                "properties": {
                    "id": {"type": "integer", "minimum": 1},
                    "type": {"enum": ["row", "stat", "timeseries", "state-timeline", "table"]},
                    "gridPos": {
                        "type": "object",
                        "required": ["x", "y", "w", "h"],
                        "properties": {"x": {"minimum": 0, "maximum": 23}, "w": {"minimum": 1, "maximum": 24}, "h": {"minimum": 1}},
                    },
                    "targets": {"type": "array", "minItems": 1, "items": {"required": ["refId", "expr", "datasource"]}},
                },
            },
        },
    },
}


def test_it_has_the_shape_of_a_dashboard() -> None:
    jsonschema_rs.validate(SCHEMA, BOARD)
    ids = [panel["id"] for panel in BOARD["panels"]]
    assert len(set(ids)) == len(ids)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in BOARD["panels"])


def test_no_panel_lies_on_another() -> None:
    def cells(panel: dict[str, Any]) -> set[tuple[int, int]]:
        at = panel["gridPos"]
        return {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}

    assert not any(cells(one) & cells(other) for one, other in combinations(BOARD["panels"], 2))


def test_every_question_asks_for_figures_that_are_told() -> None:
    told = names(rendered(Counted(), []))
    for expr in EXPRS:
        asked = set(re.findall(r"pointsman_\w+", expr))
        assert asked
        assert asked <= told


def test_every_label_that_is_asked_for_is_one_of_its_figure() -> None:
    for expr in EXPRS:
        for name, told in re.findall(r"(pointsman_\w+)\{([^}]*)\}", expr):
            labels = FIGURES[name.removesuffix("_bucket")].labels
            assert {part.partition("=")[0].rstrip("!") for part in told.split(",")} <= set(labels)


def test_each_objective_has_its_panel() -> None:
    titles = [panel["title"] for panel in PANELS]
    assert "tickets: answers (burn rate; 1 uses the budget up exactly)" in titles
    assert "tickets: cheap (US dollars for a useful outcome)" in titles


def test_without_objectives_there_is_no_row_for_them() -> None:
    assert "Objectives" not in [panel["title"] for panel in json.loads(dashboard([QUIET]))["panels"]]
