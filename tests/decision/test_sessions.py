"""Where conversations stand."""

from hypothesis import given
from hypothesis import strategies as st

from pointsman.decision.sessions import CACHED_FOR_MS, STANDS_FOR_MS, Sessions, Standing


def test_a_conversation_is_known_for_a_day_and_cached_for_minutes() -> None:
    sessions, talk = Sessions(), ("t", "c", "s")
    sessions.note(talk, Standing("a", 500, 1000))
    found = sessions.find(talk, now_ms=1000 + STANDS_FOR_MS)
    assert found is not None
    assert (found.cached_at(1000 + CACHED_FOR_MS), found.cached_at(1001 + CACHED_FOR_MS)) == (500, 0)
    assert sessions.find(talk, now_ms=1001 + STANDS_FOR_MS) is None


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
