"""
The upstreams of the journeys, one of each for a whole session: a third party's mock, a real model server, and our own simulator.
"""

import shutil
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.journeys import absent_mock, tiny_model
from tests.journeys.absent_mock import AbsentMock
from tests.journeys.gateway import UPSTREAM_KEY, Gateway
from tests.journeys.processes import Process
from tests.journeys.upstreams import Simulator, Upstreams, matrix_settings

_HERE: Final = Path(__file__).parent
_AIMOCK: Final = _HERE.parent / "aimock"


_ABSENT: Final = pytest.StashKey[AbsentMock]()


@pytest.fixture(scope="session")
def aimock(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[str]:
    """The address of `@copilotkit/aimock`, or of nobody where npm is absent: one gateway serves many tests, and few of them ask it."""
    node = shutil.which("node")
    if node is None or not (_AIMOCK / "node_modules").is_dir():
        with AbsentMock() as absent:
            pytestconfig.stash[_ABSENT] = absent
            yield absent.url
        return
    with Process([node, _AIMOCK / "serve.mjs"], folder=tmp_path_factory.mktemp("aimock"), name="aimock") as process:
        yield process.first_line()


@pytest.fixture(scope="session")
def llamacpp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of llama.cpp's server, with a model made a moment ago."""
    folder = tmp_path_factory.mktemp("llamacpp")
    tiny_model.make(folder / "tiny.gguf")
    with Process([sys.executable, _HERE / "llamacpp_server.py", folder / "tiny.gguf"], folder=folder, name="llamacpp") as process:
        yield process.first_line()


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """Our own simulated vendor, fast, and strict about its key."""
    command = [sys.executable, "-m", "pointsman.cli.simulated", "--speed", "40", "--key", UPSTREAM_KEY]
    with Process(command, folder=tmp_path_factory.mktemp("simulated"), name="simulated") as process:
        yield Simulator(process.first_line().rsplit(" ", 1)[-1])


@pytest.fixture(scope="session")
def upstreams(aimock: str, llamacpp: str, simulator: Simulator) -> Upstreams:
    return Upstreams(aimock=aimock, llamacpp=llamacpp, simulated=simulator.url)


@pytest.fixture(scope="session")
def gateway(upstreams: Upstreams, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One gateway for the whole matrix, open to the loopback address."""
    with Gateway(tmp_path_factory.mktemp("matrix"), matrix_settings(upstreams)) as running:
        yield running


def pytest_runtest_setup(item: pytest.Item) -> None:
    absent = item.config.stash.get(_ABSENT, None)
    if absent is not None:
        absent.asked = 0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Skip what failed after it had asked the mock that is not there. What fails without it fails."""
    report = yield
    absent = item.config.stash.get(_ABSENT, None)
    if report.failed and absent is not None and absent.asked:
        report.outcome = "skipped"
        report.longrepr = (str(item.path), item.location[1] or 0, f"Skipped: {absent_mock.WHY}")
    return report
