"""A paper's life: drawn up from the record, issued with a number, kept byte for byte, replaced, withdrawn, erased."""

from __future__ import annotations

import io
import threading
from datetime import UTC, datetime
from typing import Any

import docx
import pytest
import sqlalchemy as sa
from flask import current_app

from app import documents
from app.db import db, transaction
from app.errors import Forbidden, Invalid, NotFound, Refused, Stale
from app.services import corrections, tasks
from app.services.paperwork import _paper_rows, paper_pages, papers
from app.services.paperwork.paper_templates import digest
from tests.papers.petition import CHILD, PAPER, TRIED, WORDS, Petition
from tests.world import CASE

BLANK = documents.BLANK


def words(content: bytes) -> str:
    return documents.text_of(documents.blocks_of(content))


# --- what it says -----------------------------------------------------------------------------


def test_it_says_what_is_on_record(petition: Petition) -> None:
    text = words(petition.file(petition.draft()))
    assert f"未成年人：{CHILD}，女，年龄或出生日期：9岁" in text
    assert "就读于红柳滩小学" in text
    assert f"三、已经采取的干预措施。{TRIED}" in text
    assert "一、申请事由。拒不履行六个月以上致生活无着。" in text
    assert f"五、未成年人本人的意见。{WORDS}" in text
    assert "系未成年人的父亲" in text


def test_the_evidence_list_is_built_from_the_record_in_its_order(petition: Petition) -> None:
    paper = petition.draft()
    evidence, spells = petition.evidence(paper), petition.evidence(paper, 1)
    assert evidence[0] == ["序号", "证据名称", "形成日期", "文号或记录号", "证明事项", "页码"]
    assert [row[0] for row in evidence[1:]] == [str(number) for number in range(1, len(evidence))]
    assert [row[1] for row in evidence[1:]] == ["履职观察", "履职观察", "会商记录", "奶奶的书面陈述"]
    assert [row[2] for row in evidence[1:3]] == ["2026-01-05", "2026-02-25"]
    assert all(" 第" in row[3] for row in evidence[1:4])
    assert spells[1] == ["1", "2026-01-06", "2026-03-01", "未履行"]


def test_what_is_missing_is_a_blank_and_is_listed(petition: Petition) -> None:
    paper = petition.draft()
    assert f"依法指定{BLANK}为{CHILD}的监护人" in words(petition.file(paper))
    gaps = {gap.name for gap in paper_pages.page(petition.clerk, paper).gaps}
    assert {"proposed_guardian", "court", "respondent"} <= gaps
    assert not gaps & {"child_name", "number", "paper_date", "injury_result", "injury_body"}


def test_what_was_typed_in_the_form_at_hand_counts(petition: Petition) -> None:
    tasks.save_draft(petition.clerk, petition.task, {"court": "甘州区人民法院", "respondent": str(petition.guardian)})
    assert "甘州区人民法院" in words(petition.file(petition.draft()))


def test_a_gap_is_filled_by_hand_and_what_is_on_record_is_not(petition: Petition) -> None:
    paper = petition.draft()
    papers.fill(petition.clerk, paper, {"court": "甘州区人民法院", "child_name": "别的孩子"})
    text = words(petition.file(paper))
    assert "甘州区人民法院" in text
    assert "别的孩子" not in text
    papers.renew(petition.clerk, paper)
    assert "甘州区人民法院" in words(petition.file(paper))


def test_a_correction_stands_in_the_paper_once(petition: Petition) -> None:
    before = petition.evidence(petition.draft())
    (task,) = petition.closed("t1")
    answers = petition.world.latest("F26") | {"tried": "劝诫三次，训诫一次。"}
    corrections.correct(petition.clerk, task["id"], petition.sent("F26")["id"], answers, "次数写错了")
    paper = petition.draft()
    assert "三、已经采取的干预措施。劝诫三次，训诫一次。" in words(petition.file(paper))
    assert [row[:3] for row in petition.evidence(paper)] == [row[:3] for row in before]


HOSTILE = (
    "{{ 7*7 }}", "{% for x in y %}", "{#", "#eval(\"1+1\")", "#import \"/etc/passwd\": *", "$x^2$", "*粗* _斜_ `代码`", "<w:b/>&amp;",
    "\\ #panic() ]", "= 标题", "@label", "'\"“”",
)  # fmt: skip


def test_what_people_wrote_is_never_a_command(either_world: Any) -> None:
    name = "".join(HOSTILE)
    petition = Petition(either_world, name)
    paper = petition.draft()
    content = petition.file(paper)
    for piece in HOSTILE:
        assert piece in words(content)
    assert "49" not in words(content)
    papers.issue(petition.clerk, paper, blanks=True)
    assert documents.sheets(documents.blocks_of(petition.file(paper))) >= 3


# --- what is sealed ---------------------------------------------------------------------------


def test_a_sealed_answer_is_opened_for_ones_own_task_and_on_record(petition: Petition) -> None:
    before = len(petition.reads())
    paper = petition.draft()
    reads = petition.reads()[before:]
    assert [(read["why"], read["user_id"]) for read in reads] == [("task", petition.clerk.id)]
    assert petition.row(paper)["rests_on"] == [reads[0]["submission_id"]]


def test_without_a_task_of_ones_own_it_stays_shut_and_is_named(petition: Petition) -> None:
    before = len(petition.reads())
    paper = petition.draft(task=0)
    assert WORDS not in words(petition.file(paper))
    (gap,) = [gap for gap in paper_pages.page(petition.clerk, paper).gaps if gap.name == "child_words"]
    assert gap.seal is not None
    assert gap.seal.ask == "reason"
    assert len(petition.reads()) == before
    assert petition.row(paper)["rests_on"] == []


def test_a_paper_that_does_not_need_it_never_has_it(petition: Petition) -> None:
    paper = petition.draft("township-notice")
    assert WORDS not in words(petition.file(paper))
    assert petition.row(paper)["rests_on"] == []


def test_who_may_not_read_what_it_rests_on_may_not_read_it(petition: Petition) -> None:
    lead = petition.person("county_lead", "620702-civil_affairs")
    paper, plain = petition.draft(), petition.draft("township-notice")
    assert CHILD in words(petition.file(plain, person=lead))
    for form in ("docx", "pdf"):
        with pytest.raises(Forbidden, match="sealed"):
            petition.file(paper, form, lead)
    with pytest.raises(Forbidden, match="sealed"):
        paper_pages.picture(lead, paper, 1)
    page = paper_pages.page(lead, paper)
    assert (page.open, page.gaps, page.sheets, page.may) == (False, (), 0, frozenset())
    assert page.locks == tuple(petition.row(paper)["rests_on"])
    with pytest.raises(Forbidden):
        papers.issue(lead, paper, blanks=True)


def test_strangers_do_not_hear_of_it(petition: Petition) -> None:
    paper = petition.draft()
    papers.issue(petition.clerk, paper, blanks=True)
    stranger = petition.person("class_teacher", "620702101-education")
    for ask in (
        lambda: paper_pages.of_case(stranger, petition.case), lambda: paper_pages.page(stranger, paper),
        lambda: paper_pages.file(stranger, paper, "pdf"), lambda: paper_pages.picture(stranger, paper, 1),
        lambda: papers.draft(stranger, petition.case, "petition"), lambda: papers.issue(stranger, paper, blanks=True),
        lambda: papers.withdraw(stranger, paper, "不要了"), lambda: papers.revise(stranger, paper), lambda: papers.drop(stranger, paper),
    ):  # fmt: skip
        with pytest.raises(NotFound):
            ask()


def test_another_unit_reads_but_does_not_issue(petition: Petition) -> None:
    paper = petition.draft("township-notice")
    village = petition.person("village_worker", "620702101201")
    with pytest.raises(Forbidden):
        papers.issue(village, paper, blanks=True)
    assert petition.row(paper)["status"] == "draft"


# --- numbers ----------------------------------------------------------------------------------


def test_numbers_run_by_unit_kind_and_year(petition: Petition) -> None:
    def numbers(kind: str, count: int) -> list[str]:
        return [papers.issue(petition.clerk, petition.draft(kind), blanks=True) for _ in range(count)]

    assert numbers("petition", 2) == ["护申字〔2026〕1号", "护申字〔2026〕2号"]
    assert numbers("township-notice", 1) == ["告知字〔2026〕1号"]
    assert numbers("petition", 1) == ["护申字〔2026〕3号"]


def test_the_year_is_that_of_the_law_s_zone(petition: Petition) -> None:
    petition.world.honest = False  # the clock jumps over deadlines that nobody lets fire
    paper = petition.draft("township-notice")
    petition.world.move(datetime(2026, 12, 31, 16, 30, tzinfo=UTC))
    assert papers.issue(petition.clerk, paper, blanks=True) == "告知字〔2027〕1号"
    assert "2027年1月1日" in words(petition.file(paper))


def test_blanks_are_confirmed_first(petition: Petition) -> None:
    paper = petition.draft()
    with pytest.raises(Invalid) as refused:
        papers.issue(petition.clerk, paper)
    assert "blanks" in refused.value.fields
    assert petition.row(paper)["ordinal"] is None


def test_a_failed_issue_leaves_no_gap(petition: Petition, monkeypatch: pytest.MonkeyPatch) -> None:
    paper = petition.draft()
    real = papers._keep_issued

    def stumbles(*given: Any) -> None:
        real(*given)
        raise Refused("power", papers.NOT_ISSUED)

    monkeypatch.setattr(papers, "_keep_issued", stumbles)
    with pytest.raises(Refused, match="power"):
        papers.issue(petition.clerk, paper, blanks=True)
    monkeypatch.setattr(papers, "_keep_issued", real)
    assert petition.row(paper)["status"] == "draft"
    assert papers.issue(petition.clerk, paper, blanks=True) == "护申字〔2026〕1号"


def issue_at_once(petition: Petition, drafts: list[int]) -> list[str]:
    """Issue all of them from a thread each, starting together."""
    app, start, numbers = current_app._get_current_object(), threading.Barrier(len(drafts)), []

    def run(paper: int) -> None:
        with app.app_context():
            start.wait()
            numbers.append(papers.issue(petition.clerk, paper, blanks=True))
            db.session.remove()

    threads = [threading.Thread(target=run, args=(paper,)) for paper in drafts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(numbers)


def test_two_who_issue_at_once_get_two_numbers_in_a_row(petition: Petition) -> None:
    other = Petition(petition.world, "林小麦")
    drafts = [petition.draft(), other.draft(), petition.draft(), other.draft()]
    db.session.rollback()
    assert issue_at_once(petition, drafts) == [f"护申字〔2026〕{number}号" for number in (1, 2, 3, 4)]
    said = {
        number
        for paper in drafts
        for number in ("1", "2", "3", "4")
        if f"〔2026〕{number}号" in words(petition.file(paper))
    }
    assert said == {"1", "2", "3", "4"}
    petition.world.case = petition.case


def test_the_check_would_notice_numbers_from_a_count(petition: Petition, monkeypatch: pytest.MonkeyPatch) -> None:
    """The broken twin: numbers counted before the lock collide."""
    guess = papers._guess

    def counted(work: Any, row: Any) -> int:
        return files[row.id].ordinal

    drafts, files = [petition.draft(), petition.draft()], {}
    for paper in drafts:
        row = _paper_rows.read(petition.clerk, paper)
        files[paper] = guess(row)
    monkeypatch.setattr(papers, "_next_number", counted)
    papers.issue(petition.clerk, drafts[0], blanks=True)
    with pytest.raises(sa.exc.IntegrityError):
        papers.issue(petition.clerk, drafts[1], blanks=True)


# --- what is kept -----------------------------------------------------------------------------


def test_what_was_issued_is_kept_byte_for_byte_and_stands_in_the_chain(petition: Petition) -> None:
    paper = petition.draft()
    number = papers.issue(petition.clerk, paper, blanks=True)
    (event,) = petition.world.events("paper_issued")
    for form in ("docx", "pdf"):
        once, again = petition.file(paper, form), petition.file(paper, form)
        assert once == again
        assert event["data"][form] == digest(once)
    assert event["data"]["number"] == number
    assert number in words(petition.file(paper))
    assert "签发" not in str(event)
    assert CHILD not in str(event)
    read = petition.world.events("paper_read")
    assert [one["data"]["format"] for one in read] == ["docx", "docx", "pdf", "pdf", "docx"]
    assert all(one["actor"] == petition.clerk.id for one in read)


def test_an_issued_paper_does_not_follow_the_record(petition: Petition) -> None:
    paper = petition.draft()
    papers.issue(petition.clerk, paper, blanks=True)
    before = petition.file(paper)
    for change in (lambda: papers.renew(petition.clerk, paper), lambda: papers.fill(petition.clerk, paper, {}),
                   lambda: papers.drop(petition.clerk, paper), lambda: papers.issue(petition.clerk, paper, blanks=True)):  # fmt: skip
        with pytest.raises(Stale):
            change()
    assert petition.file(paper) == before


def test_it_lies_sealed(petition: Petition) -> None:
    paper = petition.draft()
    papers.issue(petition.clerk, paper, blanks=True)
    row = petition.row(paper)
    for column in ("docx", "pdf", "secret"):
        for told in (b"PK\x03\x04", b"%PDF", CHILD.encode(), WORDS.encode()):
            assert told not in bytes(row[column])


def test_moved_bytes_do_not_open(petition: Petition) -> None:
    one, other = petition.draft(), petition.draft("township-notice")
    for paper in (one, other):
        papers.issue(petition.clerk, paper, blanks=True)
    with transaction() as session:
        session.execute(sa.update(PAPER).where(PAPER.c.id == other).values(docx=petition.row(one)["docx"]))
    with pytest.raises(Refused, match="seal_broken"):
        petition.file(other)


def test_a_new_version_replaces_and_the_former_stays(petition: Petition) -> None:
    first = petition.draft()
    papers.issue(petition.clerk, first, blanks=True)
    before = petition.file(first)
    second = papers.revise(petition.clerk, first)
    assert petition.row(first)["status"] == "issued"
    number = papers.issue(petition.clerk, second, blanks=True)
    assert number == "护申字〔2026〕2号"
    assert (petition.row(first)["status"], petition.row(second)["version"]) == ("replaced", 2)
    assert petition.file(first) == before
    assert paper_pages.page(petition.clerk, first).newer.number == number  # type: ignore[union-attr]
    assert paper_pages.page(petition.clerk, second).former.id == first  # type: ignore[union-attr]


def test_withdrawing_takes_a_reason_and_keeps_number_and_bytes(petition: Petition) -> None:
    paper = petition.draft()
    papers.issue(petition.clerk, paper, blanks=True)
    before = petition.file(paper, "pdf")
    with pytest.raises(Invalid):
        papers.withdraw(petition.clerk, paper, "  ")
    papers.withdraw(petition.clerk, paper, "法院要求另写")
    page = paper_pages.page(petition.clerk, paper)
    assert (page.line.status, page.line.number, page.withdrawn) == ("withdrawn", "护申字〔2026〕1号", "法院要求另写")
    assert petition.file(paper, "pdf") == before
    with pytest.raises(Stale):
        papers.withdraw(petition.clerk, paper, "再撤一次")
    assert papers.issue(petition.clerk, petition.draft(), blanks=True) == "护申字〔2026〕2号"


def test_erasing_the_case_s_key_takes_the_paper_with_it(petition: Petition) -> None:
    petition.world.honest = False  # the rest of the world is not looked at without its key
    paper = petition.draft()
    papers.issue(petition.clerk, paper, blanks=True)
    with transaction() as session:
        session.execute(sa.update(CASE).where(CASE.c.id == petition.case).values(wrapped_key=None))
    for form in ("docx", "pdf"):
        with pytest.raises(Refused, match="erased"):
            petition.file(paper, form)
    page = paper_pages.page(petition.clerk, paper)
    assert (page.erased, page.open, page.gaps) == (True, False, ())


def test_a_character_that_cannot_be_printed_is_told_before_a_number_is_given(either_world: Any) -> None:
    petition = Petition(either_world, "林𰻝")
    paper = petition.draft()
    assert paper_pages.page(petition.clerk, paper).unprintable == "𰻝"
    with pytest.raises(Refused, match="unprintable"):
        papers.issue(petition.clerk, paper, blanks=True)
    assert petition.row(paper)["ordinal"] is None
    assert "林𰻝" in words(petition.file(paper))


def test_word_opens_it(petition: Petition) -> None:
    document = docx.Document(io.BytesIO(petition.file(petition.draft())))
    section = document.sections[0]
    assert (round(section.page_width.mm), round(section.page_height.mm)) == (210, 297)
    assert [
        round(side.mm)
        for side in (section.top_margin, section.bottom_margin, section.left_margin, section.right_margin)
    ] == [37, 35, 28, 26]
    assert len(document.tables) == 2
