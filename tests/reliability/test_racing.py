"""Two people, a person and a timer, several workers at the same moment: one effect, and nobody loses what they typed."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from app import clock
from app.db import db
from app.errors import Stale
from app.models import Case, Draft, User
from app.services import _seal, commands, deadlines, people, tasks
from app.services._work import DEADLINE, TASK
from tests import conftest
from tests.reliability import faults
from tests.reliability.outcome import everything, unsound
from tests.reliability.places import Place
from tests.reliability.together import Count, asking, at_once, holding, meeting
from tests.world import World

HIDDEN = ("csrf_token", "version")
pytestmark = pytest.mark.usefixtures("still")


def count(query: Any) -> int:
    """How many rows a query finds."""
    found = len(db.session.execute(query).all())
    db.session.rollback()
    return found


# --- two people, one task ----------------------------------------------------------------


def complete(place: Place, number: int) -> Any:
    """One of the two sends the form."""
    waiting = place.waiting
    return commands.complete(waiting.task, waiting.version, waiting.raw, place.actor(number))


def race(place: Place, patch: faults.Patch, *, locked: bool) -> list[Any]:
    """Both send the form at once. Whoever has read the task waits until the other asks, or has read it too."""
    asked, read = asking(patch), Count()

    def together() -> None:
        read.come()
        (asked if locked else read).wait(2)

    meeting(patch, commands, "_task_under_lock", together)
    with place.running() as app:
        return at_once(app, *(lambda number=number: complete(place, number) for number in (0, 1)))


def doubled(place: Place) -> int:
    """How often the form was kept."""
    with place.running():
        return count(sa.select(commands.SUBMISSION).where(commands.SUBMISSION.c.task_id == place.waiting.task))


def test_one_of_two_people_wins_and_the_other_is_told(place: Place, patch: faults.Patch) -> None:
    ended = race(place, patch, locked=True)
    assert sorted(type(one).__name__ for one in ended) == ["Done", "Stale"]
    assert doubled(place) == 1
    with place.running():
        assert count(sa.select(TASK).where(TASK.c.case_id == place.waiting.case, TASK.c.status == "open")) == 1
        assert unsound() == []


def test_nets_below_the_lock_hold_too(postgres_place: Place, patch: faults.Patch) -> None:
    """Without the lock both go all the way: the version, and the number of the event, let one of them through."""
    faults.no_lock(patch)
    ended = race(postgres_place, patch, locked=False)
    assert sum(isinstance(one, commands.Done) for one in ended) == 1
    assert doubled(postgres_place) == 1


def test_without_lock_and_nets_both_win(place: Place, patch: faults.Patch) -> None:
    """Broken twin."""
    faults.no_lock(patch)
    faults.no_versions(patch)
    faults.no_nets(place)
    race(place, patch, locked=False)
    assert doubled(place) == 2


def kept_draft(place: Place, user_id: int) -> Any:
    """What somebody had typed, as it is kept for them."""
    query = sa.select(Draft.key, Draft.secret, Case.wrapped_key).join(Case, Case.id == Draft.case_id)
    row = db.session.execute(query.where(Draft.user_id == user_id)).one()
    db.session.rollback()
    return _seal.open_key(row.wrapped_key).open(row.secret, tasks.draft_place(user_id, row.key))


def test_the_loser_keeps_what_was_typed(place: Place) -> None:
    waiting, typed = place.waiting, {"reason": "写了一半"}
    with place.running():
        loser = people.person(db.session(), waiting.people[1])
        tasks.save_draft(loser, waiting.task, typed)
        complete(place, 0)
        with pytest.raises(Stale):
            complete(place, 1)
        assert kept_draft(place, loser.id) == typed


def test_the_loser_sees_it_beside_what_was_sent(place: Place) -> None:
    """On the page: 409, and the loser's own words are on it."""
    waiting, typed = place.waiting, "我写的是另一番理由，不能丢。"
    with place.running() as app:
        loser = signed_in(app, waiting.people[1])
        form = fields(loser.get(f"/tasks/{waiting.task}").text)
        complete(place, 0)
        raw = {**waiting.raw, "reason": typed}
        answer = loser.post(f"/tasks/{waiting.task}/complete", data={**form, **raw})
        assert answer.status_code == 409
        assert typed in answer.text
    assert doubled(place) == 1


def signed_in(app: Flask, user_id: int) -> FlaskClient:
    """A browser in which that person has signed in."""
    client, user = app.test_client(), db.session.get_one(User, user_id)
    with client.session_transaction() as session:
        session.update(_user_id=user.fs_uniquifier, _fresh=True, fs_cc="set", fs_paa=clock.real_now().timestamp())
    db.session.rollback()
    return client


def fields(page: str) -> dict[str, str]:
    """What the task's page sends along: its token and the version it shows."""
    found = (re.search(rf'name="{name}" value="([^"]+)"', page) for name in HIDDEN)
    return {name: match[1] for name, match in zip(HIDDEN, found, strict=True) if match}


def reassigned(place: Place) -> Any:
    """A supervisor changes the task while the form is open on somebody's screen; then the form is sent."""
    with place.running():
        with commands.transaction() as session:
            changed = TASK.update().where(TASK.c.id == place.waiting.task).values(version=TASK.c.version + 1)
            session.execute(changed)
        before = everything()
        try:
            return complete(place, 0)
        except Stale as error:
            assert everything() == before
            return error


def test_a_form_of_an_older_version_is_refused(place: Place) -> None:
    assert isinstance(reassigned(place), Stale)


def test_without_the_forms_version_it_is_taken(place: Place, patch: faults.Patch) -> None:
    """Broken twin."""
    faults.any_version(patch)
    assert not isinstance(reassigned(place), Stale)


# --- a person and a timer ----------------------------------------------------------------

OVERDUE = conftest.START + timedelta(days=40)


def escalations(place: Place) -> list[Any]:
    """Tasks for supervisors about the case that waits, oldest first."""
    query = sa.select(TASK).where(TASK.c.process == deadlines.ESCALATION, TASK.c.case_id == place.waiting.case)
    found = list(db.session.execute(query.order_by(TASK.c.id)).mappings())
    db.session.rollback()
    return found


def statuses(place: Place) -> list[str]:
    """What became of them."""
    return [task["status"] for task in escalations(place)]


def limit_of(task: int) -> int:
    """The deadline of a task."""
    found = db.session.scalar(sa.select(DEADLINE.c.id).where(DEADLINE.c.task_id == task, DEADLINE.c.state == "due"))
    db.session.rollback()
    return int(found or 0)


def test_a_limit_passes_while_its_task_is_sent(place: Place, patch: faults.Patch) -> None:
    """The person is first: the limit has nothing left to do."""
    with place.running() as app, clock.fixed(OVERDUE):
        limit, held = limit_of(place.waiting.task), holding(patch, commands, "_task_under_lock")

        def fire() -> bool:
            held.wait(1)
            return deadlines.fire(limit)

        sent, fired = at_once(app, lambda: complete(place, 0), fire)
        assert (type(sent).__name__, fired) == ("Done", False)
        assert not deadlines.fire(limit)
        assert statuses(place) == []
        assert unsound() == []


def test_a_task_is_sent_while_its_limit_passes(place: Place, patch: faults.Patch) -> None:
    """The limit is first: its escalation starts, and ends when the task is done right after."""
    with place.running() as app, clock.fixed(OVERDUE):
        limit, held = limit_of(place.waiting.task), holding(patch, deadlines, "_act")

        def send() -> Any:
            held.wait(1)
            return complete(place, 0)

        fired, sent = at_once(app, lambda: deadlines.fire(limit), send)
        assert (fired, type(sent).__name__) == (True, "Done")
        assert statuses(place) == ["cancelled"]
        assert unsound() == []


def test_a_task_that_a_due_timer_takes_away_is_stale_and_no_incident(place: Place) -> None:
    """The supervisor's time is over too; the ticker has not come yet. The timer goes first, whoever knocks."""
    with place.running(), clock.fixed(OVERDUE) as move:
        deadlines.fire(limit_of(place.waiting.task))
        (asked,) = escalations(place)
        move(OVERDUE + timedelta(days=30))
        with pytest.raises(Stale):
            World(move).send_task(asked, {"escalation_action": "direct"})
        assert count(sa.select(commands.INCIDENT)) == 0
        assert deadlines.tick() > 0
        assert statuses(place) == ["cancelled", "open"]


# --- several workers, one deadline -------------------------------------------------------

WORKERS = 4


def claimed(place: Place, patch: faults.Patch, *, locked: bool) -> tuple[list[Any], int]:
    """Several workers fire one deadline; who has it waits until all ask for it, or have read it too."""
    with place.running() as app, clock.fixed(OVERDUE):
        limit, asked, read = limit_of(place.waiting.task), asking(patch), Count()

        def together() -> None:
            read.come()
            (asked if locked else read).wait(WORKERS)

        meeting(patch, deadlines, "_act", together, after=False)
        fired = at_once(app, *[lambda: deadlines.fire(limit)] * WORKERS)
        return fired, len(escalations(place))


def test_several_workers_fire_a_deadline_once(place: Place, patch: faults.Patch) -> None:
    fired, begun = claimed(place, patch, locked=True)
    assert sorted(fired) == [False] * (WORKERS - 1) + [True]
    assert begun == 1


def test_without_a_lock_it_fires_more_than_once(place: Place, patch: faults.Patch) -> None:
    """Broken twin: read, act, mark."""
    faults.no_lock(patch)
    faults.no_versions(patch)
    faults.no_nets(place)
    _, begun = claimed(place, patch, locked=False)
    assert begun > 1
