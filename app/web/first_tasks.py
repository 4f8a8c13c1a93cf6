"""The first tasks of each audience, as a paper: docs/first-tasks(.zh).md is written from docs/first-tasks.json.

`python -m app.web.first_tasks` writes both; a test holds them to the same words, and clicks every one.
"""

from __future__ import annotations

import json

from app.web.guides import DOCS

HEADS = {
    "zh": ("# 先试这些事", "*[English](first-tasks.md)*",
           "每种人先试什么，一步一行，只用点。先`make run`，打开 http://127.0.0.1:8000 ，在登录页点人名。换人：点自己的名字，“退出登录”。\n"
           "甲里的报告贯穿后面各节。引号里是页面上的字。每一步点什么，写在[first-tasks.json](first-tasks.json)里，浏览器测试照着点一遍。"),
    "en": ("# First tasks", "*[中文](first-tasks.zh.md)*",
           "What each audience tries first, one line a step, by clicks only. Start with `make run`, open http://127.0.0.1:8000, choose “English”,\n"
           "and click the person on the sign-in page. To change person: your name, then “Sign out”. The report in A is the thread of the rest.\n"
           "Words in quotation marks are those on the page. The clicks of each step stand in [first-tasks.json](first-tasks.json); a browser test makes them."),
}  # fmt: skip
MARKS = {"zh": "甲乙丙丁戊己庚辛壬", "en": "ABCDEFGHI"}
NAMES = {"zh": "first-tasks.zh.md", "en": "first-tasks.md"}


def paper(lang: str) -> str:
    """The list in one language."""
    title, other, intro = HEADS[lang]
    parts = [title, "", other, "", intro, ""]
    for mark, audience in zip(MARKS[lang], json.loads((DOCS / "first-tasks.json").read_bytes()), strict=True):
        parts.append(f"## {mark}{'　' if lang == 'zh' else '. '}{audience[lang]}")
        parts += [f"{number}. {task[lang]}" for number, task in enumerate(audience["tasks"], start=1)]
        parts.append("")
    return "\n".join(parts)


if __name__ == "__main__":
    for lang, name in NAMES.items():
        (DOCS / name).write_text(paper(lang), encoding="utf-8")
