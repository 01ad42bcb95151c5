"""
Many clients at once, some of which leave or err: each gets its own answer, and each is on record once.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from tests.journeys.gateway import Gateway
from tests.journeys.processes import PATIENCE_S, eventually
from tests.journeys.upstreams import Upstreams, settings, simulated

_EACH = 25


@pytest.fixture(scope="module")
def busy(upstreams: Upstreams, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    more = {"targets": {"stalls": simulated("sim-mid!stall:10"), "fails": simulated("sim-mid!status_400")}}
    with Gateway(tmp_path_factory.mktemp("busy"), settings(upstreams, **more)) as running:
        yield running


def _question(text: str) -> Any:
    return [{"role": "user", "content": text}]


async def _whole(client: Any, number: int) -> str:
    answer = await client.chat.completions.create(model="sim-anthropic", messages=_question(f"whole {number}"))
    return answer.choices[0].message.content


async def _openai_stream(client: Any, number: int) -> str:
    stream = await client.chat.completions.create(model="sim-openai", messages=_question(f"stream {number}"), stream=True)
    return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])


async def _anthropic_stream(client: Any, number: int) -> str:
    async with client.messages.stream(model="sim-openai", max_tokens=500, messages=_question(f"message {number}")) as stream:
        return "".join([text async for text in stream.text_stream])


async def _leaver(client: Any, number: int) -> str:
    stream = await client.chat.completions.create(model="stalls", messages=_question(f"leaver {number} " * 20), stream=True)
    async for _ in stream:
        break
    await stream.close()
    return "left"


async def _bad(client: Any, number: int) -> str:
    with pytest.raises(openai.BadRequestError, match="simulated"):
        await client.chat.completions.create(model="fails", messages=_question(f"bad {number}"))
    with pytest.raises(openai.BadRequestError, match="temperature"):
        await client.chat.completions.create(model="sim-openai", messages=_question(f"bad {number}"), temperature="hot")
    return "refused"


async def _crowd(gateway: Gateway) -> list[str]:
    async with gateway.async_openai() as one, gateway.async_anthropic() as other:
        work = [
            task
            for number in range(_EACH)
            for task in (_whole(one, number), _openai_stream(one, number), _anthropic_stream(other, number), _leaver(one, number), _bad(one, number))
        ]
        return await asyncio.wait_for(asyncio.gather(*work), PATIENCE_S)


def test_each_of_many_clients_gets_its_own_answer_and_is_on_record_once(busy: Gateway) -> None:
    since_ms = time.time_ns() // 1_000_000
    answers = Counter(asyncio.run(_crowd(busy)))
    assert answers.pop("left") == answers.pop("refused") == _EACH
    assert answers == Counter(f"You said: {kind} {number}" for kind in ("whole", "stream", "message") for number in range(_EACH))

    # Five of each are recorded; the request with a bad field is none, for it names no call that could have been made.
    def settled() -> bool:
        return len(busy.rows("SELECT 1 FROM call WHERE started_ms >= ?", since_ms)) == 5 * _EACH

    eventually(settled, "all records")
    counted = busy.rows("SELECT status, capability, count(*) AS calls FROM call WHERE started_ms >= ? GROUP BY 1, 2", since_ms)
    found = {(row["status"], row["capability"]): row["calls"] for row in counted}
    assert found == {
        ("ok", "sim-anthropic"): _EACH,
        ("ok", "sim-openai"): 2 * _EACH,
        ("cancelled", "stalls"): _EACH,
        ("rejected", "fails"): _EACH,
    }
    (sums,) = busy.rows("SELECT sum(calls) AS calls, (SELECT count(*) FROM call) AS all_calls FROM rollup_minute")
    assert sums["calls"] == sums["all_calls"]
    (parts,) = busy.rows("SELECT sum(cost_nano_usd) AS cost FROM attempt")
    assert parts["cost"] == busy.rows("SELECT sum(cost_nano_usd) AS cost FROM call")[0]["cost"]


def test_a_connection_is_used_again_after_errors_and_streams(busy: Gateway) -> None:
    """Every answer that is whole leaves its connection good for the next request."""

    async def converse() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", busy.port)
        for body, status in (
            (b'{"model": "sim-openai", "messages": [{"role": "user", "content": "hi"}]}', b"200"),
            (b'{"model": "sim-openai"}', b"400"),
            (b'{"model": "nothing", "messages": [{"role": "user", "content": "hi"}]}', b"404"),
            (b'{"model": "fails", "messages": [{"role": "user", "content": "hi"}]}', b"400"),
            (b'{"model": "sim-openai", "stream": true, "messages": [{"role": "user", "content": "hi"}]}', b"200"),
            (b'{"model": "sim-anthropic", "stream": true, "messages": [{"role": "user", "content": "hi"}]}', b"200"),
        ):
            writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body))
            writer.write(body)
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
            assert head.split(b" ", 2)[1] == status
            assert b"connection: close" not in head
            if b"transfer-encoding: chunked" in head:
                await asyncio.wait_for(reader.readuntil(b"\r\n0\r\n"), PATIENCE_S)
                await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
            else:
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                await asyncio.wait_for(reader.readexactly(length), PATIENCE_S)
        writer.close()

    asyncio.run(converse())
