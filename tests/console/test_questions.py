"""What pages ask of the ledger, on both databases: the same rows lead to the same words."""

from collections.abc import Mapping
from typing import Any

from tests.console.house import NOW, history
from tests.ledger.entries import write
from tests.storage.databases import each_database, each_place  # noqa: F401 - fixtures
from tests.values import a_snapshot

from pointsman.console.frame import Ask, Shown
from pointsman.console.pages.call import call
from pointsman.console.pages.calls import calls
from pointsman.console.pages.keys import keys
from pointsman.console.pages.overview import overview
from pointsman.console.pages.settings import settings
from pointsman.console.pages.unit import unit
from pointsman.console.pages.workflow import workflow, workflows
from pointsman.console.span import span_of
from pointsman.core.principal import Principal
from pointsman.intake.keys import LOCAL
from pointsman.settings.workflows import Workflow
from pointsman.storage.sql import Database


class Around:
    """What pages need beside the ledger."""

    snapshot = a_snapshot()
    workflows: Mapping[str, Workflow] = {"support": Workflow(name="support", capabilities=("triage",), unit="ticket", window_ms=86_400_000)}

    def now_ms(self) -> int:
        return NOW

    def spent(self) -> list[Any]:
        return []


def ask(query: Mapping[str, str] | None = None, *, span: str = "30d", **path: str) -> Ask:
    around: Any = Around()
    return Ask(control=around, principal=Principal(key=LOCAL), span=span_of(span, NOW), path=path, query=query or {})


def test_pages_find_the_same_on_both_databases(each_database: Database) -> None:  # noqa: F811 - a fixture
    told = history()
    write(each_database, told.records, outcomes=told.outcomes, workflows=Around.workflows)
    first: Shown = overview(ask(), each_database)
    assert [one.value for one in first.values["figures"]][1:4:2] == ["384", "482"]
    assert [one.calls for one in first.values["steps"]][-3:] == [24, 24, 14]
    assert first.values["steps"][-1].near == 1 / 13
    assert [one.calls for one in overview(ask(span="24h"), each_database).values["steps"]] == [1] * 21 + [2, 2, 0]
    page = workflow(ask(name="support"), each_database)
    assert [one.number for one in page.values["stages"]] == [482, 432, 384, 384]
    assert [(one.target, one.failed) for one in page.values["patterns"]] == [("acme/small", 42)]
    assert [name for name, _, _ in workflows(ask(), each_database).values["listed"]] == ["support"]
    listed = calls(ask({"target": "acme/large", "status": "ok"}), each_database).values["rows"]
    assert (len(listed), listed[0]["call_id"]) == (42, told.went_on.call_id)
    assert [row["status"] for row in calls(ask({"status": "not answered"}), each_database).values["rows"]] == ["no_place_allowed"]
    assert len(call(ask(call_id=told.went_on.call_id), each_database).values["bars"]) == 2
    found = unit(ask(workflow="support", unit=told.went_on.unit), each_database).values
    assert (found["row"]["calls"], len(found["calls"]), len(found["outcomes"])) == (1, 1, 1)
    assert keys(ask(), each_database).values["lately"]["web"]["calls"] == 482
    assert settings(ask(), each_database).values["found"] == ()
