"""Official papers of a case: drawn up from the record, filled, issued with a number, replaced, withdrawn.

A number is given in the transaction that issues the paper, so that a unit's numbers of a kind and year have no
gaps. What was issued is kept byte for byte under the case's key, its hashes in the case's chain; every file
handed out is an event. Source: ADR 0017.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app import documents
from app.clock import LAW_ZONE
from app.db import changed, db, settings, table
from app.errors import Forbidden, Invalid, NotFound, Refused, Stale
from app.models import Paper, PaperNumber, Task
from app.rules.access import Person
from app.services import access, commands, practice, reading, releases
from app.services._work import CHANGED, Actor, OpenCase, Work
from app.services.library import library
from app.services.paperwork import paper_templates
from app.services.paperwork._paper_facts import Facts, Wanted, day
from app.services.paperwork._paper_rows import PaperRow, may_draw, of_unit, read, secret_place, stored, wanted_of
from app.services.paperwork.paper_templates import digest
from app.services.views import Seal
from app.text import Text

PAPER, NUMBER, TASK = table(Paper), table(PaperNumber), table(Task)
LONGEST, LONGEST_REASON = 2000, 500
TRIES = 4
"""How often a number is guessed, so that nothing is typeset under the lock; then it is done there."""
BLANKS = Text("还有空着的地方。补上，或者确认要带着空白签发，再手写。",
              "There are blanks left. Fill them, or confirm that it is to be issued with blanks to be filled by pen.")  # fmt: skip
NOT_A_DRAFT = Text("这份文书已经不是草稿了。", "This paper is no longer a draft.")
NOT_ISSUED = Text("只有已经签发的文书能撤回或者换新稿。", "Only an issued paper can be withdrawn or replaced.")
NO_REASON = Text("请写清为什么撤回，500字以内。", "Say why it is withdrawn, within 500 characters.")
TOO_LONG = Text("请写在2000字以内。", "Keep it within 2000 characters.")
UNPRINTABLE = Text("有的字我们的字体里没有：{signs}。请下载 Word 稿，换上有这些字的字体打印。",
                   "Our fonts lack: {signs}. Download the Word draft and print it with a font that has them.")  # fmt: skip
NOT_YOUR_UNIT = Text("这份文书归起草的单位签发。", "This paper is for the unit that drew it up to issue.")


@dataclass(frozen=True, slots=True)
class _Files:
    """A paper as it goes out, and the number and day that it was made with."""

    ordinal: int
    issued_on: str
    docx: bytes
    pdf: bytes


class _Overtaken(Exception):
    """Somebody else took the number that was guessed."""


# --- drawing up -------------------------------------------------------------------------------


def draft(person: Person, case_id: int, kind: str, task_id: int | None = None, former_id: int | None = None) -> int:
    """Draw up a paper from the record as this person may read it; returns its id. Raises NotFound, Forbidden, Refused.

    For one's own task, sealed answers that the paper needs are opened and recorded like any opening for a task.
    """
    session = db.session()
    _may_draw(person, case_id)
    release_id = releases.current(session)
    if kind not in library(session, release_id).papers:
        raise NotFound("no_paper", access.NOTHING_HERE)
    version = 1
    if former_id is not None:
        version = read(person, former_id).version + 1
    with commands.work_on(access.at_task(session, person, task_id)) as work:
        case = work.lock(case_id)
        template, content = paper_templates.in_force(work.session, kind)
        paper = {
            "case_id": case_id, "task_id": task_id, "unit_id": of_unit(person, _task(work, case, task_id)), "kind": kind,
            "release_id": release_id, "template": template, "version": version, "former_id": former_id,
            "drafted_by": person.id,
        }  # fmt: skip
        values, rests_on = _values(work, case, wanted_of(work.session, person, paper, work.now), content)
        return stored(work, case, {**paper, "rests_on": rests_on}, {"values": values, "typed": {}})


def _may_draw(person: Person, case_id: int) -> None:
    access.require(db.session(), person, "see", access.case_resource(db.session(), case_id))
    if not may_draw(db.session(), person, case_id):
        raise Forbidden("not_yours", access.NOT_YOURS)


def _task(work: Work, case: OpenCase, task_id: int | None) -> Any:
    if task_id is None:
        return None
    query = select(TASK).where(TASK.c.id == task_id, TASK.c.case_id == case.id)
    found = work.session.execute(query).mappings().first()
    if found is None:
        raise NotFound("no_task", access.NOTHING_HERE)
    return found


def _values(work: Work, case: OpenCase, wanted: Wanted, content: bytes) -> tuple[dict[str, Any], list[int]]:
    """What is on record for a template's fields, and the submissions whose sealed answers are among it."""
    own = wanted.task_id if _is_own(work, wanted.person, wanted.task_id) else None

    def opens(seal: Seal) -> bool:
        if own is not None:
            reading.open_in(work, case, own, seal)
        return own is not None

    facts = Facts(work.session, wanted, opens)
    values = facts.values(sorted({name for name, _ in documents.uses(content)}))
    return values, sorted(facts.rests_on)


def _is_own(work: Work, person: Person, task_id: int | None) -> bool:
    """Whether the person does this open task, or stands in for who does, and so has what it needs opened."""
    status = work.session.scalar(select(TASK.c.status).where(TASK.c.id == task_id))
    if task_id is None or status != "open":
        return False
    resource = access.task_resource(work.session, task_id)
    if resource.assignee_id == person.id:
        return True
    rules = access.policy(work.session)
    return person.for_whom(resource) is not None and bool(rules.can(person, "read", resource, "S3"))


def renew(person: Person, paper_id: int) -> None:
    """Read the record again into a draft; what was typed by hand stays where there is still a gap."""
    row = _draft_of(person, paper_id)
    with commands.work_on(Actor(person.id, "desk")) as work:
        case = work.lock(row.case_id)
        values, rests_on = _values(work, case, row.wanted(work.now), row.template_bytes)
        _rewrite(work, case, row, {"values": values, "typed": row.content["typed"]}, rests_on)


def fill(person: Person, paper_id: int, typed: Mapping[str, str], lang: str = "zh") -> None:
    """Put in by hand what is not on record; what is on record stays as it is. Raises Invalid, NotFound, Forbidden."""
    row = _draft_of(person, paper_id)
    kept = {name: typed[name].strip() for name in row.fillable if typed.get(name, "").strip()}
    wrong = {name: TOO_LONG.say(lang) for name, text in kept.items() if len(text) > LONGEST}
    if wrong:
        raise Invalid("paper", TOO_LONG, wrong)
    with commands.work_on(Actor(person.id, "desk")) as work:
        case = work.lock(row.case_id)
        _rewrite(work, case, row, {**row.content, "typed": kept}, row.rests_on)


def _rewrite(work: Work, case: OpenCase, row: PaperRow, content: dict[str, Any], rests_on: list[int]) -> None:
    secret = case.key.seal(content, secret_place(row.case_id, row.kind, row.drafted_at))
    same = (PAPER.c.id == row.id, PAPER.c.status == "draft", PAPER.c.secret == row.secret)
    if not changed(work.session, update(PAPER).where(*same).values(secret=secret, rests_on=rests_on)):
        raise Stale("paper_changed", CHANGED, paper=row.id)


def drop(person: Person, paper_id: int) -> None:
    """Throw a draft away. Raises NotFound, Forbidden."""
    row = _draft_of(person, paper_id)
    with commands.work_on(Actor(person.id, "desk")) as work:
        work.lock(row.case_id)
        work.session.execute(delete(PAPER).where(PAPER.c.id == row.id, PAPER.c.status == "draft"))


def _draft_of(person: Person, paper_id: int) -> PaperRow:
    row = _own(person, paper_id)
    if row.status != "draft":
        raise Stale("not_a_draft", NOT_A_DRAFT, paper=paper_id)
    return row


def _own(person: Person, paper_id: int) -> PaperRow:
    """A paper that this person may change: of their unit, and its sealed facts open to them. Raises NotFound, Forbidden."""
    row = read(person, paper_id)
    _may_draw(person, row.case_id)
    if row.unit_id not in {post.unit_id for post in person.posts}:
        raise Forbidden("not_your_unit", NOT_YOUR_UNIT, paper=paper_id)
    row.require_open()
    return row


# --- issuing ----------------------------------------------------------------------------------


def issue(person: Person, paper_id: int, *, blanks: bool = False, lang: str = "zh") -> str:
    """Give the paper its number and keep it as it goes out; returns the number.

    `blanks`: the person confirmed that blanks are to be filled by pen. Raises Invalid, Stale, NotFound, Forbidden.
    """
    row = _draft_of(person, paper_id)
    if row.gaps and not blanks:
        raise Invalid("blanks", BLANKS, {"blanks": BLANKS.say(lang)})
    for attempt in range(TRIES):
        try:
            return _issue(person, row, _guess(row) if attempt < TRIES - 1 else None)
        except _Overtaken:
            continue
    raise Stale("paper_changed", CHANGED, paper=paper_id)


def _guess(row: PaperRow) -> _Files:
    """The paper made with the number that is probably next, before anything is locked."""
    session, now = db.session(), practice.now()
    where = (NUMBER.c.unit_id == row.unit_id, NUMBER.c.word == row.word_of_kind, NUMBER.c.year == _year(now))
    return _files(row, (session.scalar(select(NUMBER.c.last).where(*where)) or 0) + 1, now)


def _issue(person: Person, row: PaperRow, guessed: _Files | None) -> str:
    with commands.work_on(access.at_task(db.session(), person, row.task_id)) as work:
        case = work.lock(row.case_id)
        ordinal = _next_number(work, row)
        files = guessed or _files(row, ordinal, work.now)
        if (files.ordinal, files.issued_on) != (ordinal, day(_local(work.now).date())):
            raise _Overtaken
        number = row.numbered(_year(work.now), ordinal)
        case.chain.append("paper_issued", {
            "paper": row.id, "type": row.kind, "number": number, "version": row.version, "former": row.former_id,
            "template": row.template, "docx": digest(files.docx), "pdf": digest(files.pdf), "sealed": sorted(row.rests_on),
        }, at=work.now, actor_id=person.id, task_id=row.task_id)  # fmt: skip
        _keep_issued(work, case, row, files, person)
    return number


def _keep_issued(work: Work, case: OpenCase, row: PaperRow, files: _Files, person: Person) -> None:
    place = _places(row)
    values = {
        "status": "issued", "word": row.word_of_kind, "year": _year(work.now), "ordinal": files.ordinal,
        "docx": case.key.seal_bytes(files.docx, place("docx")), "pdf": case.key.seal_bytes(files.pdf, place("pdf")),
        "issued_at": work.now, "issued_by": person.id,
    }  # fmt: skip
    same = (PAPER.c.id == row.id, PAPER.c.status == "draft", PAPER.c.secret == row.secret)
    if not changed(work.session, update(PAPER).where(*same).values(values)):
        raise Stale("paper_changed", CHANGED, paper=row.id)
    if row.former_id is not None:
        former = (PAPER.c.id == row.former_id, PAPER.c.status == "issued")
        work.session.execute(update(PAPER).where(*former).values(status="replaced"))


def _places(row: PaperRow) -> Any:
    """Where each of a paper's files belongs; it opens nowhere else."""
    return lambda column: secret_place(row.case_id, row.kind, row.drafted_at, column)


def _next_number(work: Work, row: PaperRow) -> int:
    """The next number of the unit for this kind and year, held until this transaction ends, and given back if it fails."""
    dialect: Any = postgresql if work.connection.dialect.name == "postgresql" else sqlite
    first = dialect.insert(NUMBER).values(unit_id=row.unit_id, word=row.word_of_kind, year=_year(work.now), last=1)
    following = first.on_conflict_do_update(
        index_elements=[NUMBER.c.unit_id, NUMBER.c.word, NUMBER.c.year], set_={"last": NUMBER.c.last + 1}
    )
    number: int = work.session.scalar(following.returning(NUMBER.c.last))
    return number


def _files(row: PaperRow, ordinal: int, now: datetime) -> _Files:
    issued_on = day(_local(now).date())
    docx = documents.headed(row.word({"number": row.numbered(_year(now), ordinal), "paper_date": issued_on}), mark())
    blocks = documents.blocks_of(docx)
    if lacking := documents.unprintable(documents.text_of(blocks)):
        raise Refused("unprintable", Text(*(said.format(signs=lacking) for said in (UNPRINTABLE.zh, UNPRINTABLE.en))))
    pdf = documents.typeset(blocks, row.name.zh, row.values.get("unit", ""), now, mark=mark())
    return _Files(ordinal, issued_on, docx, pdf)


def mark() -> documents.Mark:
    """What stands across a paper of this installation: in practice it must not be taken for a real one."""
    return "练习" if settings().demo else ""


def _local(now: datetime) -> datetime:
    return now.astimezone(LAW_ZONE)


def _year(now: datetime) -> int:
    return _local(now).year


# --- afterwards -------------------------------------------------------------------------------


def withdraw(person: Person, paper_id: int, reason: str, lang: str = "zh") -> None:
    """Take an issued paper back; its number and bytes stay on record. Raises Invalid, Stale, NotFound, Forbidden."""
    said = reason.strip()
    if not 0 < len(said) <= LONGEST_REASON:
        raise Invalid("reason", NO_REASON, {"reason": NO_REASON.say(lang)})
    row = _own(person, paper_id)
    with commands.work_on(Actor(person.id, "desk")) as work:
        case = work.lock(row.case_id)
        data = {"paper": row.id, "type": row.kind, "number": row.number}
        seq = case.chain.append("paper_withdrawn", data, at=work.now, actor_id=person.id, secret={"reason": said})
        gone = update(PAPER).where(PAPER.c.id == row.id, PAPER.c.status.in_(("issued", "replaced")))
        if not changed(work.session, gone.values(status="withdrawn", withdrawn_seq=seq)):
            raise Stale("not_issued", NOT_ISSUED, paper=row.id)


def revise(person: Person, paper_id: int) -> int:
    """Draw the paper up anew from the record as it is now; the former stays in force until the new one is issued."""
    row = _own(person, paper_id)
    if row.status not in ("issued", "withdrawn"):
        raise Stale("not_issued", NOT_ISSUED, paper=paper_id)
    return draft(person, row.case_id, row.kind, row.task_id, row.id)
