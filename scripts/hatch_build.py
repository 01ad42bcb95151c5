"""Build hook: compile the price catalogue into the package, so that it is there offline and at no import cost."""

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PriceCatalogueHook(BuildHookInterface):
    """Runs `scripts/build_prices.py` before every build, editable ones included."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write `src/pointsman/ledger/data/prices.json`."""
        del version, build_data
        root = Path(self.root)
        build = runpy.run_path(str(root / "scripts" / "build_prices.py"))["build"]
        build(root / "src" / "pointsman" / "ledger" / "data" / "prices.json")
