"""
What commands about sealed days share: where the ledger and its segments are.
"""

from pathlib import Path
from typing import Any

import click

from pointsman.app.switches import ledger_of
from pointsman.cli.configuration import ledger_told, settings_at
from pointsman.storage.open import Place
from pointsman.storage.segments import FOLDER

database_option: Any = click.option("--database", help="The ledger, if it is not the configuration's: a file, a URL, or a reference to a URL.")
segments_option: Any = click.option(
    "--segments", type=click.Path(path_type=Path, file_okay=False), help=f"The folder of sealed days. By default `{FOLDER}` beside the configuration."
)


def places(path: Path, *, database: str | None, segments: Path | None) -> tuple[Place, Path]:
    """Return where the ledger is, and the folder of its segments. With both told, no configuration is read."""
    if database is not None and segments is not None:
        return ledger_told(database), segments
    settings = settings_at(path)
    place = ledger_of(settings) if database is None else ledger_told(database)
    return place, settings.folder / FOLDER if segments is None else segments
