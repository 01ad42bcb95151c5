from contextlib import closing
from typing import Any

from msgspec.structs import replace
from tests.storage.databases import each_place
from tests.values import PRICE, a_capability, a_snapshot, a_target, a_vendor

from pointsman.core.target import Price, Rates, Target
from pointsman.ledger.in_force import InForce
from pointsman.ledger.writer import Ledger
from pointsman.settings.ledger_place import Place
from pointsman.settings.workflows import Workflow
from pointsman.storage.open import open_reading

__all__ = ["each_place"]

SUPPORT = Workflow(name="support", capabilities=("support",), owner="ann", unit="ticket", value_nano_usd=7)
TIERED = Price(price_id="list:1", rates=Rates(tokens_in=3, tokens_out=4, cache_read=1), tiers=((200_000, Rates(tokens_in=6, tokens_out=8)),))


def in_force(since_ms: int, digest: str = "a", *, workflow: Workflow = SUPPORT, target: Target | None = None, **more: Any) -> InForce:
    one = target or a_target(vendor=a_vendor(region="eu", zone="contracted"))
    whole: dict[str, Any] = {"files": {"pointsman.yaml": "ü: 1\n"}, "author": "ann", "prices": {one.name: PRICE, "free": None}, **more}
    snapshot = replace(a_snapshot(a_capability(ladder=[one])), digest=digest)
    return InForce(snapshot=snapshot, since_ms=since_ms, workflows={workflow.name: workflow}, **whole)


def noted(place: Place, *told: InForce) -> dict[str, list[tuple[Any, ...]]]:
    ledger = Ledger(place)
    for one in told:
        ledger.note_snapshot(one)
        ledger.flush()
    ledger.close()
    with closing(open_reading(place)) as db:
        return {
            table: [tuple(row.values()) for row in db.rows(f"SELECT {columns} FROM {table} ORDER BY since_ms")]
            for table, columns in (
                ("snapshot", "digest, since_ms, parent, author, files"),
                ("workflow", "name, since_ms, owner, unit_name, value_nano_usd"),
                ("target", "name, since_ms, place, vendor, kind, model, region, zone"),
                ("price", "price_id, target, since_ms, tokens_in, tokens_out, cache_read, cache_write, tiers, per_request_nano_usd"),
            )
        }


def test_what_is_in_force_is_kept_with_what_was_before_it(each_place: Place) -> None:
    found = noted(each_place, in_force(1), in_force(2, "b", author="bob"), in_force(3))
    files = '{"pointsman.yaml":"ü: 1\\n"}'
    assert found["snapshot"] == [("a", 1, None, "ann", files), ("b", 2, "a", "bob", files), ("a", 3, "b", "ann", files)]
    assert found["workflow"] == [("support", 1, "ann", "ticket", 7)]
    assert found["target"] == [("acme/small", 1, "cloud", "acme", "openai_compatible", "small", "eu", "contracted")]
    assert found["price"] == [("contract:test", "acme/small", 1, 1_000_000_000, 2_000_000_000, None, None, "", 0)]


def test_what_says_nothing_new_is_not_written_again(each_place: Place) -> None:
    changed = replace(SUPPORT, value_nano_usd=8)
    found = noted(each_place, in_force(1), in_force(2), in_force(3, "b", workflow=changed), in_force(4, "b", workflow=changed), in_force(5, "c"))
    assert [row[1] for row in found["snapshot"]] == [1, 3, 5]
    assert [row[1] for row in found["workflow"]] == [1, 3, 5]  # back to what it was is news too
    assert [row[1] for row in found["target"]] == [1]
    assert [row[2] for row in found["price"]] == [1]


def test_a_target_without_a_vendor_and_a_price_by_the_size_of_the_prompt_are_kept(each_place: Place) -> None:
    found = noted(each_place, in_force(1, target=a_target(vendor=None), prices={"acme/small": TIERED}))
    assert found["target"] == [("acme/small", 1, "cloud", "", "", "small", "", "")]
    tiers = '[[200000,{"tokens_in":6,"tokens_out":8,"cache_read":null,"cache_write":null}]]'
    assert found["price"] == [("list:1", "acme/small", 1, 3, 4, 1, None, tiers, 0)]
