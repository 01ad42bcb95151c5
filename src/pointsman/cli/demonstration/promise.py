"""
What the demo's help desk is promised, as the parameters and the ledger in its folder tell: the same that `pointsman guarantee` tells at more length.
"""

from contextlib import closing
from pathlib import Path

from pointsman.app.facts import Prices, facts
from pointsman.app.guarantee import Desk
from pointsman.app.learned import parameters_of
from pointsman.app.switches import ledger_of
from pointsman.cli.demonstration.folder import HYBRID
from pointsman.settings.load import load
from pointsman.storage.open import open_reading


def promise_in(path: Path, *, now_ms: int) -> str:
    """Return the promise that is in force under the configuration at `path`, in a sentence; empty where none is. Raises what reading the folder raises."""
    prices = Prices(lambda: now_ms)
    settings = load(path, facts(prices))
    desk = Desk(settings, parameters_of(settings), price_of=prices.of, now_ms=now_ms)
    if HYBRID not in desk.routed():
        return ""
    with closing(open_reading(ledger_of(settings))) as db:
        found = desk.state(db, HYBRID)
    if found.certificate is None or not found.in_force:
        return ""
    told = found.certificate
    return (
        f"A promise is in force for `{HYBRID}`: with a probability of {told.sure:.0%} its answers are on average at most {told.loss:.0%} worse than those of "
        f"`{told.incumbent}` alone, proven on {told.pairs:,} tickets that both answered."
    )
