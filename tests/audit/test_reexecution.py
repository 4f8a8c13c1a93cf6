"""Today's state follows from the recorded commands; and where somebody changed them, it is found and named.

Walked cases: about sixty in every run; with NIGHTLY=1 so many that together they reach everything drawn.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app import clock
from app.db import table, transaction
from app.errors import NotFound
from app.models import Definition
from app.services import releases
from app.services._rebuilt import Rebuilt
from app.services._recorded import Recorded
from app.services._step import DEADLINE_SET, OPERATION_RUN
from app.services.audit import reexecution
from app.services.audit.reexecution import Divergence, Proof, Tally
from app.services.audit.reexecution_pool import CHUNK
from tests.audit.forger import CASE, INSTANCE, Forger
from tests.audit.seekers import GOALS, Seeker
from tests.conftest import ROOT, START
from tests.process import reach
from tests.process.moves import do, play, wait
from tests.process.test_six_month_clock import REFUSES, THREE
from tests.process.worlds import either_world, postgres_county, postgres_world, running, sqlite_county, world
from tests.world import EVENT, World

__all__ = ["either_world", "postgres_county", "postgres_world", "sqlite_county", "world"]
NIGHTLY = os.environ.get("NIGHTLY") == "1"
WALKS, STEPS, LEAST = (9 * len(GOALS), 100, 500) if NIGHTLY else (9, 30, 60)
DEFINITION = table(Definition)
CLOCK, REVIEW = "six-month-clock", "temporary-care-review"
Edit = Callable[[dict[str, Any], dict[str, Any]], object]


@contextmanager
def opened(file: Path) -> Iterator[World]:
    """A world on that SQLite file, as it was left."""
    with running(f"sqlite:///{file}", file.parent), clock.fixed(START) as move:
        yield World(move)


# --- everything that was walked -----------------------------------------------------------


def test_walked_cases_run_again_byte_for_byte(sqlite_county: Path, tmp_path: Path) -> None:
    tally, reached, wrong = Tally(), set[str](), list[str]()
    for seed in range(WALKS):
        file = Path(shutil.copy(sqlite_county, tmp_path / f"walk{seed}.db"))
        with opened(file) as walked:
            Seeker(walked, seed).walk(STEPS)
            for proof in map(reexecution.reexecute, reexecution.case_ids()):
                tally.add(proof)
                wrong += [f"walk {seed}: {one.text.en}" for one in (*proof.divergences, *proof.redated)]
            moves = (event["data"]["transitions"] for event in walked.events("step"))
            reached |= {name for transitions in moves for name in reach.walked(transitions)}
        file.unlink()
    assert not wrong
    assert tally.steps == tally.exact
    assert tally.cases >= LEAST
    print(f"{tally.cases} cases, {tally.instances} instances, {tally.steps} steps run again")
    missing = reach.missing(reached) if NIGHTLY else []
    assert not missing, "\n".join(missing)


def test_over_many_cases_in_several_processes(sqlite_county: Path, tmp_path: Path) -> None:
    file = Path(shutil.copy(sqlite_county, tmp_path / "world.db"))
    with opened(file) as walked:
        seeker = Seeker(walked, 0)
        while len(reexecution.case_ids()) <= 2 * CHUNK:
            seeker.news()
        one_case = reexecution.case_ids()[0]
        cases = len(reexecution.case_ids())
    summary = replay(file, "--jobs", "2")
    assert f"{cases} cases" in summary
    assert f"{cases} as recorded, 0 differ, 0 lawfully erased" in summary
    assert "cases/s" in summary
    assert f"case {one_case}:" in replay(file, str(one_case))


def replay(file: Path, *words: str, code: int = 0) -> str:
    """What `audit replay` prints, run as an operator runs it."""
    environment = {
        **os.environ, "DATABASE_URL": f"sqlite:///{file}", "INSTANCE_DIR": str(file.parent), "DEMO": "1",
        "SEAL_KEY": bytes(range(32)).hex(),
    }  # fmt: skip
    command = [sys.executable, "-m", "flask", "--app", "app", "audit", "replay", *words]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


# --- what somebody changed ----------------------------------------------------------------


@pytest.fixture(scope="module")
def history(sqlite_county: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with one child's case: three months of monitoring, and a placement under review."""
    file = Path(shutil.copy(sqlite_county, tmp_path_factory.mktemp("history") / "history.db"))
    with opened(file) as told:
        told.child()
        told.start("monitoring_started", guardian_id=told.guardians()[0])
        play(told, CLOCK, [do("t1", **REFUSES)])
        told.start("placement_needed", reason="no_carer")
        moves = [do("h1", child_view="agrees", place_kind="relief"), do("h2", accepted="yes"), do("h5")]
        play(told, "temporary-placement", moves)
        play(told, REVIEW, [do("t0"), *THREE])
    return file


@pytest.fixture
def forged(history: Path, tmp_path: Path) -> Iterator[Forger]:
    """Somebody at work on a copy of that history."""
    with opened(Path(shutil.copy(history, tmp_path / "history.db"))) as told:
        yield Forger(told.cases("child")[0])


def found(forger: Forger) -> Divergence:
    """The one difference that is found in the case."""
    (divergence,) = reexecution.reexecute(forger.case_id).divergences
    return divergence


def step_with(forger: Forger, process: str, kind: str) -> tuple[int, int]:
    """The last step of `process` that asked for a result of this kind: its event, and which result."""
    steps = [(seq, index) for seq, _, secret in forger.steps(process)
             for index, result in enumerate(secret["results"]) if result[0] == kind]  # fmt: skip
    return steps[-1]


def test_an_untouched_history_runs_again(forged: Forger) -> None:
    proof = reexecution.reexecute(forged.case_id)
    assert proof.holds
    assert proof.steps == proof.exact == len(forged.steps()) > 12
    assert not proof.redated


@pytest.mark.parametrize(("careful", "code"), [(False, "commitment"), (True, "transitions")])
def test_a_changed_operation_result_is_found_and_named(forged: Forger, careful: bool, code: str) -> None:
    seq, index = step_with(forged, CLOCK, OPERATION_RUN)

    def edit(_body: dict[str, Any], secret: dict[str, Any]) -> None:
        assert secret["results"][index][3]["clock_event"] == "month3"
        secret["results"][index][3]["clock_event"] = "six_months"

    forged.change(seq, edit, careful=careful)
    divergence = found(forged)
    assert (divergence.case_id, divergence.seq, divergence.code) == (forged.case_id, seq, code)
    assert "fire" in divergence.text.en
    if careful:
        assert f"{CLOCK}.t2" in divergence.recorded
        assert f"{CLOCK}.t4" in divergence.again


def test_a_changed_result_that_moves_no_token_shows_in_the_state(forged: Forger) -> None:
    seq, index = step_with(forged, CLOCK, OPERATION_RUN)
    forged.change(seq, lambda _, secret: secret["results"][index][3].update(clock_next_at="2027-01-01T00:00:00+00:00"))
    assert (found(forged).seq, found(forged).code) == (seq, "state")


@pytest.mark.parametrize(("careful", "code"), [(False, "commitment"), (True, "date")])
def test_a_changed_fact_is_found_and_named(forged: Forger, careful: bool, code: str) -> None:
    seq, _ = step_with(forged, REVIEW, DEADLINE_SET)
    earlier = (START - timedelta(days=20)).isoformat()
    forged.change(seq, lambda _, secret: secret["facts"].update(placed_at=earlier), careful=careful)
    divergence = found(forged)
    assert (divergence.seq, divergence.code) == (seq, code)
    assert divergence.command == f"{REVIEW}: start"


def test_a_changed_date_is_found_and_named(forged: Forger) -> None:
    seq, index = step_with(forged, REVIEW, DEADLINE_SET)
    forged.change(seq, lambda _, secret: secret["results"][index].__setitem__(3, "2026-12-24T00:00:00+00:00"))
    assert (found(forged).seq, found(forged).code) == (seq, "date")


def test_a_changed_transition_is_found_and_named(forged: Forger) -> None:
    seq, body, _ = forged.steps(CLOCK)[-1]
    last = len(body["data"]["transitions"])
    forged.change(seq, lambda body, _: body["data"]["transitions"][-1].__setitem__(2, "t6"))
    divergence = found(forged)
    assert (divergence.seq, divergence.code) == (seq, "transitions")
    assert divergence.recorded.startswith(f"#{last} {CLOCK}.t6 ")
    assert divergence.again.startswith(f"#{last} {CLOCK}.t2 ")
    assert f"case {forged.case_id}, event {seq} ({CLOCK}: fire c1." in divergence.text.en


EDITS: dict[str, tuple[Edit, set[str]]] = {
    "another answer": (lambda _, secret: secret["command"]["variables"].update(place_kind="none"), {"transitions", "answers"}),
    "another task": (lambda _, secret: secret["command"].update(task=999), {"refused"}),
    "another command": (lambda _, secret: secret["command"].update(kind="Start"), {"unreadable"}),
    "an answer more": (lambda _, secret: secret["results"].append(["operation", "x", "y", {}]), {"answers"}),
    "another hash of the state": (lambda body, _: body["data"].update(state="0" * 64), {"state"}),
    "another diagram": (lambda body, _: body["data"].update(definition="0" * 64), {"definition"}),
    "a transition less": (lambda body, _: body["data"]["transitions"].pop(), {"transitions"}),
    "no clock": (lambda body, _: body.update(at="yesterday"), {"unreadable"}),
    "no transitions": (lambda body, _: body["data"].pop("transitions"), {"unreadable"}),
}  # fmt: skip


@pytest.mark.parametrize("edit", EDITS)
def test_whatever_is_changed_is_found(forged: Forger, edit: str) -> None:
    seq = next(seq for seq, _, secret in forged.steps("temporary-placement") if secret["command"]["kind"] == "Complete")
    change, codes = EDITS[edit]
    forged.change(seq, change)
    assert found(forged).seq == seq
    assert found(forged).code in codes


def test_a_step_taken_out_is_found_at_the_next(forged: Forger) -> None:
    first, *_, last = (seq for seq, _, _ in forged.steps(CLOCK))
    forged.drop(last)
    assert found(forged).code == "stored"
    forged.drop(first)
    assert found(forged).code == "refused"


def test_a_stored_state_that_the_record_does_not_lead_to(forged: Forger) -> None:
    seq, body, _ = forged.steps(CLOCK)[-1]
    row = state_row(body["instance"])
    state, told = row["state"][32:], body["data"]
    forged.store(row["id"], state.replace(b'"month3"', b'"month4"'), told["definition"])
    assert (found(forged).seq, found(forged).code) == (seq, "stored")
    with transaction() as session:
        session.execute(sa.update(INSTANCE).where(INSTANCE.c.id == row["id"]).values(state=row["state"][:-1] + b"!"))
    assert found(forged).code == "stored_seal"
    proof = reexecution.reexecute_instance(row["id"])
    assert not proof.holds
    others = {body["instance"] for _, body, _ in forged.steps()} - {row["id"]}
    assert all(reexecution.reexecute_instance(other).holds for other in others)


def state_row(instance_id: int) -> dict[str, Any]:
    """An instance as it is stored."""
    with transaction() as session:
        return dict(session.execute(sa.select(INSTANCE).where(INSTANCE.c.id == instance_id)).mappings().one())


def test_a_status_that_the_record_does_not_lead_to(forged: Forger) -> None:
    seq, body, _ = forged.steps(CLOCK)[-1]
    with transaction() as session:
        session.execute(sa.update(INSTANCE).where(INSTANCE.c.id == body["instance"]).values(status="done"))
    assert (found(forged).seq, found(forged).code) == (seq, "status")


def test_sealed_content_that_is_gone_or_from_elsewhere(forged: Forger) -> None:
    (one, *_), (other, *_) = forged.steps(CLOCK)[:2]
    with transaction() as session:
        here = (EVENT.c.case_id == forged.case_id, EVENT.c.seq == one)
        there = sa.select(EVENT.c.sealed).where(EVENT.c.case_id == forged.case_id, EVENT.c.seq == other)
        session.execute(sa.update(EVENT).where(*here).values(sealed=session.scalar(there)))
    assert (found(forged).seq, found(forged).code) == (one, "seal")
    with transaction() as session:
        session.execute(sa.update(EVENT).where(*here).values(sealed=None))
    assert (found(forged).seq, found(forged).code) == (one, "unsealed")
    assert found(forged).command == f"{CLOCK}: start"


def test_a_key_that_was_replaced(forged: Forger) -> None:
    with transaction() as session:
        wrapped = session.scalar(sa.select(CASE.c.wrapped_key).where(CASE.c.id == forged.case_id)) or b""
        session.execute(sa.update(CASE).where(CASE.c.id == forged.case_id).values(wrapped_key=wrapped[:-1] + b"!"))
    assert found(forged).code == "key"


def test_a_diagram_changed_in_the_database(forged: Forger, tmp_path: Path) -> None:
    with transaction() as session:
        where = sa.and_(DEFINITION.c.release_id == 1, DEFINITION.c.path == f"bpmn/{CLOCK}.bpmn")
        drawn = session.scalar(sa.select(DEFINITION.c.content).where(where)) or b""
        session.execute(sa.update(DEFINITION).where(where).values(content=drawn.replace(b"month3", b"month2")))
    told = replay(tmp_path / "history.db", str(forged.case_id), code=1)
    first = forged.steps(CLOCK)[0][0]
    assert (
        f"case {forged.case_id}, event {first} ({CLOCK}: start): the diagram is not the one that was recorded" in told
    )
    assert "1 differ" in told


def test_an_erased_case_is_said_to_be_erased(forged: Forger, tmp_path: Path) -> None:
    with transaction() as session:
        session.execute(sa.update(CASE).where(CASE.c.id == forged.case_id).values(wrapped_key=None))
    proof = reexecution.reexecute(forged.case_id)
    assert proof.holds
    assert proof.erased
    assert proof.steps == 0
    told = replay(tmp_path / "history.db")
    assert "cannot be re-executed: lawfully erased" in told
    assert "0 differ, 1 lawfully erased" in told


def test_across_versions_of_the_engine_transitions_are_compared(forged: Forger) -> None:
    for seq, _, _ in forged.steps():
        forged.change(seq, lambda body, _: body["data"].update(engine="SpiffWorkflow 3.1.0, house 0", state="0" * 64))
    proof = reexecution.reexecute(forged.case_id)
    assert proof.holds
    assert (proof.steps, proof.exact) == (len(forged.steps()), 0)
    seq = forged.steps(CLOCK)[-1][0]
    forged.change(seq, lambda body, _: body["data"]["transitions"].pop())
    assert (found(forged).seq, found(forged).code) == (seq, "transitions")


def test_a_provisional_date_may_move_when_the_calendar_is_out(forged: Forger) -> None:
    told = [Recorded.of(seq, body["at"], body["data"], secret) for seq, body, secret in forged.steps(REVIEW)]
    books = releases.current_library()
    rebuilt = Rebuilt(books.definition(REVIEW), books.deadlines)
    index = next(index for index, step in enumerate(told) if any(one.kind == DEADLINE_SET for one in step.answers))
    for step in told[:index]:
        rebuilt.take(step)
    moved = {"placed_at": (START - timedelta(days=20)).isoformat()}
    settled = [dataclasses.replace(one, provisional=True, known=moved) for one in told[index].answers]
    rebuilt.take(dataclasses.replace(told[index], answers=tuple(settled)))
    ((seq, name, recorded, again),) = rebuilt.redated
    assert seq == told[index].seq
    assert name == f"{REVIEW}: start"
    assert recorded != again


def test_people_may_go_on_working_on_either_database(either_world: World) -> None:
    working = either_world
    working.child()
    working.start("monitoring_started", guardian_id=working.guardians()[0])
    play(working, CLOCK, [do("t1", **REFUSES), wait("P1M")])
    assert all(proof.holds and proof.exact for proof in map(reexecution.reexecute, [working.case]))
    assert reexecution.reexecute_instance(working.instances(CLOCK)[0]["id"]).holds


def test_what_is_not_there(world: World) -> None:
    with pytest.raises(NotFound):
        reexecution.reexecute(404)
    with pytest.raises(NotFound):
        reexecution.reexecute_instance(404)


def test_a_proof_in_words() -> None:
    assert Proof(7, instances=2, steps=9, exact=9).text.en == "case 7: 2 instances, 9 steps run again, as recorded"
