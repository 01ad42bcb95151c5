"""
What a good configuration may still surprise with where targets are chosen by value: wishes that nothing can fulfil, so that something else is done for ever.

It is told from the configuration, from what was learned, and from the ledger as far as there is one. `pointsman check` tells it.
"""

from collections.abc import Iterator
from contextlib import closing

from msgspec import Struct

from pointsman.app.guarantee import Desk
from pointsman.app.learned import parameters_of, reader_of
from pointsman.app.switches import ledger_of
from pointsman.app.trials import EXPLORE
from pointsman.cli.configuration import now_ms, prices_now
from pointsman.cli.options import warn
from pointsman.core.capability import Capability
from pointsman.core.errors import PointsmanError, Unusable
from pointsman.core.label import Level
from pointsman.core.principal import Scope
from pointsman.core.routing import Criteria, Trial
from pointsman.decision.guarantee.sequence import prove
from pointsman.decision.prediction.parameters import Parameters
from pointsman.decision.prediction.predictor import Predictor
from pointsman.decision.prediction.values import Prompt
from pointsman.decision.value import Candidate, Scale
from pointsman.decision.weighing import as_expected
from pointsman.intake.keys import LOCAL
from pointsman.settings.load import Settings
from pointsman.storage.open import exists, open_reading
from pointsman.storage.told import SHADOW


class Unmet(Struct, frozen=True, kw_only=True):
    """
    Capability → why its guarantee has nothing to be proven by; → which of `explore` and `shadow` its data forbids, with the mildest level that its callers
    send; → how near its targets come to its floor. `unread` tells why the learned parameters cannot be read, empty if they can.
    """

    guarantees_without_pairs: dict[str, str] = {}
    trials_forbidden: dict[str, dict[str, str]] = {}
    floors_without_evidence: dict[str, str] = {}
    unread: str = ""


def unmet(settings: Settings) -> Unmet:
    """Return what nothing can fulfil, by what is known now."""
    predictor, unread = _predictor(settings)
    snapshot = settings.snapshot
    forbidden = {name: dict(_forbidden(one, settings)) for name, one in snapshot.capabilities.items()}
    return Unmet(
        guarantees_without_pairs=dict(_unproven(settings, predictor.parameters, forbidden=forbidden)),
        trials_forbidden={name: found for name, found in forbidden.items() if found},
        floors_without_evidence={} if unread else dict(_floors(settings, predictor)),
        unread=unread,
    )


def _predictor(settings: Settings) -> tuple[Predictor, str]:
    """Return who predicts, and why it knows nothing, if what was learned cannot be read."""
    try:
        parameters = parameters_of(settings)
        return Predictor(parameters, embedder=reader_of(settings, parameters)), ""
    except Unusable as error:
        return Predictor(Parameters()), error.message


def tell_unmet(found: Unmet, settings: Settings) -> None:
    """Warn of each."""
    if found.unread:
        warn(found.unread)
    for name, why in found.guarantees_without_pairs.items():
        warn(
            f"`{name}` asks for a guarantee, and nothing can prove one: {why}. Its incumbent answers every call. Turn on `routing.shadow`, "
            f"or run `pointsman guarantee calibrate {name} --from FILE`."
        )
    for name, kinds in found.trials_forbidden.items():
        for kind, level in kinds.items():
            taken = _level(_trials(settings.snapshot.capabilities[name])[kind].ceiling)
            warn(
                f"`{name}` never has `{kind}` calls: they take data up to `{taken}` (`routing.{kind}.data_class`), and whoever may use it sends `{level}` "
                "data at least. Raise it, or leave it out."
            )
    for name, why in found.floors_without_evidence.items():
        warn(
            f"no target of `{name}` is known to reach its `quality_floor`: {why}. The floor is given up for each call until one is. "
            "Wait for outcomes, or lower it."
        )


# ── guarantees ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _unproven(settings: Settings, parameters: Parameters, *, forbidden: dict[str, dict[str, str]]) -> Iterator[tuple[str, str]]:
    wanted = {name: one.routing for name, one in settings.snapshot.capabilities.items() if one.routing is not None and one.routing.guarantee}
    if not wanted:
        return
    desk = Desk(settings, parameters, price_of=prices_now().of, now_ms=now_ms())
    for name, routing in wanted.items():
        is_shadowed = routing.shadow is not None and routing.shadow.share > 0 and SHADOW not in forbidden[name]
        if is_shadowed or _is_proven(desk, name):
            continue
        terms = desk.terms(name, routing)
        pairs, least = _pairs(desk, name), prove((), loss=terms.loss, sure=terms.sure).missing or 0
        if pairs is None or pairs < least:
            has = "the ledger cannot be read" if pairs is None else f"there are {pairs} pairs of the {least} that it takes at least"
            yield name, f"there are no `shadow` calls and no evaluation set, and {has}"


def _is_proven(desk: Desk, name: str) -> bool:
    """Tell whether a promise is in force or an evaluation set is kept that may prove it anew."""
    standing = desk.standing(name)
    return standing is not None and (bool(standing.examples) or desk.state(None, name).in_force)


def _pairs(desk: Desk, name: str) -> int | None:
    """Return how many pairs the ledger has to prove a promise with; None if it cannot be read."""
    try:
        place = ledger_of(desk.settings)
        if not exists(place):
            return 0
        with closing(open_reading(place)) as db:
            return len(desk.observed(db, name))
    except PointsmanError:
        return None


# ── trials ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _forbidden(capability: Capability, settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the trials of a capability that no call is mild enough for, with the mildest level that there is."""
    levels = [level for level in _levels(capability.name, settings) if level <= capability.ceiling]
    if levels:
        yield from ((kind, _level(min(levels))) for kind, trial in _trials(capability).items() if trial.share > 0 and min(levels) > trial.ceiling)


def _trials(capability: Capability) -> dict[str, Trial]:
    routing = capability.routing
    found = {} if routing is None else {EXPLORE: routing.explore, SHADOW: routing.shadow}
    return {kind: trial for kind, trial in found.items() if trial is not None}


def _levels(name: str, settings: Settings) -> Iterator[Level]:
    """Yield the level of what each caller declares by being who it is; a request may only add to it."""
    identity = settings.identity
    people = () if identity.login is None else (identity.login.issuer,)
    keys = settings.snapshot.keys or (() if identity.is_used else (LOCAL,))
    yield from (
        one.label.level for one in (*keys, *identity.issuers, *people) if Scope.CALL in one.scopes and (one.capabilities is None or name in one.capabilities)
    )


def _level(level: Level) -> str:
    return level.name.lower()


# ── floors ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _floors(settings: Settings, predictor: Predictor) -> Iterator[tuple[str, str]]:
    for name, capability in settings.snapshot.capabilities.items():
        criteria = Criteria() if capability.routing is None else capability.routing.criteria
        if criteria.quality_floor <= 0:
            continue
        seen = [_expected(capability, predictor, at=at) for at in range(len(capability.ladder))]
        scale = Scale(criteria, seen)
        if all(scale.breach(one).quality > 0 for one in seen):
            known = [one for one in seen if one.seen.basis != "none"]
            best = max(known, key=lambda one: -scale.breach(one).quality, default=None)
            short = 0.0 if best is None else criteria.quality_floor - scale.breach(best).quality
            yield name, "nothing was learned of any" if best is None else f"`{best.target}` comes nearest, with {short:.2f} of {criteria.quality_floor:g}"


def _expected(capability: Capability, predictor: Predictor, *, at: int) -> Candidate:
    target, routing = capability.ladder[at], capability.routing
    prompt = Prompt(capability=capability.name, task="" if routing is None else routing.criteria.task)
    (seen,) = predictor.predict(prompt, [target.name])
    return Candidate(target=target.name, seen=as_expected(seen, target), cost_nano_usd=None, latency_s=None)
