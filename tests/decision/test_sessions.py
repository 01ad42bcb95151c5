"""Where conversations stand."""

from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.reply import Usage
from pointsman.decision.sessions import CACHED_FOR_MS, STANDS_FOR_MS, Sessions, Standing


def test_a_conversation_is_known_for_a_day_and_cached_for_minutes() -> None:
    sessions, talk = Sessions(), ("t", "c", "s")
    sessions.note(talk, Standing("a", 500, 1000))
    found = sessions.find(talk, now_ms=1000 + STANDS_FOR_MS)
    assert found is not None
    assert (found.cached_at(1000 + CACHED_FOR_MS), found.cached_at(1001 + CACHED_FOR_MS)) == (500, 0)
    assert sessions.find(talk, now_ms=1001 + STANDS_FOR_MS) is None


TALK = ("t", "c", "s")


def cached_after(*told: Usage | None, targets: str = "", every_ms: int = 1000) -> int:
    """Return what is taken to be cached after the answers of a conversation: of `a`, or of `targets`."""
    sessions = Sessions()
    for turn, usage in enumerate(told):
        sessions.answered(TALK, (targets or "a" * len(told))[turn], usage=usage, guess=70, now_ms=turn * every_ms)
    found = sessions.find(TALK, now_ms=len(told) * every_ms)
    assert found is not None
    return found.cached_at((len(told) - 1) * every_ms)


def test_of_a_first_answer_all_is_taken_to_be_cached() -> None:
    assert cached_after(Usage(tokens_in=900, tokens_out=100)) == 1000
    assert cached_after(None) == 70


def test_what_a_vendor_says_it_keeps_is_what_it_keeps() -> None:
    assert cached_after(Usage(tokens_in=900, tokens_out=100, cache_write=300)) == 300
    assert cached_after(Usage(tokens_in=900, tokens_out=100, cache_read=500, cache_write=300)) == 800


def test_the_next_answer_shows_how_much_its_vendor_did_keep() -> None:
    first = Usage(tokens_in=900, tokens_out=100)
    assert cached_after(first, Usage(tokens_in=1900, tokens_out=100, cache_read=500)) == 1000
    assert cached_after(first, Usage(tokens_in=1900, tokens_out=100)) == 0
    assert cached_after(first, Usage(tokens_in=1900, tokens_out=100), None) == 0
    assert cached_after(first, Usage(tokens_in=1900, tokens_out=100), Usage(tokens_in=2900, tokens_out=100, cache_read=2000)) == 3000


def test_nothing_is_learned_of_a_vendor_from_another_s_answer_or_after_it_could_let_go() -> None:
    first, second = Usage(tokens_in=900, tokens_out=100), Usage(tokens_in=1900, tokens_out=100)
    assert cached_after(first, second, targets="ab") == 2000
    assert cached_after(first, second, every_ms=CACHED_FOR_MS + 1) == 2000


@given(st.lists(st.builds(Usage, tokens_in=st.integers(0, 900), tokens_out=st.integers(0, 90), cache_read=st.integers(0, 900), cache_write=st.integers(0, 90))))
def test_no_more_is_ever_taken_to_be_cached_than_was_said(told: list[Usage]) -> None:
    for turn in range(1, len(told) + 1):
        assert 0 <= cached_after(*told[:turn]) <= told[turn - 1].tokens_in + told[turn - 1].tokens_out


def test_two_tenants_never_share_one() -> None:
    sessions = Sessions()
    sessions.note(("t", "c", "s"), Standing("a", 1, 0))
    assert sessions.find(("u", "c", "s"), now_ms=0) is None


@given(st.lists(st.integers(0, 9), max_size=40), st.integers(1, 5))
def test_only_the_latest_are_remembered(told: list[int], most: int) -> None:
    sessions = Sessions(most=most)
    for number in told:
        sessions.note(("t", "c", str(number)), Standing("a", 1, 0))
    latest = list(dict.fromkeys(reversed(told)))[:most]
    assert len(sessions) == len(latest)
    assert all(sessions.find(("t", "c", str(number)), now_ms=0) for number in latest)
