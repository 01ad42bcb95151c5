"""
The whole idea as one journey: rules and private detection first, a private model for what must stay, and a cloud model only for the question that is worth it,
after what may not leave was replaced or left out. And then the reviewer's three commands, with a log that somebody changed.

The page docs/private-first.md shows the same configuration and the same commands.
"""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
import yaml
from tests.journeys.gateway import Gateway
from tests.journeys.processes import PATIENCE_S, eventually
from tests.journeys.upstreams import Simulator

from pointsman.intake.keys import mint

_PAGE: Final = Path(__file__).parents[2] / "docs" / "private-first.md"
_KEY: Final = mint(b"of the whole idea".ljust(32, b"."))
_CONTRACT: Final = (
    "Framework agreement between Halden Marine Ltd and the supplier. The supplier delivers forty winches of the type HM-9 by the end of the third quarter. "
    "Either side may give notice of six months to the end of a calendar year, but not before the fortieth winch has been accepted in writing. Penalties for "
    "late delivery are two per cent of the price of the late goods a week, and twelve per cent at most. The parties keep the prices of this agreement secret."
)
_SUMMARY: Final = "How does one usually word a notice clause that depends on an acceptance?"
_TICKET: Final = "contract-17"


class _House(BaseHTTPRequestHandler):
    """A small private model: it can restate, and look into what it is given."""

    protocol_version = "HTTP/1.1"
    server: "HouseModel"  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self.server.heard.append(body)
        said = _SUMMARY if "Restate the request" in body else "Notice: six months to the end of the year, after the fortieth winch is accepted."
        choice = {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}
        told = json.dumps({"id": "h-1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        pass


class HouseModel(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _House)
        self.heard: list[str] = []


@pytest.fixture(scope="module")
def house_model() -> Iterator[HouseModel]:
    server = HouseModel()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def commands() -> list[list[str]]:
    """Return the commands of the page."""
    consoles = re.findall(r"^```console\n(.*?)^```", _PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [line.split() for console in consoles for line in console.splitlines()]


def shown(language: str) -> str:
    """Return the first block of the page in a language."""
    found = re.search(rf"^```{language}\n(.*?)^```", _PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture(scope="module")
def gateway(house_model: HouseModel, simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The page's own configuration, with addresses of this machine and a key."""
    folder = tmp_path_factory.mktemp("idea")
    (folder / "contracts").mkdir()
    (folder / "contracts" / "halden.txt").write_text(_CONTRACT, encoding="utf-8")
    (folder / "desk.csv").write_text(shown("csv"), encoding="utf-8")
    told: dict[str, Any] = yaml.safe_load(shown("yaml"))
    price = {"input_usd_per_million": 1, "output_usd_per_million": 2}
    told["vendors"]["house"]["base_url"] = f"http://127.0.0.1:{house_model.server_port}/v1"
    told["vendors"]["cloud"] = {"kind": "simulated", "base_url": f"{simulator.url}/v1", "credential": "env:UPSTREAM_KEY", "region": "eu"}
    told["targets"]["cloud-model"] = {"vendor": "cloud", "model": "sim-mid", "place": "cloud", "price": price}
    told["audit"] = {"copies": ["file:outside"], "checkpoint_s": 0.2, "copy_s": 0.2}
    told["keys"]["desk"]["sha256"] = _KEY.sha256
    with Gateway(folder, told) as running:
        yield running


@pytest.fixture(scope="module")
def calls(gateway: Gateway) -> dict[str, httpx2.Response]:
    """Ask one thing after another, as the desk does about one contract."""

    def ask(capability: str, text: str, **headers: str) -> httpx2.Response:
        told = {"x-pointsman-unit": _TICKET, "x-pointsman-user": "anna", **headers}
        answer = gateway.chat(capability, text, key=_KEY.secret, headers=told)
        eventually(lambda: gateway.rows("SELECT 1 FROM call WHERE call_id = ?", answer.headers["x-request-id"]), "the record")
        return answer

    return {
        "rule": ask("desk", "opening hours"),
        "plain": ask("desk", "Where do I find the form for a new supplier?"),
        "person": ask("desk", "Tell Maria Rossi, maria.rossi@halden.example, that we call her on +44 20 7946 0958."),
        "contract": ask("desk", f"What does it say about notice?\n\n{_CONTRACT}"),
        "stays": ask("advice", f"Is this clause usual?\n\n{_CONTRACT}"),
        "advice": ask(
            "advice",
            "Halden wants to leave our deal over winches early. What notice clause would have kept them, given that we tied it to the fortieth acceptance?",
            **{"x-pointsman-data-class": "confidential"},
        ),
    }


def _cloud_heard(simulator: Simulator) -> list[str]:
    return [json.dumps(record["body"]) for record in simulator.requests("sim-mid")]


def test_each_question_is_answered_where_it_may_be(gateway: Gateway, calls: dict[str, httpx2.Response]) -> None:
    told = {name: (answer.status_code, answer.headers.get("x-pointsman-target"), answer.headers.get("x-pointsman-reason")) for name, answer in calls.items()}
    assert told == {
        "rule": (200, "rules", "rule"),
        "plain": (200, "house-model", "first_choice"),
        "person": (200, "house-model", "first_choice"),
        "contract": (200, "house-model", "first_choice"),
        "stays": (403, None, None),
        "advice": (200, "cloud-model", "first_choice"),
    }
    assert "six months" in calls["contract"].text
    assert [row["target"] for row in gateway.attempts(calls["advice"].headers["x-request-id"])] == ["house-model", "cloud-model"]


def test_the_cloud_heard_the_question_and_none_of_the_data(calls: dict[str, httpx2.Response], simulator: Simulator, house_model: HouseModel) -> None:
    assert calls["advice"].status_code == 200
    heard = [body for body in _cloud_heard(simulator) if "notice clause" in body]
    assert len(heard) == 1
    assert _SUMMARY in heard[0]
    everything = "\n".join(_cloud_heard(simulator))
    for word in ("Halden", "winch", "fortieth", "maria.rossi", "7946"):
        assert word not in everything
        assert any(word in body for body in house_model.heard)


def test_a_person_in_a_question_for_the_cloud_is_replaced_and_put_back(gateway: Gateway, simulator: Simulator) -> None:
    answer = gateway.chat("advice", "How do I greet omar.silva@halden.example politely?", key=_KEY.secret, headers={"x-pointsman-user": "anna"})
    assert answer.headers["x-pointsman-target"] == "cloud-model"
    assert "omar.silva@halden.example" in answer.text
    assert "omar.silva" not in "\n".join(_cloud_heard(simulator))


def test_the_records_tell_where_each_part_went(gateway: Gateway, calls: dict[str, httpx2.Response]) -> None:
    eventually(lambda: len(_json(gateway, "audit", "trail", "--unit", _TICKET)["records"]) >= len(calls), "the trail")
    trail = _json(gateway, "audit", "trail", "--unit", _TICKET)
    sent = [(one["record"]["target"], one["record"]["zone"]) for one in trail["records"] if one["record"]["kind"] == "egress"]
    assert set(sent) == {("house-model", "private"), ("cloud-model", "public_api")}
    assert sum(zone == "public_api" for _, zone in sent) == 1
    assert "declassified" in {one["record"]["kind"] for one in trail["records"]}
    one = _json(gateway, "audit", "trail", "--request", calls["contract"].headers["x-request-id"])
    assert [told["record"]["zone"] for told in one["records"] if told["record"]["kind"] == "egress"] == ["private"]
    assert "legal" in one["records"][0]["record"]["label"]
    person = _json(gateway, "audit", "trail", "--subject", "default/anna")
    assert len(person["records"]) >= len(trail["records"])


def test_every_command_of_the_page_answers_its_question(gateway: Gateway, calls: dict[str, httpx2.Response]) -> None:
    """The reviewer's three questions, and the second verifier, in the very words of the page."""
    eventually(lambda: len(_json(gateway, "audit", "trail", "--unit", _TICKET)["records"]) >= len(calls), "the trail")
    said = [_run(gateway, words) for words in commands()]
    trail, explained, verified, _, second = said
    assert "to cloud-model (cloud, eu, public_api)" in trail
    assert re.search(r"Who could have seen it:\n  target +(cloud|house)-model", trail)
    assert re.search(r"application +desk", trail)
    assert re.search(r"cloud-model +public_api +no\b", explained)
    assert re.search(r"house-model +private +yes\b", explained)
    assert "is whole" in verified
    assert "WRONG" not in second

    # No text of anybody is in what the auditor is given.
    given = b"".join(path.read_bytes() for path in (gateway.folder / "for-the-auditor").rglob("*") if path.is_file() and path.name != "verify.py")
    for word in (b"Halden", b"winch", b"maria", b"anna", _TICKET.encode()):
        assert word not in given


def test_one_changed_byte_is_found_and_named_by_both(gateway: Gateway, calls: dict[str, httpx2.Response]) -> None:
    call_id = calls["contract"].headers["x-request-id"]
    eventually(lambda: _json(gateway, "audit", "trail", "--request", call_id)["records"], "the record")
    gateway.cli("audit", "export", "seized")
    path = next(path for path in sorted((gateway.folder / "seized").rglob("*.jsonl")) if call_id in path.read_text(encoding="utf-8"))
    lines = path.read_bytes().split(b"\n")
    number = next(at for at, line in enumerate(lines) if call_id.encode() in line and b'"egress"' in line)
    lines[number] = lines[number].replace(b'"zone":"private"', b'"zone":"privatf"')
    path.write_bytes(b"\n".join(lines))
    ours = gateway.cli("audit", "verify", "seized", "--outside", "outside", expect=1).stdout
    theirs = _second(gateway.folder, "seized")
    assert f"record {number}" in ours
    assert theirs.returncode == 1
    assert f"record {number}" in theirs.stdout + theirs.stderr


def _json(gateway: Gateway, *words: str) -> Any:
    return json.loads(gateway.cli(*words, "--json").stdout)


def _run(gateway: Gateway, words: list[str]) -> str:
    if words[0] == "pointsman":
        return gateway.cli(*words[1:]).stdout
    done = _second(gateway.folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert words[:3] == ["python3", "for-the-auditor/verify.py", "for-the-auditor"]
    return done.stdout


def _second(folder: Path, name: str = "for-the-auditor") -> subprocess.CompletedProcess[str]:
    """Run the second implementation, with an interpreter that has nothing but the standard library."""
    command = [sys.executable, "-I", "-S", str(folder / name / "verify.py"), str(folder / name), str(folder / "outside")]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
