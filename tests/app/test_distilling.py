"""
A table that is made by another process: nobody waits for it, and it does not outlive whoever asked.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.decision.prediction.encoders import WORDS, weights

from pointsman.app import distilling
from pointsman.app.distilling import Apart, TableUnmade, main
from pointsman.app.semantic import Encoder
from pointsman.storage.learned import LearnedFolder


@pytest.fixture
def encoder(tmp_path: Path) -> Encoder:
    found = Encoder(weights=tmp_path / "weights", vocabulary=tmp_path / "words")
    found.weights.write_bytes(weights())
    found.vocabulary.write_text("\n".join(WORDS))
    return found


@pytest.fixture
def folder(tmp_path: Path) -> LearnedFolder:
    return LearnedFolder(tmp_path / "learned")


@pytest.fixture
def apart() -> Iterator[Apart]:
    with closing(Apart()) as found:
        yield found


def waited(apart: Apart, encoder: Encoder, folder: LearnedFolder) -> str:
    """Ask until there is an answer."""
    for _ in range(2_000):
        if name := apart(encoder, folder):
            return name
        time.sleep(0.01)
    raise AssertionError("it was never done")


def test_a_table_is_made_elsewhere_and_who_asked_goes_on_meanwhile(apart: Apart, encoder: Encoder, folder: LearnedFolder) -> None:
    assert apart(encoder, folder) == ""
    name = waited(apart, encoder, folder)
    assert folder.has_table(name)
    assert name == folder.table_of(encoder.digest)


def test_weights_that_cannot_be_read_are_told_and_the_next_time_it_is_tried_again(apart: Apart, encoder: Encoder, folder: LearnedFolder) -> None:
    encoder.weights.write_bytes(b"no weights")
    with pytest.raises(TableUnmade, match=r"cannot be read.*embedding: hashed"):
        waited(apart, encoder, folder)
    encoder.weights.write_bytes(weights())
    assert waited(apart, encoder, folder)


def test_it_ends_with_whoever_started_it(tmp_path: Path, folder: LearnedFolder) -> None:
    os.mkfifo(tmp_path / "weights")  # nobody ever writes: it would wait for ever
    words = (sys.executable, "-m", distilling.__name__, str(tmp_path / "weights"), str(tmp_path / "words"), str(folder.folder))
    child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert child.stdin is not None
    child.stdin.close()
    assert child.wait(timeout=30) != 0


def test_who_stops_ends_what_is_running(tmp_path: Path, folder: LearnedFolder) -> None:
    os.mkfifo(tmp_path / "weights")
    apart = Apart()
    apart(Encoder(weights=tmp_path / "weights", vocabulary=tmp_path / "words"), folder)
    assert apart._running is not None
    pid = apart._running.pid
    apart.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_process_says_the_name_or_what_is_wrong(encoder: Encoder, folder: LearnedFolder, capsys: pytest.CaptureFixture[str]) -> None:
    words = (str(encoder.weights), str(encoder.vocabulary), str(folder.folder))
    assert main(words) == 0
    assert folder.has_table(capsys.readouterr().out.strip())
    encoder.vocabulary.unlink()
    assert main(words) == 1
    assert "pointsman[semantic]" in capsys.readouterr().err
