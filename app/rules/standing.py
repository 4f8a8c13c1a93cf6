"""Who does somebody's work while they are away. Pure: who is there is told; services ask at the moment they look.

A substitute holds the same post of the same unit. Is nobody named, or the substitute away too, the nearest who
answers for the post takes it: never the substitute's own substitute, so there are no chains and no circles. Either
would see the work anyway, so standing in opens nothing. Source: issue "daily work", part 5; ADR 0021.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.rules.access import Access, Post


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody who holds a post and is there."""

    user_id: int
    post: Post


def holds(one: Post, other: Post) -> bool:
    """Whether both are the same post of the same unit."""
    return (one.role, one.unit_id) == (other.role, other.unit_id)


def who(rules: Access, post: Post, substitute_id: int | None, present: Iterable[Holder]) -> frozenset[int]:
    """Those who do the work of `post` for who is away; empty when nobody above is there either."""
    there = tuple(present)
    if any(one.user_id == substitute_id and holds(one.post, post) for one in there):
        return frozenset((substitute_id,)) if substitute_id is not None else frozenset()
    return above(rules, post, there)


def above(rules: Access, post: Post, present: Iterable[Holder]) -> frozenset[int]:
    """Those who answer for `post` and are there: of the nearest role, in the unit nearest to its place."""
    there = tuple(present)
    for role in rules.above(post.role):
        found = [one for one in there if one.post.role == role and rules.answers_for(one.post, post)]
        if found:
            nearest = max(len(one.post.unit_path) for one in found)
            return frozenset(one.user_id for one in found if len(one.post.unit_path) == nearest)
    return frozenset()
