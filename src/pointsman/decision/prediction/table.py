"""
The table of tokens: what each means, as 256 small whole numbers. Kept as a file of its own, because it is large and never changes.
"""

from typing import Any, Final

import msgspec
import numpy as np
from msgspec import Struct

from pointsman.decision.prediction.errors import ParametersUnreadable

WIDTH: Final = 256


class Table(Struct, frozen=True, kw_only=True, eq=False):
    """
    `vocabulary` are word pieces (`##` marks one that goes on a word); `rows` are their meanings, int8 of shape (tokens, 256).

    `name` is what it is kept under, empty where it is not kept.
    """

    vocabulary: tuple[str, ...]
    rows: Any
    name: str = ""


class _Kept(Struct, array_like=True):
    vocabulary: tuple[str, ...]
    rows: bytes


_DECODER: Final = msgspec.msgpack.Decoder(_Kept)


def encode_table(table: Table) -> bytes:
    """Return the table as msgpack, about eight megabytes."""
    return msgspec.msgpack.encode(_Kept(table.vocabulary, np.asarray(table.rows, np.int8).tobytes()))


def decode_table(data: bytes, *, name: str = "") -> Table:
    """Return what `encode_table` wrote and is kept under `name`. Raises `ParametersUnreadable` for anything else."""
    try:
        kept = _DECODER.decode(data)
        return Table(vocabulary=kept.vocabulary, rows=np.frombuffer(kept.rows, np.int8).reshape(len(kept.vocabulary), WIDTH), name=name)
    except (msgspec.DecodeError, ValueError) as error:
        raise ParametersUnreadable(str(error)) from error
