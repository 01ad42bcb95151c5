"""
The decision record of a call in plain sentences: where it ran and why there, what was tried first, what was closed and by what, and what it cost.

Pure: rows of the ledger in, sentences out. Names stand in backquotes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from pointsman.console import words
from pointsman.core.failure import FailureKind

Row = Mapping[str, Any]

_WHY: Final[Mapping[str, str]] = {
    "first_choice": "it stands first in the ladder",
    "next_after": "it comes after {} in the ladder",
    "last_hope": "nothing else was left: it was tried although it had been failing",
    "rule": "a row of the capability's decision table answered, before any model",
    "best_value": "of those that may answer it was expected to be worth most",
    "certified": "a guarantee covers it, and it was expected to be worth more than the incumbent",
    "cascade": "its answer is checked, and the next target is asked only where it is doubtful",
    "incumbent": "it is the incumbent, and nothing better is proven",
    "explores": "it was tried, to learn more of it",
    "stays": "the conversation is there already",
    "relaxed": "no target keeps to every criterion, and it breaks them least ({})",
    "cache_hit": "the same question had been answered before, and the answer was still fresh",
}
_AGAINST: Final[Mapping[str, str]] = {
    "policy": "was closed by the policy for {} data",
    "person": "may get this data only after a person has agreed",
    "lacks": "does not offer {}",
    "cannot_express": "speaks a protocol that cannot express {}",
    "context_too_long": "takes no prompt as long as this with its answer",
    "output_too_long": "gives no answer as long as was asked for",
    "no_credential": "has no credential here",
    "breaker": "was left alone, because it had been failing ({})",
    "switched_off": "was shut off by hand",
}
_NOT_FIRST: Final[Mapping[str, str]] = {
    "": "expected to be worth less",
    "guard:worse": "may be worse than the incumbent by more than is allowed",
    "guard:novel": "nothing like this call is known of it",
    "guard:unknown": "nothing is known of it",
    "floor": "does not reach the quality floor",
    "too_late": "would take too long",
    "too_dear": "would cost too much",
    "price_unknown": "what it costs is unknown, and there is a ceiling",
    "guarantee:none": "nothing is promised of it",
    "guarantee:lapsed": "its guarantee has lapsed",
    "guarantee:below_threshold": "its advantage is below what the guarantee covers",
    "guarantee:not_preferred": "the guarantee is about another one",
    "guarantee:not_covered": "the guarantee does not cover it",
}
_FAILED: Final[Mapping[str, str]] = {
    FailureKind.CONNECT: "could not be reached",
    FailureKind.TLS: "showed a certificate that is not accepted",
    FailureKind.TIMEOUT_CONNECT: "was not reached in time",
    FailureKind.TIMEOUT_FIRST_BYTE: "did not begin to answer in time",
    FailureKind.TIMEOUT_GAP: "stopped in the middle of its answer",
    FailureKind.TIMEOUT_TOTAL: "did not finish in time",
    FailureKind.RATE_LIMITED: "said that too many requests come",
    FailureKind.OVERLOADED: "said that it is overloaded",
    FailureKind.SERVER_ERROR: "failed on its side",
    FailureKind.CREDENTIAL: "did not accept our key",
    FailureKind.NOT_FOUND: "does not know the model",
    FailureKind.CONTEXT_LENGTH: "said that the prompt is too long",
    FailureKind.REJECTED: "said that the request is wrong",
    FailureKind.CONTENT_REFUSED: "refused the content",
    FailureKind.BAD_ANSWER: "sent what is no answer",
    FailureKind.UNTRANSLATABLE: "answered with what the caller's protocol has no word for",
    FailureKind.CUT: "broke off its answer",
    FailureKind.BROKEN: "told of an error in the middle of its answer",
    FailureKind.BUSY: "was busy with calls of ours",
    FailureKind.SWITCHED_OFF: "was shut off by hand",
    "truncated": "answered, but the answer was cut off by its token limit",
    "not_json": "answered, but not with JSON",
    "schema": "answered, but the answer did not fit the schema",
    "doubtful": "answered, but so doubtfully that the next was worth its price",
}
_ENDED: Final[Mapping[str, str]] = {
    "cancelled": "The caller went away before the answer was complete.",
    "exhausted": "Every target of the ladder failed, so the call was not answered.",
    "not_good_enough": "Answers came, but none was good enough, so the call was not answered.",
    "no_place_allowed": "The policy closes every target for this data, so nothing was sent.",
    "no_target_fits": "No target that may be used can hold this call, so nothing was sent.",
    "vetoed": "A row of the capability's decision table said no.",
    "over_limit": "A limit of requests or tokens a minute was used up, so nothing was sent.",
    "switched_off": "Somebody shut it off by hand, so nothing was sent.",
    "over_budget": "A budget was used up, so nothing was sent.",
}


class Sentence(Struct, frozen=True, kw_only=True):
    """One sentence, and its tone: `plain`, `bad` or `quiet`."""

    says: str
    tone: str = "plain"


def sentences(call: Row, attempts: Sequence[Row], *, decisions: Sequence[Row]) -> list[Sentence]:
    """Return the decision record of a call. `attempts` are in order."""
    found = [_ran(call), *_tried(call, attempts), *_passed_over(call, decisions), *_escalated(call), _data(call), *_mode(decisions), _cost(call, attempts)]
    return [one for one in found if one is not None]


def why(reason: str) -> str:
    """Return a reason code as the end of a sentence that begins with "because"."""
    kind, _, more = reason.partition(":")
    return _WHY.get(kind, f"of `{reason}`").format(f"`{more}`")


def against(code: str) -> str:
    """Return what spoke against a target, as the end of a sentence that begins with its name."""
    kind, _, more = code.partition(":")
    return _AGAINST.get(kind, f"was passed over (`{code}`)").format(_listed(more.split(",")) if more else "this")


def why_not(reason: str) -> str:
    """Return the reason code of a candidate that was weighed, as it reads beside its name."""
    return _NOT_FIRST.get(reason, f"`{reason}`")


def failed(error: str) -> str:
    """Return how an attempt failed, as the end of a sentence that begins with the target's name."""
    return _FAILED.get(error, f"failed (`{error}`)")


def pairs(text: str) -> list[tuple[str, str]]:
    """Return what is kept as `target=code;…`."""
    return [(name, code) for one in text.split(";") if one for name, _, code in [one.partition("=")]]


def _ran(call: Row) -> Sentence:
    if call["status"] == "ok" or (call["reason"] and call["status"] == "cancelled"):
        end = f" {_ENDED['cancelled']}" if call["status"] == "cancelled" else ""
        place = call["place"] or "none"
        if place in {"rules", "cache"}:
            return Sentence(says=f"Answered by {'a rule' if place == 'rules' else 'the cache'}, because {why(call['reason'])}.{end}")
        return Sentence(says=f"Ran on `{call['target']}` ({place}), because {why(call['reason'])}.{end}")
    return Sentence(says=_ENDED.get(call["status"], f"It ended with `{call['status']}`."), tone="quiet" if call["status"] == "cancelled" else "bad")


def _tried(call: Row, attempts: Sequence[Row]) -> Iterator[Sentence]:
    last = attempts[-1]["seq"] if attempts else None
    is_first = True
    for one in attempts:
        if one["error"] is None or one["shadow"]:
            continue
        when = "first" if is_first else "next"
        is_first = False
        then = "" if one["seq"] == last and call["status"] != "ok" else ", so the next was asked"
        if one["seq"] == last and call["status"] == "ok":
            then = ""
        yield Sentence(says=f"`{one['target']}` was tried {when} and {failed(one['error'])}, after {words.took(one['latency_ms'])}{then}.", tone="bad")


def _passed_over(call: Row, decisions: Sequence[Row]) -> Iterator[Sentence]:
    seen: set[tuple[str, str]] = set()
    kept: Iterable[str] = [call["considered"], *(one["vetoes"] for one in decisions)]
    for target, code in (pair for text in kept for pair in pairs(text)):
        if (target, code) not in seen:
            seen.add((target, code))
            yield Sentence(says=f"`{target}` {against(code)}.")


def _escalated(call: Row) -> Iterator[Sentence]:
    if call["escalated_from"]:
        yield Sentence(says=f"It went a tier up: the answer of `{call['escalated_from']}` was not good enough.")
    if call["to_person"]:
        yield Sentence(says="A person was asked.")


def _data(call: Row) -> Sentence:
    found: Mapping[str, Any] = call["found"]
    counted = ", ".join(f"{number} {kind}" for kind, number in sorted(found.items()))
    return Sentence(says=f"The data counted as `{call['data_class']}`; " + (f"found in it: {counted}." if counted else "detectors found nothing in it."))


def _mode(decisions: Sequence[Row]) -> Iterator[Sentence]:
    for one in decisions:
        if one["mode"] != "policy":
            by = f" of release `{one['release_id']}`" if one["release_id"] else ""
            yield Sentence(says=f"It was chosen as {one['mode']}{by}, with a probability of {words.percent(one['propensity'], 1)}.", tone="quiet")


def _cost(call: Row, attempts: Sequence[Row]) -> Sentence | None:
    if not attempts:
        return None
    time = f"It took {words.took(call['latency_ms'])}"
    if call["cost_nano_usd"] is None:
        return Sentence(says=f"{time}. What it cost is not known: an attempt has no price, or its tokens were not counted.", tone="bad")
    parts = [f"{words.money(call[name])} {what}" for name, what in (("hardware_nano_usd", "own hardware"), ("overhead_nano_usd", "overhead")) if call[name]]
    of = f" (of it {', '.join(parts)})" if parts else ""
    over = f" in {words.plural(len(attempts), 'attempt')}" if len(attempts) > 1 else ""
    return Sentence(says=f"{time} and cost {words.money(call['cost_nano_usd'])}{of}{over}.")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
