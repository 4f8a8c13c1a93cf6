"""What a release offers to its diagrams: the names and types that they may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.rules.expressions import Type

Fields = Mapping[str, Type | None]
"""Names with their types; None where a type is not known."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """The release that a diagram is judged against.

    `forms`, `operations` and `messages` map an id to the variables it gives, with their types;
    `context` maps a process to what it has from its start (by message payload or by its caller).
    Not `ours`: the file comes from elsewhere, so its tasks owe us no form, role or deadline.
    """

    forms: Mapping[str, Fields] = field(default_factory=dict)
    operations: Mapping[str, Fields] = field(default_factory=dict)
    messages: Mapping[str, Fields] = field(default_factory=dict)
    roles: frozenset[str] = frozenset()
    deadlines: frozenset[str] = frozenset()
    clauses: frozenset[str] = frozenset()
    processes: frozenset[str] = frozenset()
    context: Mapping[str, Fields] = field(default_factory=dict)
    ours: bool = True

    def everything(self) -> dict[str, Type | None]:
        """Every variable that anything in the release gives."""
        found: dict[str, Type | None] = {}
        for group in (self.forms, self.operations, self.messages, self.context):
            for fields in group.values():
                for name, kind in fields.items():
                    found[name] = unite(found[name], kind) if name in found else kind
        return found


def unite(one: Type | None, other: Type | None) -> Type | None:
    """The type of a variable that two sources give: choices are joined, a disagreement is unknown."""
    if one == other:
        return one
    if isinstance(one, tuple) and isinstance(other, tuple):
        return tuple(dict.fromkeys(one + other))
    if isinstance(one, frozenset) and isinstance(other, frozenset):
        return one | other
    return None
