"""
The document of the admin API: it names every route that there is, no other, and what it refers to is in it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

import httpx2
import pytest
from tests.console.house import READER, House
from tests.server.api.site import on_a_site

from pointsman.cli.up import console
from pointsman.server.admin import admin_app
from pointsman.server.admin_guard import Guard
from pointsman.server.api.document import document
from pointsman.server.api.operation import DOCUMENT
from pointsman.server.api.routes import OPERATIONS, routes
from pointsman.server.site import Site

_NOBODY: Final = cast("Any", None)  # routes are made without asking anybody
_HEALTH: Final = frozenset({"/livez", "/readyz"})
_PUBLIC: Final = re.compile(r"/v1/(outcomes|reviews|scores|webhooks/)")


def declared() -> Mapping[tuple[str, str], str]:
    """Return every route of the admin listener but those of the console, with its permission."""
    guard = Guard(_NOBODY)
    routes(_NOBODY, guard)
    return {**admin_app(_NOBODY, reload=lambda: None, trouble=lambda: None).state.declared, **guard.declared}


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    return json.loads(json.dumps(document(OPERATIONS, declared(), listen="http://127.0.0.1:8800")))


def operations(told: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    return ((method.upper(), path, one) for path, found in told["paths"].items() for method, one in found.items())


def test_it_names_every_json_route_and_no_other(told: dict[str, Any]) -> None:
    admin = {(method, path) for method, path in declared() if path.startswith("/v1/") or path in _HEALTH}
    public = {(method, f"{path}{{name}}" if path.endswith("/") else path) for method, path in Site(_NOBODY).routes if _PUBLIC.match(path)}
    assert {(method, path) for method, path, _ in operations(told)} == admin | public
    assert len(admin) > 20
    assert len(public) == 4


def test_no_route_is_made_beside_the_guard() -> None:
    guard = Guard(_NOBODY)
    made = {(method, route.path) for route in routes(_NOBODY, guard) for method in (route.methods or set()) - {"HEAD"}}
    assert made == guard.declared.keys()
    assert all(guard.declared.values()), "nothing here is open"


def test_it_says_who_may_ask(told: dict[str, Any]) -> None:
    permissions = declared()
    for method, path, one in operations(told):
        if (method, path) in permissions:
            assert one["x-pointsman-permission"] == permissions[method, path]
            assert bool(one["security"]) == bool(permissions[method, path])
    assert {one["x-pointsman-permission"] for method, path, one in operations(told) if path.startswith("/v1/admin/incidents") and method == "POST"} == {"admin"}


def test_whatever_it_refers_to_is_in_it_and_nothing_is_left_over(told: dict[str, Any]) -> None:
    there = set(told["components"]["schemas"])
    assert set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(told))) | {"Revoke", "Approve", "Switch", "NewIncident", "Said", "BackMeant"} == there
    assert len({one["operationId"] for _, _, one in operations(told)}) == sum(1 for _ in operations(told))


def test_a_shape_is_told_as_it_is_read(told: dict[str, Any]) -> None:
    money = told["components"]["schemas"]["ToldOutcome"]["properties"]["value_usd"]["anyOf"]
    assert {"type": ["number", "string"], "format": "decimal"} in money
    body = told["paths"]["/v1/admin/incidents"]["post"]["requestBody"]
    for kind in ("application/json", "application/x-www-form-urlencoded"):
        schema = body["content"][kind]["schema"]
        assert schema["properties"]["title"] == {"type": "string", "minLength": 1, "maxLength": 200}
        assert schema["required"] == ["title"]
        assert schema["properties"]["since_ms"]["type"] == "integer", "null is told by leaving a field out"
    (month,) = (one for one in told["paths"]["/v1/admin/costs"]["get"]["parameters"] if one["name"] == "month")
    assert (month["required"], month["schema"]["type"]) == (False, "string")


def test_the_listener_serves_it_to_who_may_read_the_console() -> None:
    async def work(house: House, program: httpx2.AsyncClient) -> None:
        got = await program.get(DOCUMENT)
        assert got.json()["openapi"] == "3.1.0"
        assert got.json()["paths"]["/v1/outcomes"]["post"]["servers"] == [{"url": "http://127.0.0.1:8800"}]
        assert (await house.browser().get(DOCUMENT)).status_code == 401
        assert (await house.browser(authorization=f"Bearer {READER.secret}").get(DOCUMENT)).status_code == 403

    on_a_site(work)


def test_what_pointsman_up_adds_to_the_listener_is_the_api_and_the_console() -> None:
    async def work(house: House, program: httpx2.AsyncClient) -> None:
        guard = Guard(house.gateway)
        made = console(house.gateway, guard)
        assert len(made) == len(guard.declared)
        assert {("GET", "/console"), ("GET", DOCUMENT), ("GET", "/v1/admin/costs")} <= guard.declared.keys()
        assert (await program.get("/console")).headers["content-type"].startswith("text/html")

    on_a_site(work)
