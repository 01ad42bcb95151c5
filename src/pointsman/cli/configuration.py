"""
The configuration as commands read it: from a file, or from the text that is to become one.
"""

import time
from collections.abc import Callable
from pathlib import Path

from pointsman.app.facts import Prices, facts
from pointsman.app.switches import ledger_of
from pointsman.core.capability import Capability
from pointsman.core.snapshot import Snapshot
from pointsman.core.target import Target
from pointsman.settings.ledger_place import Place, ledger_place
from pointsman.settings.load import Settings, load, parse
from pointsman.settings.secrets import environment


def settings_at(path: Path) -> Settings:
    """Read and check the file. Raises `SettingsInvalid`."""
    return load(path, facts(prices_now()))


def check_of(path: Path) -> Callable[[str], Settings]:
    """Return the check that a text must pass before it may stand at `path`."""
    known = facts(prices_now())
    return lambda source: parse(source, path, facts=known)


def ledger_at(path: Path) -> Place:
    """Return where the ledger of a configuration is. Raises `SettingsInvalid`, or `CredentialMissing` for a reference that leads nowhere."""
    return ledger_of(settings_at(path))


def ledger_told(told: str) -> Place:
    """Return the ledger that somebody named: a file, a URL, or a reference to a URL."""
    return ledger_place(told, folder=Path(), environ=environment())


def prices_now() -> Prices:
    """Return the prices in force by this machine's clock."""
    return Prices(now_ms)


def now_ms() -> int:
    """Return the time of this machine, in Unix milliseconds."""
    return time.time_ns() // 1_000_000


def without_price(snapshot: Snapshot) -> list[Target]:
    """Return the targets of any ladder whose cost will be unknown. People cost what an item costs."""
    prices = prices_now()
    used = {target.name: target for capability in snapshot.capabilities.values() for target in capability.ladder}
    return [target for target in used.values() if target.hardware is None and target.desk is None and prices.of(target) is None]


def ladder_of(capability: Capability) -> str:
    """Return the ladder in one line."""
    return " → ".join(target.name for target in capability.ladder)
