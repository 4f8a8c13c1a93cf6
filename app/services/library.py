"""A release as the program uses it: parsed diagrams, forms and registers, cached by release.

A release never changes, so what is parsed once is kept for the life of the process.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import engine
from app.errors import NotFound
from app.models import Definition, Release
from app.rules.access import Access
from app.rules.deadlines import DeadlineRules
from app.rules.forms import Form
from app.services.views import ClauseView
from app.text import Text


class Library:
    """One release's files, read: diagrams by stem, forms by id, and the registers."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(files)
        self._forms: dict[str, Form] = {}

    @cached_property
    def diagrams(self) -> dict[str, bytes]:
        """XML of each process, by stem."""
        return {path[5:-5]: content for path, content in self.files.items() if path.endswith(".bpmn")}

    def diagram(self, process: str) -> bytes:
        """The file of `process`, byte for byte. Raises NotFound."""
        if process not in self.diagrams:
            raise NotFound("no_process", Text(f"没有叫“{process}”的流程。", f"There is no process “{process}”."))
        return self.diagrams[process]

    def definition(self, process: str) -> engine.Definition:
        """The parsed diagram of `process`. Raises NotFound."""
        self.diagram(process)
        return engine.parse(self.diagrams, process)

    def form(self, form_id: str) -> Form:
        """The parsed form. Raises NotFound."""
        if form_id not in self._forms:
            content = self.files.get(f"forms/{form_id}.json")
            if content is None:
                raise NotFound("no_form", Text(f"没有叫“{form_id}”的表单。", f"There is no form “{form_id}”."))
            self._forms[form_id] = Form.parse(orjson.loads(content))
        return self._forms[form_id]

    def layout(self, form_id: str) -> dict[str, Any]:
        """The form's file as policy staff wrote it (form-js). Raises NotFound."""
        self.form(form_id)
        found: dict[str, Any] = orjson.loads(self.files[f"forms/{form_id}.json"])
        return found

    def _register(self, name: str) -> Any:
        return orjson.loads(self.files[f"bpmn/{name}.json"])

    @cached_property
    def messages(self) -> dict[str, dict[str, Any]]:
        """What may be sent between instances, and what it starts (messages.json)."""
        found: dict[str, dict[str, Any]] = self._register("messages")
        return found

    @cached_property
    def roles(self) -> dict[str, dict[str, Any]]:
        """Roles by id (roles.json)."""
        return {role["id"]: role for role in self._register("roles")}

    @cached_property
    def papers(self) -> dict[str, dict[str, Any]]:
        """Kinds of official papers by id (papers.json); a release from before there were any has none."""
        return {paper["id"]: paper for paper in self._register("papers")} if "bpmn/papers.json" in self.files else {}

    @cached_property
    def access(self) -> Access:
        """Who may do what, under these roles."""
        return Access.load(self.roles.values())

    @cached_property
    def deadlines(self) -> DeadlineRules:
        """The deadline rules, compiled (deadlines.json)."""
        return DeadlineRules.load(self._register("deadlines"))

    @cached_property
    def clauses(self) -> dict[str, ClauseView]:
        """Clauses of the plan and other bases, by id."""
        plan = {
            row["id"]: ClauseView(row["id"], Text(row["citation"], f"Plan {row['id']}"),
                                  Text(row["summary_zh"], row["summary_en"]), "plan")
            for row in self._register("clauses")
        }  # fmt: skip
        bases = {
            row["id"]: ClauseView(row["id"], Text(row["name_zh"], row["name_en"]), Text(row["name_zh"], row["name_en"]),
                                  "law" if row["id"].startswith("law:") else "proposal")
            for row in self._register("legal_bases")
        }  # fmt: skip
        return plan | bases

    def role_name(self, role: str) -> Text:
        """The role's name, or its id when the release does not know it."""
        row = self.roles.get(role)
        return Text(row["name_zh"], row["name_en"]) if row else Text(role, role)

    def paper_name(self, kind: str) -> Text:
        """What a kind of paper is called, or its id when the release does not know it."""
        row = self.papers.get(kind)
        return Text(row["name_zh"], row["name_en"]) if row else Text(kind, kind)

    def process_name(self, process: str) -> Text:
        """The diagram's own name, or the stem when it is not drawn yet."""
        return self.definition(process).name if process in self.diagrams else Text(process, process)


KEPT = 16
_libraries: OrderedDict[str, Library] = OrderedDict()
_hashes: dict[tuple[str, int], str] = {}
_lock = threading.Lock()


def library(session: Session, release_id: int) -> Library:
    """The library of a release, from memory when this process has read it before."""
    where = (str(session.get_bind().engine.url), release_id)
    release_hash = _hashes.get(where)
    if release_hash is None:
        release_hash = session.scalar(select(Release.hash).where(Release.id == release_id))
        if release_hash is None:
            raise NotFound("no_release", Text("没有这个版本。", "There is no such release."))
        _hashes[where] = release_hash
    with _lock:
        if release_hash in _libraries:
            _libraries.move_to_end(release_hash)
            return _libraries[release_hash]
    rows = session.execute(select(Definition.path, Definition.content).where(Definition.release_id == release_id))
    read = Library({path: content for path, content in rows})
    with _lock:
        _libraries[release_hash] = read
        while len(_libraries) > KEPT:
            _libraries.popitem(last=False)
    return read
