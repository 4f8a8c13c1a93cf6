"""Is the installation able to work, and how much work waits: for operators, in numbers only.

No figure is about a person, and none is split by region or unit, so that small numbers give nobody away.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from app.db import db, table
from app.errors import NotFound
from app.models import Deadline, Incident, Outbox, Task
from app.services import _scan, deadlines, practice, releases
from app.settings import ROOT
from app.text import Text

TASK, DEADLINE, OUTBOX, INCIDENT = table(Task), table(Deadline), table(Outbox), table(Incident)
MIGRATIONS = ROOT / "migrations"
SCANNED = Text("附件入库前查毒。", "Attached files are scanned before they are kept.")
NOT_SCANNED = Text(
    "附件没有查毒：没有设置 FILE_SCAN_COMMAND。", "Attached files are not scanned: FILE_SCAN_COMMAND is not set."
)
NO_DATABASE = Text("数据库连不上。", "The database does not answer.")
NOT_MIGRATED = Text(
    "数据库结构不是最新的，请先执行升级。", "The database is not migrated to the newest version; upgrade it."
)


def obstacle(migrations: Path = MIGRATIONS) -> Text | None:
    """Why this installation cannot work yet; None when it can: database, its tables, a published release."""
    try:
        session = db.session()
        wanted = set(ScriptDirectory(str(migrations)).get_heads())
        if set(MigrationContext.configure(session.connection()).get_current_heads()) != wanted:
            return NOT_MIGRATED
        releases.current(session)
    except SQLAlchemyError:
        return NO_DATABASE
    except NotFound as error:
        return error.text
    return None


def scanning() -> Text:
    """Whether files that people attach are scanned before they are kept."""
    return SCANNED if _scan.on() else NOT_SCANNED


@dataclass(frozen=True, slots=True)
class Figures:
    """How much waits, counted in the whole installation."""

    tasks_open: int
    tasks_overdue: int
    deadlines_due: int
    outbox_waiting: int
    incidents_open: int


def figures() -> Figures:
    """What waits now; each a count over an index of what is open."""
    session, now = db.session(), practice.now()
    is_open, due = TASK.c.status == "open", DEADLINE.c.state == "due"
    counts = (
        select(func.count()).select_from(source).where(*where)
        for source, where in (
            (TASK, (is_open,)),
            (TASK, (is_open, TASK.c.due_at <= now)),
            (DEADLINE, (due, DEADLINE.c.due_at <= now, deadlines.free(now))),
            (OUTBOX, (OUTBOX.c.state == "waiting",)),
            (INCIDENT, (INCIDENT.c.state == "open",)),
        )
    )
    return Figures(*(session.scalar(count) or 0 for count in counts))
