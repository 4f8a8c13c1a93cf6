"""What a diagram from anywhere is good for here, before anybody opens it: for uploads and for the command line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from app import engine
from app.services import check
from app.services.library import Library

Examined = engine.Examined
"""`verdict` (runnable, drawing, refused), `problems`, `xml` as it can be used here (None: unreadable), `changes`."""


def examine(text: bytes | str, books: Library) -> Examined:
    """One file against a release: read in a process of its own, given ids and a layout, other engines' words carried over.

    Never raises; takes some seconds at most. `changes` say in words what is not as it was sent.
    """
    (found,) = examine_all([text.encode("utf-8", "replace") if isinstance(text, str) else text], books)
    return found


def examine_all(files: Iterable[bytes], books: Library) -> Iterator[Examined]:
    """Many files, in order, one process for all of them."""
    return engine.examined(files, check.catalog(books))
