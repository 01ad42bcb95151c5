"""
Whether an answer declines or doubts itself: a few words of several languages, weighed by how short the answer is and how little of the question it takes up.

A list of words alone is wrong in both directions: a long answer may say "I cannot overstate", and no list knows every language. So words count for the first
sentence of an answer only, and shortness and silence about the question count with them. Pure.
"""

import re
from typing import Final

_HEAD: Final = 240  # characters in which an answer that declines says so
_SHORT: Final = 400
_DECLINES: Final = re.compile(
    r"\b(?:i|we) (?:can(?:no|')t|cannot|am unable|am not able|won't|don't (?:know|have))|\bas an ai\b|\bsorry\b|\bunable to\b|\bno (?:information|answer)\b"
    r"|\bnot (?:mentioned|specified|provided|enough information)\b|\bich (?:kann|weiß|weiss|habe)\b[^.]{0,40}\b(?:nicht|keine?)\b|\bleider\b"
    r"|\bje ne (?:peux|sais|suis)\b|\bdésolée?\b|\blo siento\b|\bno (?:puedo|sé|tengo)\b|\bnon (?:posso|so)\b|\bmi dispiace\b|\bnão (?:posso|sei)\b|\bdesculpe"
    r"|不知道|无法|抱歉|わかりません|できません|申し訳|모르|죄송|не (?:могу|знаю)|извините",
    re.IGNORECASE,
)
_DOUBTS: Final = re.compile(
    r"\b(?:might|maybe|perhaps|possibly|probably|not (?:entirely )?sure|uncertain|i think|i believe|i guess|unclear|approximately"
    r"|vielleicht|vermutlich|wahrscheinlich|möglicherweise|eventuell|peut-être|probablement|quizás?|tal vez|probablemente|forse|talvez)\b"
    r"|可能|也许|たぶん|かもしれ|возможно|наверное",
    re.IGNORECASE,
)
_SENTENCE: Final = re.compile(r"[.!?。！？\n]+")  # noqa: RUF001 marks of East Asian scripts


def declines(answer: str) -> float:
    """Return how much an answer looks like a refusal or an "I do not know", in 0..1. An empty one is a refusal."""
    text = answer.strip()
    if not text:
        return 1.0
    if not _DECLINES.search(text[:_HEAD]):
        return 0.0
    return 1.0 if len(text) <= _SHORT else max(0.25, _SHORT / len(text))


def doubts(answer: str) -> float:
    """Return how many words of doubt a sentence of the answer holds on average, at most 1."""
    sentences = sum(1 for part in _SENTENCE.split(answer) if part.strip())
    return min(1.0, len(_DOUBTS.findall(answer)) / sentences) if sentences else 0.0
