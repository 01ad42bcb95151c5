"""
Recorded calls put before the chooser of a proposed configuration, as it would have seen them: with the facts of their day, and nothing is sent.

What the ledger does not keep is assumed to fit: a call whose parts are unknown needs what it once lacked somewhere, and a target that could not take it then
cannot take it now. A target that was down, was down. What a request set of its criteria, it sets again.
"""

from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Final

from msgspec.structs import replace

from pointsman.app.explain import Rehearsal
from pointsman.control.policies.recorded import Recorded, Tried
from pointsman.control.policies.replayed import Expected, Proposal
from pointsman.core.call import Call
from pointsman.core.capability import Capability
from pointsman.core.errors import Refused
from pointsman.core.label import UNKNOWN, Label, a_label
from pointsman.core.place import Dialect, Feature
from pointsman.core.principal import Key, Principal, Scope
from pointsman.core.routing import Weighed
from pointsman.core.target import Price, Target
from pointsman.decision.by_value import ByValue
from pointsman.decision.choice import Choice, Circumstances
from pointsman.decision.choose import NO_CREDENTIAL, SWITCHED_OFF, Chooser
from pointsman.decision.learned import Learned
from pointsman.decision.prediction.predictor import Predictor
from pointsman.decision.prediction.values import Prompt
from pointsman.intake.keys import LOCAL
from pointsman.ledger.prices import cost

_CHARS_PER_TOKEN: Final = 4
_NOT_BY_TOKENS: Final = frozenset({"", "vendor-reported", "hardware", "none"})  # what was paid is not tokens times a price
_UNFIT: Final = frozenset({"output_too_long", "context_too_long", "cannot_express"})
_ANY: Final = frozenset({Scope.CALL, Scope.RAW_TARGETS})  # who is known by no key now was let in then
_SHUT: Final = frozenset({NO_CREDENTIAL, SWITCHED_OFF})


class _Recalling(Predictor):
    """Predicts from what was looked at in the recorded call instead of a text that nobody kept."""

    seen: bytes = b""

    def features(self, prompt: Prompt, *, is_kept: bool = True) -> bytes:
        """Return what was looked at then: the choice goes by it from here on."""
        return super().features(replace(prompt, text=self.seen), is_kept=is_kept)


class Replay:
    """What a `proposed` configuration would have done. `before` are the targets by their names in the one in force, for what they charge."""

    def __init__(self, proposed: Rehearsal, before: Mapping[str, Target]) -> None:
        gateway = proposed.gateway
        self._stages = gateway.stages
        self._prices, self._before = gateway.prices, before
        learned = gateway.learned.of(gateway.settings)
        self._predictor = None if learned is None else _Recalling(learned.predictor.parameters, embedder=learned.predictor.embedder)
        using = None if learned is None or self._predictor is None else Learned(self._predictor, digest=learned.digest)
        self._down: Mapping[str, str] = {}
        self._chooser = Chooser(misfits=_fits, health=self._health, by_value=ByValue(price_of=self._price, learned=using))
        self._keys = {key.key_id: key for key in self._stages.snapshot.keys or (LOCAL,)}

    def proposals(self, calls: Iterable[Recorded]) -> Iterator[Proposal]:
        """Yield what would have been done with each call, in their order: conversations remember where they were."""
        for call in calls:
            yield self._proposal(call)

    def _proposal(self, recorded: Recorded) -> Proposal:
        self._down = _down(recorded.vetoes)
        if self._predictor is not None:
            self._predictor.seen = b64decode(recorded.features or "")
        try:
            choice = self._choose(recorded)
        except Refused as refused:
            return Proposal(call=recorded, chances={}, expected=self._expected(recorded, ()), repriced_nano_usd=self._repriced(recorded), why=refused.code)
        chances = {one.target: one.probability for one in choice.weighed if one.probability > 0.0}
        if not chances and choice.rungs:
            chances = {choice.rungs[0].target.name: 1.0}
        why = choice.rungs[0].reason if choice.rungs else "" if choice.refusal is None else choice.refusal.code
        names = {*chances, *(one.target for one in recorded.tried[:1])}
        weighed = {one.target: one for one in choice.weighed}
        expected = self._expected(recorded, [(name, weighed.get(name)) for name in sorted(names)])
        return Proposal(call=recorded, chances=chances, expected=expected, repriced_nano_usd=self._repriced(recorded), why=why)

    def _choose(self, recorded: Recorded) -> Choice:
        key = self._keys.get(recorded.key_id) or Key(
            key_id=recorded.key_id, digests=(), tenant=recorded.tenant, team=recorded.team, application=recorded.application, scopes=_ANY
        )
        principal = Principal(key=key, user=recorded.user)
        capability = self._stages.intake.find(principal, recorded.capability)
        label = self._label(recorded.data_class)
        verdict = self._stages.judge.verdict(principal, label, capability=capability, now_s=recorded.started_ms / 1000)
        now = Circumstances(
            criteria=recorded.criteria,
            tenant=recorded.tenant,
            session=recorded.session,
            chance=_chance(recorded.call_id),
            now_ms=recorded.started_ms,
        )
        choice = self._chooser.choose(_call(recorded, capability), capability, verdict=verdict, now=now)
        if choice.rungs:
            self._chooser.answered(choice, choice.rungs[0].target.name)
        return choice

    def _label(self, text: str) -> Label:
        return UNKNOWN if text == "unknown" else a_label(*text.split("+"), levels=self._stages.judge.levels)

    def _health(self, name: str) -> str | None:
        return self._down.get(name)

    # ── money ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _price(self, target: Target) -> Price | None:
        return self._prices.of(target)

    def _named(self, name: str) -> Price | None:
        target = self._stages.snapshot.targets.get(name)
        return None if target is None else self._price(target)

    def _repriced(self, recorded: Recorded) -> int | None:
        """Return what the call cost, with those attempts at other prices whose targets have other prices now."""
        if recorded.cost_nano_usd is None:
            return None
        return recorded.cost_nano_usd + sum(self._difference(one) for one in recorded.tried)

    def _difference(self, tried: Tried) -> int:
        new, target = self._named(tried.target), self._before.get(tried.target)
        old = None if target is None else self._price(target)
        if new is None or old is None or new == old or tried.usage is None or not tried.cost_nano_usd or tried.price_id in _NOT_BY_TOKENS:
            return 0
        return cost(tried.usage, new) - tried.cost_nano_usd

    def _expected(self, recorded: Recorded, targets: Sequence[tuple[str, Weighed | None]]) -> dict[str, Expected]:
        """Return what is expected of targets: of quality first what was expected on that day, for what came of it was not known then."""
        then = {one.target: one for one in recorded.weighed}
        return {name: self._expectation(name, recorded, now=now, then=then.get(name)) for name, now in targets}

    def _expectation(self, name: str, recorded: Recorded, *, now: Weighed | None, then: Weighed | None) -> Expected:
        price, usage = self._named(name), recorded.usage
        by_tokens = None if price is None or usage is None else cost(usage, price)
        costs = (None if now is None else now.cost_nano_usd, by_tokens, None if then is None else then.cost_nano_usd)
        latencies = [one.latency_ms for one in (now, then) if one is not None and one.latency_ms is not None]
        qualities = [one.quality for one in (then, now) if one is not None]
        return Expected(
            quality=next(iter(qualities), None),
            cost_nano_usd=next((one for one in costs if one is not None), None),
            latency_ms=next(iter(latencies), None),
        )


def _fits(call: Call, target: Target) -> tuple[str, ...]:
    """A protocol could express what it could then: see `_down`."""
    del call, target
    return ()


def _down(vetoes: Mapping[str, str]) -> dict[str, str]:
    """Return which targets could not be had then: for whom chance or a person had spoken, and who could not take the call."""
    found: dict[str, str] = {}
    for target, code in vetoes.items():
        kind, _, more = code.partition(":")
        if kind == "breaker":
            found[target] = more
        elif kind in _SHUT or kind in _UNFIT:
            found[target] = SWITCHED_OFF if kind in _UNFIT else kind
    return found


def _call(recorded: Recorded, capability: Capability) -> Call:
    """Return a call of the same size and needs."""
    lacked = (code.partition(":")[2] for code in recorded.vetoes.values() if code.startswith("lacks:"))
    needs = frozenset(Feature(name) for codes in lacked for name in codes.split(",") if name in set(Feature))
    size = 0 if recorded.usage is None else recorded.usage.tokens_in * _CHARS_PER_TOKEN
    return Call(
        call_id=recorded.call_id,
        dialect=next((target.dialect for target in capability.ladder if target.dialect is not None), Dialect.OPENAI_CHAT),
        capability=recorded.capability,
        turns=(),
        wire={},
        extras={},
        needs=needs - {Feature.STREAM},
        stream=recorded.stream,
        size_chars=size,
    )


def _chance(call_id: str) -> float:
    """Return a number in [0, 1) that is a call's own, so that a replay is the same each time."""
    return int.from_bytes(blake2b(call_id.encode(), digest_size=6).digest()) / 2**48
