"""
Configurations for tests of the settings and of what is put together from them.
"""

from pathlib import Path
from textwrap import dedent

import pytest

from pointsman.app.facts import Prices, facts
from pointsman.settings.facts import Facts
from pointsman.settings.load import Settings, load
from pointsman.settings.mistakes import SettingsInvalid

NOW_MS = 1_795_000_000_000
FIVE_LINES = """
capabilities:
  support:
    ladder:
      - openai/gpt-5-mini
"""
SHA = "ab" * 32


def known() -> Facts:
    return facts(Prices(lambda: NOW_MS))


def settings_of(folder: Path, source: str) -> Settings:
    path = folder / "pointsman.yaml"
    path.write_text(dedent(source), encoding="utf-8")
    return load(path, known())


def told_by(folder: Path, source: str) -> list[str]:
    """Return the mistakes of a text as `file:line path: message`, files by name."""
    with pytest.raises(SettingsInvalid) as caught:
        settings_of(folder, source)
    return [f"{Path(mistake.file).name}:{mistake.line} {mistake.path}: {mistake.says} {mistake.remedy}" for mistake in caught.value.mistakes]
