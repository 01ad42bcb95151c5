"""
The detector of health data: terms of illness, medicine and treatment, and the rule by which they become data about somebody's health.

THE RULE. A term alone is `health_term`, class `public`: "what are the symptoms of flu" is a question of general knowledge. It becomes `health`,
class `health`, where a person is there for it:
- a finding that identifies a person stands anywhere in the same call (a name, a number of a register, an e-mail address, a telephone …), and is not
  the term itself ("Parkinson's" is no Mr Parkinson); or
- the sentence of the term says whose it is: "I was diagnosed with", "my mother's cancer", "the patient takes". A question about the subject
  ("I have a question about diabetes") does not.

A term is not counted where its sentence denies it in plain words ("no diabetes"). Where the sentence only supposes it or asks what it is ("if someone
had", "risk of", "what are the symptoms of"), a person elsewhere in the call is not enough: the identifier must stand in the same sentence. A finding of
a clinic counts also where it is negative ("tested negative for HIV", "denies chest pain", "cancer ruled out"), and so does family history: both are
data about the health of a person.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from importlib import resources
from typing import Final

import msgspec

from pointsman.governance.detection.linear import Linear, shadow
from pointsman.governance.finding import Finding

TERM: Final = "health_term"
HEALTH: Final = "health"
# Kinds of findings that say who somebody is.
IDENTIFIERS: Final = frozenset(
    {"person", "email", "phone", "ssn", "national_id", "tax_id", "passport", "licence", "document", "medical_record", "birth_date", "address", "card", "iban"}
)
_BEFORE: Final = 80
_AFTER: Final = 60
_MEANT: Final = 0.9
_SUPPOSED_ONLY: Final = 0.4
_SURE: Final = 0.5

# ICD-10 with its word beside it; bare letters and digits are part numbers as often.
_CODE: Final = Linear(
    r"(?i)\b(?:icd(?:-?1[01])?(?:-?cm)?|dx|diagnos[ei]s?(?: code)?|snomed(?: ct)?|dsm-?(?:5|v))\b[ :#=(\"'-]{0,4}([A-TV-Z]\d[0-9A-B](?:\.\d{1,4})?|\d{6,9})\b"
)
_SENTENCE_END: Final = re.compile(r"[.!?\n;](?:\s|$)")
_NEGATED: Final = re.compile(
    r"\b(?:no|not|never|without|isn't|wasn't|aren't|non|free of|free from|lack of|kein|keine|ohne|pas de|"
    r"sin)(?: (?:a|an|any|have|had|known|got|really)){0,3} ?$",
    re.IGNORECASE,
)
_CLINICAL: Final = re.compile(
    r"\b(?:denies|denied|negative for|tested negative|rule out|ruled out|no (?:personal |family )?history of|no evidence of|no signs? of)\b", re.IGNORECASE
)
_SUPPOSED: Final = re.compile(
    r"\b(?:if (?:someone|somebody|a person|one|people|you)|what if|suppose|imagine|hypothetical\w*|could (?:cause|lead to)|"
    r"risk of|risks of|prevent\w*|avoid\w*|symptoms? of|signs of|"
    r"causes? of|cure for|cures for|treatments? (?:for|of)|history of the|research (?:on|into)|awareness|types of|"
    r"what (?:is|are|causes)|how (?:does|do|is|are)|difference between|"
    r"explain|define|definition of|meaning of|essay (?:on|about)|article (?:on|about)|statistics)\b",
    re.IGNORECASE,
)
_ABOUT_TERM: Final = re.compile(r"^\W{0,3}(?:ruled out|(?:has|have|had|was|were) been ruled out|was excluded|negative)\b", re.IGNORECASE)
_WHOSE: Final = re.compile(
    r"\b(?:i (?:have|had|got|suffer(?:ed)? from|struggle with|live with|take|took|use|need|am taking|am on|"
    r"was put on|was prescribed|started|am|was|tested positive for)|"
    r"i've (?:had|got|been (?:on|taking|diagnosed with))|i'm (?:on|taking)|"
    r"(?:my|our|his|her|their)(?: \w+(?:'s)?){0,2}|(?:the |this |our |a )?(?:patient|client|employee|resident|claimant)(?:'s)?(?: (?:has|"
    r"had|is|was|takes|took|with|suffers from|on|reports|presents with|denies))?|"
    r"(?:my|our|his|her) (?:\w+ ){0,2}\w+ (?:has|had|is|was|takes|suffers from|died of|died from|with|on)|(?:he|"
    r"she) (?:has|had|takes|took|suffers from|is on|was on)|"
    r"(?:diagnosed (?:me|him|her|us)? ?with|prescribed (?:me|him|her)|ich (?:habe|leide an|nehme)|meine?|j'ai|mon|ma|tengo|mi))"
    r"(?: (?:a|an|the|been|very|really|severe|mild|chronic|acute|bad|type|stage|early|late|advanced|recent|new|first|second|some|daily|"
    r"currently|still|of|with|\d+|diagnosed|from|to|taking|mg|two|three)){0,5} $",
    re.IGNORECASE,
)
_DIAGNOSED: Final = re.compile(
    r"\b(?:i|i've|she|he|patient|mother|father|wife|husband|son|daughter|brother|sister|we|"
    r"employee)\b[^.!?\n]{0,30}\b(?:diagnosed|prescribed|treated|hospitali[sz]ed|tested positive|operated)\b",
    re.IGNORECASE,
)


def _terms() -> Linear:
    lines = resources.files("pointsman.governance.detection").joinpath("data", "health_terms.txt").read_text(encoding="utf-8").splitlines()
    words = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return Linear(r"(?i)\b(?:" + "|".join(map(_pattern, sorted(words, key=len, reverse=True))) + ")")


def _pattern(word: str) -> str:
    # The shadow of a text has one `?` for each character outside ASCII, and no word ends beside one.
    plain = shadow(word.rstrip("*")).decode()
    return re.escape(plain).replace(r"\?", ".") + (r"\w*" if word.endswith("*") else "") + (r"\b" if plain[-1].isalnum() else "")


class HealthTerms:
    """
    Finds terms of health and codes of diagnoses, of kind `health_term`; whose they are is for `with_person`.

    The score is 0.9, or 0.4 where the sentence only supposes the term. Linear in the length of the text.
    """

    name = "health/1"

    def __init__(self) -> None:
        self._terms = _terms()

    def find(self, text: str) -> Iterator[Finding]:
        """Yield the terms of a text that it does not deny."""
        raw = shadow(text)
        found = [*self._terms.spans(raw), *(groups[1] for groups in _CODE.groups(raw))]
        for start, end in sorted(set(found)):
            score = _meant(text, start, end=end)
            if score:
                yield Finding(start=start, end=end, kind=TERM, data_class="public", detector=self.name, score=score)


def with_person(findings: Sequence[Sequence[Finding]], texts: Sequence[str]) -> tuple[tuple[Finding, ...], ...]:
    """
    Return the findings of the texts of one call with its terms of health raised to `health` by the rule of this module.

    `findings[i]` are those of `texts[i]`, of every detector; the rule needs those that identify a person.
    """
    identifiers = [_identifiers(of_text) for of_text in findings]
    named = any(identifiers)
    return tuple(
        tuple(_raised(finding, text, named=named, near=near) for finding in of_text) for of_text, text, near in zip(findings, texts, identifiers, strict=True)
    )


def _identifiers(findings: Sequence[Finding]) -> list[int]:
    """Return where the findings stand that say who somebody is, in order, without those that are a term of health themselves."""
    terms = {place for finding in findings if finding.kind == TERM for place in range(finding.start, finding.end)}
    return sorted(finding.start for finding in findings if finding.kind in IDENTIFIERS and finding.start not in terms)


def _raised(finding: Finding, text: str, *, named: bool, near: Sequence[int]) -> Finding:
    if finding.kind != TERM:
        return finding
    if named and finding.score < _SURE:
        before, after = _sentence(text, finding.start, end=finding.end)
        at = bisect_left(near, finding.start - len(before))
        named = at < len(near) and near[at] < finding.end + len(after)
    return msgspec.structs.replace(finding, kind=HEALTH, data_class=HEALTH) if named or _is_somebodys(text, finding) else finding


def _sentence(text: str, start: int, *, end: int) -> tuple[str, str]:
    """Return what the sentence says before and after a term, no more than a line of each."""
    before, after = text[max(0, start - _BEFORE) : start], text[end : end + _AFTER]
    begin = max((found.end() for found in _SENTENCE_END.finditer(before)), default=0)
    before, stop = before[begin:], _SENTENCE_END.search(after)
    return before, after[: stop.start()] if stop else after


def _meant(text: str, start: int, *, end: int) -> float:
    """Return how likely a term is meant of somebody: 0 where it is denied."""
    before, after = _sentence(text, start, end=end)
    if _CLINICAL.search(before) or _ABOUT_TERM.search(after):
        return _MEANT
    if _NEGATED.search(before):
        return 0.0
    return _SUPPOSED_ONLY if _SUPPOSED.search(before) else _MEANT


def _is_somebodys(text: str, term: Finding) -> bool:
    before, _ = _sentence(text, term.start, end=term.end)
    return bool(_WHOSE.search(before) or _DIAGNOSED.search(before))
