from decimal import Decimal
from pathlib import Path

import pytest

from pointsman.control.exports.files import read, to_csv, write
from pointsman.core.errors import BadRequest, Unusable

ROWS = [{"name": 'a "b", c', "cost": Decimal("0.000000001"), "count": 3}, {"name": None, "cost": Decimal(1200), "count": None}]


def test_csv_has_plain_decimals_and_empty_fields_for_nothing() -> None:
    assert to_csv(["name", "cost", "count"], ROWS) == 'name,cost,count\r\n"a ""b"", c",0.000000001,3\r\n,1200,\r\n'
    assert to_csv(["cost"], [{"cost": Decimal("0E-9")}]) == "cost\r\n0\r\n"


def test_a_text_that_a_spreadsheet_would_run_is_defused() -> None:
    assert to_csv(["name"], [{"name": "=HYPERLINK(1)"}, {"name": "-2"}]) == "name\r\n'=HYPERLINK(1)\r\n'-2\r\n"
    assert to_csv(["cost"], [{"cost": Decimal(-2)}, {"cost": -2}]) == "cost\r\n-2\r\n-2\r\n"


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_what_is_written_is_read_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"file{suffix}"
    write(path, columns=["name", "cost", "count"], rows=ROWS, types={"cost": "DECIMAL(38, 9)", "count": "BIGINT"})
    columns, rows = read(path)
    assert columns == ["name", "cost", "count"]
    assert [Decimal(str(row["cost"])) for row in rows] == [row["cost"] for row in ROWS]
    assert [row["name"] or None for row in rows] == [row["name"] for row in ROWS]
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_name_without_a_form_and_a_folder_that_is_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=r"\.parquet"):
        write(tmp_path / "file.xlsx", columns=["name"], rows=[])
    with pytest.raises(BadRequest, match=r"\.parquet"):
        read(tmp_path / "file.xlsx")
    with pytest.raises(Unusable, match="cannot be written"):
        write(tmp_path / "none" / "file.csv", columns=["name"], rows=[])


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"file{suffix}"
    path.write_bytes(b"\xff\xfe\x00nothing")
    with pytest.raises(Unusable, match="cannot be read"):
        read(path)
