"""What is asked of the access rules, and what they answer: who asks, to do what, with which task or case. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

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
    "merge",  # two files of one child, and undo it; a person needs it for both
    "attach",  # a report to the case of another child, or take it away
    "unseal",  # break the glass: see `Decision.needs`
    "edit",
    "review",  # drafts and releases: what changed, and who did what
    "publish",  # approve a draft, so that it becomes a release; or refuse it
    "verify",
    "export",
    "administer",
]
Sensitivity = Literal["S0", "S1", "S2", "S3"]


@dataclass(frozen=True, slots=True)
class Post:
    """A role held in a unit, whose region is `unit_path`."""

    role: str
    unit_path: str
    sector: str = ""
    unit_id: int | None = None


@dataclass(frozen=True, slots=True)
class StandIn:
    """The post of somebody who is away, whose open work a person does meanwhile.

    `alone`: nobody is there who holds the post, so its free tasks come along. It opens nothing that the
    person would not see anyway: who may stand in holds the same post, or answers for it (`rules.standing`).
    """

    person_id: int
    name: str
    post: Post
    until: datetime
    alone: bool = False

    def covers(self, resource: Resource) -> bool:
        """Whether this is a task of the post: in the absent person's hands, or nobody's."""
        if resource.kind != "task" or (resource.role, resource.unit_id) != (self.post.role, self.post.unit_id):
            return False
        return resource.assignee_id == self.person_id or (self.alone and resource.assignee_id is None)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody signed in, with their own posts, those they stand in for, and those for which they are on duty now."""

    id: int
    posts: tuple[Post, ...]
    stands_in: tuple[StandIn, ...] = ()
    on_duty: tuple[Post, ...] = ()

    def for_whom(self, resource: Resource) -> StandIn | None:
        """As whose substitute the person works on this task; None where it is theirs anyway."""
        free_here = any((post.role, post.unit_id) == (resource.role, resource.unit_id) for post in self.posts)
        if resource.assignee_id == self.id or (resource.assignee_id is None and free_here):
            return None
        return next((one for one in self.stands_in if one.covers(resource)), None)


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
