"""Named points at which a test may stop a command, and broken variants of what keeps it safe.

Nothing in the product knows of them: functions are wrapped from outside, in the process that is
to be disturbed. `patch` puts the wrapper in place (`setattr`, or a test's own, which undoes it).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.db import WRITES, Read, Write, _begin, db
from app.db import transaction as whole_transaction
from app.services import _route, _step, _work, commands, deadlines, outbox
from app.services._work import CASE, DEADLINE, INSTANCE, TASK, Work
from tests.reliability.places import Place

Act = Callable[[], object]
Patch = Callable[[Any, str, Any], None]
ID = sa.bindparam("id")


def die() -> None:
    """What kill -9 does to this process."""
    os.kill(os.getpid(), signal.SIGKILL)


# --- points ------------------------------------------------------------------------------


def _after(owner: Any, name: str) -> Callable[[Act, Patch], None]:
    """The point at which `owner.name` has returned."""

    def arm(act: Act, patch: Patch) -> None:
        whole = getattr(owner, name)

        def wrapped(*arguments: Any, **named: Any) -> Any:
            result = whole(*arguments, **named)
            act()
            return result

        patch(owner, name, wrapped)

    return arm


def _before(owner: Any, name: str) -> Callable[[Act, Patch], None]:
    """The point at which `owner.name` is called."""

    def arm(act: Act, patch: Patch) -> None:
        whole = getattr(owner, name)

        def wrapped(*arguments: Any, **named: Any) -> Any:
            act()
            return whole(*arguments, **named)

        patch(owner, name, wrapped)

    return arm


def _amid_writes(act: Act, patch: Patch) -> None:
    """Submission, tasks and registers are written; events are being written; the instance and the case are not."""
    whole = Write.send_all

    def send_all(self: Write, connection: sa.Connection, rows: Any) -> None:
        whole(self, connection, rows)
        act()

    patch(Write, "send_all", send_all)


def _before_commit(act: Act, _patch: Patch) -> None:
    @sa.event.listens_for(sa.Engine, "commit")
    def commit(connection: sa.Connection) -> None:
        if connection.get_execution_options().get(WRITES):
            act()


def _after_commit(act: Act, patch: Patch) -> None:
    whole = commands.transaction

    @contextmanager
    def transaction() -> Iterator[Session]:
        with whole() as session:
            yield session
        act()

    patch(commands, "transaction", transaction)


POINTS: dict[str, Callable[[Act, Patch], None]] = {
    "after the lock": _after(Work, "_locked"),
    "after the engine": _after(_step.engine, "advance"),
    "amid the writes": _amid_writes,
    "before the commit": _before_commit,
    "after the commit": _after_commit,
    "before the delivery": _before(outbox, "deliver_one"),
}
"""The six points of a command's way, in order."""
NOTHING_KEPT = ("after the lock", "after the engine", "amid the writes", "before the commit")
"""Points at which nothing may have happened yet."""


# --- broken twins ------------------------------------------------------------------------


def no_lock(patch: Patch) -> None:
    """Transactions as drivers begin them: no FOR UPDATE, no BEGIN IMMEDIATE (SQLite then keeps each statement)."""
    patch(_work, "LOCK_CASE", Read(sa.select(CASE).where(CASE.c.id == ID)))
    for name, target in (("LOCK_CASE_OF_TASK", TASK), ("LOCK_CASE_OF_DEADLINE", DEADLINE)):
        unlocked = sa.select(CASE).join(target, target.c.case_id == CASE.c.id).where(target.c.id == ID)
        patch(_work, name, Read(unlocked))
    _sqlite_by_statement()


def no_versions(patch: Patch) -> None:
    """Rows are saved whatever version they have by now."""
    for name, target in (("SAVE_CASE", CASE), ("SAVE_INSTANCE", INSTANCE)):
        unchecked = sa.update(target).where(target.c.id == sa.bindparam("_id"), sa.bindparam("_version") >= 0)
        patch(_work, name, Write(unchecked.values(version=target.c.version + 1)))


def no_nets(place: Place) -> None:
    """What must be unique is not. (A SQLite without a lock has kept everything else by then.)"""
    if not place.sqlite:
        with place.running(), whole_transaction() as session:
            for table, columns in (
                ("event", "case_id_seq"),
                ("outbox", "key"),
                ("report_link", "report_id_case_id_child_ref_kind"),
            ):
                session.execute(sa.text(f"ALTER TABLE {table} DROP CONSTRAINT uq_{table}_{columns}"))


def any_version(patch: Patch) -> None:
    """The version that the form carries is not compared with the task's."""
    whole = commands._task_under_lock

    def unchecked(work: Work, task_id: int, _version: int) -> Any:
        return whole(
            work, task_id, work.session.execute(sa.select(TASK.c.version).where(TASK.c.id == task_id)).scalar()
        )

    patch(commands, "_task_under_lock", unchecked)


def by_statement(patch: Patch) -> None:
    """No transaction: each statement is kept as it is executed."""

    @contextmanager
    def transaction() -> Iterator[Session]:
        db.session.rollback()
        engine = db.engine.execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as connection, Session(connection, expire_on_commit=False) as session:
            yield session
            session.flush()

    patch(commands, "transaction", transaction)
    _sqlite_by_statement()


def _sqlite_by_statement() -> None:
    if sa.event.contains(sa.Engine, "begin", _begin):
        sa.event.remove(sa.Engine, "begin", _begin)


def claim_first(patch: Patch) -> None:
    """A deadline is marked as done, and that is committed, before its effect is made."""

    def fire(deadline_id: int) -> bool:
        with whole_transaction() as session:
            row = session.execute(deadlines.BY_ID, {"id": deadline_id}).mappings().one()
            if row["state"] != "due":
                return False
            session.execute(DEADLINE.update().where(DEADLINE.c.id == deadline_id).values(state="done"))
        with commands.work_on(_work.SYSTEM) as work:
            deadlines._act(work, work.lock(row["case_id"]), row)
        return True

    patch(deadlines, "fire", fire)


def mark_later(patch: Patch) -> None:
    """A message is delivered in one transaction and marked as delivered in another."""
    box = outbox.OUTBOX

    def deliver_message(outbox_id: int) -> None:
        row = db.session.execute(box.select().where(box.c.id == outbox_id)).mappings().one()
        with commands.work_on(_work.SYSTEM) as work:
            case = work.lock(row["target_case_id"])
            message, payload = row["payload"]["message"], row["payload"]["payload"]
            _route.route(work, case, message, payload, _route.origin_of(work, case))
        with whole_transaction() as session:
            session.execute(box.update().where(box.c.id == outbox_id).values(state="done"))

    patch(commands, "deliver_message", deliver_message)


def forgets_keys(patch: Patch) -> None:
    """What was sent before with the same key is not looked for."""
    patch(commands, "_done_before", lambda *_: None)


BROKEN: dict[str, Callable[[Patch], None]] = {
    "no lock": no_lock,
    "no versions": no_versions,
    "any version": any_version,
    "by statement": by_statement,
    "claim first": claim_first,
    "mark later": mark_later,
    "forgets keys": forgets_keys,
}
