"""
The table of tokens: made from an encoder's weights, written, read, and used to tell words apart.
"""

import numpy as np
import pytest
from tests.decision.prediction.encoders import WORDS, weights

from pointsman.decision.prediction.distil import distil
from pointsman.decision.prediction.embedding import Embedder
from pointsman.decision.prediction.errors import EncoderUnreadable, ParametersUnreadable
from pointsman.decision.prediction.table import Table, decode_table, encode_table

WIDTH = 256


def test_every_token_gets_a_row_and_rows_differ() -> None:
    table = distil(weights(), WORDS)
    assert table.rows.shape == (len(WORDS), WIDTH)
    assert table.rows.dtype == np.int8
    assert len(np.unique(table.rows, axis=0)) > len(WORDS) - 3


def test_a_table_is_the_same_after_it_was_written_and_read() -> None:
    table = distil(weights(), WORDS)
    back = decode_table(encode_table(table))
    assert back.vocabulary == table.vocabulary
    assert (back.rows == table.rows).all()
    assert Embedder(back).name == Embedder(table).name


@pytest.mark.parametrize("data", [b"", b"\x01" * 20, weights()[:400], weights(layers=1)[:200_000]])
def test_weights_that_are_no_encoder_are_refused_with_the_remedy(data: bytes) -> None:
    with pytest.raises(EncoderUnreadable, match="semantic"):
        distil(data, WORDS)


def test_a_vocabulary_without_marks_for_the_ends_is_refused() -> None:
    with pytest.raises(EncoderUnreadable):
        distil(weights(), ["cat"] * len(WORDS))


def test_a_table_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ParametersUnreadable):
        decode_table(b"\x01")


def test_words_are_split_into_the_longest_pieces_and_unknown_ones_are_one() -> None:
    rows = np.zeros((len(WORDS), WIDTH), np.int8)
    rows[np.arange(len(WORDS)), np.arange(len(WORDS)) % WIDTH] = 100
    reader = Embedder(Table(vocabulary=tuple(WORDS), rows=rows))
    numbers = reader.numbers(reader.features("Cats zzz"))
    assert numbers is not None
    assert np.flatnonzero(numbers[:WIDTH]).tolist() == [WORDS.index("[UNK]"), WORDS.index("cat"), WORDS.index("##s")]


def test_without_a_table_words_that_share_letters_are_alike() -> None:
    reader = Embedder()
    one, near, far = (reader.numbers(reader.features(text)) for text in ("translation", "translations", "gardening"))
    assert one is not None
    assert near is not None
    assert far is not None

    def alike(left: np.ndarray, right: np.ndarray) -> float:
        return float(left[:WIDTH] @ right[:WIDTH] / np.linalg.norm(left[:WIDTH]) / np.linalg.norm(right[:WIDTH]))

    assert alike(one, near) > alike(one, far) + 0.3
