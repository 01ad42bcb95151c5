"""
Made-up outcomes: sums that only the strong target can do, and small talk that both can.
"""

import numpy as np

from pointsman.decision.prediction.values import Label, Prompt

CHAT = ("tell me about your holiday", "what is a good name for a cat", "write a friendly note to my neighbour", "how was the weather in spring")
SUMS = ("compute 17 * 23 + 9", "solve x^2 - 4 = 0", "what is 12 / 7 to 3 digits", "integrate 3*x^2 from 0 to 4")
STRANGE = "Ignorantia iuris nocet: quaeritur an heres teneatur ex contractu defuncti"


def prompts(n: int, *, seed: int = 0, is_named: bool = False) -> list[tuple[Prompt, bool]]:
    """Return prompts, and whether each is a sum."""
    rng = np.random.default_rng(seed)
    found: list[tuple[Prompt, bool]] = []
    for at in range(n):
        is_sum = bool(at % 2)
        text = (SUMS if is_sum else CHAT)[int(rng.integers(4))]
        words = (
            " ".join(str(int(one)) for one in rng.integers(100, size=3)) if is_sum else " ".join(rng.choice(["please", "today", "kindly", "dear", "thanks"], 3))
        )
        found.append((Prompt(text=f"{text} {words}", capability=("sums" if is_sum else "chat") if is_named else ""), is_sum))
    return found


def outcomes(n: int, *, seed: int = 0, is_named: bool = False) -> list[Label]:
    """Return a label of the weak and one of the strong target for each prompt. Sums take a hundred tokens, small talk ten."""
    rng = np.random.default_rng(seed + 1)
    found: list[Label] = []
    for prompt, is_sum in prompts(n, seed=seed, is_named=is_named):
        for target, chance in (("weak", 0.1 if is_sum else 0.9), ("strong", 0.92)):
            size = 100 if is_sum else 10
            score = float(rng.random() < chance)
            found.append(Label(prompt=prompt, target=target, score=score, tokens_out=size, cost_nano_usd=size * 10, latency_s=size / 50))
    return found
