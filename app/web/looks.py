"""Which addresses open a record, so that it is written down who opened it; everything else opens none.

Asked after a page is made and before it is sent: whoever has seen it is on record. A look that cannot be written
never costs anybody the page. Source: ADR 0025.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from flask import Flask, g, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response

from app.services import looks
from app.services.looks import Kind
from app.web import frame

log = logging.getLogger(__name__)
OK = 200
CASE: Mapping[str, Kind] = {"case_id": "case"}
TASK: Mapping[str, Kind] = {"task_id": "task"}
PAPER: Mapping[str, Kind] = {"paper_id": "paper"}
REPLAY: Mapping[str, Kind] = {"case_id": "replay"}
OPENS: Mapping[str, Mapping[str, Kind]] = {
    "cases.show": CASE, "cases.diagram": CASE, "desk.record": CASE, "desk.record_form": CASE, "papers.index": CASE,
    "one_child.merge": CASE, "one_child.unmerge": CASE, "one_child.attach": CASE, "one_child.compare": {**CASE, "other_id": "case"},
    "desk.task": TASK, "desk.complete": TASK, "desk.correct": TASK, "desk.send_correction": TASK, "oversight.ladder": TASK, "kept.visit": TASK,
    "oversight.run": {"instance_id": "run"}, "records.show": {"submission_id": "record"}, "files.show": {"file_id": "file"},
    "papers.show": PAPER, "papers.sheet": PAPER, "papers.file": PAPER,
    "audit.replay": REPLAY, "audit.moment": REPLAY, "audit.case_reads": {"case_id": "reads"},
    "api-cases.show": CASE, "api-papers.index": {"case": "case"}, "api-tasks.show": TASK, "api-tasks.form": TASK, "api-tasks.claim": TASK,
    "api-papers.show": PAPER, "api-papers.fill": PAPER, "api-papers.issue": PAPER, "api-papers.withdraw": PAPER, "api-papers.file": PAPER,
}  # fmt: skip
"""For each endpoint, which of its arguments names a record of which kind."""
API = "api-"
GIST = "peek"
"""A task's gist beside the list belongs to the list."""


def note(answer: Response) -> Response:
    """Write down what this request opened to whom; a refusal, or a form that comes back, opens nothing."""
    endpoint = request.endpoint or ""
    opens = OPENS.get(endpoint)
    if opens and answer.status_code == OK and GIST not in request.args:
        given = {**request.args, **(request.view_args or {})}
        opened = [(kind, int(given[name])) for name, kind in opens.items() if name in given]
        api = endpoint.startswith(API)
        try:
            looks.note(g.caller if api else frame.me(), opened, "api" if api else "web")
        except SQLAlchemyError:
            log.exception("look not written", extra={"endpoint": endpoint})
    return answer


def register(app: Flask) -> None:
    """Let the application write down who opens what."""
    app.after_request(note)
