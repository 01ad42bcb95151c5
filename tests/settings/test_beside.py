from pathlib import Path

import pytest

from pointsman.settings.beside import Beside
from pointsman.settings.mistakes import SettingsInvalid
from pointsman.settings.watch import Watch


def rows(folder: Path, name: str, source: str) -> list[dict[str, str]]:
    (folder / name).write_text(source, encoding="utf-8")
    return [dict(row) for row in Beside(folder, Watch()).rule_table(name).rows]


def told(folder: Path, name: str, source: str) -> list[str]:
    with pytest.raises(SettingsInvalid) as caught:
        rows(folder, name, source)
    return [f"{mistake.line} {mistake.path}: {mistake.says}" for mistake in caught.value.mistakes]


def test_a_table_reads_the_same_from_csv_and_from_yaml(tmp_path: Path) -> None:
    csv = 'turns, text, then, answer\n"> 5", , answer, "Hello, you"\n\n, "== ""x""", veto\n'
    yaml = """
    rows:
      - {turns: "> 5", text: , then: answer, answer: "Hello, you"}
      - {turns: , text: '== "x"', then: veto, answer: }
    """
    expected = [
        {"turns": "> 5", "text": "", "then": "answer", "answer": "Hello, you"},
        {"turns": "", "text": '== "x"', "then": "veto", "answer": ""},
    ]
    assert rows(tmp_path, "a.csv", csv) == expected
    assert rows(tmp_path, "a.yaml", yaml) == expected


def test_a_cell_is_the_text_that_was_written_and_not_what_another_language_calls_it(tmp_path: Path) -> None:
    assert rows(tmp_path, "a.yaml", "rows: [{stream: true, turns: 1.0, name: 2027-01-31, answer: 0x10, then: null, when: ~}]") == [
        {"stream": "true", "turns": "1.0", "name": "2027-01-31", "answer": "0x10", "then": "", "when": ""}
    ]


@pytest.mark.parametrize(
    ("name", "source", "mistakes"),
    [
        ("a.csv", "", ["1 : the file is empty."]),
        ("a.csv", "a,,a\n1,2,3\n", ["1 : column 2 has no name.", "1 a: this column stands here twice."]),
        ("a.csv", "a,b\nHello, you,answer\n", ["2 rows[0]: this row has more cells than the header."]),
        ("a.csv", 'a,b\n"x,y\n', ["2 : this is not CSV: unexpected end of data."]),
        ("a.yaml", "a: 1", ["1 a: a decision table holds nothing beside `rows`.", "1 rows: a decision table needs `rows`, a list of mappings."]),
        ("a.yaml", "rows: {a: 1}", ["1 rows: a decision table needs `rows`, a list of mappings."]),
        (
            "a.yaml",
            "rows:\n  - 5\n  - {a: [1]}\n  - {b: !x 1}",
            ["4 rows[2].b: the tag `!x` has no meaning here.", "2 rows[0]: a row is a mapping of columns to cells.", "3 rows[1].a: a cell is a text."],
        ),
    ],
)
def test_a_table_that_cannot_be_read_is_told_by_line(tmp_path: Path, name: str, source: str, mistakes: list[str]) -> None:
    assert told(tmp_path, name, source) == mistakes


def test_rows_know_their_lines(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('when,then\n"a\nb",veto\n\nc,veto\n')
    (tmp_path / "a.yaml").write_text("rows:\n  - then: veto\n    when: a\n  # a comment\n  - then: veto\n")
    beside = Beside(tmp_path, Watch())
    for name, lines in (("a.csv", [2, 5, 1]), ("a.yaml", [2, 5, 1])):
        beside.rule_table(name)
        assert [beside.line_of_row(name, row) for row in range(3)] == lines


def test_a_file_is_read_once_and_watched_even_if_it_is_missing(tmp_path: Path) -> None:
    watch = Watch()
    beside = Beside(tmp_path, watch)
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "a.csv").write_text("then,answer\nanswer,x\n")
    assert beside.schema("a.json") is beside.schema("a.json")
    assert beside.rule_table("a.csv") is beside.rule_table("a.csv")
    with pytest.raises(FileNotFoundError):
        beside.schema("gone.json")
    assert watch.stamps[tmp_path / "gone.json"] is None
    assert watch.stamps[tmp_path / "a.json"] is not None
