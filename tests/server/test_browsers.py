"""
A web page in a browser on this machine can reach a gateway that answers on this machine only. It must get nowhere.
"""

import pytest
from tests.server.house import ASK, KEY, WHOLE, Got, House, get, keys_of, post, with_house
from tests.transport.vendor import run, says


async def _named(house: House, host: str, request: bytes) -> Got:
    return await house.ask(request.replace(b"Host: localhost", b"Host: " + host.encode()))


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8800", "127.0.0.1.evil.example", "192.168.1.7:8800", "localhost.evil.example:1", "[2001:db8::1]:1", "x"]
)
def test_a_page_that_gives_its_own_name_our_address_is_told_nothing(host: str) -> None:
    async def work(house: House) -> None:
        outcome = post(b'{"unit":"a","kind":"b"}', path="/v1/outcomes")
        for request in (post(), get("/v1/models"), outcome, post(ASK, path="/v1/messages")):
            got = await _named(house, host, request)
            assert (got.status, "127.0.0.1 or localhost" in got.message) == (401, True)

    run(with_house(work))


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8800", "127.0.0.1:8800", "127.5.5.5", "[::1]:8800", "[::1]"])
def test_programs_on_this_machine_call_it_by_any_of_its_names(host: str) -> None:
    async def work(house: House) -> None:
        assert (await _named(house, host, post())).status == 200

    run(with_house(work, says(WHOLE)))


def test_with_keys_it_answers_to_any_name() -> None:
    async def work(house: House) -> None:
        assert (await _named(house, "ai.example.com", post(ASK, KEY))).status == 200

    run(with_house(work, says(WHOLE), keys=keys_of()))


@pytest.mark.parametrize("kind", ["Content-Type:", "Content-Type: text/plain", "Content-Type: application/x-www-form-urlencoded"])
def test_what_a_page_may_send_without_asking_is_no_call_and_no_outcome(kind: str) -> None:
    async def work(house: House) -> None:
        for request in (post(ASK, kind), post(b'{"unit":"a","kind":"b"}', kind, path="/v1/outcomes")):
            got = await house.ask(request)
            assert (got.status, "application/json" in got.message) == (400, True)

    run(with_house(work))


def test_a_page_that_asks_before_it_sends_is_not_told_yes() -> None:
    async def work(house: House) -> None:
        got = await house.ask(get("/v1/chat/completions", "Origin: https://evil.example", "Access-Control-Request-Method: POST", method="OPTIONS"))
        assert got.status == 404
        assert not any(name.lower().startswith("access-control") for name in got.headers)

    run(with_house(work))
