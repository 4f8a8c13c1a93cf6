"""`flask --app app audit verify|export|anchor|erase`: the record proved, taken away, anchored, and lawfully forgotten."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

import click
from flask.cli import with_appcontext

from app.rules.calendar import instant
from app.services import people
from app.services._work import Actor
from app.services.audit import anchors, bundles, erasure, head_paper, sequencer, verification
from app.services.audit.findings import Report
from app.text import Text

CASE = click.argument("case", type=int, required=False)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)
BY = click.option(
    "--by", required=True, metavar="USERNAME", help="Whose decision it is: an account; it goes on record."
)


def operator(by: str) -> Actor:
    """Who answers for what is typed here, by the name of their account. Raises NotFound."""
    return Actor(people.id_of(by), "operator")


def _say(words: Text, sign: str = "✓") -> None:
    click.echo(f"{sign} {words.zh}\n  {words.en}")


@click.command("verify")
@CASE
@click.option(
    "--anchors", type=FILE, multiple=True, help="Heads kept by another office, or typed from paper; repeatable."
)
@click.option("--sealed", is_flag=True, help="Open what is sealed, too, and hold it against its commitments.")
@with_appcontext
def verify(case: int | None, anchors: tuple[Path, ...], sealed: bool) -> None:
    """Prove the whole record, or CASE with what is sealed: chains, log, heads, anchors.

    Says in words what holds. What does not is named, event by event; the exit code is then 1.
    """
    report = verification.examine(case, anchors, sealed=sealed or case is not None)
    for remark in report.remarks:
        _say(remark, "!")
    if report.breaks:
        _name(report)
        sys.exit(1)
    for words in report.words():
        _say(words)
    click.echo("ok")


def _name(report: Report) -> None:
    for one in report.breaks:
        click.echo(f"✗ {one.where.en} [{one.code}] {one.where.zh}：{one.text.zh} / {one.text.en}", err=True)


@click.command("export")
@CASE
@click.option("--since", metavar="ISO", help="Every case, from this day on.")
@click.option("--out", type=NEW_FILE, help="The bundle to write (.zip).")
@BY
@with_appcontext
def export(case: int | None, since: str | None, out: Path | None, by: str) -> None:
    """Write a bundle of CASE, or of everything since a day: events, proofs, heads, diagrams, and a verifier."""
    if (case is None) == (since is None):
        raise click.UsageError("Name a CASE, or --since a day.")
    target = out or Path(f"audit-case-{case}.zip" if since is None else "audit-since.zip")
    me = operator(by)
    count = bundles.case(case, target, me) if case is not None else bundles.since(_instant(since), target, me)
    _say(Text(f"{count} 条记录写入 {target}", f"{count} events in {target}"))


def _instant(text: str | None) -> datetime:
    return instant(text or "")


@click.command("anchor")
@click.option("--page", type=NEW_FILE, help="Also write a page to print.")
@with_appcontext
def anchor(page: Path | None) -> None:
    """Sign a head over everything recorded so far, send it to the anchors, and print it as one line."""
    signed = sequencer.head_now()
    sent = anchors.deliver()
    if page:
        page.write_text(head_paper.page(signed), encoding="utf-8")
    click.echo(signed.paper())
    click.echo(f"已送出 {sent} 份 / {sent} sent", err=True)


@click.command("erase")
@click.argument("case", type=int)
@click.option("--basis", required=True, metavar="law:…|order:…", help="Why, as a code; it goes on record.")
@BY
@click.confirmation_option(prompt="不能恢复，确定？ This cannot be undone. Erase?")
@with_appcontext
def erase(case: int, basis: str, by: str) -> None:
    """Destroy the key of CASE: its personal data can never be read again, its chain stays whole."""
    erased = erasure.erase_case_key(case, basis, operator(by))
    _say(Text(f"个案 {case} 的个人信息已删除", f"The personal data of case {case} is erased"))
    for other in erased.merged:
        _say(
            Text(
                f"个案 {other} 是同一个孩子合并过的档案，还没有删除",
                f"Case {other} is a merged file of the same child and is not erased",
            ),
            "!",
        )
    for other in erased.told_in:
        _say(
            Text(
                f"报告 {other} 里也写到这个孩子，还没有删除",
                f"Report {other} also tells of this child and is not erased",
            ),
            "!",
        )
