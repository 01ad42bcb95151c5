from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from tests.governance.finding import Finds
from tests.settings.files import settings_of

from pointsman.app.governing import Governing
from pointsman.core.errors import Unusable

SUPPORT = "capabilities: {support: {ladder: [openai/gpt-5-mini]}}\n"


class Names(Finds):
    """A detector of another package."""

    def __init__(self) -> None:
        super().__init__("Zork", kind="person")


@pytest.fixture(scope="module")
def put_together() -> Governing:
    return Governing(lambda tenant: tenant.encode() * 32)


def kinds(governed: Governing, folder: Path, told: str, text: str) -> dict[str, str]:
    judge: Any = governed.judge(settings_of(folder, SUPPORT + told))
    [found] = judge._scanner.scan([text]).findings
    return {one.kind: one.data_class for one in found}


def test_what_ships_finds_identifiers_names_and_secrets(put_together: Governing, tmp_path: Path) -> None:
    found = kinds(put_together, tmp_path, "", "Mail ann.miller@example.org, card 4111 1111 1111 1111")
    assert found["email"] == "personal"
    assert found["card"] == "financial"


def test_a_kind_can_be_left_out_or_get_another_class_but_secrets_stay(put_together: Governing, tmp_path: Path) -> None:
    text = "Mail ann.miller@example.org, card 4111 1111 1111 1111, AWS key AKIAQ3EGVYXZ2MJ7TWPR"
    found = kinds(put_together, tmp_path, "detection: {off: [email], classes: {card: restricted}}", text)
    assert "email" not in found
    assert found["card"] == "restricted"
    assert any(kind.startswith("secret:") and told == "secret" for kind, told in found.items())


def test_a_document_of_the_company_is_known_again(put_together: Governing, tmp_path: Path) -> None:
    words = " ".join(f"clause{number} binds the buyer to deliver part {number * 7}" for number in range(40))
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "one.txt").write_text(words, encoding="utf-8")
    (tmp_path / "contracts" / "seal.bin").write_bytes(bytes(range(256)))
    told = "detection: {documents: [{path: contracts, data_class: legal}]}"
    assert kinds(put_together, tmp_path, told, words[200:900]).get("fingerprint") == "legal"


def test_a_document_that_comes_or_goes_counts_from_the_next_judgement_on(put_together: Governing, tmp_path: Path) -> None:
    words = " ".join(f"clause{number} binds the seller to pay part {number * 3}" for number in range(40))
    (tmp_path / "contracts").mkdir()
    told = "detection: {documents: [{path: contracts, data_class: legal}]}"
    assert "fingerprint" not in kinds(put_together, tmp_path, told, words)
    (tmp_path / "contracts" / "two.txt").write_text(words, encoding="utf-8")
    assert kinds(put_together, tmp_path, told, words)["fingerprint"] == "legal"
    (tmp_path / "contracts" / "two.txt").unlink()
    assert "fingerprint" not in kinds(put_together, tmp_path, told, words)


def test_a_detector_of_another_package_is_found_by_its_name(put_together: Governing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {name: EntryPoint(name, f"{__name__}:{value}", "pointsman.detectors") for name, value in (("zork", "Names"), ("bad", "nowhere"))}
    monkeypatch.setattr("importlib.metadata.entry_points", lambda *, group, name: [known[name]] if name in known and group == "pointsman.detectors" else [])

    assert kinds(put_together, tmp_path, "detection: {plug_ins: [zork]}", "Who is Zork?")["person"] == "personal"
    with pytest.raises(Unusable, match="There is no detector `absent`"):
        put_together.judge(settings_of(tmp_path, f"{SUPPORT}detection: {{plug_ins: [absent]}}"))
    with pytest.raises(Unusable, match="does not start"):
        put_together.judge(settings_of(tmp_path, f"{SUPPORT}detection: {{plug_ins: [bad]}}"))
