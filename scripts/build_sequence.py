"""
Train the sequence model of `governance/detection` into the package, from templates and lists in `scripts/sequence` alone.

The same seed gives the same texts and the same order of training. Nothing is fetched.
"""

import sys
import time
from pathlib import Path
from random import Random
from typing import Any, Final

_ROOT: Final = Path(__file__).parent.parent
for _folder in (str(_ROOT / "scripts"), str(_ROOT / "src")):  # a build runs where neither is installed
    if _folder not in sys.path:
        sys.path.insert(0, _folder)

import numpy as np  # noqa: E402 - after the path is set
from sequence import generate, train, words  # noqa: E402

from pointsman.governance.detection import sequence_tokens  # noqa: E402

TEXTS: Final = 100_000
# How often a word of the lists is seen as if it stood in none, so that forms and neighbours are learned as well.
_UNKNOWN_NAMES: Final = 0.25
_UNKNOWN_WORDS: Final = 0.12
_PAD: Final = 4  # empty tokens between two texts, so that no window reaches into the next


def build(output: Path, *, texts: int = TEXTS, seed: int = 7, rounds: int = 3) -> None:
    """Write the model to `output`."""
    started = time.process_time()
    lists = words.listed()
    examples = _examples(lists, texts=texts, seed=seed)
    print(f"{len(examples.tags)} tokens, {time.process_time() - started:.0f} s")
    model = train.trained(examples, buckets=sequence_tokens.BUCKETS, choices=len(generate.TAGS), rounds=rounds, seed=seed)
    output.parent.mkdir(parents=True, exist_ok=True)
    _write(output, model.parts, lists)
    print(f"{output.stat().st_size} bytes, {time.process_time() - started:.0f} s")


def _write(output: Path, parts: dict[str, Any], lists: dict[str, int]) -> None:
    vectors = parts["vectors"]
    scale = np.abs(vectors).max(axis=0) / 127
    ordered = sorted(lists)
    np.savez_compressed(
        output,
        vectors=np.round(vectors / scale).astype(np.int8),
        scale=scale.astype(np.float32),
        words=np.frombuffer("\n".join(ordered).encode(), np.uint8),
        bits=np.array([lists[word] for word in ordered], np.uint32),
        tags=np.frombuffer("\n".join(generate.TAGS).encode(), np.uint8),
        **{name: part.astype(np.float32 if name.endswith("bias") else np.float16) for name, part in parts.items() if name != "vectors"},
    )


def _examples(lists: dict[str, int], *, texts: int, seed: int) -> train.Examples:
    """Return what is learned from: the texts cut into tokens, with the tag of the span that each stands in."""
    numbers: dict[str, int] = {"": 0}
    which: list[int] = []
    tags: list[int] = []
    for text in generate.texts(Random(seed), texts):  # noqa: S311 - for the same texts each time
        at = 0
        spans = iter((*text.spans, (1 << 30, 1 << 30, 0)))
        start, end, tag = next(spans)
        for token in sequence_tokens.TOKEN.findall(sequence_tokens.masked(text.text)):
            at += len(token)
            while at > end:
                start, end, tag = next(spans)
            which.append(numbers.setdefault(token, len(numbers)))
            tags.append(tag if at > start else 0)
        which += [0] * _PAD
        tags += [0] * _PAD
    kinds = [
        features
        for known in (True, False)
        for features in ([0] * sequence_tokens.FEATURES, *(sequence_tokens.features(token, lists, known=known) for token in list(numbers)[1:]))
    ]
    index, labels = np.array(which), np.array(tags)
    names = np.isin(labels, [generate.TAGS.index(tag) for tag in ("person", "address", "location", "organisation")])
    return train.Examples(
        kinds=np.array(kinds, np.int32),
        which=index,
        unknown=np.where(names, _UNKNOWN_NAMES, _UNKNOWN_WORDS),
        tags=labels,
        weights=np.where(index == 0, 0.05, 1.0).astype(np.float32),
    )


if __name__ == "__main__":
    build(Path(sys.argv[1]))
