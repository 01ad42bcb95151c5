"""Names, addresses and the like are found in running text, wherever it is cut, and plain requests hold nobody."""

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.governance.detection.kinds import class_of
from pointsman.governance.detection.sequence import ALL_KINDS, SequenceDetector
from pointsman.governance.finding import Finding

DETECTOR: Final = SequenceDetector.packaged()
DATA: Final = Path(os.environ.get("POINTSMAN_DATA") or Path(__file__).parents[4] / "shared" / "data") / "personal_data" / "gen_small.jsonl"
NAMES: Final = ("Maria Nowak", "Peter O'Neill", "Siobhan Murphy", "Rajesh Patel", "Jean-Luc Moreau", "Dr. Anna Schmidt")


def told(text: str, detector: SequenceDetector = DETECTOR) -> list[tuple[str, str]]:
    return [(finding.kind, text[finding.start : finding.end]) for finding in detector.find(text)]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("Please forward the contract to Maria Nowak before noon.", "person", "Maria Nowak"),
        ("hi john, can you check it?", "person", "john"),
        ("Kind regards,\nSiobhan Murphy", "person", "Siobhan Murphy"),
        ("Who was Albert Einstein?", "person", "Albert Einstein"),
        ("The patient, Rajesh Patel, complained about pain.", "person", "Rajesh Patel"),
        ("I live at 14 Oak Street, Springfield, IL 62704.", "address", "14 Oak Street, Springfield, IL 62704"),
        ("Delivery address: Lindenstraße 12, 10969 Berlin", "address", "Lindenstraße 12, 10969 Berlin"),
        ("Send it to 12 rue de la Paix, 75002 Paris, France please", "address", "12 rue de la Paix, 75002 Paris, France"),
        ("Ship it to:\nCalle Mayor 5\n28013 Madrid\nSpain", "address", "Calle Mayor 5\n28013 Madrid\nSpain"),
        ("Our postal address is P.O. Box 1234.", "address", "P.O. Box 1234"),
        ("I work at Siemens AG.", "organisation", "Siemens AG"),
        ("an invoice from Brightside Analytics LLC over 200 euros", "organisation", "Brightside Analytics LLC"),
        ("I am 45 years old.", "age", "45"),
        ("She is a Brazilian citizen.", "nationality", "Brazilian"),
        ("Flights from Lisbon to Nairobi", "location", "Nairobi"),
        ("The meeting is on 12 March 2024.", "date", "12 March 2024"),
        ("call me at 60-56-85-91", "phone", "60-56-85-91"),
    ],
)
def test_what_points_at_a_person_is_found(text: str, kind: str, value: str) -> None:
    assert (kind, value) in told(text)


@pytest.mark.parametrize(
    "text",
    [
        "Write a Python function that parses a CSV file and returns a list of rows.",
        "What is photosynthesis and how does it work?",
        "Summarise the following text in three bullet points.",
        "Translate this sentence into French, please.",
        "How do I undo the last commit in Git?",
        "def parse_rows(path: str) -> list[str]:\n    return open(path).read().splitlines()\n",
        "SELECT name, total FROM orders WHERE status = 'open'",
        "Explain the difference between TCP and UDP.",
        "# Release Notes\n\n- Fix a bug in the parser\n- Improve the documentation",
        "请描述一个包含格调的房间设计。",
        "The quick brown fox jumps over the lazy dog.",
        '{"temperature": 0.2, "max_tokens": 100, "stream": true}',
        "You are a helpful assistant. Answer briefly.",
    ],
)
def test_a_plain_request_holds_nobody(text: str) -> None:
    assert [pair for pair in told(text) if pair[0] not in {"date", "location", "organisation"}] == []


def test_a_finding_says_who_found_it_and_what_it_makes_of_the_text() -> None:
    [person, place] = DETECTOR.find("Maria Nowak lives in Warsaw.")
    assert person == Finding(start=0, end=11, kind="person", data_class="personal", detector=DETECTOR.name, score=person.score)
    assert place.data_class == class_of("location")
    assert 0.4 < person.score <= 1


@pytest.mark.parametrize(
    "text",
    [
        "Formuliere eine Einladung zur Weihnachtsfeier der Abteilung, locker und kurz.",
        "Schreib eine kurze Absage an einen Bewerber, freundlich, ohne Namen.",
        "Quels sont les avantages d'une pompe à chaleur par rapport à une chaudière à gaz ?",
        "Necesito una receta rápida de tortilla sin cebolla para cuatro personas.",
        "Vorrei un riassunto di questo articolo in cinque punti.",
        "Kun je deze e-mail korter en vriendelijker maken?",
        "Как написать резюме без опыта работы?",
    ],
)
def test_plain_requests_in_other_languages_hold_nobody(text: str) -> None:
    assert [kind for kind, _ in told(text) if class_of(kind) == "personal"] == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Der Kunde Thomas Brandt hat sich beschwert.", "Thomas Brandt"),
        ("Bonjour, je m'appelle Camille Lefebvre et mon colis n'est pas arrivé.", "Camille Lefebvre"),
        ("Hola, soy Javier Ortega, mi pedido no ha llegado.", "Javier Ortega"),
        ("Pani Katarzyna Wójcik nie zapłaciła rachunku.", "Katarzyna Wójcik"),
        ("Меня зовут Олег Смирнов, мой заказ не пришёл.", "Олег Смирнов"),
    ],
)
def test_a_name_in_another_language_is_found_and_its_neighbours_are_not(text: str, name: str) -> None:
    assert [value for kind, value in told(text) if class_of(kind) == "personal"] == [name]


@pytest.mark.parametrize(
    "text",
    [
        "What is 17% of 23,480.50?",
        "order 7f3c2a91-5b1e-4c1f-9a53-0d6e9f3b2c11 not found",
        "WHERE date(created_at) = '2026-01-01'",
        "kubectl delete pod web-7d4b9c6f5-x2x8q",
        "My parcel with order number 4471182903 has not arrived.",
    ],
)
def test_an_amount_a_day_and_the_number_of_a_thing_are_no_telephone(text: str) -> None:
    assert "phone" not in [kind for kind, _ in told(text)]


def test_two_names_in_two_lines_are_two_findings() -> None:
    assert told("Guests:\nMaria Nowak\nPeter Schmidt\n") == [("person", "Maria Nowak"), ("person", "Peter Schmidt")]


def test_only_the_kinds_asked_for_are_told() -> None:
    only = SequenceDetector.packaged(kinds={"person"})
    assert told("Maria Nowak, 45, lives in Warsaw.", only) == [("person", "Maria Nowak")]


def test_the_title_of_a_job_is_told_only_where_asked_for() -> None:
    text = "I work as a senior accountant."
    assert told(text) == []
    assert told(text, SequenceDetector.packaged(kinds=ALL_KINDS)) == [("title", "senior accountant")]


def test_nothing_is_found_in_nothing() -> None:
    assert told("") == []
    assert told(" \n\t ") == []


@given(before=st.integers(0, 1700), name=st.sampled_from(NAMES))
@settings(max_examples=12, deadline=None)
def test_a_name_is_found_wherever_a_long_text_is_cut(before: int, name: str) -> None:
    text = "the report is late " * (before // 4) + "and " * (before % 4) + f"please ask {name} about the report"
    found = [value for kind, value in told(text) if kind == "person"]
    assert [value for value in found if value in name and len(value) > 4] != []


@given(text=st.text(max_size=120) | st.lists(st.sampled_from([*NAMES, "12", "Main St.", ",", "\n", "é", "\u2028", "ß", "İ", "a\u0301", "🙂"])).map(" ".join))
@settings(max_examples=60, deadline=None)
def test_findings_stand_in_the_text_in_order_and_apart(text: str) -> None:
    at = 0
    for finding in DETECTOR.find(text):
        assert at <= finding.start < finding.end <= len(text)
        assert text[finding.start : finding.end] == text[finding.start : finding.end].strip()
        at = finding.end


@given(name=st.sampled_from(NAMES), padding=st.integers(0, 30))
@settings(max_examples=15, deadline=None)
def test_where_a_name_stands_in_a_line_of_blanks_moves_its_finding_only(name: str, padding: int) -> None:
    plain, moved = list(DETECTOR.find(f"ask {name} now")), list(DETECTOR.find("\n" * padding + f"ask {name} now"))
    assert [(finding.start + padding, finding.end + padding) for finding in plain] == [(finding.start, finding.end) for finding in moved]


def test_what_was_read_before_changes_nothing() -> None:
    detector = SequenceDetector.packaged()
    text = "Maria Nowak lives at 14 Oak Street, Springfield."
    fresh = list(detector.find(text))
    for start in range(0, 14_000, 700):  # more new words than are kept
        list(
            detector.find(" ".join(f"w{chr(97 + number % 26)}{chr(97 + number // 26 % 26)}{chr(97 + number // 676)}x" for number in range(start, start + 700)))
        )
    assert list(detector.find(text)) == fresh


def test_no_number_stays_in_memory() -> None:
    detector = SequenceDetector.packaged()
    list(detector.find("My number is 4929 1234, account 778899, born 1984, at Oak Street 57"))
    assert not [token for token in detector._rows if set(token) & set("123456789")]


def test_threads_do_not_disturb_each_other() -> None:
    detector = SequenceDetector.packaged()
    texts = [
        f"Please ask {name} about order {number} in {place}."
        for number, (name, place) in enumerate(zip(NAMES * 4, ("Oslo", "Lima", "Cairo", "Pune") * 6, strict=True))
    ]
    alone = [told(text) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda text: told(text, detector), texts))
    assert together == alone


@pytest.mark.parametrize("piece", [" ", "\n", "a", "A ", "=", "'", "-a", "0.", "é", "\u200b", "John, "])
def test_time_grows_with_the_text_and_no_faster(piece: str) -> None:
    def seconds(size: int) -> float:
        text = piece * (size // len(piece))
        best = 1e9
        for _ in range(2):
            started = time.process_time()
            for _ in DETECTOR.find(text):
                pass
            best = min(best, time.process_time() - started)
        return best

    seconds(1_000)
    assert seconds(40_000) < 100 * seconds(2_000) + 0.05  # twenty times as long, and what others take from the processor; its square: four hundred times


@pytest.mark.skipif(not DATA.exists(), reason="the shared data is not here (POINTSMAN_DATA)")
def test_most_persons_in_texts_of_others_are_found() -> None:
    rows = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]
    hits = [
        any(finding.kind == "person" and finding.start < end and finding.end > start for finding in DETECTOR.find(row["text"]))
        for row in rows
        for start, end, kind in row["spans"]
        if kind == "PERSON"
    ]
    assert sum(hits) / len(hits) >= 0.8
