"""
Tables of outcomes as they come out of logs: Parquet, CSV, JSON lines, with what people write into them.
"""

from pathlib import Path

import duckdb
import pytest

from pointsman.control.evaluation.tables import Fault, Outcome, opened, raw
from pointsman.core.errors import BadRequest


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def read(path: Path, **mapped: str) -> list[Outcome | Fault]:
    return list(opened(path, mapped=mapped).read())


def test_columns_may_stand_in_any_order_and_case_and_others_are_ignored(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "note,Score, MODEL ,Prompt\nx,1,small,Hi\ny,0,large,Hi\n")
    assert opened(path).ignored == ("note",)
    assert read(path) == [Outcome(row=2, prompt="Hi", model="small", score=1.0), Outcome(row=3, prompt="Hi", model="large", score=0.0)]


def test_a_csv_may_have_semicolons_or_tabs_and_breaks_inside_fields(tmp_path: Path) -> None:
    semicolons = read(written(tmp_path, "a.csv", 'prompt;model;score\n"one\ntwo; three";m;0.5\nnext;m;1\n'))
    assert [(one.row, one.prompt) for one in semicolons if isinstance(one, Outcome)] == [(2, "one\ntwo; three"), (4, "next")]
    assert [type(one) for one in read(written(tmp_path, "a.tsv", "prompt\tmodel\tscore\na\tm\t1\n"))] == [Outcome]


def test_parquet_is_read_with_whole_numbers_truth_values_decimals_and_nulls(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    rows = "('a', 'm', true, 0.5::DECIMAL(5, 2), NULL), ('b', 'm', false, NULL, 'because'), ('c', 'm', NULL, 'nan'::FLOAT, '')"
    duckdb.sql(f"COPY (SELECT * FROM (VALUES {rows}) AS t(prompt, model, score, cost, answer)) TO '{path}' (FORMAT parquet)")
    first, second, third = read(path)
    assert first == Outcome(row=1, prompt="a", model="m", score=1.0, cost=0.5)
    assert second == Outcome(row=2, prompt="b", model="m", score=0.0, answer="because")
    assert third == Outcome(row=3, prompt="c", model="m", score=None)


def test_json_lines_may_lack_fields_have_blank_lines_and_halves_of_characters(tmp_path: Path) -> None:
    path = written(
        tmp_path, "a.jsonl", '{"prompt": "ä", "model": 7, "score": "true", "capability": null}\n\n{"model": "m", "score": 1, "prompt": "\\ud800x"}\n'
    )
    assert read(path) == [Outcome(row=1, prompt="ä", model="7", score=1.0), Outcome(row=3, prompt="?x", model="m", score=1.0)]


@pytest.mark.parametrize(
    ("told", "score"),
    [("1", 1.0), ("0.25", 0.25), ("TRUE", 1.0), ("no", 0.0), ("incorrect", 0.0), ("", None), ("NaN", None), ("null", None)],
)
def test_a_score_is_read_as_people_write_it(tmp_path: Path, told: str, score: float | None) -> None:
    (one,) = read(written(tmp_path, "a.csv", f"prompt,model,score\np,m,{told}\n"))
    assert isinstance(one, Outcome)
    assert one.score == score


@pytest.mark.parametrize(
    ("row", "column", "says"),
    [
        ('{"prompt": "p", "model": "m", "score": 87}', "score", "is 87. A score is between 0 and 1: divide it by its highest value."),
        ('{"prompt": "p", "model": "m", "score": "good"}', "score", "is `good`, not a number. Write a number with a decimal point."),
        ('{"prompt": "p", "model": "m", "score": [1]}', "score", "is list, not a number. Write a number."),
        ('{"prompt": "p", "model": "m", "score": 1, "cost": -1}', "cost", "is -1. A cost is at least 0; leave it empty where it is unknown."),
        ('{"prompt": "p", "model": "m", "score": 1, "cost": 1e999}', "cost", "is inf. A cost is at least 0; leave it empty where it is unknown."),
        ('{"prompt": " ", "model": "m", "score": 1}', "prompt", "is empty. Fill it or leave the row out."),
        ('{"prompt": "p", "model": null, "score": 1}', "model", "is empty. Fill it or leave the row out."),
        ('{"prompt": {"role": "user"}, "model": "m", "score": 1}', "prompt", "is dict, not text. Write it as text."),
    ],
)
def test_a_bad_row_is_told_with_its_number_its_column_and_a_remedy(tmp_path: Path, row: str, column: str, says: str) -> None:
    good = '{"prompt": "p", "model": "m", "score": 1, "cost": "$0.5"}'
    assert read(written(tmp_path, "a.jsonl", f"{row}\n{good}\n")) == [
        Fault(row=1, column=column, says=says),
        Outcome(row=2, prompt="p", model="m", score=1.0, cost=0.5),
    ]


def test_splits_are_known_by_their_usual_names(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "prompt,model,score,split\na,m,1,Training\nb,m,1,held-out\nc,m,1,Dev\nd,m,1,\n")
    assert [one.split for one in read(path) if isinstance(one, Outcome)] == ["train", "test", "dev", ""]


def test_columns_with_other_names_are_mapped(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "question,llm,grade\np,m,1\n")
    assert read(path, prompt="question", model="llm", score="grade") == [Outcome(row=2, prompt="p", model="m", score=1.0)]


@pytest.mark.parametrize(
    ("name", "text", "mapped", "says"),
    [
        ("a.csv", "promt,modle,score\n", {}, "has no column `prompt` and no `model`. It has `promt`, `modle`, `score`. Say which column it is, such as --map"),
        ("a.csv", "promt,modle,score\n", {}, "--map prompt=promt,model=modle."),
        ("a.csv", "", {}, "It has no columns."),
        ("a.csv", "a,b\n", {"grade": "a"}, "There is no field `grade`. Fields are prompt, model, score, capability, cost, answer, split."),
        ("a.csv", "a,b\n", {"score": "c"}, "has no column `c`. It has `a`, `b`."),
        ("a.csv", 'prompt,model,score\n"p,m,1\n', {}, "line 2 of `a.csv`: unexpected end of data."),
        ("a.csv", 'prompt,"model,score\n', {}, "line 1 of `a.csv`: unexpected end of data."),
        ("a.jsonl", '{"prompt": "p"\n', {}, "line 1 of `a.jsonl` is no JSON object."),
        ("a.jsonl", "[1]\n", {}, "line 1 of `a.jsonl` is no JSON object."),
        ("a.parquet", "no", {}, "cannot be read as Parquet"),
        ("a.txt", "no", {}, "Give a file that ends with `.parquet`, `.csv`, `.tsv` or `.jsonl`."),
    ],
)
def test_a_file_that_cannot_be_read_says_why_and_what_to_do(tmp_path: Path, name: str, text: str, mapped: dict[str, str], says: str) -> None:
    with pytest.raises(BadRequest) as error:
        read(written(tmp_path, name, text), **mapped)
    assert says in error.value.message


def test_a_file_that_is_not_utf_8_or_not_there_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"prompt,model,score\n\xff,m,1\n")
    with pytest.raises(BadRequest, match=r"is not UTF-8 \(byte 19\)"):
        raw(tmp_path / "a.csv")
    with pytest.raises(BadRequest, match="cannot be read"):
        raw(tmp_path / "b.csv")


def test_many_columns_are_not_all_listed(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", ",".join(f"c{number}" for number in range(30)) + "\n")
    with pytest.raises(BadRequest, match="`c19` …"):
        read(path)


def test_a_prompt_may_be_longer_than_a_csv_usually_holds(tmp_path: Path) -> None:
    (one,) = read(written(tmp_path, "a.csv", f"prompt,model,score\n{'x' * 200_000},m,1\n"))
    assert isinstance(one, Outcome)
    assert len(one.prompt) == 200_000
