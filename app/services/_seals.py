"""What lies sealed (S3) in a case's submissions, and whether one person sees it now.

A record is one submission. Opening it is reading.py's; here it is only asked what is open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import Row, table
from app.errors import NotFound
from app.models import Instance, SealedRead, Submission
from app.rules.access import GLASS, Person, Resource
from app.rules.forms import Form
from app.rules.forms_answers import blank
from app.services import _seal, access, practice, releases, submissions
from app.services.history import _versions
from app.services.library import library
from app.services.views import Seal, StoryLine

READ, SUBMISSION, INSTANCE = table(SealedRead), table(Submission), table(Instance)


def names(form: Form | None, answers: Mapping[str, Any]) -> frozenset[str]:
    """The answers that are sealed; one that the form does not know counts as sealed."""
    known = form.questions if form else {}
    return frozenset(
        name for name, value in answers.items() if not blank(value) and (name not in known or known[name].seal == "S3")
    )


@dataclass(frozen=True, slots=True)
class Sent:
    """A submission with its answers opened for the program, and the seal on them for one person."""

    id: int
    task_id: int | None
    answers: Mapping[str, Any]
    seal: Seal | None
    origin: int  # the first submission, where this is a correction of it; else itself


class Seals:
    """The seals of one case, for one person; reads once what is open to them."""

    def __init__(self, session: Session, person: Person, case_id: int, resource: Resource | None = None) -> None:
        self.session, self.person, self.case_id = session, person, case_id
        self.resource: Resource = resource or access.case_resource(session, case_id)
        self.rules = access.policy(session)
        live = (
            READ.c.user_id == person.id,
            READ.c.case_id == case_id,
            READ.c.until > practice.now(session),
        )
        found = session.execute(select(READ.c.submission_id, READ.c.why, READ.c.until).where(*live)).all()
        self.until: dict[int, datetime] = {}
        for row in found:
            if row.submission_id is not None:
                self.until[row.submission_id] = max(row.until, self.until.get(row.submission_id, row.until))
        self.glass_until = max((row.until for row in found if row.why == "glass"), default=None)

    def of(self, record: int, author_id: int | None, sealed: frozenset[str]) -> Seal | None:
        """The seal on these answers of a submission; None where nothing of it is sealed."""
        if not sealed:
            return None
        decision = self.rules.can(self.person, "read", replace(self.resource, author_id=author_id), "S3")
        if decision and not decision.needs:
            until = self.glass_until if decision.rule == GLASS else None
            return Seal(record, sealed, open=True, until=until)
        if decision:
            until = self.until.get(record)
            return Seal(record, sealed, open=until is not None, until=until, ask="reason")
        return Seal(record, sealed, open=False, ask="glass" if self.may_break_the_glass else "")

    @property
    def may_break_the_glass(self) -> bool:
        """Whether this person may look behind every seal of the case, in an emergency and answering for it."""
        return bool(self.rules.can(self.person, "unseal", self.resource))

    @property
    def audits(self) -> bool:
        """Whether this person sees the case as its auditor, and so who read what in it."""
        return self.rules.scope(self.person).rule_for(self.resource) == "audits"

    @property
    def asks_reason(self) -> bool:
        """Whether this person sees S2 once they have said why."""
        return "reason" in self.rules.can(self.person, "read", self.resource, "S2").needs

    def may_read(self, author_id: int | None = None) -> bool:
        """Whether this person sees S2 without more ado."""
        decision = self.rules.can(self.person, "read", replace(self.resource, author_id=author_id), "S2")
        return bool(decision) and not decision.needs


def sent(session: Session, case_id: int, *which: Any) -> list[Row]:
    """Submissions of a case with the release of their instance, oldest first."""
    query = select(SUBMISSION, INSTANCE.c.release_id).outerjoin(INSTANCE, INSTANCE.c.id == SUBMISSION.c.instance_id)
    query = query.where(SUBMISSION.c.case_id == case_id, *which).order_by(SUBMISSION.c.id)
    return list(session.execute(query).mappings())


def form_of(session: Session, row: Row) -> Form | None:
    """The form of a submission: of its own release, else of the one in force; None when neither has it."""
    for release_id in (row["release_id"], None):
        try:
            return library(session, release_id or releases.current(session)).form(row["form"])
        except NotFound:
            continue
    return None


def read(row: Row, wrapped_key: bytes | None) -> dict[str, Any]:
    """A submission's answers; of an erased case those that were never sealed."""
    return submissions.read(row, _seal.open_key(wrapped_key)) if wrapped_key is not None else dict(row["answers"])


def of_case(seals: Seals, wrapped_key: bytes | None) -> dict[int, Sent]:
    """Every submission of the case, by its id."""
    found: dict[int, Sent] = {}
    for row in sent(seals.session, seals.case_id):
        answers = read(row, wrapped_key)
        seal = seals.of(row["id"], row["user_id"], names(form_of(seals.session, row), answers))
        found[row["id"]] = Sent(row["id"], row["task_id"], answers, seal, row["origin_id"] or row["id"])
    return found


def standing(records: Mapping[int, Sent], id_: int) -> Sent:
    """What stands now in the place of a first submission: its last correction, or itself."""
    return max((record for record in records.values() if record.origin == id_), key=lambda record: record.id)


def on_story(
    lines: Iterable[StoryLine],
    events: Mapping[int, tuple[Row, Mapping[str, Any]]],
    records: Mapping[int, Sent],
    *,
    wrapped_key: bytes | None,
) -> tuple[StoryLine, ...]:
    """The story with the seals of what was sent, and for those who read S2 with what a reporter added, and why
    something was corrected.

    `events` by number: the row and its data. `wrapped_key`: the case's, for those who read S2; else None.
    """
    of_task = {record.task_id: record for record in records.values() if record.origin == record.id}
    return tuple(_told(line, *events[line.seq], of_task, records, wrapped_key) for line in lines)


def _told(
    line: StoryLine, event: Row, data: Mapping[str, Any], of_task: Mapping[int | None, Sent], records: Mapping[int, Sent],
    wrapped_key: bytes | None,
) -> StoryLine:  # fmt: skip
    if event["kind"] == "remarked":
        return replace(line, words=_versions.words_of(event, wrapped_key))
    later, done = event["kind"] in ("facts_added", "corrected"), event["kind"] == "task_done"
    record = records.get(data.get("submission", 0)) if later else of_task.get(event["task_id"])
    if record is None or not (later or done):
        return line
    words = ""
    if wrapped_key is not None and later:
        corrected = event["kind"] == "corrected"
        words = _versions.reason_of(event, wrapped_key) if corrected else str(record.answers.get("facts") or "")
    return replace(line, words=words, seal=record.seal) if words or record.seal else line
