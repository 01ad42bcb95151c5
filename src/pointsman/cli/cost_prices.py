"""
Prices for `pointsman cost`: in force now or at a time, told on the line, or told in a file.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from pointsman.app.facts import Prices
from pointsman.cli.configuration import prices_now
from pointsman.cli.options import Wrong
from pointsman.control.finops.reprice import PriceAt
from pointsman.core.money import nano
from pointsman.core.target import Price, Rates
from pointsman.settings.load import Settings

_LEAST_PARTS: Final = 2
_FIELDS: Final = ("tokens_in", "tokens_out", "cache_read")

prices_option: Any = click.option(
    "--price", "prices_told", multiple=True, help="`TARGET=IN,OUT` in US dollars per million tokens, or `TARGET=IN,OUT,CACHED`; may be given again."
)
file_option: Any = click.option(
    "--prices",
    "prices_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A YAML file of `target: [in, out]` or `[in, out, cached]`, US dollars per million tokens.",
)


def price_of(settings: Settings, name: str) -> Price:
    """Return the price of a target now. Raises `Wrong` for a target that is not there or has none."""
    target = settings.snapshot.targets.get(name)
    if target is None:
        raise Wrong(f"There is no target `{name}`. `pointsman check` lists those of the configuration.")
    price = prices_now().of(target)
    if price is None:
        raise Wrong(f"The target `{name}` has no price of tokens. Write one at the target under `price`, or name another target.")
    return price


def prices_at(settings: Settings, told: Mapping[str, Price]) -> PriceAt:
    """Return the price in force at a time: as told, else the target's own, else the catalogue's of that day."""
    at = [0]
    known = Prices(lambda: at[0])

    def price_at(name: str, at_ms: int) -> Price | None:
        if name in told:
            return told[name]
        target = settings.snapshot.targets.get(name)
        at[0] = at_ms
        return None if target is None else known.of(target)

    return price_at


def prices_told(line: tuple[str, ...], file: Path | None, *, price_id: str) -> dict[str, Price]:
    """Return the prices of the line and of a file; those of the line go before. Raises `click.BadParameter`."""
    found = {} if file is None else _of_file(file, price_id)
    for text in line:
        name, _, numbers = text.partition("=")
        found[name] = _price(name, numbers.split(","), price_id=price_id)
    return found


def _of_file(file: Path, price_id: str) -> dict[str, Price]:
    try:
        table = msgspec.yaml.decode(file.read_bytes(), type=dict[str, list[float]])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"`{file}` holds no prices ({error}). Write `target: [in, out]`.", param_hint="--prices") from None
    return {name: _price(name, [str(number) for number in numbers], price_id=price_id) for name, numbers in table.items()}


def _price(name: str, numbers: list[str], *, price_id: str) -> Price:
    try:
        amounts = [nano(number.strip()) for number in numbers]
    except ArithmeticError:
        amounts = []
    if not name or not _LEAST_PARTS <= len(amounts) <= len(_FIELDS) or min(amounts) < 0:
        raise click.BadParameter(f"the price of `{name}` is not `IN,OUT` or `IN,OUT,CACHED` in US dollars per million tokens.", param_hint="--price")
    return Price(price_id=price_id, rates=Rates(**dict(zip(_FIELDS, amounts, strict=False))))
