"""
No record of a log holds what anybody said, whoever wrote it, however, and at whatever level.
"""

import ast
import io
import json
import logging
import re
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pointsman
from pointsman.core.errors import BadRequest, CredentialMissing, LedgerUnavailable
from pointsman.core.failure import FailureKind
from pointsman.telemetry.logs import Guard, JsonLines, Plain, log_to

CANARY = "canary-4711"
SOURCES = Path(pointsman.__file__).parent
LOG = logging.getLogger("pointsman")


class Word(StrEnum):
    SAID = "said"


@pytest.fixture
def written() -> Iterator[Callable[[], str]]:
    """What a process with guarded logs writes, at the level DEBUG."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, sys.unraisablehook, threading.excepthook
    root.handlers.clear()
    stream = io.StringIO()
    log_to(stream, logging.DEBUG)
    yield stream.getvalue
    root.handlers[:], level, sys.unraisablehook, threading.excepthook = before
    root.setLevel(level)


def test_our_own_sentences_are_written_with_what_they_are_about(written: Callable[[], str]) -> None:
    call_id, snapshot = "01890000-0000-7000-8000-000000000001", "0123456789abcdef"
    LOG.info("call %s under %s took %d of %.1f s at `%s` (%s, %s)", call_id, snapshot, 3, 4.5, Plain("acme/small"), Word.SAID, Path("pointsman.db"))
    assert f"INFO call {call_id} under {snapshot} took 3 of 4.5 s at `acme/small` (said, pointsman.db)\n" in written()
    LOG.debug("%(one)s and %(other)s", {"one": Plain("this"), "other": CANARY})
    assert "this and <withheld>" in written()


@pytest.mark.parametrize(
    "value",
    [
        CANARY,
        f"call {CANARY}",
        CANARY.encode(),
        [CANARY],
        {"a": CANARY},
        (CANARY,),
        object(),
        ValueError(CANARY),
        KeyError(CANARY),
        sqlite3.IntegrityError(CANARY),
        BadRequest(CANARY, field="x"),
        UnicodeDecodeError("utf-8", CANARY.encode(), 0, 1, CANARY),
        type("Odd", (), {"__str__": lambda _: CANARY, "__repr__": lambda _: CANARY})(),
    ],
)
@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO, logging.ERROR])
def test_what_might_be_content_is_withheld(written: Callable[[], str], value: object, level: int) -> None:
    LOG.log(level, "there was %s and %r", value, value)
    assert "there was " in written()
    assert "canary" not in written()


@pytest.mark.parametrize("secret", ["sk-proj-0123456789abcdef", "0123456789abcdef0123456789abcdef", "hunter2", "AKIAIOSFODNN7EXAMPLE"])
def test_no_form_of_a_key_passes_for_an_id(written: Callable[[], str], secret: str) -> None:
    LOG.error("the key is %s", secret)
    assert secret not in written()


@given(text=st.text(min_size=1, max_size=60))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_no_text_passes_that_nobody_vouched_for(written: Callable[[], str], text: str) -> None:
    LOG.error("<%s>", text)
    assert written().endswith(" ERROR <<withheld>>\n")


def test_errors_of_ours_that_tell_of_the_installation_are_written_in_full(written: Callable[[], str]) -> None:
    LOG.error("%s", CredentialMissing("The credential `env:KEY` is missing. Set it."))
    LOG.error("%s", LedgerUnavailable("The ledger cannot be written. Free the disk."))
    assert "The credential `env:KEY` is missing. Set it." in written()
    assert "Free the disk." in written()


def test_of_other_faults_the_kind_is_written(written: Callable[[], str]) -> None:
    with sqlite3.connect(":memory:") as connection:
        try:
            connection.execute("SELECT * FROM nowhere")
        except sqlite3.Error as error:
            LOG.warning("%s", error)
    try:
        Path("/nowhere/at/all").read_text(encoding="utf-8")
    except OSError as error:
        LOG.warning("%s", error)
    LOG.error("%s, %s, %s", BadRequest(CANARY, field="x"), FailureKind.CREDENTIAL, "bad_request")
    assert "OperationalError: SQLITE_ERROR" in written()
    assert "FileNotFoundError: No such file or directory" in written()
    assert "bad_request, credential, bad_request" in written()


def _find() -> None:
    raise KeyError(CANARY)


def _fail() -> None:
    try:
        _find()
    except KeyError as error:
        raise ValueError(f"no {CANARY}") from error


def _fail_anew() -> None:
    try:
        _find()
    except KeyError:
        raise ValueError(CANARY) from None


def test_where_a_fault_arose_is_written_without_its_words(written: Callable[[], str]) -> None:
    try:
        _fail()
    except ValueError:
        LOG.exception("something went wrong")
    assert "something went wrong" in written()
    assert written().index("KeyError") < written().index("ValueError")
    assert ", in _fail" in written()
    assert "canary" not in written()


def test_a_fault_that_was_hidden_on_purpose_is_not_shown(written: Callable[[], str]) -> None:
    try:
        _fail_anew()
    except ValueError:
        LOG.exception("something went wrong")
    assert "KeyError" not in written()


def test_what_other_libraries_say_is_withheld_and_that_they_spoke_is_not(written: Callable[[], str]) -> None:
    for level in (logging.DEBUG, logging.CRITICAL):
        logging.getLogger("asyncio").log(level, f"Task %r: {CANARY}", CANARY)  # noqa: G004 - others do
    try:
        _fail()
    except ValueError:
        logging.getLogger("some.library").exception(CANARY)
    assert written().count("`asyncio` has something to say; its words are withheld") == 2
    assert ", in _fail" in written()
    assert "canary" not in written()


def test_a_record_may_pass_two_guards(written: Callable[[], str]) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(Guard())
    LOG.addHandler(handler)
    try:
        _fail()
    except ValueError as error:
        LOG.exception("%s %s at `%s`", error, CANARY, Plain("acme"))  # noqa: TRY401 - some do
    finally:
        LOG.removeHandler(handler)
    assert stream.getvalue() == written().partition(" ERROR ")[2]
    assert stream.getvalue().startswith("ValueError <withheld> at `acme`\n  File ")


def test_logging_that_is_set_up_already_stays_as_it_is(written: Callable[[], str]) -> None:
    other = io.StringIO()
    log_to(other, logging.DEBUG)
    LOG.error("once")
    assert (written().count("once"), other.getvalue()) == (1, "")


def test_a_record_without_an_exception_under_way_has_no_trace(written: Callable[[], str]) -> None:
    LOG.error("nothing is under way", exc_info=True)  # noqa: LOG014 - it happens
    assert "nothing is under way" in written()


@pytest.mark.filterwarnings("ignore")
def test_what_breaks_in_a_thread_or_while_something_is_cleared_away_is_guarded(written: Callable[[], str], capfd: pytest.CaptureFixture[str]) -> None:
    thread = threading.Thread(target=_fail)
    thread.start()
    thread.join()
    hook: Any = sys.unraisablehook
    for error in (ValueError(CANARY), None):
        hook(SimpleNamespace(exc_type=ValueError, exc_value=error, exc_traceback=None))
    assert written().count("something broke where nobody waits for it") >= 3
    assert "canary" not in written() + "".join(capfd.readouterr())


# ── one JSON object a line ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What a process with guarded logs writes as JSON, at the level DEBUG."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, sys.unraisablehook, threading.excepthook
    root.handlers.clear()
    stream = io.StringIO()
    log_to(stream, logging.DEBUG, as_json=True)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:], level, sys.unraisablehook, threading.excepthook = before
    root.setLevel(level)


def test_a_line_is_an_object_of_fields_that_are_fixed(lines: Callable[[], list[dict[str, Any]]]) -> None:
    call_id = "01890000-0000-7000-8000-000000000001"
    LOG.warning("call %s failed at `%s` after %d of %.1f s", call_id, Plain("acme/small"), 3, 4.5, extra={"prompt": CANARY, "call_id": CANARY})
    [line] = lines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("at"))
    assert line == {
        "level": "warning",
        "event": "call %s failed at `%s` after %d of %.1f s",
        "message": f"call {call_id} failed at `acme/small` after 3 of 4.5 s",
        "call_id": call_id,
        "values": [call_id, "acme/small", 3, 4.5],
    }


def test_what_is_filled_in_by_name_has_its_names(lines: Callable[[], list[dict[str, Any]]]) -> None:
    LOG.info("%(one)s, %(other)s and %(none)s", {"one": Plain("this"), "other": CANARY, "none": None})
    assert lines()[0]["values"] == {"one": "this", "other": "<withheld>", "none": None}


@pytest.mark.parametrize("value", [CANARY, CANARY.encode(), [CANARY], {"a": CANARY}, ValueError(CANARY), BadRequest(CANARY), Path("pointsman.db"), Word.SAID])
def test_no_field_holds_what_might_be_content(lines: Callable[[], list[dict[str, Any]]], value: object) -> None:
    LOG.error("there was %s", value, exc_info=ValueError(CANARY))
    logging.getLogger("some.library").error(CANARY)
    first, second = lines()
    assert "canary" not in json.dumps([first, second])
    assert first["exception"] == "ValueError"
    assert set(first) <= {"at", "level", "event", "message", "values", "exception"}


def test_a_line_that_no_guard_saw_is_guarded_when_it_is_written() -> None:
    told = logging.LogRecord("pointsman", logging.INFO, "", 0, "there was %s", (CANARY,), None)
    assert "canary" not in JsonLines().format(told)


@given(text=st.text(max_size=60) | st.just("\udc80"))
@settings(max_examples=40)
def test_every_line_is_whole_whatever_is_filled_in(text: str) -> None:
    # Not through the logger: what pytest catches there goes between processes as UTF-8, and this may be none.
    told = logging.LogRecord("pointsman", logging.ERROR, "", 0, "<%s> at `%s` %s", (text, Plain(text), float("nan")), None)
    assert json.loads(JsonLines().format(told))["values"] == ["<withheld>" if not _is_ours(text) else text, text, "nan"]


def _is_ours(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9a-f]{16}", text))


# ── who logs ────────────────────────────────────────────────────────────────────────────────────────────────────────

_LEVELS = {"debug", "info", "warning", "error", "critical", "exception", "log"}


def _call_sites() -> Iterator[tuple[str, ast.Call]]:
    for path in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name)):
                continue
            if node.func.attr in _LEVELS and node.func.value.id in {"_LOG", "LOG", "log", "logger"}:
                yield f"{path.relative_to(SOURCES)}:{node.lineno}", node


def test_every_sentence_in_a_log_is_written_out_where_it_is_logged() -> None:
    """What is filled in is guarded; so the sentence itself must be ours: no place may log a text that it was given, or adds fields of its own."""
    sites = list(_call_sites())
    assert len(sites) > 30
    for where, node in sites:
        assert isinstance(node.args[0], ast.Constant), where
        assert isinstance(node.args[0].value, str), where
        assert {keyword.arg for keyword in node.keywords} <= {"exc_info"}, where


def test_all_that_logs_is_called_pointsman() -> None:
    for path in SOURCES.rglob("*.py"):
        for found in re.findall(r"getLogger\(([^)]*)\)", path.read_text(encoding="utf-8")):
            assert found in {'"pointsman"', "_OURS", "", '"uvicorn"', '"opentelemetry"'}, path
