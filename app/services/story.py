"""A case told in sentences, and shown on its diagrams, from its events alone.

Nothing sealed is opened here: a sentence tells who did what step, with the answers that are
open (S0, S1). Source: UI.md "Case home"; USERS complaint 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import engine
from app.db import Row, table
from app.models import Event, Instance, Submission, User
from app.services.library import Library, library
from app.services.views import DiagramView, StoryLine
from app.text import Text

EVENT, INSTANCE, SUBMISSION, USER = table(Event), table(Instance), table(Submission), table(User)
TOLD = ("case_opened", "task_done", "message", "task_changed", "ended", "deadline", "step")
SHOWN_ANSWERS = 3
BEHIND = ("overdue-escalation",)
"""Processes that watch over others: their steps are the supervisors' story, not the child's."""
OPENED = {
    "child": Text("为这个孩子立了个案。", "A case was opened for this child."),
    "report": Text("收到一份报告。", "A report came in."),
}


class Teller:
    """Tells a case's events as lines; reads what it needs once."""

    def __init__(self, session: Session, case_id: int, lang: str) -> None:
        self.session, self.lang = session, lang
        rows = session.execute(select(INSTANCE).where(INSTANCE.c.case_id == case_id)).mappings()
        self.instances: dict[int, Row] = {row["id"]: row for row in rows}
        events = select(EVENT).where(EVENT.c.case_id == case_id).order_by(EVENT.c.seq)
        self.events: list[Row] = list(session.execute(events).mappings())
        self.bodies = {event["seq"]: orjson.loads(event["body"])["data"] for event in self.events}
        sent = session.execute(select(SUBMISSION).where(SUBMISSION.c.case_id == case_id)).mappings()
        self.sent: dict[int, Row] = {row["task_id"]: row for row in sent if row["task_id"]}
        people = {event["actor_id"] for event in self.events} - {None}
        named = session.execute(select(USER.c.id, USER.c.name).where(USER.c.id.in_(people)))
        self.names: dict[int, str] = {row.id: row.name for row in named}

    def books(self, instance_id: int) -> Library:
        """The release of an instance."""
        return library(self.session, self.instances[instance_id]["release_id"])

    def lines(self) -> tuple[StoryLine, ...]:
        """Every line worth telling, newest first."""
        told = (
            self._line(event) for event in reversed(self.events) if event["kind"] in TOLD and not self._behind(event)
        )
        return tuple(line for line in told if line is not None)

    def _behind(self, event: Row) -> bool:
        """True for what an escalation does by itself; what a supervisor decides is told as a change of the task."""
        instance = self.instances.get(event["instance_id"])
        return instance is not None and instance["process"] in BEHIND and event["kind"] != "task_changed"

    def _line(self, event: Row) -> StoryLine | None:
        data = self.bodies[event["seq"]]
        found = getattr(self, f"_tell_{event['kind']}")(event, data)
        if found is None:
            return None
        sentence, source = found
        late = (event["recorded_at"] - event["occurred_at"]).total_seconds() > 3600 and event["kind"] == "task_done"
        return StoryLine(
            seq=event["seq"],
            occurred_at=event["occurred_at"],
            recorded_at=event["recorded_at"],
            sentence=sentence,
            by=self.names.get(event["actor_id"], ""),
            source=source,
            late_entry=late,
        )

    def _tell_case_opened(self, _event: Row, data: Mapping[str, Any]) -> tuple[Text, Text]:
        return OPENED.get(data["kind"], Text("立了一个事项。", "A case was opened.")), Text("", "")

    def _tell_task_done(self, event: Row, data: Mapping[str, Any]) -> tuple[Text, Text]:
        books = self.books(event["instance_id"])
        element = books.definition(data["process"]).element(data["process"], data["element"])
        form = books.form(element.form or "")
        said = self._answers(event["task_id"], books, element)
        by = self.names.get(event["actor_id"], "")
        zh = f"{by}办完“{element.name.zh}”" if by else f"办完“{element.name.zh}”"
        en = f"{by} did “{element.name.en}”" if by else f"“{element.name.en}” was done"
        text = Text(f"{zh}：{said.zh}。" if said.zh else f"{zh}。", f"{en}: {said.en}." if said.en else f"{en}.")
        return text, form.name

    def _answers(self, task_id: int, books: Library, element: engine.Element) -> Text:
        row = self.sent.get(task_id)
        if row is None:
            return Text("", "")
        form = books.form(element.form or "")
        open_answers = {name: value for name, value in row["answers"].items() if form.questions[name].options}
        zh, en = (form.describe(open_answers, lang)[:SHOWN_ANSWERS] for lang in ("zh", "en"))
        return Text(
            "；".join(
                f"{line.label}{line.value}" if line.label[-1] in "？?" else f"{line.label}：{line.value}" for line in zh
            ),
            "; ".join(f"{line.label} {line.value}" for line in en),
        )

    def _tell_message(self, event: Row, data: Mapping[str, Any]) -> tuple[Text, Text] | None:
        """Only what a person registered at the desk: the rest shows as what it started."""
        if event["actor_id"] is None or not self.instances:
            return None
        rules = self.books(next(iter(self.instances))).messages[data["message"]]
        if not rules.get("desk"):
            return None
        label = Text(rules["label_zh"], rules["label_en"])
        return Text(f"记下：{label.zh}。", f"Registered: {label.en}."), Text("记一件事", "Registered at the desk")

    def _tell_task_changed(self, _event: Row, data: Mapping[str, Any]) -> tuple[Text, Text]:
        source = Text("督办", "Supervision")
        if data["not_applicable"]:
            return Text("主管认定这个期限不适用。", "The supervisor found the deadline not applicable."), source
        if data["due"]:
            day = datetime.fromisoformat(data["due"])
            return Text(
                f"主管把期限延到 {day:%Y-%m-%d %H:%M}。", f"The supervisor moved the deadline to {day:%Y-%m-%d %H:%M}."
            ), source
        return Text("主管把这件事改派给别人。", "The supervisor gave this to somebody else."), source

    def _tell_ended(self, event: Row, data: Mapping[str, Any]) -> tuple[Text, Text]:
        books = self.books(event["instance_id"])
        definition = books.definition(data["process"])
        ends = [element.name for element in definition.elements(data["process"]) if element.id in data["at"]]
        zh, en = "、".join(name.zh for name in ends), ", ".join(name.en for name in ends)
        name = definition.name
        return Text(f"“{name.zh}”走完：{zh}。", f"“{name.en}” ended: {en}."), name

    def _tell_deadline(self, event: Row, data: Mapping[str, Any]) -> tuple[Text, Text] | None:
        if data["kind"] != "task":
            return None
        said = self.books(event["instance_id"]).deadlines.describe(data["rule"])
        return Text(f"期限已过：{said.name.zh}。", f"Past due: {said.name.en}."), Text(said.source, said.source)

    def _tell_step(self, event: Row, data: Mapping[str, Any]) -> tuple[Text, Text] | None:
        if data["command"] != "start":
            return None
        name = self.books(event["instance_id"]).process_name(data["process"])
        return Text(f"启动“{name.zh}”。", f"“{name.en}” began."), name

    def diagrams(self) -> tuple[DiagramView, ...]:
        """Every instance on its diagram, those that run first, then the newest; those behind the scenes last."""
        views = [view for instance in self.instances.values() for view in self._views(instance)]
        order = {"running": 0, "scheduled": 1, "done": 2, "ended": 2}
        return tuple(
            sorted(
                views, key=lambda view: (view.process in BEHIND, order[view.status], not view.now, -view.instance_id)
            )
        )

    def _views(self, instance: Row) -> Iterable[DiagramView]:
        steps = [event for event in self.events if event["instance_id"] == instance["id"] and event["kind"] == "step"]
        walked: dict[str, list[tuple[str, str]]] = {}
        for event in steps:
            for _task, process, element, _before, after in self.bodies[event["seq"]]["transitions"]:
                walked.setdefault(process, []).append((element, after))
        definition = self.books(instance["id"]).definition(instance["process"])
        since = steps[-1]["recorded_at"] if steps else None
        for process in walked or {instance["process"]: []}:
            if process in definition.processes:
                yield _view(instance, definition, process, walked.get(process, []), since)


def name_of(definition: engine.Definition, process: str) -> Text:
    """The name of a diagram, or of one that it calls (the call's own name)."""
    if process == definition.id:
        return definition.name
    return next(element.name for element in definition.elements() if element.called == process)


def _view(
    instance: Row,
    definition: engine.Definition,
    process: str,
    walked: Sequence[tuple[str, str]],
    since: datetime | None,
) -> DiagramView:
    """The marks of one process of an instance: where it is, where it has been, what was called off."""
    elements = {element.id: element for element in definition.elements(process)}
    last: dict[str, str] = {}
    first: dict[str, int] = {}
    cancelled: set[str] = set()
    for index, (element, state) in enumerate(walked):
        if state in ("READY", "WAITING", "STARTED", "COMPLETED"):
            first.setdefault(element, index)
        if state == "CANCELLED" and last.get(element) in ("READY", "WAITING", "STARTED"):
            cancelled.add(element)
        last[element] = state
    running = instance["status"] == "running"
    now = tuple(e for e in elements if running and last.get(e) in ("READY", "WAITING", "STARTED"))
    done = tuple(e for e in elements if last.get(e) == "COMPLETED")
    reached = set(now) | set(done)
    flows = tuple(
        flow.id
        for element in elements.values()
        for flow in element.flows
        if element.id in done and flow.target in reached and first[flow.target] >= first[element.id]
    )
    name = elements[now[0]].name if now else Text("", "")
    sentence = (
        Text(f"现在在“{name.zh}”。", f"Now at “{name.en}”.")
        if now
        else Text("这个流程已经走完。", "This process has ended.")
    )
    if instance["status"] == "scheduled":
        sentence = Text("还没到开始的日子。", "Its day has not come yet.")
    return DiagramView(
        instance_id=instance["id"],
        process=process,
        name=name_of(definition, process),
        status=instance["status"],
        now=now,
        done=done,
        flows=flows,
        cancelled=tuple(e for e in elements if e in cancelled and e not in reached),
        waiting_since=since if now else None,
        sentence=sentence,
    )
