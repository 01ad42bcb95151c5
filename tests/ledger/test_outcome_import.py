"""Rows of a CSV file as an application would tell them."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.core.errors import BadRequest
from pointsman.ledger.outcome_import import Row, rows_of


def read(text: str, columns: dict[str, str] | None = None, *, constants: dict[str, str] | None = None) -> list[Row]:
    return [*rows_of(io.StringIO(text, newline=""), columns=columns or {}, constants=constants or {})]


def test_columns_are_found_by_name_or_by_what_they_are_mapped_to_and_others_are_left_alone() -> None:
    text = 'ticket,kind,success,at,worth,human_minutes,id,colour\n"t,1",won,No,2026-01-02T03:04:05Z,$2.50,1.5,o1,red\nt2,lost,,,,,o2,\n'
    first, second = read(text, {"unit": "ticket", "value_usd": "worth"})
    assert first.told == {"unit": "t,1", "kind": "won", "success": False, "at_ms": 1_767_323_045_000, "value_usd": "2.50", "human_minutes": 1.5, "id": "o1"}
    assert (second.line, second.told) == (3, {"unit": "t2", "kind": "lost", "id": "o2"})


def test_a_value_for_every_row_stands_where_a_row_has_none() -> None:
    first, second = read("unit,kind\na,won\nb,\n", constants={"kind": "closed", "source": "crm"})
    assert (first.told["kind"], first.told["source"]) == ("won", "crm")
    assert second.says == "`kind` is empty. Fill it."  # an empty field of its own is a mistake, not a wish for the constant


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (",won,,,,", "`unit` is empty"),
        ("a,won,perhaps,,,", "`success` is `perhaps`"),
        ("a,won,,soon,,", "`at` is `soon`"),
        ("a,won,,,-,", "`value_usd` is `-`"),
        ("a,won,,,,nan", "`human_minutes` is `nan`"),
        ("a,won", "2 fields, the header 6"),
        ('a,"w"x,,,,', "cannot be read"),
    ],
)
def test_a_bad_row_is_told_with_its_line_and_the_good_ones_are_kept(row: str, says: str) -> None:
    good, bad, last = read(f"unit,kind,success,at,value_usd,human_minutes\na,won,,,,\n{row}\nb,won,,,,\n")
    assert (good.says, bad.line, says in bad.says, bad.told) == ("", 3, True, {}), bad.says
    assert last.told["unit"] == "b"


def test_a_quote_that_is_never_closed_is_told() -> None:
    good, bad = read('unit,kind\na,won\nb,"won\n')
    assert (good.told["unit"], "cannot be read" in bad.says) == ("a", True)


def test_times_may_be_unix_milliseconds_or_local_to_no_zone() -> None:
    first, second = read("unit,kind,at_ms,id\na,won,5,1\nb,won,x,2\n")
    assert (first.told["at_ms"], second.says) == (5, "`at_ms` is `x`. Write Unix milliseconds.")
    (utc,) = read("unit,kind,at,id\na,won,2026-01-02 03:04:05,1\n")
    assert utc.told["at_ms"] == 1_767_323_045_000


@pytest.mark.parametrize(
    ("text", "columns", "says"),
    [
        ("", {}, "no header"),
        ('"unit', {}, "no header"),
        ("ticket,kind\n", {}, "no column `unit`. It has `ticket`, `kind`: name one with `--map unit=COLUMN`"),
        ("unit,kind\n", {"queue": "team"}, "no column `team`"),
        ("unit,kind\n", {"colour": "kind"}, "no field `colour`. Use `unit`"),
    ],
)
def test_a_header_that_does_not_do_is_refused_before_any_row(text: str, columns: dict[str, str], says: str) -> None:
    with pytest.raises(BadRequest) as told:
        read(text, columns)
    assert says in told.value.message


def test_empty_lines_are_no_rows() -> None:
    assert [row.told["unit"] for row in read("unit,kind\n\na,won\n\n")] == ["a"]


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.tuples(st.text(min_size=1).filter(str.strip), st.text(min_size=1).filter(str.strip)), min_size=1, max_size=6))
def test_a_row_without_an_id_has_the_same_one_each_time_and_another_than_other_rows(rows: list[tuple[str, str]]) -> None:
    file = io.StringIO(newline="")
    csv.writer(file).writerows([("unit", "kind"), *rows])
    once, again = (read(file.getvalue()) for _ in range(2))
    ids = [row.told["id"] for row in once]
    assert ids == [row.told["id"] for row in again]
    assert len(set(ids)) == len({(unit.strip(), kind.strip()) for unit, kind in rows})
