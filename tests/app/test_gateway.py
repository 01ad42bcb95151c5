"""
The gateway put together: settings in, answers out, over real sockets and a real ledger.
"""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.app.vendors import Vendor, a_vendor
from tests.ledger.content.kept import a_said, files_in
from tests.ledger.entries import HOUR_MS, a_record, an_entry, an_outcome, report_of
from tests.settings.files import known, settings_of
from tests.transport.vendor import eventually
from tests.values import Time, a_call

from pointsman.app.content import Keeper
from pointsman.app.gateway import Gateway, system_clock
from pointsman.core.call import Asked, OutputSchema
from pointsman.core.clock import Clock
from pointsman.core.errors import BadRequest, CredentialMissing, Exhausted, LedgerUnavailable, PlaceFailed, Unusable
from pointsman.core.failure import Failure, FailureKind
from pointsman.intake.errors import OverBudget
from pointsman.intake.keys import mint
from pointsman.ledger.content.keys import KeyStore
from pointsman.ledger.content.sealing import timestamp_ms
from pointsman.ledger.content.store import ContentStore
from pointsman.ledger.writer import Ledger
from pointsman.pipeline.run import run
from pointsman.pipeline.way import Answer
from pointsman.settings.load import Reloader, load
from pointsman.settings.retention_compile import retention_of
from pointsman.settings.retention_shape import Retention

CONFIG = """
capabilities:
  support:
    ladder: [acme/small]
targets:
  acme/small: {{vendor: acme, model: small, price: {{input_usd_per_million: 1, output_usd_per_million: 2}}}}
vendors:
  acme: {{kind: openai_compatible, base_url: "{url}", credential: "file:acme.key"}}
"""
COST = 1000 * 1000 + 500 * 2000  # of one call: a thousand tokens in, five hundred out
NOBODY = Asked(authorization=None, api_key=None, unit=None, user=None, declared=None)
MONTH_MS = 1_764_547_200_000  # 2025-12-01T00:00:00Z
BUDGET = "\nlimits: [{{name: all, by: tenant, budget_usd: {usd}, period: month}}]\n"


def config(vendor: Vendor, *, more: str = "") -> str:
    return CONFIG.format(url=vendor.base_url) + more


def on_loop(wall_ms: int) -> Clock:
    """Return a clock with real spans and a set date."""
    real = system_clock()
    return Clock(monotonic_s=real.monotonic_s, wall_ms=lambda: wall_ms, sleep=real.sleep, chance=real.chance)


async def ask(gateway: Gateway, **more: Any) -> Answer:
    return await run(a_call(**{"call_id": gateway.new_id(), **more}), NOBODY, stages=gateway.stages)


@asynccontextmanager
async def a_gateway(folder: Path, source: str, *, clock: Clock | None = None, limits: Path | None = None) -> AsyncIterator[Gateway]:
    gateway = Gateway(settings_of(folder, source), environ={}, clock=clock or system_clock(), limits=limits)
    try:
        yield gateway
    finally:
        gateway.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "acme.key").write_text("secret-one")
    (tmp_path / "acme.key").chmod(0o600)
    return tmp_path


def scene(play: Callable[[Vendor], Awaitable[None]]) -> None:
    async def on_stage() -> None:
        async with a_vendor() as vendor:
            await play(vendor)

    asyncio.run(on_stage())


def test_a_call_is_answered_priced_and_on_record(folder: Path) -> None:
    async def play(vendor: Vendor) -> None:
        async with a_gateway(folder, config(vendor), clock=on_loop(MONTH_MS)) as gateway:
            await gateway.ready_to_record()
            answer = await ask(gateway)
            assert b"On its way." in answer.body
            assert answer.trace.cost_nano_usd == COST
            assert gateway.trouble() is None
            await gateway.record_outcome(an_outcome(answer.trace.call_id))
        assert vendor.keys == ["secret-one"]

    scene(play)
    [one] = report_of(folder / "pointsman.db", since_ms=MONTH_MS, until_ms=MONTH_MS + HOUR_MS).capabilities
    assert (one.calls, one.ok, one.cost_nano_usd, one.useful) == (1, 1, COST, 1)


def test_a_reload_swaps_the_snapshot_and_keeps_connections_counts_and_cache(folder: Path) -> None:
    async def play(vendor: Vendor) -> None:
        async with a_gateway(folder, config(vendor)) as gateway:
            await ask(gateway)
            before = gateway.stages
            gateway.reload(settings_of(folder, config(vendor).replace("support:", "assist:")))
            await ask(gateway, capability="assist")
            assert gateway.stages.snapshot.digest != before.snapshot.digest
            assert (gateway.stages.breakers, gateway.stages.cache) == (before.breakers, before.cache)
        assert vendor.connections == 1

    scene(play)


def test_a_call_under_way_keeps_its_snapshot_and_its_connection_over_a_reload(folder: Path) -> None:
    async def play(vendor: Vendor) -> None:
        async with a_gateway(folder, config(vendor)) as gateway:
            old = gateway.stages.snapshot.digest
            vendor.may_answer.clear()
            under_way = [asyncio.ensure_future(ask(gateway)) for _ in range(20)]
            await vendor.asked(20)
            (folder / "acme.key").write_text("secret-two")
            gateway.reload(settings_of(folder, config(vendor).replace("model: small", "model: other")))
            after = [asyncio.ensure_future(ask(gateway)) for _ in range(20)]
            await vendor.asked(40)
            vendor.may_answer.set()
            answers = await asyncio.gather(*under_way, *after)
            assert [answer.trace.snapshot for answer in answers] == [old] * 20 + [gateway.stages.snapshot.digest] * 20
        assert vendor.keys == ["secret-one"] * 20 + ["secret-two"] * 20

    scene(play)


def test_dead_lines_hold_for_a_call_whose_connections_a_reload_replaced(folder: Path) -> None:
    async def play(vendor: Vendor) -> None:
        source = (
            config(vendor)
            .replace("model: small,", "model: small, deadlines: {first_byte_s: 0.05},")
            .replace("[acme/small]", "[acme/small]\n    retries: {budget: 0}")
        )
        async with a_gateway(folder, source) as gateway:
            vendor.may_answer.clear()
            under_way = asyncio.ensure_future(ask(gateway))
            await vendor.asked(1)
            (folder / "acme.key").write_text("secret-two")
            gateway.reload(settings_of(folder, source))

            def is_over() -> bool:
                gateway.sweep()
                return under_way.done()

            await eventually(is_over)
            with pytest.raises(Exhausted, match="timeout_first_byte"):
                await under_way

    scene(play)


def test_a_rotated_secret_is_used_by_the_next_call_without_a_restart(folder: Path) -> None:
    async def play(vendor: Vendor) -> None:
        async with a_gateway(folder, config(vendor)) as gateway:
            reloader = Reloader(folder / "pointsman.yaml", known(), current=load(folder / "pointsman.yaml", known()))
            await ask(gateway)
            (folder / "acme.key").write_text("secret-two\n")
            found = reloader.check()
            assert found is not None
            gateway.reload(found)
            await ask(gateway)
        assert vendor.keys == ["secret-one", "secret-two"]

    scene(play)


def test_without_its_credential_a_target_is_out_with_a_reason_and_in_again_when_it_comes(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def play(vendor: Vendor) -> None:
        async with a_gateway(folder, config(vendor)) as gateway:
            [missing] = gateway.missing
            assert "`file:acme.key` is empty or missing. Write the key into the file `acme.key`." in missing.message
            with pytest.raises(CredentialMissing, match="No target of `support` has its credential"):
                await ask(gateway)
            with caplog.at_level(logging.WARNING):
                gateway.reload(settings_of(folder, config(vendor)))
            assert "`file:acme.key` is empty or missing" in caplog.text
            (folder / "acme.key").write_text("secret-found")
            (folder / "acme.key").chmod(0o600)
            gateway.reload(settings_of(folder, config(vendor)))
            assert gateway.missing == []
            await ask(gateway)
        assert vendor.keys == ["secret-found"]

    (folder / "acme.key").unlink()
    scene(play)


def spend_before(folder: Path, cost: int, at_ms: int) -> None:
    ledger = Ledger(folder / "pointsman.db")
    ledger.book(a_record(1, at_ms=at_ms, entries=(an_entry(cost=cost),)))
    ledger.close()


@pytest.mark.parametrize(("at_ms", "is_refused"), [(MONTH_MS + 5, True), (MONTH_MS - HOUR_MS, False)])
def test_money_spent_by_an_earlier_process_counts_in_its_period(folder: Path, at_ms: int, *, is_refused: bool) -> None:
    spend_before(folder, 1_000_000_000, at_ms)

    async def play(vendor: Vendor) -> None:
        async with a_gateway(folder, config(vendor, more=BUDGET.format(usd=1)), clock=on_loop(MONTH_MS + HOUR_MS)) as gateway:
            if is_refused:
                with pytest.raises(OverBudget):
                    await ask(gateway)
            else:
                await ask(gateway)

    scene(play)


def test_every_worker_knows_what_was_spent_before_and_none_forgets_what_another_spends(folder: Path) -> None:
    # A call sets 0.002 dollars aside, and costs them.
    spend_before(folder, 997_000_000, MONTH_MS + 5)

    async def play(vendor: Vendor) -> None:
        source = config(vendor, more=BUDGET.format(usd=1))
        shared = folder / "limits"
        async with a_gateway(folder, source, clock=on_loop(MONTH_MS + HOUR_MS), limits=shared) as first:
            await ask(first, size_chars=400)
            async with a_gateway(folder, source, clock=on_loop(MONTH_MS + HOUR_MS), limits=shared) as second:
                for worker in (first, second):
                    with pytest.raises(OverBudget):
                        await ask(worker, size_chars=400)

    scene(play)


def test_a_reload_neither_forgets_what_was_spent_nor_counts_it_twice(folder: Path) -> None:
    async def play(vendor: Vendor) -> None:
        # One call costs 0.002 dollars; a second does not fit.
        source = config(vendor, more=BUDGET.format(usd=0.0035))
        async with a_gateway(folder, source, clock=on_loop(MONTH_MS + HOUR_MS)) as gateway:
            await ask(gateway, size_chars=400)
            gateway.reload(settings_of(folder, source + "# a comment\n"))
            with pytest.raises(OverBudget):
                await ask(gateway, size_chars=400)
            gateway.reload(settings_of(folder, source.replace("0.0035", "0.0055")))
            await ask(gateway, size_chars=400)
            gateway.ledger.flush()
            # Counted by the day from now on: today's two calls are known, and there is room for none.
            gateway.reload(settings_of(folder, source.replace("0.0035", "0.0045").replace("month", "day")))
            with pytest.raises(OverBudget):
                await ask(gateway, size_chars=400)

    scene(play)


def test_a_budget_that_a_reload_gives_to_somebody_else_or_back_knows_what_was_spent(folder: Path) -> None:
    async def play(vendor: Vendor) -> None:
        free = config(vendor).replace("capabilities:", "capabilities:\n  other: {ladder: [acme/small]}")
        source = free + "\nlimits: [{name: one, by: capability, only: support, budget_usd: 0.0035}]\n"
        async with a_gateway(folder, source, clock=on_loop(MONTH_MS + HOUR_MS)) as gateway:
            await ask(gateway, size_chars=400, capability="other")
            gateway.ledger.flush()
            gateway.reload(settings_of(folder, source.replace("only: support", "only: other")))
            with pytest.raises(OverBudget):
                await ask(gateway, size_chars=400, capability="other")
            gateway.reload(settings_of(folder, free))
            await ask(gateway, size_chars=400)
            gateway.ledger.flush()
            gateway.reload(settings_of(folder, source))
            with pytest.raises(OverBudget):
                await ask(gateway, size_chars=400)

    scene(play)


def test_a_snapshot_that_cannot_be_used_changes_nothing(folder: Path) -> None:
    own = "  own/llama: {{vendor: own, model: llama, hardware: {{hourly_usd: {hourly}}}}}\n"

    async def play(vendor: Vendor) -> None:
        source = config(vendor).replace("vendors:", own.format(hourly=1) + "vendors:\n  own: {kind: vllm}").replace("[acme/small]", "[acme/small, own/llama]")
        async with a_gateway(folder, source) as gateway:
            before, meter = gateway.stages, gateway._busy["own/llama"]
            dear = settings_of(folder, source.replace("hourly_usd: 1", "hourly_usd: 1000000"))
            schema = OutputSchema(name="answer", schema={"$ref": "https://elsewhere.example/schema"})
            broken = msgspec.structs.replace(dear.snapshot.capabilities["support"], output=schema)
            with pytest.raises(Unusable):
                gateway.reload(replace(dear, snapshot=msgspec.structs.replace(dear.snapshot, capabilities={"support": broken})))
            assert gateway.stages is before
            mark = meter.start(gateway.clock.monotonic_s())
            assert meter.stop(mark, gateway.clock.monotonic_s() + 0.01) < 1_000_000_000  # of a dollar an hour, not of a million

    scene(play)


def test_a_budget_that_cannot_be_looked_up_at_a_reload_is_looked_up_later(
    folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    spend_before(folder, 1_000_000_000, MONTH_MS + 5)

    def locked(by: str, since_ms: int) -> dict[str, int]:
        raise LedgerUnavailable(f"locked {by} {since_ms}")

    async def play(vendor: Vendor) -> None:
        async with a_gateway(folder, config(vendor), clock=on_loop(MONTH_MS + HOUR_MS)) as gateway:
            with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
                patch.setattr(gateway.ledger, "spent_since", locked)
                gateway.reload(settings_of(folder, config(vendor, more=BUDGET.format(usd=1))))
                gateway.note_hardware()
            assert "what was spent before is not known yet" in caplog.text
            gateway.note_hardware()
            with pytest.raises(OverBudget):
                await ask(gateway)

    scene(play)


OWN = """
capabilities: {{support: {{ladder: [own/llama]}}}}
targets: {{own/llama: {{vendor: own, model: llama, hardware: {{hourly_usd: {hourly}}}}}}}
vendors: {{own: {{kind: vllm, base_url: "{url}"}}}}
server: {{workers: {workers}}}
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_own_hardware_costs_a_worker_its_part_of_the_price_for_the_time_it_is_busy(folder: Path, workers: int) -> None:
    time = Time(wall_ms=MONTH_MS)
    gateways: list[Gateway] = []

    async def play(vendor: Vendor) -> None:
        source = OWN.format(hourly=3.6, url=vendor.base_url, workers=workers)
        async with a_gateway(folder, source, clock=time.clock) as gateway:
            gateways.append(gateway)
            vendor.may_answer.clear()
            under_way = asyncio.ensure_future(ask(gateway))
            await vendor.asked(1)
            time.advance(2.0)
            gateway.reload(settings_of(folder, source.replace("3.6", "7.2")))  # twice the price for the last second
            time.advance(1.0)
            vendor.may_answer.set()
            answer = await under_way
            assert answer.trace.cost_nano_usd == 4_000_000 // workers
            time.advance(1.0)

    scene(play)
    [own] = report_of(folder / "pointsman.db", since_ms=MONTH_MS, until_ms=MONTH_MS + HOUR_MS).hardware
    assert (own.paid_s, own.busy_s) == (4.0, 3.0)
    assert (own.paid_nano_usd, own.busy_nano_usd, own.idle_nano_usd) == (6_000_000 // workers, 4_000_000 // workers, 2_000_000 // workers)


def test_a_ledger_that_cannot_be_written_is_trouble_and_closes_the_door(folder: Path) -> None:
    async def play(vendor: Vendor) -> None:
        gateway = Gateway(settings_of(folder, config(vendor)), environ={}, clock=system_clock())
        gateway.ledger.close()
        gateway.ledger = Ledger(folder / "pointsman.db", busy_s=0.01)
        with closing(sqlite3.connect(folder / "pointsman.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            gateway.ledger.book(a_record(1))
            await eventually(lambda: gateway.trouble() is not None)
            assert gateway.trouble() == "the ledger cannot be written: database is locked"
            with pytest.raises(LedgerUnavailable):
                await gateway.ready_to_record()
        gateway.close()

    scene(play)


def test_what_an_operator_should_look_at_is_noted_although_calls_are_answered(folder: Path) -> None:
    async def play(vendor: Vendor) -> None:
        async with a_gateway(folder, config(vendor, more="\naudit: {copies: ['file:blocked/copies']}\n")) as gateway:
            assert "detectors" not in gateway.notes()
            for number in range(3):
                gateway.stages.book(a_record(number, found={"failed:late/1": 1, "failed:scanner": 1, "email": 2} if number else {"email": 1}))
            await eventually(lambda: "audit_copies" in gateway.notes())
            assert gateway.notes()["detectors"] == "`late/1` failed (calls: 2), `scanner` failed (calls: 2)"
            assert "Not a directory" in gateway.notes()["audit_copies"]
            assert gateway.trouble() is None
            assert b"On its way." in (await ask(gateway)).body

    (folder / "blocked").write_text("a file where a folder should be")
    scene(play)


def test_content_that_was_left_out_is_noted(folder: Path) -> None:
    with files_in(folder) as files:
        store = ContentStore(files.content, files.keys, most_records=0)
        keeper = Keeper(store, retention_of(Retention(content="full")))
        assert keeper.trouble is None
        store.keep(a_said(1))
        assert keeper.trouble == "content was left out (calls: 1)"
        store.trouble = "OperationalError"
        assert keeper.trouble == "content was left out (calls: 1); it cannot be written at present (OperationalError)"
        keeper.close()


def test_ids_are_ordered_by_the_gateways_clock(folder: Path) -> None:
    async def play(vendor: Vendor) -> None:
        async with a_gateway(folder, config(vendor), clock=on_loop(MONTH_MS)) as gateway:
            first, second = gateway.new_id(), gateway.new_id()
            assert timestamp_ms(first) == MONTH_MS
            assert first != second

    scene(play)


def test_whoever_may_call_is_told_what(folder: Path) -> None:
    async def play(vendor: Vendor) -> None:
        async with a_gateway(folder, config(vendor)) as gateway:
            assert gateway.capabilities(None, None) == ("support",)

    scene(play)


def test_refusals_are_no_news_failures_are_and_surprises_come_with_their_origin(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def play(vendor: Vendor) -> None:
        async with a_gateway(folder, config(vendor)) as gateway:
            with caplog.at_level(logging.WARNING):
                gateway.note(BadRequest("no"), "c-1")
                gateway.note(LedgerUnavailable("full"), "c-2")
                gateway.note(Exhausted(capability="support", failures=[refused, refused], retry_after_s=None), "c-3")
                gateway.note(RuntimeError("odd"), "c-4")
                gateway.note(refused, "c-5")
                gateway.note(CredentialMissing("Set it."), "c-6")

    refused = PlaceFailed(Failure(kind=FailureKind.CREDENTIAL, message="what a vendor says may repeat what it was asked"), target="acme/small")
    scene(play)
    assert [record.getMessage() for record in caplog.records] == [
        "call c-2 failed: ledger_unavailable",
        "call c-3 failed: exhausted (acme/small: credential)",
        "call c-4 met an unexpected error",
        "call c-5 failed: place_failed (acme/small: credential)",
        "call c-6 failed: credential_missing",
    ]
    assert caplog.records[2].exc_info is not None


def test_a_gateway_that_comes_to_nothing_leaves_nothing_running(folder: Path) -> None:
    """Neither where its first settings cannot be put in force, nor where something that it is made of cannot be."""
    (folder / "acme.key").write_text("short")
    before = set(threading.enumerate())
    for more in ("retention: {content: full}\n", 'telemetry: {otlp: "http://127.0.0.1:1", otlp_headers: {token: "env:NOWHERE"}}\n'):
        with pytest.raises(CredentialMissing):
            Gateway(settings_of(folder, CONFIG.format(url="http://127.0.0.1:1") + more), environ={}, clock=system_clock())
    assert set(threading.enumerate()) == before


@pytest.mark.parametrize("by", ["key", "tenant", "team", "application", "user", "capability"])
def test_what_an_earlier_process_spent_counts_for_whoever_a_budget_is_about(folder: Path, by: str) -> None:
    key = mint(bytes(range(32)))
    ledger = Ledger(folder / "pointsman.db")
    ledger.book(a_record(1, at_ms=MONTH_MS, entries=(an_entry(cost=1_000_000_000),), key_id="web", tenant="shop", team="care", application="desk", user="ann"))
    ledger.close()

    async def play(vendor: Vendor) -> None:
        more = f"keys: {{web: {{sha256: {key.sha256}, tenant: shop, team: care, application: desk}}}}\n"
        more += f"limits: [{{name: all, by: {by}, budget_usd: 1}}]\n"
        asked = Asked(authorization=f"Bearer {key.secret}", api_key=None, unit=None, user="ann", declared=None)
        async with a_gateway(folder, config(vendor, more=more), clock=on_loop(MONTH_MS + HOUR_MS)) as gateway:
            with pytest.raises(OverBudget):
                await run(a_call(call_id=gateway.new_id()), asked, stages=gateway.stages)

    scene(play)


def test_a_tenant_whose_key_cannot_be_made_is_told_so_instead_of_going_out_in_the_clear(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: KeyStore, tenant: str) -> bytes:
        raise sqlite3.OperationalError(f"database or disk is full for {tenant}")

    async def play(vendor: Vendor) -> None:
        async with a_gateway(folder, config(vendor)) as gateway:
            monkeypatch.setattr(KeyStore, "pseudonyms", full)
            with pytest.raises(LedgerUnavailable, match="keys of tenants cannot be written"):
                gateway._key_of("acme")

    scene(play)
