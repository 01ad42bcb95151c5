from dataclasses import replace
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.cli.demonstration.figures import Figures, Site
from pointsman.cli.demonstration.view import View, data, money, plain, screen, status
from pointsman.ledger.report import CapabilityReport, HardwareReport

HOUR = HardwareReport(target="small", paid_s=100.0, paid_nano_usd=2_000_000, busy_s=60.0, busy_nano_usd=1_200_000)


def capability(name: str, *, useful: int = 90, cost: int = 900_000, **more: Any) -> CapabilityReport:
    whole: dict[str, Any] = {"calls": 100, "ok": 100, "units": 100, "units_told": 100, "p50_ms": 700.0, "p95_ms": 2500.0, **more}
    return CapabilityReport(capability=name, useful=useful, cost_nano_usd=cost, **whole)


FIGURES = Figures(
    hybrid=capability("support-triage", calls_by_place={"rules": 20, "private": 80}),
    frontier=capability("support-frontier", cost=9_000_000),
    sites=(
        Site(place="rules", target="rules", calls=20, p50_ms=0.2, p95_ms=0.4, cost_nano_usd=0),
        Site(place="private", target="small", calls=80, p50_ms=700, p95_ms=2500, cost_nano_usd=900_000),
    ),
    escalated=7,
    failed_over=3,
    hardware=(HOUR,),
)
VIEW = View(figures=FIGURES, sent=100, total=200, elapsed_s=75, lost=0, is_failing=False, last="ticket 9 → small")


def text(view: View, width: int = 80) -> str:
    return "\n".join(screen(view, width=width, style=plain))


def test_the_screen_says_what_is_simulated_and_how_the_comparison_is_made() -> None:
    told = text(VIEW)
    assert "Simulated: vendors, models, prices, customers. Real: HTTP, decisions, ledger." in told
    assert "each ticket also goes to support-frontier, the frontier model alone" in told


def test_the_screen_tells_who_answered_how_fast_and_what_it_cost() -> None:
    told = text(VIEW)
    assert "1:15 · 100 of 200 tickets" in told
    assert " ".join(told.split("\n")[5].split()) == "private small own-gpu 80 80% 700 ms 2.5 s $0.00001"
    assert "90 (90%)" in told
    assert "10.0 times cheaper per resolved ticket" in told
    assert "escalated: 7" in told
    assert "fallbacks: 3" in told
    assert "busy 60% of its time; idle time ($0.00080)" in told


def test_the_screen_does_not_call_cheaper_what_is_not() -> None:
    dear = replace(FIGURES, frontier=capability("support-frontier", cost=100_000))
    assert "dearer per resolved ticket" in text(replace(VIEW, figures=dear))


def test_a_failing_vendor_is_told() -> None:
    assert "cloud-a fails every call now (simulated)" in text(replace(VIEW, is_failing=True))
    assert "cloud-a fails" in status(replace(VIEW, is_failing=True))


def test_before_the_first_answer_nothing_is_made_up() -> None:
    told = text(View(figures=Figures(), sent=0, total=10, elapsed_s=0.1, lost=0, is_failing=False))
    assert "the first tickets are on their way" in told
    assert "unknown" in told
    assert "cheaper" not in told


def test_a_wide_terminal_shows_shares_as_bars() -> None:
    assert "█" * 19 in text(VIEW, 120)
    assert "█" not in text(VIEW, 80)


def test_a_small_terminal_of_24_rows_holds_everything() -> None:
    sites = tuple(replace(FIGURES.sites[0], place=place, target=target) for place, target in (("rules", "rules"), ("cache", "cache"), ("private", "small")))
    clouds = tuple(replace(FIGURES.sites[1], place="cloud", target=target) for target in ("mid", "frontier"))
    assert len(screen(replace(VIEW, figures=replace(FIGURES, sites=sites + clouds)), width=80)) < 24


def test_one_line_says_it_all_where_there_is_no_terminal() -> None:
    told = status(VIEW)
    assert "\n" not in told
    assert "private 80, rules 20" in told
    assert "$0.00001 a resolved ticket, $0.00010 with the frontier model alone" in told
    assert "\x1b" not in told


def test_programs_get_the_same_figures_in_dollars() -> None:
    told = data(VIEW)
    assert told["support-triage"]["cost_usd"] == pytest.approx(0.0009)
    assert told["support-frontier"]["cost_per_resolved_usd"] == pytest.approx(0.0001)
    assert told["times_cheaper"] == pytest.approx(10)
    assert sum(told["calls_by_place"].values()) == told["support-triage"]["calls"]
    nothing = data(View(figures=Figures(), sent=0, total=1, elapsed_s=0, lost=0, is_failing=False))
    assert nothing["support-triage"]["cost_per_resolved_usd"] is None
    assert nothing["times_cheaper"] is None


@pytest.mark.parametrize(("nano", "told"), [(None, "unknown"), (0, "$0.00000"), (1_234_567, "$0.00123"), (123_456_789, "$0.1235"), (12_345_678_901, "$12.35")])
def test_money_has_the_digits_it_needs(nano: int | None, told: str) -> None:
    assert money(nano) == told


sites = st.builds(
    Site,
    place=st.sampled_from(["rules", "cache", "private", "cloud", "none"]),
    target=st.sampled_from(["rules", "cache", "small", "mid", "frontier", ""]),
    calls=st.integers(1, 99_999),
    p50_ms=st.floats(0, 600_000),
    p95_ms=st.floats(0, 600_000),
    cost_nano_usd=st.integers(0, 10**14),
)
reports = st.builds(
    capability, st.just("x"), useful=st.integers(0, 99_999), cost=st.integers(0, 10**14), calls=st.integers(1, 99_999), units_told=st.integers(0, 99_999)
)


@given(st.lists(sites, max_size=6), reports, reports, st.integers(80, 200), st.text(max_size=300))
def test_no_line_is_wider_than_the_terminal(made: list[Site], ours: CapabilityReport, theirs: CapabilityReport, width: int, last: str) -> None:
    figures = Figures(hybrid=ours, frontier=theirs, sites=tuple(made), escalated=99_999, failed_over=99_999, hardware=(HOUR,))
    view = View(figures=figures, sent=99_999, total=99_999, elapsed_s=3600, lost=99_999, is_failing=True, last=last)
    assert all(len(click.unstyle(line)) <= width for line in screen(view, width=width, style=plain))
