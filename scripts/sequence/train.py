"""
Training of the small sequence model, with numpy alone.

Two layers over windows of tokens. A token is the sum of the vectors of its features; layer 1 sees three tokens to each side and is linear in them
before its bend, so the detector can keep each token's part; layer 2 sees two results of layer 1 to each side. A side exit of layer 1 tells which
tokens need layer 2 at all. Adam throughout; vectors of features are changed only where they were seen.
"""

from typing import Any, Final, NamedTuple

import numpy as np

Array = Any
WIDTH: Final = 32
HIDDEN: Final = 64
SECOND: Final = 48
NEAR: Final = 3  # tokens to each side that layer 1 sees
FAR: Final = 3  # results of layer 1 to each side that layer 2 sees
_CHUNK: Final = 1500
_RATE: Final = 0.003
_AVERAGED: Final = 0.35  # the last share of the steps, over which the numbers are averaged
_EVERY: Final = 25  # steps


class Model:
    """The numbers that are learned."""

    def __init__(self, buckets: int, tags: int, *, seed: int) -> None:
        random = np.random.default_rng(seed)

        def start(*shape: int) -> Array:
            return (random.standard_normal(shape) * np.sqrt(2.0 / shape[0])).astype(np.float32)

        self.parts: dict[str, Array] = {
            "vectors": (random.standard_normal((buckets, WIDTH)) * 0.15).astype(np.float32),
            "near": start((2 * NEAR + 1) * WIDTH, HIDDEN),
            "near_bias": np.zeros(HIDDEN, np.float32),
            "gate": start(HIDDEN, 1),
            "gate_bias": np.zeros(1, np.float32),
            "far": start((2 * FAR + 1) * HIDDEN, SECOND),
            "far_bias": np.zeros(SECOND, np.float32),
            "out": start(SECOND, tags),
            "out_bias": np.zeros(tags, np.float32),
        }
        self.parts["vectors"][0] = 0
        self._first = {name: np.zeros_like(part) for name, part in self.parts.items()}
        self._second = {name: np.zeros_like(part) for name, part in self.parts.items()}
        self._steps = 0
        self._sums: dict[str, Array] = {}
        self._summed = 0

    def step(self, slopes: dict[str, Array], *, seen: Array, rate: float) -> None:
        """Move every part down its slope; of the vectors only those of `seen`."""
        self._steps += 1
        for name, slope in slopes.items():
            at: Any = seen if name == "vectors" else slice(None)
            first, second = self._first[name], self._second[name]
            first[at] = 0.9 * first[at] + 0.1 * slope
            second[at] = 0.99 * second[at] + 0.01 * slope * slope
            fair = np.sqrt(1 - 0.99 ** min(self._steps, 2000)) / (1 - 0.9 ** min(self._steps, 200))
            self.parts[name][at] -= rate * fair * first[at] / (np.sqrt(second[at]) + 1e-7)

    def remember(self) -> None:
        """Take the numbers as they are into the average."""
        self._summed += 1
        for name, part in self.parts.items():
            self._sums[name] = self._sums[name] + part if name in self._sums else part.copy()

    def settle(self) -> None:
        """Take the average as what was learned: it errs less on what was not seen than any single moment."""
        if self._summed:
            self.parts = {name: (whole / self._summed).astype(np.float32) for name, whole in self._sums.items()}


def windows(rows: Array, reach: int) -> Array:
    """Return for each row those around it side by side, zeros beyond the ends."""
    count, width = rows.shape
    padded = np.zeros((count + 2 * reach, width), rows.dtype)
    padded[reach : reach + count] = rows
    return np.concatenate([padded[shift : shift + count] for shift in range(2 * reach + 1)], axis=1)


def unwindowed(slopes: Array, reach: int) -> Array:
    """Return the slope of each row from those of its windows."""
    count, wide = slopes.shape
    width = wide // (2 * reach + 1)
    padded = np.zeros((count + 2 * reach, width), slopes.dtype)
    for shift in range(2 * reach + 1):
        padded[shift : shift + count] += slopes[:, shift * width : (shift + 1) * width]
    return padded[reach : reach + count]


def softmax(scores: Array) -> Array:
    """Return probabilities, row by row."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _kept(random: Any, shape: tuple[int, ...], *, drop: float) -> Array:
    """Return 0 for what is left out by chance and a little more than 1 for the rest, so that nothing leans on one sign alone."""
    return (random.random(shape, np.float32) > drop).astype(np.float32) / (1 - drop)


class Examples(NamedTuple):
    """
    What is learned from. `kinds` are the features of each kind of token, first as known words, then the same as unknown ones.

    For each token: its kind as known, how often it is seen as unknown, its tag, and its weight.
    """

    kinds: Array
    which: Array
    unknown: Array
    tags: Array
    weights: Array


def slopes_of(model: Model, tokens_seen: tuple[Array, Array], *, tags: Array, weights: Array, random: Any) -> tuple[dict[str, Array], Array, float]:
    """Return the slopes of one chunk, the features that were seen, and the loss. `tokens_seen` are the features of each kind and the kind of each token."""
    parts = model.parts
    kinds, which = tokens_seen
    tokens = parts["vectors"][kinds].sum(axis=1)[which]
    keep = _kept(random, tokens.shape, drop=0.1) * _kept(random, (len(tokens), 1), drop=0.06)
    near = windows(tokens * keep, NEAR)
    first = np.maximum(near @ parts["near"] + parts["near_bias"], 0)
    gate = 1 / (1 + np.exp(-(first @ parts["gate"] + parts["gate_bias"])[:, 0]))
    far = windows(first, FAR)
    second = np.maximum(far @ parts["far"] + parts["far_bias"], 0)
    held = _kept(random, second.shape, drop=0.25)
    chances = softmax((second * held) @ parts["out"] + parts["out_bias"])
    total = float(weights.sum())
    loss = float(-(weights * np.log(chances[np.arange(len(tags)), tags] + 1e-9)).sum()) / total
    d_out = chances * (weights / total)[:, None]
    d_out[np.arange(len(tags)), tags] -= weights / total
    d_second = (d_out @ parts["out"].T) * held * (second > 0)
    d_gate = ((gate - (tags > 0)) * (weights / total) * 0.3)[:, None]
    d_first = (unwindowed(d_second @ parts["far"].T, FAR) + d_gate @ parts["gate"].T) * (first > 0)
    d_tokens = unwindowed(d_first @ parts["near"].T, NEAR) * keep
    d_kinds = np.zeros((len(kinds), WIDTH), np.float32)
    np.add.at(d_kinds, which, d_tokens)
    seen, place = np.unique(kinds, return_inverse=True)
    order = np.argsort(place.reshape(-1), kind="stable")
    starts = np.searchsorted(place.reshape(-1)[order], np.arange(len(seen)))
    d_vectors = np.add.reduceat(d_kinds[order // kinds.shape[1]], starts, axis=0)
    d_vectors[seen == 0] = 0
    return (
        {
            "vectors": d_vectors,
            "near": near.T @ d_first,
            "near_bias": d_first.sum(axis=0),
            "gate": first.T @ d_gate,
            "gate_bias": d_gate.sum(axis=0),
            "far": far.T @ d_second,
            "far_bias": d_second.sum(axis=0),
            "out": (second * held).T @ d_out,
            "out_bias": d_out.sum(axis=0),
        },
        seen,
        loss,
    )


def trained(examples: Examples, *, buckets: int, choices: int, rounds: int, seed: int) -> Model:
    """Return the model of `choices` tags learned from all tokens, each of which a round sees as known or as unknown by chance."""
    random = np.random.default_rng(seed)
    tags, half = examples.tags, len(examples.kinds) // 2
    model = Model(buckets, choices, seed=seed)
    starts = np.arange(0, len(tags), _CHUNK)
    steps, done = rounds * len(starts), 0
    for _ in range(rounds):
        losses: list[float] = []
        for start in random.permutation(starts):
            part = slice(start, start + _CHUNK)
            hidden = random.random(len(tags[part])) < examples.unknown[part]
            used, which = np.unique(examples.which[part] + hidden * half, return_inverse=True)
            slopes, seen, loss = slopes_of(model, (examples.kinds[used], which), tags=tags[part], weights=examples.weights[part], random=random)
            model.step(slopes, seen=seen, rate=_RATE * (1 - done / steps) + 0.0002)
            losses.append(loss)
            done += 1
            if done > steps * (1 - _AVERAGED) and done % _EVERY == 0:
                model.remember()
        print(f"loss {sum(losses) / len(losses):.4f}", flush=True)
    model.settle()
    return model
