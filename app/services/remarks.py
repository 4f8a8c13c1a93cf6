"""What colleagues tell each other at a task: sealed like answers (S2), only ever added, kept in the case's record itself.

A remark is an event; its words are the sealed part. There is no other copy, so that the record and what people
read are the same. Source: ADR 0016.
"""

from __future__ import annotations

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from app.db import Row, db, table
from app.errors import Invalid
from app.models import Event, Task
from app.rules.access import Person
from app.services import access, commands
from app.services.history import _telling, _versions
from app.services.views import Remark
from app.text import Text

EVENT, TASK = table(Event), table(Task)
FIELD, LONGEST = "_remark", 2000
EMPTY = Text("还没有写留言。", "There is nothing in the note yet.")
TOO_LONG = Text(f"留言请写在{LONGEST}字以内。", f"Keep the note within {LONGEST} characters.")


def add(person: Person, task_id: int, words: str, lang: str = "zh") -> None:
    """Leave a remark at a task, open or done. Raises Invalid, NotFound, Forbidden."""
    session, said = db.session(), words.strip()
    access.require(session, person, "remark", access.task_resource(session, task_id))
    if not said or len(said) > LONGEST:
        wrong = TOO_LONG if said else EMPTY
        raise Invalid("remark", wrong, {FIELD: wrong.say(lang)})
    with commands.work_on(access.at_task(session, person, task_id)) as work:
        case = work.lock_of_task(task_id)
        task = work.session.execute(select(TASK).where(TASK.c.id == task_id)).mappings().one()
        data = {"process": task["process"], "element": task["element"], "length": len(said)}
        case.chain.append("remarked", data, at=work.now, actor_id=person.id, instance_id=task["instance_id"],
                          task_id=task_id, secret={"words": said})  # fmt: skip


def of_task(session: Session, task: Row) -> tuple[Remark, ...]:
    """Every remark at a task, and what a duty by hand is for, oldest first; none once the case was lawfully erased."""
    if task["wrapped_key"] is None:
        return ()
    here = and_(EVENT.c.task_id == task["id"], EVENT.c.kind == "remarked")
    begun = and_(EVENT.c.instance_id == task["instance_id"], EVENT.c.kind == "done_by_hand")
    query = select(EVENT).where(EVENT.c.case_id == task["case_id"], or_(here, begun)).order_by(EVENT.c.seq)
    rows = list(session.execute(query).mappings())
    names = _telling.names_of(session, {row["actor_id"] for row in rows})
    return tuple(
        Remark(names.get(row["actor_id"], ""), row["recorded_at"], _versions.words_of(row, task["wrapped_key"]))
        for row in rows
    )
