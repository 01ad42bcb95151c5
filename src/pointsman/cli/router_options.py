"""
What the commands of `pointsman router` share: where the store is, and how it is opened.
"""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click

from pointsman.control.evaluation.store import Store

FOLDER: Final = Path(".pointsman-router")

store_option: Any = click.option(
    "--store",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=FOLDER,
    show_default=True,
    help="The folder that holds outcomes and what was learned.",
)


@contextmanager
def opened(folder: Path, *, is_new: bool = False) -> Generator[Store]:
    """Yield the store of a folder. Raises `BadRequest` if there is none, `Unusable` if it cannot be opened."""
    store = Store(folder, is_new=is_new)
    try:
        yield store
    finally:
        store.close()


def pairs(told: Iterable[str]) -> dict[str, str]:
    """Return pairs of `FIELD=COLUMN,…`. Raises `click.BadParameter`."""
    found: dict[str, str] = {}
    for text in told:
        for pair in text.split(","):
            name, equals, value = (part.strip() for part in pair.partition("="))
            if not (name and equals and value):
                raise click.BadParameter(f"`{pair}` is no pair. Write it like score=grade.", param_hint="--map")
            found[name] = value
    return found
