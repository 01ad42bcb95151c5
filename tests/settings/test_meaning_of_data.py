from pathlib import Path

import pytest
from tests.settings.files import SHA, known, settings_of, told_by

from pointsman.core.label import Level
from pointsman.settings import documents
from pointsman.settings.load import Reloader

SUPPORT = "capabilities: {a: {ladder: [openai/x]}}\n"
LAB = "vendors: {lab: {kind: vllm, base_url: 'http://127.0.0.1:9/v1'}}\n"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (f"{SUPPORT}keys: {{k: {{sha256: {SHA}, data_class: hushed}}}}", "2 keys.k.data_class: there is no data class `hushed`."),
        (f"{SUPPORT}keys: {{k: {{sha256: {SHA}, data_class: []}}}}", "2 keys.k.data_class: data without a class goes nowhere."),
        (f"{SUPPORT}keys: {{k: {{sha256: {SHA}, files: hushed}}}}", "2 keys.k.files: there is no data class `hushed`."),
        ("capabilities: {a: {ladder: [openai/x], ignore_findings: [persona]}}", "1 capabilities.a.ignore_findings[0]: no detector finds `persona`."),
        ("capabilities: {a: {ladder: [openai/x], summariser: nowhere}}", "1 capabilities.a.summariser: there is no target `nowhere`."),
        ("capabilities: {a: {ladder: [openai/x], summariser: openai/y}}", "1 capabilities.a.summariser: a summary is made of what may not leave"),
        (f"{SUPPORT}detection: {{off: [nothing]}}", "2 detection.off[0]: no detector finds `nothing`."),
        (f"{SUPPORT}detection: {{classes: {{nothing: internal}}}}", "2 detection.classes.nothing: no detector finds `nothing`."),
        (f"{SUPPORT}detection: {{classes: {{person: hushed}}}}", "2 detection.classes.person: there is no data class `hushed`."),
        (f"{SUPPORT}detection: {{documents: [{{path: nowhere.txt, data_class: legal}}]}}", "2 detection.documents[0].path: it cannot be read (No such file"),
        (f"{SUPPORT}vendors: {{v: {{kind: openai, zone: contracted}}}}", "2 vendors.v.zone: the terms do not bear out `contracted`."),
        (f"{SUPPORT}vendors: {{v: {{kind: openai, terms: {{next_review: soon}}}}}}", "2 vendors.v.terms.next_review: `soon` is no date."),
        (f"{SUPPORT}vendors: {{v: {{kind: openai, terms: {{reviewed: '2027-13-01'}}}}}}", "2 vendors.v.terms.reviewed: `2027-13-01` is no date."),
        (f"{SUPPORT}policy: {{rules: [{{id: r, effect: permit, classes: [hushed]}}]}}", "2 policy.rules[0].classes: `r`: there is no data class `hushed`."),
    ],
)
def test_a_mistake_about_data_is_told_with_its_line_and_a_remedy(tmp_path: Path, source: str, expected: str) -> None:
    [told] = told_by(tmp_path, source)
    assert expected in told


def test_a_rule_that_breaks_a_claim_does_not_load_until_the_claim_is_given_up(tmp_path: Path) -> None:
    opened = f"{SUPPORT}policy:\n  rules: [{{id: open, effect: permit, classes: [legal], actions: [infer]}}]\n"

    told = told_by(tmp_path, opened)

    assert any("`legal` data can reach `openai/x`" in one and "`legal-only-private`" in one for one in told)
    assert settings_of(tmp_path, f"{opened}  waive: [legal-only-private]\n").policy.waived == {"legal-only-private"}


def test_a_key_may_declare_several_classes_and_one_of_the_companys_own(tmp_path: Path) -> None:
    own = "policy: {classes: {board: restricted}}\n"
    [key] = settings_of(
        tmp_path, f"{SUPPORT}{own}keys: {{k: {{sha256: {SHA}, data_class: [personal, board], residency: [eu], purposes: [support]}}}}"
    ).snapshot.keys
    assert (key.label.classes, key.label.level) == ({"personal", "board"}, Level.RESTRICTED)
    assert (key.label.residency, key.label.purposes) == ({"eu"}, {"support"})


@pytest.mark.parametrize(
    ("vendor", "zone"),
    [
        ("{kind: openai}", "public_api"),
        ("{kind: openai, terms: {retention_days: 0, trains: false, agreements: [dpa]}}", "contracted"),
        ("{kind: openai, terms: {retention_days: 0, agreements: [dpa]}}", "public_api"),
        ("{kind: openai, zone: edge}", "edge"),
        ("{kind: vllm}", "private"),
    ],
)
def test_a_vendor_stands_where_its_terms_and_its_place_say(tmp_path: Path, vendor: str, zone: str) -> None:
    found = settings_of(tmp_path, f"capabilities: {{a: {{ladder: [v/x]}}}}\nvendors: {{v: {vendor}}}")
    [target] = found.snapshot.capabilities["a"].ladder
    assert target.vendor is not None
    assert target.vendor.zone == zone


def test_a_target_may_say_that_it_stands_elsewhere(tmp_path: Path) -> None:
    source = "capabilities: {a: {ladder: [t]}}\nvendors: {v: {kind: openai_compatible, base_url: 'http://127.0.0.1:9/v1'}}\n"
    found = settings_of(tmp_path, f"{source}targets: {{t: {{vendor: v, model: x, place: private}}}}")
    vendor = found.snapshot.targets["t"].vendor
    assert vendor is not None
    assert vendor.zone == "private"


def test_a_vendor_at_another_address_is_not_where_its_kind_usually_is(tmp_path: Path) -> None:
    ladder = "capabilities: {a: {ladder: [v/x]}}\n"
    usual = settings_of(tmp_path, f"{ladder}vendors: {{v: {{kind: mistral}}}}").snapshot.vendors["v"]
    moved = settings_of(tmp_path, f"{ladder}vendors: {{v: {{kind: mistral, base_url: 'https://llm.example.com/v1'}}}}").snapshot.vendors["v"]
    assert (usual.region, moved.region) == ("eu", None)


def test_documents_of_a_folder_are_read_and_what_is_no_text_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "own" / "deep").mkdir(parents=True)
    (tmp_path / "own" / "deep" / "a.txt").write_text("words", encoding="utf-8")
    (tmp_path / "own" / "b.bin").write_bytes(b"\xff\xfe\x00")
    found = settings_of(tmp_path, f"{SUPPORT}detection: {{documents: [{{path: own, data_class: legal}}]}}")
    assert found.documents == (("own/deep/a.txt", "legal", "words"),)
    assert (tmp_path / "own" / "deep" / "a.txt") in found.stamps


def test_a_document_that_comes_changes_or_goes_is_noticed_however_deep_it_lies(tmp_path: Path) -> None:
    deep = tmp_path / "own" / "deep" / "deeper"
    deep.mkdir(parents=True)
    (deep / "a.txt").write_text("words", encoding="utf-8")
    settings = settings_of(tmp_path, f"{SUPPORT}detection: {{documents: [{{path: own, data_class: legal}}]}}")
    reloader = Reloader(tmp_path / "pointsman.yaml", known(), current=settings)

    def found_documents() -> list[str]:
        found = reloader.check()
        assert found is not None
        assert reloader.check() is None
        return [f"{Path(name).name}: {text}" for name, _, text in found.documents]

    assert reloader.check() is None
    (deep / "b.txt").write_text("more", encoding="utf-8")
    assert found_documents() == ["a.txt: words", "b.txt: more"]
    (deep / "a.txt").write_text("other words", encoding="utf-8")
    assert found_documents() == ["a.txt: other words", "b.txt: more"]
    (deep / "a.txt").unlink()
    assert found_documents() == ["b.txt: more"]


def test_a_text_that_is_too_long_to_be_known_again_is_told_and_a_long_picture_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    source = f"{SUPPORT}detection: {{documents: [{{path: own, data_class: legal}}]}}"
    picture = b"\x89PNG\r\n\x1a\n" + bytes(8 << 20)
    (tmp_path / "own" / "a.png").write_bytes(picture)
    assert settings_of(tmp_path, source).documents == ()
    (tmp_path / "own" / "a.png").write_bytes(bytes(9 << 20))
    assert settings_of(tmp_path, source).documents == ()
    (tmp_path / "own" / "book.txt").write_text("ä" * (5 << 20), encoding="utf-8")
    assert "it cannot be read (`own/book.txt` is longer than 8 MB, and would not be known again)" in told_by(tmp_path, source)[0]


def test_a_summariser_is_a_target_even_if_no_ladder_names_it(tmp_path: Path) -> None:
    found = settings_of(tmp_path, f"capabilities: {{a: {{ladder: [openai/x], summariser: lab/m}}}}\n{LAB}")
    summariser = found.snapshot.capabilities["a"].summariser
    assert summariser is not None
    assert summariser.name == "lab/m"


def test_too_many_documents_and_one_that_cannot_be_opened_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "_MOST_FILES", 2)
    source = f"{SUPPORT}detection: {{documents: [{{path: own, data_class: legal}}]}}"
    (tmp_path / "own").mkdir()
    for number in range(3):
        (tmp_path / "own" / f"{number}.txt").write_text("words", encoding="utf-8")
    assert "it cannot be read (it holds more than 2 files)" in told_by(tmp_path, source)[0]
    (tmp_path / "own" / "2.txt").unlink()
    (tmp_path / "own" / "again").symlink_to(tmp_path / "own", target_is_directory=True)
    assert [name for name, _, _ in settings_of(tmp_path, source).documents] == ["own/0.txt", "own/1.txt"]
    one = source.replace("path: own", "path: own/0.txt")
    assert settings_of(tmp_path, one).documents == (("own/0.txt", "legal", "words"),)


def test_a_long_picture_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0" * (3 << 20))
    assert settings_of(tmp_path, f"{SUPPORT}detection: {{documents: [{{path: own, data_class: legal}}]}}").documents == ()
