"""
`pointsman init`: a file that works, whatever the machine has.
"""

import json
import socket
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cli.conftest import Run
from tests.cli.running import VendorServer, free_ports

from pointsman.cli.configuration import check_of
from pointsman.cli.discovery import Found, ModelServer, servers_at, usual_servers, variable_of
from pointsman.cli.first_file import first_file
from pointsman.core.label import Level
from pointsman.core.place import Place
from pointsman.ledger.prices import Catalogue
from pointsman.providers.profiles.first_models import FIRST_MODELS, FIRST_REMARKS
from pointsman.providers.profiles.table import PROFILES

KNOWN_VENDORS = [kind for kind in PROFILES if variable_of(kind)]


def test_a_vendor_key_in_the_environment_becomes_a_ladder(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-never-to-be-seen")

    done = run("init", "--no-probe")

    text = (tmp_path / "pointsman.yaml").read_text()
    assert done.code == 0
    assert "support-answer  anthropic/claude-haiku-5-5" in done.out
    assert "Found ANTHROPIC_API_KEY" in done.err
    assert "sk-ant" not in text + done.out + done.err
    assert run("check", "--strict").code == 0


def test_what_a_first_model_cannot_do_is_remarked_beside_it(run: Run, tmp_path: Path) -> None:
    run("init", "--no-probe")

    assert "    # openai/gpt-6-luna takes tools in chat completions only with `reasoning_effort: none`\n" in (tmp_path / "pointsman.yaml").read_text()


def test_with_nothing_found_the_file_is_still_good_and_the_line_to_change_is_named(run: Run, tmp_path: Path) -> None:
    done = run("init", "--no-probe")

    line = (tmp_path / "pointsman.yaml").read_text().split("\n")[6]
    assert "Line 7 names OpenAI for now: set OPENAI_API_KEY" in done.out
    assert "ladder: [openai/gpt-6-luna]" in line
    assert run("check").code == 0


def test_a_model_server_comes_before_the_cloud_and_gets_a_capability_of_its_own(run: Run, vendor: VendorServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "x" * 20)

    done = run("init", "--no-probe", "--server", f"vllm={vendor.url}")

    assert f"Found vllm at {vendor.url} with small: target `local-vllm`." in done.err
    assert "support-answer  local-vllm → openai/gpt-6-luna" in done.out
    checked = run("check", "--json").json
    assert checked["capabilities"]["private-answer"]["ladder"] == ["local-vllm"]
    assert checked["capabilities"]["private-answer"]["data_class"] == "restricted"
    assert checked["without_price"] == ["local-vllm"]


def test_the_result_as_json_names_what_was_found_and_what_to_do_next(run: Run, vendor: VendorServer) -> None:
    done = run("init", "--no-probe", "--server", f"ollama={vendor.url}", "-c", "other.yaml", "--json").json

    assert done["servers"] == [{"kind": "ollama", "url": vendor.url, "models": ["small"]}]
    assert done["vendors"] == []
    assert done["capabilities"] == {"support-answer": ["local-ollama"]}
    assert done["next"][0] == "pointsman check --config other.yaml"


def test_what_to_do_next_is_told_as_it_works_in_this_shell(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "my bin" / "pointsman"
    program.parent.mkdir()
    program.touch(0o755)
    monkeypatch.setattr("sys.argv", [str(program)])

    assert f"\n  '{program}' check\n" in run("init", "--no-probe").out
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    assert "\n  pointsman check\n" in run("init", "--no-probe", "--force").out


def test_a_file_that_exists_is_replaced_only_by_force(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pointsman.yaml").write_text("mine")

    refused = run("init", "--no-probe")

    assert refused.code == 1
    assert "--force" in refused.err
    assert (tmp_path / "pointsman.yaml").read_text() == "mine"
    assert run("init", "--no-probe", "--force").code == 0
    assert (tmp_path / "pointsman.yaml").read_text() != "mine"


def test_a_named_server_that_does_not_answer_is_told_and_nothing_is_written(run: Run, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_ports(1)[0]}/v1"

    done = run("init", "--no-probe", "--server", f"vllm={url}")

    assert done.code == 1
    assert f"{url}/models" in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("told", ["vllm", "gpt=http://127.0.0.1/v1", "vllm=ftp://x"])
def test_a_server_must_be_told_with_its_kind_and_url(run: Run, told: str) -> None:
    assert run("init", "--no-probe", "--server", told).code == 2


def test_a_server_without_a_model_is_told_and_left_out(run: Run, monkeypatch: pytest.MonkeyPatch, vendor: VendorServer) -> None:
    monkeypatch.setattr(vendor, "models", ())

    done = run("init", "--no-probe", "--server", f"ollama={vendor.url}")

    assert "serves no model yet" in done.err
    assert "support-answer  openai/gpt-6-luna" in done.out


def test_models_that_do_not_chat_come_last(vendor: VendorServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vendor, "models", ("nomic-embed-text", "llama3.2:3b", "bad\nname", "bge-m3"))

    assert servers_at([("ollama", vendor.url)])[0].models == ("llama3.2:3b", "nomic-embed-text", "bge-m3")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>",
        b'HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n{"data": 1}\r\n',
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"",
    ],
)
def test_something_else_on_a_usual_port_is_no_model_server(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            accepted, _ = listening.accept()
            accepted.recv(4096)
            accepted.sendall(answer)
            accepted.close()

        thread = threading.Thread(target=serve)
        thread.start()
        assert servers_at([("vllm", f"http://127.0.0.1:{listening.getsockname()[1]}/v1")]) == ()
        thread.join()


def test_the_usual_ports_are_those_of_the_profiles() -> None:
    assert usual_servers() == {"ollama": "http://127.0.0.1:11434/v1", "llamacpp": "http://127.0.0.1:8080/v1", "vllm": "http://127.0.0.1:8000/v1"}


def test_every_vendor_with_a_usual_key_has_a_first_model_with_a_price() -> None:
    catalogue = Catalogue.packaged()
    at_ms = 1_796_000_000_000

    assert set(FIRST_MODELS) == set(KNOWN_VENDORS)
    assert set(FIRST_REMARKS) <= set(FIRST_MODELS)
    for kind, model in FIRST_MODELS.items():
        assert catalogue.resolve(str(PROFILES[kind].catalogue), model, at_ms=at_ms) is not None, kind


SERVERS = st.builds(
    ModelServer,
    kind=st.sampled_from(list(usual_servers())),
    url=st.sampled_from([*usual_servers().values(), "http://10.0.0.7:8000/v1", "https://llm.example.com/v1"]),
    models=st.lists(st.text(min_size=1, max_size=30).filter(str.isprintable), max_size=3).map(tuple),
)


@given(vendors=st.sets(st.sampled_from(KNOWN_VENDORS)), servers=st.lists(SERVERS, max_size=4))
def test_whatever_is_found_the_file_passes_its_check_and_tries_private_before_cloud(vendors: set[str], servers: list[ModelServer]) -> None:
    found = Found(vendors=tuple(kind for kind in KNOWN_VENDORS if kind in vendors), servers=tuple(servers))

    settings = check_of(Path("pointsman.yaml"))(first_file(found))

    for capability in settings.snapshot.capabilities.values():
        places = [target.place for target in capability.ladder]
        assert places == sorted(places, key=[Place.PRIVATE, Place.CLOUD].index)
        assert all(capability.ceiling <= target.accepts for target in capability.ladder) or capability.ceiling is Level.INTERNAL
    told = {target.model for target in settings.snapshot.targets.values() if target.place is Place.PRIVATE}
    assert told == {server.models[0] for server in servers if server.models}


def test_the_comments_of_the_first_file_are_valid_when_they_are_taken_in(tmp_path: Path) -> None:
    """Whoever removes a `#` should not meet an error."""
    (tmp_path / "answer.json").write_text(json.dumps({"type": "object"}))
    text = first_file(Found(vendors=("openai",), servers=(ModelServer(kind="ollama", url=usual_servers()["ollama"], models=("a",)),)))
    text = text.replace("    # owner", "    owner").replace("    # cache", "    cache").replace("    # unit", "    unit").replace("    # output", "    output")
    text = text.replace("    # context", "    context").replace("    # hardware", "    hardware")
    text = text.replace("# limits:\n#   -", "limits:\n  -").replace("\n#   - {name: money", "\n  - {name: money")
    text = text.replace("# server:\n#   listen", "server:\n  listen").replace("\n#   admin", "\n  admin").replace("\n#   database", "\n  database")

    snapshot = check_of(tmp_path / "pointsman.yaml")(text).snapshot

    assert [limit.name for limit in snapshot.limits] == ["pace", "money"]
    assert snapshot.capabilities["support-answer"].output is not None
