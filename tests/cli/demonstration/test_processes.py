import socket
from pathlib import Path

import pytest

from pointsman.cli.demonstration.processes import Processes, free_port, gateway_port
from pointsman.core.errors import Unusable


def test_a_gateway_that_does_not_start_is_told_with_what_it_said(tmp_path: Path) -> None:
    (tmp_path / "pointsman.yaml").write_text("capabilities: {}\n")
    processes = Processes(tmp_path)
    try:
        with pytest.raises(Unusable, match=r"The process `gateway` of the demo did not start[^$]*capabilities[^$]*gateway\.log"):
            processes.gateway(tmp_path / "pointsman.yaml", free_port())
        assert processes.fallen() == "gateway"
    finally:
        processes.end()


def test_a_vendor_that_does_not_start_is_told_with_what_it_said(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    try:
        with pytest.raises(Unusable, match=r"`cloud-a`[^$]*speed"):
            processes.vendors({"cloud-a": free_port()}, seed=0, speed=-1)
    finally:
        processes.end()


def test_the_gateway_takes_the_usual_port_unless_somebody_else_has_it() -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 8800))
            taken.listen()
        except OSError:
            pass  # somebody on this machine has it already: just as good
        assert gateway_port(None) != 8800
    assert gateway_port(1234) == 1234
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", gateway_port(None)))
