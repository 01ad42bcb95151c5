"""
`pointsman cost`, on a ledger that the ledger's own writer wrote: two months of support tickets of two teams.
"""

import csv
import io
import json
from contextlib import closing
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.control.finops import rows
from tests.ledger.entries import a_record, an_entry, an_outcome, write

from pointsman.cli import cost_options, cost_watch, cost_worth
from pointsman.cli.cost import command
from pointsman.control.finops.span import DAY_MS, HOUR_MS
from pointsman.core.entry import CallRecord, Outcome
from pointsman.core.reply import Usage
from pointsman.ledger.charges import licence_charges
from pointsman.settings.costs_shape import Licence
from pointsman.storage.batch import Batch, Charge, Dimension
from pointsman.storage.open import open_reading, open_writing
from pointsman.storage.records import write_batch

NOW_MS = rows.OCT_MS + 30 * DAY_MS + 12 * HOUR_MS  # 2026-10-31 12:00
CONFIGURATION = """
vendors:
  acme: {kind: openai_compatible, base_url: "http://127.0.0.1:9/v1"}
targets:
  large: {vendor: acme, model: large, price: {input_usd_per_million: 10, output_usd_per_million: 30, id: acme-2026}}
  small: {vendor: acme, model: small, price: {input_usd_per_million: 1, output_usd_per_million: 3, id: acme-2026}}
capabilities:
  answer: {ladder: [small, large]}
workflows:
  support: {capabilities: [answer], unit: ticket, window: 7d}
costs:
  baseline: large
  tags: [project]
  licences: {crm: {usd_per_month: 31, workflow: support}, office: {usd_per_month: 62}}
keys:
  web: {sha256: abababababababababababababababababababababababababababababababab, team: eu}
limits:
  - {name: month, by: team, budget_usd: 100}
"""


def a_ticket(number: int, *, at_ms: int, team: str, target: str, cost: int | None = None) -> CallRecord:
    """One call with a million tokens in: $10 at `large`, $1 at `small`."""
    price = rows.USD * (10 if target == "large" else 1) if cost is None else cost
    entry = an_entry(cost=price, target=target, usage=Usage(tokens_in=1_000_000, tokens_out=0), price_id="contract:acme-2026")
    return a_record(
        number, at_ms=at_ms, entries=(entry,), unit=f"ticket-{number}", team=team, capability="answer", workflow="support", tags={"project": "alpha"}
    )


def tickets() -> tuple[list[CallRecord], list[Outcome]]:
    """September: eu asks `small`. October: eu asks `large`. us asks `small`, of unknown cost once, and its tickets fail."""
    records = [a_ticket(day, at_ms=rows.SEP_MS + day * DAY_MS, team="eu", target="small") for day in range(30)]
    records += [a_ticket(100 + day, at_ms=rows.OCT_MS + day * DAY_MS, team="eu", target="large" if day % 3 == 0 else "small") for day in range(31)]
    records += [a_ticket(200 + day, at_ms=rows.OCT_MS + day * DAY_MS, team="us", target="small") for day in range(5)]
    unknown = an_entry(cost=None, target="small", usage=Usage(tokens_in=1_000_000, tokens_out=0), price_id=None)
    records.append(a_record(300, at_ms=rows.OCT_MS, entries=(unknown,), unit="ticket-300", team="us", capability="answer", workflow="support"))
    outcomes = [
        an_outcome(record.unit, f"o-{number}", at_ms=record.started_ms + HOUR_MS, workflow="support", success=record.team == "eu", kind="resolved")
        for number, record in enumerate(records)
    ]
    return records, outcomes


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for module in (cost_options, cost_watch, cost_worth):
        monkeypatch.setattr(module, "now_ms", lambda: NOW_MS)
    (tmp_path / "pointsman.yaml").write_text(CONFIGURATION)
    path = tmp_path / "pointsman.db"
    records, outcomes = tickets()
    with closing(open_writing(path)) as db:
        write(db, records, outcomes=outcomes, hardware=[("own/llama", rows.OCT_MS, 3600.0, 4 * rows.USD, 900.0, rows.USD)])
        person = Charge(
            charge_id="p",
            at_ms=rows.OCT_MS + HOUR_MS,
            kind="human",
            nano_usd=8 * rows.USD,
            tenant="default",
            workflow="support",
            unit="ticket-100",
            seconds=600,
        )
        licences = [
            charge
            for name, one in (("crm", Licence(usd_per_month=31, workflow="support")), ("office", Licence(usd_per_month=62)))
            for charge in licence_charges(name, one, since_ms=rows.OCT_MS, until_ms=rows.OCTOBER.until_ms - 1)
        ]
        target = {"name": "small", "since_ms": 0, "place": "cloud", "vendor": "acme", "kind": "openai_compatible", "model": "small", "region": "", "zone": ""}
        write_batch(db, Batch(charges=[person, *licences], dimensions=[Dimension(table="target", row=tuple(target.items()))]))
    return path


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for module in (cost_options, cost_watch, cost_worth):
        monkeypatch.setattr(module, "now_ms", lambda: NOW_MS)
    (tmp_path / "pointsman.yaml").write_text(CONFIGURATION)
    open_writing(tmp_path / "pointsman.db").close()
    return tmp_path


OCTOBER = ("--month", "2026-10")
# 11 days of eu at `large` are $110, 20 at `small` are $20.
EU = 130


def test_the_cost_per_resolved_ticket_by_team_last_month_with_what_drove_the_change(run: Run, ledger: Path) -> None:
    done = run("cost", "per-outcome", "--workflow", "support", "--by", "team", *OCTOBER)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == "support, 2026-10-01 to 2026-10-31, compared with 2026-09-01 to 2026-09-30"
    assert lines[3].split() == ["eu", "31", "100%", "31", "$138.00", "$4.45", "$1.00", "+345%"]
    assert lines[4].split() == ["us", "6", "100%", "0", "≥", "$5.00", "-", "-", "-"]
    assert "eu: $4.45 per useful outcome, $3.45 (345%) more than before." in done.out
    assert "which target: `large` answered 35% of the calls, 0% before." in done.out
    assert "us: no cost per useful outcome is known, because nothing was useful." in done.out


def test_as_json_the_drivers_add_up_to_the_change(run: Run, ledger: Path) -> None:
    done = run("cost", "per-outcome", "--workflow", "support", *OCTOBER, "--json")
    whole, eu = done.json["whole"], done.json["owners"][0]
    assert eu["now"]["cost_nano_usd"] == (EU + 8) * rows.USD
    assert sum(eu["outcome_drivers"].values()) == eu["now"]["per_useful_nano_usd"] - eu["old"]["per_useful_nano_usd"]
    assert sum(whole["cost_drivers"].values()) == whole["now"]["cost_nano_usd"] - whole["old"]["cost_nano_usd"]
    assert whole["now"]["licence_nano_usd"] == 31 * rows.USD


def test_as_csv_each_driver_is_a_column(run: Run, ledger: Path) -> None:
    done = run("cost", "per-outcome", "--workflow", "support", *OCTOBER, "--csv")
    table = list(csv.DictReader(io.StringIO(done.out)))
    assert [row["team"] for row in table] == ["all", "eu", "us"]
    eu = table[1]
    assert sum(int(value) for name, value in eu.items() if name.startswith("change by ")) == int(eu["per_useful_nano_usd"]) - int(
        eu["per_useful_before_nano_usd"]
    )


def test_who_bears_what_adds_up_to_everything(run: Run, ledger: Path) -> None:
    done = run("cost", "by", "team", *OCTOBER)
    assert [line.split() for line in done.out.splitlines()[3:5]] == [
        ["eu", "31", "$130.00", "$8.00", "$0.00", "$138.00"],
        ["us", "6", "≥", "$5.00", "$0.00", "$0.00", "$5.00"],
    ]
    assert "not allocated: idle hardware own/llama" in done.out
    assert "not allocated: licence office" in done.out
    assert done.out.splitlines()[-3].split() == ["total", "37", "$239.00"]
    found = run("cost", "by", "workflow", *OCTOBER, "--json").json
    assert (found["lines"][0]["total_nano_usd"], found["total_nano_usd"]) == ((EU + 8 + 5 + 31) * rows.USD, 239 * rows.USD)
    assert "team,eu,31,130000000000,8000000000,0,138000000000" in run("cost", "by", "team", *OCTOBER, "--csv").out.splitlines()
    assert "alpha" in run("cost", "by", "tag", "--tag", "project", *OCTOBER).out


def test_another_ledger_can_be_named(run: Run, ledger: Path) -> None:
    (ledger.parent / "pointsman.yaml").unlink()
    found = run("cost", "by", "workflow", *OCTOBER, "--json", "--database", str(ledger)).json
    assert found["total_nano_usd"] == 239 * rows.USD


def test_a_budget_that_is_used_up_is_told(run: Run, ledger: Path) -> None:
    done = run("cost", "budget")
    eu = done.out.splitlines()[1].split()
    assert eu[:5] == ["month", "default/eu", "$130.00", "$100.00", "130%"]
    assert "Budget `month` of `default/eu`: $130.00 of $100.00 this month are spent (130%)." in done.out
    assert "What calls under way reserve is not counted" in done.err
    found = run("cost", "budget", "--json").json
    assert [(one["subject"], one["spent_nano_usd"]) for one in found] == [("default/eu", EU * rows.USD), ("default/us", 5 * rows.USD)]
    assert len(found[0]["says"]) == 1
    assert found[0]["committed_nano_usd"] is None


def test_savings_are_told_against_the_baseline(run: Run, ledger: Path) -> None:
    done = run("cost", "savings", *OCTOBER)
    assert "against `large` at contract:acme-2026" in done.out or "against `large` at acme-2026" in done.out
    assert "Left out: 1 calls of unknown cost" in done.err
    found = run("cost", "savings", *OCTOBER, "--workflow", "support", "--json").json
    assert found["saved_nano_usd"] == 25 * 9 * rows.USD
    assert run("cost", "savings", "--baseline", "nobody").code == 1


def test_economics_are_told_with_intervals(run: Run, ledger: Path) -> None:
    done = run("cost", "economics", "--workflow", "support", "--by", "team", *OCTOBER)
    assert done.out.splitlines()[3].split()[:3] == ["support", "37", "31"]
    found = run("cost", "economics", "--workflow", "support", *OCTOBER, "--json").json
    assert found[0]["per_useful"]["value"] == pytest.approx((EU + 8 + 5) * rows.USD / 31)
    assert 0 < found[0]["mature_share"] < 1


def test_idle_hardware_and_dear_targets_are_told(run: Run, ledger: Path) -> None:
    done = run("cost", "idle", *OCTOBER)
    assert done.out.splitlines()[3].split() == ["own/llama", "$4.00", "$1.00", "$3.00", "75%"]
    assert "at least 30 of items" in done.err
    found = run("cost", "idle", "--since", "2026-09-01", "--json").json
    assert found["hardware"][0]["idle_nano_usd"] == 3 * rows.USD


def test_an_unusual_day_is_told(run: Run, ledger: Path) -> None:
    with closing(open_writing(ledger)) as db:
        write(db, [a_ticket(900, at_ms=rows.SEP_MS + 29 * DAY_MS + 1, team="eu", target="small", cost=500 * rows.USD)])
    done = run("cost", "anomalies", "--month", "2026-09")
    assert "2026-09-30  all  all     $501.00" in done.out or "2026-09-30" in done.out
    assert {one["by"] for one in run("cost", "anomalies", "--month", "2026-09", "--by", "key", "--json").json} == {"key"}


def test_what_if_says_what_other_prices_and_another_ladder_would_have_cost(run: Run, ledger: Path, tmp_path: Path) -> None:
    done = run("cost", "what-if", "--price", "large=2,6", *OCTOBER)
    assert "Change: -$88.00" in done.out
    assert "Per useful outcome:" in done.out
    assert "the price of `large` is not `IN,OUT`" in run("cost", "what-if", "--price", "large", *OCTOBER).err
    (tmp_path / "prices.yaml").write_text("large: [2, 6, 1]\n")
    assert run("cost", "what-if", "--prices", "prices.yaml", *OCTOBER, "--json").json["then_nano_usd"] == (22 + 25) * rows.USD
    ladder = run("cost", "what-if", "--workflow", "support", "--share", "small=1", *OCTOBER)
    assert "success" in ladder.out
    assert "Change per useful outcome:" in ladder.out
    assert run("cost", "what-if", "--workflow", "support", "--share", "small=1", *OCTOBER, "--json").json["shares_then"] == {"small": 1.0}


def test_history_is_rated_again_only_when_it_is_meant(run: Run, ledger: Path) -> None:
    dry = run("cost", "reprice", *OCTOBER)
    assert "Would change the cost of 2026-10-01 to 2026-10-31 by +$1.00." in dry.out
    assert "Do it with --write" in dry.err
    done = run("cost", "reprice", *OCTOBER, "--write", "--json")
    assert done.json["change_nano_usd"] == rows.USD
    assert done.json["changes"][0]["were_unknown"] == 1
    assert "Nothing to change" in run("cost", "reprice", *OCTOBER, "--write").err
    with closing(open_reading(ledger)) as db:
        assert db.rows("SELECT SUM(cost_unknown) AS n FROM rollup_day") == [{"n": 0}]
    lower = run("cost", "reprice", *OCTOBER, "--target", "small", "--price", "small=0.5,1")
    assert "contract:reprice-" in lower.out


def test_an_invoice_is_imported_and_its_drift_told(run: Run, ledger: Path, tmp_path: Path) -> None:
    assert "There is no invoice for" in run("cost", "reconcile", *OCTOBER).err
    (tmp_path / "october.csv").write_text("model,Date,Amount\nsmall,2026-10-01,1.50\nsmall,2026-10-02,2\n")
    done = run("cost", "reconcile", "october.csv", "--vendor", "acme", "--column", "day=Date", "--column", "usd=Amount", *OCTOBER)
    assert "2 lines of `october.csv` are kept." in done.err
    # On the first `small` answered us for $1 and once for an unknown cost, on the second eu and us.
    assert "unknown price" in done.out
    assert "1 lines agree within 1%." in done.out
    assert "pointsman cost reprice" in done.err
    assert run("cost", "reconcile", *OCTOBER, "--json").json["invoiced_nano_usd"] == 3_500_000_000
    assert run("cost", "reconcile", *OCTOBER, "--csv").out.startswith("vendor,model,day,")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("by", "team"), "No call from 2026-10-01 to 2026-10-31. Send one with `pointsman ask`"),
        (("per-outcome", "--workflow", "support"), "`pointsman cost by workflow` names them"),
        (("budget",), "Send a call with `pointsman ask`"),
        (("savings",), "Send one with `pointsman ask`"),
        (("economics", "--workflow", "support"), "`pointsman cost by workflow` lists workflows"),
        (("idle",), "tell outcomes with `POST /v1/outcomes`"),
        (("anomalies",), "with fewer nothing is said"),
        (("what-if", "--price", "small=1,1"), "Send one with `pointsman ask`"),
        (("what-if", "--workflow", "support", "--share", "small=1"), "Name another month with --month"),
        (("reprice",), "Nothing to change: 0 attempts"),
        (("reconcile",), "pointsman cost reconcile invoice.csv"),
    ],
)
def test_what_is_empty_says_what_fills_it(run: Run, empty: Path, words: tuple[str, ...], says: str) -> None:
    assert says in run("cost", *words).err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("by", "tag"), "pointsman cost by tag --tag project"),
        (("by", "team", "--month", "october"), "Write one as `2026-10`"),
        (("by", "team", "--since", "soon"), "Write `24h`, `7d` or"),
        (("by", "team", "--since", "2020-01-01"), "not within the last 800 days"),
        (("anomalies", "--since", "200d"), "Name a shorter span"),
        (("what-if",), "Say either other prices"),
        (("what-if", "--share", "small=1"), "Say of which workflow"),
        (("what-if", "--workflow", "support", "--share", "small"), "is not `TARGET=SHARE`"),
        (("what-if", "--workflow", "support", "--share", "small=-1"), "is not `TARGET=SHARE`"),
        (("what-if", "--price", "small"), "is not `IN,OUT`"),
        (("what-if", "--price", "small=1,much"), "is not `IN,OUT`"),
        (("what-if", "--price", "small=-1,1"), "is not `IN,OUT`"),
        (("what-if", "--prices", "pointsman.yaml"), "holds no prices"),
    ],
)
def test_wrong_usage_is_told_with_what_is_right(run: Run, empty: Path, words: tuple[str, ...], says: str) -> None:
    done = run("cost", *words)
    assert done.code == 2
    assert says in " ".join(done.err.split()).replace("│", "")


def test_without_a_baseline_a_price_or_a_budget_the_remedy_is_told(run: Run, empty: Path) -> None:
    bare = CONFIGURATION.replace("  baseline: large\n", "").replace("limits:\n  - {name: month, by: team, budget_usd: 100}\n", "")
    (empty / "pointsman.yaml").write_text(bare.replace(", price: {input_usd_per_million: 1, output_usd_per_million: 3, id: acme-2026}", ""))
    assert "under `costs.baseline`" in run("cost", "savings").err
    assert "has no price of tokens" in run("cost", "savings", "--baseline", "small").err
    assert "Write one under `limits`" in run("cost", "budget").err


def test_a_name_that_a_spreadsheet_would_run_is_made_harmless(run: Run, ledger: Path) -> None:
    with closing(open_writing(ledger)) as db:
        write(db, [a_ticket(901, at_ms=rows.OCT_MS + 1, team="=cmd()", target="small")])
    assert "team,'=cmd(),1," in run("cost", "by", "team", *OCTOBER, "--csv").out


def test_a_file_that_is_no_ledger_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "other.db").write_text("this is no database, but long enough to look like one to somebody in a hurry" * 20)
    done = run("cost", "by", "team", "--database", "other.db", "--json")
    assert done.code == 3
    assert json.loads(done.out)["error"]["code"] == "unusable"


def test_every_command_speaks_json() -> None:
    commands = command.commands
    assert set(commands) == {"by", "per-outcome", "economics", "budget", "savings", "idle", "anomalies", "what-if", "reprice", "reconcile"}
    assert all("--json" in {name for parameter in one.params for name in parameter.opts} for one in commands.values())
