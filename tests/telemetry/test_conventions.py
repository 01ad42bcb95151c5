"""The names of the conventions, against the list of what moved after 1.41."""

from typing import Any

import pytest
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics

from pointsman.core.place import Dialect
from pointsman.core.reply import Finish
from pointsman.surfaces.registry import BY_PATH
from pointsman.telemetry import conventions

# The migration page of the conventions' new home: what it was called in 1.41, and what it is called now.
MOVED = [
    ("duration", "gen_ai.client.operation.duration", "gen_ai.client.inference.duration"),
    ("first_chunk", "gen_ai.client.operation.time_to_first_chunk", "gen_ai.client.inference.time_to_first_chunk"),
    ("per_chunk", "gen_ai.client.operation.time_per_output_chunk", "gen_ai.client.inference.time_per_output_chunk"),
    ("cache_write_tokens", "gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_write.input_tokens"),
]


@pytest.mark.parametrize(("key", "old", "coming"), MOVED)
def test_what_moved_is_told_under_the_name_that_is_asked_for(key: str, old: str, coming: str) -> None:
    assert [conventions.names(key, semconv) for semconv in ("1.41", "next", "both")] == [(old,), (coming,), (old, coming)]


def test_what_is_new_has_no_old_name() -> None:
    assert [conventions.names("workflow_duration", semconv) for semconv in ("1.41", "next", "both")] == [
        (),
        ("gen_ai.invoke_workflow.duration",),
        ("gen_ai.invoke_workflow.duration",),
    ]


def test_the_table_holds_what_moved_and_nothing_else() -> None:
    assert set(conventions.RENAMED) == {key for key, _, _ in MOVED} | {"workflow_duration"}
    assert sorted(conventions.NEXT_TOKEN_COUNTERS.values()) == sorted(
        f"gen_ai.client.inference.usage.{kind}_tokens" for kind in ("input", "output", "cache_read.input", "cache_write.input", "reasoning.output")
    )


@pytest.mark.parametrize(("semconv", "old", "coming"), [("1.41", True, False), ("next", False, True), ("both", True, True)])
def test_each_setting_tells_its_convention(semconv: str, old: bool, coming: bool) -> None:
    assert (conventions.tells_old(semconv), conventions.tells_next(semconv)) == (old, coming)
    assert (conventions.schema_url(semconv) is not None) == (semconv == "1.41")


def test_the_old_names_are_those_that_opentelemetry_published() -> None:
    published: set[Any] = {value for module in (gen_ai_attributes, gen_ai_metrics) for value in vars(module).values() if isinstance(value, str)}
    ours = [old for _, old, _ in MOVED if "time_" not in old]
    ours += [conventions.OLD_TOKEN_USAGE, conventions.TOKEN_TYPE, conventions.OPERATION, conventions.PROVIDER, conventions.CONVERSATION]
    ours += [conventions.REQUEST_MODEL, conventions.RESPONSE_MODEL, conventions.RESPONSE_ID, conventions.FINISH_REASONS, conventions.WORKFLOW]
    ours += [conventions.INPUT_TOKENS, conventions.OUTPUT_TOKENS, conventions.CACHE_READ_TOKENS]
    assert set(ours) <= published


def test_every_dialect_has_its_route_and_every_end_its_word() -> None:
    assert {surface.dialect: path for path, surface in BY_PATH.items()} == dict(conventions.ROUTES)
    assert set(conventions.ROUTES) == set(Dialect)
    assert set(conventions.FINISHED) == set(Finish)


def test_a_provider_has_the_name_that_is_known_or_its_own() -> None:
    assert (conventions.provider("mistral"), conventions.provider("vllm")) == ("mistral_ai", "vllm")
