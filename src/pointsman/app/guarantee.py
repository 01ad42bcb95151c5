"""
Guarantees, put together: what the configuration asks for, the pairs that the ledger has, and certificates among the parameters.
"""

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pointsman.app.learned import reader_of
from pointsman.control.guarantee.certify import LASTS_MS, Terms, certified, paired
from pointsman.control.guarantee.observed import Observed, Span, of_shadows
from pointsman.control.guarantee.told import Stated, nothing_for, stated
from pointsman.control.guarantee.watch import watched
from pointsman.core.capability import Capability
from pointsman.core.routing import Routing
from pointsman.core.target import Price, Target
from pointsman.decision.guarantee.certificate import Certificate, Example, Source, Standing, decode, encode, predicting
from pointsman.decision.guarantee.drift import begun
from pointsman.decision.guarantee.gate import Wish
from pointsman.decision.guarantee.sequence import Proof
from pointsman.decision.guarantee.split import is_kept_apart
from pointsman.decision.prediction.parameters import Parameters
from pointsman.decision.prediction.predictor import Predictor
from pointsman.decision.prediction.values import Prompt
from pointsman.settings.load import Settings
from pointsman.storage.sql import Database

WINDOW_MS: Final = 90 * 86_400_000  # pairs that are older prove nothing about the traffic of today

PriceOf = Callable[[Target], Price | None]


class Desk:
    """
    Makes, watches and states the promises of one configuration with one set of parameters. `price_of` tells what a target charges.

    It reads the ledger and blocks. Raises what the database says, and `TableLost`.
    """

    def __init__(self, settings: Settings, parameters: Parameters, *, price_of: PriceOf, now_ms: int) -> None:
        self.settings = settings
        self.parameters = parameters
        self._price_of = price_of
        self._now_ms = now_ms
        self._predictor = Predictor(parameters, embedder=reader_of(settings, parameters))
        self._digest = predicting(parameters)

    def routed(self) -> Mapping[str, Routing]:
        """Return the capabilities that are chosen by value."""
        return {name: one.routing for name, one in self.settings.snapshot.capabilities.items() if one.routing is not None}

    def standing(self, capability: str) -> Standing | None:
        """Return what is kept of a capability, or None."""
        return _decoded(self.parameters.certificates.get(capability))

    def terms(self, capability: str, routing: Routing, *, source: Source = "shadows") -> Terms:
        """Return what its owner asks for."""
        others = tuple(one for one in self._capability(capability).ladder if one.name != routing.incumbent.name and one.desk is None)
        loss = routing.loss / routing.criteria.risk
        return Terms(
            capability=capability,
            incumbent=routing.incumbent.name,
            targets=tuple(one.name for one in others),
            loss=loss,
            sure=routing.sure,
            lean={one.name: lean for one in others if (lean := self._lean(one, routing.incumbent, loss=loss)) > 0},
            parameters=self._digest,
            source=source,
            made_ms=self._now_ms,
            lapses_ms=self._now_ms + LASTS_MS,
        )

    def observed(self, db: Database, capability: str, *, after_ms: int = 0) -> tuple[Observed, ...]:
        """Return the prompts that shadow calls asked again, as far as they were kept apart from what is learned."""
        of = self._capability(capability)
        span = Span(
            workflow=of.workflow or capability,
            capability=capability,
            task=self._task(capability),
            after_ms=max(after_ms, self._now_ms - WINDOW_MS),
            until_ms=self._now_ms,
        )
        return tuple(one for one in of_shadows(db, span) if is_kept_apart(one.key))

    def certify(self, observed: Sequence[Observed], terms: Terms) -> Certificate | Proof:
        """Return a certificate from prompts that were not learned from, or why there is none."""
        return certified(paired(observed, terms, predictor=self._predictor), terms)

    def keep(self, certificate: Certificate, told: Sequence[Observed] = ()) -> Parameters:
        """Return the parameters with this certificate in place of the one before. `told` is the evaluation that proved it: it is kept to prove it anew."""
        standing = self._begun(certificate, self.standing(certificate.capability), examples=self._examples(told))
        return replace(self.parameters, certificates={**self.parameters.certificates, certificate.capability: encode(standing)})

    def renew(self, db: Database, terms: Terms, *, standing: Standing | None) -> Standing | None:
        """
        Return what can be proven now in place of what was, or None. Pairs of real traffic prove it, after an alarm only later ones; or what an evaluation told,
        where that is more and its time is not over: what is chosen by its number is chosen whatever was lost.
        """
        alarmed_ms = _alarmed_ms(standing)
        pairs = paired(self.observed(db, terms.capability, after_ms=alarmed_ms), terms, predictor=self._predictor)
        examples: tuple[Example, ...] = ()
        if standing is not None and standing.examples and not alarmed_ms and self._now_ms < standing.certificate.lapses_ms:
            of_table = replace(terms, source="evaluation", lapses_ms=standing.certificate.lapses_ms)
            others = paired([self._observed(one, terms.capability) for one in standing.examples], of_table, predictor=self._predictor)
            if len(others) > len(pairs):
                pairs, terms, examples = others, of_table, standing.examples
        found = certified(pairs, terms)
        return self._begun(found, standing, examples=examples) if isinstance(found, Certificate) else None

    def state(self, db: Database | None, capability: str) -> Stated:
        """Return what is promised for a capability chosen by value, as far as the ledger tells; without a ledger, nothing is known of the traffic."""
        routing = self.routed()[capability]
        terms, standing = self.terms(capability, routing), self.standing(capability)
        if standing is None:
            found = self.certify(() if db is None else self.observed(db, capability), terms)
            proof = found if isinstance(found, Proof) else Proof(threshold=found.threshold, pairs=found.pairs)
            return nothing_for(capability, proof, loss=terms.loss, sure=terms.sure, is_wanted=routing.guarantee, looked_at=routing.checked)
        wish = Wish(capability=capability, incumbent=terms.incumbent, target="", advantages={}, loss=terms.loss, sure=terms.sure)
        seen = standing if db is None else self.watch(db, standing)
        every = self.settings.file.learning.every
        return stated(seen, wish, now_ms=self._now_ms, parameters=self._digest, looked_at=routing.checked, every=every)

    def watch(self, db: Database, standing: Standing) -> Standing:
        """Return the standing after what the ledger has of the traffic since."""
        certificate, drift = standing.certificate, standing.drift
        routing = self.routed().get(certificate.capability)
        if routing is None or certificate.parameters != self._digest:
            return standing
        later = self.observed(db, certificate.capability, after_ms=max(certificate.made_ms, drift.last_pair_ms))
        pairs = paired(later, self.terms(certificate.capability, routing), predictor=self._predictor)
        return watched(db, standing, pairs=pairs, until_ms=self._now_ms)

    def is_due(self, standing: Standing, terms: Terms) -> bool:
        """Tell whether a promise should be proven anew: it does not hold for these parameters or these terms, it has drifted, or half its time is over."""
        certificate = standing.certificate
        holds = (certificate.parameters, certificate.incumbent) == (terms.parameters, terms.incumbent)
        is_enough = certificate.loss <= terms.loss and certificate.sure >= terms.sure
        is_old = not standing.examples and 2 * self._now_ms > certificate.made_ms + certificate.lapses_ms  # the same examples prove nothing new
        return not holds or not is_enough or bool(standing.drift.alarm) or is_old

    def _begun(self, certificate: Certificate, before: Standing | None, *, examples: tuple[Example, ...]) -> Standing:
        return Standing(certificate=certificate, drift=begun(certificate, None if before is None else before.drift), examples=examples)

    def _examples(self, told: Sequence[Observed]) -> tuple[Example, ...]:
        return tuple(Example(_name(one.key), self._predictor.features(one.prompt), one.scores, one.at_ms) for one in told)

    def _observed(self, one: Example, capability: str) -> Observed:
        prompt = Prompt(text=one.features, capability=capability, task=self._task(capability))
        return Observed(key=one.key, prompt=prompt, scores=one.scores, at_ms=one.at_ms)

    def _task(self, capability: str) -> str:
        routing = self._capability(capability).routing
        return "" if routing is None else routing.criteria.task

    def _capability(self, name: str) -> Capability:
        return self.settings.snapshot.capabilities[name]

    def _lean(self, target: Target, incumbent: Target, *, loss: float) -> float:
        """Return what quality a lower price may cost when several targets are compared: nothing where a price is unknown, all of the loss where it is free."""
        price, there = (0.0 if one.hardware is not None else _rate(self._price_of(one)) for one in (target, incumbent))
        return 0.0 if price is None or not there else loss * max(0.0, 1 - price / there)


class Renewed(Struct, frozen=True, kw_only=True):
    """
    Parameters with the promises that hold for them, and what became of promises, in sentences.

    `is_new` tells that a promise was made or a gate closed: worth putting in force even if nothing else was learned.
    """

    parameters: Parameters
    why: tuple[str, ...] = ()
    is_new: bool = False


def renewed(db: Database, desk: Desk, *, before: Parameters) -> Renewed:
    """
    Return the parameters of a desk with their promises, from those that were in force before (which may be the same).

    A capability with a guarantee is watched, and calibrated again with pairs that were kept apart where its promise does not hold for these parameters, has
    drifted or is half over; after an alarm only with later pairs. Where nothing is proven, the former promise is kept as it is, and does not hold.
    """
    kept: dict[str, bytes] = {}
    why: list[str] = []
    is_new = False
    for capability, routing in desk.routed().items():
        old = _decoded(before.certificates.get(capability))
        if not routing.guarantee:
            continue
        now = None if old is None else desk.watch(db, old)
        terms = desk.terms(capability, routing)
        if now is not None and old is not None and now.drift.alarm and not old.drift.alarm:
            why.append(f"the gate of `{capability}` was closed (`{now.drift.alarm}`): `{terms.incumbent}` answers")
            is_new = True
        if now is None or desk.is_due(now, terms):
            found = desk.renew(db, terms, standing=now)
            if found is not None:
                now, is_new = found, True
                why.append(f"a promise was proven for `{capability}`: {found.certificate.share_elsewhere:.0%} may leave `{terms.incumbent}`")
        if now is not None:
            kept[capability] = encode(now)
    return Renewed(parameters=replace(desk.parameters, certificates=kept), why=tuple(why), is_new=is_new)


def _decoded(kept: bytes | None) -> Standing | None:
    return None if kept is None else decode(kept)


def _name(key: str) -> str:
    """Return a name for a prompt that does not tell it: parameters hold no texts."""
    return blake2b(key.encode(), digest_size=8).hexdigest()


def _alarmed_ms(standing: Standing | None) -> int:
    return 0 if standing is None or not standing.drift.alarm else standing.drift.alarm_ms or 0


def _rate(price: Price | None) -> float | None:
    return None if price is None else float(price.rates.tokens_in + price.rates.tokens_out)
