"""
What the demo says is promised: nothing, unless a promise is in force. One that is in force: see `test_value`.
"""

from pathlib import Path

import pytest

from pointsman.cli.demonstration.folder import Ports, Stage, write
from pointsman.cli.demonstration.promise import promise_in
from pointsman.storage.open import open_writing

PORTS = Ports(gateway=18800, admin=18801, own_gpu=18802, cloud_a=18803, cloud_b=18804)


@pytest.mark.parametrize("stage", [Stage.HYBRID, Stage.BY_VALUE])
def test_without_a_history_nothing_is_promised(tmp_path: Path, stage: Stage) -> None:
    path = write(tmp_path, PORTS, speed=1, stage=stage)
    open_writing(tmp_path / "pointsman.db").close()
    assert promise_in(path, now_ms=1_750_000_000_000) == ""
