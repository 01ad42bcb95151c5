"""
What is promised, in sentences that say exactly that and no more; and where nothing is, why not and what is missing. Pure.
"""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from pointsman.decision.guarantee.certificate import Certificate, Standing
from pointsman.decision.guarantee.drift import ALARM, LOSSES, SCORES
from pointsman.decision.guarantee.gate import (
    LAPSED,
    NOTHING_PROMISED,
    OPEN,
    OTHER_INCUMBENT,
    OTHER_PARAMETERS,
    OTHER_PROMISE,
    Wish,
    closed_for_all,
)
from pointsman.decision.guarantee.sequence import Proof

_SOURCES: Final = {"shadows": "shadow calls", "evaluation": "an evaluation set"}


class Stated(Struct, frozen=True, kw_only=True):
    """
    What is promised for one capability. `in_force` tells whether calls may leave the incumbent now, `reason` is the code of why or why not.

    `missing` is about how many more pairs a promise would take where there is none, None where that cannot be said.
    """

    capability: str
    in_force: bool
    reason: str
    says: tuple[str, ...]
    missing: int | None = None
    certificate: Certificate | None = None
    calls: int = 0
    pairs: int = 0


def stated(standing: Standing, wish: Wish, *, now_ms: int, parameters: str, looked_at: Collection[str] = (), every: str = "") -> Stated:
    """
    Return what a certificate says now. `wish` holds what its owner asks for, whatever its target is; of `looked_at` targets answers are checked, and drift is
    looked for as often as `every` says.
    """
    certificate, drift = standing.certificate, standing.drift
    reason = closed_for_all(standing, wish, now_ms=now_ms, parameters=parameters) or OPEN
    return Stated(
        capability=certificate.capability,
        in_force=reason == OPEN,
        reason=reason,
        says=(*promise(certificate, looked_at), _watched(standing, every), *(() if reason == OPEN else (_closed(reason, standing),))),
        certificate=certificate,
        calls=drift.calls,
        pairs=drift.pairs,
    )


def nothing_for(capability: str, proof: Proof, *, loss: float, sure: float, is_wanted: bool, looked_at: Collection[str] = ()) -> Stated:
    """Return why nothing is promised for a capability, from what was tried with the pairs at hand."""
    kept = "Its incumbent answers." if is_wanted else "It does not ask for a guarantee (`routing.guarantee`), so it is chosen by prediction alone."
    return Stated(
        capability=capability,
        in_force=False,
        reason=NOTHING_PROMISED,
        says=(f"Nothing is promised. {kept}", why_not(proof, loss=loss, sure=sure), *_unpromised(looked_at, loss=loss, is_wanted=is_wanted)),
        missing=0 if proof.threshold is not None else proof.missing,
        pairs=proof.pairs,
    )


def promise(certificate: Certificate, looked_at: Collection[str] = ()) -> tuple[str, ...]:
    """Return what a certificate promises: what, on which data, for how much and which traffic, and until when. Of `looked_at` targets answers are checked."""
    others = " or ".join(f"`{name}`" for name in certificate.targets)
    incumbent, days = certificate.incumbent, f"{_day(certificate.from_ms)} to {_day(certificate.until_ms)}"
    what = (
        f"With probability at least {certificate.sure:.4g} over the draw of its pairs, the expected quality is at most {certificate.loss:.4g} below that of "
        f"always asking `{incumbent}`, when calls go to {others} wherever the predicted advantage is at least {certificate.threshold:+.4g}."
    )
    data = (
        f"It was proven on {certificate.pairs:,} pairs from {_SOURCES[certificate.source]}, told from {days} (digest `{certificate.data[:12]}`): "
        f"the loss on them was {certificate.mean:+.4f}, and is at most {certificate.bound:.4f} with that probability."
    )
    until = (
        f"It lapses on {_day(certificate.lapses_ms)}; before that with other parameters, another incumbent or a stricter promise in force, or when the "
        f"traffic or the loss drifts (a false alarm has a probability of at most {ALARM:.0%}). Then `{incumbent}` answers."
    )
    return (
        what,
        data,
        f"About {certificate.share_elsewhere:.0%} of such calls leave `{incumbent}`.",
        "It is about the mean over calls that are drawn like those pairs: not about a single call, a part of the traffic, or another capability.",
        *_replaced(certificate, looked_at),
        until,
    )


def _replaced(certificate: Certificate, looked_at: Collection[str]) -> tuple[str, ...]:
    """Tell how far the promise reaches where answers are looked at: it was proven for those of whoever goes first."""
    checked = _named(name for name in certificate.targets if name in looked_at)
    if not checked:
        return ()
    says = (
        f"It is about the answer of whoever goes first. Those of {checked} are looked at (`routing.check`), and a doubtful one is replaced by one of "
        f"`{certificate.incumbent}`: such a call loses nothing, but what it would have gained no longer makes up for others, and that was not proven. "
        "No other way over several targets is taken under a guarantee."
    )
    return (says,)


def _unpromised(looked_at: Collection[str], *, loss: float, is_wanted: bool) -> tuple[str, ...]:
    """Tell what ways over answers that are looked at keep to where nothing is promised."""
    checked = _named(looked_at)
    if not checked:
        return ()
    if is_wanted:
        return (f"No way that looks at answers of {checked} first (`routing.check`) is taken under a guarantee: it is about whoever goes first.",)
    says = (
        f"Ways that look at answers of {checked} first (`routing.check`) are kept, as a whole, to a loss of {loss:.4g} by what is predicted, with a margin for "
        "what is not known. That is no promise: nothing of it was proven."
    )
    return (says,)


def _named(names: Iterable[str]) -> str:
    return " or ".join(f"`{name}`" for name in sorted(names))


def _watched(standing: Standing, every: str) -> str:
    drift = standing.drift
    again = f" A gateway looks every {every} (`learning.every`): until then calls go on as before." if every else ""
    return (
        f"Since then {drift.calls:,} calls and {drift.pairs:,} pairs were looked at. Of {2 / ALARM:.0f} that raise an alarm, bets on drift have "
        f"{sum(drift.scores):.2g} for predictions and {sum(drift.losses):.2g} for losses.{again}"
    )


def _closed(reason: str, standing: Standing) -> str:
    drift, name = standing.drift, standing.certificate.capability
    at = "" if drift.alarm_ms is None else f" on {_day(drift.alarm_ms)}"
    again, later = f"Calibrate again with `pointsman guarantee calibrate {name}`.", "It opens with a certificate from pairs that are later than that."
    says = {
        LAPSED: f"It has lapsed. {again}",
        OTHER_PARAMETERS: f"It is not in force: other parameters predict now than those it was proven with. {again}",
        OTHER_INCUMBENT: f"It is not in force: the incumbent is another one now. {again}",
        OTHER_PROMISE: f"It is not in force: the capability asks for a stricter promise now. {again}",
        f"guarantee:{SCORES}": f"The gate is closed: the traffic changed{at}. {later}",
        f"guarantee:{LOSSES}": f"The gate is closed: more is lost than was promised, as was noticed{at}. {later}",
    }
    return says.get(reason, f"It is not in force (`{reason}`). {again}")


def why_not(proof: Proof, *, loss: float, sure: float) -> str:
    """Return why there is no promise, and what it takes."""
    promise = f"that it loses at most {loss:.4g} with probability {sure:.4g}"
    if proof.threshold is not None:
        return f"{proof.pairs:,} pairs are enough for a promise {promise}: run `pointsman guarantee calibrate`."
    if proof.why == "too_few":
        return (
            f"There are {proof.pairs:,} pairs; {proof.missing:,} more are the least that can prove {promise}, and it takes several times as many to send a "
            "good share elsewhere. Pairs come from `routing.shadow`, of data up to its `data_class`; or calibrate with an evaluation set."
        )
    if proof.missing is None:
        return f"{proof.pairs:,} pairs show that no part of the traffic that is worth while can leave the incumbent, {promise}."
    return f"{proof.pairs:,} pairs do not prove {promise}. About {proof.missing:,} more like them would, for a part of the traffic."


def _day(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d")
