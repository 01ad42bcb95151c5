"""
`pointsman.yaml` changed in place: what was asked for, and not a byte more.
"""

import stat
import threading
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pointsman.core.errors import Unusable
from pointsman.settings.edit import Value, drop, editing, put, replace_file
from pointsman.settings.mistakes import SettingsInvalid
from pointsman.settings.yaml_text import read

KEY: Value = {"sha256": "a" * 64, "team": "support"}

OWNED = """\
# Ours. Ask Ann before you change it.
capabilities:
  support:   # the first one
    ladder: [openai/gpt-6-luna]

keys:  # who may call
  # the web shop
  web:  # Ann's
    sha256: aaaa  # 2026-01
    team: support
# moved here on Monday
    application: shop

  # the batch job
  batch:
    sha256: bbbb
limits: []
# the end
"""


def test_a_new_key_stands_after_the_others_and_nothing_else_changes() -> None:
    changed = put(OWNED, ("keys", "mobile"), value=KEY)

    assert changed == OWNED.replace("    sha256: bbbb\n", f"    sha256: bbbb\n  mobile:\n    sha256: {'a' * 64}\n    team: support\n")


def test_the_first_key_of_a_file_is_written_below_everything() -> None:
    changed = put("capabilities:\n  a: 1\n# the end\n", ("keys", "web"), value=KEY)

    assert changed == f"capabilities:\n  a: 1\n# the end\n\nkeys:\n  web:\n    sha256: {'a' * 64}\n    team: support\n"


def test_a_changed_field_keeps_the_comment_beside_it() -> None:
    assert put(OWNED, ("keys", "web", "sha256"), value="cccc") == OWNED.replace("aaaa  # 2026-01", "cccc  # 2026-01")


def test_a_new_field_of_a_key_stands_after_its_others() -> None:
    changed = put(OWNED, ("keys", "web", "previous"), value={"sha256": "aaaa", "until": "2027-01-31T12:00:00"})

    assert changed == OWNED.replace("    application: shop\n", '    application: shop\n    previous:\n      sha256: aaaa\n      until: "2027-01-31T12:00:00"\n')


def test_a_dropped_key_takes_its_own_lines_and_leaves_every_comment_around_it() -> None:
    changed = drop(OWNED, ("keys", "web"))

    assert "Ann's" not in changed
    assert "  # the web shop\n\n  # the batch job\n  batch:\n" in changed
    assert changed.endswith("    sha256: bbbb\nlimits: []\n# the end\n")


def test_a_file_without_its_last_key_says_that_there_are_none() -> None:
    source = "a: 1\nkeys: # who may call\n  web:\n    sha256: aaaa\nb: 2\n"

    assert drop(source, ("keys", "web")) == "a: 1\nkeys: {} # who may call\nb: 2\n"


@pytest.mark.parametrize("empty", ["keys: {}", "keys:", "keys: {} # none yet", "keys: null", "keys: ~ # none", "keys: {\n}"])
def test_an_empty_list_of_keys_is_filled_where_it_stands(empty: str) -> None:
    changed = put(f"a: 1\n{empty}\nb: 2\n", ("keys", "web"), value=KEY)

    assert read(changed, "x").values == {"a": 1, "keys": {"web": KEY}, "b": 2}
    assert changed.startswith("a: 1\nkeys:")
    assert changed.endswith("    team: support\nb: 2\n")


def test_a_key_on_one_line_can_be_given_a_field_and_a_new_value() -> None:
    source = "keys:\n  web: {sha256: aaaa, team: x}  # short\n"
    changed = put(put(source, ("keys", "web", "sha256"), value="cccc"), ("keys", "web", "previous"), value={"sha256": "aaaa", "until": "2027-01-31", "x": None})

    assert changed == 'keys:\n  web: {sha256: cccc, team: x, previous: {sha256: aaaa, until: "2027-01-31"}}  # short\n'


def test_keys_on_one_line_can_be_added_to_but_not_taken_from() -> None:
    changed = put("keys: {web: {sha256: aaaa}}\n", ("keys", "batch"), value={"sha256": "bbbb"})

    assert changed == "keys: {web: {sha256: aaaa}, batch: {sha256: bbbb}}\n"
    with pytest.raises(Unusable, match="on a line of its own"):
        drop(changed, ("keys", "web"))
    assert put("{keys: {}, a: 1}\n", ("keys", "web"), value=KEY) == f"{{keys: {{web: {{sha256: {'a' * 64}, team: support}}}}, a: 1}}\n"


@pytest.mark.parametrize(
    "text", ["true", "123", "0x1f", "2027-01-31", "null", "~", "", "a: b", "# c", "[x", "- y", "é\n", "'", '"', "a:", "=", "<<", "1e3", "1_0"]
)
def test_a_text_that_yaml_would_read_as_something_else_is_put_in_quotes(text: str) -> None:
    changed = put("keys:\n  web:\n    sha256: aaaa\n", ("keys", "web", "team"), value=text)

    assert read(changed, "x").values["keys"]["web"] == {"sha256": "aaaa", "team": text}


def test_lists_are_written_on_one_line_and_empty_ones_too() -> None:
    changed = put("a: 1\n", ("keys", "web"), value={"scopes": ("call", "1"), "capabilities": (), "limits": {}, "open": True})

    assert changed == 'a: 1\n\nkeys:\n  web:\n    scopes: [call, "1"]\n    capabilities: []\n    limits: {}\n    open: true\n'


def test_a_whole_entry_is_replaced_when_it_is_put_again() -> None:
    assert put(OWNED, ("keys", "batch"), value={"sha256": "dddd"}) == OWNED.replace("bbbb", "dddd")
    block = "keys:\n  web:\n    note: |\n      one\n\n      two\n    x: 1\n"
    assert put(block, ("keys", "web", "note"), value="short") == "keys:\n  web:\n    note: short\n    x: 1\n"


def test_an_empty_field_is_given_its_value() -> None:
    assert put("keys:\n  web:\n    team:\n    x: 1\n", ("keys", "web", "team"), value="a") == "keys:\n  web:\n    team: a\n    x: 1\n"


def test_line_ends_stay_as_they_are_and_new_lines_follow_them() -> None:
    changed = put("a: 1\r\nkeys:\r\n  web:\r\n    sha256: aaaa\r\nb: 2\r\n", ("keys", "batch"), value={"sha256": "bbbb"})

    assert changed == "a: 1\r\nkeys:\r\n  web:\r\n    sha256: aaaa\r\n  batch:\r\n    sha256: bbbb\r\nb: 2\r\n"


def test_a_file_that_ends_without_a_line_end_is_given_one() -> None:
    assert put("keys:\n  web:\n    sha256: aaaa", ("keys", "b"), value={"sha256": "bb"}) == "keys:\n  web:\n    sha256: aaaa\n  b:\n    sha256: bb\n"


def test_a_block_text_that_ends_the_file_without_a_line_end_is_given_one_too() -> None:
    changed = put("keys:\n  web:\n    note: |\n      two\n\n      lines", ("keys", "b"), value={"sha256": "bb"})

    assert changed == "keys:\n  web:\n    note: |\n      two\n\n      lines\n  b:\n    sha256: bb\n"


def test_an_indented_file_stays_indented() -> None:
    assert put("  a: 1\n", ("keys", "web"), value={"sha256": "aa"}) == "  a: 1\n  keys:\n    web:\n      sha256: aa\n"


def test_a_list_above_the_new_entry_is_not_cut_in_two() -> None:
    assert put("keys:\n  web:\n    scopes:\n    - call\n    - admin\n", ("keys", "b"), value={"x": "y"}).endswith("    - admin\n  b:\n    x: y\n")


@pytest.mark.parametrize(
    "source",
    [
        "shared: &web\n  sha256: aaaa\nkeys:\n  web: *web\n",  # the value stands elsewhere
        "keys:\n  - web\n",
        "keys: some text\n",
    ],
)
def test_what_cannot_be_edited_without_touching_more_is_refused(source: str) -> None:
    with pytest.raises(Unusable, match="cannot be edited safely"):
        put(source, ("keys", "web", "sha256"), value="cccc")


def test_dropping_what_others_refer_to_is_refused() -> None:
    with pytest.raises(Unusable, match="cannot be edited safely"):
        drop("keys:\n  web: &web\n    sha256: aaaa\n  batch: *web\n", ("keys", "web"))


@pytest.mark.parametrize("path", [("keys", "nobody"), ("limits", "nobody"), ("nothing",)])
def test_dropping_what_is_not_there_names_it(path: tuple[str, ...]) -> None:
    with pytest.raises(Unusable, match=path[-1]):
        drop(OWNED.replace("limits: []\n", ""), path)


@pytest.mark.parametrize("source", ["", "# only a comment\n"])
def test_a_file_without_content_is_not_edited(source: str) -> None:
    with pytest.raises(Unusable, match="pointsman init"):
        put(source, ("keys", "web"), value=KEY)


def test_a_file_that_is_not_yaml_is_told_with_its_line() -> None:
    with pytest.raises(SettingsInvalid, match=":2:"):
        put("a: 1\nb: ]\n", ("keys", "web"), value=KEY)


def test_a_path_that_names_nothing_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="at least one"):
        put(OWNED, (), value=KEY)


# ── the law ─────────────────────────────────────────────────────────────────────────────────────────────────────────

NAMES = st.sampled_from(["web", "batch", "a:b", "1", "true", "x/y", "old", "new"])
CHANGES = st.lists(st.tuples(st.sampled_from(["put", "drop", "field"]), NAMES, st.text(max_size=8)), max_size=8)
NOISE = st.sampled_from(["", "# a comment", "  # an indented comment", "    # a deep comment", "   "])


@st.composite
def files(draw: st.DrawFn) -> str:
    """Draw a file with keys somewhere between other things, and comments and blank lines anywhere."""
    lines: list[str] = []

    def noise() -> None:
        lines.extend(draw(st.lists(NOISE, max_size=2)))

    noise()
    lines.append("capabilities: {a: {ladder: [x/y]}}")
    noise()
    held = draw(st.lists(st.sampled_from(["old", "web", "zed"]), unique=True))
    if held or draw(st.booleans()):
        lines.append("keys:" if held else "keys: {}")
    for name in held:
        noise()
        lines.append(f"  {name}: " + draw(st.sampled_from(["", "# c"])))
        noise()
        lines.append("    sha256: aaaa # d")
        noise()
        lines.extend(draw(st.sampled_from([[], ["    team: x"], ["    note: |", "      text", "", "      more"], ["    scopes:", "    - call"]])))
    noise()
    if draw(st.booleans()):
        lines.append("limits: []")
    noise()
    return "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n\n"]))


@given(source=files(), changes=CHANGES)
@example(source="a: 1\nkeys:\n  web:\n    sha256: a\n  zed:\n    sha256: b\n    note: |\n      text", changes=[("put", "web", "")])
@example(source="keys: {}", changes=[("put", "web", "x"), ("drop", "web", ""), ("put", "web", "y")])
def test_any_changes_keep_every_other_line_and_leave_a_file_that_loads(source: str, changes: list[tuple[str, str, str]]) -> None:
    """Whatever is done to the keys, each line that is not part of a changed key is still there, in its place."""
    touched: set[str] = set()
    expected = dict(_keys(source))
    text = source
    for what, name, value in changes:
        if what == "put":
            text, expected[name] = put(text, ("keys", name), value={"sha256": value}), {"sha256": value}
        elif name not in expected:
            continue
        elif what == "drop":
            text = drop(text, ("keys", name))
            del expected[name]
        else:
            text, expected[name] = put(text, ("keys", name, "extra"), value=value), {**expected[name], "extra": value}
        touched.add(name)

    assert _keys(text) == expected
    after = iter(text.split("\n"))
    missing = [line for line in _untouched(source, touched) if line not in after]  # `in` an iterator moves on: the order counts too
    assert missing == []


def _keys(text: str) -> dict[str, dict[str, str]]:
    return read(text if text.endswith("\n") else text + "\n", "x").values.get("keys") or {}


def _untouched(source: str, touched: set[str]) -> list[str]:
    kept: list[str] = []
    inside = False
    for line in source.split("\n"):
        indent, word = len(line) - len(line.lstrip()), line.strip()
        if word and not word.startswith("#") and indent <= 2:
            inside = indent == 2 and word.partition(":")[0] in touched
        if not inside and word and not word.startswith("keys:"):
            kept.append(line)
    return kept


# ── the file ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_is_replaced_with_its_mode_and_through_its_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "pointsman.yaml"
    real.write_text("a: 1\n")
    real.chmod(0o640)
    link.symlink_to(real)

    replace_file(link, "a: 2\r\n", check=lambda _: None)

    assert link.is_symlink()
    assert real.read_bytes() == b"a: 2\r\n"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert sorted(file.name for file in tmp_path.iterdir()) == ["pointsman.yaml", "real.yaml"]


def test_a_text_that_does_not_pass_its_check_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "pointsman.yaml"
    path.write_text("a: 1\n")

    def refuse(text: str) -> None:
        raise Unusable(f"no to {text}")

    with pytest.raises(Unusable, match="no to b"):
        replace_file(path, "b", check=refuse)
    assert path.read_text() == "a: 1\n"


def test_a_file_that_cannot_be_written_is_told_and_leaves_no_draft(tmp_path: Path) -> None:
    (tmp_path / "pointsman.yaml").mkdir()

    with pytest.raises(Unusable, match="cannot be written"):
        replace_file(tmp_path / "pointsman.yaml", "a: 1\n", check=lambda _: None)
    assert [file.name for file in tmp_path.iterdir()] == ["pointsman.yaml"]


def test_two_who_edit_at_once_do_not_lose_each_others_change(tmp_path: Path) -> None:
    path = tmp_path / "pointsman.yaml"
    path.write_text("a: 1\n")

    def add(name: str) -> None:
        with editing(path) as source:
            replace_file(path, put(source, ("keys", name), value={"sha256": "aa"}), check=lambda _: None)

    threads = [threading.Thread(target=add, args=(f"key{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(read(path.read_text(), "x").values["keys"]) == 6


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "pointsman.yaml"
    for trouble in (lambda: None, lambda: path.write_bytes(b"\xff\xfe\xff")):
        trouble()
        with pytest.raises(Unusable, match="pointsman init"), editing(path):
            pass
    with pytest.raises(Unusable, match="--config"), editing(tmp_path / "nowhere" / "x.yaml"):
        pass
