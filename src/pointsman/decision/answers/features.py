"""
What can be seen of an answer beside its prompt, as numbers: lengths, figures, repetition, whether its own sums are right. Pure.
"""

from typing import Final

NAMES: Final = ("log_length", "log_prompt", "length_ratio", "digits", "lines")


def surface(prompt: str, answer: str) -> tuple[float, ...]:
    """Return one number for each of `NAMES`."""
    long, asked = len(answer), len(prompt)
    digits = sum(character.isdigit() for character in answer)
    return (float(long.bit_length()), float(asked.bit_length()), long / (asked + 1), digits / (long + 1), answer.count("\n") / (long + 1))
