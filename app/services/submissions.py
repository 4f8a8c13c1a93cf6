"""Submissions: a form's answers as sent. Never overwritten; what is S2 or S3 lies sealed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from app.db import Row, Write, table
from app.models import Submission
from app.rules.forms import Form
from app.services._seal import CaseKey
from app.services._work import Live, OpenCase, Work

SUBMISSION, CORRECTION = table(Submission), table(Submission).alias()
FIRST = SUBMISSION.c.supersedes_id.is_(None)
"""True for what is no correction: each thing that was sent, once."""
NEWEST = (func.coalesce(SUBMISSION.c.origin_id, SUBMISSION.c.id).desc(), SUBMISSION.c.id.desc())
"""The order in which the last thing sent comes first, as it stands corrected."""
ADD = Write(insert(SUBMISSION).returning(SUBMISSION.c.id))


def place(case_id: int, form: str, recorded_at: datetime) -> str:
    """Where a submission's sealed answers belong; they open nowhere else."""
    return f"submission.secret:{case_id}:{form}:{recorded_at.isoformat()}"


def add(  # noqa: PLR0913 - a submission says who, what, where and when
    work: Work,
    case: OpenCase,
    form: Form,
    answers: Mapping[str, Any],
    element: str,
    *,
    live: Live | None = None,
    task_id: int | None = None,
    key: str | None = None,
) -> int:
    """Store `answers`; returns the submission's id. The open part holds S0 and S1 only."""
    plain, secret = form.split(answers)
    values = {
        "case_id": case.id, "instance_id": live.id if live else None, "task_id": task_id, "user_id": work.actor.user_id,
        "form": form.id, "element": element, "answers": plain,
        "secret": case.key.seal(secret, place(case.id, form.id, work.now)), "occurred_at": work.occurred_at,
        "recorded_at": work.now, "idempotency_key": key,
    }  # fmt: skip
    submission_id = work.add(ADD, values)
    if live is not None:
        live.submission_id = submission_id
        live.answers.pop(form.id, None)
        live.answers[form.id] = dict(answers)
    return submission_id


def correct(work: Work, former: Row, form: Form, answers: Mapping[str, Any], happened: datetime) -> int:
    """Store answers that stand in the place of `former` from now on; returns the new submission's id."""
    case = work.lock(former["case_id"])
    plain, secret = form.split(answers)
    values = {
        "case_id": case.id, "instance_id": former["instance_id"], "task_id": former["task_id"],
        "user_id": work.actor.user_id, "form": form.id, "element": former["element"], "answers": plain,
        "secret": case.key.seal(secret, place(case.id, form.id, work.now)), "occurred_at": happened,
        "recorded_at": work.now, "supersedes_id": former["id"], "origin_id": former["origin_id"] or former["id"],
    }  # fmt: skip
    id_: int = work.session.scalar(insert(SUBMISSION).values(values).returning(SUBMISSION.c.id))
    return id_


def newest_of_task(session: Session, task_id: int) -> Row | None:
    """What was sent with a task, as it stands corrected."""
    query = select(SUBMISSION).where(SUBMISSION.c.task_id == task_id).order_by(*NEWEST).limit(1)
    found: Row | None = session.execute(query).mappings().first()
    return found


def stands(id_: Any) -> Any:
    """True where nothing has superseded the submission in the column `id_`."""
    return ~select(CORRECTION.c.id).where(CORRECTION.c.supersedes_id == id_).exists()


def read(row: Row, key: CaseKey) -> dict[str, Any]:
    """All answers of a submission row, the sealed ones opened."""
    secret = key.open(row["secret"], place(row["case_id"], row["form"], row["recorded_at"]))
    return {**row["answers"], **secret}


def latest(work: Work, live: Live, *forms: str) -> dict[str, Any]:
    """The newest answers to any of `forms` in this instance; empty when none was ever sent."""
    sent = [form for form in live.answers if form in forms]
    if sent:
        return live.answers[sent[-1]]
    query = select(SUBMISSION).where(SUBMISSION.c.instance_id == live.id, SUBMISSION.c.form.in_(forms))
    row = work.session.execute(query.order_by(*NEWEST).limit(1)).mappings().first()
    return read(row, live.case.key) if row else {}


def count(work: Work, live: Live, form: str) -> int:
    """How often `form` was sent in this instance."""
    query = select(func.count()).where(SUBMISSION.c.instance_id == live.id, SUBMISSION.c.form == form, FIRST)
    return work.session.scalar(query) or 0
