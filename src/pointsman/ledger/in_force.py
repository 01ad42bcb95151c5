"""
What is in force from a time on, as rows for the ledger: the snapshot, its workflows, its targets, and the prices that are used.
"""

from collections.abc import Iterator, Mapping

import msgspec
from msgspec import Struct

from pointsman.core.snapshot import Snapshot
from pointsman.core.target import Price, Target
from pointsman.settings.workflows import Workflow
from pointsman.storage.batch import Dimension


class InForce(Struct, frozen=True, kw_only=True):
    """
    What holds from `since_ms` on, and who said so. `files` are the texts of the configuration by path, in which secrets are references.

    `prices` are the prices in use by the target's name; None is unknown.
    """

    snapshot: Snapshot
    since_ms: int
    author: str
    files: Mapping[str, str]
    workflows: Mapping[str, Workflow]
    prices: Mapping[str, Price | None]


def dimensions(now: InForce) -> list[Dimension]:
    """Return the rows. Those that say nothing new are left out when they are written."""
    files = msgspec.json.encode(dict(now.files)).decode()  # the main file stands first
    told = [_row("snapshot", digest=now.snapshot.digest, since_ms=now.since_ms, author=now.author, files=files)]
    told += [_workflow(one, now.since_ms) for one in now.workflows.values()]
    told += [_target(one, now.since_ms) for one in now.snapshot.targets.values()]
    return [*told, *_prices(now)]


def _row(table: str, **row: object) -> Dimension:
    return Dimension(table=table, row=tuple(row.items()))


def _workflow(one: Workflow, since_ms: int) -> Dimension:
    return _row(
        "workflow",
        name=one.name,
        since_ms=since_ms,
        owner=one.owner,
        unit_name=one.unit,
        window_ms=one.window_ms,
        complete_ms=one.complete_ms,
        value_nano_usd=one.value_nano_usd,
        human_hourly_nano_usd=one.human_hourly_nano_usd,
    )


def _target(one: Target, since_ms: int) -> Dimension:
    vendor = one.vendor
    whose = {"vendor": "", "kind": "", "region": "", "zone": ""}
    if vendor is not None:
        whose = {"vendor": vendor.name, "kind": vendor.kind, "region": vendor.region or "", "zone": vendor.zone}
    return _row("target", name=one.name, since_ms=since_ms, place=one.place.value, model=one.model, **whose)


def _prices(now: InForce) -> Iterator[Dimension]:
    for target, price in now.prices.items():
        if price is not None:
            yield _row(
                "price",
                price_id=price.price_id,
                target=target,
                since_ms=now.since_ms,
                tokens_in=price.rates.tokens_in,
                tokens_out=price.rates.tokens_out,
                cache_read=price.rates.cache_read,
                cache_write=price.rates.cache_write,
                tiers=msgspec.json.encode(price.tiers).decode() if price.tiers else "",
                per_request_nano_usd=price.per_request_nano_usd,
            )
