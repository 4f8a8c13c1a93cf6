"""Who may do what: role × region tree × assignment × seal. Deny by default; every answer names its rule.

`Access.scope` is what a list may show and `Access.can(…, "see", …)` asks the same scope, so that a
page never leaks what a list hides. Pure: services say where a thing lies and who works on it.

A region path is codes joined by "/" and closed by "/" (/620000/620700/620702/): within is a prefix test.
What each role sees, and that supervisors see their subordinates' work in their region, are
proposals (roles.json `sees`, `escalates_to`), editable. Source: 未成年人网络保护条例36 (least privilege).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from app.errors import Refused
from app.text import Text

Kind = Literal["task", "case", "report", "library", "figures", "log", "system"]
Action = Literal[
    "see",  # that it is there, and its S0 and S1
    "read",  # a field of `sensitivity`
    "take",  # an unassigned task, for oneself
    "work",  # save or submit a task
    "correct",  # what was sent with a task; `author_id` is who sent it
    "remark",  # tell colleagues something at a task
    "supervise",  # direct, reassign, extend, release, find not applicable
    "register",  # 记一件事 in a case
    "replay",  # its history
    "unseal",  # break the glass: see `Decision.needs`
    "edit",
    "publish",
    "verify",
    "export",
    "administer",
]
Sensitivity = Literal["S0", "S1", "S2", "S3"]

AUDITOR, POLICY, ADMIN = "auditor", "policy", "admin"
SYSTEM_POSTS = frozenset((AUDITOR, POLICY, ADMIN))

NO_JOB = frozenset(("system", "escalation"))
"""Levels of roles.json that nobody holds: the software's own lane, and places a diagram fills in later."""

PLACE_ROLES = frozenset(("village_worker", "township_worker"))
"""They keep the ledger of the children who live there: they see each child's case, task or not."""

EXTERNAL = "external"
"""Level of bodies outside government: they see their own task and nothing more of the case."""

FOR_A_TIME = frozenset(("assessment_team", "township_in", "provider", "helper"))
"""Roles called in for one piece of work: what it opened is closed again with the task, also to who did it."""

NEVER_SEALED = frozenset(("village_worker", "class_teacher", "school_lead", "provider", "helper"))
"""Posts that never read S3 but what the person wrote: "看不到报告人身份和密封内容"."""


@dataclass(frozen=True, slots=True)
class Post:
    """A role held in a unit, whose region is `unit_path`."""

    role: str
    unit_path: str
    sector: str = ""
    unit_id: int | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody signed in, with their own posts and those they stand in for."""

    id: int
    posts: tuple[Post, ...]


@dataclass(frozen=True, slots=True)
class Party:
    """A role of a unit that has work in a case."""

    role: str
    unit_path: str
    unit_id: int | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    """What is asked for.

    A task names its `role`, `unit_path` and `unit_id` (who is to do it) and `assignee_id`. A case or
    report names its place as `unit_path`, in `parties` the units with a task in it (roles in FOR_A_TIME
    only while theirs is open), and in `team_ids` the persons named to it or holding a task in it, within
    the same limits. `seal`: only own tasks and the team.
    `barred_unit_ids`: units that may not know, such as the one reported on. `author_id`: who wrote a field.
    `case_id`: the case it is, or belongs to. `glass_ids`: persons who broke the glass on that case and may
    still look; `reason_ids`: persons who gave a reason for seeing it a short while ago.
    """

    kind: Kind
    unit_path: str = ""
    role: str = ""
    unit_id: int | None = None
    assignee_id: int | None = None
    seal: bool = False
    team_ids: frozenset[int] = frozenset()
    parties: tuple[Party, ...] = ()
    barred_unit_ids: frozenset[int] = frozenset()
    author_id: int | None = None
    case_id: int | None = None
    glass_ids: frozenset[int] = frozenset()
    reason_ids: frozenset[int] = frozenset()

    @property
    def all_parties(self) -> tuple[Party, ...]:
        """The parties, and for a task the one that it is for."""
        return (*self.parties, Party(self.role, self.unit_path, self.unit_id)) if self.role else self.parties


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer and the rule that gave it. `hidden`: answer as if there were no such thing.

    `needs`: what the person must give first ("reason", "second_factor"); the reading is logged with it.
    """

    allowed: bool
    rule: str
    hidden: bool = False
    needs: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return self.allowed


@dataclass(frozen=True, slots=True)
class Reach:
    """Work of `roles` in units within `path`; of one unit only when `unit_id` is given.

    `tasks_only`: the work opens the task, not the case it belongs to.
    """

    path: str
    roles: frozenset[str]
    unit_id: int | None = None
    tasks_only: bool = False

    def covers(self, party: Party) -> bool:
        """Whether the party's work is within."""
        if party.role not in self.roles:
            return False
        if self.unit_id is not None and party.unit_id is not None:
            return self.unit_id == party.unit_id
        return within(party.unit_path, self.path)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a person's lists may show: own work, supervised work, children at a place, audited regions, own name."""

    person_id: int
    own: tuple[Reach, ...]
    supervised: tuple[Reach, ...]
    places: tuple[str, ...]
    audited: tuple[str, ...]
    unit_ids: frozenset[int]

    @property
    def prefixes(self) -> tuple[tuple[str, frozenset[str]], ...]:
        """(path prefix, roles) of all work within reach."""
        return tuple((reach.path, reach.roles) for reach in (*self.own, *self.supervised))

    def rule_for(self, resource: Resource) -> str | None:
        """The first rule by which the person sees the task, case or report; None when they do not."""
        if self.unit_ids & resource.barred_unit_ids:
            return None
        if resource.assignee_id == self.person_id:
            return "assigned"
        if self.person_id in resource.team_ids:
            return "team"
        if _covered(self.own, resource):
            return "own"
        if any(within(resource.unit_path, path) for path in self.audited):
            return "audits"
        return self._rule_for_sealed(resource) if resource.seal else self._rule_for_open(resource)

    def _rule_for_sealed(self, resource: Resource) -> str | None:
        return GLASS if self.person_id in resource.glass_ids and _covered(self.supervised, resource) else None

    def _rule_for_open(self, resource: Resource) -> str | None:
        if _covered(self.supervised, resource):
            return "supervises"
        if resource.kind == "case" and any(within(resource.unit_path, path) for path in self.places):
            return "place"
        return None


def within(path: str, prefix: str) -> bool:
    """Whether region `path` lies in `prefix`; an empty or malformed prefix holds nothing."""
    return len(prefix) > 2 and prefix[0] == prefix[-1] == "/" and path.startswith(prefix)


def _covered(reaches: Iterable[Reach], resource: Resource) -> bool:
    opening = [reach for reach in reaches if resource.kind == "task" or not reach.tasks_only]
    return any(reach.covers(party) for reach in opening for party in resource.all_parties)


CASEWORK = frozenset(("task", "case", "report"))
REASON = frozenset(("reason",))
GLASS = "break_glass"
_INVOLVED = frozenset(("assigned", "team", "own", "supervises"))

SYSTEM_RULES: Mapping[tuple[Kind, Action], frozenset[str]] = {
    ("library", "edit"): frozenset((POLICY,)),
    ("library", "publish"): frozenset((POLICY,)),
    ("log", "see"): frozenset((AUDITOR,)),
    ("log", "verify"): frozenset((AUDITOR,)),
    ("log", "export"): frozenset((AUDITOR,)),
    ("figures", "export"): frozenset((AUDITOR,)),
    ("system", "see"): frozenset((ADMIN,)),
    ("system", "administer"): frozenset((ADMIN,)),
}
"""What system posts may do. That publishing takes two persons is the publishing service's rule."""


@dataclass(frozen=True)
class Access:
    """The policy under one roles.json; make one with `load`."""

    levels: Mapping[str, str]
    _inside: Mapping[str, frozenset[str]] = field(repr=False)
    _below: Mapping[str, frozenset[str]] = field(repr=False)

    @classmethod
    def load(cls, roles: Iterable[Mapping[str, Any]]) -> Self:
        """The policy of roles.json. Raises Refused where escalation runs in a circle or to nobody."""
        rows = {row["id"]: row for row in roles if row["level"] not in NO_JOB and row["id"] not in SYSTEM_POSTS}
        above = {id_: tuple(_chain(id_, rows)) for id_ in rows}
        inside: dict[str, set[str]] = {id_: set() for id_ in rows}
        below: dict[str, set[str]] = {id_: set() for id_ in rows}
        for id_, chain in above.items():
            for upper in chain:
                (inside if _same_body(rows[id_], rows[upper]) else below)[upper].add(id_)
        return cls(
            {id_: row["level"] for id_, row in rows.items()},
            {id_: frozenset(found) for id_, found in inside.items()},
            {id_: frozenset(found) for id_, found in below.items()},
        )

    def supervises(self, role: str) -> frozenset[str]:
        """The roles whose work `role` answers for."""
        return self._inside.get(role, frozenset()) | self._below.get(role, frozenset())

    def scope(self, person: Person) -> Scope:
        """What this person's lists may show; services turn it into a query filter."""
        posts = [post for post in person.posts if post.role in self.levels]
        supervised = [Reach(post.unit_path, self._inside[post.role], post.unit_id) for post in posts]
        supervised += [Reach(post.unit_path, self._below[post.role]) for post in posts]
        return Scope(
            person_id=person.id,
            own=tuple(self._own(post) for post in posts),
            supervised=tuple(reach for reach in supervised if reach.roles),
            places=tuple(post.unit_path for post in posts if post.role in PLACE_ROLES),
            audited=tuple(post.unit_path for post in person.posts if post.role == AUDITOR),
            unit_ids=frozenset(post.unit_id for post in person.posts if post.unit_id is not None),
        )

    def _own(self, post: Post) -> Reach:
        return Reach(post.unit_path, frozenset((post.role,)), post.unit_id, self.levels[post.role] == EXTERNAL)

    def can(self, person: Person, action: Action, resource: Resource, sensitivity: Sensitivity = "S1") -> Decision:
        """Whether `person` may do `action`; `sensitivity` is that of the field to be read."""
        if resource.kind in CASEWORK:
            return self._casework(person, action, resource, sensitivity)
        if resource.kind in ("library", "figures") and action == "see" and person.posts:
            return Decision(True, "everyone")
        held = SYSTEM_RULES.get((resource.kind, action), frozenset()) & {post.role for post in person.posts}
        return Decision(True, min(held)) if held else Decision(False, "default")

    def _casework(self, person: Person, action: Action, resource: Resource, sensitivity: Sensitivity) -> Decision:
        scope = self.scope(person)
        rule = scope.rule_for(resource)
        if rule is None:
            return self._unseen(scope, action, resource)
        if action == "read":
            return self._read(person, resource, sensitivity, rule)
        if action in ("take", "work"):
            return _work(action, resource, rule)
        if action == "correct":
            return _correct(person, scope, resource)
        if action == "unseal":
            return self._unseal(scope, resource)
        allowed = {
            "see": True,
            "replay": not self._outsider(person),
            "remark": rule in _INVOLVED and resource.kind == "task",
            "register": rule in _INVOLVED and not self._outsider(person),
            "supervise": _covered(scope.supervised, resource),
            "export": rule == "audits",
        }.get(action, False)
        asks = allowed and rule == "audits" and resource.seal
        needs = _reason(person, resource) if asks else frozenset()
        return Decision(allowed, rule if allowed else "default", needs=needs)

    def _unseen(self, scope: Scope, action: Action, resource: Resource) -> Decision:
        glass = self._unseal(scope, resource) if action == "unseal" else None
        return glass if glass else Decision(False, "default", hidden=True)

    def _unseal(self, scope: Scope, resource: Resource) -> Decision:
        """Break-glass: supervisors, for a reason, with a second factor; never a barred unit. Reviewed within a day."""
        if scope.unit_ids & resource.barred_unit_ids:
            return Decision(False, "barred")
        if _covered(scope.supervised, resource):
            return Decision(True, GLASS, needs=frozenset(("reason", "second_factor")))
        return Decision(False, "default")

    def _read(self, person: Person, resource: Resource, sensitivity: Sensitivity, rule: str) -> Decision:
        if resource.author_id == person.id or sensitivity in ("S0", "S1"):
            return Decision(True, "author" if resource.author_id == person.id else rule)
        if person.id in resource.glass_ids and _covered(self.scope(person).supervised, resource):
            return Decision(True, GLASS)
        if sensitivity == "S2":
            return self._read_sensitive(person, resource, rule)
        if rule in ("assigned", "team") and any(post.role not in NEVER_SEALED for post in self._posts(person)):
            return Decision(True, rule, needs=REASON)
        return Decision(False, "sealed")

    def _read_sensitive(self, person: Person, resource: Resource, rule: str) -> Decision:
        if rule == "audits":
            return Decision(True, rule, needs=_reason(person, resource))
        if self._outsider(person) and resource.kind != "task":
            return Decision(False, "outsider")
        return Decision(True, rule)

    def _outsider(self, person: Person) -> bool:
        """Whether the person's posts are all in bodies outside government, the auditor's aside."""
        held = {self.levels.get(post.role, post.role) for post in person.posts}
        return held <= {EXTERNAL}

    def _posts(self, person: Person) -> tuple[Post, ...]:
        return tuple(post for post in person.posts if post.role in self.levels)


def _reason(person: Person, resource: Resource) -> frozenset[str]:
    """A reason, unless one was given a short while ago."""
    return frozenset() if person.id in resource.reason_ids else REASON


def _work(action: Action, resource: Resource, rule: str) -> Decision:
    if resource.kind != "task" or rule not in ("assigned", "own"):
        return Decision(False, "default")
    if resource.assignee_id is None or (rule == "assigned" and action == "work"):
        return Decision(True, rule)
    return Decision(False, "taken")


def _correct(person: Person, scope: Scope, resource: Resource) -> Decision:
    """Whoever filled it in, or who answers for their work."""
    if resource.kind == "task" and resource.author_id == person.id:
        return Decision(True, "author")
    supervises = resource.kind == "task" and _covered(scope.supervised, resource)
    return Decision(supervises, "supervises" if supervises else "default")


def _same_body(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> bool:
    """Whether both roles sit in one unit: a school's head answers for that school's teachers, not another's."""
    return bool(lower["level"] == upper["level"] and lower["sectors"] == upper["sectors"])


def _chain(id_: str, rows: Mapping[str, Mapping[str, Any]]) -> Iterable[str]:
    """Those above `id_`, nearest first."""
    seen = {id_}
    upper = rows[id_]["escalates_to"]
    while upper is not None:
        if upper in seen or upper not in rows:
            raise Refused(
                "roles",
                Text(f"岗位 {id_} 的督办链走不通：{upper}", f"The escalation of role {id_} does not end: {upper}"),
                role=id_,
            )
        yield upper
        seen.add(upper)
        upper = rows[upper]["escalates_to"]
