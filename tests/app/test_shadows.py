"""The same question asked elsewhere: under the same policy and budget, on record, and never in the caller's way."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.app.test_gateway import a_gateway
from tests.app.vendors import Vendor, a_vendor
from tests.settings.files import settings_of
from tests.values import a_call, openai_answer

from pointsman.app.gateway import Gateway, system_clock
from pointsman.app.shadows import Pair, text_said
from pointsman.core.call import Asked, Call, Image, Role, Text, Turn
from pointsman.core.clock import Clock
from pointsman.core.entry import CallRecord
from pointsman.core.label import a_label
from pointsman.decision.prediction.fit import fit
from pointsman.decision.prediction.parameters import encode
from pointsman.decision.prediction.values import Label, Prompt
from pointsman.pipeline.run import run
from pointsman.storage.learned import LearnedFolder
from pointsman.storage.open import open_reading

CONFIG = """
capabilities:
  support:
    ladder: [small, big]
    routing: {{incumbent: big, shadow: {{share: {share}, usd_per_day: {usd}, data_class: internal}}}}
targets:
  small: {{vendor: acme, model: small, price: {{input_usd_per_million: 1, output_usd_per_million: 2}}}}
  big: {{vendor: acme, model: big, price: {{input_usd_per_million: 10, output_usd_per_million: 20}}}}
vendors:
  acme: {{kind: openai_compatible, base_url: "{url}", credential: "file:acme.key"}}
{more}
"""
SMALL_COST = 1000 * 1000 + 500 * 2000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "acme.key").write_text("secret-one")
    (tmp_path / "acme.key").chmod(0o600)
    return tmp_path


def config(vendor: Vendor, *, share: float = 1, usd: float = 5, more: str = "") -> str:
    return CONFIG.format(url=vendor.base_url, share=share, usd=usd, more=more)


def with_chance(chance: float) -> Clock:
    real = system_clock()
    return Clock(monotonic_s=real.monotonic_s, wall_ms=real.wall_ms, sleep=real.sleep, chance=lambda: chance)


class Seen:
    """A gateway with what it booked and compared."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.booked: list[CallRecord] = []
        self.pairs: list[Pair] = []
        book = gateway.stages.book

        def keep(record: CallRecord) -> None:
            self.booked.append(record)
            book(record)

        gateway.stages = replace(gateway.stages, book=keep)
        gateway.shadows.compare = self.pairs.append

    async def ask(self, call: Call | None = None, asked: Asked | None = None) -> None:
        """Ask, tell the shadows what was answered, and wait for them."""
        stages = self.gateway.stages
        call, asked = call or a_call(call_id=self.gateway.new_id()), asked or Asked()
        answer = await run(call, asked, stages=stages)
        said = answer.body
        if answer.chunks is not None:
            said = b"".join([chunk async for chunk in answer.chunks])
        self.gateway.shadows.after(call, asked, trace=answer.trace, said=said, stages=stages)
        await self.gateway.shadows.finish()

    @property
    def shadows(self) -> list[CallRecord]:
        return [record for record in self.booked if record.mode == "shadow"]


def seen_with(folder: Path, source: Callable[[Vendor], str], work: Callable[[Seen], object], *, chance: float = 0.0) -> Seen:
    async def go() -> Seen:
        async with a_vendor() as vendor, a_gateway(folder, source(vendor), clock=with_chance(chance)) as gateway:
            seen = Seen(gateway)
            result = work(seen)
            if asyncio.iscoroutine(result):
                await result
            return seen

    return asyncio.run(go())


def test_the_other_target_is_asked_too_and_both_answers_are_compared(folder: Path) -> None:
    seen = seen_with(folder, config, lambda seen: seen.ask())
    given, shadow = seen.booked
    assert (given.mode, shadow.mode, shadow.status, shadow.reason) == ("policy", "shadow", "shadow", f"shadow_of:{given.call_id}")
    assert (shadow.unit, {given.entries[0].target, shadow.entries[0].target}) == (given.unit, {"small", "big"})
    assert shadow.entries[0].shadow
    (pair,) = seen.pairs
    assert (pair.given, pair.given_text, pair.other_text) == (given.entries[0].target, "On its way.", "On its way.")
    assert (pair.call_id, pair.propensity) == (given.call_id, 1.0)


def test_the_ledger_bears_its_cost_but_counts_no_call(folder: Path) -> None:
    seen_with(folder, config, lambda seen: seen.ask())
    with closing(open_reading(folder / "pointsman.db")) as db:
        (rolled,) = db.rows("SELECT SUM(calls) AS calls, SUM(ok) AS ok, SUM(cost_nano_usd) AS cost, SUM(overhead_nano_usd) AS overhead FROM rollup_hour")
        (unit,) = db.rows("SELECT calls, cost_nano_usd, overhead_nano_usd FROM unit")
    assert (rolled["calls"], rolled["ok"], rolled["cost"]) == (1, 1, 11 * SMALL_COST)
    assert (unit["calls"], unit["cost_nano_usd"]) == (1, 11 * SMALL_COST)
    assert rolled["overhead"] == unit["overhead_nano_usd"] > 0


def test_what_was_looked_at_in_the_prompt_stands_beside_the_shadow_too(folder: Path) -> None:
    """An answer that fails its contract forms no pair: it can only be learned from together with what was asked."""
    label = Label(prompt=Prompt(text="Where is it?", capability="support"), target="small", score=1.0)
    digest = LearnedFolder(folder / "learned").keep(encode(fit([label])))
    (folder / "learned.json").write_text(f'{{"parameters": "{digest}"}}')
    seen = seen_with(folder, config, lambda seen: seen.ask())
    given, shadow = seen.booked
    assert given.features
    assert shadow.features == given.features


def test_nobody_is_asked_when_it_is_not_this_calls_turn(folder: Path) -> None:
    assert seen_with(folder, lambda vendor: config(vendor, share=0.2), lambda seen: seen.ask(), chance=0.2).shadows == []


def test_stricter_data_than_the_owner_lets_be_tried_is_never_asked_elsewhere(folder: Path) -> None:
    asked = Asked(declared=a_label("confidential"))
    own = "kind: openai_compatible, zone: private,"
    seen = seen_with(folder, lambda vendor: config(vendor).replace("kind: openai_compatible,", own), lambda seen: seen.ask(asked=asked))
    assert (len(seen.booked), seen.shadows) == (1, [])


def test_the_days_budget_ends_it(folder: Path) -> None:
    async def thrice(seen: Seen) -> None:
        for _ in range(3):
            await seen.ask()

    seen = seen_with(folder, lambda vendor: config(vendor, usd=0.002), thrice)
    assert len(seen.shadows) == 1


def test_the_limits_of_calls_hold_for_a_shadow_too(folder: Path) -> None:
    more = "limits: [{name: slow, by: tenant, requests_per_minute: 1}]"
    seen = seen_with(folder, lambda vendor: config(vendor, more=more), lambda seen: seen.ask())
    assert [record.status for record in seen.booked] == ["ok", "over_limit"]
    assert seen.pairs == []


JUDGED = """
capabilities:
  support:
    ladder: [small, big]
    output_schema: {output}
    routing: {{incumbent: big, judge: judge, agree_on: [queue], shadow: {{share: 1, usd_per_day: {usd}, data_class: internal}}}}
targets:
  small: {{vendor: acme, model: small, price: {{input_usd_per_million: 1, output_usd_per_million: 2}}}}
  big: {{vendor: acme, model: big, price: {{input_usd_per_million: 10, output_usd_per_million: 20}}}}
  judge: {{vendor: acme, model: judge, price: {{input_usd_per_million: 1, output_usd_per_million: 2}}, accepts: {accepts}}}
vendors:
  acme: {{kind: openai_compatible, base_url: "{url}", credential: "file:acme.key"}}
{more}
"""
ESSAY = "Dear customer, thank you for your patience, your parcel is on its way and will reach you soon."
OBJECT = '{"queue": "billing", "why": "' + ESSAY + '"}'


Sent = list[dict[str, Any]]


def judged(folder: Path, *, grade: str = "7", given: str = ESSAY, other: str = ESSAY, call: Call | None = None, **told: str) -> tuple[Seen, Sent]:
    """Return what came of a call whose answers a judge grades, and what the judge was sent."""
    sent: Sent = []

    def source(vendor: Vendor) -> str:
        vendor.words = {"big": given, "small": other, "judge": grade}
        vendor.bodies = sent
        return JUDGED.format(**{"url": vendor.base_url, "usd": 5, "accepts": "restricted", "output": "null", "more": "", **told})

    seen = seen_with(folder, source, lambda seen: seen.ask(call))
    return seen, [body for body in sent if body["model"] == "judge"]


def test_a_judge_grades_both_answers_where_their_words_do_not_tell_who_is_right(folder: Path) -> None:
    seen, sent = judged(folder, other=ESSAY.replace("soon", "never"))
    (pair,) = seen.pairs
    assert (pair.judge, pair.grades, pair.agree_on) == ("judge", (0.7, 0.7), ("queue",))
    assert sorted(message["content"].count("never") for body in sent for message in body["messages"]) == [0, 1]
    given, *beside = seen.booked
    graded = [record for record in beside if record.reason == f"judge_of:{given.call_id}"]
    assert [(record.mode, record.status, record.unit, record.features) for record in graded] == [("shadow", "shadow", given.unit, None)] * 2
    assert [[(entry.target, entry.kind, entry.shadow, entry.cost_nano_usd) for entry in record.entries] for record in graded] == [
        [("judge", "judge", True, SMALL_COST)]
    ] * 2


def test_what_a_judge_costs_is_overhead_of_the_item_and_no_call(folder: Path) -> None:
    judged(folder)
    with closing(open_reading(folder / "pointsman.db")) as db:
        (unit,) = db.rows("SELECT calls, cost_nano_usd, overhead_nano_usd FROM unit")
    assert (unit["calls"], unit["cost_nano_usd"], unit["overhead_nano_usd"]) == (1, 13 * SMALL_COST, 3 * SMALL_COST)


def test_documents_that_can_be_compared_are_not_graded(folder: Path) -> None:
    seen, sent = judged(folder, given=OBJECT, other=OBJECT, output="{type: object}")
    assert ([pair.grades for pair in seen.pairs], sent) == ([None], [])


def test_an_answer_that_fails_its_contract_is_compared_too_and_is_not_graded(folder: Path) -> None:
    """Left out, it would look as if the target only ever answered what it can."""
    seen, sent = judged(folder, given=OBJECT, other='"no object"', output="{type: object}")
    assert [(pair.other, pair.other_text, pair.is_good_enough) for pair in seen.pairs] == [("small", "", False)]
    assert sent == []


def test_what_is_asked_with_a_picture_is_compared_but_not_graded(folder: Path) -> None:
    picture = a_call(turns=(Turn(Role.USER, (Text("What is this?"), Image(url="http://example.com/a.png"))),))
    seen, sent = judged(folder, call=picture)
    assert ([pair.grades for pair in seen.pairs], sent) == ([None], [])


def test_an_answer_without_a_grade_leaves_its_pair_without_any(folder: Path) -> None:
    seen, sent = judged(folder, grade="It is hard to say.")
    assert ([pair.grades for pair in seen.pairs], len(sent)) == ([None], 2)


def test_a_grade_needs_not_have_the_form_of_an_answer(folder: Path) -> None:
    seen, _ = judged(folder, given=f'"{ESSAY}"', other=f'"{ESSAY}"', output="{type: string}")
    assert [pair.grades for pair in seen.pairs] == [(0.7, 0.7)]


@pytest.mark.parametrize(
    ("told", "pairs", "graded"),
    [
        ({"accepts": "public"}, [None], 0),
        ({"more": "policy: {rules: [{id: no-judging, effect: forbid, actions: [judge]}]}"}, [None], 0),
        ({"more": "policy: {rules: [{id: no-shadows, effect: forbid, actions: [shadow]}]}"}, [], 0),
    ],
    ids=["data", "judging", "shadows"],
)
def test_who_may_not_is_not_asked(folder: Path, told: dict[str, Any], pairs: list[None], graded: int) -> None:
    seen, sent = judged(folder, **told)
    assert ([pair.grades for pair in seen.pairs], len(sent)) == (pairs, graded)


STREAMED = (
    b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"Ber"}}]}\n\n'
    b'data: {"choices":[{"index":0,"delta":{"content":"lin"}}]}\n\ndata: [DONE]\n\n'
)
BLOCKS = b'{"type":"message","content":[{"type":"text","text":"Berlin"}]}'


@pytest.mark.parametrize("said", [openai_answer("Berlin"), STREAMED, BLOCKS], ids=["openai", "stream", "anthropic"])
def test_the_words_of_an_answer_are_the_same_in_every_dialect(said: bytes) -> None:
    assert text_said(said) == "Berlin"


def test_a_share_and_a_budget_mean_what_they_say(folder: Path) -> None:
    vendor = Vendor()
    vendor.base_url = "http://127.0.0.1:9/v1"
    routing = settings_of(folder, config(vendor, share=0.1)).snapshot.capabilities["support"].routing
    assert routing is not None
    assert routing.shadow is not None
    assert routing.shadow.daily_nano_usd == 5_000_000_000
