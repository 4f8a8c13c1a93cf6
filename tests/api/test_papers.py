"""Papers by page and API: who sees them, who may draw up and issue, what is never told; every post of the access matrix."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import docx
import pytest
import sqlalchemy as sa

from app.db import table
from app.models import Event, Paper
from app.services.paperwork.paper_templates import digest
from tests.api.site import API, OPEN_FAMILY, Caller, Site, says_nothing
from tests.api.test_access_matrix import MATRIX, RUNS, Post

PAPER = table(Paper)
POLICE = ("police_officer", "620702101-police")


@dataclass
class Desk:
    """The site, with one issued paper in each family, and a draft."""

    site: Site
    cases: dict[bool, int]
    issued: dict[bool, int]
    drafts: dict[bool, int]

    @property
    def posts(self) -> list[Post]:
        """The posts to be tried on this database."""
        kind = "sqlite" if str(self.site.app.config["SQLALCHEMY_DATABASE_URI"]).startswith("sqlite") else "postgresql"
        return [post for database, post in RUNS if database == kind]

    def state(self) -> list[dict[str, Any]]:
        """Every paper's row."""
        return self.site.rows(sa.select(PAPER).order_by(PAPER.c.id))


@pytest.fixture(scope="module")
def desk(shared_site: Site) -> Iterator[Desk]:
    """The police have informed the township; what others try leaves no trace."""
    officer = shared_site.person(*POLICE)
    made = Desk(shared_site, {}, {}, {})
    for sealed in (False, True):
        case = made.cases[sealed] = shared_site.cases("child", sealed=sealed)[0]
        for kept in (made.issued, made.drafts):
            kept[sealed] = officer.api("POST /papers", {"case": case, "kind": "township-notice"}).json["paper"]["id"]
        assert officer.api(f"POST /papers/{made.issued[sealed]}/issue", {"blanks": True}).status_code == 200
    before = made.state()
    yield made
    assert made.state() == before


def statuses(post: Post, *, sealed: bool) -> tuple[int, int]:
    """What the list of the case, and one of its papers, answer. Names stand in papers: auditors say why they look."""
    seen = "child" in MATRIX[post].of(sealed=sealed)[1]
    if post[0] == "auditor":
        return (403 if sealed else 200), 403
    return (200, 200) if seen else (404, 404)


def test_who_sees_papers(desk: Desk) -> None:
    for post, sealed in product(desk.posts, (False, True)):
        someone = desk.site.person(*post)
        listed, one = statuses(post, sealed=sealed)
        case, paper = desk.cases[sealed], desk.issued[sealed]
        for answer in (someone.get(f"/cases/{case}/papers"), someone.api(f"GET /papers?case={case}")):
            assert answer.status_code == listed, (post, answer.request.path)
        for answer in (
            someone.get(f"/papers/{paper}"), someone.get(f"/papers/{paper}/sheets/1.png"), someone.get(f"/papers/{paper}/file.pdf"),
            someone.get(f"/papers/{paper}/file.docx"), someone.api(f"GET /papers/{paper}"), someone.api(f"GET /papers/{paper}/file.pdf"),
        ):  # fmt: skip
            assert answer.status_code == one, (post, answer.request.path)
            assert answer.status_code == 200 or says_nothing(answer)


def test_who_changes_papers(desk: Desk) -> None:
    """The unit that drew a paper up; for anybody else 404 where it may not be known, 403 where it may."""
    for post, sealed in product(desk.posts, (False, True)):
        someone = desk.site.person(*post)
        if post[1] == POLICE[1] and statuses(post, sealed=sealed)[1] == 200:
            continue
        status = statuses(post, sealed=sealed)[1] if statuses(post, sealed=sealed)[1] != 200 else 403
        for paper in (desk.issued[sealed], desk.drafts[sealed]):
            for verb in ("fill", "renew", "issue", "drop", "revise", "withdraw"):
                answer = someone.post(f"/papers/{paper}/{verb}", {"reason": "x", "blanks": "1"})
                assert answer.status_code == status, (post, verb, sealed)
                assert says_nothing(answer)
            for call, body in (("fill", {"values": {}}), ("issue", {"blanks": True}), ("withdraw", {"reason": "x"})):
                answer = someone.api(f"POST /papers/{paper}/{call}", body)
                assert answer.status_code == status, (post, call, sealed)


def test_who_may_draw_papers_up(desk: Desk) -> None:
    """The list offers it to those who register things in the case, and to nobody else."""
    for post, sealed in product(desk.posts, (False, True)):
        someone = desk.site.person(*post)
        answer = someone.api(f"GET /papers?case={desk.cases[sealed]}")
        seen = "child" in MATRIX[post].of(sealed=sealed)[1]
        offered = bool(answer.json.get("kinds")) if answer.status_code == 200 else False
        assert offered == (seen and MATRIX[post].registers), (post, sealed)
        if not offered:
            body = {"case": desk.cases[sealed], "kind": "township-notice"}
            assert someone.api("POST /papers", body).status_code == (403 if seen else 404), (post, sealed)


# --- the whole way, by API --------------------------------------------------------------------


def draft(officer: Caller, case: int, kind: str = "township-notice") -> dict[str, Any]:
    answer = officer.api("POST /papers", {"case": case, "kind": kind})
    assert answer.status_code == 201, answer.json
    found: dict[str, Any] = answer.json
    return found


def test_a_paper_by_api(site: Site) -> None:
    officer, case = site.person(*POLICE), site.cases("child")[0]
    made = draft(officer, case, "hand-over")
    paper, gaps = made["paper"]["id"], {gap["name"] for gap in made["gaps"]}
    assert made["paper"]["status"] == "draft"
    assert "place_name" in gaps
    filled = officer.api(f"POST /papers/{paper}/fill", {"values": {"belongings": "书包一个"}})
    assert next(gap["typed"] for gap in filled.json["gaps"] if gap["name"] == "belongings") == "书包一个"
    refused = officer.api(f"POST /papers/{paper}/issue", {})
    assert (refused.status_code, list(refused.json["fields"])) == (422, ["blanks"])
    issued = officer.api(f"POST /papers/{paper}/issue", {"blanks": True}).json
    assert issued["paper"]["number"] == "交接字〔2026〕1号"
    for form, kept in (("pdf", "pdf_hash"), ("docx", "docx_hash")):
        file = officer.api(f"GET /papers/{paper}/file.{form}")
        assert digest(file.data) == issued[kept]
        assert OPEN_FAMILY["child"] not in str(file.headers)
        assert file.headers["Cache-Control"] == "no-store"
    text = "".join(cell.text for row in docx.Document(io.BytesIO(file.data)).tables[0].rows for cell in row.cells)
    assert OPEN_FAMILY["child"] in text
    assert "书包一个" in text
    listed = officer.api(f"GET /papers?case={case}").json["papers"]
    assert [(one["number"], one["status"]) for one in listed] == [("交接字〔2026〕1号", "issued")]
    gone = officer.api(f"POST /papers/{paper}/withdraw", {"reason": "写错了"}).json
    assert (gone["paper"]["status"], gone["withdrawn"]) == ("withdrawn", "写错了")
    told = site.rows(sa.select(Event.kind, Event.body).where(Event.case_id == case, Event.kind.startswith("paper_")))
    assert [row["kind"] for row in told] == ["paper_issued", "paper_read", "paper_read", "paper_withdrawn"]
    assert not any(OPEN_FAMILY["child"] in row["body"] or "写错了" in row["body"] for row in told)


@pytest.mark.parametrize(("body", "status"), [
    ({"kind": "petition"}, 422), ({"case": 10**9, "kind": "petition"}, 404), ({"case": 0, "kind": "petition"}, 422),
    ({"kind": "../petition"}, 404), ({"kind": "petition", "task": 10**9}, 404), ({"kind": "petition", "more": 1}, 422),
])  # fmt: skip
def test_what_cannot_be_drawn_up(shared_site: Site, body: dict[str, Any], status: int) -> None:
    officer = shared_site.person(*POLICE)
    given = body if "case" in body or body == {"kind": "petition"} else {"case": shared_site.cases("child")[0], **body}
    assert officer.api("POST /papers", given).status_code == status


def test_reports_have_no_papers(shared_site: Site) -> None:
    report = shared_site.cases("report")[0]
    assert shared_site.person(*POLICE).api("POST /papers", {"case": report, "kind": "petition"}).status_code == 403


def test_other_addresses_are_nothing(shared_site: Site) -> None:
    officer = shared_site.person(*POLICE)
    for path in ("/papers/999999", "/papers/999999/file.pdf", "/papers/999999/sheets/1.png", f"{API}/papers/999999"):
        assert officer.get(path).status_code in (401, 404)
