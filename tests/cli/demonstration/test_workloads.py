"""
The shop's work: as much of it as is told, when it is told, and always the same.
"""

from collections import Counter
from itertools import islice

from pointsman.cli.demonstration.workloads import INVOICES, LEGAL, SALES, SUPPORT, WORKLOADS, forever, items

_MONDAY = 0
_DAY_S = 86_400


def test_a_week_has_about_as_many_items_of_each_workload_as_is_told_and_its_weekend_fewer() -> None:
    found = items(7, seed=3, first_weekday=_MONDAY)

    for work in WORKLOADS:
        days = Counter(int(item.at_s // _DAY_S) for item in found if item.work is work)
        weekday = sum(days[day] for day in range(5)) / 5
        assert abs(weekday - work.a_weekday) < 0.2 * work.a_weekday + 3
        assert (days[5] + days[6]) / 2 < 0.6 * weekday


def test_items_come_in_order_and_have_names_of_their_own() -> None:
    found = items(2, seed=1, first_weekday=2)

    assert [item.at_s for item in found] == sorted(item.at_s for item in found)
    assert len({item.unit for item in found}) == len(found)
    assert all(item.key in item.work.keys for item in found)


def test_offices_sleep_at_night() -> None:
    hours = Counter(int(item.at_s % _DAY_S // 3600) for item in items(7, seed=1, first_weekday=_MONDAY) if item.work.workflow in {LEGAL, SALES, INVOICES})

    assert sum(hours[hour] for hour in (0, 1, 2, 3, 22, 23)) == 0
    assert hours[9] > 20


def test_the_same_seed_gives_the_same_work() -> None:
    first, again, other = (items(1, seed=seed, first_weekday=0) for seed in (5, 5, 6))

    assert [(item.at_s, item.text) for item in first] == [(item.at_s, item.text) for item in again]
    assert [item.text for item in first] != [item.text for item in other]


def test_work_without_end_has_every_workload_in_its_usual_share() -> None:
    found = Counter(item.work.workflow for item in islice(forever(seed=2), 600))

    assert set(found) == {SUPPORT, LEGAL, SALES, INVOICES}
    assert found[SUPPORT] > found[INVOICES] > found[LEGAL]
