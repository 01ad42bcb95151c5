"""
What changed between two snapshots, in sentences and line by line.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.control.snapshots.difference import difference

BEFORE = """
# ours
capabilities:
  support: {ladder: [acme/small, acme/large], unit: ticket}
  gone: {ladder: [acme/small]}
targets:
  acme/small: {vendor: acme, model: small, price: {input_usd_per_million: 1}}
keys:
  web: {sha256: aaaa, tenant: default}
limits:
  - {name: all, by: tenant, budget_usd: 10}
policy:
  rules:
    - {id: closed, permits: false}
server: {listen: "127.0.0.1:1"}
"""


def changed(before: str, after: str, *, source: str = BEFORE) -> tuple[str, ...]:
    assert before in source
    return difference({"pointsman.yaml": source}, {"pointsman.yaml": source.replace(before, after)}).sentences


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("[acme/small, acme/large]", "[acme/large]", "The capability `support`: `ladder` is acme/large, and was acme/small → acme/large."),
        ("  gone: {ladder: [acme/small]}\n", "", "The capability `gone` is gone."),
        ("  gone:", "  gone: {ladder: [acme/small]}\n  new:", "The capability `new` is new."),
        ("per_million: 1}", "per_million: 2}", "The target `acme/small`: `price.input_usd_per_million` is 2, and was 1."),
        ("sha256: aaaa", "sha256: bbbb", "The key `web`: `sha256` changed."),
        ("budget_usd: 10", "budget_usd: 20", "The limit `all`: `budget_usd` is 20, and was 10."),
        ("by: tenant, ", "", "The limit `all`: `by` is not set any more, and was tenant."),
        ("permits: false", "permits: true", "The policy rule `closed`: `permits` is true, and was false."),
        ('server: {listen: "127.0.0.1:1"}', 'server: {listen: "127.0.0.1:1", workers: 2}', "`server.workers` is 2, and was not set."),
        ("# ours", "# theirs", "The configuration changed in its wording only: comments, order or spacing."),
        ("keys:", "keys: [", "The configuration changed, and one of the two cannot be read as YAML."),
    ],
)
def test_a_change_is_told_by_what_it_is_about(before: str, after: str, says: str) -> None:
    assert changed(before, after) == (says,)


def test_files_beside_are_told_too() -> None:
    before = {"pointsman.yaml": BEFORE, "rules.csv": "a\nb\n", "old.csv": "x\n"}
    after = {"pointsman.yaml": BEFORE, "rules.csv": "a\nc\nd\n", "new.csv": "y\n"}
    found = difference(before, after)
    assert found.sentences == (
        "The file `rules.csv` changed: 2 lines are new, 1 are gone.",
        "The file `new.csv` is new.",
        "The file `old.csv` is no part of it any more.",
    )
    assert "-b\n+c\n+d\n" in found.diffs["rules.csv"]
    assert found.diffs.keys() == {"rules.csv", "new.csv", "old.csv"}


def test_digests_of_keys_are_not_shown() -> None:
    found = difference({"pointsman.yaml": BEFORE}, {"pointsman.yaml": BEFORE.replace("aaaa", "bbbb").replace("tenant: default}", "sha256: cccc}")})
    assert not {digest for digest in ("aaaa", "bbbb", "cccc") if digest in "".join((*found.sentences, *found.diffs.values()))}


def test_a_long_value_is_cut() -> None:
    (says,) = changed("model: small", f"model: {'x' * 500}")
    assert len(says) < 250


@given(st.dictionaries(st.sampled_from(["pointsman.yaml", "rules.csv"]), st.sampled_from([BEFORE, "a: 1\n", "["]), min_size=1))
def test_nothing_differs_from_itself(files: dict[str, str]) -> None:
    found = difference(files, files)
    assert (found.sentences, found.diffs) == ((), {})
