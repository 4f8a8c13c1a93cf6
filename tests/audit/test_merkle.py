"""The tree against RFC 6962: its published vectors, its worked example, and every proof up to 130 leaves."""

from __future__ import annotations

import functools
import hashlib
import random

import pytest

from app.rules import merkle
from app.rules.merkle import Frontier, consistent, from_leaves, included, leaf_hash, node_hash

MOST = 130

VECTORS = (
    ("", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
    ("00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
    ("10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
    ("2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
    ("3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
    ("40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
    ("5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
    ("606162636465666768696a6b6c6d6e6f", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
)
"""Certificate Transparency's own vectors: the leaf added, and the root of the tree after it."""

PATHS = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}  # fmt: skip
"""Audit paths published with them: (leaf, tree size) → path."""

GROWTHS = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}  # fmt: skip
"""Consistency proofs published with them: (older size, newer size) → proof."""

KNOWN = [leaf_hash(bytes.fromhex(data)) for data, _ in VECTORS]
LEAVES = [leaf_hash(number.to_bytes(2, "big")) for number in range(MOST)]
TREE = functools.cache(from_leaves(LEAVES))


def by_definition(leaves: list[bytes]) -> bytes:
    """The root as RFC 6962 §2.1 defines it, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + by_definition(leaves[:k]) + by_definition(leaves[k:])).digest()


ROOTS = [by_definition(LEAVES[:size]) for size in range(MOST + 1)]


def hexed(path: list[bytes]) -> list[str]:
    return [node.hex() for node in path]


def test_the_empty_tree() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert Frontier().root().hex() == merkle.root(0, TREE).hex() == empty


def test_published_roots() -> None:
    frontier = Frontier()
    for size, (leaf, (_, root)) in enumerate(zip(KNOWN, VECTORS, strict=True), start=1):
        frontier.append(leaf)
        assert frontier.root().hex() == root
        assert merkle.root(size, from_leaves(KNOWN)).hex() == root


@pytest.mark.parametrize(("index", "size"), PATHS)
def test_published_audit_paths(index: int, size: int) -> None:
    path = merkle.inclusion(index, size, from_leaves(KNOWN))
    assert hexed(path) == PATHS[index, size]
    assert included(KNOWN[index], index, size, path, bytes.fromhex(VECTORS[size - 1][1]))


@pytest.mark.parametrize(("old", "new"), GROWTHS)
def test_published_consistency_proofs(old: int, new: int) -> None:
    path = merkle.consistency(old, new, from_leaves(KNOWN))
    assert hexed(path) == GROWTHS[old, new]
    assert consistent(old, new, bytes.fromhex(VECTORS[old - 1][1]), bytes.fromhex(VECTORS[new - 1][1]), path)


def test_the_worked_example_of_the_rfc() -> None:
    """RFC 6962 §2.1.3: seven leaves d0 … d6, nodes named a … l."""
    a, b, c, d, e, f, j = LEAVES[:7]
    g, h, i = node_hash(a, b), node_hash(c, d), node_hash(e, f)
    k, last = node_hash(g, h), node_hash(i, j)
    assert merkle.root(7, TREE) == node_hash(k, last)
    assert merkle.inclusion(0, 7, TREE) == [b, h, last]
    assert merkle.inclusion(3, 7, TREE) == [c, g, last]
    assert merkle.inclusion(4, 7, TREE) == [f, j, k]
    assert merkle.inclusion(6, 7, TREE) == [i, k]
    assert merkle.consistency(3, 7, TREE) == [c, d, g, last]
    assert merkle.consistency(4, 7, TREE) == [last]
    assert merkle.consistency(6, 7, TREE) == [i, j, k]


def test_the_frontier_is_the_tree_at_every_size() -> None:
    frontier = Frontier()
    for size, leaf in enumerate(LEAVES, start=1):
        completed = frontier.append(leaf)
        assert frontier.root() == ROOTS[size] == merkle.root(size, TREE)
        for level, node in enumerate(completed, start=1):
            assert node == TREE(level, (size - 1) >> level)

        frontier = Frontier.load(size, frontier.dump())


def test_growing_by_many_leaves_is_growing_by_each() -> None:
    """From every size to every later one, with every subtree that is completed on the way."""
    for old in range(MOST + 1):
        for new in range(old, MOST + 1):
            frontier = Frontier(old, [TREE(level, index) for level, index in merkle.peaks_of(0, old)])
            completed = [(level, first + number, node) for level, first, nodes in frontier.extend(LEAVES[old:new])
                         for number, node in enumerate(nodes)]  # fmt: skip
            assert (frontier.size, frontier.root()) == (new, ROOTS[new])
            assert all(node == TREE(level, index) for level, index, node in completed)
            due = [(level, index) for level in range(1, 9) for index in range(old >> level, new >> level)]
            assert [(level, index) for level, index, _ in completed] == due


@pytest.mark.parametrize("dumped", [b"", b"x" * 31, b"x" * 64])
def test_a_frontier_of_another_size_is_refused(dumped: bytes) -> None:
    with pytest.raises(ValueError, match="frontier"):
        Frontier.load(4, dumped)


def test_every_audit_path() -> None:
    for size in range(1, MOST + 1):
        for index in range(size):
            path = merkle.inclusion(index, size, TREE)
            assert included(LEAVES[index], index, size, path, ROOTS[size])
            assert not included(LEAVES[index], index, size, [*path, ROOTS[1]], ROOTS[size])
            assert not path or not included(LEAVES[index], index, size, path[:-1], ROOTS[size])
            assert not included(LEAVES[index], index, size, path, ROOTS[size - 1])


def test_every_consistency_proof() -> None:
    for new in range(1, MOST + 1):
        for old in range(1, new + 1):
            path = merkle.consistency(old, new, TREE)
            assert consistent(old, new, ROOTS[old], ROOTS[new], path)
            assert not consistent(old, new, ROOTS[old - 1], ROOTS[new], path)
            assert not consistent(old, new, ROOTS[old], ROOTS[new - 1], path)
            assert not consistent(old, new, ROOTS[old], ROOTS[new], [*path, ROOTS[1]])
            assert not path or not consistent(old, new, ROOTS[old], ROOTS[new], path[:-1])


def test_no_mutated_proof_passes() -> None:
    """Each hash of each proof with one bit turned, and each proof at every other place."""
    rng = random.Random(6962)
    for size in range(2, MOST + 1):
        for index in range(size):
            path = merkle.inclusion(index, size, TREE)
            for place in range(len(path)):
                assert not included(LEAVES[index], index, size, turned(path, place, rng), ROOTS[size])
            other = rng.randrange(size)
            assert other == index or not included(LEAVES[index], other, size, path, ROOTS[size])
            assert other == index or not included(LEAVES[other], index, size, path, ROOTS[size])
        for old in range(1, size):
            path = merkle.consistency(old, size, TREE)
            for place in range(len(path)):
                assert not consistent(old, size, ROOTS[old], ROOTS[size], turned(path, place, rng))


def turned(path: list[bytes], place: int, rng: random.Random) -> list[bytes]:
    bit = rng.randrange(256)
    wrong = (int.from_bytes(path[place], "big") ^ 1 << bit).to_bytes(32, "big")
    return [*path[:place], wrong, *path[place + 1 :]]


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3)])
def test_no_path_for_a_leaf_that_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="leaf"):
        merkle.inclusion(index, size, TREE)
    assert not included(LEAVES[0], index, size, [], ROOTS[1])


@pytest.mark.parametrize(("old", "new"), [(0, 3), (4, 3)])
def test_no_consistency_with_nothing_or_backwards(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="consistency"):
        merkle.consistency(old, new, TREE)
    assert not consistent(old, new, ROOTS[old], ROOTS[new], [])
