"""
The store: what is kept of outcomes, what is decided and what is told.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pointsman.control.evaluation import journal
from pointsman.control.evaluation.journal import Decided, Told
from pointsman.control.evaluation.store import Kept, Store
from pointsman.control.evaluation.tables import Outcome
from pointsman.core.errors import BadRequest, Unusable


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "store", is_new=True)
    yield opened
    opened.close()


def outcome(prompt: str, model: str, score: float | None, **more: object) -> Outcome:
    return Outcome(row=1, prompt=prompt, model=model, score=score, **more)  # pyright: ignore[reportArgumentType]


def test_outcomes_of_one_prompt_are_joined_by_its_text_and_capability(store: Store) -> None:
    store.keep([outcome("p", "a", 1.0, cost=2.0), outcome("p", "b", 0.5, answer="so"), outcome("p", "a", 0.0, capability="sum")])
    grid = store.grid()
    assert (grid.prompts, grid.capabilities, grid.models) == (("p", "p"), ("", "sum"), ("a", "b"))
    assert np.array_equal(grid.score, [[1.0, 0.5], [0.0, np.nan]], equal_nan=True)
    assert np.array_equal(grid.cost, [[2.0, np.nan], [np.nan, np.nan]], equal_nan=True)
    assert grid.answers == {(0, 1): "so"}
    assert grid.whole.tolist() == [0]


def test_importing_the_same_again_changes_nothing_and_something_else_replaces_it(store: Store) -> None:
    rows = [outcome("p", "a", 1.0), outcome("p", "b", 0.0), outcome("q", "a", None)]
    assert store.keep(rows) == Kept(added=2, unscored=1)
    assert store.keep(rows) == Kept(same=2, unscored=1)
    assert store.keep([outcome("p", "a", 0.5), outcome("p", "b", 0.0)]) == Kept(changed=1, same=1)
    assert store.grid().score.tolist() == [[0.5, 0.0]]
    assert store.sizes() == {"prompts": 1, "models": 2, "outcomes": 2, "uncosted": 2}


def test_several_rows_of_one_prompt_and_model_are_one_outcome(store: Store) -> None:
    rows = [outcome("p", "a", 1.0, cost=1.0, answer="x"), outcome("p", "a", 0.0, answer="y"), outcome("p", "a", 0.5, cost=3.0)]
    assert store.keep(rows) == Kept(added=1)
    assert store.keep(rows) == Kept(same=1)
    grid = store.grid()
    assert (grid.score.tolist(), grid.cost.tolist(), grid.answers) == ([[0.5]], [[2.0]], {(0, 0): "x"})


def test_a_prompt_has_one_split_and_may_be_given_one_later(store: Store) -> None:
    store.keep([outcome("p", "a", 1.0), outcome("p", "b", 1.0, split="train")])
    assert store.grid().splits == ("train",)
    with pytest.raises(BadRequest, match="row 1, column `split`: this prompt is in `train` already, and in `test` here"):
        store.keep([outcome("q", "a", 1.0), outcome("p", "c", 1.0, split="test")])
    assert store.sizes()["outcomes"] == 2  # nothing of what failed was kept


def test_without_outcomes_there_is_no_grid(store: Store) -> None:
    with pytest.raises(BadRequest, match="Import some with `pointsman router import FILE`"):
        store.grid()


def test_a_folder_without_a_store_and_one_that_is_no_store_are_told(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="There is nothing in"):
        Store(tmp_path)
    (tmp_path / "router.sqlite").write_bytes(b"no database at all, but long enough to look at" * 100)
    with pytest.raises(Unusable, match="cannot be opened"):
        Store(tmp_path)


def decided(name: str, model: str = "a") -> Decided:
    return Decided(
        id=name, prompt="p", capability="c", model=model, probability={"a": 0.75, "b": 0.25}, quality={"a": 0.5, "b": 0.25}, cost={"a": 1.0, "b": 0.5}
    )


def told(name: str, score: float, model: str = "a") -> Told:
    return Told(id=name, model=model, prompt="p", capability="c", score=score, cost=None)


def test_a_decision_comes_back_with_what_was_told_of_its_choice(store: Store) -> None:
    journal.log(store, [decided("1"), decided("2", "b"), decided("3")])
    journal.tell(store, [told("1", 1.0), told("2", 0.5), told("3", 0.25, "a")])
    assert journal.logged(store) == [(decided("1"), told("1", 1.0)), (decided("2", "b"), None), (decided("3"), told("3", 0.25))]
    assert store.decision("2") == ("p", "c", "b")
    assert store.decision("4") is None


def test_what_is_told_again_is_not_new_and_what_is_told_otherwise_has_changed(store: Store) -> None:
    assert journal.tell(store, [told("1", 0.0), told("1", 1.0)]).added == [told("1", 1.0)]
    again = journal.tell(store, [told("1", 1.0)])
    assert (again.added, again.changed, again.same) == ([], [], 1)
    assert journal.tell(store, [told("1", 0.5)]).changed == [told("1", 0.5)]
    assert journal.all_told(store) == [told("1", 0.5)]
