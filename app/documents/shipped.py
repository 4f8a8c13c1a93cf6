"""The templates that come with the program, as files; shipped_layout.py makes them."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "templates"


def shipped(paper: str) -> bytes | None:
    """The shipped template of a paper; None for a paper that staff have added."""
    file = FOLDER / f"{Path(paper).name}.docx"
    return file.read_bytes() if file.is_file() else None
