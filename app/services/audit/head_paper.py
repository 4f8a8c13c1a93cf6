"""A head on paper: words, figures, the line that holds it all, and the same line as a QR code.

A sheet in another office's file is an anchor as good as any: typed or scanned back, its line is
checked like one from a file. Source: RELIABILITY §5 ("hourly print at worst"); ADR 0014.
"""

from __future__ import annotations

from html import escape
from textwrap import wrap

from app.clock import LAW_ZONE
from app.services.audit import _qr
from app.services.audit.heads import SignedHead

GROUP = 8
"""Characters between two spaces, so that a person can compare them."""
STYLE = (
    "body{font:16px/1.6 sans-serif;max-width:44em;margin:2em auto;padding:0 1em;color:#111;background:#fff}"
    "dt{font-weight:600}dd{margin:0 0 .6em}code{font:14px/1.7 monospace;overflow-wrap:anywhere}"
    "svg{display:block;margin:1em 0;width:100%;max-width:20em;height:auto}"
)


def qr(signed: SignedHead) -> str:
    """The head's line as an inline SVG."""
    return _qr.svg(signed.paper())


def page(signed: SignedHead) -> str:
    """The sheet, as a page that prints on one side of A4; Chinese, then English."""
    head = signed.head
    at = head.at.astimezone(LAW_ZONE)
    facts = (
        ("第几次签名 Head", str(head.n)),
        ("时间 Time", f"{at:%Y-%m-%d %H:%M:%S %z}"),
        ("日志条数 Entries", str(head.size)),
        ("日志树根 Root", _grouped(head.root.hex())),
        ("前一次签名 Head before", _grouped(head.prev.hex()) or "–"),
        ("密钥 Key", _grouped(head.key)),
    )
    rows = "".join(f"<dt>{escape(name)}</dt><dd><code>{escape(value)}</code></dd>" for name, value in facts)
    return (
        f'<!doctype html><html lang="zh-Hans"><meta charset="utf-8"><title>守望日志签名 {head.n}</title>'
        f"<style>{STYLE}</style><h1>守望日志签名单 <span lang=\"en\">Signed head of the log</span></h1>"
        "<p>请存档。以后凭这张单子可以证明：到这一刻为止的记录，一条也没有被改动、删除、插入或调换。</p>"
        '<p lang="en">Please keep this. It will prove that up to this moment no event was changed, removed, inserted or'
        " reordered.</p>"
        f"<dl>{rows}</dl>{qr(signed)}<p><code>{escape(signed.paper())}</code></p>"
        "<p>核对：把上面一行存成文件，运行 <code>flask --app app audit verify --anchors 文件</code>。</p>"
        '<p lang="en">To check: put the line above in a file and run <code>flask --app app audit verify --anchors FILE'
        "</code>.</p></html>\n"
    )  # fmt: skip


def _grouped(digits: str) -> str:
    return " ".join(wrap(digits, GROUP))
