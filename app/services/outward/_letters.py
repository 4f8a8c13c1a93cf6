"""What leaves the house of a notice: which kinds go at once, and the words of a letter.

A letter names nobody and no case: it says what kind of thing waits, how many, and where to sign in.
Source: issue "daily work", part 7; ADR 0007.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.services import notices
from app.text import Text


@dataclass(frozen=True, slots=True)
class Urgency:
    """Why a kind of notice does not wait for the digest, and whether it may wake people."""

    wakes: bool
    why: str


URGENT: Mapping[str, Urgency] = {
    "task_urgent": Urgency(True, "the plan gives it a few hours at most: a child is in danger, alone or missing"),
    "facts_added": Urgency(True, "what a reporter adds may be new danger to the child"),
    "transfer_letter": Urgency(True, "until the letter is with the right police, nobody looks for the child"),
    "first_notice": Urgency(True, "the police found something: the child may need a bed tonight"),
    "task_directed": Urgency(True, "a step that protects a child is past its limit, and a supervisor presses it"),
    "task_reassigned": Urgency(True, "a step past its limit has a new owner, who does not know it yet"),
    "glass_broken": Urgency(False, "to be reviewed within a day, which a digest could use up; no child waits for it"),
}
"""Kinds that go out at once; those that do not wake wait for the end of quiet hours. All others: the digest. Choice."""

URGENT_SUBJECT = Text("守望：有一件急事", "Shouwang: something urgent")
DIGEST_SUBJECT = Text("守望：今天的通知", "Shouwang: today's notices")
CODE_SUBJECT = Text("守望：验证码", "Shouwang: your code")
CODE_FROM = Text(
    "30分钟内有效。不是你要的，就不用管它。", "Valid for 30 minutes. If you did not ask for it, ignore it."
)
CODE_WHERE = Text("在这里填：", "Enter it here:")
SIGN_IN = Text("请登录后打开，看了就办：", "Sign in and open it to act on it:")
LANGUAGES = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Letter:
    """Something to send: `id` is the same at each try, so that whoever gets it twice can tell."""

    id: str
    to: str
    subject: str
    text: str
    urgent: bool


def urgent(kind: str, link: str, lang: str) -> tuple[str, str]:
    """Subject and text of one urgent notice."""
    return _say(URGENT_SUBJECT, [[notices.KINDS.get(kind, notices.OTHER)]], link, lang)


def digest(counts: Mapping[str, int], link: str, lang: str) -> tuple[str, str]:
    """Subject and text of a day's digest: how many notices of each kind nobody has read."""
    total = sum(counts.values())
    lines = [[Text(f"还没有人看的通知：{total}条", f"Notices that nobody has read: {total}")]]
    for kind in sorted(counts, key=lambda kind: (kind not in URGENT, kind)):
        lines.append([Text(f"{counts[kind]}条：", f"{counts[kind]}: "), notices.KINDS.get(kind, notices.OTHER)])
    return _say(DIGEST_SUBJECT, lines, link, lang)


def code(digits: str, link: str, lang: str) -> tuple[str, str]:
    """Subject and text of the code that confirms an address."""
    said = Text(f"守望的验证码：{digits}。", f"Your code for Shouwang: {digits}. ")
    return _say(CODE_SUBJECT, [[said, CODE_FROM]], link, lang, CODE_WHERE)


def _say(
    subject: Text, lines: Sequence[Sequence[Text]], link: str, lang: str, where: Text = SIGN_IN
) -> tuple[str, str]:
    """In the person's language; in both, where it is not known."""
    spoken = [lang] if lang in LANGUAGES else LANGUAGES
    parts = ["\n".join("".join(text.say(one) for text in line) for line in [*lines, [where]]) for one in spoken]
    return " / ".join(subject.say(one) for one in spoken), "\n\n".join(parts) + f"\n{link}\n"
