"""One worker: signals, reloads, an orderly end, and watches that survive a fault."""

import asyncio
import signal
import sqlite3
import ssl
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.server.house import ASK_STREAM, CHUNK, END, WHOLE, get, post
from tests.server.served import Served
from tests.transport.certificates import certificate
from tests.transport.vendor import Talk, Vendor, chunk, eventually, run, says, stream_head

from pointsman.app.content import Keeper
from pointsman.core.errors import Unusable
from pointsman.server import serve as module
from pointsman.server.bounds import ClientBounds
from pointsman.server.serve import bind, split_address


def test_a_worker_that_is_told_to_end_finishes_what_it_began_and_takes_nothing_new() -> None:
    go_on = asyncio.Event()

    async def slow(talk: Talk) -> None:
        await talk.request()
        talk.write(stream_head() + chunk(CHUNK))
        await go_on.wait()
        talk.write(chunk(END) + b"0\r\n\r\n")
        await talk.gone()

    async def main() -> None:
        async with Vendor(slow) as vendor, Served(vendor) as served:
            under_way, idle = await served.caller(), await served.caller()
            idle.send(get("/livez"))
            await idle.answer()
            under_way.send(post(ASK_STREAM))
            assert (await under_way.head())[0] == 200
            served.signal(signal.SIGTERM)
            assert await idle.rest() == b""  # nothing was under way there
            refused = await served.ask(post())
            assert (refused.status, refused.headers["connection"]) == (503, "close")
            assert "is stopping" in refused.message
            for admin in (False, True):
                assert (await served.ask(get("/readyz"), admin=admin)).json["reason"] == "it is stopping"
            assert not served.work.done()
            go_on.set()
            assert (await under_way.rest()).endswith(b"0\r\nx-pointsman-cost-nano-usd: unknown\r\n\r\n")
            await served.work
            with pytest.raises(OSError, match=r"."):
                await served.caller()

    run(main())


def test_a_worker_with_nothing_to_do_ends_at_once() -> None:
    async def main() -> None:
        async with Served() as served:
            served.signal(signal.SIGINT)
            async with asyncio.timeout(0.5):
                await served.work

    run(main())


def test_a_call_that_does_not_end_is_waited_for_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_GRACE_S", 0.03)

    async def mute(talk: Talk) -> None:
        await talk.request()
        await talk.gone()

    async def main() -> None:
        async with Vendor(mute) as vendor, Served(vendor) as served:
            caller = await served.caller()
            caller.send(post())
            await eventually(lambda: len(vendor.requests) == 1)
            served.signal(signal.SIGTERM)
            await served.work

    run(main())


def test_what_was_said_is_kept_even_if_the_caller_leaves_at_once_and_the_worker_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_through, may_go_on = asyncio.Event(), asyncio.Event()
    look_through = Keeper._keep

    async def slowly(*args: Any, **told: Any) -> None:
        looked_through.set()
        await may_go_on.wait()
        await look_through(*args, **told)

    monkeypatch.setattr(Keeper, "_keep", slowly)

    async def main() -> None:
        async with Vendor(says(WHOLE)) as vendor, Served(vendor, retention={"content": "full"}) as served:
            caller = await served.caller()
            caller.send(post())
            assert (await caller.answer()).status == 200
            await looked_through.wait()
            caller.leave()
            served.signal(signal.SIGTERM)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.shield(served.work), 0.1)
            may_go_on.set()
            await served.work
            served.gateway.keeper.close()
            with closing(sqlite3.connect(Path(served.folder.name) / "pointsman-content.db")) as connection:
                assert connection.execute("SELECT COUNT(*) FROM content").fetchone() == (1,)

    run(main())


def test_a_hangup_reads_the_configuration_again_and_a_bad_one_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with Served() as served:
            before = served.gateway.stages.snapshot.digest
            served.path.write_text("capabilities: {}\n")
            served.signal(signal.SIGHUP)
            await eventually(lambda: "has mistakes" in caplog.text)
            assert served.gateway.stages.snapshot.digest == before
            served.file["capabilities"]["more"] = {"ladder": ["acme/small"]}
            served.write()
            served.signal(signal.SIGHUP)
            await eventually(lambda: served.gateway.stages.snapshot.digest != before)
            assert {one["id"] for one in (await served.ask(get("/v1/models"))).json["data"]} == {"support", "more"}

    run(main())


def test_a_configuration_that_cannot_be_used_or_even_read_does_not_end_the_watch(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with Served() as served:
            for error, told in ((Unusable("No such authority."), "No such authority"), (RuntimeError("unforeseen"), "cannot be read")):

                def broken(*_: object, error: Exception = error) -> None:
                    raise error

                with monkeypatch.context() as patch:
                    patch.setattr(served.gateway, "reload", broken)
                    served.signal(signal.SIGHUP)
                    await eventually(lambda told=told: told in caplog.text)
            served.signal(signal.SIGHUP)
            await eventually(lambda: "is in force" in caplog.text)

    run(main())


def test_a_fault_in_one_round_does_not_end_the_watch_over_deadlines(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    async def mute(talk: Talk) -> None:
        await talk.request()
        await talk.gone()

    async def main() -> None:
        deadlines = {"connect_s": 20, "first_byte_s": 0.02, "gap_s": 20, "total_s": 40}
        capabilities = {"support": {"ladder": ["acme/small"], "retries": {"per_target": 0}, "deadlines": deadlines}}
        async with Vendor(mute) as vendor, Served(vendor, capabilities=capabilities) as served:

            def broken() -> None:
                raise RuntimeError("a fault of ours")

            with monkeypatch.context() as patch:
                patch.setattr(module, "_expire", lambda *_: broken())
                await eventually(lambda: "the work goes on" in caplog.text)
            assert (await served.ask(post())).status == 504

    run(main())


@pytest.mark.parametrize("every_s", [module._RELOAD_S, module._STANDING_S, module._SWITCHES_S], ids=["files", "revoked", "switched"])
def test_what_is_promised_within_a_second_is_looked_for_twice_as_often(every_s: float) -> None:
    """How long a machine that is busy with other things then takes, no test can hold it to."""
    assert every_s <= 0.5


def test_slow_clients_are_dropped_by_the_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_bounds", lambda _: ClientBounds(stall_s=0.05))
    monkeypatch.setattr(module, "_CLIENT_SWEEP_S", 0.01)

    async def main() -> None:
        async with Served() as served:
            assert (await served.ask(b"POST /v1/chat")).status == 400

    run(main())


def test_applications_can_be_spoken_to_in_tls() -> None:
    files = certificate()

    async def main() -> None:
        tls = {"certificate": str(files.certificate), "key": str(files.key)}
        async with Vendor(says(WHOLE)) as vendor, Served(vendor, server={"tls": tls}) as served:
            caller = await served.caller(ssl=ssl.create_default_context(cafile=str(files.ca)))
            caller.send(post())
            assert (await caller.answer()).status == 200
            old = ssl.create_default_context(cafile=str(files.ca))
            old.maximum_version = ssl.TLSVersion.TLSv1_2
            assert (await served.caller(ssl=old)).writer.get_extra_info("ssl_object").version() == "TLSv1.2"

    run(main())


def test_a_certificate_that_is_none_is_told_with_a_remedy() -> None:
    async def main() -> None:
        served = Served(server={"tls": {"certificate": "none.pem", "key": "none.pem"}})
        with pytest.raises(Unusable, match=r"under `server\.tls` cannot be used"):
            await served.__aenter__()
        served.gateway.close()

    run(main())


@pytest.mark.parametrize(
    ("listen", "split"),
    [("127.0.0.1:8800", ("127.0.0.1", 8800)), ("[::1]:1", ("::1", 1)), ("localhost:80", ("localhost", 80))],
)
def test_an_address_is_a_host_and_a_port(listen: str, split: tuple[str, int]) -> None:
    assert split_address(listen) == split


def test_an_address_that_cannot_be_had_is_told_with_a_remedy() -> None:
    with bind("127.0.0.1:0", shared=False) as taken:
        taken.listen()
        for listen in (f"127.0.0.1:{taken.getsockname()[1]}", "127.0.0.1:99999", "no-such-host.invalid:80", f"{'a' * 70}.example:80"):
            with pytest.raises(Unusable, match=r"Stop what uses it, or change `server\.listen`"):
                bind(listen, shared=False)


def test_workers_may_share_an_address() -> None:
    with bind("127.0.0.1:0", shared=True) as first, bind(f"127.0.0.1:{first.getsockname()[1]}", shared=True):
        pass
