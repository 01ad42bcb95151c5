"""
The routes by which applications, people and other systems tell what became of units and how good calls were.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Final, Protocol

import msgspec

from pointsman.app.business import Known
from pointsman.app.gateway import Gateway
from pointsman.app.judged import tell_judgements, tell_outcomes
from pointsman.core.entry import Outcome
from pointsman.core.errors import BadRequest, UnknownRoute, Unusable
from pointsman.core.principal import Principal
from pointsman.server import answers
from pointsman.server.browsers import check_json
from pointsman.server.judgements import check_call, read_review, read_score
from pointsman.server.listener import Client
from pointsman.server.outcomes import Answered, check_scope, many_of, read_each, read_outcome
from pointsman.server.request import Request
from pointsman.server.webhooks import check_signature, key_of, outcome_told
from pointsman.storage.batch import Batch, Review, Score
from pointsman.telemetry.logs import Plain

_LOG: Final = logging.getLogger("pointsman")
WEBHOOKS: Final = "/v1/webhooks/"
_CREATED: Final = 201
_SOME: Final = 200
_NONE: Final = 400

Handler = Callable[[Request, Client], Awaitable[None]]


class _Judgement(Protocol):
    @property
    def call_id(self) -> str: ...


def told_routes(gateway: Gateway) -> Mapping[tuple[str, str], Handler]:
    """Return the routes that need a key with the scope `outcomes`."""
    telling = _Telling(gateway)
    return {
        ("POST", "/v1/outcomes"): telling.outcomes,
        ("POST", "/v1/reviews"): telling.reviews,
        ("POST", "/v1/scores"): telling.scores,
    }


def webhook_route(gateway: Gateway) -> Handler:
    """Return the route that needs a signature instead; the path ends in the name of the sender."""
    return _Telling(gateway).webhook


class _Telling:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def outcomes(self, request: Request, client: Client) -> None:
        principal, gateway = self._principal(request), self._gateway
        workflows = gateway.settings.workflows.keys()
        read = partial(read_outcome, principal=principal, new_id=gateway.new_id, now_ms=gateway.clock.wall_ms(), workflows=workflows)
        parts = many_of(request.body, "outcomes")
        if parts is None:
            one = read(request.body)
            await self._record([one])
            _answer(client, _CREATED, body=_said(one))
            return
        found, told = read_each(parts, read)
        await self._record([one for one in found if one is not None])
        _answer_each(client, "outcomes", told=[_named(answer, None if one is None else one.outcome_id) for one, answer in zip(found, told, strict=True)])

    async def reviews(self, request: Request, client: Client) -> None:
        principal, gateway = self._principal(request), self._gateway
        read = partial(read_review, principal=principal, new_id=gateway.new_id, now_ms=gateway.clock.wall_ms())
        await self._judged(request, client, tenant=principal.key.tenant, what="reviews", read=read)

    async def scores(self, request: Request, client: Client) -> None:
        principal, gateway = self._principal(request), self._gateway
        read = partial(read_score, principal=principal, new_id=gateway.new_id, now_ms=gateway.clock.wall_ms())
        await self._judged(request, client, tenant=principal.key.tenant, what="scores", read=read)

    async def webhook(self, request: Request, client: Client) -> None:
        check_json(request)
        gateway, name = self._gateway, request.path.removeprefix(WEBHOOKS)
        sender = gateway.settings.file.webhooks.get(name)
        if sender is None:
            raise UnknownRoute(f"There is no webhook `{name[:100]}`. Name one under `webhooks` in the configuration.")
        try:
            key = await asyncio.to_thread(key_of, sender, gateway.business.secret)
        except Unusable as error:  # where keys are kept is not for strangers
            _LOG.error("the webhook `%s` is closed: %s", Plain(name), error)
            raise Unusable(f"The webhook `{name}` has no key that can be used. Its operator finds the reason in the log.") from error
        now_ms = gateway.clock.wall_ms()
        check_signature(request.body, request.headers, told=sender, key=key, now_ms=now_ms)
        outcome = outcome_told(request.body, name, told=sender, now_ms=now_ms)
        if outcome is None:
            _answer(client, _SOME, body={"recorded": False, "message": "This event is not among the `events` of the webhook."})
            return
        await self._record([outcome])
        _answer(client, _CREATED, body=_said(outcome))

    async def _judged(self, request: Request, client: Client, *, tenant: str, what: str, read: Callable[[bytes], Review] | Callable[[bytes], Score]) -> None:
        parts = many_of(request.body, what)
        if parts is None:
            one = read(request.body)
            calls = await self._known([one], tenant)
            check_call(one.call_id, calls)
            await self._judge([one], calls)
            _answer(client, _CREATED, body={"id": _own_id(one), "call_id": one.call_id, "recorded": True})
            return
        found, told = read_each(parts, read)
        known = await self._known([one for one in found if one is not None], tenant)
        kept: list[Review | Score] = []
        for place, one in enumerate(found):
            if one is None:
                continue
            try:
                check_call(one.call_id, known)
            except BadRequest as error:
                told[place] = Answered(recorded=False, id=_own_id(one), field=error.field, message=error.message)
            else:
                kept.append(one)
                told[place] = _named(told[place], _own_id(one))
        await self._judge(kept, known)
        _answer_each(client, what, told=told)

    async def _record(self, outcomes: Sequence[Outcome]) -> None:
        await self._gateway.ledger.record(Batch(outcomes=outcomes))
        tell_outcomes(self._gateway.telemetry, outcomes, workflows=self._gateway.settings.workflows)

    async def _judge(self, judged: Sequence[Review | Score], calls: Mapping[str, Known]) -> None:
        await self._gateway.ledger.record(_batch(judged))
        tell_judgements(self._gateway.telemetry, judged, calls=calls)

    async def _known(self, told: Sequence[_Judgement], tenant: str) -> Mapping[str, Known]:
        return await asyncio.to_thread(self._gateway.business.known_calls, {one.call_id for one in told}, tenant=tenant)

    def _principal(self, request: Request) -> Principal:
        check_json(request)
        principal = self._gateway.stages.intake.identify(request.header("authorization"), request.header("x-api-key"), user=None)
        check_scope(principal, request.path)
        return principal


def _said(outcome: Outcome) -> Mapping[str, object]:
    return {"id": outcome.outcome_id, "unit": outcome.unit, "kind": outcome.kind, "recorded": True}


def _batch(told: Collection[Review | Score]) -> Batch:
    return Batch(reviews=[one for one in told if isinstance(one, Review)], scores=[one for one in told if isinstance(one, Score)])


def _own_id(one: Review | Score) -> str:
    """Return the id as the caller knows it: without the tenant."""
    return (one.review_id if isinstance(one, Review) else one.score_id).partition("/")[2]


def _named(answer: Answered, name: str | None) -> Answered:
    return msgspec.structs.replace(answer, id=name)


def _answer_each(client: Client, what: str, *, told: Sequence[Answered]) -> None:
    recorded = sum(one.recorded for one in told)
    status = _NONE if not recorded else _CREATED if recorded == len(told) else _SOME
    _answer(client, status, body={"recorded": recorded, "refused": len(told) - recorded, what: told})


def _answer(client: Client, status: int, *, body: Mapping[str, object]) -> None:
    client.write(answers.whole(status, msgspec.json.encode(body), keep_alive=client.keeps_alive))
