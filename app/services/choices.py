"""Options that come from data: guardians of the case, units of the county, files with the same name.

A form names a source (`options_from`); each source is one function here. Only what this case may
refer to is offered, and only that is accepted.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import Row, table
from app.models import Case, CaseLink, Child, Report, ReportChild, Submission, Task, Unit
from app.rules.forms import Form
from app.services import _merged, _registers, _seal, children, people, releases, units
from app.text import Text

TASK, UNIT, CHILD, CASE, REPORT_CHILD = (table(model) for model in (Task, Unit, Child, Case, ReportChild))
LINK, SUBMISSION = table(CaseLink), table(Submission)
COUNTY = 3
"""So many codes has the path of a county."""
PROVIDER = "provider"
"""The role of whoever gives the services of a plan."""
Options = tuple[tuple[str, str], ...]


def of(session: Session, row: Row, form: Form, lang: str) -> dict[str, Options]:
    """The options of each source that `form` names; `row` holds the case's id, key and path, and the instance's context."""
    return {source: tuple(SOURCES[source](session, row, lang)) for source in sources(form)}


def of_case(session: Session, case_id: int, form: Form, lang: str) -> dict[str, Options]:
    """The options of each source for something that is registered in a case."""
    row = session.execute(select(CASE.c.wrapped_key, CASE.c.path).where(CASE.c.id == case_id)).mappings().one()
    return of(session, {**row, "case_id": case_id, "context": {}}, form, lang)


def sources(form: Form) -> set[str]:
    """The sources that a form and its lists name."""
    columns = (column for field in form.questions.values() for column in field.fields)
    return {field.options_from for field in (*form.questions.values(), *columns)} - {""}


def report_children(session: Session, row: Row) -> list[tuple[int, str]]:
    """Number and name of each child of a report; none, once they were lawfully erased."""
    if row["wrapped_key"] is None:
        return []
    key = _seal.open_key(row["wrapped_key"])
    query = (
        select(REPORT_CHILD).join(Report, Report.id == REPORT_CHILD.c.report_id).where(Report.case_id == row["case_id"])
    )
    rows = session.execute(query.order_by(REPORT_CHILD.c.ref)).mappings()
    place = _registers.secret_place
    opened = ((one["ref"], key.open(one["secret"], place("report_child", row["case_id"], one["ref"]))) for one in rows)
    return [(ref, str(told.get("name") or "")) for ref, told in opened]


def _guardians(session: Session, row: Row, lang: str) -> Iterable[tuple[str, str]]:
    """The case's guardians; only the one whom the instance is about, where it is about one."""
    own = row["context"].get("guardian_id")
    return (one for one in _persons(session, row, lang) if own is None or one[0] == str(own))


def _persons(session: Session, row: Row, lang: str) -> Iterable[tuple[str, str]]:
    for guardian_id, kind, told in children.guardians(session, row["case_id"], row["wrapped_key"]):
        yield str(guardian_id), children.guardian_label(kind, told, lang)


def _units(session: Session, row: Row, lang: str) -> Iterable[tuple[str, str]]:
    county = "/" + "/".join(row["path"].strip("/").split("/")[:3]) + "/"
    query = select(UNIT.c.id, UNIT.c.name_zh, UNIT.c.name_en).where(UNIT.c.path.startswith(county, autoescape=True))
    for unit_id, zh, en in session.execute(query.where(UNIT.c.level != "village").order_by(UNIT.c.path, UNIT.c.id)):
        yield str(unit_id), Text(zh, en).say(lang)


def _providers(session: Session, row: Row, lang: str) -> Iterable[tuple[str, str]]:
    """Units of the kinds that give services: those of the county, then those above it."""
    places = row["path"].strip("/").split("/")[:3]
    county = "/" + "/".join(places) + "/"
    gives = UNIT.c.sector.in_(releases.current_library().roles[PROVIDER]["sectors"])
    query = select(UNIT.c.id, UNIT.c.path, UNIT.c.name_zh, UNIT.c.name_en).where(gives).order_by(UNIT.c.path, UNIT.c.id)
    near = UNIT.c.path.startswith(county, autoescape=True) | UNIT.c.path.in_(units.ancestors(county))
    found = session.execute(query.where(near, UNIT.c.level != "village")).all()
    for unit_id, _path, zh, en in sorted(found, key=lambda unit: not unit.path.startswith(county)):
        yield str(unit_id), Text(zh, en).say(lang)


def _cases(session: Session, row: Row, lang: str) -> Iterable[tuple[str, str]]:
    """Other cases linked with this one."""
    for case_id, name in _linked(session, row):
        yield str(case_id), name or Text(f"个案 {case_id}", f"Case {case_id}").say(lang)


def _linked(session: Session, row: Row) -> Iterable[tuple[int, str]]:
    query = select(CHILD.c.case_id, CHILD.c.secret.label("child_secret"), CASE.c.wrapped_key).join(
        CASE, CASE.c.id == CHILD.c.case_id
    )
    linked = select(LINK.c.other_id).where(LINK.c.case_id == row["case_id"])
    for found in session.execute(query.where(CHILD.c.case_id.in_(linked), CASE.c.wrapped_key.is_not(None))).mappings():
        yield found["case_id"], str(children.told_of(found).get("name") or "")


def _villages(session: Session, row: Row, lang: str) -> Iterable[tuple[str, str]]:
    """Villages within the case's county, or all of them, each after its county and township."""
    within = "/".join(str(row.get("path", "/")).split("/")[:4])
    query = select(UNIT.c.code, UNIT.c.path, UNIT.c.sector, UNIT.c.name_zh, UNIT.c.name_en).order_by(UNIT.c.path)
    query = query.where(UNIT.c.sector.in_(children.GOVERNING))
    names: dict[str, str] = {}
    for code, path, sector, zh, en in session.execute(query):
        names[path] = Text(zh, en).say(lang)
        if sector == "village" and path.startswith(within):
            above = [names.get(place, "") for place in reversed(units.ancestors(path)[1:3])]
            yield code, Text("　", ", ").say(lang).join([*filter(None, above), names[path]])


def _receivers(session: Session, row: Row, lang: str) -> Iterable[tuple[str, str]]:
    """The townships to which a child may move: every other one, those of this county first, each after its county."""
    here = units.ancestors(row["path"])
    query = select(UNIT.c.id, UNIT.c.path, UNIT.c.level, UNIT.c.sector, UNIT.c.name_zh, UNIT.c.name_en)
    found = session.execute(query.where(UNIT.c.sector.in_(children.GOVERNING)).order_by(UNIT.c.path)).all()
    names = {unit.path: Text(unit.name_zh, unit.name_en).say(lang) for unit in found}
    answered = row.get("status", "open") != "open"  # then the case may lie there by now, and the name is still wanted
    others = [unit for unit in found if unit.level == "township" and (answered or unit.path not in here)]
    county = next((place for place in here if len(place.strip("/").split("/")) == COUNTY), "")
    for unit in sorted(others, key=lambda unit: (units.ancestors(unit.path)[1] != county, unit.path)):
        yield str(unit.id), f"{names.get(units.ancestors(unit.path)[1], '')} {names[unit.path]}".strip()


def _receiving_villages(session: Session, row: Row, lang: str) -> Iterable[tuple[str, str]]:
    """The villages of the township to which the case is to be transferred."""
    sent = select(SUBMISSION.c.answers).where(SUBMISSION.c.case_id == row["case_id"], SUBMISSION.c.form == "F40")
    answers = session.scalar(sent.order_by(SUBMISSION.c.id.desc()).limit(1)) or {}
    township = session.scalar(select(UNIT.c.path).where(UNIT.c.id == int(answers.get("to_unit") or 0))) or "-"
    query = select(UNIT.c.code, UNIT.c.name_zh, UNIT.c.name_en).where(UNIT.c.sector == "village")
    for code, zh, en in session.execute(
        query.where(UNIT.c.path.startswith(township, autoescape=True)).order_by(UNIT.c.path)
    ):
        yield code, Text(zh, en).say(lang)


def _candidates(session: Session, row: Row, lang: str) -> Iterable[tuple[str, str]]:
    """Files of children whose name is the same as one in the report (blind index, nothing is scanned).

    Without those that this very report has opened: in danger a child's file comes before the question.
    """
    names = [name for _, name in report_children(session, row) if name]
    query = select(CHILD.c.case_id, CHILD.c.secret.label("child_secret"), CASE.c.wrapped_key, CASE.c.path).join(
        CASE, CASE.c.id == CHILD.c.case_id
    )
    wanted = [_seal.blind_index("child.name", name) for name in names]
    opened = (
        select(REPORT_CHILD.c.case_id)
        .join(Report, Report.id == REPORT_CHILD.c.report_id)
        .where(Report.case_id == row["case_id"], REPORT_CHILD.c.case_id.is_not(None))
    )
    where = (CHILD.c.name_index.in_(wanted), CHILD.c.case_id.not_in(opened), CASE.c.wrapped_key.is_not(None))
    found = session.execute(query.where(*where)).mappings().all()
    standing = {one["case_id"]: _merged.root(session, one["case_id"]) for one in found}
    first = {
        standing[one["case_id"]]: one for one in sorted(found, key=lambda one: one["case_id"] in standing.values())
    }
    for case_id, one in sorted(first.items()):  # of merged files the one that stands
        told = children.told_of(one)
        place = children.place_name(session, one["path"], lang)
        yield str(case_id), f"{told.get('name', '')} {told.get('age_or_dob', '')} {place} #{case_id}"


def _colleagues(session: Session, row: Row, _lang: str) -> Iterable[tuple[str, str]]:
    """Those who could take the overdue task that this escalation is about."""
    task_id = row["context"].get("task_id")
    task = session.execute(select(TASK.c.role, TASK.c.unit_id).where(TASK.c.id == task_id)).first()
    for user_id, name in people.colleagues(session, task.role, task.unit_id) if task else ():
        yield str(user_id), name


SOURCES = {
    "guardians": _guardians,
    "case_persons": _persons,
    "units": _units,
    "providers": _providers,
    "villages": _villages,
    "receivers": _receivers,
    "receiving_villages": _receiving_villages,
    "cases": _cases,
    "candidates": _candidates,
    "colleagues": _colleagues,
}
