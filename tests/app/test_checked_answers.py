"""An answer that is checked before it is given, from the file to the ledger: who is asked beside it, and who pays."""

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.app.test_gateway import a_gateway
from tests.app.vendors import Vendor, a_vendor
from tests.values import a_call

from pointsman.core.call import Asked
from pointsman.pipeline.run import run
from pointsman.storage.open import open_reading
from pointsman.storage.weighed import weighed_of

CONFIG = """
capabilities:
  support:
    ladder: [small, big]
    unit: ticket
    routing: {{incumbent: small, criteria: {{value_usd: 1}}, check: [small], second: second, samples: 1, judge: judge, logprobs: [small]}}
targets:
  small: {{vendor: acme, model: small, price: &cheap {{input_usd_per_million: 1, output_usd_per_million: 2}}}}
  big: {{vendor: acme, model: big, price: *cheap}}
  second: {{vendor: acme, model: second, price: *cheap}}
  judge: {{vendor: acme, model: judge, price: *cheap}}
vendors:
  acme: {{kind: openai_compatible, base_url: "{url}", credential: "file:acme.key"}}
"""
COST = 1000 * 1000 + 500 * 2000


def asked_of(folder: Path, words: dict[str, str]) -> tuple[bytes, list[dict[str, Any]]]:
    """Return what the caller of one call was sent, and what the vendor was asked."""
    (folder / "acme.key").write_text("secret-one")
    (folder / "acme.key").chmod(0o600)

    async def go() -> tuple[bytes, list[dict[str, Any]]]:
        async with a_vendor() as vendor, a_gateway(folder, _told(vendor, words)) as gateway:
            answer = await run(a_call("Which queue?", call_id=gateway.new_id()), Asked(unit="t-1"), stages=gateway.stages)
            return answer.body, vendor.bodies

    return asyncio.run(go())


def _told(vendor: Vendor, words: dict[str, str]) -> str:
    vendor.words = words
    return CONFIG.format(url=vendor.base_url)


def test_everybody_who_is_named_is_asked_once_and_the_item_bears_it_all(tmp_path: Path) -> None:
    told, bodies = asked_of(tmp_path, {"small": "billing", "second": "billing", "judge": "9"})
    assert b"billing" in told
    assert sorted(body["model"] for body in bodies) == ["judge", "second", "small", "small"]
    assert {body["model"] for body in bodies if body.get("logprobs")} == {"small"}
    with closing(open_reading(tmp_path / "pointsman.db")) as db:
        attempts = db.rows("SELECT target, kind, error, cost_nano_usd FROM attempt ORDER BY kind, target")
        (unit,) = db.rows("SELECT calls, cost_nano_usd, overhead_nano_usd FROM unit WHERE unit = 't-1'")
        (chosen,) = db.rows("SELECT weighed FROM decision WHERE seq = 0")
    assert [(row["target"], row["kind"], row["error"], row["cost_nano_usd"]) for row in attempts] == [
        ("judge", "judge", None, COST),
        ("second", "judge", None, COST),
        ("small", "judge", None, COST),
        ("small", "model", None, COST),
    ]
    assert (unit["calls"], unit["cost_nano_usd"], unit["overhead_nano_usd"]) == (1, 4 * COST, 3 * COST)
    assert weighed_of(chosen["weighed"])[0].evidence == {"agrees": 1.0, "consistent": 1.0, "judged": 0.9}


def test_an_answer_that_nobody_bears_out_goes_on_to_the_next(tmp_path: Path) -> None:
    told, bodies = asked_of(tmp_path, {"small": "I cannot tell.", "second": "billing", "judge": "0", "big": "billing"})
    assert b"billing" in told
    assert bodies[-1]["model"] == "big"
