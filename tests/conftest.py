"""
What all tests may ask for by name: a ledger on each database. And the end of a test process.
"""

import coverage
import pytest
from tests.storage.databases import each_database, each_place, postgres_url

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
