import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from tests.governance.finding import Crashes, Finds
from tests.pipeline.seam import Breaks, Explodes, House, Says, Streams, openai_stream
from tests.values import CALL_ID, a_call, a_capability, a_key, a_policy, a_target, a_vendor, openai_answer

from pointsman.core.call import Asked, Call
from pointsman.core.capability import CachePolicy
from pointsman.core.errors import AuditUnavailable, NoPlaceAllowed, PlaceFailed
from pointsman.core.label import a_label
from pointsman.core.place import Dialect, Place
from pointsman.core.snapshot import FIRST_TARGET_BIT
from pointsman.core.verdict import Obligation
from pointsman.decision.breaker import COOL_DOWN_S, FAILURES_IN_A_ROW
from pointsman.ledger.audit.record import AuditRecord, Kind
from pointsman.settings.policy_text import Action, PolicyText, Rule
from pointsman.surfaces.registry import BY_DIALECT

NAMES = Finds("Ann Miller")
SECRETS = Finds("sk-[a-z0-9]+", kind="secret:openai", data_class="secret")
CLOUD = a_target("cloud", vendor=a_vendor("cloud"))
OWN = a_target("own", bit=FIRST_TARGET_BIT + 1, place=Place.PRIVATE, vendor=a_vendor("own", zone="private"))


def policy(*rules: Rule) -> PolicyText:
    """Everything may go to the private target; to the cloud go only what the rules say."""
    own = Rule(rule_id="own", permits=True, targets={"zone": frozenset({"private"})})
    harmless = Rule(rule_id="harmless", permits=True, classes=frozenset({"public", "internal"}))
    return a_policy(own, harmless, *rules)


PSEUDONYMISED = policy(Rule(rule_id="named", permits=True, classes=frozenset({"personal"}), obligations=frozenset({Obligation.PSEUDONYMISE})))


class Log:
    """An audit log in a list. With `trouble` nothing becomes durable."""

    def __init__(self, trouble: str | None = None) -> None:
        self.records: list[AuditRecord] = []
        self.trouble = trouble

    def append(self, record: AuditRecord) -> None:
        self.records.append(record)

    async def durable(self, record: AuditRecord) -> None:
        await asyncio.sleep(0)
        if self.trouble is not None:
            raise AuditUnavailable(self.trouble)
        self.records.append(record)


def a_body(text: str, *, dialect: Dialect = Dialect.OPENAI_CHAT, **more: Any) -> Call:
    wire: dict[str, Any] = {"model": "support", "messages": [{"role": "user", "content": text}], **more}
    if dialect is Dialect.ANTHROPIC_MESSAGES:
        wire["max_tokens"] = 100
    return BY_DIALECT[dialect].decode(msgspec.json.encode(wire), CALL_ID)


def sent(house: House, target: str = "cloud", index: int = 0) -> dict[str, Any]:
    return msgspec.json.decode(house.vendors[target].asked[index][0].body)


def echoing(text: str) -> Says:
    return Says(openai_answer(text))


def the_name(house: House, target: str = "cloud") -> str:
    """Return what stood for the name in what the vendor was sent."""
    return sent(house, target)["messages"][0]["content"].removeprefix("I am ").removesuffix(".")


@pytest.fixture
def governed() -> House:
    return House(a_capability(ladder=[CLOUD]), detectors=[NAMES, SECRETS], policy=PSEUDONYMISED)


def test_a_name_goes_out_as_a_pseudonym_and_comes_back_as_itself(governed: House) -> None:
    """The promise on the front page of the docs."""
    first = governed.ask(a_body("I am Ann Miller."))
    governed.vendors["cloud"].script.append(echoing(f"Hello {the_name(governed)}!"))

    answer = msgspec.json.decode(governed.ask(a_body("I am Ann Miller.")))

    assert b"Ann" not in governed.vendors["cloud"].asked[0][0].body
    assert the_name(governed).startswith("PERSON_")
    assert msgspec.json.decode(first)["choices"][0]["message"]["content"] == "On its way."
    assert answer["choices"][0]["message"]["content"] == "Hello Ann Miller!"
    assert {record.data_class for record in governed.booked} == {"internal+personal"}


@pytest.mark.parametrize("dialect", list(Dialect))
def test_a_stream_brings_the_name_back_in_the_callers_dialect_wherever_it_is_cut(governed: House, dialect: Dialect) -> None:
    governed.ask(a_body("I am Ann Miller.", dialect=dialect))
    name = the_name(governed)
    governed.vendors["cloud"].script.append(Streams(openai_stream("Hello ", *name, "!")))

    streamed = governed.ask(a_body("I am Ann Miller.", dialect=dialect, stream=True))

    assert name.encode() not in streamed
    told = b"".join(line for line in streamed.split(b"\n") if line.startswith(b"data: "))
    assert b"Ann Miller" in told.replace(b'"}', b"").replace(b'{"', b"") or _said(streamed) == "Hello Ann Miller!"


def _said(streamed: bytes) -> str:
    text = ""
    for line in streamed.split(b"\n"):
        if line.startswith(b"data: {"):
            event = msgspec.json.decode(line[6:])
            for choice in event.get("choices", []):
                text += choice["delta"].get("content") or ""
            text += event.get("delta", {}).get("text", "")
    return text


def test_a_secret_reaches_no_place_not_even_a_private_one() -> None:
    house = House(a_capability(ladder=[OWN]), detectors=[SECRETS], policy=PSEUDONYMISED)

    house.ask(a_body("my key is sk-abc123"))

    assert b"sk-abc123" not in house.vendors["own"].asked[0][0].body
    assert dict(house.record.found) == {"secret:openai": 1}
    assert house.record.data_class == "internal"


def test_a_secret_that_is_the_name_of_a_field_is_taken_out_too() -> None:
    house = House(a_capability(ladder=[OWN]), detectors=[SECRETS], policy=PSEUDONYMISED)

    house.ask(a_body("hi", metadata={"sk-abc123": "x"}))

    assert b"sk-abc123" not in house.vendors["own"].asked[0][0].body


def test_what_the_policy_keeps_near_goes_to_the_next_rung_that_is_near() -> None:
    house = House(a_capability(ladder=[CLOUD, OWN]), detectors=[NAMES], policy=policy())

    house.ask(a_body("I am Ann Miller."))

    assert house.asked == {"own": 1}
    assert sent(house, "own")["messages"][0]["content"] == "I am Ann Miller."
    assert house.record.considered == (("cloud", "policy:internal+personal"),)


def test_a_fallback_gets_what_it_is_owed_not_what_the_rung_before_got() -> None:
    house = House(a_capability(ladder=[OWN, CLOUD]), detectors=[NAMES], policy=PSEUDONYMISED, scripts={"own": [Breaks()] * 2})

    house.ask(a_body("I am Ann Miller."))

    assert sent(house, "own")["messages"][0]["content"] == "I am Ann Miller."
    assert "Ann" not in sent(house, "cloud")["messages"][0]["content"]


def test_a_crashed_detector_makes_data_the_strictest() -> None:
    house = House(a_capability(ladder=[CLOUD, OWN]), detectors=[Crashes()], policy=policy())

    house.ask(a_body("Hello"))

    assert house.asked == {"own": 1}
    assert (house.record.data_class, dict(house.record.found)) == ("restricted", {"failed:crashes/1": 1})


def test_what_the_owner_lets_pass_neither_counts_nor_is_replaced() -> None:
    house = House(a_capability(ladder=[CLOUD], unheeded=frozenset({"person"})), detectors=[NAMES], policy=policy())

    house.ask(a_body("I am Ann Miller."))

    assert sent(house)["messages"][0]["content"] == "I am Ann Miller."
    assert house.record.data_class == "internal"


def test_a_person_who_must_agree_closes_a_target_until_there_are_people() -> None:
    asks = policy(Rule(rule_id="agreed", permits=True, classes=frozenset({"personal"}), obligations=frozenset({Obligation.PERSON})))
    house = House(a_capability(ladder=[CLOUD]), detectors=[NAMES], policy=asks)

    with pytest.raises(NoPlaceAllowed):
        house.ask(a_body("I am Ann Miller."))
    assert house.record.considered == (("cloud", "person"),)


# ── the cache ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_is_kept_for_the_question_as_it_was_asked_and_given_again_with_its_names(governed: House) -> None:
    house = House(a_capability(ladder=[CLOUD], cache=CachePolicy()), detectors=[NAMES], policy=a_policy(*PSEUDONYMISED.rules))
    house.ask(a_body("I am Ann Miller."))
    house.vendors["cloud"].script.append(echoing(f"Hello {the_name(house)}!"))
    house.ask(a_body("I am Ann Miller. Again"))
    name = sent(house, "cloud", -1)["messages"][0]["content"].split()[2].removesuffix(".")

    kept = [house.ask(a_body("I am Ann Miller.")) for _ in range(2)]

    assert name.startswith("PERSON_")
    assert kept[0] == kept[1]
    assert b"PERSON_" not in kept[0]


# ── only as a summary ───────────────────────────────────────────────────────────────────────────────────────────────

RETOLD = policy(Rule(rule_id="retold", permits=True, classes=frozenset({"personal"}), actions=frozenset({Action.SUMMARISE})))


def a_summarising(log: Log, *said: Says | Breaks | Explodes, **more: Any) -> House:
    capability = a_capability(ladder=[CLOUD], summariser=OWN)
    house = House(capability, detectors=[NAMES], policy=RETOLD, scripts={"own": said}, targets={"cloud": CLOUD, "own": OWN}, **more)
    house.use(log)
    return house


def test_only_the_summary_leaves_and_that_it_was_lowered_is_on_record() -> None:
    log = Log()
    house = a_summarising(log, echoing("A customer asks for the parcel."))

    house.ask(a_body("I am Ann Miller, where is my parcel?", tools=[{"type": "function", "function": {"name": "look", "parameters": {}}}]))

    assert "Ann Miller" in sent(house, "own")["messages"][0]["content"]
    assert sent(house)["messages"] == [{"role": "user", "content": "A customer asks for the parcel."}]
    assert "tools" not in sent(house)
    assert [(record.kind, record.target) for record in log.records][:3] == [
        (Kind.EGRESS, "own"),
        (Kind.DECLASSIFIED, "own"),
        (Kind.EGRESS, "cloud"),
    ]
    assert [entry.target for entry in house.record.entries] == ["own", "cloud"]
    assert house.record.data_class == "internal+personal"


def test_a_summary_that_leaks_does_not_leave() -> None:
    house = a_summarising(Log(), echoing("Ann Miller asks."))

    with pytest.raises(NoPlaceAllowed):
        house.ask(a_body("I am Ann Miller."))
    assert house.asked == {"own": 1}


def test_without_the_summariser_nothing_leaves_and_the_failure_is_told_as_one() -> None:
    house = a_summarising(Log(), Breaks())

    with pytest.raises(PlaceFailed):
        house.ask(a_body("I am Ann Miller."))
    assert (house.asked, house.record.entries[0].error) == ({"own": 1}, "connect")


def test_that_a_label_was_lowered_is_on_record_before_the_summary_leaves() -> None:
    """Once it is lowered the data counts as mild, and mild data need not wait for the log."""

    class Fills(Log):
        async def durable(self, record: AuditRecord) -> None:
            await super().durable(record)
            self.trouble = "disk full"

    house = a_summarising(Fills(), echoing("A customer asks for the parcel."))

    with pytest.raises(AuditUnavailable):
        house.ask(a_body("I am Ann Miller."))
    assert house.asked == {"own": 1}


def test_a_summary_that_is_cut_short_is_booked_like_any_attempt() -> None:
    house = a_summarising(Log(), Explodes())

    with pytest.raises(RuntimeError):
        house.ask(a_body("I am Ann Miller."))
    assert [(entry.target, entry.error) for entry in house.record.entries] == [("own", "internal")]


def test_a_summariser_that_fails_again_and_again_is_left_alone_by_others_too() -> None:
    house = a_summarising(Log(), *[Breaks()] * FAILURES_IN_A_ROW, echoing("A customer asks."))

    for _ in range(FAILURES_IN_A_ROW):
        with pytest.raises(PlaceFailed):
            house.ask(a_body("I am Ann Miller."))
    assert house.breakers.open_class("own") == "unreachable"

    house.time.advance(COOL_DOWN_S)
    house.ask(a_body("I am Ann Miller."))
    assert house.breakers.open_class("own") is None


def test_an_answer_to_a_summary_is_not_kept_for_the_question() -> None:
    log = Log()
    capability = a_capability(ladder=[CLOUD], summariser=OWN, cache=CachePolicy())
    told = [echoing("A customer asks."), echoing("A customer asks.")]
    house = House(capability, detectors=[NAMES], policy=RETOLD, scripts={"own": told}, targets={"cloud": CLOUD, "own": OWN})
    house.use(log)

    for _ in range(2):
        house.ask(a_body("I am Ann Miller."))

    assert house.asked == {"own": 2, "cloud": 2}


# ── on record before it leaves ──────────────────────────────────────────────────────────────────────────────────────


def test_every_time_data_leaves_is_on_record_with_what_was_done_to_it() -> None:
    log = Log()
    house = House(a_capability(ladder=[CLOUD]), detectors=[NAMES], policy=PSEUDONYMISED)
    house.use(log)

    house.ask(a_body("I am Ann Miller."), Asked(user="u-1", unit="ticket-7"))

    egress, answer = log.records
    assert (egress.kind, egress.target, egress.zone, egress.label) == (Kind.EGRESS, "cloud", "public_api", "internal+personal")
    assert (egress.met, dict(egress.findings)) == (("personal:pseudonymise",), {"person": 1})
    assert (answer.kind, answer.outcome, answer.unit, answer.user) == (Kind.ANSWER, "ok", "ticket-7", "u-1")


@pytest.mark.parametrize("stream", [False, True])
def test_strict_data_does_not_leave_while_the_log_cannot_be_written_and_mild_data_does(stream: bool) -> None:
    more: Mapping[str, Any] = {"stream": True} if stream else {}
    house = House(a_capability(ladder=[OWN]), policy=policy(), scripts={"own": [Streams(openai_stream("Hello"))]} if stream else None)
    house.use(Log(trouble="disk full"))

    house.ask(a_body("Hello", **more))
    with pytest.raises(AuditUnavailable):
        house.ask(a_body("Hello", **more), Asked(declared=a_label("confidential")))

    assert house.asked == {"own": 1}
    assert [record.status for record in house.booked] == ["ok", "audit_unavailable"]


def test_a_secret_and_a_failed_detector_are_events_of_their_own() -> None:
    log = Log()
    house = House(a_capability(ladder=[OWN]), detectors=[SECRETS, Crashes()], policy=policy())
    house.use(log)

    house.ask(a_body("key sk-abc123"))

    told = {record.kind: dict(record.facts) for record in log.records}
    assert told[Kind.SECRET_FOUND] == {"what": "openai", "count": 1}
    assert told[Kind.DETECTOR_FAILED] == {"what": "crashes/1", "count": 1}


def test_a_refusal_is_on_record_too() -> None:
    log = Log()
    house = House(a_capability(ladder=[CLOUD]), detectors=[NAMES], policy=policy())
    house.use(log)

    with pytest.raises(NoPlaceAllowed) as told:
        house.ask(a_body("I am Ann Miller."))

    assert told.value.message.endswith("Found in it: 1 person.")
    [refusal] = log.records
    assert (refusal.kind, refusal.outcome, refusal.candidates) == (Kind.REFUSAL, "no_place_allowed", ("cloud=policy:internal+personal",))


def test_a_key_that_declares_more_is_believed_whatever_is_found() -> None:
    house = House(a_capability(ladder=[CLOUD, OWN]), policy=policy(), keys=[])
    house.ask(a_call(), Asked(declared=a_label("legal")))
    assert house.asked == {"own": 1}
    assert a_key().label.text == "internal"
