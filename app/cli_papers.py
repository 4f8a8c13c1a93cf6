"""`paper …`: templates of papers from the command line."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from flask.cli import with_appcontext

from app.services import releases
from app.services.paperwork import paper_templates


@click.group("paper", help="Official papers and their templates.")
def paper() -> None:
    """The group."""


@paper.command("check")
@click.argument("kind")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--lang", type=click.Choice(["zh", "en"]), default="zh", help="Language of messages.")
@with_appcontext
def check(kind: str, file: Path, lang: str) -> None:
    """Say everything that is wrong with FILE as the template of KIND (petition, caution …); exit code 1 when it is unfit."""
    kinds = releases.current_library().papers
    if kind not in kinds:
        raise click.BadParameter(f"{kind}: {', '.join(kinds)}", param_hint="KIND")
    problems = paper_templates.check(file.read_bytes(), frozenset(kinds[kind]["sealed"]))
    for problem in problems:
        click.echo(f"{problem.message.say(lang)} {problem.where.say(lang)}".strip(), err=True)
    if problems:
        sys.exit(1)
    click.echo("ok")
