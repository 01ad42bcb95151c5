"""
`pointsman report`, on ledgers that were written by the ledger itself.
"""

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.cli.conftest import Run
from tests.ledger.entries import write

from pointsman.cli import report
from pointsman.cli.options import money
from pointsman.core.entry import CallRecord, Entry, Outcome
from pointsman.core.ids import uuid7
from pointsman.core.place import Place
from pointsman.core.reply import Usage
from pointsman.storage.batch import HardwareRow
from pointsman.storage.database import migrations, open_database

NOW_MS = 1_800_000_000_000  # 2027-01-15 08:00 UTC
USD = 1_000_000_000


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "now_ms", lambda: NOW_MS)


def an_entry(cost: int | None, *, place: Place = Place.CLOUD, target: str = "openai/gpt-6-luna", error: str | None = None, seq: int = 0) -> Entry:
    usage = Usage(tokens_in=10, tokens_out=5)
    return Entry(seq=seq, place=place, target=target, error=error, latency_ms=100, first_byte_ms=None, usage=usage, cost_nano_usd=cost, price_id=None)


def a_record(number: int, *entries: Entry, ago_h: float = 1, capability: str = "support", status: str = "ok", latency_ms: float = 120) -> CallRecord:
    at_ms = NOW_MS - round(ago_h * 3_600_000)
    return CallRecord(
        call_id=uuid7(now_ms=at_ms, random_bits=number),
        started_ms=at_ms,
        capability=capability,
        unit=f"ticket-{number}",
        key_id="web",
        tenant="default",
        team=None,
        application=None,
        user=None,
        data_class="internal",
        snapshot="s",
        status=status,
        reason="first_choice",
        latency_ms=latency_ms,
        entries=entries,
        considered=(),
    )


def an_outcome(number: int, *, success: bool = True, value: int | None = None) -> Outcome:
    return Outcome(
        unit=f"ticket-{number}", outcome_id=f"o{number}", kind="resolved", success=success, at_ms=NOW_MS - 1000, tenant="default", value_nano_usd=value
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger in which one capability has gone well and one has not."""
    path = tmp_path / "pointsman.db"
    connection = open_database(path)
    records = [
        a_record(1, an_entry(0, place=Place.RULES, target="rules"), latency_ms=1),
        a_record(2, an_entry(3 * USD)),
        a_record(3, an_entry(0, error="overloaded"), an_entry(3 * USD, target="anthropic/claude-haiku-5-5", seq=1), latency_ms=2500),
        a_record(4, an_entry(USD), ago_h=40),
        a_record(5, an_entry(None), capability="draft", status="cut"),
        a_record(6, capability="draft", status="over_budget"),
    ]
    write(connection, records, outcomes=[an_outcome(1, value=5 * USD), an_outcome(2, value=5 * USD), an_outcome(3, success=False)], hardware=[])
    connection.close()
    return path


def test_cost_is_told_for_each_useful_outcome(run: Run, ledger: Path) -> None:
    done = run("report", "--database", "pointsman.db")

    lines = [line.split() for line in done.out.split("\n")]
    assert done.out.startswith("Since 2027-01-14 08:00 UTC\n")
    assert ["capability", "calls", "ok", "rules", "cloud", "fallbacks", "p50", "p95"] in lines
    assert ["capability", "cost", "known", "units", "useful", "cost", "per", "useful", "value"] in lines
    # two tickets of three were resolved, at $6 in all
    assert next(line for line in lines if line[:2] == ["support", "$6.00"]) == ["support", "$6.00", "100%", "3", "2", "$3.00", "$10.00"]
    assert next(line for line in lines if line[:2] == ["support", "3"])[2:6] == ["100.0%", "1", "2", "1"]
    assert max(map(len, done.out.split("\n"))) <= 80


def test_outcomes_are_told_by_workflow_with_how_many_units_are_mature(run: Run, ledger: Path) -> None:
    done = run("report", "--database", "pointsman.db")
    assert [line.split() for line in done.out.split("\n")][-2] == ["support", "3", "0%", "100%", "~", "2", "~", "$3.00", "~", "$3.00", "$10.00"]
    assert "~: not every unit has had its whole window" in done.err
    [support] = [one for one in run("report", "--database", "pointsman.db", "--json").json["workflows"] if one["workflow"] == "support"]
    assert (support["matured"], support["maturity"], support["outcome_coverage"]) == (0, 0.0, 1.0)
    assert (support["cost_per_useful_nano_usd"], support["provisional_cost_per_useful_nano_usd"]) == (None, 3 * USD)


def test_mature_units_are_told_without_a_mark(run: Run, tmp_path: Path) -> None:
    with closing(open_database(tmp_path / "pointsman.db")) as connection:
        write(connection, [a_record(1, an_entry(2 * USD), ago_h=200), a_record(2, an_entry(None), ago_h=200)], outcomes=[an_outcome(1)], hardware=[])
        connection.execute("UPDATE rollup_unit SET told = 1, useful = 1")  # told within the window
    done = run("report", "--database", "pointsman.db", "--since", "30d")
    assert [line.split() for line in done.out.split("\n")][-2] == ["support", "2", "100%", "50%", "1", "≥", "$2.00", "≥", "$2.00", "-"]


@pytest.mark.parametrize(
    ("by", "row"),
    [
        ("team", ["support", "care", "2", "$4.00", "2", "0%", "50%", "~", "1", "~", "$4.00"]),
        ("application", ["support", "(none)", "2", "$4.00", "2", "0%", "50%", "~", "1", "~", "$4.00"]),
        ("tenant", ["support", "default", "2", "$4.00", "2", "0%", "50%", "~", "1", "~", "$4.00"]),
        ("tag", ["support", "project=apollo", "1", "$3.00"]),
    ],
)
def test_who_bears_it_is_told_on_demand(run: Run, tmp_path: Path, by: str, row: list[str]) -> None:
    calls = [replace(a_record(1, an_entry(3 * USD)), team="care", tags={"project": "apollo"}), replace(a_record(2, an_entry(USD)), team="care")]
    with closing(open_database(tmp_path / "pointsman.db")) as connection:
        write(connection, calls, outcomes=[an_outcome(1)], hardware=[])
    assert run("report", "--database", "pointsman.db", "--by", by).out.split("\n")[-2].split() == row
    [told] = run("report", "--database", "pointsman.db", "--by", by, "--json").json[f"by_{by}"]
    assert (told["workflow"], told["calls"]) == ("support", int(row[2]))


@pytest.mark.parametrize(("by", "hint"), [("team", "pointsman ask"), ("tag", "costs.tags")])
def test_where_nobody_bears_anything_it_is_told_how_to_change_that(run: Run, tmp_path: Path, by: str, hint: str) -> None:
    open_database(tmp_path / "pointsman.db").close()
    done = run("report", "--database", "pointsman.db", "--by", by)
    assert (done.code, done.out, hint in done.err) == (0, "", True)


def test_unknown_cost_is_told_as_such_and_never_as_nothing(run: Run, ledger: Path) -> None:
    done = run("report", "--database", "pointsman.db")

    draft = [line.split() for line in done.out.split("\n") if line.startswith("draft")][1]
    assert draft == ["draft", "≥", "$0.00", "50%", "2", "-", "-", "-"]
    assert "the cost of some calls is unknown" in done.err
    assert "POST /v1/outcomes" in done.err


def test_a_capability_of_which_no_cost_is_known_shows_none(run: Run, tmp_path: Path) -> None:
    connection = open_database(tmp_path / "pointsman.db")
    write(connection, [a_record(1, an_entry(None))], outcomes=[an_outcome(1)], hardware=[])
    connection.close()

    text, data = run("report", "--database", "pointsman.db"), run("report", "--database", "pointsman.db", "--json").json

    assert [line.split() for line in text.out.split("\n")][6] == ["support", "unknown", "0%", "1", "1", "-", "-"]
    assert data["capabilities"][0]["cost_nano_usd"] is None


@pytest.mark.parametrize(
    ("since", "calls"), [("24h", 3), ("2d", 4), ("1w", 4), ("90m", 3), ("2027-01-14", 3), ("2027-01-13T00:00:00", 4), ("1970-01-01", 4), ("9000w", 4)]
)
def test_the_span_is_told_by_its_length_or_its_beginning(run: Run, ledger: Path, since: str, calls: int) -> None:
    told = run("report", "--database", "pointsman.db", "--since", since, "--json").json

    assert [one["calls"] for one in told["capabilities"] if one["capability"] == "support"] == [calls]


@pytest.mark.parametrize("since", ["yesterday", "24", "h", "2027-13-01"])
def test_a_span_that_is_none_is_wrong_usage(run: Run, ledger: Path, since: str) -> None:
    assert run("report", "--database", "pointsman.db", "--since", since).code == 2


def test_the_result_as_json_holds_numbers(run: Run, ledger: Path) -> None:
    told = run("report", "--database", "pointsman.db", "--json").json

    support = next(one for one in told["capabilities"] if one["capability"] == "support")
    assert support["cost_nano_usd"] == 6 * USD
    assert support["cost_per_useful_nano_usd"] == 3 * USD
    assert support["calls_by_place"] == {"rules": 1, "cloud": 2}
    assert support["coverage"] == 1
    assert told["hardware"] == []


def test_failures_are_told_by_target_and_calls_without_an_answer_by_capability(run: Run, ledger: Path) -> None:
    done = run("report", "--database", "pointsman.db", "--failures")

    lines = [line.split() for line in done.out.split("\n")]
    assert ["openai/gpt-6-luna", "cloud", "overloaded", "1", "33.3%", "1"] in lines  # one of three attempts there in this span
    assert ["draft", "cut", "1"] in lines
    assert ["draft", "over_budget", "1"] in lines


def test_failures_as_json(run: Run, ledger: Path) -> None:
    told = run("report", "--database", "pointsman.db", "--failures", "--json").json

    assert told["targets"] == [{"target": "openai/gpt-6-luna", "place": "cloud", "error": "overloaded", "failed": 1, "calls": 1, "attempts": 3}]
    assert len(told["unanswered"]) == 2


def test_a_span_without_failures_says_so(run: Run, tmp_path: Path) -> None:
    open_database(tmp_path / "pointsman.db").close()

    assert run("report", "--database", "pointsman.db", "--failures").err == "Nothing failed since 2027-01-14 08:00 UTC.\n"


def test_an_empty_ledger_says_what_to_do(run: Run, tmp_path: Path) -> None:
    open_database(tmp_path / "pointsman.db").close()

    done = run("report", "--database", "pointsman.db")

    assert (done.code, done.out) == (0, "")
    assert "`pointsman ask`" in done.err
    assert "--since" in done.err


def test_the_ledger_is_found_through_the_configuration(run: Run, ledger: Path, tmp_path: Path) -> None:
    (tmp_path / "pointsman.yaml").write_text("server: {database: pointsman.db}\ncapabilities: {a: {ladder: [openai/gpt-6-luna]}}\n")

    assert run("report").code == 0


def test_a_ledger_that_is_not_there_is_told(run: Run) -> None:
    done = run("report", "--database", "nowhere.db")

    assert done.code == 3
    assert "`pointsman up`" in done.err


def test_a_file_that_is_no_ledger_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("no database " * 1000)

    done = run("report", "--database", "notes.db")

    assert done.code == 3
    assert "--database" in done.err
    assert "Traceback" not in done.err


def test_a_file_without_the_ledgers_tables_is_told(run: Run, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute(f"PRAGMA user_version={migrations()[-1][0]}")

    done = run("report", "--database", "other.db")

    assert done.code == 3
    assert "no such table" in done.err


HOUR: HardwareRow = ("small", NOW_MS - 3_600_000, 3600.0, 4 * USD, 900.0, USD)


def test_own_hardware_shows_what_was_paid_and_how_much_of_it_lay_idle(run: Run, tmp_path: Path) -> None:
    with closing(open_database(tmp_path / "pointsman.db")) as connection:
        write(connection, [], outcomes=[], hardware=[HOUR, ("never", NOW_MS - 3_600_000, 0.0, 0, 0.0, 0)])

    done = run("report", "--database", "pointsman.db")

    lines = [line.split() for line in done.out.split("\n")]
    assert ["small", "$4.00", "$1.00", "$3.00", "25.0%"] in lines
    assert ["never", "$0.00", "$0.00", "$0.00", "-"] in lines
    assert run("report", "--database", "pointsman.db", "--json").json["hardware"][1]["idle_nano_usd"] == 3 * USD


def test_only_what_there_is_has_a_table(run: Run, tmp_path: Path) -> None:
    with closing(open_database(tmp_path / "pointsman.db")) as connection:
        write(connection, [a_record(1, status="over_budget"), a_record(2, an_entry(0, error="cut"))], outcomes=[an_outcome(1), an_outcome(2)], hardware=[])

    calls, failed = run("report", "--database", "pointsman.db"), run("report", "--database", "pointsman.db", "--failures")

    assert "hardware" not in calls.out
    assert "POST /v1/outcomes" not in calls.err
    assert "of attempts" in failed.out


def test_failures_without_an_attempt_have_no_table_of_targets(run: Run, tmp_path: Path) -> None:
    with closing(open_database(tmp_path / "pointsman.db")) as connection:
        write(connection, [a_record(1, status="over_budget")], outcomes=[], hardware=[])

    done = run("report", "--database", "pointsman.db", "--failures")

    assert "of attempts" not in done.out
    assert "over_budget" in done.out


def test_failed_attempts_of_calls_that_were_answered_in_the_end_are_told_alone(run: Run, tmp_path: Path) -> None:
    with closing(open_database(tmp_path / "pointsman.db")) as connection:
        write(connection, [a_record(1, an_entry(0, error="cut"), an_entry(1, seq=1))], outcomes=[], hardware=[])

    done = run("report", "--database", "pointsman.db", "--failures")

    assert "50.0%" in done.out
    assert "without an answer" not in done.out


@given(st.integers(min_value=1, max_value=10**15))
def test_an_amount_in_a_column_is_right_to_three_digits_and_short(nano_usd: int) -> None:
    shown = money(nano_usd)

    amount = Decimal(shown.removeprefix("$").replace(",", ""))
    assert abs(amount * USD - nano_usd) <= max(Decimal(nano_usd) / 200, 0)
    assert len(shown) <= 14


@pytest.mark.parametrize(("nano_usd", "shown"), [(None, "unknown"), (0, "$0.00"), (7, "$0.000000007"), (123_456, "$0.000123"), (1_999_999_999, "$2.00")])
def test_an_amount_reads_as_people_write_it(nano_usd: int | None, shown: str) -> None:
    assert money(nano_usd) == shown
