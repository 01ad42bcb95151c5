"""
Where a call would go and why, without sending it: the stages of a gateway, walked by hand up to the point where data would leave.

Every judgement is the stage's own. Nothing is sent, nothing is looked up in a cache, and the only ledger is one that nobody keeps.
"""

import asyncio
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from pointsman.app.gateway import Gateway
from pointsman.app.switches import ledger_of
from pointsman.app.trials import EXPLORE
from pointsman.assess.signals import text_of
from pointsman.core.call import Asked, Call
from pointsman.core.capability import Capability
from pointsman.core.clock import Clock
from pointsman.core.errors import NoPlaceAllowed, PointsmanError, Refused, Unusable
from pointsman.core.label import PUBLIC, Label
from pointsman.core.money import dollars
from pointsman.core.principal import Principal
from pointsman.core.routing import Weighed
from pointsman.core.target import Target
from pointsman.core.verdict import Verdict
from pointsman.decision.choice import Choice, Circumstances
from pointsman.decision.counterfactual import Change, Situation, nearest
from pointsman.decision.criteria import with_told
from pointsman.decision.decisive import Occasion, decisive
from pointsman.governance.detection.kinds import SECRET_PREFIX
from pointsman.governance.judge import Judged
from pointsman.ledger.trace import Trace
from pointsman.pipeline.way import Way
from pointsman.places.rules.veto import Vetoed
from pointsman.settings.load import Settings
from pointsman.surfaces.events import unstreamed

USUAL_TOKENS_OUT: Final = 500
_SAYS: Final = {
    "first_choice": "it stands first",
    "next_after": "it comes after {}",
    "lacks": "it does not offer {}",
    "cannot_express": "its protocol cannot express {}",
    "context_too_long": "the prompt and the answer are too long for it",
    "output_too_long": "the answer may be longer than it allows",
    "no_credential": "its credential is missing",
    "switched_off": "somebody switched it, or its vendor, off",
    "best_value": "of those that may answer it is expected to be worth most",
    "certified": "a guarantee covers it, and it is expected to be worth more than the incumbent",
    "cascade": "its answer is checked, and the next is asked only where it is doubtful",
    "incumbent": "it is the incumbent, and nothing better is proven",
    "explores": "it is tried, to learn more of it",
    "stays": "the conversation is there already",
    "relaxed": "no target keeps to every criterion, and it breaks them least ({})",
}
# Below every probability: what is shown is the choice when nothing is tried.
_NO_TRIAL: Final = 0.0
_OF_THE_OWNER: Final[Mapping[str, float]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one stage says: `passes`, `answers`, `may_answer`, `refuses` or `off`, and why."""

    stage: str
    state: str
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """
    One target of the ladder. `order` counts from 1 in the order of trying; None is out.

    `code` and `says` tell why it is where it is. `policy`, `fit` and `credential` tell of each condition by itself, whatever the others
    say; `owed` what must be done to the data first; `protocol` is `same` as the caller's or `other`. The estimate is in nano-dollars, None where it is unknown.
    `weighed` is what is expected of it, where the capability chooses by value and nothing keeps the call from it.
    """

    target: str
    place: str
    model: str
    order: int | None
    code: str
    says: str
    policy: str
    owed: tuple[str, ...]
    fit: str
    protocol: str
    credential: str
    price: str
    estimate_nano_usd: int | None
    weighed: Weighed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """
    The whole story. `answered_by` is the place or target that would answer first; None if the call would be refused, as `refusal` tells.

    `learned` names the parameters that candidates were predicted with; `decisive` tells in sentences what decides beside their worth, and `changes` are what
    would change the choice, the nearest first.
    """

    capability: str
    key: str
    data_class: str
    found: Mapping[str, int]
    snapshot: str
    steps: tuple[Step, ...]
    candidates: tuple[Candidate, ...]
    answered_by: str | None
    refusal: str | None
    tokens_in: int | None
    tokens_out: int
    learned: str = ""
    decisive: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()

    @property
    def is_by_value(self) -> bool:
        """Tell whether candidates were weighed."""
        return any(one.weighed is not None for one in self.candidates)

    @property
    def first(self) -> str | None:
        """The target that would be tried first, whatever else may answer before."""
        return next((one.target for one in self.candidates if one.order == 1), None)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A gateway that is put together as the real one is, but keeps its records where nobody finds them."""

    gateway: Gateway


@contextmanager
def rehearsing(settings: Settings, *, environ: Mapping[str, str], clock: Clock) -> Generator[Rehearsal]:
    """Yield a rehearsal of these settings."""
    with TemporaryDirectory(prefix="pointsman-") as folder:
        gateway = Gateway(_elsewhere(settings, Path(folder)), environ=environ, clock=clock)
        gateway.switches.follow(ledger_of(settings))
        try:
            yield Rehearsal(gateway)
        finally:
            gateway.close()


def _elsewhere(settings: Settings, folder: Path) -> Settings:
    """Return the same settings, with everything that a gateway writes in another folder."""
    file, change = settings.file, msgspec.structs.replace
    server, audit = (
        change(file.server, database=str(folder / "ledger")),
        change(settings.audit, folder=str(folder / "audit"), copies=[f"file:{folder / 'copies'}"]),
    )
    keys = change(settings.retention, keys_file=str(folder / "keys"), content_file=str(folder / "content"), master=f"file:{folder / 'master'}")
    identity = change(settings.identity, kept_in=str(folder / "identity"))
    return replace(settings, file=change(file, server=server), audit=audit, retention=keys, identity=identity)


def explain(rehearsal: Rehearsal, call: Call, *, principal: Principal, declared: Label | None, criteria: Mapping[str, float] = _OF_THE_OWNER) -> Explanation:
    """Walk the stages with one call. `declared` is what the request would say about its data, `criteria` what it would set (name → number)."""
    walk = _Walk(rehearsal, call, principal=principal)
    try:
        way = walk.admit(declared)
        walk.judge_by_rules(way)
        walk.look_at_cache(way)
        walk.choose(way, criteria)
    except Refused as refused:
        walk.refusal = refused
    return walk.told()


class _Walk:
    """One call on its way, with what each stage said."""

    def __init__(self, rehearsal: Rehearsal, call: Call, *, principal: Principal) -> None:
        self.refusal: PointsmanError | None = None
        self._rehearsal = rehearsal
        self._stages = rehearsal.gateway.stages
        self._call = self._sent = call
        self._principal = principal
        self._steps: list[Step] = []
        self._candidates: tuple[Candidate, ...] = ()
        self._choice: Choice | None = None
        self._changes: tuple[Change, ...] = ()
        self._decisive: tuple[str, ...] = ()
        self._answered_by: str | None = None
        self._tokens_in: int | None = None
        self._label = principal.key.label
        self._found: Mapping[str, int] = {}
        self._tokens_out = call.sampling.max_tokens or USUAL_TOKENS_OUT

    def admit(self, declared: Label | None) -> Way:
        """Pass the door, the policy and the limits. Raises `Refused`."""
        key, stages = self._principal.key, self._stages
        with self._refusing("door"):
            capability = stages.intake.find(self._principal, self._call.capability)
        self._says("door", "passes", says=f"the key `{key.key_id}` may use it")
        with self._refusing("limits"):
            stages.intake.reserve(self._principal, capability, call=self._call).settle(0, 0)
        self._says("limits", "passes", says="the call is within them while they are not used up" if stages.snapshot.limits else "there are none")
        table = None if capability.rules is None else stages.rules[capability.rules]
        held = stages.checks.must_see_whole(self._call, capability, is_judged=table is not None and table.has_after)
        self._sent = unstreamed(self._call) if held and self._call.stream else self._call
        self._label = key.label if declared is None else key.label.joined(declared)
        try:
            judged = self._judged(capability)
        except NoPlaceAllowed as refused:
            says = f"the data is `{refused.data_class}`, and the capability takes up to `{capability.ceiling.name.lower()}`"
            self._says("policy", "refuses", says=says)
            raise
        self._label, self._found = judged.verdict.label, judged.seen.counts
        found = ", ".join(f"{count} {kind}" for kind, count in self._found.items())
        removed = "; secrets are taken out first" if any(kind.startswith(SECRET_PREFIX) for kind in self._found) else ""
        self._says("policy", "passes", says=f"the data is `{self._label.text}`; " + (f"found in it: {found}{removed}" if found else "nothing was found in it"))
        trace = Trace(self._call, self._principal, capability=capability, asked=Asked(), clock=stages.clock, book=stages.book)
        return Way(self._call, judged, trace=trace, stages=stages, held=held)

    def _judged(self, capability: Capability) -> Judged:
        stages = self._stages
        now_s = stages.clock.wall_ms() / 1000
        judging = stages.judge.judge(self._sent, self._label, principal=self._principal, capability=capability, pause=asyncio.sleep, now_s=now_s)
        return asyncio.run(judging)

    def judge_by_rules(self, way: Way) -> None:
        """Ask the decision table, if there is one."""
        if way.table is None:
            self._says("rules", "off", says="the capability has no decision table")
            return
        try:
            reply = way.table.before(way.attempt(self._stages.snapshot.rules_target))
        except Vetoed as vetoed:
            self._says("rules", "refuses", says=f"the row `{vetoed.rule}` of `{way.capability.rules}` says: {vetoed.message}")
            self.refusal = vetoed
            return
        after = "; its rows for answers judge what a model says" if way.table.has_after else ""
        if reply is None:
            self._says("rules", "passes", says=f"no row of `{way.capability.rules}` fits before a model{after}")
            return
        self._says("rules", "answers", says=f"a row of `{way.capability.rules}` answers: {text_of(reply)}")
        self._answered_by = "rules"

    def look_at_cache(self, way: Way) -> None:
        """Tell whether an exact answer could be given again."""
        if way.remembers:
            seconds = 0 if way.capability.cache is None else way.capability.cache.ttl_s
            self._says("cache", "may_answer", says=f"an exact answer of the last {seconds:.0f} s would be given again, if there is one")
        elif way.capability.cache is None:
            self._says("cache", "off", says="the capability keeps no answers")
        else:
            self._says("cache", "off", says=f"no answer is kept for `{way.verdict.label.text}` data")

    def choose(self, way: Way, criteria: Mapping[str, float]) -> None:
        """Ask which targets would be tried, and look at each. Raises `BadRequest` for criteria that a request may not set."""
        wall_ms = self._stages.clock.wall_ms()
        now = Circumstances(criteria=criteria, tenant=self._principal.key.tenant, left_s=way.left_s, chance=_NO_TRIAL, now_ms=wall_ms)
        with self._refusing("choice"):
            choice = self._choice = self._stages.chooser.choose(way.judged.call, way.capability, verdict=way.verdict, now=now)
        self._look_at(choice, way, criteria=criteria)
        self._candidates = tuple(self._candidate(target, choice, way=way) for target in way.capability.ladder)
        if self._answered_by is not None or self.refusal is not None:
            return
        if choice.rungs:
            self._answered_by = choice.rungs[0].target.name
        else:
            self.refusal = choice.refusal
            if isinstance(choice.refusal, NoPlaceAllowed):
                self._steps = [replace(step, state="refuses") if step.stage == "policy" else step for step in self._steps]

    def _look_at(self, choice: Choice, way: Way, *, criteria: Mapping[str, float]) -> None:
        """Look at what decided a choice by value, and at what would change it."""
        owned = way.capability.routing
        if owned is None or not choice.weighed or not choice.rungs:
            return
        routing = msgspec.structs.replace(owned, criteria=with_told(owned.criteria, criteria))
        first, spent = choice.rungs[0], self._rehearsal.gateway.learned.spent(EXPLORE, way.capability.name)
        is_spent = routing.explore is not None and routing.explore.daily_nano_usd is not None and spent >= routing.explore.daily_nano_usd
        now = Occasion(level=way.verdict.label.level, reason=first.reason, is_spent=is_spent)
        self._decisive = decisive(choice.weighed, routing, first=first.target.name, now=now)
        self._changes = nearest(Situation(weighed=choice.weighed, routing=routing), chosen=first.target.name)

    def told(self) -> Explanation:
        """Return the whole story."""
        return Explanation(
            capability=self._call.capability,
            key=self._principal.key.key_id,
            data_class=self._label.text,
            found=dict(self._found),
            snapshot=self._stages.snapshot.digest,
            steps=tuple(self._steps),
            candidates=self._candidates,
            answered_by=self._answered_by,
            refusal=None if self.refusal is None else self.refusal.message,
            tokens_in=self._tokens_in,
            tokens_out=self._tokens_out,
            learned="" if self._choice is None else self._choice.learned,
            decisive=self._decisive,
            changes=self._changes,
        )

    # ── one target ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _candidate(self, target: Target, choice: Choice, *, way: Way) -> Candidate:
        rungs = {rung.target.name: (order, rung.reason) for order, rung in enumerate(choice.rungs, start=1)}
        order, code = rungs.get(target.name, (None, dict(choice.considered).get(target.name, "")))
        policy = self._stages.judge.reason(target, way.judged)
        # Under a verdict that permits every target, what is left is the fit alone.
        everywhere = Verdict(label=PUBLIC, mask=-1, snapshot=way.verdict.snapshot)
        misfit = self._stages.chooser.fault(way.judged.call, target, verdict=everywhere)
        price, estimate = self._price(target)
        return Candidate(
            target=target.name,
            place=target.place.value,
            model=target.model,
            order=order,
            code=code,
            says=policy.says if code.startswith("policy:") else _says(code),
            policy=policy.code,
            owed=tuple(sorted(f"{duty.obligation} {duty.data_class}" for duty in way.verdict.owes(target))),
            fit=misfit or "fits",
            protocol="same" if target.dialect is way.call.dialect else "other",
            credential=self._credential(target),
            price=price,
            estimate_nano_usd=estimate,
            weighed=next((one for one in choice.weighed if one.target == target.name), None),
        )

    def _credential(self, target: Target) -> str:
        vendor = target.vendor
        if vendor is None or vendor.credential is None:
            return "none needed"
        try:
            self._rehearsal.gateway.standing.secret(vendor.credential)
        except Unusable:  # the secret, or the part that reads it
            return "missing"
        return "set"

    def _price(self, target: Target) -> tuple[str, int | None]:
        if target.hardware is not None:
            return f"{dollars(target.hardware.hourly_nano_usd)} an hour of own hardware, shared by the calls that keep it busy", None
        price = self._rehearsal.gateway.prices.of(target)
        if price is None:
            return "unknown", None
        rater = self._stages.rater
        rating = rater.cut(rater.begin(target), self._call, produced_tokens=self._tokens_out)
        self._tokens_in = None if rating.usage is None else rating.usage.tokens_in
        rates = price.rates
        return f"{dollars(rates.tokens_in)} in, {dollars(rates.tokens_out)} out per million tokens ({price.price_id})", rating.cost_nano_usd

    # ── telling ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _says(self, stage: str, state: str, *, says: str) -> None:
        self._steps.append(Step(stage=stage, state=state, says=says))

    @contextmanager
    def _refusing(self, stage: str, says: str | None = None) -> Generator[None]:
        try:
            yield
        except Refused as refused:
            self._says(stage, "refuses", says=says or refused.message)
            raise


def _says(code: str) -> str:
    """Return a reason code of `decision` as a sentence's end."""
    kind, _, more = code.partition(":")
    return _SAYS.get(kind, code).format(", ".join(f"`{one}`" for one in more.split(",")))
