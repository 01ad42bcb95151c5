"""
The upstreams of the journeys, one of each for a whole session: a third party's mock, a real model server, and our own simulator.
"""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.journeys import tiny_model
from tests.journeys.gateway import UPSTREAM_KEY, Gateway
from tests.journeys.processes import Process
from tests.journeys.upstreams import Simulator, Upstreams, matrix_settings

_HERE: Final = Path(__file__).parent
_AIMOCK: Final = _HERE.parent / "aimock"


@pytest.fixture(scope="session")
def aimock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `@copilotkit/aimock`."""
    node = shutil.which("node")
    if node is None or not (_AIMOCK / "node_modules").is_dir():
        pytest.skip("npm is absent, so the third party's mock is not installed (`npm ci --prefix tests/aimock`)")
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
