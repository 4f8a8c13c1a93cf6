"""Forms as they were sent, for somebody who looks back: open answers shown, the others behind their seal.

S0 and S1 are shown. S2 is opened only where the access rules let this person read it without more
ado; where they ask for a reason first, a chip says so. S3 stays sealed. Source: UI.md "Sealed";
rules/access.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import Row, table
from app.models import Case, Guardian, Submission, User
from app.rules.access import Person
from app.rules.forms import Field, Form
from app.rules.forms_layout import SECRET
from app.services import _seal, access, children, choices, submissions
from app.services.history._timeline import Head
from app.services.history.replay_views import Answer, Mask, Sheet
from app.services.library import Library
from app.services.reports import PUBLIC_FORM
from app.text import Text

SUBMISSION, USER, CASE, GUARDIAN = table(Submission), table(User), table(Case), table(Guardian)
SENT = select(SUBMISSION, USER.c.name.label("by")).outerjoin(USER, USER.c.id == SUBMISSION.c.user_id)
IMPERSONAL = frozenset(("units", "providers", "villages"))
"""Sources of options that name no person."""
PEOPLE = frozenset(("guardians", "case_persons"))


class Reader:
    """Reads what was sent in one case, as far as one person may."""

    def __init__(self, session: Session, person: Person, case_id: int, lang: str) -> None:
        self.session, self.person, self.lang = session, person, lang
        self.case = session.execute(select(CASE).where(CASE.c.id == case_id)).mappings().one()
        self.resource = access.case_resource(session, case_id)

    def sheets(self, head: Head, data: Mapping[str, Any], books: Library, *, later: bool) -> tuple[Sheet, ...]:
        """The forms that came with an event, and with `later` also what corrected them since."""
        sent = self._sent(head, data)
        if later and sent:
            sent |= self._corrections(sent)
        known = (sent[id_] for id_ in sorted(sent) if f"forms/{sent[id_]['form']}.json" in books.files)
        return tuple(self._sheet(row, books) for row in known)

    def _sent(self, head: Head, data: Mapping[str, Any]) -> dict[int, Row]:
        """The submissions recorded with an event: of its task, of a message from the desk, from the public pages."""
        of_kind = {
            "task_done": SUBMISSION.c.task_id == head.task_id,
            "corrected": SUBMISSION.c.id == data.get("submission"),
            "message": SUBMISSION.c.element == f"desk.{data.get('message')}",
            "case_opened": SUBMISSION.c.element == f"public.{PUBLIC_FORM}",
            "facts_added": SUBMISSION.c.id == data.get("submission"),
        }
        if head.kind not in of_kind:
            return {}
        found = self.session.execute(SENT.where(
            SUBMISSION.c.case_id == head.case_id, SUBMISSION.c.recorded_at == head.recorded_at, of_kind[head.kind]
        )).mappings()  # fmt: skip
        return {row["id"]: row for row in found}

    def _corrections(self, sent: Mapping[int, Row]) -> dict[int, Row]:
        """What superseded a submission, and what superseded that, and so on."""
        found: dict[int, Row] = {}
        newest = set(sent)
        while newest:
            query = SENT.where(SUBMISSION.c.case_id == self.case["id"], SUBMISSION.c.supersedes_id.in_(newest))
            rows = {row["id"]: row for row in self.session.execute(query).mappings()}
            newest = rows.keys() - found.keys() - sent.keys()
            found |= rows
        return found

    def _sheet(self, row: Row, books: Library) -> Sheet:
        form = books.form(row["form"])
        earlier = select(SUBMISSION.c.recorded_at).where(SUBMISSION.c.id == row["supersedes_id"])
        later = select(SUBMISSION.c.recorded_at).where(SUBMISSION.c.supersedes_id == row["id"])
        return Sheet(
            case_id=row["case_id"],
            form=form.name,
            by=row["by"] or "",
            occurred_at=row["occurred_at"],
            recorded_at=row["recorded_at"],
            answers=tuple(self._answers(row, form)),
            corrects=self.session.scalar(earlier),
            corrected_at=self.session.scalar(later.order_by(SUBMISSION.c.id).limit(1)),
        )

    def _answers(self, row: Row, form: Form) -> Iterator[Answer]:
        mask = self._mask(row)
        opened = submissions.read(row, _seal.open_key(self.case["wrapped_key"])) if not mask else row["answers"]
        offered = self._offered(form, names=not mask)
        asked = form.visible(opened)
        for field in form.questions.values():
            if field.seal not in SECRET or not mask:
                yield from self._lines(form, field, opened, offered)
            elif field.name in asked:
                yield Answer(field.label.say(self.lang), "", "sealed" if field.seal == "S3" else mask)

    def _lines(self, form: Form, field: Field, answers: Mapping[str, Any], offered: Any) -> Iterator[Answer]:
        """The lines of one question; of those that are S3 only that they are there."""
        if field.name in answers:
            for label, value, sensitivity in form.describe({field.name: answers[field.name]}, self.lang, offered):
                yield Answer(label, "", "sealed") if sensitivity == "S3" else Answer(label, value)

    def _mask(self, row: Row) -> Mask:
        """What stands before the S2 answers of a submission; nothing when this person may read them."""
        if self.case["wrapped_key"] is None:
            return "erased"
        resource = replace(self.resource, author_id=row["user_id"])
        decision = access.policy(self.session).can(self.person, "read", resource, "S2")
        if decision.needs:
            return "reason"
        return "" if decision else "sealed"

    def _offered(self, form: Form, *, names: bool) -> dict[str, choices.Options]:
        """What codes stand for; without `names` a guardian is only “father” or “mother”."""
        row = {**self.case, "case_id": self.case["id"], "context": {}}
        wanted = choices.sources(form)
        known = wanted & (IMPERSONAL | PEOPLE) if names else wanted & IMPERSONAL
        found = {source: tuple(choices.SOURCES[source](self.session, row, self.lang)) for source in known}
        if not names and wanted & PEOPLE:
            found |= dict.fromkeys(wanted & PEOPLE, self._kinds())
        return found

    def _kinds(self) -> choices.Options:
        query = select(GUARDIAN.c.id, GUARDIAN.c.kind).where(GUARDIAN.c.case_id == self.case["id"])
        return tuple(
            (str(id_), children.KINDS.get(kind, Text(kind, kind)).say(self.lang))
            for id_, kind in self.session.execute(query)
        )
