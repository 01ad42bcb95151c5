"""
Build hook: compile the price catalogue, train the sequence model and fetch the console's libraries into the package.

So all of them are there offline and at no import cost.
"""

import runpy
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# Script → what it writes. The model is trained anew only where it is missing, or older than what it is made of: that takes a minute.
_PRICES: Final = ("build_prices.py", "src/pointsman/ledger/data/prices.json")
_SEQUENCE: Final = ("build_sequence.py", "src/pointsman/governance/detection/data/sequence.npz")
_CONSOLE: Final = ("build_console.py", "src/pointsman/console/static/vendor")


class DataHook(BuildHookInterface):
    """Runs `scripts/build_prices.py` before every build, editable ones included, and the others where what they write is not fresh."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the data files of the package."""
        del version, build_data
        root = Path(self.root)
        for script, output in (_PRICES, _SEQUENCE, _CONSOLE):
            if script != _SEQUENCE[0] or not _is_fresh(root):
                runpy.run_path(str(root / "scripts" / script))["build"](root / output)


def _is_fresh(root: Path) -> bool:
    model = root / _SEQUENCE[1]
    sources = [root / "scripts" / _SEQUENCE[0], *(root / "scripts" / "sequence").rglob("*.txt"), *(root / "scripts" / "sequence").rglob("*.py")]
    return model.exists() and all(path.stat().st_mtime <= model.stat().st_mtime for path in sources)
