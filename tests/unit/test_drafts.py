"""The life of a release: changed by some, approved by another, published once, never over somebody else's work."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import orjson
import pytest
import sqlalchemy as sa

from app import clock, create_app
from app.db import db, table, transaction
from app.errors import Forbidden, NotFound, Refused, Stale
from app.models import Release, ReleaseDraft, Unit
from app.rules.access import Person
from app.services import people, releases
from app.services.studio import comparing, draft_files, drafts
from tests.conftest import START, settings

PATH, DRAWING = "bpmn/deadlines.json", "bpmn/emergency-response.bpmn"
ONE_OF_EACH = (("yi", "policy"), ("er", "policy"), ("shen", "approver"), ("ji", "auditor"), ("guan", "admin"))


@dataclass
class Office:
    """Two who draw, one who approves, and others; the clock stands until it is moved."""

    move: object
    yi: Person
    er: Person
    shen: Person
    ji: Person
    guan: Person

    def later(self, **span: int) -> None:
        self.move(clock.now() + timedelta(**span))  # type: ignore[operator]


@pytest.fixture(scope="module")
def prepared(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A city's office with its people and a release in force, at rest."""
    folder = tmp_path_factory.mktemp("office")
    shutil.copy(sqlite_template, folder / "test.db")
    with clock.fixed(START):
        app = create_app(settings(f"sqlite:///{folder / 'test.db'}", folder))
        with app.app_context():
            releases.publish(releases.load())
            with transaction() as session:
                session.add(Unit(code="c", path="/620000/620700/", level="city", sector="civil_affairs",
                                 name_zh="市民政局", name_en="City civil affairs"))  # fmt: skip
            for name, role in ONE_OF_EACH:
                people.add_user(name, name, "*", [(role, "c")])
            db.session.remove()
            db.engine.dispose()
    return folder / "test.db"


@pytest.fixture
def office(prepared: Path, tmp_path: Path) -> Iterator[Office]:
    shutil.copy(prepared, tmp_path / "test.db")
    with clock.fixed(START + timedelta(hours=1)) as move:
        app = create_app(settings(f"sqlite:///{tmp_path / 'test.db'}", tmp_path))
        with app.app_context():
            yield Office(move, *(people.person(db.session(), people.id_of(name)) for name, _ in ONE_OF_EACH))
            db.session.remove()
            db.engine.dispose()


def shortened(person: Person, draft: int, value: str = "PT12H") -> bytes:
    """The deadlines of the draft with a shorter D03."""
    found = orjson.loads(draft_files.text(person, draft, PATH).content)
    next(row for row in found["deadlines"] if row["id"] == "D03")["rules"][1]["value"] = value
    return orjson.dumps(found)


def sent(office: Office, value: str = "PT12H") -> int:
    """A draft that is submitted."""
    draft = drafts.make(office.yi, "缩短出警期限")
    draft_files.save(office.yi, draft, PATH, shortened(office.yi, draft, value), 0)
    assert drafts.examine(office.yi, draft) == []
    drafts.submit(office.yi, draft, "省里要求")
    return draft


def state(draft: int) -> str:
    found = db.session.scalar(sa.select(table(ReleaseDraft).c.state).where(table(ReleaseDraft).c.id == draft))
    db.session.rollback()
    return str(found)


def in_force() -> int:
    return releases.in_force().id


def moves(person: Person, draft: int) -> list[str]:
    return [move.what for move in drafts.show(person, draft).moves][::-1]


def test_from_draft_to_release_by_two_people(office: Office) -> None:
    before, draft = in_force(), sent(office)
    assert in_force() == before
    drafts.approve(office.shen, draft)
    assert in_force() != before
    assert state(draft) == "published"
    (file,) = comparing.compared(office.shen, before, in_force()).files
    assert file.path == PATH
    assert file.changes
    assert moves(office.ji, draft) == ["made", "saved", "checked", "submitted", "approved", "published"]
    found = db.session.get_one(Release, in_force())
    assert found.hash == drafts.show(office.ji, draft).hash == releases.content_hash(releases.current_library().files)


def test_whoever_had_a_hand_in_it_does_not_approve_it(office: Office) -> None:
    """Also not with the right to approve, also not by one save; the broken twin is the stranger who may."""
    both = people.add_user("both", "both", "*", [("policy", "c"), ("approver", "c")])
    someone = people.person(db.session(), both)
    draft = drafts.make(office.yi, "缩短出警期限")
    version = draft_files.save(office.yi, draft, PATH, shortened(office.yi, draft), 0)
    draft_files.save(someone, draft, PATH, shortened(someone, draft, "PT6H"), version)
    drafts.examine(office.yi, draft)
    drafts.submit(office.yi, draft, "省里要求")
    with pytest.raises(Forbidden) as refused:
        drafts.approve(someone, draft)
    assert refused.value.code == "own_draft"
    assert "approve" not in drafts.show(someone, draft).may
    assert state(draft) == "submitted"
    drafts.approve(office.shen, draft)
    assert state(draft) == "published"


def test_rights(office: Office) -> None:
    draft = sent(office)
    for nobody in (office.yi, office.er, office.ji, office.guan):
        with pytest.raises(Forbidden):
            drafts.approve(nobody, draft)
        with pytest.raises(Forbidden):
            drafts.refuse(nobody, draft, "不行")
    for other in (office.shen, office.ji, office.guan):
        with pytest.raises(Forbidden):
            drafts.make(other, "改")
        with pytest.raises(Forbidden):
            draft_files.save(other, draft, PATH, b"{}", 0)
        with pytest.raises(Forbidden):
            drafts.withdraw(other, draft)
    with pytest.raises(Forbidden):
        drafts.show(office.guan, draft)
    with pytest.raises(Forbidden):
        draft_files.text(office.guan, draft, PATH)
    with pytest.raises(NotFound):
        drafts.show(office.yi, draft + 100)


def test_a_stale_save_writes_nothing_and_loses_nothing(office: Office) -> None:
    draft = drafts.make(office.yi, "缩短出警期限")
    first = shortened(office.yi, draft)
    assert draft_files.save(office.yi, draft, PATH, first, 0) == 1
    with pytest.raises(Stale):
        draft_files.save(office.er, draft, PATH, shortened(office.er, draft, "PT6H"), 0)
    assert draft_files.text(office.er, draft, PATH).content == first
    second = shortened(office.er, draft, "PT6H")
    assert draft_files.save(office.er, draft, PATH, second, 1) == 2
    assert draft_files.save(office.er, draft, PATH, second, 2) == 2, "the same again is no new text"
    assert draft_files.text(office.yi, draft, PATH, 1).content == first
    assert draft_files.save(office.yi, draft, PATH, None, 2) == 3
    assert not draft_files.text(office.yi, draft, PATH).changed
    assert [one.version for one in draft_files.history(office.ji, draft)] == [3, 2, 1]


def test_what_cannot_be_read_or_has_no_place_is_not_saved(office: Office) -> None:
    draft = drafts.make(office.yi, "改")
    for path, content in (
        (PATH, b"{"),
        (DRAWING, b"<no"),
        ("bpmn/../x.bpmn", b"<a/>"),
        ("app/x.py", b"1"),
        ("forms/x.json", b"{}"),
    ):
        with pytest.raises(Refused):
            draft_files.save(office.yi, draft, path, content, 0)
    assert draft_files.history(office.yi, draft) == []


def test_a_diagram_without_a_layout_gets_one_and_it_is_said(office: Office) -> None:
    draft = drafts.make(office.yi, "改")
    whole = draft_files.text(office.yi, draft, DRAWING).content
    assert draft_files.upload(office.yi, draft, "emergency-response.bpmn", whole) == ()
    assert draft_files.history(office.ji, draft) == [], "what needs nothing keeps its bytes"
    bare = re.sub(rb"<bpmndi:BPMNDiagram.*</bpmndi:BPMNDiagram>", b"", whole, flags=re.DOTALL)
    assert bare != whole
    said = draft_files.upload(office.yi, draft, "emergency-response.bpmn", bare)
    assert said
    assert b"BPMNShape" in draft_files.text(office.yi, draft, DRAWING).content
    with pytest.raises(Refused) as refused:
        draft_files.upload(office.yi, draft, "emergency-response.bpmn", b'<!DOCTYPE a [<!ENTITY b "c">]><a/>')
    assert "DOCTYPE" in refused.value.text.en
    assert [(row.id, row.files) for row in drafts.index(office.ji)] == [(draft, 1)]


def test_only_what_was_checked_is_submitted_and_only_that_is_approved(office: Office) -> None:
    draft = drafts.make(office.yi, "改")
    with pytest.raises(Refused, match="draft_empty"):
        drafts.submit(office.yi, draft, "说明")
    faulty = draft_files.text(office.yi, draft, DRAWING).content.replace(b'value="D03"', b'value="D99"')
    version = draft_files.save(office.yi, draft, DRAWING, faulty, 0)
    assert [problem.severity for problem in drafts.examine(office.yi, draft)] == ["error"]
    with pytest.raises(Refused, match="draft_unchecked"):
        drafts.submit(office.yi, draft, "说明")
    version = draft_files.save(office.yi, draft, DRAWING, faulty.replace(b'"D99"', b'"D03b"'), version)
    drafts.examine(office.yi, draft)
    draft_files.save(office.er, draft, PATH, shortened(office.er, draft), 0)
    with pytest.raises(Refused, match="draft_unchecked"):
        drafts.submit(office.yi, draft, "说明")
    drafts.examine(office.yi, draft)
    drafts.submit(office.yi, draft, "说明")
    with pytest.raises(Refused, match="draft_closed"):
        draft_files.save(office.yi, draft, DRAWING, faulty, version)
    with transaction() as session:  # somebody at the database, past every service
        session.execute(
            sa.text("UPDATE release_draft_file SET content = :c WHERE path = :p"), {"c": faulty, "p": DRAWING}
        )
    with pytest.raises(Refused, match="draft_differs"):
        drafts.approve(office.shen, draft)


def test_refused_with_a_reason_it_goes_back(office: Office) -> None:
    draft = sent(office)
    with pytest.raises(Refused, match="draft_reason"):
        drafts.refuse(office.shen, draft, " ")
    drafts.refuse(office.shen, draft, "依据没有写")
    assert state(draft) == "draft"
    assert drafts.show(office.yi, draft).moves[0].said == "依据没有写"
    draft_files.save(office.er, draft, PATH, shortened(office.er, draft, "PT8H"), 1)
    drafts.examine(office.er, draft)
    drafts.submit(office.er, draft, "补了依据")
    drafts.approve(office.shen, draft)
    assert state(draft) == "published"


def test_published_at_its_time_by_the_ticker_once(office: Office) -> None:
    before, draft = in_force(), sent(office)
    drafts.approve(office.shen, draft, clock.now() + timedelta(days=2))
    assert drafts.publish_due() == 0
    assert in_force() == before
    office.later(days=2, seconds=1)
    assert drafts.publish_due() == 1
    assert drafts.publish_due() == 0
    assert in_force() != before
    assert moves(office.ji, draft)[-2:] == ["approved", "published"]


def test_a_draft_taken_back_in_time_is_not_published(office: Office) -> None:
    before, draft = in_force(), sent(office)
    drafts.approve(office.shen, draft, clock.now() + timedelta(days=2))
    drafts.withdraw(office.er, draft)
    office.later(days=3)
    assert drafts.publish_due() == 0
    assert in_force() == before


def test_nobody_overwrites_a_release_that_came_between(office: Office) -> None:
    one, other, late = sent(office), sent(office, "PT6H"), sent(office, "PT4H")
    drafts.approve(office.shen, late, clock.now() + timedelta(days=1))
    office.later(minutes=1)
    drafts.approve(office.shen, one)
    with pytest.raises(Refused, match="draft_behind"):
        drafts.approve(office.shen, other)
    office.later(days=1)
    assert drafts.publish_due() == 0
    assert (state(late), moves(office.ji, late)[-1]) == ("draft", "overtaken")
    drafts.withdraw(office.yi, other)
    with pytest.raises(Refused, match="draft_conflict"):
        drafts.follow(office.yi, other)
    draft_files.save(office.yi, other, PATH, None, 1)
    drafts.follow(office.yi, other)
    assert shortened(office.yi, other) == draft_files.text(office.yi, other, PATH).content, "what came between holds"


def test_going_back_is_a_new_release_with_the_old_content(office: Office) -> None:
    first = in_force()
    drafts.approve(office.shen, sent(office))
    office.later(minutes=1)
    second, back = in_force(), drafts.make(office.yi, "退回原来的期限", first)
    drafts.examine(office.yi, back)
    drafts.submit(office.yi, back, "12小时做不到")
    drafts.approve(office.shen, back)
    assert in_force() not in (first, second)
    assert comparing.compared(office.yi, first, in_force()).files == ()
    assert db.session.get_one(Release, first).hash == db.session.get_one(Release, in_force()).hash
