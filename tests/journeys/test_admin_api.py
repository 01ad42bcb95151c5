"""
The admin API as a stranger's tool sees it: Schemathesis reads the document from a real listener and sends what follows from it, and what does not.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Final

import httpx2
import pytest
from tests.journeys.gateway import Gateway
from tests.journeys.processes import PATIENCE_S, eventually

from pointsman.intake.keys import mint

_MOST_S: Final = 50.0
_EXAMPLES: Final = 4  # of what it generates by chance; what follows from the shapes it sends besides
MINTED: Final = mint(bytes(range(32)))
HEADERS: Final = {"authorization": f"Bearer {MINTED.secret}"}
SETTINGS: Final[dict[str, Any]] = {
    "vendors": {"acme": {"kind": "openai_compatible", "base_url": "http://127.0.0.1:1/v1"}},
    "targets": {"acme/small": {"vendor": "acme", "model": "small", "price": {"input_usd_per_million": 1, "output_usd_per_million": 2}}},
    "capabilities": {"support": {"ladder": ["acme/small"], "rules": "rules.csv"}},
    "workflows": {"support": {"capabilities": ["support"], "objectives": {"answered": {"kind": "success", "share": 0.99}}}},
    "keys": {"ops": {"sha256": MINTED.sha256, "team": "care", "scopes": ["admin", "call", "outcomes"]}},
    "limits": [{"name": "month", "by": "team", "budget_usd": 500}],
    "costs": {"licences": {"desk": {"usd_per_month": 30, "workflow": "support"}}, "tags": ["project"]},
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("admin-api")
    (folder / "rules.csv").write_text("when,then,answer\ntrue,answer,Hello.\n")
    with Gateway(folder, SETTINGS) as running:
        for number in range(5):
            answer = running.chat("support", key=MINTED.secret, headers={"x-pointsman-unit": f"ticket-{number}", "x-pointsman-tags": "project=apollo"})
            assert answer.status_code == 200
        eventually(lambda: len(running.rows("SELECT * FROM call")) == 5, "the calls' records")
        eventually(lambda: running.rows("SELECT * FROM snapshot"), "the first snapshot")
        for title in ("Wrong answers", "Slow answers"):
            assert admin(running, "POST", "/v1/admin/incidents", json={"title": title, "workflow": "support"}).status_code == 201
        yield running


def admin(gateway: Gateway, method: str, path: str, **options: Any) -> httpx2.Response:
    return httpx2.request(method, f"http://127.0.0.1:{gateway.admin_port}{path}", headers=HEADERS, timeout=PATIENCE_S, **options)


def examined(gateway: Gateway, url: str, paths: str, *, but: str) -> str:
    """Let the tool examine the operations with these paths; return what it says, once it has found nothing."""
    document = admin(gateway, "GET", "/v1/admin/openapi.json").json()
    # A key is shown in one way: with two of them, or beside a cookie, whatever is asked is refused.
    document["components"]["securitySchemes"] = {"bearer": document["components"]["securitySchemes"]["bearer"]}
    for operation in (one for found in document["paths"].values() for one in found.values()):
        operation["security"] = [{"bearer": []}] if operation["security"] else []
    told = gateway.folder / "openapi.json"
    told.write_text(json.dumps(document), encoding="utf-8")
    options = {"--url": url, "--header": f"Authorization: Bearer {MINTED.secret}", "--include-path-regex": paths, "--exclude-checks": but, "--seed": "1"}
    command = [sys.executable, "-m", "schemathesis.cli", "run", str(told), "--phases", "coverage,fuzzing", "--max-examples", str(_EXAMPLES)]
    command += [*(word for pair in options.items() for word in pair), "--no-shrink", "--continue-on-failure", "--warnings", "off"]
    environ = {**os.environ, "NO_COLOR": "1", "COLUMNS": "150"}
    done = subprocess.run(command, cwd=gateway.folder, env=environ, capture_output=True, text=True, timeout=_MOST_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr + gateway.process.said()
    return done.stdout


def passed(said: str) -> tuple[int, int]:
    """Return how many operations were examined, and with how many requests."""
    operations, cases = re.search(r"Tested: (\d+)", said), re.search(r"(\d+) generated", said)
    assert operations is not None, said
    assert cases is not None, said
    return int(operations[1]), int(cases[1])


def test_the_admin_api_keeps_what_its_document_says_whatever_is_sent(gateway: Gateway) -> None:
    """
    No fault of ours, no status, type or shape that the document does not name; wrong methods, missing keys and wrong data are refused.

    That valid data is always accepted is not asked: a name must be there, too, and that no shape can say.
    """
    operations, cases = passed(examined(gateway, f"http://127.0.0.1:{gateway.admin_port}", r"^/(livez|readyz|v1/admin/)", but="positive_data_acceptance"))
    assert operations >= 25
    assert cases > 300
    assert admin(gateway, "GET", "/readyz").json()["status"] == "ready"
    assert "Traceback" not in gateway.process.said()


def test_outcomes_are_told_as_the_document_says(gateway: Gateway) -> None:
    """As above, where applications call. There a method that a path does not know is answered like a path that is not there."""
    but = "positive_data_acceptance,unsupported_method"
    operations, cases = passed(examined(gateway, gateway.url, r"^/v1/(outcomes|reviews|scores|webhooks)", but=but))
    assert operations == 4
    assert cases > 100


def test_the_shapes_hold_for_answers_with_something_in_them(gateway: Gateway) -> None:
    """What a tool asks by chance seldom has an answer; these questions have one."""
    jsonschema = pytest.importorskip("jsonschema_rs")
    document = admin(gateway, "GET", "/v1/admin/openapi.json").json()
    incident = admin(gateway, "GET", "/v1/admin/incidents").json()["incidents"][0]["incident_id"]
    digest = admin(gateway, "GET", "/v1/admin/snapshots").json()["snapshots"][0]["digest"]
    asked = {
        "/v1/admin/incidents": "?most=1",
        "/v1/admin/costs": "?by=tag&tag=project",
        "/v1/admin/costs/per-outcome": "?workflow=support",
    }
    seen = 0
    for path, found in document["paths"].items():
        if "get" not in found or path == "/v1/admin/roll-back":
            continue
        got = admin(gateway, "GET", path.format(incident_id=incident, digest=digest) + asked.get(path, ""))
        assert got.status_code == 200, path
        schema = found["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.validator_for({**schema, "components": document["components"]}).validate(got.json())
        seen += 1
    assert seen >= 14
