"""Opening what is sealed: for a reason, for one's own task, or by breaking the glass; each is an event of the case.

The `read` event says who opened what and until when, its sealed part why; never what was read.
How long an opening lasts is our choice. Source: ARCHITECTURE rule 8; issue "audit", part 7; ADR 0015.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import insert, select

from app.db import Row, db, table
from app.errors import Forbidden, Invalid, NotFound
from app.models import Case, SealedRead, Submission, User
from app.rules.access import AUDITOR, Person, Resource
from app.rules.forms import Form
from app.services import _seals, access, attachments, cases, choices, commands, notices, releases, units
from app.services._seals import Seals
from app.services._work import Actor, OpenCase, Work
from app.services.library import library
from app.services.views import Seal
from app.text import Text

log = logging.getLogger(__name__)
SUBMISSION, CASE, READ, USER = table(Submission), table(Case), table(SealedRead), table(User)
LASTS, GLASS_LASTS = timedelta(minutes=15), timedelta(hours=4)
LONGEST_REASON = 500
Why = Literal["task", "reason", "glass"]

NO_REASON = Text("还没有写理由。请写清为什么现在要看。", "There is no reason yet. Say why you need to look now.")
TOO_LONG = Text("理由请写在500字以内。", "Keep the reason within 500 characters.")
NOT_SHOWN = Text(
    "这份内容不归你的岗位看。办这件事的人说明理由后才能看。",
    "This is not for your post. Those who work on the case may read it, once they have said why.",
)
NO_SUCH_CASE = Text(
    "没有这个编号的个案，或者它不归你督办。请对照编号再输一次。",
    "There is no case with this number, or you do not supervise it. Check the number.",
)
NOT_PROVEN = Text("密码没有输对，什么都没有打开。", "This is not your password; nothing was opened.")

NOT_CONFIRMED = Text(
    "验证码不对，或者已经用过。等手机上换了数字，再输一次。",
    "The code is wrong or was used before. Wait for the next one on your phone and try again.",
)


@dataclass(frozen=True, slots=True)
class Line:
    """One answer of a record; `mask`: what stands in its place; `files`: (id, label) of what is attached."""

    label: str
    value: str
    mask: Literal["", "sealed", "reason"] = ""
    files: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """A submission as one person may read it."""

    id: int
    case_id: int
    number: str
    form: Text
    by: str
    recorded_at: datetime
    lines: tuple[Line, ...]
    seal: Seal | None
    erased: bool


# --- looking ---------------------------------------------------------------------------------


def record(person: Person, submission_id: int, lang: str = "zh") -> Record:
    """A submission; what is sealed stays so until it was opened. Raises NotFound, Forbidden, NeedsReason."""
    row = _row(submission_id)
    session, case_id = db.session(), row["case_id"]
    access.require(session, person, "see", access.case_resource(session, case_id))
    seals, form = Seals(session, person, case_id), _seals.form_of(session, row)
    answers = _seals.read(row, row["wrapped_key"])
    seal = seals.of(row["id"], row["user_id"], _seals.names(form, answers))
    return Record(
        id=row["id"],
        case_id=case_id,
        number=cases.number(case_id, row["opened_at"]),
        form=form.name if form else Text(row["form"], row["form"]),
        by=row["by"] or "",
        recorded_at=row["recorded_at"],
        lines=tuple(_lines(form, row, answers, seals, seal, lang)) if form else (),
        seal=seal,
        erased=row["wrapped_key"] is None,
    )


def _row(submission_id: int) -> Row:
    """A submission with its case. Raises NotFound."""
    found = _seals.sent(db.session(), _case_of(submission_id), SUBMISSION.c.id == submission_id)
    query = select(CASE.c.wrapped_key, CASE.c.opened_at).where(CASE.c.id == found[0]["case_id"])
    case = db.session.execute(query).mappings().one()
    by = db.session.scalar(select(USER.c.name).where(USER.c.id == found[0]["user_id"]))
    return {**found[0], **case, "by": by}


def _case_of(submission_id: int) -> int:
    case_id: int | None = db.session.scalar(select(SUBMISSION.c.case_id).where(SUBMISSION.c.id == submission_id))
    if case_id is None:
        raise NotFound("no_record", access.NOTHING_HERE)
    return case_id


def _lines(form: Form, row: Row, answers: dict[str, Any], seals: Seals, seal: Seal | None, lang: str) -> Iterable[Line]:
    """The answers in the form's order; what is shut has its question only."""
    offered = choices.of_case(db.session(), row["case_id"], form, lang)
    files = attachments.named(db.session(), row["case_id"], form, answers)
    sensitive = seals.may_read(row["user_id"])
    shut = frozenset() if seal is None or seal.open else seal.names
    for name, field in form.questions.items():
        if name in shut:
            yield Line(field.label.say(lang), "", "sealed")
        elif field.seal == "S2" and name in answers and not sensitive:
            yield Line(field.label.say(lang), "", "reason")
        elif files.get(name):
            yield Line(field.label.say(lang), "", files=files[name])
        elif name in answers:
            for said in form.describe({name: answers[name]}, lang, offered):
                yield Line(said.label, said.value)


# --- opening ---------------------------------------------------------------------------------


def open_record(person: Person, submission_id: int, reason: str, lang: str = "zh") -> None:
    """Open a submission's sealed answers to this person for a while. Raises Invalid, NotFound, Forbidden."""
    said = _said(reason, lang)
    seen = record(person, submission_id)
    if seen.seal is None or seen.seal.ask != "reason":
        raise Forbidden("sealed", NOT_SHOWN, case=seen.case_id)
    with commands.work_on(Actor(person.id, "desk")) as work:
        case = work.lock(seen.case_id)
        _write(work, case, "reason", work.now + LASTS, {"submission": seen.id, **_what(seen.seal)}, said)


def for_task(person: Person, task_id: int, seal: Seal) -> Seal:
    """Open what somebody's own task needs; recorded like every opening, with the task as its reason."""
    with commands.work_on(access.at_task(db.session(), person, task_id)) as work:
        return open_in(work, work.lock_of_task(task_id), task_id, seal)


def open_in(work: Work, case: OpenCase, task_id: int, seal: Seal) -> Seal:
    """The same within a command that already holds the case."""
    until = work.now + LASTS
    _write(work, case, "task", until, {"submission": seal.record, **_what(seal)}, task_id=task_id)
    return Seal(seal.record, seal.names, open=True, until=until, ask="reason")


def open_case(person: Person, case_id: int, reason: str, lang: str = "zh") -> None:
    """Open a case to an auditor for a while: S2, and the case itself where it is sealed. Raises Invalid, NotFound."""
    may_ask(person, case_id)
    said = _said(reason, lang)
    with commands.work_on(Actor(person.id, "audit")) as work:
        case = work.lock(case_id)
        _write(work, case, "reason", work.now + LASTS, {"submission": None}, said)


def may_ask(person: Person, case_id: int) -> None:
    """Nothing, where a reason opens the case to this person. Raises NotFound elsewhere: nothing is asked there."""
    if not Seals(db.session(), person, case_id).audits:
        raise NotFound("no_case", access.NOTHING_HERE)


def break_glass(
    person: Person,
    number: str,
    reason: str,
    *,
    proven: bool,
    confirm: Callable[[], bool] | None = None,
    lang: str = "zh",
) -> int:
    """Open everything in a case to a supervisor for four hours; returns the case.

    `proven`: the person gave their password again just now; `confirm` asks for their second factor, once, when all
    else is right; there is none for whoever has not set one up, and the record says which it was. Whoever stands above them is told and
    has to say whether it was right. Raises Invalid, with a message for each field.
    """
    session, case_id = db.session(), cases.id_of(number)
    role = _breaks_as(person, access.case_resource(session, case_id)) if case_id else None
    wrong = {
        "number": NO_SUCH_CASE if role is None else None,
        "reason": _wrong(reason),
        "password": None if proven else NOT_PROVEN,
    }
    if confirm is not None and not any(wrong.values()):
        wrong["code"] = None if confirm() else NOT_CONFIRMED
    if case_id is None or role is None or any(wrong.values()):
        fields = {name: text for name, text in wrong.items() if text is not None}
        raise Invalid("glass", next(iter(fields.values())), {name: text.say(lang) for name, text in fields.items()})
    with commands.work_on(Actor(person.id, "supervisor")) as work:
        case = work.lock(case_id)
        reviewer = _reviewer(work, case, role)
        until = work.now + GLASS_LASTS
        what = {"submission": None, "factors": ["password"] if confirm is None else ["password", "code"]}
        read_id = _write(work, case, "glass", until, what, reason.strip(), reviewer=reviewer)
        notices.put(work, case.id, "glass_broken", reviewer[0], f"glass:{read_id}", {"read_id": read_id}, reviewer[1])
    log.warning("glass broken", extra={"case": case_id, "user": person.id})
    return case_id


def _breaks_as(person: Person, resource: Resource) -> str | None:
    """The post by which this person may break the glass; None when there is none."""
    rules = access.policy(db.session())
    if not rules.can(person, "unseal", resource):
        return None
    alone = (post for post in person.posts if rules.can(Person(person.id, (post,)), "unseal", resource))
    return next(alone).role


def _reviewer(work: Work, case: OpenCase, role: str) -> tuple[str, int]:
    """Who reviews it: the role above, in its unit for this case; above the highest, the auditors."""
    roles = library(work.session, releases.current(work.session)).roles
    upper = roles[role]["escalates_to"] or AUDITOR
    return upper, units.resolve(work.session.connection(), roles[upper], case.path)


def _write(  # noqa: PLR0913 - an opening says who, what, why and until when
    work: Work, case: OpenCase, why: Why, until: datetime, what: dict[str, Any], reason: str = "", *,
    task_id: int | None = None, reviewer: tuple[str, int | None] = ("", None),
) -> int:  # fmt: skip
    """Record an opening in the case's chain and in its index; returns its id."""
    data = {**what, "why": why, "until": until.isoformat()}
    seq = case.chain.append("read", data, at=work.now, actor_id=work.actor.user_id, task_id=task_id,
                            secret={"reason": reason} if reason else None)  # fmt: skip
    values = {
        "case_id": case.id, "seq": seq, "user_id": work.actor.user_id, "submission_id": what["submission"], "why": why,
        "read_at": work.now, "until": until, "review_role": reviewer[0], "review_unit_id": reviewer[1], "verdict": "",
    }  # fmt: skip
    read_id: int = work.session.scalar(insert(READ).values(values).returning(READ.c.id))
    return read_id


def _what(seal: Seal) -> dict[str, Any]:
    return {"fields": sorted(seal.names)}


def _wrong(reason: str) -> Text | None:
    if not reason.strip():
        return NO_REASON
    return TOO_LONG if len(reason.strip()) > LONGEST_REASON else None


def _said(reason: str, lang: str) -> str:
    """The reason as it will be kept. Raises Invalid."""
    wrong = _wrong(reason)
    if wrong is not None:
        raise Invalid("reason", wrong, {"reason": wrong.say(lang)})
    return reason.strip()
