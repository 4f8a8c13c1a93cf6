"""Long files, sent while they are made."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Response, stream_with_context

from app.web import frame, presenters

PIECES = 500
"""Lines that are sent together."""


def download(lines: Iterator[str], media: str, suffix: str, name: str = "shouwang") -> Response:
    """An answer that is a file, named by what it is and the day."""
    answer = Response(stream_with_context(_joined(lines)), mimetype=media)
    day = presenters.moment(frame.now()).day.isoformat()
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}-{day}.{suffix}"'
    return answer


def _joined(pieces: Iterator[str]) -> Iterator[str]:
    """Pieces in larger ones: a line at a time would be a packet at a time."""
    held: list[str] = []
    for piece in pieces:
        held.append(piece)
        if len(held) == PIECES:
            yield "".join(held)
            held.clear()
    yield "".join(held)
