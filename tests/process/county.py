"""A small county: its places, its units, a person for every role; and the tables, as tests read them."""

from __future__ import annotations

import sqlalchemy as sa

from app import models
from app.db import db, table, transaction
from app.services import people, releases, units

CITY, COUNTY = "/620000/620700/", "/620000/620700/620702/"
TOWNSHIP = COUNTY + "620702101/"
OTHER_TOWNSHIP = COUNTY + "620702102/"
VILLAGE, OTHER_VILLAGE = TOWNSHIP + "620702101201/", TOWNSHIP + "620702101202/"
PLACES = (
    ("city", CITY, "张掖市", ("city_government", "civil_affairs", "police", "governance", "audit")),
    ("county", COUNTY, "甘州区", (
        "county_government", "civil_affairs", "police", "education", "health", "justice", "relief_institution",
        "welfare_institution", "womens_federation", "social_work", "volunteer",
    )),
    ("township", TOWNSHIP, "柳河镇", ("township_government", "police", "education", "health")),
    ("village", VILLAGE, "红柳滩村", ("village",)),
    ("village", OTHER_VILLAGE, "沙河湾村", ("village",)),
    ("township", OTHER_TOWNSHIP, "上河镇", ("township_government", "police", "education", "health")),
    ("village", OTHER_TOWNSHIP + "620702102201/", "上河湾村", ("village",)),
)  # fmt: skip
"""Level, path, name, and the sectors that have a unit there."""

CASE, CHILD, GUARDIAN, UNIT, POST = (
    table(model) for model in (models.Case, models.Child, models.Guardian, models.Unit, models.Post)
)
INSTANCE, TASK, DEADLINE, SUBSCRIPTION, SUBMISSION = (
    table(model) for model in (models.Instance, models.Task, models.Deadline, models.Subscription, models.Submission)
)
EVENT, OUTBOX, INCIDENT = (table(model) for model in (models.Event, models.Outbox, models.Incident))
LINK, REPORT_LINK, PERFORMANCE = (table(model) for model in (models.CaseLink, models.ReportLink, models.Performance))


def found() -> None:
    """Found the county: units, a person for every role in every unit that has it, the repository's release."""
    with transaction() as session:
        for level, path, name, sectors in PLACES:
            place = path.strip("/").split("/")[-1]
            for sector in sectors:
                code = place if sector in ("village", f"{level}_government") else f"{place}-{sector}"
                values = {"path": path, "level": level, "sector": sector, "name_zh": name + sector, "name_en": code}
                session.add(models.Unit(code=code, **values))
    releases.publish(releases.load())
    for role in releases.current_library().roles.values():
        for code, sector, path in db.session.execute(sa.select(UNIT.c.code, UNIT.c.sector, UNIT.c.path)).all():
            depth = len(path.strip("/").split("/"))
            if sector in role["sectors"] and (role["level"] == "external" or depth == units.depth(role["level"])):
                people.add_user(f"{role['id']}.{code}", f"{role['id']} {code}", "*", [(role["id"], code)])
