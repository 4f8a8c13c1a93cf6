"""The access rules, asked about rows: one way to decide a page, one to filter a list, from the same scope.

Source: ARCHITECTURE rule 9; rules/access.py holds the policy itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import and_, false, or_, select
from sqlalchemy.orm import Session

from app.db import table
from app.errors import Forbidden, NeedsReason, NotFound
from app.models import Case, SealedRead, Task, Unit
from app.rules.access import FOR_A_TIME, Access, Action, Decision, Kind, Party, Person, Reach, Resource, Sensitivity
from app.services import _bars, _merged, practice, releases
from app.services._work import Actor
from app.services.library import library
from app.text import Text

TASK, CASE, UNIT, READ = table(Task), table(Case), table(Unit), table(SealedRead)
LASTS = or_(TASK.c.status == "open", TASK.c.role.not_in(FOR_A_TIME))
"""True for tasks that open something: those of roles for a time no longer do when they are closed."""
OPENS = and_(LASTS, TASK.c.opens)
"""True for tasks that open the case: not those left behind at a place from which it went to another."""
NOT_YOURS = Text(
    "这件事不归你的岗位办，看不到内容。需要的话请找主管。",
    "This is not for your post to see. Ask your supervisor if you need it.",
)
SAY_WHY = Text(
    "这里的内容要先说明理由才能看，理由和查看都会记下来。",
    "A reason is needed before you may look; the reason and the look are recorded.",
)
NOTHING_HERE = Text("没有这一页，或者它已经不在了。", "There is no such page, or it is gone.")


def policy(session: Session) -> Access:
    """The rules under the release published now."""
    return library(session, releases.current(session)).access


def task_resource(session: Session, task_id: int) -> Resource:
    """A task as the rules see it. Raises NotFound."""
    query = select(TASK.c.role, TASK.c.unit_id, TASK.c.assignee_id, TASK.c.closed_by, TASK.c.case_id, UNIT.c.path,
                   CASE.c.sealed, LASTS.label("lasts"))  # fmt: skip
    query = query.join(UNIT, UNIT.c.id == TASK.c.unit_id).join(CASE, CASE.c.id == TASK.c.case_id)
    row = session.execute(query.where(TASK.c.id == task_id)).first()
    if row is None:
        raise NotFound("no_task", NOTHING_HERE)
    glass, reason = _openings(session, row.case_id)
    if not row.lasts:  # it stays with who did it, who may look up what they did
        return Resource("task", unit_path=row.path, assignee_id=row.closed_by, seal=row.sealed, case_id=row.case_id)
    return Resource(
        "task", unit_path=row.path, role=row.role, unit_id=row.unit_id, assignee_id=row.assignee_id, seal=row.sealed,
        case_id=row.case_id, glass_ids=glass, reason_ids=reason,
    )  # fmt: skip


def filled_resource(session: Session, task_id: int) -> Resource:
    """A task as the rules see it, with who filled it in. Raises NotFound."""
    author = session.scalar(select(TASK.c.closed_by).where(TASK.c.id == task_id))
    return replace(task_resource(session, task_id), author_id=author)


def correctable(session: Session, person: Person, case: Resource) -> frozenset[int]:
    """The tasks of a case whose answers this person may correct."""
    query = select(TASK.c.id, TASK.c.role, TASK.c.unit_id, TASK.c.assignee_id, TASK.c.closed_by, UNIT.c.path)
    query = query.join(UNIT, UNIT.c.id == TASK.c.unit_id)
    done = session.execute(query.where(TASK.c.case_id == case.case_id, TASK.c.status == "done"))
    rules = policy(session)
    asked = (
        (row.id, Resource("task", unit_path=row.path, role=row.role, unit_id=row.unit_id, assignee_id=row.assignee_id,
                          seal=case.seal, author_id=row.closed_by, case_id=case.case_id, glass_ids=case.glass_ids))
        for row in done
    )  # fmt: skip
    return frozenset(task_id for task_id, resource in asked if rules.can(person, "correct", resource))


def case_resource(session: Session, case_id: int) -> Resource:
    """A case as the rules see it: its place, who has work in it, and who did some. Raises NotFound.

    Of a child whose files were merged, work in any of them counts for all, and so does a bar.
    """
    case = session.execute(select(CASE.c.kind, CASE.c.path, CASE.c.sealed).where(CASE.c.id == case_id)).first()
    if case is None:
        raise NotFound("no_case", NOTHING_HERE)
    query = select(TASK.c.role, UNIT.c.path, TASK.c.unit_id, TASK.c.assignee_id, TASK.c.closed_by)
    family = _merged.family(session, case_id)
    query = query.join(UNIT, UNIT.c.id == TASK.c.unit_id).where(TASK.c.case_id.in_(family), OPENS)
    tasks = session.execute(query).all()
    team = {person for task in tasks for person in (task.assignee_id, task.closed_by) if person is not None}
    parties = {Party(task.role, task.path, task.unit_id) for task in tasks}
    kind: Kind = "report" if case.kind == "report" else "case"
    glass, reason = _openings(session, case_id)
    return Resource(
        kind, unit_path=case.path, seal=case.sealed, team_ids=frozenset(team), parties=tuple(parties),
        barred_unit_ids=frozenset().union(*(_bars.units(session, one) for one in family)), case_id=case_id, glass_ids=glass, reason_ids=reason,
    )  # fmt: skip


def _openings(session: Session, case_id: int) -> tuple[frozenset[int], frozenset[int]]:
    """Who may look into the whole case for a while: those who broke the glass, and those who gave a reason."""
    query = select(READ.c.user_id, READ.c.why).where(READ.c.case_id == case_id, whole(session))
    found = session.execute(query).all()
    glass, reason = (frozenset(row.user_id for row in found if row.why == why) for why in ("glass", "reason"))
    return glass, reason


def whole(session: Session) -> Any:
    """True for openings of a whole case that still last."""
    return and_(READ.c.submission_id.is_(None), READ.c.until > practice.now(session))


def require(
    session: Session, person: Person, action: Action, resource: Resource, sensitivity: Sensitivity = "S1"
) -> Decision:
    """The decision, when it is yes. Raises NotFound where even existence is hidden, NeedsReason, else Forbidden."""
    decision = policy(session).can(person, action, resource, sensitivity)
    if decision and not decision.needs:
        return decision
    if decision:
        raise NeedsReason("needs_reason", SAY_WHY, rule=decision.rule, case=resource.case_id)
    if decision.hidden:
        raise NotFound("hidden", NOTHING_HERE)
    raise Forbidden("not_yours", NOT_YOURS, rule=decision.rule)


def within_reach(reaches: Iterable[Reach], of: Any = TASK) -> Any:
    """True for tasks, or posts, (joined with their unit) that one of the reaches covers."""
    conditions = [
        and_(of.c.role.in_(reach.roles), of.c.unit_id == reach.unit_id)
        if reach.unit_id is not None
        else and_(of.c.role.in_(reach.roles), UNIT.c.path.startswith(reach.path, autoescape=True))
        for reach in reaches
    ]
    return or_(*conditions) if conditions else false()


def _has_task(which: Any) -> Any:
    """True for cases with such a task that still opens them, whatever the query around it joins."""
    tasks = select(TASK.c.id).join(UNIT, UNIT.c.id == TASK.c.unit_id)
    tasks = tasks.where(TASK.c.case_id == CASE.c.id, OPENS, which)
    return tasks.correlate(CASE).exists()


def seen_cases(session: Session, person: Person) -> Any:
    """True for cases this person may see: the same scope that decides a single case's page."""
    scope = policy(session).scope(person)
    own = _has_task(within_reach(reach for reach in scope.own if not reach.tasks_only))
    below = _has_task(within_reach(scope.supervised))
    team = _has_task(or_(TASK.c.assignee_id == person.id, TASK.c.closed_by == person.id))
    places = [CASE.c.path.startswith(path, autoescape=True) for path in scope.places]
    audited = [CASE.c.path.startswith(path, autoescape=True) for path in scope.audited]
    unsealed = and_(CASE.c.sealed.is_(False), or_(below, and_(CASE.c.kind != "report", or_(false(), *places))))
    opened = and_(CASE.c.id.in_(_broken(session, person)), below)
    return and_(_bars.knows(scope.unit_ids), or_(own, team, *audited, unsealed, opened))


def supervised_cases(session: Session, person: Person) -> Any:
    """True for cases in which this person answers for somebody's work, and which they may see."""
    supervised = policy(session).scope(person).supervised
    return and_(_has_task(within_reach(supervised)), seen_cases(session, person))


def supervised_tasks(session: Session, person: Person) -> Any:
    """True for open tasks (joined with their unit and case) that this person answers for and whose page opens to them.

    Every list, count and figure of a supervisor goes by this, so that none shows what the task's own page refuses.
    """
    scope = policy(session).scope(person)
    theirs = or_(TASK.c.assignee_id == person.id, within_reach(scope.own))
    opened = or_(CASE.c.sealed.is_(False), CASE.c.id.in_(_broken(session, person)), theirs)
    return and_(within_reach(scope.supervised), opened)


def stood_in(session: Session, person: Person) -> list[Any]:
    """Tasks that this person may do for somebody away, one condition for each post; the same that `work` decides."""
    shut = and_(CASE.c.sealed, CASE.c.id.not_in(_broken(session, person)))
    opens = ~select(CASE.c.id).where(CASE.c.id == TASK.c.case_id, shut).correlate(TASK).exists()
    held = {(post.role, post.unit_id) for post in person.posts}
    found = []
    for one in person.stands_in:
        post = (one.post.role, one.post.unit_id)
        theirs = TASK.c.assignee_id == one.person_id
        in_hand = or_(theirs, TASK.c.assignee_id.is_(None)) if one.alone else theirs
        where = and_(TASK.c.unit_id == one.post.unit_id, TASK.c.role == one.post.role, in_hand)
        found.append(where if post in held else and_(where, opens))
    return found


def doer(session: Session, person: Person, task_id: int, by: str) -> Actor:
    """Who does this task, and for whom they stand in, `by` which way; for its record. Raises NotFound, Forbidden."""
    resource = task_resource(session, task_id)
    require(session, person, "work", resource)
    return _actor(person, resource, by)


def at_task(session: Session, person: Person, task_id: int | None) -> Actor:
    """The person as the record names them at an open task, with for whom they stand in; at a closed one as themself."""
    if session.scalar(select(TASK.c.status).where(TASK.c.id == task_id)) != "open" or task_id is None:
        return Actor(person.id, "desk")
    return _actor(person, task_resource(session, task_id), "desk")


def _actor(person: Person, resource: Resource, by: str) -> Actor:
    absent = person.for_whom(resource)
    return Actor(person.id, by, absent.person_id if absent else None)


def _broken(session: Session, person: Person) -> Any:
    """The cases on which this person broke the glass, and may still look."""
    return select(READ.c.case_id).where(READ.c.user_id == person.id, READ.c.why == "glass", whole(session))
