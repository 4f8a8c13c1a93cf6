"""A step as its event recorded it: the command, what the engine was told, and what came out.

Reading is strict: what is sealed must be what the event committed to, and every part must have
the form in which `_step` writes it. Source: ADR 0008.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from app import engine
from app.services._log import digest_of
from app.services._step import DEADLINE_SET, OPERATION_RUN
from app.services.audit._proofs import Differs

COMMANDS: Mapping[str, type[engine.Command]] = {
    kind.__name__: kind for kind in (engine.Start, engine.Complete, engine.Deliver, engine.Fire, engine.Cancel)
}
"""By the name under which the record keeps them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation or a deadline rule answered when the step asked.

    `value` is an operation's variables, or a deadline's instant; a deadline also keeps whether it was
    provisional and what the rule knew beyond the recorded facts.
    """

    kind: str
    process: str
    element: str
    value: Any
    provisional: bool = False
    known: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recorded:
    """One step of one instance; `seq` is its event, `at` its clock; `state` and `definition` are hashes."""

    seq: int
    at: datetime
    process: str
    definition: str
    written_by: str
    command: engine.Command
    facts: Mapping[str, Any]
    answers: tuple[Answer, ...]
    state: str
    transitions: tuple[tuple[Any, ...], ...]

    @classmethod
    def read(cls, text: str, opened: Mapping[str, Any]) -> Recorded:
        """The step in an event's body, as it is stored, and its opened seal. Raises Differs."""
        try:
            body = orjson.loads(text)
            if digest_of(opened["salt"], opened["secret"]) != body["commitment"]:
                raise Differs("commitment")
            return cls.of(body["seq"], body["at"], body["data"], opened["secret"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Differs("unreadable") from error

    @classmethod
    def of(cls, seq: int, at: str, data: Mapping[str, Any], secret: Mapping[str, Any]) -> Recorded:
        """The step of these parts, as plain JSON gives them."""
        kind = secret["command"]["kind"]
        if kind.lower() != data["command"]:
            raise Differs("unreadable")
        return cls(
            seq=seq,
            at=datetime.fromisoformat(at),
            process=data["process"],
            definition=data["definition"],
            written_by=data["engine"],
            command=COMMANDS[kind](**{name: value for name, value in secret["command"].items() if name != "kind"}),
            facts=dict(secret["facts"]),
            answers=tuple(_answers(secret["results"], secret["reckoned"])),
            state=data["state"],
            transitions=tuple(tuple(transition) for transition in data["transitions"]),
        )


def _answers(results: Iterable[list[Any]], reckoned: Iterable[list[Any]]) -> Iterable[Answer]:
    """The answers in order; each deadline takes the next of `reckoned`."""
    rests_on = iter(reckoned)
    for kind, process, element, value in results:
        if kind == OPERATION_RUN:
            yield Answer(kind, process, element, dict(value))
            continue
        if kind != DEADLINE_SET:
            raise ValueError(kind)
        provisional, known = next(rests_on, (False, {}))
        yield Answer(kind, process, element, value and datetime.fromisoformat(value), bool(provisional), dict(known))
