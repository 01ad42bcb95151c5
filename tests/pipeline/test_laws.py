"""Whatever happens: random scripts of failures, streams, callers who leave; and what is true all the same."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing, suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pipeline.seam import Breaks, Explodes, Hangs, House, Says, Step, Streams, openai_stream
from tests.values import a_call, a_capability, a_target

from pointsman.core.call import Asked, OutputSchema
from pointsman.core.capability import CachePolicy, Retries
from pointsman.core.errors import PointsmanError
from pointsman.core.failure import FailureKind
from pointsman.core.http import Deadlines
from pointsman.core.label import Level, a_label
from pointsman.core.principal import Limit, LimitBy
from pointsman.core.snapshot import FIRST_TARGET_BIT
from pointsman.core.target import Hardware
from pointsman.intake.meters import meter

WIRE = {"model": "support", "messages": [{"role": "user", "content": "hi"}]}
MUCH = 10**15
LIMIT = Limit(name="all", by=LimitBy.KEY, tokens_per_minute=MUCH, budget_nano_usd=MUCH)

statuses = st.sampled_from([400, 401, 404, 429, 500, 503])
waits = st.sampled_from([{}, {"retry-after": "0"}, {"retry-after": "3"}, {"retry-after": "300"}])
breaks = st.builds(Breaks, st.sampled_from(FailureKind), st.sampled_from([0.01, 5.0, 61.0]))
ends = st.one_of(st.none(), breaks, st.just(Hangs()), st.just(Explodes()))
streams = st.builds(
    lambda words, whole, then: Streams(openai_stream(*words, ends=whole), then), st.lists(st.sampled_from(["a", "b"]), max_size=4), st.booleans(), ends
)
answers = st.one_of(st.just(Says()), st.builds(lambda status, headers: Says(b"{}", status=status, headers=headers), statuses, waits))
trouble = st.one_of(breaks, st.just(Hangs()), st.just(Explodes()))
scripts = st.lists(st.one_of(answers, trouble, streams), max_size=4)
ladders = st.lists(st.tuples(scripts, st.sampled_from(Level), st.booleans()), min_size=1, max_size=3)


def a_house(ladder: Sequence[tuple[list[Step], Level, bool]], *, stream: bool, **more: Any) -> House:
    targets = []
    for index, (_, accepts, is_owned) in enumerate(ladder):
        cost: dict[str, Any] = {"price": None, "hardware": Hardware(hourly_nano_usd=3600)} if is_owned else {}
        targets.append(a_target(f"t{index}", bit=FIRST_TARGET_BIT + index, accepts=accepts, **cost))
    told = {
        f"t{index}": [step for step in script if stream or not isinstance(step, Streams)] + [Streams(openai_stream("ok")) if stream else Says()] * 9
        for index, (script, _, _) in enumerate(ladder)
    }
    capability = a_capability(ladder=targets, deadlines=Deadlines(total_s=60), ceiling=Level.RESTRICTED, **more)
    return House(capability, scripts=told, limits=[LIMIT])


async def live_through(house: House, *, stream: bool, label: Level, patience: int, reads: int) -> None:
    """Ask, read some of the answer, and go away when the patience (in turns of the loop) or the wish to read is at an end."""

    async def ask() -> None:
        call = a_call(stream=stream, wire={**WIRE, "stream": True} if stream else WIRE)
        answer = await house.run(call, Asked(declared=a_label(label.name.lower())))
        if answer.chunks is not None:
            async with aclosing(answer.chunks) as chunks:
                for _ in range(reads):
                    await anext(chunks)

    task = asyncio.create_task(ask())
    for _ in range(patience):
        await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError, PointsmanError, RuntimeError, StopAsyncIteration):
        await task


@settings(max_examples=300)
@given(
    ladder=ladders,
    stream=st.booleans(),
    label=st.sampled_from(Level),
    lives=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 8)), min_size=1, max_size=3),
    cached=st.booleans(),
    checked=st.booleans(),
    budget=st.integers(0, 4),
)
def test_every_call_is_booked_once_within_its_bounds_and_nothing_stays_open(
    ladder: Any, stream: bool, label: Level, lives: list[tuple[int, int]], cached: bool, checked: bool, budget: int
) -> None:
    output = OutputSchema(name="o", schema={"type": "object"}) if checked else None
    retries = Retries(per_target=2, budget=budget)
    is_sent_as_stream = stream and not checked
    house = a_house(ladder, stream=is_sent_as_stream, cache=CachePolicy() if cached else None, output=output, retries=retries)
    for patience, reads in lives:
        asyncio.run(live_through(house, stream=stream, label=label, patience=patience, reads=reads))
    began = [patience for patience, _ in lives if patience]  # a task cancelled before its first step never was a call
    assert len(house.booked) == len(began)
    for record in house.booked:
        asked = [entry for entry in record.entries if entry.target.startswith("t")]
        assert len(asked) <= len(ladder) + budget
        assert len({entry.seq for entry in record.entries}) == len(record.entries)
        assert all(ladder[int(entry.target[1:])][1] >= label for entry in asked)
        assert record.status != "ok" or record.entries[-1].error is None
    assert all(vendor.running == 0 for vendor in house.vendors.values())
    assert sum(len(vendor.asked) for vendor in house.vendors.values()) == sum(
        entry.target.startswith("t") for record in house.booked for entry in record.entries
    )
    assert all(0 < deadlines.total_s <= 60 for vendor in house.vendors.values() for _, deadlines in vendor.asked)


@settings(max_examples=100)
@given(ladder=ladders, stream=st.booleans(), lives=st.lists(st.tuples(st.integers(1, 60), st.integers(0, 8)), min_size=1, max_size=4))
def test_what_the_limits_hold_at_the_end_is_what_the_records_say_was_used(ladder: Any, stream: bool, lives: list[tuple[int, int]]) -> None:
    house = a_house(ladder, stream=stream)
    for patience, reads in lives:
        asyncio.run(live_through(house, stream=stream, label=Level.INTERNAL, patience=patience, reads=reads))
    costs = [entry.cost_nano_usd for record in house.booked for entry in record.entries]
    assert house.meters.spent(meter(LIMIT, "local"), house.time.wall_ms / 1000) == sum(cost or 0 for cost in costs)
