"""Files that go along with a form when it is sent: each is bound to the submission and stands in the record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, select, update

from app.db import Row, table
from app.errors import Invalid
from app.models import Attachment
from app.rules.forms import Form
from app.services._work import OpenCase, Work
from app.text import Text

ATTACHMENT = table(Attachment)
LONGEST_ID = 19
HEAD = [column for column in ATTACHMENT.c if column.name != "content"]
NOT_HERE = Text(
    "有的附件不在这里了，请去掉再加一次。", "Some of these files are not here any more. Remove them and add them again."
)


def untaken(user_id: int | None) -> tuple[Any, ...]:
    """True for files that this person added and no form has taken along yet."""
    return ATTACHMENT.c.submission_id.is_(None), ATTACHMENT.c.user_id == user_id


def take(  # noqa: PLR0913 - a form takes files along from somewhere, to somewhere
    work: Work, case: OpenCase, form: Form, answers: Mapping[str, Any], submission_id: int, lang: str, *,
    task_id: int | None = None, before: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """Let the files among the answers go with the submission, each with an event; `before`: answers corrected by it.

    Raises Invalid for a file that is not this person's to send.
    """
    for name, field in form.questions.items():
        if field.kind == "filepicker" and (
            wanted := set(answers.get(name) or ()) - set((before or {}).get(name) or ())
        ):
            found = _their_own(work, case.id, name, wanted)
            if len(found) != len(wanted):
                raise Invalid("file", NOT_HERE, {name: NOT_HERE.say(lang)})
            for row in found:
                _go_along(work, case, form, row, submission_id, task_id)
    if any(field.kind == "filepicker" for field in form.questions.values()):
        left = (
            (ATTACHMENT.c.task_id == task_id,)
            if task_id
            else (ATTACHMENT.c.task_id.is_(None), *untaken(work.actor.user_id))
        )
        where = (ATTACHMENT.c.case_id == case.id, ATTACHMENT.c.submission_id.is_(None), *left)
        work.session.execute(delete(ATTACHMENT).where(*where))


def _their_own(work: Work, case_id: int, field: str, wanted: set[str]) -> list[Row]:
    ids = [int(code) for code in wanted if code.isascii() and code.isdecimal() and len(code) < LONGEST_ID]
    where = (ATTACHMENT.c.id.in_(ids), ATTACHMENT.c.case_id == case_id, ATTACHMENT.c.field == field)
    query = select(*HEAD).where(*where, *untaken(work.actor.user_id)).order_by(ATTACHMENT.c.id)
    return list(work.session.execute(query).mappings())


def _go_along(work: Work, case: OpenCase, form: Form, row: Row, submission_id: int, task_id: int | None) -> None:
    values = {"submission_id": submission_id, "task_id": task_id}
    work.session.execute(update(ATTACHMENT).where(ATTACHMENT.c.id == row["id"]).values(values))
    data = {"file": row["id"], "kind": row["kind"], "size": row["size"], "form": form.id, "field": row["field"],
            "submission": submission_id}  # fmt: skip
    case.chain.append("file_added", data, at=work.now, occurred_at=work.occurred_at, actor_id=work.actor.user_id,
                      task_id=task_id, secret=case.key.open(row["head"], f"attachment.head:{row['place']}"))  # fmt: skip
