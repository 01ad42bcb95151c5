"""
By what a command looks at prompts, and the table of tokens made for it: it says that this takes a while.
"""

from pathlib import Path

from pointsman.app.semantic import BeingMade, Encoder, at_once, reader_for
from pointsman.cli.options import note
from pointsman.decision.prediction.embedding import Embedder
from pointsman.settings.routing_shape import Embedding
from pointsman.storage.learned import LearnedFolder


def making(encoder: Encoder, folder: LearnedFolder) -> str:
    """Make the table here and now. Raises `EncoderUnreadable`, `OSError`."""
    note("Making the table of what words mean, by which prompts are looked at. This happens once and takes about half a minute.")
    return at_once(encoder, folder)


def reader_at_once(told: Embedding, folder: Path) -> Embedder | None:
    """Return who looks at prompts for the store in a folder. Raises `ExtraMissing`, `EncoderUnreadable`, `OSError`."""
    found = reader_for(told, LearnedFolder(folder), make=making)
    return None if isinstance(found, BeingMade) else found
