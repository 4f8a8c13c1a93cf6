"""What auditors get over HTTP and nobody else: the whole-population pages, samples, and event logs that leak nothing.

The logs are read by readers of their own (tests/population/readers.py) and held against the event table.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.db import table, transaction
from app.models import AuditSample, Case, Event, Task, Unit, User
from app.services import people
from app.services.audit import head_paper, sequencer, signing_keys, verification
from app.services.audit.register import KIND
from app.services.history import entries as service
from tests.api.site import COUNTY, MARKS, TOWNSHIP, Caller, Site, says_nothing
from tests.api.test_routes import everybody
from tests.population import readers
from tests.unit.test_cli import run

CASE, EVENT, TASK, SAMPLE = table(Case), table(Event), table(Task), table(AuditSample)
PAGE = "/audit/population"
LEFT_IN = ("step", "read", "read_reviewed", "notice_read")
PSEUDONYM = re.compile(r"p-[0-9a-f]{32}")


def auditor(site: Site) -> Caller:
    return site.person("auditor", "620700-audit")


def log(caller: Caller, form: str, **more: str) -> str:
    """An event log, as a browser gets it."""
    answer = caller.get(f"{PAGE}/export", query_string={"format": form, **more})
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert says_nothing(answer)
    return answer.text


def told(site: Site, **where: Any) -> list[dict[str, Any]]:
    """The events that a log has to hold: those of cases that are not sealed, but the engine's own moves."""
    query = sa.select(EVENT).join(CASE, CASE.c.id == EVENT.c.case_id).where(
        CASE.c.sealed.is_(False), CASE.c.kind != KIND, EVENT.c.kind.not_in(LEFT_IN)
    )  # fmt: skip
    return site.rows(query.order_by(EVENT.c.case_id, EVENT.c.occurred_at, EVENT.c.seq))


# --- who -----------------------------------------------------------------------------------


def test_only_auditors_get_in(shared_site: Site) -> None:
    with shared_site.app.test_request_context():
        paths = [
            "/",
            "/processes/report-intake",
            "/samples/1",
            "/export?format=csv",
            "/export?format=xes",
            "/export?format=ocel",
        ]
    seen = set()
    for caller in everybody(shared_site):
        may = caller.user_id == auditor(shared_site).user_id
        for path in paths:
            status = caller.get(PAGE + path).status_code
            assert status == ((404 if path == "/samples/1" else 200) if may else 403), path
        assert caller.post(f"{PAGE}/samples", {"size": "1"}).status_code == (302 if may else 403)
        seen.add(may)
    assert seen == {True, False}


def test_the_pages_name_nobody(shared_site: Site) -> None:
    caller = auditor(shared_site)
    drawn = caller.post(f"{PAGE}/samples", {"size": "200"}).headers["Location"]
    for path in (f"{PAGE}/", f"{PAGE}/processes/emergency-response", drawn):
        answer = caller.get(path)
        assert answer.status_code == 200
        assert says_nothing(answer)


def test_what_was_typed_comes_back_escaped(shared_site: Site) -> None:
    answer = auditor(shared_site).post(f"{PAGE}/samples", {"size": "<b>", "seed": '"><script>', "process": ""})
    assert answer.status_code == 422
    assert "<script>" not in answer.text.replace("<script type", "").replace("<script src", "")
    assert "&lt;b&gt;" in answer.text


def test_a_process_or_format_or_day_that_is_none(shared_site: Site) -> None:
    caller = auditor(shared_site)
    assert caller.get(f"{PAGE}/processes/none").status_code == 404
    assert caller.get(f"{PAGE}/export?format=exe").status_code == 404
    assert caller.get(f"{PAGE}/export?format=csv&since=gestern").status_code == 422
    assert caller.post(f"{PAGE}/samples", {"size": "1", "process": "none"}).status_code == 404


# --- what ----------------------------------------------------------------------------------


def test_csv_is_read(shared_site: Site) -> None:
    rows, events = readers.table(log(auditor(shared_site), "csv")), told(shared_site)
    assert [(int(row["case"]), int(row["event"]), row["kind"]) for row in rows] == [
        (event["case_id"], event["seq"], event["kind"]) for event in events
    ]
    for row, event in zip(rows, events, strict=True):
        assert readers.instant(row["time"]) == event["occurred_at"]
        assert readers.instant(row["recorded"]) == event["recorded_at"]


def test_xes_is_read(shared_site: Site) -> None:
    read, events = readers.xes(log(auditor(shared_site), "xes")), told(shared_site)
    assert sum(map(len, read.cases.values())) == len(events)
    assert set(read.cases) == {str(event["case_id"]) for event in events}
    sealed = shared_site.rows(sa.select(CASE.c.id).where(CASE.c.sealed))
    assert sealed
    assert read.whole["sealed_cases_left_out"] == len(sealed)
    for case, lines in read.cases.items():
        mine = [event for event in events if str(event["case_id"]) == case]
        assert [(line["event"], line["time:timestamp"]) for line in lines] == [
            (event["seq"], event["occurred_at"]) for event in mine
        ]
    _task_lines(shared_site, [line for lines in read.cases.values() for line in lines])


def _task_lines(site: Site, lines: list[dict[str, Any]]) -> None:
    """Opening, doing and withdrawing a task are one activity in three transitions."""
    tasks = {row["id"]: row for row in site.rows(sa.select(TASK))}
    transitions: dict[int, list[str]] = {}
    for line in lines:
        if line["kind"] in ("task_opened", "task_done", "task_cancelled"):
            task = tasks[line["task"]]
            assert line["concept:name"].startswith(f"{task['process']}.{task['element']} ")
            assert line["org:role"] == task["role"]
            transitions.setdefault(line["task"], []).append(line["lifecycle:transition"])
    for number, found in transitions.items():
        closing = {"open": [], "done": ["complete"], "cancelled": ["withdraw"]}[tasks[number]["status"]]
        assert found == ["schedule", *closing]


def test_ocel_is_read(shared_site: Site) -> None:
    read, events = readers.ocel(log(auditor(shared_site), "ocel")), told(shared_site)
    lines = [line for found in read.cases.values() for line in found]
    assert {line["id"] for line in lines} == {f"{event['case_id']}.{event['seq']}" for event in events}
    assert len(lines) == len(events)
    kinds = {one["type"] for one in read.about.values()}
    assert kinds == {"case", "instance", "task", "actor"}
    wholes = {one["id"]: [each["objectId"] for each in one["relationships"]] for one in read.about.values()}
    for task in shared_site.rows(sa.select(TASK).where(TASK.c.case_id.in_([event["case_id"] for event in events]))):
        assert wholes[f"task:{task['id']}"] == [f"instance:{task['instance_id']}"]
        assert wholes[f"instance:{task['instance_id']}"] == [f"case:{task['case_id']}"]


def test_an_english_log_names_activities_in_english(shared_site: Site) -> None:
    caller = auditor(shared_site)
    caller.client.set_cookie("lang", "en")
    names = {row["activity"] for row in readers.table(log(caller, "csv"))}
    assert "emergency-response.t1 Go out and see the child" in names
    assert all(name.isascii() for name in names)


def test_since_cuts_by_when_it_was_recorded(site: Site) -> None:
    events = told(site)
    middle = sorted(event["recorded_at"] for event in events)[len(events) // 2]
    rows = readers.table(log(auditor(site), "csv", since=middle.isoformat()))
    wanted = {(event["case_id"], event["seq"]) for event in events if event["recorded_at"] >= middle}
    assert {(int(row["case"]), int(row["event"])) for row in rows} == wanted
    readers.xes(log(auditor(site), "xes", since="2099-01-01"))
    empty = readers.ocel(log(auditor(site), "ocel", since="2099-01-01"))
    assert empty.cases == {}


# --- what never ----------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["csv", "xes", "ocel"])
def test_no_log_holds_what_is_sealed_or_personal(shared_site: Site, form: str) -> None:
    text = log(auditor(shared_site), form)
    assert not any(mark in text for mark in MARKS)
    sealed = shared_site.rows(sa.select(TASK.c.id).join(CASE, CASE.c.id == TASK.c.case_id).where(CASE.c.sealed))
    hidden = {row["id"] for row in sealed}
    if form == "csv":
        rows = readers.table(text)
        assert not hidden & {int(row["task"]) for row in rows if row["task"]}
        actors = {row["actor"] for row in rows} - {""}
        assert actors
        assert all(PSEUDONYM.fullmatch(actor) for actor in actors)
        people = {row["actor_id"] for row in told(shared_site)} - {None}
        assert len(actors) == len(people), "one pseudonym for each person"
    villages = re.findall(r"62\d{7,}", text)
    assert not villages, "places are told down to the county"
    names = shared_site.rows(sa.select(User.name, User.username))
    assert not [row["name"] for row in names if len(row["name"]) > 1 and row["name"] in text]


def test_pseudonyms_are_the_installations_own(shared_site: Site) -> None:
    """Nobody can make them from a user's number without the key; and they are the same in every log."""
    first, again = (readers.table(log(auditor(shared_site), "csv")) for _ in range(2))
    assert [row["actor"] for row in first] == [row["actor"] for row in again]
    xes = {
        line.get("org:resource", "")
        for lines in readers.xes(log(auditor(shared_site), "xes")).cases.values()
        for line in lines
    }
    assert xes == {row["actor"] for row in first}


def test_the_command_line_exports_the_same(shared_site: Site) -> None:
    for form, read in (("csv", readers.table), ("xes", readers.xes), ("ocel", readers.ocel)):
        done = run(shared_site.app, "audit", "export-log", "--by", "shenji", "--format", form)
        assert read(done.stdout_bytes.decode()) == read(log(auditor(shared_site), form))  # type: ignore[operator]
        assert "sealed cases left out" in done.stderr
    late = run(
        shared_site.app,
        "audit",
        "export-log",
        "--by",
        "shenji",
        "--format",
        "csv",
        "--since",
        "2099-01-01T00:00:00+08:00",
    )
    assert readers.table(late.stdout_bytes.decode()) == []
    assert (
        "看不懂"
        in run(
            shared_site.app, "audit", "export-log", "--by", "shenji", "--format", "csv", "--since", "soon", code=1
        ).stderr
    )
    run(shared_site.app, "audit", "export-log", "--by", "shenji", "--format", "exe", code=2)


def test_samples_are_kept(site: Site) -> None:
    caller = auditor(site)
    moved = caller.post(f"{PAGE}/samples", {"size": "2", "seed": "7"})
    assert moved.status_code == 302
    (row,) = site.rows(sa.select(SAMPLE))
    assert (row["user_id"], row["seed"], len(row["case_ids"])) == (caller.user_id, "7", 2)
    assert isinstance(row["drawn_at"], datetime)
    assert json.dumps(row["paths"])
    page = caller.get(moved.headers["Location"]).text
    assert all(f"/audit/cases/{case}" in page for case in row["case_ids"])
    assert TOWNSHIP not in page


def test_draws_and_exports_stand_in_the_record(site: Site) -> None:
    """Who drew a sample or took a log out, and of what, is an event of the chained record; it is in nobody's list."""
    caller = auditor(site)
    listed = re.findall(r"/audit/cases/\d+", caller.get("/audit/").text)
    caller.post(f"{PAGE}/samples", {"size": "2", "seed": "林小禾"})
    log(caller, "csv", since="2026-01-01")
    run(site.app, "audit", "export-log", "--by", "shenji", "--format", "ocel")
    entries = site.rows(
        sa.select(EVENT).join(CASE, CASE.c.id == EVENT.c.case_id).where(CASE.c.kind == KIND).order_by(EVENT.c.seq)
    )
    assert [(row["kind"], row["actor_id"]) for row in entries] == [
        ("case_opened", caller.user_id), ("sampled", caller.user_id), ("exported", caller.user_id), ("exported", caller.user_id),
    ]  # fmt: skip
    drawn, taken, whole = (json.loads(row["body"])["data"] for row in entries[1:])
    (sample,) = site.rows(sa.select(SAMPLE))
    assert (drawn["sample"], drawn["case_ids"]) == (sample["id"], sample["case_ids"])
    assert drawn["seed_sha256"] == hashlib.sha256("林小禾".encode()).hexdigest()
    assert (taken["format"], taken["paths"], taken["since"][:10]) == ("csv", sample["paths"], "2025-12-31")
    assert (whole["format"], whole["paths"], whole["since"]) == ("ocel", [], None)
    assert re.findall(r"/audit/cases/\d+", caller.get("/audit/").text) == listed
    assert caller.get(f"/audit/cases/{entries[0]['case_id']}").status_code == 404
    with site.app.app_context():
        assert verification.verify() == []


ENTRY = re.compile(r'<tr>\s*<th scope="row" class="nowrap">(.*?)</tr>', re.S)


def entries(caller: Caller, path: str = "/audit/register") -> list[str]:
    """The lines of the register, as the page shows them."""
    answer = caller.get(path)
    assert answer.status_code == 200
    assert says_nothing(answer)
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row)) for row in ENTRY.findall(answer.text)]


def test_the_register_shows_who_drew_and_took_out_what(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = auditor(site)
    assert entries(caller) == []
    sealed, plain = (site.cases("child", sealed=shut)[0] for shut in (True, False))
    caller.post(f"{PAGE}/samples", {"size": "2", "process": "report-intake"})
    log(caller, "csv", since="2026-01-01")
    _keyed(site)
    for number, case in enumerate((plain, sealed)):
        run(site.app, "audit", "export", str(case), "--by", "shenji", "--out", str(tmp_path / f"{number}.zip"))
    shown = entries(caller)
    (me,) = site.rows(sa.select(User.name).where(User.id == caller.user_id))
    for row, words in zip(shown, ("证明包", "证明包", "CSV", "从2件里抽2件"), strict=True):
        assert words in row
        assert me["name"] in row
    assert "封存的3件没有导出，从1月1日起的" in shown[2]
    assert re.findall(r"/audit/population/samples/\d+", caller.get("/audit/register").text)
    monkeypatch.setattr(service, "PAGE", 3)
    first = caller.get("/audit/register").text
    assert entries(caller) == shown[:3]
    assert entries(caller, re.findall(r"/audit/register\?after=\d+", first)[0]) == shown[3:]


def test_the_register_is_for_auditors_and_of_their_own_places(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    city, here, elsewhere = auditor(site), _auditor_of(site, COUNTY), _auditor_of(site, "620721")
    assert here.post(f"{PAGE}/samples", {"size": "2"}).status_code == 302
    assert city.post(f"{PAGE}/samples", {"size": "2"}).status_code == 302
    run(site.app, "audit", "export-log", "--by", "shenji", "--format", "ocel")
    assert ["OCEL" in row for row in entries(city)] == [True, False, False]
    assert entries(here) == entries(city)
    assert entries(elsewhere) == entries(city)[:2], "what was drawn in another county does not concern it"
    links = [len(re.findall(r"/samples/\d+", one.get("/audit/register").text)) for one in (city, here, elsewhere)]
    assert links == [2, 1, 0], "a sample opens to those who audit all of its places"
    assert site.person("county_head", COUNTY).get("/audit/register").status_code == 403
    monkeypatch.setattr(service, "_touches", lambda *_: True)  # the broken twin
    assert len(entries(elsewhere)) == 3


def test_a_line_of_the_register_that_was_altered_is_named(site: Site) -> None:
    caller = auditor(site)
    caller.post(f"{PAGE}/samples", {"size": "2"})
    assert "未被改动" in caller.get("/audit/register").text
    with site.app.app_context(), transaction() as session:
        (entry,) = session.execute(sa.select(EVENT.c.id, EVENT.c.body).where(EVENT.c.kind == "sampled"))
        other = entry.body.replace('"frame":', '"frame":1')
        session.execute(sa.update(EVENT).where(EVENT.c.id == entry.id).values(body=other))
    page = caller.get("/audit/register").text
    assert "未被改动" not in page
    assert "记录核对不上" in page


def _auditor_of(site: Site, county: str) -> Caller:
    """One more auditor, of a single county."""
    code = f"{county}-audit"
    with site.app.app_context():
        with transaction() as session:
            path = session.scalar(sa.select(Unit.path).where(Unit.code == county))
            body = Unit(
                code=code, name_zh="县审计局", name_en="County audit", path=path, level="county", sector="audit"
            )
            session.add(body)
        people.add_user(code, "县审计员", "-", [("auditor", code)])
    return site.person("auditor", code)


def _keyed(site: Site) -> None:
    """Give the installation a signing key."""
    with site.app.app_context():
        known = site.app.config["SETTINGS"]
        key = known.instance_dir / "key.pem"
        signing_keys.make(key)
        site.app.config["SETTINGS"] = replace(known, audit_key_file=key)


def test_a_refused_draw_or_export_leaves_no_entry(site: Site) -> None:
    caller = auditor(site)
    assert caller.post(f"{PAGE}/samples", {"size": "0"}).status_code == 422
    assert caller.get(f"{PAGE}/export?format=exe").status_code == 404
    assert site.person("county_head", COUNTY).get(f"{PAGE}/export?format=csv").status_code in (403, 404)
    assert site.rows(sa.select(CASE.c.id).where(CASE.c.kind == KIND)) == []


def test_the_newest_head_prints_with_its_code(site: Site) -> None:
    """Nothing yet without a key; then the line on the page is an anchor like any other."""
    caller = auditor(site)
    assert "还没有签过名" in caller.get("/audit/head").text
    _keyed(site)
    with site.app.app_context():
        signed = sequencer.head_now()
    page = caller.get("/audit/head")
    assert page.status_code == 200
    assert signed.paper() in page.text
    assert "2026-03-02 10:00:00 +0800" in page.text, "a sheet is read years later"
    assert head_paper.qr(signed) in page.text
    assert "/audit/head" in caller.get("/audit/").text
    with site.app.app_context():
        kept = site.app.config["SETTINGS"].instance_dir / "typed.txt"
        kept.write_text(f"{signed.paper()}\n", encoding="utf-8")
        report = verification.examine(files=[kept])
        assert (report.breaks, report.anchors) == ([], 1)
