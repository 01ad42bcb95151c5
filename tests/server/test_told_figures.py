"""What is told of units and calls is among the figures once it is on record."""

from typing import Any

from tests.server.house import WHOLE, House, post, with_house
from tests.server.test_told import OUTCOMES, REVIEWS, SCORES, tell
from tests.telemetry.text import value
from tests.transport.vendor import run, says

QUALITY = {"kind": "quality", "share": 0.9, "threshold": 0.5, "window": "7d"}
WORKFLOWS: dict[str, Any] = {"tickets": {"capabilities": ["support"], "objectives": {"good": QUALITY}}}


def test_outcomes_are_counted_for_the_workflow_that_they_name_or_whose_capability_they_name() -> None:
    async def work(house: House) -> None:
        await tell(house, OUTCOMES, {"unit": "a", "kind": "won", "workflow": "tickets"})
        await tell(house, OUTCOMES, {"outcomes": [{"unit": "b", "kind": "lost", "success": False, "capability": "support"}, {"unit": "c", "kind": "won"}, {}]})
        text = house.gateway.telemetry.render_metrics()
        assert [value(text, "pointsman_units_total", workflow="tickets", state=state) for state in ("useful", "failed")] == [1, 1]

    run(with_house(work, workflows=WORKFLOWS))


def test_reviews_and_scores_are_counted_for_the_workflow_of_their_call() -> None:
    async def work(house: House) -> None:
        call_id = (await house.ask(post())).headers["x-request-id"]
        house.gateway.ledger.flush()
        await tell(house, REVIEWS, {"reviews": [{"call_id": call_id, "verdict": "accepted"}, {"call_id": call_id, "verdict": "edited"}, {"call_id": call_id}]})
        score = {"call_id": call_id, "metric": "m", "judge": "j", "value": 0.4}
        await tell(house, SCORES, score)
        await tell(house, SCORES, {"scores": [score | {"value": 1}, score | {"call_id": "nowhere"}]})
        text = house.gateway.telemetry.render_metrics()
        assert [value(text, "pointsman_reviews_total", verdict=verdict) for verdict in ("approved", "edited", "other")] == [1, 1, None]
        assert value(text, "pointsman_objective_events_total", workflow="tickets", objective="good") == 2
        assert value(text, "pointsman_objective_bad_total", workflow="tickets", objective="good") == 1

    run(with_house(work, says(WHOLE), workflows=WORKFLOWS))
