"""The command line, `flask --app app …`: what operators, scripts and tests ask of the program.

Only this module prints. A refusal is one line in both languages, and exit code 1.
"""

from __future__ import annotations

import gc
import logging
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import flask_migrate
import orjson
import waitress
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext
from flask_security.utils import hash_password

from app import cli_audit, engine, jobs
from app.cli_export import export_log
from app.cli_papers import paper
from app.cli_replay import replay
from app.db import db, settings
from app.demo import load as practice_data
from app.demo import people as practice_people
from app.errors import NotFound, Refused
from app.rules.calendar import due_at, in_law_zone, instant
from app.services import authenticator, check, deadlines, leaving, outbox, people, practice, releases
from app.services.library import Library, library
from app.services.studio import difference, gate
from app.settings import ROOT, BadSetting
from app.text import Text

LANGUAGE = click.option("--lang", type=click.Choice(["zh", "en"]), default="zh", help="Language of messages.")
ONE_WORD = {"runnable": "可运行", "drawing": "图示", "refused": "不收"}
CHILDREN, SEED = 40, 1
"""Practice data of `serve --demo`: every plot of app.demo.story at least once."""


class Telling(click.Command):
    """A command whose refusals are told in both languages, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it, or the one of its commands that was named."""
        try:
            return super().invoke(ctx)
        except Refused as refusal:
            raise click.ClickException(f"{refusal.text.zh}\n{refusal.text.en}") from refusal
        except BadSetting as missing:
            raise click.ClickException(str(missing)) from missing


class House(Telling, AppGroup):
    """A group of such commands."""


def register(app: Flask) -> None:
    """Give `flask` the commands of this module."""
    for command in (release, demo, user, deadline, audit_group, paper, verdict, coverage, serve, worker):
        app.cli.add_command(command)


def _line(value: Any) -> None:
    click.echo(orjson.dumps(value).decode())


# --- releases ----------------------------------------------------------------------------

release = House("release", help="Diagrams, forms and registers as one bundle.")
FOLDER = click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=ROOT)


@release.command("check")
@FOLDER
@LANGUAGE
def release_check(folder: Path, lang: str) -> None:
    """Say everything that has to be mended in FOLDER (bpmn/, forms/); exit code 1 when there is an error."""
    files = releases.read_folder(folder)
    _show(check.release(files), lang)
    click.echo(f"{releases.content_hash(files)[:12]} {len(files)} files: ok")


@release.command("load")
@FOLDER
@click.option("--note", default="", help="What changed, for the list of releases.")
def release_load(folder: Path, note: str) -> None:
    """Store FOLDER as a release, once for the same content, and print its number; nothing starts under it yet."""
    click.echo(releases.load(folder, note))


@release.command("diff")
@FOLDER
@click.option("--since", "number", type=int, help="The release to compare with; the one in force unless given.")
@LANGUAGE
def release_diff(folder: Path, number: int | None, lang: str) -> None:
    """Say in words how FOLDER differs from a stored release, a line for each change."""
    before = library(db.session(), number or releases.current(db.session()))
    for change in difference.compare(before.files, releases.read_folder(folder)):
        click.echo(change.says.say(lang))


@release.command("publish")
@click.argument("number", type=int, required=False)
@LANGUAGE
def release_publish(number: int | None, lang: str) -> None:
    """Let new cases start under release NUMBER (the newest loaded); refused while it has errors."""
    newest = max((row.id for row in releases.index()), default=0)
    _publish(number or newest, lang)
    click.echo(number or newest)


def _publish(release_id: int, lang: str) -> None:
    _show(check.release(library(db.session(), release_id).files), lang)
    releases.publish(release_id)


def _show(problems: Iterable[check.Problem], lang: str) -> None:
    """Print problems; leave with exit code 1 if one of them is an error."""
    failed = False
    for problem in problems:
        failed = failed or problem.severity == "error"
        where = f"{problem.file}#{problem.element}" if problem.element else problem.file
        said = f"{problem.message.say(lang)}。{problem.hint.say(lang)}" if lang == "zh" else (
            f"{problem.message.en}. {problem.hint.en}")  # fmt: skip
        click.echo(f"{problem.severity} {where} [{problem.rule}] {said}", err=True)
    if failed:
        sys.exit(1)


@click.command("verdict", cls=Telling)
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@LANGUAGE
def verdict(files: tuple[Path, ...], as_json: bool, lang: str) -> None:
    """Say of each of FILES whether it runs, is a drawing, or is refused and why."""
    texts = (engine.read_bounded(file) for file in files)
    for file, found in zip(files, gate.examine_all(texts, Library(releases.read_folder())), strict=True):
        problems = [
            {"rule": one.rule, "severity": one.severity, "element": one.element, "message": one.message.say(lang),
             "hint": one.hint.say(lang)}
            for one in (*found.changes, *found.problems)
        ]  # fmt: skip
        if as_json:
            _line({"file": str(file), "verdict": found.verdict, "problems": problems})
            continue
        click.echo(f"{file}: {ONE_WORD[found.verdict] if lang == 'zh' else found.verdict}")
        for one in problems:
            click.echo(f"  {one['severity']} {one['element']} [{one['rule']}] {one['message']} — {one['hint']}")


@click.command("coverage", cls=Telling)
@click.option("--json", "as_json", is_flag=True, help="One JSON object: clause → elements.")
def coverage(as_json: bool) -> None:
    """Where the diagrams implement the plan: for each clause the elements that name it."""
    found = check.coverage(Library(releases.read_folder()))
    if as_json:
        _line(found)
        return
    for clause, elements in found.items():
        click.echo(f"{clause}: {', '.join(elements)}")


# --- practice ----------------------------------------------------------------------------

demo = House("demo", help="Practice data and the practice clock; DEMO=1 only.")


@demo.command("load")
@click.option("--children", type=click.IntRange(0), default=CHILDREN, show_default=True)
@click.option("--seed", type=int, default=SEED, show_default=True)
def demo_load(children: int, seed: int) -> None:
    """Fill an empty installation with invented people, and with cases whose histories are true."""
    _practice_only()
    made = practice_data.load(children, seed)
    click.echo(f"{made.people} people, {made.cases} cases, {made.open_tasks} open tasks, {made.overdue} overdue")


@demo.command("travel")
@click.argument("span", metavar="P7D|P1M|…")
def demo_travel(span: str) -> None:
    """Move the practice clock ahead; every deadline on the way fires on its own day."""
    fired = deadlines.travel(practice.ahead(span))
    delivered = outbox.deliver()
    click.echo(f"{in_law_zone(practice.now())}: {fired} deadlines fired, {delivered} deliveries")


def _practice_only() -> None:
    if not settings().demo:
        raise click.ClickException("练习数据只装入练习系统：请设 DEMO=1。\nPractice data need DEMO=1.")


# --- people, deadlines, the record -------------------------------------------------------

user = House("user", help="People who sign in.")
deadline = House("deadline", help="Legal periods.")
audit_group = House("audit", help="The record of what happened.")
for _command in (cli_audit.verify, cli_audit.export, cli_audit.anchor, cli_audit.erase, export_log, replay):
    audit_group.add_command(_command)


@user.command("add")
@click.argument("username")
@click.option("--name", required=True, help="The person's own name.")
@click.option(
    "--post", "posts", multiple=True, required=True, metavar="ROLE@UNIT", help="Role and unit code; repeatable."
)
@click.option("--password", prompt=True, hide_input=True, confirmation_prompt=True)
def user_add(username: str, name: str, posts: tuple[str, ...], password: str) -> None:
    """Add a person with posts; the password is asked for when it is not given."""
    pairs = [_post(post) for post in posts]
    click.echo(people.add_user(username, name, hash_password(password), pairs))


@user.command("leave")
@click.argument("username")
def user_leave(username: str) -> None:
    """End a person's posts and sign-in for good; their open tasks go back to the post."""
    left = leaving.leave(people.id_of(username))
    click.echo(f"放回岗位的事 tasks back to their post: {left.tasks}")
    click.echo(f"草稿继续封存，不交给任何人 drafts that stay sealed, handed to nobody: {left.drafts}")
    for one in left.vacant:
        click.echo(f"这个岗位没有人 NOBODY HOLDS THIS POST: {one.unit} {one.role.zh} {one.role.en}")


@user.command("forget-authenticator")
@click.argument("username")
def user_forget_authenticator(username: str) -> None:
    """Take a lost phone's authenticator from a person; they set up another on their own page."""
    authenticator.forget(people.id_of(username))


def _post(text: str) -> tuple[str, str]:
    role, _, unit = text.partition("@")
    known = releases.current_library().roles
    if role not in known or not unit:
        raise NotFound(
            "no_role", Text(f"没有岗位“{role}”，或没写单位。", f"There is no role “{role}”, or no unit is named.")
        )
    return role, unit


@deadline.command("due")
@click.option("--from", "start", metavar="ISO", help="From when the period runs; without an offset, Zhangye's time.")
@click.option("--rule", metavar="PT24H|P3D|P5WD|P6M", help="The period.")
def deadline_due(start: str | None, rule: str | None) -> None:
    """Print when a legal period ends; without options, read lines “FROM RULE” and print a line for each."""
    if bool(start) != bool(rule):
        raise click.UsageError("--from and --rule go together; give neither to read lines from standard input.")
    if start and rule:
        click.echo(in_law_zone(due_at(instant(start), rule)))
        return
    for line in sys.stdin:
        if line.strip():
            click.echo(in_law_zone(_due(line)))


def _due(line: str) -> Any:
    *start, rule = line.split()
    return due_at(instant(" ".join(start)), rule)


# --- running -----------------------------------------------------------------------------


@click.command("serve", cls=Telling)
@click.option("--demo", "practising", is_flag=True, help="Set up the database and practice data first (DEMO=1).")
@click.option("--web", "web_only", is_flag=True, help="Pages and API only; deadlines are left to workers.")
@click.option("--host", envvar="HOST", default="127.0.0.1", show_default=True)
@click.option("--threads", type=click.IntRange(1), default=8, show_default=True)
@with_appcontext
def serve(practising: bool, web_only: bool, host: str, threads: int) -> None:
    """Serve pages and API, and tick deadlines in the same process, until told to stop."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    settings().complete()
    if practising:
        _set_up()
    db.session.remove()
    scheduler = None if web_only else jobs.start(app)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    click.echo(f"守望 http://{host}:{settings().port}")
    if practising:
        _tell_sign_ins()
    gc.collect()
    gc.freeze()  # what is loaded by now stays: the collector need not walk it again amid a request
    try:
        waitress.serve(app, host=host, port=settings().port, threads=threads, ident=None)
    finally:
        if scheduler:
            scheduler.shutdown()


def _set_up() -> None:
    """Everything that practice needs: tables, the folder's release in force, people and cases."""
    _practice_only()
    flask_migrate.upgrade()
    logging.getLogger("alembic").setLevel(logging.WARNING)  # /readyz asks it too, often
    release_id = releases.load()
    if not any(row.id == release_id and row.current for row in releases.index()):
        _publish(release_id, "zh")
    if practice_data.empty():
        click.echo("正在生成练习数据…… / Making practice data…")
        practice_data.load(CHILDREN, SEED)


def _tell_sign_ins() -> None:
    click.echo(f"练习账号，密码都是 / Practice sign-ins, password: {practice.PASSWORD}")
    for one in practice_people.SIGN_INS:
        click.echo(f"  {one.username:<10} {one.title.zh} / {one.title.en}")


@click.command("worker", cls=Telling)
@with_appcontext
def worker() -> None:
    """Fire deadlines and deliver messages until told to stop; any number of these may run."""
    settings().complete()
    jobs.worker(current_app._get_current_object())  # type: ignore[attr-defined]
