import re
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from pointsman.cli.demonstration.tickets import INTENTS, Ticket, tickets
from pointsman.cli.simulated.support import INTENTS as KNOWN
from pointsman.cli.simulated.support import difficulty, intents_in

seeds = st.integers(0, 10_000)


def some(seed: int, count: int = 150) -> list[Ticket]:
    return list(islice(tickets(seed), count))


def test_the_same_seed_gives_the_same_tickets() -> None:
    assert some(3) == some(3)
    assert some(3) != some(4)


def test_the_workload_has_every_kind_and_every_intent() -> None:
    made = some(0, 600)
    assert {ticket.kind for ticket in made} == {"settled", "again", "easy", "medium", "hard"}
    assert {ticket.intent for ticket in made} == set(INTENTS)


def test_the_models_could_know_every_intent() -> None:
    assert {intent.name for intent in KNOWN} == set(INTENTS)


@given(seeds)
def test_what_a_customer_wants_can_be_read_from_the_ticket(seed: int) -> None:
    """The truth that answers are compared with must be in the text, or the comparison would be luck."""
    for ticket in some(seed):
        assert intents_in(ticket.text)[-1].name == ticket.intent, ticket


@given(seeds)
def test_a_ticket_is_as_hard_as_it_says(seed: int) -> None:
    hard = {"settled": {0}, "easy": {0}, "medium": {1}, "hard": {2}, "again": {0, 1, 2}}
    for ticket in some(seed):
        assert difficulty(ticket.text) in hard[ticket.kind], ticket


@given(seeds)
def test_what_was_asked_before_is_word_for_word_an_earlier_ticket(seed: int) -> None:
    made = some(seed)
    for ticket in made:
        if ticket.kind == "again":
            assert any(ticket.text == before.text and ticket.intent == before.intent for before in made[: ticket.number - 1])


@given(seeds)
def test_no_gap_of_a_template_stays_open(seed: int) -> None:
    assert not any(re.search(r"[{}]", ticket.text) for ticket in some(seed))
