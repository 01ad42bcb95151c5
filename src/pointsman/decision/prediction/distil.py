"""
A table of what single tokens mean, made once from the weights of a small sentence encoder (BERT's form, in safetensors), so that no network is run when
a prompt comes: every token is passed through the encoder alone, and what comes out is centred and turned so that the first numbers say most.

Arithmetic only: who calls has read the files. About ten seconds of CPU for thirty thousand tokens.
"""

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from pointsman.decision.prediction.errors import EncoderUnreadable
from pointsman.decision.prediction.table import WIDTH, Table

Array = Any

_LINALG: Final[Any] = np.linalg
_FIRST: Final = "[CLS]"
_LAST: Final = "[SEP]"
_HEAD_WIDTH: Final = 32  # of MiniLM: the number of heads is not told by the weights
_AT_ONCE: Final = 1024
_EPSILON: Final = 1e-12
_TYPES: Final[Mapping[str, type]] = {"F32": np.float32, "F16": np.float16}
_COMMON: Final = 1e-4  # a token rarer than this share of a text counts more than a common one: Arora's weight


def distil(weights: bytes, vocabulary: Sequence[str]) -> Table:
    """
    Return the table. `weights` is a safetensors file with the tensors of BERT, `vocabulary` its tokens in their order.

    Raises `EncoderUnreadable` for weights of another form.
    """
    tokens = [token.strip() for token in vocabulary if token.strip()]
    tensors = _tensors(weights)
    try:
        encoder = _Encoder(tensors)
        ends = tokens.index(_FIRST), tokens.index(_LAST)
        rows = np.concatenate([encoder.run(range(first, min(first + _AT_ONCE, len(tokens))), ends=ends) for first in range(0, len(tokens), _AT_ONCE)])
    except (KeyError, ValueError, IndexError) as error:
        raise EncoderUnreadable(str(error)) from error
    return Table(vocabulary=tuple(tokens), rows=_turned(rows))


def _tensors(weights: bytes) -> Mapping[str, Array]:
    """Return the tensors of a safetensors file: eight bytes of length, a JSON header with places, then the numbers."""
    try:
        (length,) = struct.unpack_from("<Q", weights)
        header = json.loads(weights[8 : 8 + length])
        start = 8 + length
        return {
            name: np.frombuffer(weights[start + place["data_offsets"][0] : start + place["data_offsets"][1]], _TYPES[place["dtype"]])
            .reshape(place["shape"])
            .astype(np.float32)
            for name, place in header.items()
            if name != "__metadata__" and place["dtype"] in _TYPES
        }
    except (struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EncoderUnreadable(str(error)) from error


class _Encoder:
    """BERT in numpy, for texts of one token between the two that mark a text's ends."""

    def __init__(self, tensors: Mapping[str, Array]) -> None:
        self._of = tensors
        self._layers = len({name.split(".")[2] for name in tensors if name.startswith("encoder.layer.")})

    def run(self, tokens: Sequence[int], *, ends: tuple[int, int]) -> Array:
        """Return the mean of the last layer over each text, shape (tokens, width)."""
        of = self._of
        ids = np.array([(ends[0], token, ends[1]) for token in tokens])
        states = of["embeddings.word_embeddings.weight"][ids] + of["embeddings.position_embeddings.weight"][:3]
        states = self._even(states + of["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        for layer in range(self._layers):
            name = f"encoder.layer.{layer}"
            states = self._even(states + self._looked(states, f"{name}.attention"), f"{name}.attention.output.LayerNorm")
            inner = self._line(states, f"{name}.intermediate.dense")
            inner *= (1 + np.tanh(inner * (0.79788456 + 0.03567741 * inner * inner))) / 2  # GELU by its common approximation
            states = self._even(states + self._line(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")
        return states.mean(axis=1)

    def _looked(self, states: Array, name: str) -> Array:
        texts, places, width = states.shape
        heads = width // _HEAD_WIDTH
        asked, held, told = (self._line(states, f"{name}.self.{part}").reshape(texts, places, heads, _HEAD_WIDTH) for part in ("query", "key", "value"))
        scores = np.exp(np.einsum("tqhd,tkhd->tqkh", asked, held) / np.float32(np.sqrt(_HEAD_WIDTH)))
        scores /= scores.sum(axis=2, keepdims=True)
        return self._line(np.einsum("tqkh,tkhd->tqhd", scores, told).reshape(texts, places, width), f"{name}.output.dense")

    def _line(self, states: Array, name: str) -> Array:
        flat = states.reshape(-1, states.shape[-1]) @ self._of[f"{name}.weight"].T  # one product: many small ones are much slower
        return (flat + self._of[f"{name}.bias"]).reshape(*states.shape[:-1], -1)

    def _even(self, states: Array, name: str) -> Array:
        centred = states - states.mean(axis=-1, keepdims=True)
        return centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + _EPSILON) * self._of[f"{name}.weight"] + self._of[f"{name}.bias"]


def _turned(rows: Array) -> Array:
    """Return the rows centred, turned to their main directions and weighted by how rare their token is (its place, by Zipf's law), as whole numbers."""
    centred = rows - rows.mean(axis=0)
    _, turns = _LINALG.eigh(centred.T @ centred)
    kept = centred @ turns[:, ::-1][:, :WIDTH]
    share = 1 / (np.arange(len(rows)) + 2) / np.log(len(rows) + 2)
    kept *= (_COMMON / (_COMMON + share))[:, None] ** 0.5
    rows_scaled: Any = kept
    return np.asarray(np.rint(rows_scaled / np.abs(rows_scaled).max() * 127), dtype=np.int8)
