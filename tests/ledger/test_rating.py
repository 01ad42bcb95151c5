import pytest
from tests.values import Time, a_call, a_target

from pointsman.core.entry import Told
from pointsman.core.failure import FailureKind
from pointsman.core.reply import Finish, Reply, Usage, UsageSeen
from pointsman.core.target import Hardware, Price, Rates, Target
from pointsman.ledger.busy import BusyMeter
from pointsman.ledger.rating import Rater

# A dollar per million tokens in, two out: 1,000 and 2,000 nano-dollars a token. A request costs 50.
PRICE = Price(price_id="contract:test", rates=Rates(tokens_in=1_000_000_000, tokens_out=2_000_000_000, cache_read=100_000_000), per_request_nano_usd=50)
PAID = a_target(price=PRICE)
UNPRICED = a_target("acme/new", price=None)
OWN = a_target("own/llama", price=None, hardware=Hardware(hourly_nano_usd=3_600_000_000))


def a_rater(time: Time, target: Target = PAID) -> Rater:
    return Rater(lambda target: target.price, {target.name: BusyMeter(3_600_000_000, time.monotonic_s)}, clock=time.clock)


def a_reply(usage: Usage | None) -> Reply:
    return Reply(reply_id="r", model="small", finish=Finish.DONE, usage=usage)


def test_a_reply_costs_its_usage_at_the_price_in_force() -> None:
    rater = a_rater(Time())
    rating = rater.rate(rater.begin(PAID), a_reply(Usage(tokens_in=10, tokens_out=5)))
    assert (rating.cost_nano_usd, rating.price_id, rating.estimated) == (20_050, "contract:test", False)


def test_what_the_vendor_says_it_cost_wins() -> None:
    rater = a_rater(Time())
    told = Usage(tokens_in=10, cost_nano_usd=7)
    for rating in (
        rater.rate(rater.begin(PAID), a_reply(told)),
        rater.rate_stream(rater.begin(PAID), a_call(), usage=UsageSeen(told), is_whole=True, produced_tokens=0),
    ):
        assert (rating.cost_nano_usd, rating.price_id) == (7, "vendor-reported")


def test_what_the_vendor_said_before_it_was_cut_off_is_not_the_whole_cost() -> None:
    rater = a_rater(Time())
    rating = rater.cut(rater.begin(PAID), a_call(), produced_tokens=9, known=UsageSeen(Usage(tokens_in=10, cost_nano_usd=7)))
    assert rating.price_id == "contract:test"


@pytest.mark.parametrize("usage", [Usage(tokens_in=10), Usage(), None])
def test_without_a_price_the_cost_is_unknown_and_never_zero(usage: Usage | None) -> None:
    rater = a_rater(Time())
    assert rater.rate(rater.begin(UNPRICED), a_reply(usage)).cost_nano_usd is None


def test_without_usage_the_cost_is_unknown() -> None:
    rater = a_rater(Time())
    assert rater.rate_stream(rater.begin(PAID), a_call(), usage=None, is_whole=True, produced_tokens=0).cost_nano_usd is None


def test_a_stream_costs_the_last_usage_it_told() -> None:
    rater = a_rater(Time())
    assert (
        rater.rate_stream(rater.begin(PAID), a_call(), usage=UsageSeen(Usage(tokens_in=10, tokens_out=5)), is_whole=True, produced_tokens=0).cost_nano_usd
        == 20_050
    )


def test_a_cut_stream_is_charged_for_what_was_produced() -> None:
    rater = a_rater(Time())
    rating = rater.cut(rater.begin(PAID), a_call("x" * 400), produced_tokens=3)
    assert (rating.usage, rating.estimated) == (Usage(tokens_in=101, tokens_out=3), True)
    assert rating.cost_nano_usd == 101_000 + 6_000 + 50


def test_a_cut_stream_keeps_what_the_vendor_had_told() -> None:
    rater = a_rater(Time())
    rating = rater.cut(rater.begin(PAID), a_call(), produced_tokens=9, known=UsageSeen(Usage(tokens_in=100, tokens_out=1, cache_read=90)))
    assert rating.usage == Usage(tokens_in=100, tokens_out=9, cache_read=90)
    assert rating.cost_nano_usd == 10_000 + 9_000 + 18_000 + 50


@pytest.mark.parametrize("target", [PAID, UNPRICED])
@pytest.mark.parametrize("kind", [FailureKind.CONNECT, FailureKind.RATE_LIMITED, FailureKind.BUSY, FailureKind.CREDENTIAL, FailureKind.REJECTED])
def test_a_vendor_that_said_no_costs_nothing_not_even_the_price_of_a_request(kind: FailureKind, target: Target) -> None:
    rater = a_rater(Time())
    rating = rater.failed(rater.begin(target), a_call(), kind=kind)
    assert (rating.cost_nano_usd, rating.usage) == (0, Usage())


@pytest.mark.parametrize("kind", [FailureKind.TIMEOUT_FIRST_BYTE, FailureKind.TIMEOUT_GAP, FailureKind.CUT, FailureKind.BAD_ANSWER])
def test_a_vendor_that_may_have_worked_is_estimated_by_the_prompt(kind: FailureKind) -> None:
    rater = a_rater(Time())
    rating = rater.failed(rater.begin(PAID), a_call("x" * 39), kind=kind)
    assert (rating.usage, rating.cost_nano_usd, rating.estimated) == (Usage(tokens_in=10), 10_050, True)


def test_own_hardware_costs_its_busy_time_and_not_tokens() -> None:
    time = Time()
    rater = a_rater(time, OWN)
    running = rater.begin(OWN)
    time.advance(2.0)
    rating = rater.rate(running, a_reply(Usage(tokens_in=10)))
    assert (rating.cost_nano_usd, rating.price_id) == (2_000_000, "hardware")


def test_a_failed_call_on_own_hardware_bears_its_time_and_frees_it() -> None:
    time = Time()
    rater = a_rater(time, OWN)
    running = rater.begin(OWN)
    time.advance(1.0)
    assert rater.failed(running, a_call(), kind=FailureKind.SERVER_ERROR).cost_nano_usd == 1_000_000
    second = rater.begin(OWN)
    time.advance(1.0)
    assert rater.rate(second, a_reply(None)).cost_nano_usd == 1_000_000  # nobody shares it any more


def test_what_a_vendor_said_of_its_answer_is_kept_with_its_cost() -> None:
    rater = a_rater(Time())
    told = Told(reply_id="r", model="small", finish=Finish.DONE)
    assert rater.rate(rater.begin(PAID), a_reply(Usage(tokens_in=1))).told == told
    usage = UsageSeen(Usage(tokens_in=1))
    for is_whole in (True, False):
        rating = rater.rate_stream(rater.begin(PAID), a_call(), usage=usage, is_whole=is_whole, produced_tokens=2, told=told)
        assert (rating.told, rating.estimated) == (told, not is_whole)


def test_a_failed_attempt_has_no_word_of_a_vendor() -> None:
    rater = a_rater(Time())
    assert rater.failed(rater.begin(PAID), a_call(), kind=FailureKind.CUT).told is None
