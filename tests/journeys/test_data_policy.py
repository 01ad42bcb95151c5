"""
Where data may go, seen from outside: nothing that is closed to a place is ever found at its door, whatever fails.
"""

import secrets
from collections.abc import Iterator

import httpx2
import pytest
from tests.journeys.gateway import UPSTREAM_KEY, Gateway
from tests.journeys.processes import PATIENCE_S
from tests.journeys.sdks import Asked, Sdk, every_sdk
from tests.journeys.upstreams import Simulator, Upstreams, settings, simulated

from pointsman.intake.keys import mint

_NAMES = ("open", "strict", "tenant-a", "tenant-b", "tenant-a-too")
_KEYS = {name: mint(secrets.token_bytes(32)) for name in _NAMES}
_NO_RETRIES = {"per_target": 0}


@pytest.fixture(scope="module")
def governed(upstreams: Upstreams, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    key = {name: {"sha256": minted.sha256} for name, minted in _KEYS.items()}
    contract = {"zone": "contracted", "terms": {"retention_days": 0, "trains": False, "agreements": ["dpa"]}}
    more = {
        "vendors": {"partner": {**upstreams.vendors()["sim-openai"], **contract}},
        "targets": {
            "own": simulated("sim-mid", place="private"),
            "own-broken": simulated("sim-small!status_500", place="private"),
            "trusted": {**simulated("sim-mid", accepts="confidential"), "vendor": "partner"},
            "promising": simulated("sim-mid", accepts="confidential"),
        },
        "capabilities": {
            "any-class": {"ladder": ["mock-openai", "own-broken", "llama-openai"], "data_class": "restricted", "retries": _NO_RETRIES},
            "dead-end": {"ladder": ["mock-openai", "mock-anthropic", "own-broken"], "data_class": "restricted", "retries": _NO_RETRIES, "cache": True},
            "contract": {"ladder": ["trusted"], "data_class": "confidential"},
            "no-contract": {"ladder": ["promising"], "data_class": "confidential"},
            "kept": {"ladder": ["sim-openai"], "cache": True},
            "kept-private": {"ladder": ["own"], "cache": True, "data_class": "restricted"},
        },
        "keys": {
            "open": key["open"],
            "strict": {**key["strict"], "data_class": "restricted"},
            "tenant-a": {**key["tenant-a"], "tenant": "a"},
            "tenant-a-too": {**key["tenant-a-too"], "tenant": "a"},
            "tenant-b": {**key["tenant-b"], "tenant": "b"},
        },
    }
    with Gateway(tmp_path_factory.mktemp("governed"), settings(upstreams, **more)) as running:
        yield running


def _cloud_saw(upstreams: Upstreams, words: str) -> bool:
    journal = httpx2.get(f"{upstreams.aimock}/__aimock/journal", headers={"authorization": f"Bearer {UPSTREAM_KEY}"}, timeout=PATIENCE_S)
    assert journal.status_code == 200
    return words in journal.text


@pytest.mark.parametrize("mode", ["whole", "stream"])
@every_sdk
def test_restricted_data_stays_in_private_places_even_when_one_fails(governed: Gateway, upstreams: Upstreams, sdk: Sdk, mode: str) -> None:
    words = f"the secret recipe of {sdk.name} {mode}"
    with governed.recorded("any-class") as records:
        said = sdk.ask(governed, "any-class", Asked(words, max_tokens=5), mode, key=_KEYS["strict"].secret)
    assert len(said.text) == 5
    assert not _cloud_saw(upstreams, words)
    (record,) = records
    assert (record["data_class"], record["target"]) == ("restricted", "llama-openai")
    assert record["considered"].startswith("mock-openai=policy:restricted")
    assert {row["place"] for row in governed.attempts(record["call_id"])} == {"private"}


@every_sdk
def test_restricted_data_is_refused_rather_than_sent_out_when_all_private_places_fail(governed: Gateway, upstreams: Upstreams, sdk: Sdk) -> None:
    words = f"the other recipe of {sdk.name}"
    client = sdk.client(governed, _KEYS["strict"].secret)
    with pytest.raises(sdk.errors.InternalServerError, match="`own-broken` failed"):
        sdk.create(client, "dead-end", words)
    with pytest.raises(sdk.errors.InternalServerError, match="`own-broken` failed"):
        list(sdk.words(client, "dead-end", words))
    assert not _cloud_saw(upstreams, words)


@every_sdk
def test_a_request_may_declare_its_data_stricter_and_never_laxer(governed: Gateway, upstreams: Upstreams, sdk: Sdk) -> None:
    words = f"a third recipe of {sdk.name}"
    stricter = sdk.create(sdk.client(governed, _KEYS["open"].secret), "any-class", words, extra_headers={"x-pointsman-data-class": "restricted"})
    laxer = sdk.create(sdk.client(governed, _KEYS["strict"].secret), "any-class", words, extra_headers={"x-pointsman-data-class": "public"})
    assert (stricter.headers["x-pointsman-place"], laxer.headers["x-pointsman-place"]) == ("private", "private")
    assert not _cloud_saw(upstreams, words)
    plain = sdk.create(sdk.client(governed, _KEYS["open"].secret), "any-class", f"no recipe of {sdk.name}")
    assert plain.headers["x-pointsman-place"] == "cloud"
    assert _cloud_saw(upstreams, f"no recipe of {sdk.name}")


def test_a_target_accepts_what_its_contract_says_and_no_more(governed: Gateway) -> None:
    for declared, status in (("public", 200), ("confidential", 200), ("restricted", 403), ("secret", 403), ("top-secret", 400)):
        answer = governed.chat("contract", key=_KEYS["open"].secret, headers={"x-pointsman-data-class": declared})
        assert answer.status_code == status, answer.text


def test_what_a_target_accepts_opens_nothing_that_needs_a_contract(governed: Gateway) -> None:
    for declared, status in (("public", 200), ("confidential", 403)):
        answer = governed.chat("no-contract", key=_KEYS["open"].secret, headers={"x-pointsman-data-class": declared})
        assert answer.status_code == status, answer.text


def test_tenants_do_not_share_the_cache(governed: Gateway, simulator: Simulator) -> None:
    words = "a question that two tenants share"
    reasons = [governed.chat("kept", words, key=_KEYS[name].secret).headers["x-pointsman-reason"] for name in ("tenant-a", "tenant-b", "tenant-a")]
    assert reasons == ["first_choice", "first_choice", "cache_hit"]
    assert simulator.times_asked(words) == 2


def test_restricted_data_is_not_kept_even_by_a_capability_with_a_cache(governed: Gateway) -> None:
    def reasons(declared: str) -> list[str]:
        headers = {"x-pointsman-data-class": declared}
        answers = [governed.chat("kept-private", "kept?", key=_KEYS["open"].secret, headers=headers) for _ in range(2)]
        return [answer.headers["x-pointsman-reason"] for answer in answers]

    assert reasons("confidential") == ["first_choice", "cache_hit"]
    assert reasons("restricted") == ["first_choice", "first_choice"]
