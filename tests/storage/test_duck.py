"""
What is written into a statement of DuckDB's ends where it is meant to end.
"""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.storage import duck as ducks

_ANY = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20) | st.sampled_from(["'; DROP TABLE t; --", '"', "''", "\\'", "')"])


@settings(max_examples=40, deadline=None)
@given(_ANY)
def test_a_text_comes_back_as_it_was(value: str) -> None:
    duck = ducks.connect()
    assert duck.execute(f"SELECT {ducks.text(value)}").fetchall() == [(value,)]
    duck.close()


@settings(max_examples=40, deadline=None)
@given(_ANY.filter(bool))
def test_a_name_is_one_name_whatever_is_in_it(name: str) -> None:
    duck = ducks.connect()
    assert [column[0] for column in duck.execute(f"SELECT 1 AS {ducks.quoted(name)}").description] == [name]
    duck.close()


def test_a_file_is_read_whatever_its_folder_is_called(tmp_path: Path) -> None:
    folder = tmp_path / "o'clock"
    duck = ducks.connect()
    path, _ = ducks.write_parquet(duck, "SELECT 1 AS n", folder=folder)
    assert ducks.found(duck, f"SELECT n FROM {ducks.files([path])}") == [{"n": 1}]
    duck.close()
