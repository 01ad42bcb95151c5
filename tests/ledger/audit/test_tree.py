"""
The tree against the published vectors of RFC 6962, its own definition, and every proof of every small tree.
"""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.ledger.audit.record import leaf_hash
from pointsman.ledger.audit.tree import (
    EMPTY_ROOT,
    LEVELS,
    Tree,
    consistency_proof,
    included_root,
    inclusion_proof,
    is_consistent,
    level_sizes,
    node_hash,
    root_of,
    tree_of,
)

LEAVES = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")]
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


class Grown:
    """A tree with its hashes by level, as the files keep them."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.levels: list[list[bytes]] = [[] for _ in range(LEVELS)]
        self.tree = Tree()
        for leaf in leaves:
            self.tree.push(leaf_hash(leaf), whole=self.levels)

    def hashes(self, level: int, which: range) -> list[bytes]:
        found = self.levels[level][which.start : which.stop]
        assert len(found) == len(which)
        return found


def defined(leaves: Sequence[bytes]) -> bytes:
    """Return the root as section 2.1 defines it."""
    if len(leaves) < 2:
        return leaf_hash(leaves[0]) if leaves else EMPTY_ROOT
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(defined(leaves[:split]), defined(leaves[split:]))


def test_roots_are_those_that_are_published() -> None:
    assert [Grown(LEAVES[:count]).tree.root().hex() for count in range(1, 9)] == list(ROOTS)
    assert Grown([]).tree.root().hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_proofs_are_those_that_are_published() -> None:
    hashes = Grown(LEAVES).hashes
    first = [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    assert [one.hex() for one in inclusion_proof(hashes, 0, size=8)] == first
    assert [one.hex() for one in consistency_proof(hashes, 1, size=8)] == first
    assert [one.hex() for one in consistency_proof(hashes, 6, size=8)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


def test_every_proof_of_every_small_tree_holds_and_of_no_other() -> None:
    grown = Grown([b"%d" % number for number in range(20)])
    roots = [root_of(grown.hashes, 0, end=size) for size in range(21)]
    for size in range(1, 21):
        for number in range(size):
            path = inclusion_proof(grown.hashes, number, size=size)
            leaf = leaf_hash(b"%d" % number)
            assert included_root(leaf, number, size=size, path=path) == roots[size]
            assert included_root(leaf, number, size=size, path=[*path, leaf]) is None
            assert not path or included_root(leaf, number, size=size, path=path[:-1]) != roots[size]
            assert included_root(leaf, number + 1, size=size, path=path) != roots[size]
        for old in range(size + 1):
            path = consistency_proof(grown.hashes, old, size=size)
            assert is_consistent((old, roots[old]), (size, roots[size]), path=path)
            assert not is_consistent((old, roots[old]), (size, roots[size]), path=[*path, roots[1]])
            if 0 < old < size:
                assert not is_consistent((old, roots[old - 1]), (size, roots[size]), path=path)
                assert not is_consistent((old, roots[old]), (size, roots[size - 1]), path=path)
                assert not is_consistent((size, roots[size]), (old, roots[old]), path=path)
    assert included_root(leaf_hash(b"0"), 5, size=5, path=[]) is None
    assert not is_consistent((3, roots[3]), (3, roots[4]), path=[])


@given(count=st.integers(0, 700), more=st.integers(0, 300))
@settings(max_examples=15, deadline=None)
def test_a_tree_goes_on_from_a_few_hashes_as_if_it_had_never_stopped(count: int, more: int) -> None:
    leaves = [b"%d" % number for number in range(count + more)]
    grown = Grown(leaves[:count])
    assert [len(level) for level in grown.levels] == level_sizes(count)
    again = tree_of(grown.hashes, count)
    for leaf in leaves[count:]:
        again.push(leaf_hash(leaf))
    assert (again.size, again.root()) == (len(leaves), defined(leaves))


@pytest.mark.parametrize("size", [255, 256, 257, 70_000])
def test_a_root_over_any_size_is_the_root_that_the_tree_had_then(size: int) -> None:
    grown = Grown([b"%d" % number for number in range(size)])
    assert root_of(grown.hashes, 0, end=size) == grown.tree.root() == tree_of(grown.hashes, size).root()
