"""Invented people with a post for every role of the plan, and the sign-ins to practise with.

The named ones all serve one village, its township, county and city, so that a case can be followed
from desk to desk. Everyone has the same password; practice installations only.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask_security.utils import hash_password
from sqlalchemy import insert
from sqlalchemy.orm import Session

from app.db import table
from app.demo import words
from app.demo.places import CITY, CITY_PATH, Place, places
from app.models import Post, Unit, User
from app.services import practice, units
from app.text import Text

VILLAGE = "620702101201"
"""Where the named people work: its township and county are the beginning of its code."""
SEATS: tuple[tuple[str, ...], ...] = (
    ("village_worker",),
    ("township_worker", "assessment_team", "township_out", "township_in"),
    ("township_lead",),
    ("police_intake", "police_officer", "police_station"),
    ("police_chief",),
    ("police_missing", "proxy_applicant"),
    ("class_teacher",),
    ("school_lead",),
    ("county_worker",),
    ("county_legal",),
    ("county_lead", "superior_body"),
    ("county_head", "county_government", "responsible_unit"),
    ("education_bureau",),
    ("institution_carer",),
    ("legal_aid",),
    ("provider", "helper"),
    ("city_civil", "conference_office", "inspection_team", "leading_unit", "member_unit", "liaison"),
    ("city_governance",),
    ("convener",),
    ("auditor",),
    ("policy",),
    ("approver",),
    ("admin",),
)
"""Roles that one person of a unit holds together, as far as the unit has them."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """A named person to sign in as."""

    username: str
    role: str
    unit: str
    title: Text


COUNTY, TOWNSHIP = VILLAGE[:6], VILLAGE[:9]
SIGN_INS = (
    SignIn("jingcha", "police_intake", f"{TOWNSHIP}-police", Text("受理民警", "Police officer, intake and response")),
    SignIn("suozhang", "police_chief", f"{TOWNSHIP}-police", Text("派出所长", "Police supervisor")),
    SignIn("cunzhang", "village_worker", VILLAGE, Text("村未保专干", "Village child-protection worker")),
    SignIn("dudao", "township_worker", TOWNSHIP, Text("乡镇儿童督导员", "Township child supervisor")),
    SignIn("xiangzhen", "township_lead", TOWNSHIP, Text("乡镇分管领导", "Township leader in charge")),
    SignIn("minzheng", "county_worker", f"{COUNTY}-civil_affairs", Text("县民政个案员", "County caseworker")),
    SignIn("fazhi", "county_legal", f"{COUNTY}-civil_affairs", Text("县民政法制岗", "County legal officer")),
    SignIn("kezhang", "county_lead", f"{COUNTY}-civil_affairs", Text("县民政科室负责人", "County section head")),
    SignIn("xianzhang", "county_head", COUNTY, Text("县政府分管领导", "County leader in charge")),
    SignIn("xingjing", "police_missing", f"{COUNTY}-police", Text("打拐刑侦", "Missing-child investigator")),
    SignIn("baoyu", "institution_carer", f"{COUNTY}-relief_institution", Text("机构照料员", "Institution carer")),
    SignIn("yuanzhu", "legal_aid", f"{COUNTY}-justice", Text("法律援助", "Legal aid")),
    SignIn("shegong", "provider", f"{COUNTY}-social_work", Text("服务机构", "Service provider")),
    SignIn("zhiban", "police_intake", f"{CITY}-police", Text("市局值班（未写明地点的报告）", "City police, reports without a place")),
    SignIn("shenji", "auditor", f"{CITY}-audit", Text("审计员", "Auditor")),
    SignIn("zhengce", "policy", f"{CITY}-civil_affairs", Text("政策岗", "Policy officer")),
    SignIn("shenhe", "approver", f"{CITY}-civil_affairs", Text("审核岗", "Approver of releases")),
    SignIn("guanli", "admin", f"{CITY}-civil_affairs", Text("系统管理员", "Administrator")),
)  # fmt: skip
NAMED: Mapping[tuple[str, str], str] = {(one.role, one.unit): one.username for one in SIGN_INS}
GOVERNING = ("city_government", "county_government")


def settle(session: Session, roles: Iterable[Mapping[str, Any]], rng: random.Random) -> None:
    """Put up all units of the region, and a person for every seat of each. Commits nothing itself."""
    found: dict[str, int] = {}
    for place in places():
        found[place.code] = _add_unit(session, place, found.get(place.parent or ""))
    password, known = hash_password(practice.PASSWORD), tuple(roles)
    seats = sorted([*_seats(known), *_stand_ins(session, known, found)], key=lambda seat: "approver" in seat.roles)
    people = [
        (person, {"name": words.adult_name(rng), "password": password, "fs_uniquifier": secrets.token_hex(16)})
        for person in seats
    ]
    users = [
        {"username": person.username, "email": f"{person.username}@shouwang.invalid", "active": True,
         "failed_sign_ins": 0, **more}
        for person, more in people
    ]  # fmt: skip
    ids = session.scalars(insert(table(User)).returning(User.id, sort_by_parameter_order=True), users).all()
    session.execute(insert(table(Post)), [
        {"user_id": user_id, "role": role, "unit_id": found[person.unit]}
        for user_id, (person, _) in zip(ids, people, strict=True)
        for role in person.roles
    ])  # fmt: skip


def _add_unit(session: Session, place: Place, parent_id: int | None) -> int:
    values = {
        "code": place.code, "parent_id": parent_id, "path": place.path, "level": place.level, "sector": place.sector,
        "name_zh": place.zh, "name_en": place.en,
    }  # fmt: skip
    unit_id: int = session.execute(insert(table(Unit)).values(values).returning(Unit.id)).scalar_one()
    return unit_id


@dataclass(frozen=True, slots=True)
class Seat:
    """A person to be: how they sign in, where they work, what they do there."""

    username: str
    unit: str
    roles: tuple[str, ...]


def _seats(roles: tuple[Mapping[str, Any], ...]) -> Iterator[Seat]:
    for place in places():
        here = {role["id"] for role in roles if _works_at(role, place)}
        for seat in SEATS:
            held = tuple(role for role in seat if role in here)
            if held:
                yield Seat(NAMED.get((held[0], place.code), f"{held[0]}.{place.code}"), place.code, held)


def _stand_ins(session: Session, roles: tuple[Mapping[str, Any], ...], found: Mapping[str, int]) -> Iterator[Seat]:
    """Those in the city's bodies who do the work of levels below where a report names no place."""
    codes = {unit_id: code for code, unit_id in found.items()}
    held: dict[str, list[str]] = {}
    for role in roles:
        if role["level"] in ("village", "township", "county") and role["sectors"] != ["all"]:
            held.setdefault(codes[units.resolve(session.connection(), role, CITY_PATH)], []).append(role["id"])
    for unit, duties in held.items():
        yield Seat(NAMED.get(("police_intake", unit), f"duty.{unit}"), unit, tuple(duties))


def _works_at(role: Mapping[str, Any], place: Place) -> bool:
    """Whether somebody in this unit holds the role; what any body may hold is held where the region is governed."""
    if role["level"] != place.level and not (role["level"] == "external" and place.level == "county"):
        return False
    return place.sector in (GOVERNING if role["sectors"] == ["all"] else role["sectors"])
