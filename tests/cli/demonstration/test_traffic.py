"""
The workload when things go wrong; when they go right, see the demo as a whole.
"""

import asyncio
from dataclasses import replace

from tests.cli.simulated.at_work import with_vendor

from pointsman.cli.demonstration.folder import FRONTIER, HYBRID
from pointsman.cli.demonstration.processes import free_port
from pointsman.cli.demonstration.traffic import Plan, Traffic
from pointsman.cli.simulated.behaviour import MODELS, Behaviour
from pointsman.cli.simulated.faults import fault_of
from pointsman.cli.simulated.vendor import Running


def test_a_ticket_that_is_not_answered_is_lost_and_the_answer_says_why() -> None:
    async def work(running: Running) -> None:
        traffic = Traffic(Plan(total=3, gap_s=0, seed=0, gateway=running.port, failing_vendor=running.port))
        await asyncio.to_thread(traffic.run)
        assert traffic.lost == 7  # each ticket twice, and an item of another workload
        assert traffic.sent == 3
        assert "404" in traffic.errors[-1]
        assert "does not exist" in traffic.errors[-1]
        assert traffic.is_done

    with_vendor(work)


def test_an_answer_that_is_no_triage_is_lost_too() -> None:
    async def work(running: Running) -> None:
        traffic = Traffic(Plan(total=1, gap_s=0, seed=0, gateway=running.port, failing_vendor=running.port))
        running.vendor.faults.set("*", fault_of("html_page"), count=None)
        await asyncio.to_thread(traffic.run)
        assert traffic.lost == 2
        assert "DecodeError" in traffic.errors[-1]

    with_vendor(work, Behaviour(speed=1000, models=tuple(replace(MODELS[0], name=name) for name in (HYBRID, FRONTIER))))


def test_without_a_gateway_and_a_vendor_the_workload_ends_and_says_so() -> None:
    traffic = Traffic(Plan(total=2, gap_s=0, seed=0, gateway=free_port(), failing_vendor=free_port()))
    traffic.run()
    assert traffic.is_done
    assert traffic.lost == 3
    assert any("cannot be reached" in error for error in traffic.errors)


def test_a_workload_that_is_stopped_sends_no_more() -> None:
    traffic = Traffic(Plan(total=1000, gap_s=0, seed=0, gateway=free_port(), failing_vendor=free_port()))
    traffic.stop()
    traffic.run()
    assert (traffic.sent, traffic.lost) == (0, 1)
