"""`flask --app app audit replay`: every recorded command run again, over all cases or one."""

from __future__ import annotations

import os
import sys
from time import perf_counter

import click
from flask.cli import with_appcontext

from app.services.audit import reexecution
from app.services.audit.reexecution import Proof, Tally
from app.services.audit.reexecution_pool import reexecute_all


@click.command("replay")
@click.argument("case", type=int, required=False)
@click.option("--jobs", type=click.IntRange(1), help="Processes; as many as there are processors when not given.")
@with_appcontext
def replay(case: int | None, jobs: int | None) -> None:
    """Run every recorded command of CASE (all cases) again: state and transitions must come out as recorded.

    Exit code 1 when one differs; the event and its command are named. What operations wrote into
    tables is not proved by this (docs/reexecution.md).
    """
    cases, tally, began = reexecution.case_ids() if case is None else [case], Tally(), perf_counter()
    told: list[Proof] = []
    with click.progressbar(length=len(cases), label="重新执行 re-execution", file=sys.stderr, show_pos=True) as bar:
        for proof in reexecute_all(cases, jobs or os.cpu_count() or 1):
            tally.add(proof)
            bar.update(1)
            if case is not None or proof.erased or not proof.holds:
                told.append(proof)
    for proof in sorted(told, key=lambda one: one.case_id):
        _tell(proof, redated=case is not None)
    summary = tally.text(perf_counter() - began)
    click.echo(f"{summary.zh}\n{summary.en}")
    if tally.differing:
        sys.exit(1)


def _tell(proof: Proof, *, redated: bool) -> None:
    """One case in both languages; every difference on a line of its own."""
    lines = [one.text for one in proof.divergences] or [proof.text]
    for line in lines + [one.text for one in proof.redated if redated]:
        click.echo(f"{line.zh} / {line.en}", err=not proof.holds)
