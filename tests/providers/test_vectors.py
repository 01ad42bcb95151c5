"""
Golden vectors: what one dialect says, written down in the other, for a person to read.

A vector holds for each caller's dialect its `request`, and either the fields by whose names the other dialect refuses it (`refused`) or what
its vendor is `asked`; then a vendor's `answer` with what the caller is `answered`, and its `stream` with what the caller is `streamed`.
"""

import json
from pathlib import Path

import msgspec
import pytest
from tests.providers.dialects import (
    OPENAI,
    PAIRS,
    Json,
    answered,
    asked,
    judge_answer,
    judge_request,
    misfits,
    put_together,
    read,
    sse,
    streamed,
    target_of,
    told,
)

from pointsman.core.place import Dialect
from pointsman.providers.registry import BY_DIALECT as WIRES
from pointsman.surfaces.registry import BY_DIALECT as SURFACES

VECTORS = {path.stem: json.loads(path.read_text()) for path in sorted(Path(__file__).with_name("vectors").glob("*.json"))}
CASES = [(name, caller, vendor, stream) for name in VECTORS for caller, vendor in PAIRS for stream in (False, True)]
ANSWERS = [case for case in CASES if "answer" in VECTORS[case[0]][case[1]] and case[1] is not case[2]]


@pytest.mark.parametrize(("name", "caller", "vendor", "stream"), CASES)
def test_a_request_says_the_same_to_every_vendor_or_is_refused_by_name(name: str, caller: Dialect, vendor: Dialect, *, stream: bool) -> None:
    vector = VECTORS[name][caller]
    call = read(caller, {**vector["request"], **({"stream": True} if stream else {})})
    if caller is vendor:
        expected = {**vector["request"], "model": "small"}
    elif "refused" in vector:
        assert list(misfits(call, vendor)) == vector["refused"]
        return
    else:
        expected = dict(vector["asked"])
    if stream:
        expected["stream"] = True
    if stream and vendor is OPENAI:
        expected["stream_options"] = {"include_usage": True}
    assert misfits(call, vendor) == ()
    body = asked(call, vendor)
    assert body == expected
    if caller is not vendor:
        judge_request(vendor, body)


@pytest.mark.parametrize(("name", "caller", "vendor", "stream"), ANSWERS)
def test_an_answer_says_the_same_to_every_caller(name: str, caller: Dialect, vendor: Dialect, *, stream: bool) -> None:
    vector = VECTORS[name][caller]
    call = read(caller, {**vector["request"], "stream": stream})
    judge_answer(vendor, vector["answer"])
    if stream:
        written = streamed(call, vendor, sse(vendor, vector["stream"]))
        assert told(caller, written) == vector["streamed"]
        put_together(caller, written)
    else:
        body = answered(call, vendor, vector["answer"])
        assert body == vector["answered"]
        judge_answer(caller, body)


@pytest.mark.parametrize("vector", [pytest.param(VECTORS[name][caller], id=f"{name}-{caller}") for name in VECTORS for caller, _ in PAIRS[::2]])
def test_a_vector_is_refused_or_asked(vector: Json) -> None:
    assert ("refused" in vector) != ("asked" in vector)


@pytest.mark.parametrize("vendor", list(Dialect))
@pytest.mark.parametrize("full", [False, True])
def test_an_answer_in_the_callers_own_dialect_is_forwarded_byte_for_byte(vendor: Dialect, *, full: bool) -> None:
    vector = next(vector[caller] for vector in VECTORS.values() for caller in Dialect if "answer" in vector[caller] and caller is not vendor)
    call = read(vendor, VECTORS["text_in_both_directions"][vendor]["request"])
    body = msgspec.json.encode({"not known to us": [1.0, {"a": None}], **vector["answer"]}).replace(b",", b" ,\n")
    assert SURFACES[vendor].encode(WIRES[vendor].decode(body, target_of(vendor), full=full), call) == body
