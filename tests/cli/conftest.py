"""
What tests of the command line share: commands in this process, a small vendor, and a gateway that runs.
"""

import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.cli.running import CONFIGURATION, Done, Gateway, VendorServer, finish, free_ports, start

from pointsman.cli.main import main

Run = Callable[..., Done]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in this process, in an empty folder and an environment without vendor keys."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.endswith("_API_KEY") or name.startswith("POINTSMAN_")]:
        monkeypatch.delenv(name)

    def run(*words: str) -> Done:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(words)
        told = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Done(ended.value.code, told.out, told.err)

    return run


@pytest.fixture(scope="session")
def vendor() -> Iterator[VendorServer]:
    server = VendorServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def gateway(vendor: VendorServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A real gateway, started by `pointsman up`."""
    folder = tmp_path_factory.mktemp("gateway")
    listen, admin = free_ports(2)
    (folder / "pointsman.yaml").write_text(CONFIGURATION.format(listen=listen, admin=admin, url=vendor.url))
    process = start("up", "--json", folder=folder)
    assert process.stdout is not None
    ready = ""
    for line in process.stdout:
        ready += line
        if line == "}\n":
            break
    yield Gateway(process, folder, f"http://127.0.0.1:{listen}", json.loads(ready))
    process.terminate()
    finish(process)
