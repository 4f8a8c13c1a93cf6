"""The official PDF of a paper, typeset by typst from the blocks of its Word document.

A process of its own does it, with no environment, within limits of time and memory, reading the
folder of the layout and its fonts. What people wrote goes in as JSON and is set as strings.
"""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

import orjson

from app.documents.blocks import Block, Table
from app.errors import Refused
from app.text import Text

HERE = Path(__file__).resolve().parent
CHILD = HERE / "typeset_child.py"
TIMEOUT = 30
"""Seconds; a paper takes less than one."""
SCREEN = 110
"""Dots an inch of a picture: sharp on a phone, 910 px wide."""
NO_SUCH_SHEET = 4
NOT_SET = Text(
    "PDF 没有排出来，什么都没有签发。请再试一次；还不行就下载 Word 稿，并告诉管理员。",
    "The PDF could not be made and nothing was issued. Try again; else download the Word draft and tell the administrator.",
)
NO_SHEET = Text("没有这一页。", "There is no such page.")
Blocks = tuple[Block | Table, ...]
Mark = Literal["", "草稿", "练习"]
"""What stands across every sheet of a paper that must not be taken for a real one."""


def typeset(blocks: Blocks, title: str, author: str, at: datetime, *, mark: Mark = "") -> bytes:
    """The paper as PDF/A-2a; the same blocks and time give the same bytes. Raises Refused("not_set")."""
    paper = _plain(blocks, title, author, mark)
    return _ask({"format": "pdf", "sheet": 1, "at": int(at.timestamp()), "paper": paper})


def draw(blocks: Blocks, sheet: int, *, mark: Mark) -> bytes | None:
    """One sheet as a PNG picture, counted from 1; None after the last. Raises Refused("not_set")."""
    try:
        return _ask({"format": "png", "sheet": sheet, "ppi": SCREEN, "paper": _plain(blocks, "", "", mark)})
    except EOFError:
        return None


def sheets(blocks: Blocks) -> int:
    """How many sheets it takes. Raises Refused("not_set")."""
    return int(_ask({"format": "count", "sheet": 1, "paper": _plain(blocks, "", "", "")}))


def unprintable(text: str) -> str:
    """The characters of `text` that the shipped fonts lack, each once: they would be boxes on paper."""
    return "".join(sorted({sign for sign in text if ord(sign) not in _covered() and not sign.isspace()}))


@cache
def _covered() -> frozenset[int]:
    """The characters of the fonts, from the list beside them: spans of hexadecimal code points."""
    spans = (HERE / "fonts" / "coverage.txt").read_text().split()
    ends = ([int(end, 16) for end in span.split("-")] for span in spans)
    return frozenset(point for pair in ends for point in range(pair[0], pair[-1] + 1))


def _ask(asked: dict[str, Any]) -> bytes:
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(CHILD)],
            input=orjson.dumps(asked),
            capture_output=True,
            timeout=TIMEOUT,
            env={},
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise Refused("not_set", NOT_SET) from late
    if done.returncode == NO_SUCH_SHEET:
        raise EOFError
    if done.returncode != 0 or not done.stdout:
        raise Refused("not_set", NOT_SET, status=done.returncode)
    return done.stdout


def _plain(blocks: Blocks, title: str, author: str, mark: Mark) -> dict[str, Any]:
    """The blocks as the layout reads them."""
    return {
        "title": title,
        "author": author,
        "mark": mark,
        "blocks": [_part(one) for one in blocks if not _empty(one)],
    }


def _part(one: Block | Table) -> dict[str, Any]:
    if isinstance(one, Block):
        return {"kind": "paragraph", **dataclasses.asdict(one)}
    head, *body = [[[dataclasses.asdict(block) for block in cell] for cell in row] for row in one.rows]
    return {"kind": "table", "widths": one.widths, "head": head, "body": [cell for row in body for cell in row]}


def _empty(one: Block | Table) -> bool:
    return isinstance(one, Block) and not one.text.strip() and not one.breaks
