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
from pointsman.governance.detection import sequence_tokens  # noqa: E402
from sequence import generate, train, words  # noqa: E402

TEXTS: Final = 80_000
_PAD: Final = 4  # empty tokens between two texts, so that no window reaches into the next


def build(output: Path, *, texts: int = TEXTS, seed: int = 7, rounds: int = 3) -> None:
    """Write the model to `output`."""
    started = time.process_time()
    lists = words.listed()
    rows, tags, weights = _examples(lists, texts=texts, seed=seed)
    print(f"{len(tags)} tokens, {time.process_time() - started:.0f} s")
    model = train.trained(rows, tags, weights=weights, buckets=sequence_tokens.BUCKETS, rounds=rounds, seed=seed)
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
        **{name: part.astype(np.float16 if part.ndim == 2 else np.float32) for name, part in parts.items() if name != "vectors"},
    )


def _examples(lists: dict[str, int], *, texts: int, seed: int) -> tuple[dict[str, Any], Any, Any]:
    """Return for each token its features as a known and as an unknown word and how often it is seen as the latter, its tag, and its weight."""
    random = Random(seed)
    kinds: dict[str, int] = {"": 0}
    which: list[int] = []
    tags: list[int] = []
    for text in generate.texts(random, texts):
        at = 0
        spans = iter((*text.spans, (1 << 30, 1 << 30, 0)))
        start, end, tag = next(spans)
        for token in sequence_tokens.TOKEN.findall(sequence_tokens.masked(text.text)):
            at += len(token)
            while at > end:
                start, end, tag = next(spans)
            which.append(kinds.setdefault(token, len(kinds)))
            tags.append(tag if at > start else 0)
        which += [0] * _PAD
        tags += [0] * _PAD
    known = np.array([[0] * sequence_tokens.FEATURES, *(sequence_tokens.features(token, lists) for token in list(kinds)[1:])], np.int32)
    unknown = np.array([[0] * sequence_tokens.FEATURES, *(sequence_tokens.features(token, lists, known=False) for token in list(kinds)[1:])], np.int32)
    index, labels = np.array(which), np.array(tags)
    names = np.isin(labels, [generate.TAGS.index(tag) for tag in ("person", "address", "location", "organisation")])
    rows = {"known": known[index], "unknown": unknown[index], "dropped": np.where(names, 0.25, 0.12)}
    return rows, labels, np.where(index == 0, 0.05, 1.0).astype(np.float32)


if __name__ == "__main__":
    build(Path(sys.argv[1]))
