"""The RFC 6962 Merkle tree: hashes, proofs, and a frontier that grows by one leaf at a time.

A tree of n leaves is never held whole. It is described by a function `subtree(level, index)`
that gives the hash of the complete subtree over leaves [index·2^level, (index+1)·2^level);
who stores leaves and subtrees decides how. Pure. Source: RFC 6962 §2.1; ADR 0014.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

Subtree = Callable[[int, int], bytes]
"""(level, index) → the hash of a complete, aligned subtree of 2^level leaves."""

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root of a tree without leaves."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf; the prefix keeps a leaf from passing as a node."""
    return hashlib.sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of the node over two subtrees."""
    return hashlib.sha256(b"\1" + left + right).digest()


@dataclass(slots=True)
class Frontier:
    """The right edge of a tree that grows: its size, and the hashes of its complete subtrees, largest first."""

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)

    def append(self, leaf: bytes) -> list[bytes]:
        """Add a leaf's hash; returns the subtrees that it completes, of 2, 4, 8 … leaves."""
        level, node, completed = 0, leaf, []
        while self.size >> level & 1:
            node = node_hash(self.peaks.pop(), node)
            completed.append(node)
            level += 1
        self.peaks.append(node)
        self.size += 1
        return completed

    def extend(self, leaves: Sequence[bytes]) -> Iterator[tuple[int, int, Sequence[bytes]]]:
        """Add many leaves' hashes, level by level; gives what they complete: level, index of the first, the hashes.

        The tree has grown when the iterator ends. Much quicker than one by one.
        """
        sha256, size, row, level, edge = hashlib.sha256, self.size, list(leaves), 0, list[bytes]()
        while row:
            if size >> level & 1:
                row.insert(0, self.peaks.pop())
            if len(row) & 1:
                edge.append(row.pop())
            pairs = iter(row)
            row = [sha256(b"\1" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)]
            level += 1
            yield level, size >> level, row
        self.peaks += reversed(edge)
        self.size += len(leaves)

    def root(self) -> bytes:
        """The root of the tree as it stands."""
        return fold(self.peaks)

    def dump(self) -> bytes:
        """The peaks one after the other, to be stored beside the size."""
        return b"".join(self.peaks)

    @classmethod
    def load(cls, size: int, dumped: bytes) -> Frontier:
        """The frontier that `dump` stored. Raises ValueError when it does not belong to that size."""
        if len(dumped) != size.bit_count() * HASH_BYTES:
            raise ValueError("the stored frontier does not fit its size")
        return cls(size, [dumped[start : start + HASH_BYTES] for start in range(0, len(dumped), HASH_BYTES)])


def fold(peaks: Sequence[bytes]) -> bytes:
    """The root over complete subtrees given from the largest to the smallest."""
    if not peaks:
        return EMPTY_ROOT
    node = peaks[-1]
    for peak in reversed(peaks[:-1]):
        node = node_hash(peak, node)
    return node


def from_leaves(leaves: Sequence[bytes]) -> Subtree:
    """A tree whose leaf hashes are all at hand."""

    def subtree(level: int, index: int) -> bytes:
        if level == 0:
            return leaves[index]
        return node_hash(subtree(level - 1, 2 * index), subtree(level - 1, 2 * index + 1))

    return subtree


def peaks_of(start: int, end: int) -> Iterable[tuple[int, int]]:
    """(level, index) of the complete subtrees that make up leaves [start, end), `start` being aligned to them."""
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def span(start: int, end: int, subtree: Subtree) -> bytes:
    """The hash over leaves [start, end), as RFC 6962 cuts a tree: MTH(D[start:end])."""
    return fold([subtree(level, index) for level, index in peaks_of(start, end)])


def root(size: int, subtree: Subtree) -> bytes:
    """The root of the tree when it had `size` leaves."""
    return span(0, size, subtree)


def inclusion(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """The audit path of leaf `index` in the tree of `size` leaves, from the leaf upwards (RFC 6962 §2.1.1).

    Raises ValueError when there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError("there is no such leaf")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(span(middle, end, subtree))
            end = middle
        else:
            path.append(span(start, middle, subtree))
            start = middle
    return path[::-1]


def consistency(old: int, new: int, subtree: Subtree) -> list[bytes]:
    """The proof that the tree of `new` leaves begins with the tree of `old` leaves (RFC 6962 §2.1.2).

    Raises ValueError unless 0 < old <= new.
    """
    if not 0 < old <= new:
        raise ValueError("a proof of consistency goes from a tree to the same or a later one")
    path: list[bytes] = []
    start, end, known = 0, new, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(span(middle, end, subtree))
            end = middle
        else:
            path.append(span(start, middle, subtree))
            start, known = middle, False
    if not known:
        path.append(span(start, end, subtree))
    return path[::-1]


def _split(size: int) -> int:
    """The largest power of two smaller than `size`: where RFC 6962 cuts a tree."""
    return 1 << ((size - 1).bit_length() - 1)


def included(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether `path` shows that `leaf` is number `index` of the tree of `size` leaves with `root` (RFC 9162 §2.1.3.2)."""
    steps = _climb(index, size - 1, path) if 0 <= index < size else None
    if steps is None:
        return False
    node = leaf
    for sibling, on_the_left in steps:
        node = node_hash(sibling, node) if on_the_left else node_hash(node, sibling)
    return node == root


def consistent(old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether `path` shows that the tree of `new` leaves begins with that of `old` leaves (RFC 9162 §2.1.4.2)."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not path and old_root == new_root
    whole = old.bit_count() == 1
    known = old_root if whole else path[0] if path else b""
    level = (old & -old).bit_length() - 1
    steps = _climb((old - 1) >> level, (new - 1) >> level, path if whole else path[1:])
    if steps is None:
        return False
    older = newer = known
    for sibling, on_the_left in steps:
        older = node_hash(sibling, older) if on_the_left else older
        newer = node_hash(sibling, newer) if on_the_left else node_hash(newer, sibling)
    return older == old_root and newer == new_root


def _climb(index: int, last: int, path: Sequence[bytes]) -> list[tuple[bytes, bool]] | None:
    """Each sibling of `path` and whether it stands on the left, from node `index` of a row that ends at `last`.

    None when the path is not as long as the way to the root.
    """
    steps: list[tuple[bytes, bool]] = []
    for sibling in path:
        if last == 0:
            return None
        while index == last and not index & 1:  # a last node without a sibling rises as it is
            index, last = index >> 1, last >> 1
        steps.append((sibling, bool(index & 1)))
        index, last = index >> 1, last >> 1
    return steps if last == 0 else None
