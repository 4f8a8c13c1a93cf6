"""`audit export-log`: the record as an event log for other tools, on standard output."""

from __future__ import annotations

from datetime import datetime

import click
from flask.cli import with_appcontext

from app.rules.calendar import instant
from app.services._work import SYSTEM
from app.services.history import exports


def _since(_context: click.Context, _option: click.Parameter, value: str | None) -> datetime | None:
    return instant(value) if value else None


@click.command("export-log")
@click.option("--format", "form", type=click.Choice(list(exports.FORMATS)), required=True)
@click.option("--since", metavar="ISO", callback=_since, help="Only what was recorded from then on.")
@click.option("--lang", type=click.Choice(["zh", "en"]), default="zh", help="Language of activity names.")
@with_appcontext
def export_log(form: str, since: datetime | None, lang: str) -> None:
    """Print the event log of all cases; sealed cases, answers and names stay out, people have pseudonyms. It goes on record."""
    log = exports.of_everything(since, lang)
    for piece in log.take(form, SYSTEM):
        click.echo(piece, nl=False)
    if log.sealed:
        click.echo(f"没有导出封存的个案 {log.sealed} 件 / {log.sealed} sealed cases left out", err=True)
