"""
A call over HTTP: request → `Call` → the pipeline → bytes, with the decision in headers.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from pointsman.app.gateway import Gateway
from pointsman.app.shadows import wanted
from pointsman.core.errors import NoPlaceAllowed
from pointsman.core.money import NANO_PER_USD
from pointsman.core.place import Dialect
from pointsman.ledger.trace import Trace
from pointsman.pipeline.run import run
from pointsman.server import answers
from pointsman.server.answers import header_value
from pointsman.server.asked import asked_of, with_unit_of_body
from pointsman.server.browsers import check_json
from pointsman.server.listener import Client
from pointsman.server.problems import problem, retry_after_s
from pointsman.server.request import Request
from pointsman.surfaces.headers import heeding
from pointsman.surfaces.surface import Surface

_TOO_MANY: Final = 429
_FIRST_SERVER_ERROR: Final = 500
_SHORT: Final = 8


async def answer_call(request: Request, client: Client, *, surface: Surface, gateway: Gateway) -> None:
    """Answer one call. Every refusal and failure is told in the caller's dialect; a stream that had begun ends with an error event."""
    call_id = gateway.new_id()
    try:
        await gateway.ready_to_record()
        check_json(request)
        stages = gateway.stages
        asked = asked_of(request, levels=stages.judge.levels, tags=gateway.settings.file.costs.tags)
        stages.intake.identify(asked.authorization, asked.api_key, user=None)  # a long body takes a second to read: not for strangers
        call, asked = with_unit_of_body(heeding(surface.decode(request.body, call_id), surface, headers=request.headers), asked, request=request)
        answer = await run(call, asked, stages=stages)
    except Exception as error:  # noqa: BLE001 - the last line of defence: the caller gets an answer, the log gets the error
        gateway.note(error, call_id)
        refuse(error, client, surface=surface, call_id=call_id)
        return
    kept = gateway.keeper.wanted(answer.trace)
    sending = _Sending(answer.trace, client, surface=surface, gateway=gateway, is_kept=kept is not None or wanted(answer.trace) is not None)
    try:
        if answer.chunks is None:
            sending.whole(answer.body)
        else:
            async with aclosing(answer.chunks):
                await sending.send(answer.chunks)
    finally:  # also for a caller who left in the middle: what was said so far was said
        if kept is not None:
            await gateway.keeper.keep(call, answer.trace, kept=kept, answer=bytes(sending.said), stages=stages)
    if sending.is_whole:
        gateway.shadows.after(call, asked, trace=answer.trace, said=bytes(sending.said), stages=stages)


def refuse(error: Exception, client: Client, *, surface: Surface, call_id: str) -> None:
    """Tell the caller why there is no answer."""
    told = problem(error, call_id)
    lines = _ids(call_id, surface)
    if isinstance(error, NoPlaceAllowed):
        lines += f"x-pointsman-data-class: {header_value(error.data_class.replace('+', ', '))}\r\n"
    wait_s = retry_after_s(error)
    if wait_s is not None:
        lines += f"retry-after: {max(1, round(wait_s))}\r\n"
    if told.status < _FIRST_SERVER_ERROR and told.status != _TOO_MANY:  # asking again would change nothing
        lines += "x-should-retry: false\r\n"
    client.write(answers.whole(told.status, surface.error(told), headers=lines, keep_alive=client.keeps_alive))


class _Sending:
    """
    One answer on its way to the caller. `said` is what was sent, where it is to be kept; `is_whole` that nothing failed in its middle.

    The head of a stream leaves with its first bytes, so that a failure before them is still answered as an error. A caller of HTTP/1.0 knows no chunks:
    for it the stream ends with the connection.
    """

    def __init__(self, trace: Trace, client: Client, *, surface: Surface, gateway: Gateway, is_kept: bool) -> None:
        self.said = bytearray()
        self.is_whole = True
        self._is_kept = is_kept
        self._trace = trace
        self._client = client
        self._surface = surface
        self._gateway = gateway
        self._is_chunked = client.takes_chunks
        self._has_begun = False

    def whole(self, body: bytes) -> None:
        """Send a whole answer."""
        if self._is_kept:
            self.said += body
        lines = _decision(self._trace, self._surface) + f"{answers.COST_TRAILER}: {_cost(self._trace)}\r\n"
        self._client.write(answers.whole(200, body, headers=lines, keep_alive=self._client.keeps_alive))

    async def send(self, chunks: AsyncGenerator[bytes]) -> None:
        """Send a stream to its end, whatever the end is."""
        client, trace = self._client, self._trace
        try:
            async for data in chunks:
                if self._is_kept:
                    self.said += data
                self._write(data)
                await client.drain()
        except Exception as error:  # noqa: BLE001 - the caller gets an end that it can read, the log gets the error
            self.is_whole = False
            self._gateway.note(error, trace.call_id)
            if not self._has_begun:
                refuse(error, client, surface=self._surface, call_id=trace.call_id)
                return
            self._write(self._surface.stream_error(problem(error, trace.call_id)))
        if not self._has_begun:
            self._write(b"")
        if self._is_chunked:
            client.write(answers.last_chunk({answers.COST_TRAILER: _cost(trace)}))
        else:
            client.close_when_idle()

    def _write(self, data: bytes) -> None:
        framed = answers.chunk(data) if self._is_chunked and data else data
        if not self._has_begun:
            self._has_begun = True
            framed = (
                answers.stream_head(headers=_decision(self._trace, self._surface), keep_alive=self._client.keeps_alive, is_chunked=self._is_chunked) + framed
            )
        self._client.write(framed)


def _ids(call_id: str, surface: Surface) -> str:
    both = f"request-id: {call_id}\r\n" if surface.dialect is Dialect.ANTHROPIC_MESSAGES else ""
    return f"x-request-id: {call_id}\r\n{both}"


def _decision(trace: Trace, surface: Surface) -> str:
    return (
        f"{_ids(trace.call_id, surface)}x-pointsman-target: {header_value(trace.target)}\r\nx-pointsman-place: {trace.place}\r\n"
        f"x-pointsman-reason: {header_value(trace.reason)}\r\nx-pointsman-snapshot: {trace.snapshot}\r\n"
        f"x-pointsman-data-class: {header_value(_classes(trace))}\r\n{_choice(trace)}"
    )


def _choice(trace: Trace) -> str:
    """Return the line that tells how a choice by value saw the target that answers: all numbers, nothing of the content. Empty where there was none."""
    seen = next((one for one in trace.weighed if one.target == trace.target), None)
    if seen is None:
        return ""
    cost = "" if seen.cost_nano_usd is None else f"; cost-usd={seen.cost_nano_usd / NANO_PER_USD:.3g}"
    learned = f"; learned={trace.learned[:_SHORT]}" if trace.learned else ""
    return f"x-pointsman-choice: {header_value(trace.reason)}; p={trace.propensity:.3g}; quality={seen.quality:.2f}{cost}{learned}\r\n"


def _classes(trace: Trace) -> str:
    """Return the classes of an answer: it is as sensitive as all that the model saw. In the form in which a request declares them."""
    return trace.data_class.replace("+", ", ")


def _cost(trace: Trace) -> str:
    cost = trace.cost_nano_usd
    return "unknown" if cost is None else str(cost)
