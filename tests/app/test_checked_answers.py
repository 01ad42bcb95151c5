"""An answer that is checked before it is given, from the file to the ledger: who is asked beside it, and who pays."""

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.app.test_gateway import a_gateway
from tests.app.vendors import Vendor, a_vendor
from tests.settings.files import settings_of
from tests.values import a_call

from pointsman.app.learned import folder_of, pointer_of
from pointsman.control.learning.version import Version, put_in_force
from pointsman.core.call import Asked
from pointsman.decision.answers.fitting import Judged, fit_verifier
from pointsman.decision.prediction.fit import fit
from pointsman.decision.prediction.parameters import encode
from pointsman.decision.prediction.values import Label, Prompt
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


LEARNED = """
capabilities:
  support:
    ladder: [small, big]
    unit: ticket
    routing: {{incumbent: big, criteria: {{value_usd: 0.1}}, not_worse_by: 0.1, check: [small]}}
targets:
  small: {{vendor: acme, model: small, price: {{input_usd_per_million: 1, output_usd_per_million: 2}}}}
  big: {{vendor: acme, model: big, price: {{input_usd_per_million: 10, output_usd_per_million: 20}}}}
vendors:
  acme: {{kind: openai_compatible, base_url: "{url}", credential: "file:acme.key"}}
"""
# What `small` says, whether it is right, and whether `big` is on the same prompt.
SAID = (("The queue is billing.", 1.0, 1.0), ("Perhaps it is billing?", 0.0, 1.0), ("No order number is given.", 0.0, 0.0))


def learn(folder: Path, source: str, *, is_ahead_known: bool) -> None:
    """Put in force what 120 judged calls tell."""
    rows = [SAID[number % 4 % 3] for number in range(120)]
    scores = [(name, score) for _, *both in rows for name, score in zip(("small", "big"), both, strict=True)]
    labels = [Label(prompt=Prompt(capability="support"), target=name, score=score) for name, score in scores]
    judged = [
        Judged(score=small, prior=0.5, prompt=f"Queue of {at}?", answer=words, onward=(big, 0.75) if is_ahead_known else None, next_target="big")
        for at, (words, small, big) in enumerate(rows)
    ]
    parameters = replace(fit(labels), verifiers={"support": fit_verifier(judged)})
    settings = settings_of(folder, source)
    put_in_force(pointer_of(settings), Version(parameters=folder_of(settings).keep(encode(parameters))), folder=settings.folder)


@pytest.mark.parametrize(("is_ahead_known", "asked"), [(False, ["small", "small", "big", "small", "big"]), (True, ["small", "small", "big", "small"])])
def test_an_answer_that_shows_that_the_next_target_fails_too_is_not_sent_on(tmp_path: Path, is_ahead_known: bool, asked: list[str]) -> None:
    (tmp_path / "acme.key").write_text("secret-one")
    (tmp_path / "acme.key").chmod(0o600)

    async def go() -> list[str]:
        async with a_vendor() as vendor:
            source = LEARNED.format(url=vendor.base_url)
            learn(tmp_path, source, is_ahead_known=is_ahead_known)
            async with a_gateway(tmp_path, source) as gateway:
                for words, *_ in SAID:
                    vendor.words = {"small": words}
                    await run(a_call("Which queue?", call_id=gateway.new_id()), Asked(unit="t-1"), stages=gateway.stages)
            return [body["model"] for body in vendor.bodies]

    assert asyncio.run(go()) == asked
