"""Our own parts for the library's engine: parsers and specs for what the house draws."""

# mypy: disallow-subclassing-any=False
# ruff: noqa: ARG002, RUF012 - the signatures and class attributes are the library's
from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from lxml import etree
from SpiffWorkflow.bpmn.parser.event_parsers import (
    BoundaryEventParser,
    EndEventParser,
    EventBasedGatewayParser,
    EventDefinitionParser,
    IntermediateCatchEventParser,
    IntermediateThrowEventParser,
    SendTaskParser,
    StartEventParser,
)
from SpiffWorkflow.bpmn.parser.util import full_tag
from SpiffWorkflow.bpmn.specs.data_spec import TaskDataReference
from SpiffWorkflow.bpmn.specs.defaults import (
    BoundaryEvent,
    EndEvent,
    EventBasedGateway,
    IntermediateCatchEvent,
    IntermediateThrowEvent,
    StartEvent,
)
from SpiffWorkflow.bpmn.specs.event_definitions import MessageEventDefinition, NoneEventDefinition
from SpiffWorkflow.bpmn.specs.event_definitions.timer import TimerEventDefinition
from SpiffWorkflow.bpmn.util.event import BpmnEvent
from SpiffWorkflow.spiff.parser import SpiffBpmnParser
from SpiffWorkflow.spiff.parser.process import SpiffProcessParser
from SpiffWorkflow.spiff.parser.task_spec import SpiffTaskParser
from SpiffWorkflow.spiff.specs.defaults import NoneTask, ReceiveTask, SendTask
from SpiffWorkflow.spiff.specs.spiff_task import SpiffBpmnTask
from SpiffWorkflow.task import Task

from app.clock import LAW_ZONE
from app.engine.faults import EngineError
from app.engine.flat import check_flat, put
from app.engine.model import Element
from app.engine.reading import BPMN, RUNNABLE
from app.engine.runtime import current, fault_at
from app.engine.step import OperationCall, Scalar, Thrown
from app.text import Text


class Message(MessageEventDefinition):
    """A message: thrown out of the instance, never straight into it; caught by name."""

    def __init__(self, name: str, element_id: str) -> None:
        super().__init__(name)
        self.element_id = element_id
        self.element: Element | None = None

    def throw(self, my_task: Task) -> None:
        element: Element = my_task.task_spec.element
        data = dict(my_task.data)
        current().thrown.append(Thrown(element.process, element, self.name, element.payload, data))

    def catches(self, my_task: Task, event: BpmnEvent) -> bool:
        return bool(self == event.event_definition)

    def catch(self, my_task: Task, event: BpmnEvent | None = None) -> None:
        if event is not None:
            my_task.internal_data["payload"] = event.payload
        my_task.internal_data["event_fired"] = True

    def update_task_data(self, my_task: Task) -> None:
        put(my_task.data, my_task.internal_data.pop("payload", {}))

    def reset(self, my_task: Task) -> None:
        my_task.internal_data.pop("event_fired", None)


class DueDate(TimerEventDefinition):
    """A timer whose instant is fixed when the token arrives; it fires when the step says so."""

    def __init__(self, element_id: str, variable: str) -> None:
        super().__init__(element_id, variable)
        self.element_id = element_id
        self.element: Element | None = None

    def has_fired(self, my_task: Task) -> bool:
        if "event_value" not in my_task.internal_data:
            my_task.internal_data["event_value"] = self._arm(my_task)
        return bool(current().firing == my_task.id)

    def due_at(self, my_task: Task) -> datetime:
        """The instant at which it fires, aware UTC."""
        return datetime.fromisoformat(my_task.internal_data["event_value"])

    def _arm(self, my_task: Task) -> str:
        assert self.element is not None
        run = current()
        round_ = run.enter(self.element)
        if self.expression.startswith("due_"):
            facts = {**my_task.data, **run.facts, "round": round_}
            due = run.deadline(self.expression.removeprefix("due_"), self.element, facts)
        else:
            due = _instant(my_task.data.get(self.expression))
        if due is None or due.tzinfo is None:
            where = {"process": self.element.process, "element": self.element.id}
            raise EngineError(
                "timer.no-date", Text(f"“{self.element.name.zh}”没有到期时间", "The timer has no date"), **where
            )
        return due.astimezone(UTC).isoformat()

    def reset(self, my_task: Task) -> None:
        my_task.internal_data.pop("event_value", None)


def _instant(value: object) -> datetime | None:
    """The instant that an answer names; a day begins at its 00:00 in the law's zone."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found.replace(tzinfo=LAW_ZONE) if found and len(str(value)) == 10 else found


class OperationTask(SpiffBpmnTask):
    """A service task: hands its operation to the step and keeps the variables that come back."""

    element: Element

    def _run_hook(self, my_task: Task) -> bool | None:
        run, element = current(), self.element
        call = OperationCall(my_task.id, element.process, element, element.operation or "", dict(my_task.data))
        if run.operate is not None:
            put(my_task.data, check_flat(run.operate(call), element.operation or element.id))
        elif element.sets:
            run.undecided.append(call)
            return None
        return True


class Collection(TaskDataReference):
    """The variable over whose members a multi-instance task runs: a list, never a text."""

    def get(self, my_task: Task) -> tuple[Scalar, ...]:
        members = my_task.data.get(self.bpmn_id)
        if isinstance(members, tuple):
            return members
        raise fault_at(
            my_task, "collection", Text(f"“{self.bpmn_id}”不是一组值", f"“{self.bpmn_id}” is not a list of values")
        )


# --- parsers -----------------------------------------------------------------------------


class _OperationParser(SpiffTaskParser):
    """Reads a service task without the library's own operator element."""

    def create_task(self) -> OperationTask:
        return OperationTask(self.spec, self.bpmn_id, **self.bpmn_attributes)


class _Events(SpiffTaskParser, EventDefinitionParser):
    """Reads messages and timers into our own definitions."""

    def parse_message_event(self, message_event: etree._Element) -> Message:
        name = self.process_parser.parser.messages.get(message_event.get("messageRef"))
        if not name:
            self.raise_validation_exception("message")
        return Message(name, self.bpmn_id)

    def parse_timer_event(self, event: etree._Element) -> DueDate:
        dates = [each for each in event if each.tag == full_tag("timeDate")]
        if len(dates) != 1:
            self.raise_validation_exception("timer")
        return DueDate(self.bpmn_id, (dates[0].text or "").strip())


class _StartParser(_Events, StartEventParser):
    """Every start is plain: services begin instances, so nothing waits at a start."""

    def create_task(self) -> StartEvent:
        task = self._create_task(NoneEventDefinition())
        self.spec.start.connect(task)
        return task


class _EndParser(_Events, EndEventParser):
    create_task = EndEventParser.create_task


class _CatchParser(_Events, IntermediateCatchEventParser):
    create_task = IntermediateCatchEventParser.create_task


class _ThrowParser(_Events, IntermediateThrowEventParser):
    create_task = IntermediateThrowEventParser.create_task


class _BoundaryParser(_Events, BoundaryEventParser):
    create_task = BoundaryEventParser.create_task


class _MessageTaskParser(_Events, SendTaskParser):
    create_task = SendTaskParser.create_task


class _ProcessParser(SpiffProcessParser):
    """Branches run in the order of the file, not of the picture: moving a shape changes nothing."""

    def get_position(self, node_id: str) -> Mapping[str, float]:
        return {"x": 0.0, "y": 0.0}


class Parser(SpiffBpmnParser):
    """The library's parser for the elements that the house runs, and for no others."""

    PROCESS_PARSER_CLASS = _ProcessParser
    OVERRIDE_PARSER_CLASSES = {
        **SpiffBpmnParser.OVERRIDE_PARSER_CLASSES,
        full_tag("task"): (SpiffTaskParser, NoneTask),
        full_tag("serviceTask"): (_OperationParser, OperationTask),
        full_tag("startEvent"): (_StartParser, StartEvent),
        full_tag("endEvent"): (_EndParser, EndEvent),
        full_tag("intermediateCatchEvent"): (_CatchParser, IntermediateCatchEvent),
        full_tag("intermediateThrowEvent"): (_ThrowParser, IntermediateThrowEvent),
        full_tag("boundaryEvent"): (_BoundaryParser, BoundaryEvent),
        full_tag("sendTask"): (_MessageTaskParser, SendTask),
        full_tag("receiveTask"): (_MessageTaskParser, ReceiveTask),
        full_tag("eventBasedGateway"): (EventBasedGatewayParser, EventBasedGateway),
    }

    def _get_parser_class(self, tag: str) -> tuple[Any, Any]:
        name = etree.QName(tag)
        runs = name.namespace == BPMN and name.localname in RUNNABLE
        return super()._get_parser_class(tag) if runs else (None, None)


__all__ = ["Collection", "DueDate", "Message", "OperationTask", "Parser"]
