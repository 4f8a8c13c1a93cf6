"""A paper as its services work on it: its row, the values opened, the template's use of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app import documents
from app.db import Row, db, table
from app.errors import Forbidden, NotFound
from app.models import Case, Child, Paper, Submission
from app.rules.access import SYSTEM_POSTS, Person
from app.services import _seal, access
from app.services._seals import Seals
from app.services._work import OpenCase, Work
from app.services.library import library
from app.services.paperwork import paper_templates
from app.services.paperwork._paper_facts import Wanted, paper_number
from app.text import Text

PAPER, CASE, CHILD, SUBMISSION = table(Paper), table(Case), table(Child), table(Submission)
SEALED_IN = Text(
    "这份文书里有封存的内容。请先打开它依据的记录，说明理由，再来看文书。",
    "This paper holds sealed content. Open the records that it rests on, giving a reason, then come back.",
)
NO_UNIT = Text("你的岗位没有制发文书的单位。", "None of your posts is in a unit that issues papers.")


def secret_place(case_id: int, kind: str, drafted_at: datetime, column: str = "secret") -> str:
    """Where a sealed part of a paper belongs; it opens nowhere else."""
    return f"paper.{column}:{case_id}:{kind}:{drafted_at.isoformat()}"


def case_row(session: Session, case_id: int) -> Row:
    """A case's row with the child's sealed part, as registers are read from it."""
    query = select(CASE, CHILD.c.secret.label("child_secret")).outerjoin(CHILD, CHILD.c.case_id == CASE.c.id)
    row = session.execute(query.where(CASE.c.id == case_id)).mappings().one()
    return {**row, "case_id": case_id}


def may_draw(session: Session, person: Person, case_id: int) -> bool:
    """Whether this person may draw up papers in the case: a child's, not erased, and its S2 open to them."""
    rules, resource = access.policy(session), access.case_resource(session, case_id)
    whole = session.scalar(select(CASE.c.wrapped_key.is_not(None)).where(CASE.c.id == case_id))
    sensitive = rules.can(person, "read", resource, "S2")
    registers = rules.can(person, "register", resource)
    return bool(whole and resource.kind == "case" and registers and sensitive and not sensitive.needs)


def wanted_of(session: Session, person: Person, paper: Row, now: datetime) -> Wanted:
    """What Facts reads the values of a paper by: its case, kind, unit, task and release."""
    books = library(session, paper["release_id"])
    sealed = frozenset(books.papers.get(paper["kind"], {}).get("sealed", ()))
    row = case_row(session, paper["case_id"])
    return Wanted(person, row, paper["unit_id"], paper["task_id"], sealed, books, now)


def of_unit(person: Person, task: Row | None) -> int:
    """The unit that issues: the task's, where the person has a post in it, else that of their first post. Raises Forbidden."""
    held = [post.unit_id for post in person.posts if post.role not in SYSTEM_POSTS and post.unit_id is not None]
    if task is not None and task["unit_id"] in held:
        return int(task["unit_id"])
    if not held:
        raise Forbidden("no_unit", NO_UNIT)
    return held[0]


def stored(work: Work, case: OpenCase, values: Mapping[str, Any], content: Mapping[str, Any]) -> int:
    """Keep a new draft; returns its id."""
    place = secret_place(case.id, values["kind"], work.now)
    row = {
        "case_id": case.id, "status": "draft", "word": "", "drafted_at": work.now, "secret": case.key.seal(dict(content), place), **values,
    }  # fmt: skip
    paper_id: int = work.session.scalar(insert(PAPER).values(row).returning(PAPER.c.id))
    return paper_id


@dataclass(frozen=True)
class PaperRow:
    """One paper, for one person: what is sealed in it is opened only when it is asked for."""

    session: Session
    person: Person
    row: Row

    def __getattr__(self, name: str) -> Any:
        """A column of the paper."""
        try:
            return self.row[name]
        except KeyError:
            raise AttributeError(name) from None

    @cached_property
    def content(self) -> dict[str, Any]:
        """The values from the record, and those typed by hand."""
        place = secret_place(self.row["case_id"], self.row["kind"], self.row["drafted_at"])
        opened: dict[str, Any] = _seal.open_key(self.row["wrapped_key"]).open(self.row["secret"], place)
        return opened

    @property
    def values(self) -> dict[str, Any]:
        """What the paper says, by field."""
        found: dict[str, Any] = {**self.content["typed"], **self.content["values"]}
        return found

    @cached_property
    def template_bytes(self) -> bytes:
        """The template that it is made from."""
        return paper_templates.by_hash(self.session, self.row["kind"], self.row["template"])

    @cached_property
    def used(self) -> documents.Uses:
        """The fields of its template."""
        return documents.uses(self.template_bytes)

    @property
    def gaps(self) -> tuple[str, ...]:
        """The fields that leave a blank."""
        return documents.gaps(self.used, self.values)

    @property
    def fillable(self) -> tuple[str, ...]:
        """The fields that are not on record, and can be typed in."""
        missing = documents.gaps(self.used, self.content["values"])
        return tuple(name for name in missing if not documents.FIELDS[name].columns)

    def word(self, more: Mapping[str, str]) -> bytes:
        """The paper as a Word document, with what only the issue knows."""
        return documents.fill(self.template_bytes, self.used, {**self.values, **more})

    @cached_property
    def kind_row(self) -> dict[str, Any]:
        """Its kind, of the release under which it was drawn up."""
        found: dict[str, Any] = library(self.session, self.row["release_id"]).papers.get(self.row["kind"], {})
        return found

    def wanted(self, now: datetime) -> Wanted:
        """What its values are read by."""
        return wanted_of(self.session, self.person, self.row, now)

    @property
    def word_of_kind(self) -> str:
        """The word that stands before its number."""
        return str(self.kind_row.get("word", self.row["kind"]))

    @property
    def name(self) -> Text:
        """What it is called."""
        return library(self.session, self.row["release_id"]).paper_name(self.row["kind"])

    @property
    def number(self) -> str:
        """Its number, once it has one."""
        return paper_number(self.row)

    def numbered(self, year: int, ordinal: int) -> str:
        """The number that it would have."""
        return paper_number({"word": self.word_of_kind, "year": year, "ordinal": ordinal})

    @cached_property
    def locks(self) -> tuple[int, ...]:
        """The records with sealed content that it holds and that are shut to this person; its author knows it already."""
        if self.row["drafted_by"] == self.person.id or not self.row["rests_on"]:
            return ()
        seals = Seals(self.session, self.person, self.row["case_id"])
        query = select(SUBMISSION.c.id, SUBMISSION.c.user_id).where(SUBMISSION.c.id.in_(self.row["rests_on"]))
        found = {row.id: seals.of(row.id, row.user_id, frozenset(("sealed",))) for row in self.session.execute(query)}
        return tuple(sorted(record for record, seal in found.items() if seal is None or not seal.open))

    def require_open(self) -> None:
        """Nothing, where all of it is open to this person. Raises Forbidden."""
        if self.locks:
            raise Forbidden("sealed", SEALED_IN, paper=self.row["id"])


def read(person: Person, paper_id: int) -> PaperRow:
    """A paper whose case this person may see and read (S2). Raises NotFound, Forbidden, NeedsReason."""
    session = db.session()
    query = select(PAPER, CASE.c.wrapped_key, CASE.c.opened_at).join(CASE, CASE.c.id == PAPER.c.case_id)
    row = session.execute(query.where(PAPER.c.id == paper_id)).mappings().first()
    if row is None:
        raise NotFound("no_paper", access.NOTHING_HERE)
    resource = access.case_resource(session, row["case_id"])
    access.require(session, person, "see", resource)
    access.require(session, person, "read", resource, "S2")
    return PaperRow(session, person, dict(row))
