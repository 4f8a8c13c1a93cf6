"""First-visit tours: a few plain sentences about a page, each beside what it is about.

One tour for each page that somebody begins on. Whoever it is for sees it once; the account remembers, and the
help menu shows it again. Without script the same words stand on a page of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flask import request
from flask_security import current_user

from app.db import db
from app.rules.access import ADMIN, AUDITOR, POLICY, SYSTEM_POSTS, Person
from app.services import access
from app.text import Text


@dataclass(frozen=True, slots=True)
class Step:
    """One sentence or two, and the part of the page they are about (a CSS selector; the first that is there)."""

    at: str
    title: Text
    words: Text


@dataclass(frozen=True, slots=True)
class Tour:
    """The steps for one page; `key` is what the account remembers."""

    key: str
    endpoint: str
    title: Text
    audience: Callable[[Person], bool]
    steps: tuple[Step, ...]


def _holds(role: str) -> Callable[[Person], bool]:
    return lambda person: any(post.role == role for post in person.posts)


def _works(person: Person) -> bool:
    return any(post.role not in SYSTEM_POSTS for post in person.posts)


def _supervises(person: Person) -> bool:
    return any(access.policy(db.session()).supervises(post.role) for post in person.posts)


MENU = Step(
    "details.person summary",
    Text("帮助在名字下面", "Help is under your name"),
    Text(
        "点自己的名字：有帮助、词语解释、验证器、退出登录，也能再看一遍这个介绍。",
        "Press your name: help, the words, the authenticator, sign out, and this tour once more.",
    ),
)
TOURS: Mapping[str, Tour] = {
    tour.endpoint: tour
    for tour in (
        Tour("inbox", "desk.inbox", Text("待办", "Tasks"), _works, (
            Step(".inbox-list h1", Text("这里是轮到你办的事", "These are the things to do"),
                 Text("先办期限已过和今天到期的。过了期限也照样能办，不会锁住。",
                      "Begin with what is past due or due today. What is past due can still be done; nothing locks.")),
            Step(".inbox-views, .views", Text("换一种看法", "Other lists"),
                 Text("“要我办的”是你领了的；“可领取”还没人领，领了才归你。旁边的数字是件数。",
                      "“Mine” are those you took; “Free to take” nobody has yet. The figure is how many.")),
            Step(".inbox-rows > li, .empty", Text("一行一件事", "One line, one thing"),
                 Text("做什么、哪个孩子、办到什么时候。点开就是要填的表，写一半会自动存成草稿。",
                      "What, which child, until when. Open it and the form is there; half-filled forms are kept as drafts.")),
            Step(".narrow-search, [data-key-find]", Text("找一件事", "Find something"),
                 Text("按孩子的姓名、编号或地名找。报告人手里的编号也行。",
                      "By a child’s name, a number or a place; a reporter’s number works too.")),
            MENU,
        )),
        Tour("oversight", "oversight.index", Text("督办台", "Oversight"), _supervises, (
            Step("main h1", Text("第一句说有几件要你定", "The first sentence says how many wait for you"),
                 Text("都是过了期限、轮到你处理的事。先看红色风险的孩子。",
                      "They are past due and have come to you. Look first at children at risk red.")),
            Step(".decide-card, .empty, .note", Text("四种办法", "Four decisions"),
                 Text("督办：写先做什么。改派：换个人。延期：写理由和新日子。本就不适用：这条期限不该有。",
                      "Direct: say what to do first. Reassign: another person. Extend: a reason and a day. Never applied: no such deadline.")),
            Step("#by-unit", Text("按单位看期限", "Deadlines by unit"),
                 Text("看哪个单位吃紧、需要帮手；不给人排名次。",
                      "Which unit is short of hands; people are never ranked.")),
            Step("a[href$='/tonight']", Text("今晚孩子都在哪", "Where every child is tonight"),
                 Text("没有确认的排在最前面。旁边还有每个人手上的工作量。",
                      "The unconfirmed come first. Beside it: how much each person has in hand.")),
            MENU,
        )),
        Tour("audit", "audit.index", Text("审计", "Audit"), _holds(AUDITOR), (
            Step("main h1", Text("这里能看全部个案，不能改", "Every case to look into, none to change"),
                 Text("点编号就能一步步回放：发生了什么，当时知道什么。",
                      "Press a number to replay it: what happened, and what was known then.")),
            Step("table .reach, .empty", Text("先不显示姓名", "Names come after a reason"),
                 Text("说明理由后开15分钟，这次查看会记进那个个案。",
                      "Say why; they open for 15 minutes, and the look is recorded in that case.")),
            Step(".audit-ways", Text("一起看、抽样、存证", "All at once, samples, evidence"),
                 Text("所有个案里该办没办的、按种子抽样，还有打印出来放到系统外面的签名单。",
                      "What was not done in all cases, samples by a seed, and a signed head to keep outside.")),
            MENU,
        )),
        Tour("processes", "processes.index", Text("流程", "Processes"), _holds(POLICY), (
            Step("main h1", Text("图上怎么画，系统就怎么走", "The system runs what is drawn"),
                 Text("这些图、表单和期限归你们管，程序里没有藏着别的流程。",
                      "Diagrams, forms and deadlines are yours; no process is hidden in the program.")),
            Step("table tbody tr", Text("点开一个流程", "Open a process"),
                 Text("看每一步谁办、填什么、期限多长、依据哪一条。右边的数字是现在有多少在办。",
                      "Who does each step, the form, the limit and its basis. The figure is how many run now.")),
            Step("header .tag-outline, .page-head .tag", Text("版本", "Release"),
                 Text("改了要发布新版本；在办的个案一直按开始时的版本办完。",
                      "Changes come with a new release; running cases end under the one they began with.")),
            MENU,
        )),
        Tour("system", "system.index", Text("系统", "System"), _holds(ADMIN), (
            Step("main h1", Text("第一句说系统能不能正常干活", "The first sentence says whether all is well"),
                 Text("要你处理的排在前面，每一条都写着怎么办。",
                      "What needs you comes first, each with what to do.")),
            Step("#checks", Text("定时任务和投递", "Jobs and deliveries"),
                 Text("期限、通知、记录签名由后台定时做。这里看它们有没有停。",
                      "Deadlines, notices and signatures are done in the background; here you see whether they stand still.")),
            Step("nav.sections, nav.tabs", Text("人员和单位", "People and units"),
                 Text("加人、结束岗位、重置密码和验证器、加单位。你看不到孩子的任何内容。",
                      "Add people, end posts, reset passwords and authenticators, add units. You see nothing of any child.")),
            MENU,
        )),
    )
}  # fmt: skip
KEYS: Mapping[str, Tour] = {tour.key: tour for tour in TOURS.values()}


def here(person: Person) -> Tour | None:
    """The tour of the page that is asked for, where it is for this person."""
    tour = TOURS.get(request.endpoint or "")
    return tour if tour is not None and tour.audience(person) else None


def to_show(tour: Tour | None) -> bool:
    """Whether it opens by itself: on the first visit, or when asked for again."""
    return tour is not None and ("tour" in request.args or tour.key not in current_user.tours.split(","))
