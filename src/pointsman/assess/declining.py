"""
Whether an answer declines or doubts itself: a few words of several languages, weighed by how short the answer is and how little of the question it takes up.

A list of words alone is wrong in both directions: a long answer may say "I cannot overstate", and no list knows every language. So words count for the first
sentence of an answer only, and shortness and silence about the question count with them. Pure.
"""

import re
from typing import Final

from pointsman.assess.grounding import Reading

_HEAD: Final = 240  # characters in which an answer that declines says so
_SHORT: Final = 400
_LEAST: Final = 0.25
_PLAIN: Final = (
    *("i cannot", "i can't", "i can not", "i am unable", "i'm unable", "i am not able", "i'm not able", "i won't", "i don't know", "i do not know"),
    *("i don't have", "we cannot", "we can't", "as an ai", "sorry", "unable to", "no information", "not mentioned", "not specified", "not provided"),
    *("not enough information", "ich kann nicht", "ich weiß nicht", "ich weiss nicht", "leider", "je ne peux", "je ne sais", "désolé", "lo siento"),
    *("no puedo", "no sé", "non posso", "non so", "mi dispiace", "não posso", "não sei", "desculpe", "не могу", "не знаю", "извините"),
    *("不知道", "无法", "抱歉", "わかりません", "できません", "申し訳", "모르", "죄송"),
)
_DOUBTS: Final = frozenset(
    {"might", "maybe", "perhaps", "possibly", "probably", "uncertain", "unclear", "unsure", "guess", "approximately"}
    | {"vielleicht", "vermutlich", "wahrscheinlich", "möglicherweise", "peut", "probablement", "quizá", "quizás", "probablemente", "forse", "talvez"}
    | {"возможно", "наверное"}
)
_PHRASES: Final = ("not sure", "i think", "i believe", "tal vez", "可能", "也许", "たぶん", "かもしれ")
_SENTENCE: Final = re.compile(r"[.!?。！？\n]+\s")  # noqa: RUF001 marks of East Asian scripts


def declines(answer: str) -> float:
    """Return how much an answer looks like a refusal or an "I do not know", in 0..1. An empty one is a refusal."""
    text = answer.strip()
    if not text:
        return 1.0
    head = text[:_HEAD].lower().replace("\u2019", "'")
    if not any(phrase in head for phrase in _PLAIN):
        return 0.0
    return 1.0 if len(text) <= _SHORT else max(_LEAST, _SHORT / len(text))


def doubts(answer: Reading) -> float:
    """Return how many words of doubt a sentence of the answer holds on average, at most 1."""
    text = answer.text.lower()
    sentences = len(_SENTENCE.findall(text)) + 1
    found = sum(answer.words.count(word) for word in _DOUBTS.intersection(answer.words)) + sum(text.count(phrase) for phrase in _PHRASES)
    return min(1.0, found / sentences)
