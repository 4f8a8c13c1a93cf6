"""Re-execution of many cases: one after the other, or spread over processes that each read for themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_all_start_methods, get_context

from app.db import db
from app.services.audit.reexecution import Proof, reexecute

CHUNK = 16
"""Cases handed to a process at a time: enough to hide the handing over, few enough to share evenly."""
FORK = "fork"


def reexecute_all(cases: Sequence[int], jobs: int = 1) -> Iterator[Proof]:
    """The proof of each case, as they come. Nothing is written, so that people can go on working.

    `jobs` processes share the work where the system can fork (not from a program with threads). They
    start with what this process has parsed, and with connections of their own.
    """
    chunks = [cases[at : at + CHUNK] for at in range(0, len(cases), CHUNK)]
    workers = min(jobs, len(chunks)) if FORK in get_all_start_methods() else 1
    if workers <= 1:
        yield from map(reexecute, cases)
        return
    db.session.remove()
    db.engine.dispose()  # no connection may live in two processes
    with ProcessPoolExecutor(workers, get_context(FORK)) as pool:
        for done in as_completed([pool.submit(_reexecute, chunk) for chunk in chunks]):
            yield from done.result()


def _reexecute(cases: Sequence[int]) -> list[Proof]:
    return [reexecute(case_id) for case_id in cases]
