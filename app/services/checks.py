"""Is the installation well, in sentences: what stands still, what is missing, and what to do about it.

For administrators: counts and times only, nothing of any case. Source: issue "the daily work", part 9.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app import clock
from app.db import db, settings, table, transaction
from app.models import Deadline, Incident, JobRun, Outbox
from app.rules.access import Person
from app.rules.calendar import Calendar
from app.services import deadlines, health, leaving, practice
from app.services.outward import deliveries
from app.text import Text

DEADLINE, OUTBOX, INCIDENT, RUN = (table(model) for model in (Deadline, Outbox, Incident, JobRun))
MINUTE = timedelta(minutes=1)
LATE = timedelta(minutes=5)
"""So long may something stand that the background does every few seconds."""
AUTUMN = 11
"""The month in which the next year's holidays are as a rule announced."""
JOBS = {
    "deadlines": Text("到期的期限", "Deadlines that have come"),
    "outbox": Text("送达通知和消息", "Notices and messages"),
    "digests": Text("每日汇总", "Daily digests"),
    "mail": Text("发邮件", "Mail"),
    "sms": Text("发短信", "Text messages"),
    "looks": Text("把查看封进记录", "Folding looks into the record"),
    "log": Text("给记录签名", "Signing the log"),
    "provisional": Text("重算暂定的期限", "Reckoning provisional deadlines anew"),
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: whether it is well, what was found, and what to do."""

    well: bool
    found: Text
    do: Text = Text("", "")


@dataclass(frozen=True, slots=True)
class Ran:
    """When a job of the background last ran; `late` when it should have run since."""

    name: Text
    at: datetime
    late: bool
    failed_at: datetime | None


def ran(name: str, every: timedelta, *, failed: bool = False) -> None:
    """Write down that a job ran, once a minute at most: many workers run it every few seconds."""
    now = clock.real_now()
    values = {"every": int(every.total_seconds()), "ran_at": now} | ({"failed_at": now} if failed else {})
    before = db.session.execute(select(RUN.c.ran_at, RUN.c.failed_at).where(RUN.c.name == name)).first()
    db.session.rollback()
    if before is not None and not failed and before.ran_at > now - MINUTE:
        return
    with transaction() as session:
        if before is not None:
            session.execute(update(RUN).where(RUN.c.name == name).values(values))
            return
        dialect = postgresql if session.connection().dialect.name == "postgresql" else sqlite
        session.execute(dialect.insert(RUN).values(name=name, **values).on_conflict_do_nothing())


def jobs(session: Session) -> tuple[Ran, ...]:
    """Every job that ever ran here, in the order of JOBS."""
    now, rows = clock.real_now(), {row.name: row for row in session.execute(select(RUN))}
    return tuple(
        Ran(name, rows[key].ran_at, rows[key].ran_at < now - max(LATE, timedelta(seconds=1.1 * rows[key].every)),
            rows[key].failed_at)
        for key, name in JOBS.items() if key in rows
    )  # fmt: skip


def page(person: Person) -> tuple[Check, ...]:
    """Everything that is looked at, what is not well first."""
    session = db.session()
    found = [*_works(), *_background(session), *_waiting(session), *_record(), *_calendar(), *_posts(session, person)]
    return tuple(sorted(found, key=lambda check: check.well))


def _works() -> Iterator[Check]:
    obstacle = health.obstacle()
    if obstacle is not None:
        yield Check(well=False, found=obstacle)
    else:
        yield Check(well=True, found=Text("数据库连得上，表是最新的，有已发布的版本。",
                                          "The database answers, its tables are up to date, a release is published."))  # fmt: skip
    yield Check(well=True, found=health.scanning())
    yield Check(well=True, found=deliveries.says())


def _background(session: Session) -> Iterator[Check]:
    known = jobs(session)
    late = [job for job in known if job.late]
    if not known or late:
        zh, en = "、".join(job.name.zh for job in late), ", ".join(job.name.en for job in late)
        yield Check(
            well=False,
            found=Text(f"后台任务停了：{zh}。", f"Jobs of the background stand still: {en}.") if late
            else Text("后台任务还没有运行过。", "No job of the background has run yet."),
            do=Text("看看 make worker 是不是在运行，日志里有没有 job failed。",
                    "See whether make worker is running, and whether the log says “job failed”."),
        )  # fmt: skip
    else:
        yield Check(well=True, found=Text("后台任务都在按时运行。", "All jobs of the background run on time."))


def _waiting(session: Session) -> Iterator[Check]:
    now = practice.now()
    due = _count(session, DEADLINE.c.state == "due", DEADLINE.c.due_at <= now - LATE, deadlines.free(now))
    stuck = _count(session, OUTBOX.c.state == "waiting", OUTBOX.c.attempts > 0)
    open_ = _count(session, INCIDENT.c.state == "open")
    yield _counted(due, Text("{n}条到期的期限还没有处理。", "Deadlines that have come and were not acted on: {n}."),
                   Text("到期的期限都处理了。", "Every deadline that has come was acted on."))  # fmt: skip
    yield _counted(stuck, Text("{n}条通知或消息没有送到，正在再试。", "Notices or messages not delivered, being tried again: {n}."),
                   Text("通知和消息都送到了。", "Every notice and message was delivered."))  # fmt: skip
    yield _counted(open_, Text("{n}个步骤没走成，在主管的督办台上。", "Steps that did not work, on the supervisors’ oversight: {n}."),
                   Text("没有走不成的步骤。", "No step has failed."))  # fmt: skip


def _count(session: Session, *where: object) -> int:
    return session.scalar(select(func.count()).where(*where)) or 0  # type: ignore[arg-type]


def _counted(count: int, some: Text, none: Text) -> Check:
    if not count:
        return Check(well=True, found=none)
    return Check(
        well=False,
        found=Text(*(said.format(n=count) for said in (some.zh, some.en))),
        do=Text("看日志里同一时间的错误；系统自己也会再试。", "Look at the log’s errors of that time; the system tries again by itself."),
    )  # fmt: skip


def _record() -> Iterator[Check]:
    known = settings()
    if known.audit_key_file is None:
        yield Check(
            well=False,
            found=Text("记录的签名没有打开。", "The record is not signed."),
            do=Text(
                "设 AUDIT_KEY_FILE，见管理员指南“保管”。", "Set AUDIT_KEY_FILE; see the administrator’s guide, “Keep”."
            ),
        )
    elif known.audit_anchor_file is None and not known.audit_anchor_url:
        yield Check(
            well=False,
            found=Text("签名没有存到系统外面。", "Signed heads are not kept outside."),
            do=Text("设 AUDIT_ANCHOR_FILE 或 AUDIT_ANCHOR_URL。", "Set AUDIT_ANCHOR_FILE or AUDIT_ANCHOR_URL."),
        )
    else:
        yield Check(well=True, found=Text("记录在签名，并存到系统外面。", "The record is signed and kept outside."))


def _calendar() -> Iterator[Check]:
    today = practice.now().astimezone(clock.LAW_ZONE).date()
    wanted = [today.year] + ([today.year + 1] if today.month >= AUTUMN else [])
    missing = [str(year) for year in wanted if not Calendar().published(year)]
    if missing:
        zh, en = "、".join(missing), ", ".join(missing)
        yield Check(
            well=False,
            found=Text(f"还没有{zh}年的放假安排，落在那时的期限是暂定的。",
                       f"The holiday schedule of {en} is not known yet; deadlines that fall there are provisional."),
            do=Text("国务院公布以后，更新程序的 holidays 包。", "Update the package holidays once the State Council has published it."),
        )  # fmt: skip
    else:
        yield Check(well=True, found=Text("放假安排是最新的。", "The holiday schedule is up to date."))


def _posts(session: Session, person: Person) -> Iterator[Check]:
    vacant = leaving.vacant(session, person)
    if vacant:
        yield Check(
            well=False,
            found=Text(f"{len(vacant)}个岗位有事没人办。", f"Posts with work and nobody to do it: {len(vacant)}."),
            do=Text("在“人员”里看是哪些，给人加上岗位。", "See which under People, and give somebody the post."),
        )
    else:
        yield Check(well=True, found=Text("有事的岗位都有人。", "Every post with work is held by somebody."))
