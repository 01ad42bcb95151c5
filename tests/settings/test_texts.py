"""
What of a configuration is kept with a snapshot.
"""

from pathlib import Path

from pointsman.app.facts import Prices, facts
from pointsman.settings.load import load
from pointsman.settings.texts import texts_of
from pointsman.settings.watch import stamp

_MAIN = """
capabilities: {answer: {ladder: [small], rules: rules.csv}}
targets: {small: {vendor: mine, model: m}}
vendors: {mine: {kind: openai_compatible, base_url: "http://127.0.0.1:9/v1", place: private, credential: "file:vendor.key"}}
detection: {documents: [{path: secret-plans, data_class: confidential}]}
"""


def test_the_texts_of_a_snapshot_are_those_of_its_files_but_neither_secrets_nor_documents(tmp_path: Path) -> None:
    main = _MAIN.replace("place: private, ", "")
    (tmp_path / "pointsman.yaml").write_text(main)
    (tmp_path / "rules.csv").write_text('name,then,text,answer\nhours,answer,.matches("hours"),nine to five\n')
    (tmp_path / "vendor.key").write_text("sk-do-not-keep\n")
    (tmp_path / "vendor.key").chmod(0o600)
    (tmp_path / "secret-plans").mkdir()
    (tmp_path / "secret-plans" / "plan.txt").write_text("We buy the bakery in Graz next spring. " * 20)

    settings = load(tmp_path / "pointsman.yaml", facts(Prices(lambda: 1_767_225_600_000)))

    assert dict(settings.texts) == {"pointsman.yaml": main, "rules.csv": (tmp_path / "rules.csv").read_text()}
    assert settings.documents


def test_a_file_that_is_no_text_or_has_changed_meanwhile_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "b.txt").write_text("b")
    (tmp_path / "changed.txt").write_text("was")
    stamps = {path: stamp(path) for path in (tmp_path / "a.bin", tmp_path / "b.txt", tmp_path / "gone", tmp_path / "changed.txt")}
    (tmp_path / "changed.txt").write_text("is another")
    assert texts_of(stamps, folder=tmp_path / "elsewhere", without=()) == {"../b.txt": "b"}
