"""
Money as integer nano-dollars (10**9 to the US dollar).

Micro-dollars would round the price of a ten-token embedding to zero. Unknown money is `None`, never zero;
`add` keeps it that way.
"""

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

NANO_PER_USD: Final = 1_000_000_000


def nano(usd: Decimal | float | str) -> int:
    """Return US dollars as nano-dollars, rounded half up. A float is read through its shortest text."""
    amount = usd if isinstance(usd, Decimal) else Decimal(str(usd))
    return int((amount * NANO_PER_USD).to_integral_value(ROUND_HALF_UP))


def dollars(cost_nano_usd: int | None) -> str:
    """Return the amount for people, such as `$1.50`, `$0.000042` or `unknown`."""
    if cost_nano_usd is None:
        return "unknown"
    amount = Decimal(cost_nano_usd) / NANO_PER_USD
    if amount == amount.quantize(Decimal("0.01")):
        return f"${amount:,.2f}"
    return f"${amount.normalize():,f}"


def add(*amounts: int | None) -> int | None:
    """Return the sum, or unknown if any part is unknown."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if len(known) == len(amounts) else None
