"""What several workers tell is one text."""

from pathlib import Path

from tests.telemetry.text import value

from pointsman.telemetry.measures import Counted, Gauge
from pointsman.telemetry.scrape import SharedSheets, Sheet, merged, rendered, sheet_of


def a_sheet(*gauges: Gauge, at_ms: int = 0, verdicts: int = 1) -> Sheet:
    counted = Counted()
    counted.add("pointsman_reviews_total", ("approved",), amount=verdicts)
    return sheet_of(counted, gauges, at_ms=at_ms)


def test_a_worker_reads_what_the_others_wrote_whole(tmp_path: Path) -> None:
    one, other = SharedSheets(tmp_path, "1"), SharedSheets(tmp_path, "2")
    one.write(a_sheet(verdicts=1))
    other.write(a_sheet(verdicts=2))
    other.write(a_sheet(Gauge("pointsman_queue_depth", ("ledger",), 4), verdicts=5))
    [found] = one.others()
    assert found == a_sheet(Gauge("pointsman_queue_depth", ("ledger",), 4), verdicts=5)
    assert {path.name for path in tmp_path.iterdir()} == {"figures-1.json", "figures-2.json"}


def test_what_cannot_be_read_or_written_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "figures-3.json").write_text("{")
    (tmp_path / "figures-4.json").mkdir()
    assert list(SharedSheets(tmp_path, "1").others()) == []
    SharedSheets(tmp_path / "gone", "1").write(a_sheet())


def test_depths_are_summed_and_of_the_rest_the_least_counts() -> None:
    up = "pointsman_target_up"
    first = a_sheet(Gauge("pointsman_queue_depth", ("ledger",), 3), Gauge(up, ("a",), 1), Gauge(up, ("b",), 1))
    second = a_sheet(Gauge("pointsman_queue_depth", ("ledger",), 4), Gauge(up, ("a",), 1), Gauge(up, ("b",), 0))
    text = rendered(*merged([first, second], at_ms=0))
    assert value(text, "pointsman_queue_depth", queue="ledger") == 7
    assert (value(text, up, target="a"), value(text, up, target="b")) == (1, 0)
    assert value(text, "pointsman_workers") == 2


def test_what_a_worker_counted_outlives_it_and_what_it_measured_does_not() -> None:
    gone = a_sheet(Gauge("pointsman_target_up", ("a",), 0), at_ms=0, verdicts=3)
    text = rendered(*merged([a_sheet(at_ms=60_000), gone], at_ms=60_000))
    assert value(text, "pointsman_reviews_total", verdict="approved") == 4
    assert value(text, "pointsman_target_up", target="a") is None
    assert value(text, "pointsman_workers") == 1
