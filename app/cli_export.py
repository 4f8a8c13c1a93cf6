"""`audit export-log`: the record as an event log for other tools, on standard output."""

from __future__ import annotations

from datetime import datetime

import click
from flask.cli import with_appcontext

from app.cli_audit import BY, operator
from app.rules.calendar import instant
from app.services.history import exports


def _since(_context: click.Context, _option: click.Parameter, value: str | None) -> datetime | None:
    return instant(value) if value else None


@click.command("export-log")
@click.option("--format", "form", type=click.Choice(list(exports.FORMATS)), required=True)
@click.option("--since", metavar="ISO", callback=_since, help="Only what was recorded from then on.")
@click.option("--lang", type=click.Choice(["zh", "en"]), default="zh", help="Language of activity names.")
@BY
@with_appcontext
def export_log(form: str, since: datetime | None, lang: str, by: str) -> None:
    """Print the event log of all cases; sealed cases, answers and names stay out, people have pseudonyms. It goes on record."""
    actor, log = operator(by), exports.of_everything(since, lang)
    for piece in log.take(form, actor):
        click.echo(piece, nl=False)
    if log.sealed:
        click.echo(f"没有导出封存的个案 {log.sealed} 件 / {log.sealed} sealed cases left out", err=True)
