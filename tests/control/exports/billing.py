"""
A month of costs worked out by hand, for tests of exports.
"""

from typing import Any

from tests.ledger.entries import START_MS, a_record, an_entry, an_outcome

from pointsman.core.place import Place
from pointsman.core.reply import Usage
from pointsman.storage.batch import Batch, Charge
from pointsman.storage.records import write_batch
from pointsman.storage.sql import Database

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MONTH = (START_MS, START_MS + 31 * DAY_MS)  # January 2026


def fill(db: Database) -> None:
    db.execute(
        "INSERT INTO target (name, since_ms, place, vendor, kind, model, region, zone) VALUES"
        " ('acme/large', 0, 'cloud', 'acme', 'openai', 'large-2', 'eu-west-1', 'eu'), ('own/llama', 0, 'private', 'own', 'openai', 'llama', '', 'here')"
    )
    # Dollars per million tokens: 2 in, 8 out, 0.5 read from the cache.
    db.execute(
        "INSERT INTO price (price_id, target, since_ms, tokens_in, tokens_out, cache_read, cache_write, tiers, per_request_nano_usd)"
        " VALUES ('contract:1', '', 0, 2000000000, 8000000000, 500000000, NULL, '[]', 0)"
    )
    db.execute(
        "INSERT INTO workflow (name, since_ms, owner, unit_name, window_ms, complete_ms, value_nano_usd, human_hourly_nano_usd)"
        " VALUES ('tickets', 0, 'Support', 'ticket', 604800000, 604800000, NULL, 0)"
    )
    shared: dict[str, Any] = {"workflow": "tickets", "unit": "t-1", "team": "emea", "tags": {"project": "apollo"}}
    cloud: dict[str, Any] = {"target": "acme/large", "price_id": "contract:1"}
    used = Usage(tokens_in=1_000, tokens_out=100, cache_read=400)
    # 600 × 2,000 + 100 × 8,000 + 400 × 500 nano-dollars = 1,200,000 + 800,000 + 200,000
    first = a_record(1, entries=(an_entry(0, cost=None, usage=None, error="timeout", **cloud), an_entry(1, cost=2_200_000, usage=used, **cloud)), **shared)
    own: dict[str, Any] = {"target": "own/llama", "place": Place.PRIVATE, "price_id": "hardware", "latency_ms": 1_500.0}
    second = a_record(2, at_ms=START_MS + HOUR_MS, entries=(an_entry(0, cost=700, **own),), **shared)
    ruled = a_record(
        3, at_ms=START_MS + DAY_MS, entries=(an_entry(0, cost=0, usage=None, place=Place.RULES, target="rules", price_id=None, kind="rule"),), **shared
    )
    later = a_record(4, at_ms=MONTH[1], entries=(an_entry(0, cost=999),), **shared)
    charges = [
        Charge(charge_id="h", at_ms=START_MS + 5, kind="human", nano_usd=3_000, tenant="default", workflow="tickets", unit="t-1", queue="desk", seconds=90.0),
        Charge(charge_id="l", at_ms=START_MS + 5, kind="licence", nano_usd=10_000, workflow="tickets", source="crm"),
        Charge(charge_id="c", at_ms=START_MS + 5, kind="correction", nano_usd=-40),
        Charge(charge_id="before", at_ms=START_MS - 1, kind="correction", nano_usd=5),
    ]
    outcome = an_outcome("t-1", "o", at_ms=START_MS + 9, workflow="tickets")
    write_batch(
        db,
        Batch(
            records=[first, second, ruled, later],
            outcomes=[outcome],
            charges=charges,
            hardware=[("own/llama", START_MS, 3_600.0, 50_000, 100.0, 700)],
        ),
    )


# attempts 2,200,000 + 700, charges 3,000 + 10,000 − 40, hardware that was not used 49,300
TOTAL = 2_262_960
