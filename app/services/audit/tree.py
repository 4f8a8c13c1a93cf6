"""The log's tree as it is stored: leaves in log_entry, every eighth level of complete subtrees in log_node.

A leaf covers an event's hash, and through it the whole chain before it, and what is sealed with the
event, as ciphertext: so every stored byte is in the tree, and no key is needed to check it. A proof reads a few tiles of at most 256 hashes, whatever the size of the log. Source: ADR 0014.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cache

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from app.db import table
from app.models import LogEntry, LogNode
from app.rules.merkle import Subtree, leaf_hash, node_hash

ENTRY, NODE = table(LogEntry), table(LogNode)
STRIDE = 8
"""Subtrees are stored at levels 8, 16, 24 …; between them they are computed."""


def leaf_of(hash_: bytes, sealed: bytes | None) -> bytes:
    """The leaf of an event: over its hash, and the SHA-256 of what is sealed with it (of nothing, if nothing is)."""
    return leaf_hash(hash_ + hashlib.sha256(sealed or b"").digest())


def stored(source: Session | Connection) -> Subtree:
    """The tree in the database; keeps what it has read. It raises LookupError where something is missing."""

    @cache
    def tile(level: int, number: int) -> Sequence[bytes]:
        first = number << STRIDE
        if level == 0:
            query = select(ENTRY.c.leaf).where(ENTRY.c.position.between(first, first + 255)).order_by(ENTRY.c.position)
        else:
            where = (NODE.c.level == level, NODE.c.index.between(first, first + 255))
            query = select(NODE.c.hash).where(*where).order_by(NODE.c.index)
        return source.scalars(query).all()

    @cache
    def subtree(level: int, index: int) -> bytes:
        if level % STRIDE == 0:
            return tile(level, index >> STRIDE)[index & 255]
        return node_hash(subtree(level - 1, 2 * index), subtree(level - 1, 2 * index + 1))

    return subtree


def kept(size: int, completed: Sequence[bytes]) -> Iterator[tuple[int, int, bytes]]:
    """(level, index, hash) of what must be stored of the subtrees that leaf number `size` completed."""
    for level in range(STRIDE, len(completed) + 1, STRIDE):
        yield level, (size >> level) - 1, completed[level - 1]
