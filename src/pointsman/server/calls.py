"""
A call over HTTP: request → `Call` → the pipeline → bytes, with the decision in headers.
"""

from contextlib import aclosing
from typing import Final

from pointsman.app.gateway import Gateway
from pointsman.core.call import Asked
from pointsman.core.errors import BadRequest, PointsmanError
from pointsman.core.place import DataClass, Dialect
from pointsman.ledger.trace import Trace
from pointsman.pipeline.run import run
from pointsman.pipeline.way import Answer
from pointsman.server import answers
from pointsman.server.listener import Client
from pointsman.server.problems import problem, retry_after_s
from pointsman.server.request import Request
from pointsman.surfaces.surface import Surface

_JSON_TYPES: Final = ("", "application/json")
_TOO_MANY: Final = 429
_FIRST_SERVER_ERROR: Final = 500


async def answer_call(request: Request, client: Client, *, surface: Surface, gateway: Gateway) -> None:
    """Answer one call. Every refusal and failure is told in the caller's dialect; a stream that had begun ends with an error event."""
    call_id = gateway.new_id()
    try:
        await gateway.ready_to_record()
        _check_type(request)
        call = surface.decode(request.body, call_id)
        answer = await run(call, _asked(request), gateway.stages)
    except Exception as error:  # noqa: BLE001 - the last line of defence: the caller gets an answer, the log gets the error
        gateway.note(error, call_id)
        refuse(error, client, surface=surface, call_id=call_id)
        return
    if answer.chunks is None:
        lines = _decision(answer.trace, surface) + f"{answers.COST_TRAILER}: {_cost(answer.trace)}\r\n"
        client.write(answers.whole(200, answer.body, headers=lines, keep_alive=client.keeps_alive))
    else:
        await _stream(answer, client, surface=surface, gateway=gateway)


def refuse(error: Exception, client: Client, *, surface: Surface, call_id: str) -> None:
    """Tell the caller why there is no answer."""
    told = problem(error, call_id)
    lines = _ids(call_id, surface)
    wait_s = retry_after_s(error)
    if wait_s is not None:
        lines += f"retry-after: {max(1, round(wait_s))}\r\n"
    if told.status < _FIRST_SERVER_ERROR and told.status != _TOO_MANY:  # asking again would change nothing
        lines += "x-should-retry: false\r\n"
    client.write(answers.whole(told.status, surface.error(told), headers=lines, keep_alive=client.keeps_alive))


async def _stream(answer: Answer, client: Client, *, surface: Surface, gateway: Gateway) -> None:
    assert answer.chunks is not None  # noqa: S101 - the caller has looked
    head = answers.stream_head(headers=_decision(answer.trace, surface), keep_alive=client.keeps_alive)
    async with aclosing(answer.chunks) as chunks:
        try:
            async for data in chunks:
                client.write(head + answers.chunk(data))
                head = b""
                await client.drain()
        except PointsmanError as error:
            gateway.note(error, answer.trace.call_id)
            client.write(head + answers.chunk(surface.stream_error(problem(error, answer.trace.call_id))))
            head = b""
    client.write(head + answers.last_chunk({answers.COST_TRAILER: _cost(answer.trace)}))


def _check_type(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _JSON_TYPES:
        raise BadRequest(f"The content type `{kind[:60]}` is not understood here. Send `application/json`.", field="content-type")


def _asked(request: Request) -> Asked:
    headers = request.headers
    declared = headers.get("x-pointsman-data-class")
    return Asked(
        authorization=headers.get("authorization"),
        api_key=headers.get("x-api-key"),
        unit=headers.get("x-pointsman-unit"),
        user=headers.get("x-pointsman-user"),
        data_class=None if declared is None else _data_class(declared),
    )


def _data_class(declared: str) -> DataClass:
    try:
        return DataClass[declared.strip().upper()]
    except KeyError:
        known = ", ".join(f"`{kind.name.lower()}`" for kind in DataClass)
        raise BadRequest(f"There is no data class `{declared[:40]}`. Declare one of {known}.", field="x-pointsman-data-class") from None


def _ids(call_id: str, surface: Surface) -> str:
    both = f"request-id: {call_id}\r\n" if surface.dialect is Dialect.ANTHROPIC_MESSAGES else ""
    return f"x-request-id: {call_id}\r\n{both}"


def _decision(trace: Trace, surface: Surface) -> str:
    return (
        f"{_ids(trace.call_id, surface)}x-pointsman-target: {trace.target}\r\nx-pointsman-place: {trace.place}\r\n"
        f"x-pointsman-reason: {trace.reason}\r\nx-pointsman-snapshot: {trace.snapshot}\r\n"
    )


def _cost(trace: Trace) -> str:
    cost = trace.cost_nano_usd
    return "unknown" if cost is None else str(cost)
