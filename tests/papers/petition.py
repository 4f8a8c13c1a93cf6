"""A child's case that has come to the petition, and those who have to do with its papers."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from app import documents
from app.db import db, table, transaction
from app.models import Paper, SealedRead, User
from app.rules.access import Person
from app.services import people, tasks
from app.services.paperwork import paper_pages, papers
from tests.process.county import SUBMISSION
from tests.world import TASK, World

PAPER, READ, USER = table(Paper), table(SealedRead), table(User)
PROCESS = "revocation-petition"
CHILD, WORDS = "林小禾", "我想跟奶奶住。"
TRIED = "村委会劝诫两次，派出所训诫一次。"


class Petition:
    """The petition of one child, up to the filing; `task` is the filing, taken by the legal officer `clerk`."""

    def __init__(self, world: World, child: str = CHILD) -> None:
        self.world = world
        self.case = world.child(name=child, school="红柳滩小学")
        self.guardian = world.guardians()[0]
        world.start("petition_started", guardian_id=self.guardian, ground="g2")
        self._watch()
        world.send(
            "t1",
            PROCESS,
            petition_decision="petition",
            grounds=["g2"],
            tried=TRIED,
            child_words=WORDS,
            reason="六个部门一致。",
        )
        self._held_by("county_worker", "620702-civil_affairs")
        world.send("t2", PROCESS, applicant_kind="civil")
        world.send("t3", PROCESS, items=[{"kind": "other", "ref": "奶奶的书面陈述"}])
        self.task = world.open(PROCESS, "t4")["id"]
        self.clerk = self.person("county_legal", "620702-civil_affairs")
        tasks.claim(self.clerk, self.task)

    def _watch(self) -> None:
        """Two observations, a quarter apart: the father does not look after the child."""
        for day in ("2026-01-05", "2026-02-25"):
            self.world.arrive("performance_changed", guardian=self.guardian, observed_on=day, state="fails", source="visit",
                              refusal_known="yes", livelihood_lost="yes")  # fmt: skip

    def _held_by(self, role: str, unit: str) -> None:
        """The conference was written down by somebody else than the clerk, who would otherwise know it by heart."""
        with transaction() as session:
            author = self.person(role, unit).id
            session.execute(sa.update(SUBMISSION).where(SUBMISSION.c.form == "F26").values(user_id=author))

    def person(self, role: str, unit: str) -> Person:
        """Whoever holds that post."""
        user = self.world.rows(sa.select(USER.c.id).where(USER.c.username == f"{role}.{unit}"))[0]["id"]
        return people.person(db.session(), user)

    def draft(self, kind: str = "petition", task: int | None = None) -> int:
        """A draft, for the clerk's own task unless another is given."""
        return papers.draft(self.clerk, self.case, kind, self.task if task is None else task or None)

    def row(self, paper: int) -> dict[str, Any]:
        """A paper's row."""
        return self.world.rows(sa.select(PAPER).where(PAPER.c.id == paper))[0]

    def file(self, paper: int, form: str = "docx", person: Person | None = None) -> bytes:
        """A paper's file, as somebody downloads it."""
        return paper_pages.file(person or self.clerk, paper, form).content

    def reads(self) -> list[dict[str, Any]]:
        """Openings of what is sealed."""
        return self.world.rows(sa.select(READ).where(READ.c.case_id == self.case).order_by(READ.c.id))

    def evidence(self, paper: int, table: int = 0) -> list[list[str]]:
        """The rows of one of the paper's tables: first the evidence list, then the clock's spells."""
        tables = [one for one in documents.blocks_of(self.file(paper)) if isinstance(one, documents.Table)]
        return [["".join(block.text for block in cell) for cell in row] for row in tables[table].rows]

    def closed(self, element: str) -> list[dict[str, Any]]:
        """Tasks of the petition that are done."""
        return self.world.rows(sa.select(TASK).where(TASK.c.element == element, TASK.c.status == "done"))

    def sent(self, form: str) -> dict[str, Any]:
        """The newest submission of a form."""
        return self.world.rows(sa.select(SUBMISSION).where(SUBMISSION.c.form == form).order_by(SUBMISSION.c.id.desc()))[
            0
        ]
