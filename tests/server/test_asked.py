"""What comes with a call beside its question: the criteria of a request."""

from collections.abc import Mapping

import pytest
from tests.server.house import ASK, WHOLE, post
from tests.server.served import Served
from tests.transport.vendor import Vendor, run, says

from pointsman.core.errors import BadRequest
from pointsman.server.asked import asked_of
from pointsman.server.request import Request


def criteria(told: str) -> Mapping[str, float]:
    request = Request(method="POST", path="/v1/chat/completions", headers={"x-pointsman-criteria": told}, body=b"")
    return asked_of(request, levels={}, tags=()).criteria


def test_criteria_are_told_in_dollars_and_words() -> None:
    assert criteria("value_usd=0.5, risk=high,within_s = 3, volume=BULK") == {"value_usd": 0.5, "risk": 4.0, "within_s": 3.0, "volume": 1.0}


def test_a_request_that_says_nothing_leaves_all_to_the_owner() -> None:
    assert asked_of(Request(method="POST", path="/", headers={}, body=b""), levels={}, tags=()).criteria == {}


@pytest.mark.parametrize(
    ("told", "says_so"),
    [
        ("value_usd", "cannot be read. Write it like `value_usd=0.5, risk=high, within_s=3`."),
        ("valu_usd=3", "There is no criterion `valu_usd`. Did you mean `value_usd`?"),
        ("colour=red", "There is no criterion `colour`. Use some of `risk`, `value_usd`"),
        ("risk=low, risk=high", "The criterion `risk` is told twice."),
        ("risk=grave", "`risk` cannot be `grave`. Write one of `low`, `normal`, `high`, `critical`."),
        ("volume=1", "`volume` cannot be `1`. Write one of `interactive`, `bulk`."),
        ("value_usd=much", "`value_usd` cannot be `much`. Write a number, such as `0.5`."),
        ("value_usd=nan", "`value_usd` cannot be `nan`."),
        ("within_s=inf", "`within_s` cannot be `inf`."),
    ],
)
def test_criteria_that_make_no_sense_are_refused_with_what_to_write(told: str, says_so: str) -> None:
    with pytest.raises(BadRequest) as refused:
        criteria(told)
    assert says_so in refused.value.message
    assert refused.value.field == "x-pointsman-criteria"


def test_an_answer_says_how_the_one_who_gave_it_was_seen() -> None:
    price = {"input_usd_per_million": 0, "output_usd_per_million": 2}
    told = {
        "targets": {"acme/small": {"vendor": "acme", "model": "small", "price": price}},
        "capabilities": {"support": {"ladder": ["acme/small"], "routing": {"requests_may_set": {"value_usd": [0, 1]}}}},
    }

    async def main() -> None:
        async with Vendor(says(WHOLE), says(WHOLE)) as vendor, Served(vendor, **told) as served:
            given = await served.ask(post(ASK, "x-pointsman-criteria: value_usd=0.5"))
            assert given.headers["x-pointsman-choice"] == "incumbent; p=1; quality=0.50; cost-usd=0.001"
            refused = await served.ask(post(ASK, "x-pointsman-criteria: value_usd=2"))
            assert (refused.status, refused.json["error"]["param"]) == (400, "x-pointsman-criteria")
            assert "`support` takes from 0 to 1" in refused.message
            closed = await served.ask(post(ASK, "x-pointsman-criteria: risk=high"))
            assert "must not set `risk` for `support`. It may set `value_usd`" in closed.message

    run(main())


def test_where_the_ladder_s_order_counts_nothing_is_weighed_and_nothing_may_be_set() -> None:
    async def main() -> None:
        async with Vendor(says(WHOLE)) as vendor, Served(vendor) as served:
            assert "x-pointsman-choice" not in (await served.ask(post())).headers
            refused = await served.ask(post(ASK, "x-pointsman-criteria: risk=high"))
            assert "It may set none" in refused.message

    run(main())
