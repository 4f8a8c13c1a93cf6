"""What happened once happens again: golden histories run through today's engine on the diagrams of their day."""

from __future__ import annotations

import dataclasses
import re

import pytest

from app.services._step import ENGINE
from app.services.audit._proofs import Differs
from tests.audit import histories
from tests.process import reach

KEPT = histories.read()


@pytest.mark.parametrize("name", KEPT)
def test_a_golden_history_runs_again(name: str) -> None:
    history = KEPT[name]
    assert history.definition.hash == history.definition_hash
    rebuilt = history.run_again()
    assert rebuilt.steps == len(history.steps)
    assert rebuilt.exact == (rebuilt.steps if history.engine == ENGINE else 0)


def test_every_diagram_as_drawn_now_has_some() -> None:
    """After a change of a diagram: `python -m tests.audit.histories` adds some for the new one."""
    reached = histories.reached_now(KEPT.values())
    seldom = {stem: wanted - reached for stem in reach.diagrams() if (wanted := reach.wanted(stem))}
    assert not [stem for stem, missing in seldom.items() if len(missing) > len(reach.wanted(stem)) / 4]


def test_there_are_a_few_dozen_and_they_name_nobody() -> None:
    assert len(KEPT) >= 24
    assert len({history.definition_hash for history in KEPT.values()}) >= 16
    for history in KEPT.values():
        said = re.sub(r"（\d+）练习民特\d+号", "", str(history.steps))  # a court's docket is a number with words
        assert not re.search(r"[\u3400-\u9fff]", said), "only codes, ids and dates"


@pytest.mark.parametrize("name", sorted(KEPT)[::6])
def test_a_golden_history_that_was_changed_does_not_run(name: str) -> None:
    history = KEPT[name]
    *before, last = history.steps
    changed = dataclasses.replace(history, steps=(*before, {**last, "transitions": last["transitions"][:-1]}))
    with pytest.raises(Differs, match="transitions"):
        changed.run_again()
