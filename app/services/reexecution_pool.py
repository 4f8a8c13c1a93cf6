"""Re-execution of many cases: one after the other, or spread over processes that each read for themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from app.services.reexecution import Proof, reexecute

CHUNK = 16
"""Cases handed to a process at a time: enough to hide the handing over, few enough to share evenly."""


def reexecute_all(cases: Sequence[int], jobs: int = 1, enter: Callable[[], object] | None = None) -> Iterator[Proof]:
    """The proof of each case, as they come. With more than one job, `enter` makes the application's context in each process.

    `enter` must be picklable. Nothing is written, so that people can go on working.
    """
    chunks = [cases[at : at + CHUNK] for at in range(0, len(cases), CHUNK)]
    if jobs == 1 or len(chunks) <= 1 or enter is None:
        yield from map(reexecute, cases)
        return
    with ProcessPoolExecutor(min(jobs, len(chunks)), get_context("spawn"), initializer=enter) as pool:
        for done in as_completed([pool.submit(_reexecute, chunk) for chunk in chunks]):
            yield from done.result()


def _reexecute(cases: Sequence[int]) -> list[Proof]:
    return [reexecute(case_id) for case_id in cases]
