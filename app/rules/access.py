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
from typing import Any, Self

from app.errors import Refused
from app.rules.asking import Action, Decision, Kind, Party, Person, Post, Resource, Sensitivity, StandIn
from app.text import Text

__all__ = ["Access", "Action", "Decision", "Kind", "Party", "Person", "Post", "Reach", "Resource", "Scope", "Sensitivity",
           "StandIn", "within"]  # fmt: skip

AUDITOR, POLICY, APPROVER, ADMIN = "auditor", "policy", "approver", "admin"
SYSTEM_POSTS = frozenset((AUDITOR, POLICY, APPROVER, ADMIN))

NO_JOB = frozenset(("system", "escalation"))
"""Levels of roles.json that nobody holds: the software's own lane, and places a diagram fills in later."""

PLACE_ROLES = frozenset(("village_worker", "township_worker"))
"""They keep the ledger of the children who live there: they see each child's case, task or not."""

EXTERNAL = "external"
"""Level of bodies outside government: they see their own task and nothing more of the case."""

FOR_A_TIME = frozenset(("assessment_team", "township_in", "provider", "helper"))
"""Roles called in for one piece of work: what it opened is closed again with the task, also to who did it."""

TASK_ONLY = frozenset(("township_in",))
"""Roles asked one question about a case that is not theirs: the task opens, the case does not until they take it."""

MERGES = frozenset(("township_worker", "county_worker", "county_lead", "city_civil"))
ATTACHES = MERGES | {"police_intake", "police_officer", "police_chief"}
"""Posts that find two files to be one child's, where they answer for both places; that say whose a report is. Proposals."""

NEVER_SEALED = frozenset(("village_worker", "class_teacher", "school_lead", "provider", "helper"))
"""Posts that never read S3 but what the person wrote: "看不到报告人身份和密封内容"."""


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

    def opens(self, resource: Resource) -> bool:
        """Whether it is work of the person's own posts, or supervised work that no seal shuts."""
        unsealed = not resource.seal or self.person_id in resource.glass_ids
        return _covered(self.own, resource) or (unsealed and _covered(self.supervised, resource))

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
    ("library", "review"): frozenset((POLICY, APPROVER, AUDITOR)),
    ("library", "publish"): frozenset((APPROVER,)),
    ("log", "see"): frozenset((AUDITOR,)),
    ("log", "verify"): frozenset((AUDITOR,)),
    ("log", "export"): frozenset((AUDITOR,)),
    ("figures", "export"): frozenset((AUDITOR,)),
    ("system", "see"): frozenset((ADMIN,)),
    ("system", "administer"): frozenset((ADMIN,)),
}
"""What system posts may do. That who changes a draft never approves it is the rule of services/studio/drafts.py."""


@dataclass(frozen=True)
class Access:
    """The policy under one roles.json; make one with `load`."""

    levels: Mapping[str, str]
    _inside: Mapping[str, frozenset[str]] = field(repr=False)
    _below: Mapping[str, frozenset[str]] = field(repr=False)
    _above: Mapping[str, tuple[str, ...]] = field(repr=False)

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
            above,
        )

    def supervises(self, role: str) -> frozenset[str]:
        """The roles whose work `role` answers for."""
        return self._inside.get(role, frozenset()) | self._below.get(role, frozenset())

    def above(self, role: str) -> tuple[str, ...]:
        """The roles that answer for `role`, nearest first."""
        return self._above.get(role, ())

    def answers_for(self, upper: Post, lower: Post) -> bool:
        """Whether who holds `upper` answers for the work of `lower`."""
        party = Party(lower.role, lower.unit_path, lower.unit_id)
        return any(reach.covers(party) for reach in self.scope(Person(0, (upper,))).supervised)

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
        return Reach(
            post.unit_path,
            frozenset((post.role,)),
            post.unit_id,
            self.levels[post.role] == EXTERNAL or post.role in TASK_ONLY,
        )

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
            stands_in = action == "work" and scope.opens(resource) and person.for_whom(resource) is not None
            return Decision(True, "stands_in") if stands_in else _work(action, resource, rule)
        if action == "correct":
            return _correct(person, scope, resource)
        if action == "unseal":
            return self._unseal(scope, resource)
        allowed = {
            "see": True,
            "replay": not self._outsider(person),
            "remark": rule in _INVOLVED and resource.kind == "task",
            "register": rule in _INVOLVED and not self._outsider(person),
            "merge": resource.kind == "case" and _holds(person, MERGES, resource.unit_path),
            "attach": resource.kind == "report" and rule in _INVOLVED and _holds(person, ATTACHES),
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
        does_it = rule in ("assigned", "team") or _stands_in_unsealed(person, resource)
        if does_it and any(post.role not in NEVER_SEALED for post in self._posts(person)):
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


def _holds(person: Person, roles: frozenset[str], path: str | None = None) -> bool:
    """Whether the person holds one of the posts, for the region of `path` where one is given."""
    return any(post.role in roles and (path is None or within(path, post.unit_path)) for post in person.posts)


def _reason(person: Person, resource: Resource) -> frozenset[str]:
    """A reason, unless one was given a short while ago."""
    return frozenset() if person.id in resource.reason_ids else REASON


def _stands_in_unsealed(person: Person, resource: Resource) -> bool:
    """Whether the person does this task for somebody away whose post reads S3: a substitute reads no more than they."""
    return any(one.covers(resource) and one.post.role not in NEVER_SEALED for one in person.stands_in)


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
