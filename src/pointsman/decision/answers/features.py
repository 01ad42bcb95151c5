"""
What can be seen of an answer beside its prompt, as numbers: lengths, marks, figures, repetition, and which words it is made of, hashed. Pure; no language is
assumed. What a check finds out about an answer (its evidence) comes as numbers from elsewhere.
"""

import re
from itertools import pairwise
from math import log1p
from typing import Final
from zlib import crc32

NAMES: Final = (
    "length",
    "asked",
    "ratio",
    "words",
    "lines",
    "last_line",
    "digits",
    "figures",
    "figures_distinct",
    "figures_new",
    "signs",
    "equals",
    "letters",
    "capitals",
    "distinct_words",
    "repeated",
    "shared_words",
    "sentences",
    "questions",
    "ends_stop",
    "ends_digit",
    "marked_up",
    "bullets",
    "code",
    "other_script",
    "prompt_figures",
    "prompt_sentences",
)
BUCKETS: Final = 256

_LONGEST: Final = 20_000
_WORD: Final = re.compile(r"\w+")
_FIGURE: Final = re.compile(r"\d+(?:[.,]\d+)*")
_STOP: Final = re.compile(r"[.!?。！？](?:\s|$)")  # noqa: RUF001 marks of East Asian scripts
_BULLET: Final = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s", re.MULTILINE)
_SIGNS: Final = re.compile(r"[^\w\s]")


def surface(prompt: str, answer: str) -> tuple[float, ...]:
    """Return one number for each of `NAMES`."""
    prompt, answer = prompt[:_LONGEST], answer[:_LONGEST]
    said, asked = _WORD.findall(answer.lower()), set(_WORD.findall(prompt.lower()))
    figures, given = _FIGURE.findall(answer), _FIGURE.findall(prompt)
    distinct, lines = set(said), [line for line in answer.splitlines() if line.strip()]
    size, count = len(answer) + 1, len(said) + 1
    end = answer.rstrip()[-1:]
    return (
        log1p(len(answer)),
        log1p(len(prompt)),
        log1p(len(answer)) - log1p(len(prompt)),
        log1p(len(said)),
        log1p(len(lines)),
        log1p(len(lines[-1])) if lines else 0.0,
        sum(map(len, figures)) / size,
        log1p(len(figures)),
        log1p(len(set(figures))),
        log1p(len(set(figures) - set(given))),
        len(_SIGNS.findall(answer)) / size,
        log1p(answer.count("=")),
        sum(map(len, said)) / size,
        sum(map(str.isupper, answer)) / size,
        len(distinct) / count,
        _repeated(said),
        len(distinct & asked) / (len(distinct) + 1),
        log1p(len(_STOP.findall(answer))),
        float(answer.count("?")),
        float(end in ".!?。！？"),  # noqa: RUF001
        float(end.isdigit()),
        float("**" in answer or "\n#" in answer),
        log1p(len(_BULLET.findall(answer))),
        float("```" in answer),
        abs(_foreign(answer) - _foreign(prompt)),
        log1p(len(given)),
        log1p(len(_STOP.findall(prompt))),
    )


def hashed(answer: str) -> tuple[tuple[int, int], ...]:
    """Return the words and pairs of words of an answer as (bucket, 1 or -1), each once; figures count as one word, so that none can be read back."""
    said = ["0" if word.isdigit() else word for word in _WORD.findall(answer[:_LONGEST].lower())]
    grams = {*said, *map(" ".join, pairwise(said))}
    found = {crc32(gram.encode()) for gram in grams}
    return tuple((code % BUCKETS, 1 if code & 0x8000 else -1) for code in sorted(found))


def _repeated(said: list[str]) -> float:
    """Return the share of runs of three words that were said before."""
    runs = list(zip(said, said[1:], said[2:], strict=False))
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


def _foreign(text: str) -> float:
    return 0.0 if text.isascii() else sum(character > "\u024f" for character in text) / len(text)
