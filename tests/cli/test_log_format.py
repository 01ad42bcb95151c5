"""What a real gateway logs on a journey through everything that can go wrong: whole JSON lines, and nothing of what anybody said."""

import json
import signal
import urllib.error
import urllib.request
from pathlib import Path

from tests.cli.running import VendorServer, finish, free_ports, start

CANARY = "canary-4711"
CONFIG = """
server: {{listen: "127.0.0.1:{listen}", admin: "127.0.0.1:{admin}"}}
vendors: {{acme: {{kind: openai_compatible, base_url: "{url}"}}, away: {{kind: openai_compatible, base_url: "http://127.0.0.1:1/v1"}}}}
targets:
  acme/small: {{vendor: acme, model: small}}
  acme/broken: {{vendor: acme, model: broken}}
  acme/cut: {{vendor: acme, model: cut}}
  away/any: {{vendor: away, model: any}}
capabilities:
  small: {{ladder: [acme/small]}}
  broken: {{ladder: [acme/broken], retries: {{per_target: 0}}}}
  cut: {{ladder: [acme/cut], retries: {{per_target: 0}}}}
  away: {{ladder: [away/any], retries: {{per_target: 0}}}}
  json: {{ladder: [acme/small], output_schema: {{type: object}}}}
retention: {{content: full}}
"""


def test_no_line_of_a_journey_holds_what_was_said(vendor: VendorServer, tmp_path: Path) -> None:
    listen, admin = free_ports(2)
    (tmp_path / "pointsman.yaml").write_text(CONFIG.format(listen=listen, admin=admin, url=vendor.url))
    process = start("up", "--json", "--log-level", "debug", "--log-format", "json", folder=tmp_path)
    assert process.stdout is not None
    for line in process.stdout:
        if line == "}\n":
            break
    calls = f"http://127.0.0.1:{listen}/v1/chat/completions"
    statuses: list[int] = []
    for capability in ("small", "broken", "cut", "away", "json", CANARY):
        for stream in (False, True):
            body = json.dumps({"model": capability, "stream": stream, "messages": [{"role": "user", "content": CANARY}]})
            statuses.append(ask(calls, body.encode()))
    others = (CANARY.encode(), b'{"model": "small", "messages": "canary-4711"}', b'{"model": "small", "canary-4711": 1}')
    statuses.extend(ask(calls, body) for body in others)
    statuses.append(ask(f"http://127.0.0.1:{listen}/v1/outcomes", json.dumps({"unit": CANARY, "kind": CANARY, "success": "canary"}).encode()))
    (tmp_path / "pointsman.yaml").write_text("capabilities: {")
    process.send_signal(signal.SIGHUP)
    ask(f"http://127.0.0.1:{admin}/{CANARY}", b"{}")
    process.send_signal(signal.SIGTERM)
    done = finish(process)

    assert {200, 400, 404, 502} <= set(statuses)
    assert CANARY not in done.err
    told = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
    assert len(told) > 5
    fields = {"at", "level", "event", "message", "call_id", "values", "exception"}
    assert all(set(line) <= fields for line in told)
    assert any(line["level"] == "warning" and "call_id" in line for line in told)


def ask(url: str, body: bytes) -> int:
    request = urllib.request.Request(url, body, {"content-type": "application/json", "x-pointsman-unit": CANARY, "x-pointsman-user": CANARY})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            answer.read()
            return answer.status
    except urllib.error.HTTPError as error:
        error.read()
        return error.code
    except OSError:
        return 0
