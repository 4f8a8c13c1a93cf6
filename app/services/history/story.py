"""A case told in sentences, and shown on its diagrams, from its events alone.

Nothing sealed is opened here: a sentence tells who did what step, with the answers that are
open (S0, S1). Source: UI.md "Case home"; USERS complaint 4.
"""

from __future__ import annotations

from collections.abc import Iterable

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import engine
from app.db import Row, table
from app.models import Event, Instance, Submission
from app.services.history._telling import Telling, names_of, whom
from app.services.history._walk import Walk, Walks
from app.services.views import DiagramView, StoryLine
from app.text import Text

EVENT, INSTANCE, SUBMISSION = table(Event), table(Instance), table(Submission)
TOLD = (
    "case_opened", "case_closed", "case_reopened", "task_done", "corrected", "remarked", "message", "facts_added", "task_changed", "ended",
    "deadline", "step", "suspended", "resumed", "asked_again", "done_by_hand", "paper_issued", "paper_withdrawn", "erased", "case_moved",
    "case_merged", "case_unmerged", "report_attached", "report_detached",
)  # fmt: skip
BEHIND = ("overdue-escalation",)
"""Processes that watch over others: their steps are the supervisors' story, not the child's."""


class Teller(Telling):
    """Tells what mattered of a case's events as lines; reads what it needs once."""

    def __init__(self, session: Session, case_id: int, lang: str) -> None:
        self.lang = lang
        rows = session.execute(select(INSTANCE).where(INSTANCE.c.case_id == case_id).order_by(INSTANCE.c.id)).mappings()
        events = select(EVENT).where(EVENT.c.case_id == case_id).order_by(EVENT.c.seq)
        self.events: list[Row] = list(session.execute(events).mappings())
        self.bodies = {event["seq"]: orjson.loads(event["body"])["data"] for event in self.events}
        sent = session.execute(select(SUBMISSION).where(SUBMISSION.c.case_id == case_id)).mappings().all()
        super().__init__(
            session,
            {row["id"]: row for row in rows},
            sent,
            names_of(session, {event["actor_id"] for event in self.events} | set(map(whom, self.bodies.values()))),
        )

    def lines(self) -> tuple[StoryLine, ...]:
        """Every line worth telling, newest first."""
        return tuple(self._line(event) for event in reversed(self.events) if self._worth(event))

    def _worth(self, event: Row) -> bool:
        """Whether the child's story needs it; the engine's moves and messages show as what they started."""
        kind, data = event["kind"], self.bodies[event["seq"]]
        if kind not in TOLD or self._behind(event):
            return False
        if kind == "step":
            return bool(data["command"] == "start")
        if kind == "deadline":
            return bool(data["kind"] == "task")
        if kind == "message":
            rules = self.books(next(iter(self.instances))).messages[data["message"]] if self.instances else {}
            return self.registered(event, rules)
        return True

    def _behind(self, event: Row) -> bool:
        """True for what an escalation does by itself; what a supervisor decides is told as a change of the task."""
        instance = self.instances.get(event["instance_id"])
        return instance is not None and instance["process"] in BEHIND and event["kind"] != "task_changed"

    def _line(self, event: Row) -> StoryLine:
        data = self.bodies[event["seq"]]
        sentence, source = self.told(event, data)
        if event["kind"] == "step":
            source = self.books(event["instance_id"]).process_name(data["process"])
            sentence = Text(f"启动“{source.zh}”。", f"“{source.en}” began.")
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

    def diagrams(self) -> tuple[DiagramView, ...]:
        """Every instance on its diagram, those that run first, then the newest; those behind the scenes last."""
        walked: dict[int, Walks] = {}
        for event in self.events:
            if event["kind"] == "step":
                instance_id = event["instance_id"]
                if instance_id not in walked:
                    process = self.instances[instance_id]["process"]
                    walked[instance_id] = Walks(self.books(instance_id).definition(process))
                walked[instance_id].step(self.bodies[event["seq"]]["transitions"], event["recorded_at"])
        views = [view for instance in self.instances.values() for view in self._views(instance, walked)]
        return tuple(sorted(views, key=_foremost))

    def _views(self, instance: Row, walked: dict[int, Walks]) -> Iterable[DiagramView]:
        definition = self.books(instance["id"]).definition(instance["process"])
        walks = walked.get(instance["id"], Walks(definition))
        for process in walks.of or (instance["process"],):
            yield view(instance["id"], instance["status"], definition, process, walks.walk(process))


def _foremost(one: DiagramView) -> tuple[bool, int, bool, int]:
    order = {"running": 0, "scheduled": 1, "done": 2, "ended": 2}
    return one.process in BEHIND, order[one.status], not one.now, -one.instance_id


def name_of(definition: engine.Definition, process: str) -> Text:
    """The name of a diagram, or of one that it calls (the call's own name)."""
    if process == definition.id:
        return definition.name
    return next(element.name for element in definition.elements() if element.called == process)


def view(
    instance_id: int,
    status: str,
    definition: engine.Definition,
    process: str,
    walk: Walk,
) -> DiagramView:
    """The marks of one process of an instance: where it is, where it has been, what was called off."""
    now = walk.now
    name = walk.elements[next(iter(now))].name if now else Text("", "")
    sentence = (
        Text(f"现在在“{name.zh}”。", f"Now at “{name.en}”.")
        if now
        else Text("这个流程已经走完。", "This process has ended.")
    )
    if status == "scheduled":
        sentence = Text("还没到开始的日子。", "Its day has not come yet.")
    return DiagramView(
        instance_id=instance_id,
        process=process,
        name=name_of(definition, process),
        status=status,  # type: ignore[arg-type]
        now=tuple(now),
        done=walk.done,
        flows=tuple(walk.flows),
        cancelled=walk.cancelled,
        waiting_since=min(now.values(), default=None),
        sentence=sentence,
    )
