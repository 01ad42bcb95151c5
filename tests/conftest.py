"""
What all tests may ask for by name: a ledger on each database, a guarded log. How laws are tried, what is installed, and the end of a test process.
"""

import os
from collections.abc import Iterator

# Before anything reads numpy, and for the programs that tests start too: products of matrices on many threads take longer than on one where tests run side
# by side, beyond any time limit. Whoever wants it otherwise says so.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import coverage
import pytest
from hypothesis import HealthCheck, settings
from tests.storage.databases import each_database, each_place, postgres_url

from pointsman.telemetry.logs import Guard

# The gate tries the same examples each time: it tells whether a change broke something. `make search` looks for examples that nobody has tried yet.
# No example has a deadline of its own: on a machine that stalls it would tell of the machine. A test that is too slow ends at pytest's time limit.
_UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("gate", _UNHURRIED, derandomize=True)
settings.register_profile("search", _UNHURRIED, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))


@pytest.fixture(scope="session", autouse=True)
def plain_install() -> Iterator[None]:
    """Take the extra `semantic` as not installed: tests tell the same on each machine, and its table takes half a minute to make."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pointsman.app.semantic.installed", lambda: None)
        yield


@pytest.fixture
def guarded_log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """What is logged as an operator would read it. The handler is that of all tests of this process, so the guard goes with the test."""
    guard = Guard()
    caplog.handler.addFilter(guard)
    yield caplog
    caplog.handler.removeFilter(guard)


__all__ = ["each_database", "each_place", "postgres_url"]


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish() -> None:
    """
    Keep what was measured before this process is asked to end.

    Whoever hands out the tests gives it ten seconds for that, in which servers are stopped too; then it is killed, and what was measured would be lost.
    """
    measured = coverage.Coverage.current()
    if measured is not None:
        measured.stop()
        measured.save()
