"""Files at forms: added, sent along, sealed, taken away; by whom, and what is recorded. The site's server is asked throughout."""

from __future__ import annotations

import io
import re
import sys
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from app.db import db, table
from app.models import Attachment, Case, Event, Post, Submission, Task, Unit
from app.services import _queue, _seal, commands, releases
from app.services.audit import verification
from tests import files as made
from tests.api.site import VILLAGE, Caller, Site

KEPT, EVENTS = table(Attachment), table(Event)


@pytest.fixture
def visit(site: Site) -> dict[str, Any]:
    """A home visit of the open family's child: its form asks for a photo (S2)."""
    case = site.cases("child")[0]
    with site.app.app_context(), commands.work_on(commands.SYSTEM) as work:
        _queue.start(work, work.lock(case), "home-visit", {}, releases.current(work.session))
    (row,) = site.rows(
        sa.select(Task.id, Task.case_id, Task.version, Task.role, Task.element, Unit.code.label("unit"))
        .join(Unit, Unit.id == Task.unit_id)
        .where(Task.case_id == case, Task.process == "home-visit", Task.status == "open")
    )
    return row


def worker(site: Site, visit: dict[str, Any]) -> Caller:
    return site.person(visit["role"], visit["unit"])


def add(someone: Caller, task: int, content: bytes, name: str = "家里.jpg", field: str = "files") -> Any:
    data = {"file": (io.BytesIO(content), name), "csrf_token": someone.csrf}
    return someone.client.post(f"/tasks/{task}/files/{field}", data=data, content_type="multipart/form-data")


def send(site: Site, someone: Caller, visit: dict[str, Any], *ids: str, **more: Any) -> Any:
    posted = site.posted(visit["id"], seen="with", finding="normal", parent_contact="yes")
    return someone.client.post(
        f"/tasks/{visit['id']}/complete",
        data={**posted, "version": visit["version"], "files": list(ids), "csrf_token": someone.csrf, **more},
        content_type="multipart/form-data",
    )


def sent(site: Site, visit: dict[str, Any], content: bytes = made.PDF, name: str = "证明.pdf") -> tuple[Caller, str]:
    """A visit done with one file: whoever did it, and the file."""
    someone = worker(site, visit)
    id_ = add(someone, visit["id"], content, name).json["id"]
    assert send(site, someone, visit, id_).status_code == 302
    return someone, id_


def rows(site: Site) -> list[dict[str, Any]]:
    return site.rows(sa.select(KEPT).order_by(KEPT.c.id))


def kinds(site: Site, case: int) -> list[str]:
    return [row["kind"] for row in site.rows(sa.select(Event.kind).where(Event.case_id == case).order_by(Event.seq))]


# --- adding ------------------------------------------------------------------------------------


def test_a_photo_is_added_sent_and_taken_away(site: Site, visit: dict[str, Any]) -> None:
    someone = worker(site, visit)
    answer = add(someone, visit["id"], made.photo(size=(900, 600)))
    assert answer.status_code == 201
    assert answer.json["label"].startswith("家里.jpg")
    assert send(site, someone, visit, answer.json["id"]).status_code == 302
    taken = someone.get(answer.json["href"])
    assert taken.status_code == 200
    assert taken.data[:3] == b"\xff\xd8\xff"
    assert made.PLACE not in taken.data
    assert taken.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''%E5%AE%B6")
    assert taken.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in taken.headers["Content-Security-Policy"]
    assert taken.headers["Cache-Control"] == "no-store"


def test_at_rest_nothing_of_it_can_be_read(site: Site, visit: dict[str, Any]) -> None:
    content = made.PDF + b"% sentinel of a child" + bytes(64) + b"\n%%EOF\n"
    sent(site, visit, content, "孩子的名字.pdf")
    (row,) = rows(site)
    for part in (row["head"], row["content"]):
        assert b"sentinel" not in part
        assert "孩子".encode() not in part
        assert b"%PDF" not in part


def test_it_stands_in_the_record_with_its_hash_sealed(site: Site, visit: dict[str, Any]) -> None:
    sent(site, visit)
    (event,) = site.rows(sa.select(EVENTS).where(EVENTS.c.case_id == visit["case_id"], EVENTS.c.kind == "file_added"))
    assert '"commitment"' in event["body"]
    assert "证明" not in event["body"]
    with site.app.app_context():
        key = _seal.open_key(db.session.scalar(sa.select(Case.wrapped_key).where(Case.id == visit["case_id"])))
        secret = key.open(event["sealed"], f"event.sealed:{event['case_id']}:{event['seq']}")["secret"]
        assert re.fullmatch(r"[0-9a-f]{64}", secret["sha256"])
        assert secret["name"] == "证明.pdf"
        assert verification.examine(visit["case_id"], sealed=True).breaks == []


def test_without_a_script_a_form_takes_its_files_along(site: Site, visit: dict[str, Any]) -> None:
    someone = worker(site, visit)
    assert send(site, someone, visit, files_new=(io.BytesIO(made.PDF), "证明.pdf")).status_code == 302
    (row,) = rows(site)
    assert row["submission_id"] is not None


def test_a_form_with_a_mistake_keeps_the_file_that_came_with_it(site: Site, visit: dict[str, Any]) -> None:
    someone = worker(site, visit)
    data = {"version": visit["version"], "csrf_token": someone.csrf, "files_new": (io.BytesIO(made.PDF), "证明.pdf")}
    answer = someone.client.post(f"/tasks/{visit['id']}/complete", data=data, content_type="multipart/form-data")
    assert answer.status_code == 422
    assert "证明.pdf" in answer.text
    (row,) = rows(site)
    assert f'name="files" value="{row["id"]}" checked' in answer.text


def test_a_draft_keeps_it_and_a_file_nobody_sent_goes_with_the_task(site: Site, visit: dict[str, Any]) -> None:
    someone = worker(site, visit)
    first, second = (add(someone, visit["id"], made.PDF, f"{n}.pdf").json["id"] for n in "12")
    someone.post(f"/tasks/{visit['id']}/draft", {"files": [first, second]})
    assert "2.pdf" in someone.get(f"/tasks/{visit['id']}").text
    assert send(site, someone, visit, first).status_code == 302
    assert [str(row["id"]) for row in rows(site)] == [first]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jpg", b""), ("a.jpg", made.HTML), ("a.pdf", made.PDF + made.office()), ("a.docx", made.bomb()), ("a.png", made.pixel_bomb()),
        ("a.heic", made.HEIC), ("a.jpg", made.PDF), ("a.exe", b"MZ" + bytes(99)), ("a.docx", made.office(extra={"word/vbaProject.bin": b""})),
    ],
)  # fmt: skip
def test_hostile_files_are_refused_and_leave_nothing(
    site: Site, visit: dict[str, Any], name: str, content: bytes
) -> None:
    someone = worker(site, visit)
    answer = add(someone, visit["id"], content, name)
    assert answer.status_code == 422
    assert answer.json["error"]
    again = send(site, someone, visit, files_new=(io.BytesIO(content), name))
    assert again.status_code == 422
    assert rows(site) == []
    assert site.submissions(visit["id"]) == 0


def test_a_file_beyond_the_limit_and_a_request_beyond_all(site: Site, visit: dict[str, Any]) -> None:
    site.app.config["SETTINGS"] = replace(site.app.config["SETTINGS"], file_max_bytes=1000)
    someone = worker(site, visit)
    assert add(someone, visit["id"], made.PDF + bytes(1000) + b"%%EOF", "a.pdf").status_code == 422
    site.app.config["MAX_CONTENT_LENGTH"] = 5000
    assert add(someone, visit["id"], made.PDF + bytes(9000), "a.pdf").status_code == 413
    assert rows(site) == []


# --- the scanner -------------------------------------------------------------------------------


def scanner(site: Site, code: str) -> None:
    command = f'{sys.executable} -c "{code}"'
    site.app.config["SETTINGS"] = replace(site.app.config["SETTINGS"], file_scan_command=command)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("import sys; sys.exit(b'EICAR' in sys.stdin.buffer.read())", 201),
        ("import sys; sys.stdin.buffer.read(); sys.exit(1)", 422),
        ("import sys; sys.exit(2)", 422),
        ("this is no program", 422),
    ],
)
def test_a_scanner_is_asked_and_one_that_fails_lets_nothing_in(
    site: Site, visit: dict[str, Any], code: str, status: int
) -> None:
    scanner(site, code)
    assert add(worker(site, visit), visit["id"], made.PDF, "a.pdf").status_code == status
    assert len(rows(site)) == (1 if status == 201 else 0)


def test_a_scanner_sees_the_file_as_it_came(site: Site, visit: dict[str, Any]) -> None:
    scanner(site, "import sys; sys.exit(b'EICAR' in sys.stdin.buffer.read())")
    assert add(worker(site, visit), visit["id"], made.PDF + b"EICAR\n%%EOF\n", "a.pdf").status_code == 422


def test_the_health_page_says_whether_files_are_scanned(site: Site) -> None:
    assert "没有查毒" in site.anonymous().get("/readyz").text
    scanner(site, "0")
    assert "没有查毒" not in site.anonymous().get("/readyz").text


# --- who ---------------------------------------------------------------------------------------


def test_only_who_works_on_it_adds(site: Site, visit: dict[str, Any]) -> None:
    for post in (
        ("police_officer", "620702102-police"),
        ("auditor", "620700-audit"),
        ("village_worker", "620702102201"),
    ):
        assert add(site.person(*post), visit["id"], made.PDF, "a.pdf").status_code in (403, 404)
    assert rows(site) == []
    assert add(worker(site, visit), visit["id"], made.PDF, "a.pdf", field="finding").status_code == 404
    assert add(worker(site, visit), visit["id"], made.PDF, "a.pdf", field="nothing").status_code == 404


def test_until_it_is_sent_it_is_its_adders(site: Site, visit: dict[str, Any]) -> None:
    id_ = add(worker(site, visit), visit["id"], made.PDF, "a.pdf").json["id"]
    assert worker(site, visit).get(f"/files/{id_}").status_code == 200
    for post in (("police_officer", "620702101-police"), ("county_head", "620702"), ("auditor", "620700-audit")):
        assert site.person(*post).get(f"/files/{id_}").status_code == 404
    assert kinds(site, visit["case_id"]).count("file_read") == 0


def test_another_ones_file_is_not_sent_along(site: Site, visit: dict[str, Any]) -> None:
    """Neither a colleague's, nor one of another question, nor one that is not there."""
    someone = worker(site, visit)
    mine = add(someone, visit["id"], made.PDF, "a.pdf").json["id"]
    with site.app.app_context():
        other = db.session.scalar(sa.select(Post.user_id).where(Post.role == "police_officer").order_by(Post.id))
        db.session.execute(sa.update(Attachment).where(Attachment.id == int(mine)).values(user_id=other))
        db.session.commit()
    for id_ in (mine, "999999", "abc", "9" * 30):
        answer = send(site, someone, visit, id_)
        assert answer.status_code == 422
        assert "a.pdf" not in answer.text
    assert site.submissions(visit["id"]) == 0


MAY: dict[tuple[str, str], int] = {
    ("village_worker", VILLAGE): 200,
    ("police_officer", "620702101-police"): 200,
    ("county_head", "620702"): 200,
    ("auditor", "620700-audit"): 403,
    ("provider", "620702-social_work"): 404,
    ("village_worker", "620702101202"): 404,
    ("police_officer", "620702102-police"): 404,
    ("admin", "620700-civil_affairs"): 404,
}
"""What is answered to who asks for a sent file of S2: as for the answers beside it."""


@pytest.mark.parametrize("post", MAY, ids="@".join)
def test_who_reads_the_answers_takes_the_file(site: Site, visit: dict[str, Any], post: tuple[str, str]) -> None:
    _, id_ = sent(site, visit)
    before = kinds(site, visit["case_id"]).count("file_read")
    answer = site.person(*post).get(f"/files/{id_}")
    assert answer.status_code == MAY[post]
    assert (b"%PDF" in answer.data) == (MAY[post] == 200)
    assert kinds(site, visit["case_id"]).count("file_read") - before == (1 if MAY[post] == 200 else 0)


def test_a_sealed_file_waits_for_a_reason(site: Site, visit: dict[str, Any]) -> None:
    _, id_ = sent(site, visit)
    with site.app.app_context():
        db.session.execute(sa.update(Attachment).values(sensitivity="S3"))
        db.session.commit()
    officer = site.person("police_officer", "620702101-police")
    answer = officer.get(f"/files/{id_}")
    assert answer.status_code == 302
    assert "/records/" in answer.headers["Location"]
    record = site.rows(sa.select(Submission.id).where(Submission.task_id == visit["id"]))[0]["id"]
    assert str(record) in answer.headers["Location"]
    assert kinds(site, visit["case_id"]).count("file_read") == 0


def test_an_erased_key_leaves_nothing_to_read(site: Site, visit: dict[str, Any]) -> None:
    someone, id_ = sent(site, visit)
    with site.app.app_context():
        db.session.execute(sa.update(Case).where(Case.id == visit["case_id"]).values(wrapped_key=None))
        db.session.commit()
    answer = someone.get(f"/files/{id_}")
    assert answer.status_code == 422
    assert b"%PDF" not in answer.data


def test_a_file_moved_to_another_row_does_not_open(site: Site, visit: dict[str, Any]) -> None:
    someone, id_ = sent(site, visit)
    with site.app.app_context():
        db.session.execute(sa.update(Attachment).values(place="0" * 32))
        db.session.commit()
    assert someone.get(f"/files/{id_}").status_code == 422


def test_a_correction_keeps_and_adds(site: Site, visit: dict[str, Any]) -> None:
    someone, first = sent(site, visit)
    second = add(someone, visit["id"], made.PDF, "补上.pdf").json["id"]
    page = someone.get(f"/tasks/{visit['id']}/correct").text
    assert "证明.pdf" in page
    posted = site.posted(visit["id"], seen="with", finding="normal", parent_contact="yes")
    former = site.rows(sa.select(Submission.id).where(Submission.task_id == visit["id"]))[0]["id"]
    more = {"former": former, "_reason": "漏了一份", "files": [first, second]}
    assert someone.post(f"/tasks/{visit['id']}/correct", {**posted, **more}).status_code == 302
    newest = site.rows(
        sa.select(Submission.id).where(Submission.task_id == visit["id"]).order_by(Submission.id.desc())
    )[0]["id"]
    record = someone.get(f"/records/{newest}").text
    assert "证明.pdf" in record
    assert "补上.pdf" in record
