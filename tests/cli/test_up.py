"""
`pointsman up`, as real processes.
"""

import json
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.cli.running import CONFIGURATION, Gateway, VendorServer, finish, free_ports, start, until

from pointsman.cli import init, up

SMALL = "server: {{listen: 127.0.0.1:{}, admin: 127.0.0.1:{}}}\ncapabilities:\n  support: {{ladder: [openai/gpt-6-luna, mistral/mistral-small-latest]}}\n"


def started(folder: Path, *words: str) -> tuple["subprocess.Popen[str]", str]:
    """Start a gateway and return what it says until the line with `POINT`."""
    process = start("up", *words, folder=folder, MISTRAL_API_KEY="x" * 20)
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if "-d '{" in line or line == "}\n":
            break
    return process, said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_answers_with_what_and_ends_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    listen, admin = free_ports(2)
    (tmp_path / "pointsman.yaml").write_text(SMALL.format(listen, admin))

    process, said = started(tmp_path)
    process.send_signal(number)
    done = finish(process)

    assert done.code == 0
    assert said.startswith(f"Pointsman answers at http://127.0.0.1:{listen}\n")
    assert f"\n  administration  http://127.0.0.1:{admin}\n" in said
    assert "\n  support         openai/gpt-6-luna → mistral/mistral-small-latest\n" in said
    assert "`OPENAI_API_KEY`" in done.err
    assert "MISTRAL" not in done.err
    assert "There are no keys" in done.err
    assert "INFO" not in done.err
    assert "Traceback" not in done.err


def test_the_curl_line_that_it_prints_works(vendor: VendorServer, tmp_path: Path, run: Run) -> None:
    listen, admin = free_ports(2)
    (tmp_path / "pointsman.yaml").write_text(CONFIGURATION.format(listen=listen, admin=admin, url=vendor.url))
    secret = run("keys", "create", "web").out.strip()

    process, said = started(tmp_path)
    command = said[said.index("curl ") :].strip()
    answer = subprocess.run(["sh", "-c", command], env={"POINTSMAN_KEY": secret}, capture_output=True, text=True, check=True, timeout=50)
    process.terminate()
    finish(process)

    assert json.loads(answer.stdout)["choices"][0]["message"]["content"] == "You said: Hi"


def test_readiness_as_json_names_the_addresses_and_the_snapshot(gateway: Gateway) -> None:
    assert gateway.ready["ready"] is True
    assert gateway.ready["url"] == gateway.url
    assert gateway.ready["capabilities"]["second"] == ["acme/broken", "small"]
    with urllib.request.urlopen(f"{gateway.url}/readyz", timeout=30) as answer:
        assert json.load(answer) == {"status": "ready", "snapshot": gateway.ready["snapshot"]}


def test_a_key_made_while_it_runs_is_asked_for_soon_after(tmp_path: Path) -> None:
    listen, admin = free_ports(2)
    (tmp_path / "pointsman.yaml").write_text(SMALL.format(listen, admin))
    process, _ = started(tmp_path, "--json")

    def models(secret: str | None) -> int:
        request = urllib.request.Request(f"http://127.0.0.1:{listen}/v1/models", headers={"x-api-key": secret} if secret else {})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    assert models(None) == 200
    secret = finish(start("keys", "create", "web", folder=tmp_path)).out.strip()
    until(lambda: models(None) == 401)
    assert models(secret) == 200
    process.terminate()
    assert finish(process).code == 0


def test_an_address_that_is_taken_is_told_with_a_remedy(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        (tmp_path / "pointsman.yaml").write_text(SMALL.format(taken.getsockname()[1], free_ports(1)[0]))
        done = finish(start("up", folder=tmp_path))

    assert done.code == 3
    assert "Cannot listen on 127.0.0.1:" in done.err
    assert "server.listen" in done.err
    assert "Traceback" not in done.err


def test_a_file_with_mistakes_does_not_start(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pointsman.yaml").write_text("capabilities: {a: {ladder: [nothing]}}\n")

    done = run("up")

    assert done.code == 1
    assert done.err.startswith("pointsman.yaml:1: capabilities.a.ladder[0]: there is no target `nothing`.")


def test_a_roll_back_that_a_crash_cut_short_is_completed_first(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "pointsman.yaml"
    path.write_text("of the bad release: 1\n")
    journal = tmp_path / ".pointsman.yaml.journal"
    journal.write_text(json.dumps({str(path): "capabilities: {}\n"}))

    done = run("up", "-c", str(path))

    assert "A roll-back that was cut short is complete now." in done.err
    assert path.read_text() == "capabilities: {}\n"
    assert not journal.exists()
    assert done.code == 1  # what was written back is not good either: said as of any file


def test_two_workers_are_told_and_end_together(tmp_path: Path) -> None:
    listen, admin = free_ports(2)
    (tmp_path / "pointsman.yaml").write_text(SMALL.format(listen, admin).replace("server: {", "server: {workers: 2, "))

    process, said = started(tmp_path)
    process.terminate()
    done = finish(process)

    assert "\n  workers         2\n" in said
    assert done.code == 0


def test_without_a_file_one_is_written_for_what_the_machine_has(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Path] = []
    monkeypatch.setattr(up, "run", lambda path, **_: served.append(path))
    monkeypatch.setattr(init, "usual_servers", dict[str, str])
    monkeypatch.setenv("MISTRAL_API_KEY", "x" * 20)

    done = run("up")

    assert (done.code, served) == (0, [Path("pointsman.yaml")])
    assert "Found MISTRAL_API_KEY in the environment." in done.err
    assert "There was no pointsman.yaml; wrote one" in done.err
    assert "mistral/" in (tmp_path / "pointsman.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(("words", "key"), [((), ""), (("--config", "mine.yaml"), "x")])
def test_without_a_file_and_with_nothing_to_guess_from_nothing_starts(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], key: str
) -> None:
    monkeypatch.setattr(init, "usual_servers", dict[str, str])
    monkeypatch.setenv("MISTRAL_API_KEY", key)

    done = run("up", *words)

    assert done.code == 1
    assert "pointsman init" in done.err
    assert not list(tmp_path.iterdir())
