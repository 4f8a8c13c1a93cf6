"""From BPMN files to a definition that runs: hardened reading, our own parser, a cache by content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache

from lxml.etree import LxmlError
from SpiffWorkflow.bpmn.specs.bpmn_process_spec import BpmnProcessSpec
from SpiffWorkflow.bpmn.specs.mixins.multiinstance_task import MultiInstanceTask
from SpiffWorkflow.exceptions import SpiffWorkflowException

from app.engine.elements import elements_of, pruned, variables_of
from app.engine.faults import DiagramError
from app.engine.linting import engine_problems
from app.engine.model import Definition, Element
from app.engine.reading import Document, properties, read, refuse
from app.engine.specs import Collection, DueDate, Message, Parser
from app.text import Text

Sources = Mapping[str, bytes]


def parse(sources: Sources, process_id: str) -> Definition:
    """The runnable definition of `process_id` with all processes it calls, found among `sources`.

    `sources` maps file stems to files. The result is immutable, shared and cached by content.
    Raises DiagramError when a file cannot be read or run, or when a called process is missing.
    """
    return _parse(process_id, tuple(sorted(sources.items())))


@lru_cache(maxsize=256)
def _parse(process_id: str, sources: tuple[tuple[str, bytes], ...]) -> Definition:
    files = _needed(dict(sources), process_id)
    elements = {process: elements_of(_document(xml), process) for process, xml in files.items()}
    specs = _specs(files, process_id, elements)
    process = _document(files[process_id]).of_process(process_id)[0].xml
    title = process.get("name") or process_id
    return Definition(
        id=process_id,
        hash=_hash(process_id, files),
        name=Text(title, properties(process).get("name_en") or title),
        variables=variables_of(element for each in elements.values() for element in each.values()),
        processes=tuple(files),
        _elements=elements,
        _sources=files,
        spec=specs[process_id],
        called={key: spec for key, spec in specs.items() if key != process_id},
    )


_document = lru_cache(maxsize=64)(read)
"""Files of a release are read once; what is only judged is never kept."""


def _hash(process_id: str, files: Mapping[str, bytes]) -> str:
    whole = hashlib.sha256(process_id.encode())
    for process in sorted(files):
        whole.update(process.encode() + b"\0" + hashlib.sha256(files[process]).digest())
    return whole.hexdigest()


# --- which files are needed --------------------------------------------------------------


def _needed(sources: Mapping[str, bytes], process_id: str) -> dict[str, bytes]:
    """The file of each process that `process_id` reaches by calls, itself first; calls never form a circle."""
    found: dict[str, bytes] = {}
    calls: dict[str, set[str]] = {}
    waiting = [process_id]
    while waiting:
        process = waiting.pop(0)
        if process in found:
            continue
        found[process] = _file_of(sources, process)
        _check_runnable(_document(found[process]), process)
        calls[process] = _called_by(_document(found[process]), process)
        waiting.extend(sorted(calls[process]))
    _refuse_circles(calls)
    return found


def _file_of(sources: Mapping[str, bytes], process: str) -> bytes:
    first = [sources[process]] if process in sources else []
    for xml in first + list(sources.values()):
        if any(scope.id == process for scope in _document(xml).processes()):
            return xml
    raise refuse("call.unknown", f"找不到流程“{process}”", f"There is no process “{process}”", process)


def _called_by(document: Document, process: str) -> set[str]:
    nodes = (node for scope in document.of_process(process) for node in scope.nodes.values())
    return {node.xml.get("calledElement") or "" for node in nodes if node.tag == "callActivity"}


def _refuse_circles(calls: Mapping[str, set[str]]) -> None:
    left = {process: set(called) for process, called in calls.items()}
    while free := [process for process, called in left.items() if not called]:
        for process in free:
            del left[process]
        for called in left.values():
            called.difference_update(free)
    if left:
        circle = "、".join(sorted(left))
        raise refuse("call.circle", f"流程互相调用：{circle}", f"These processes call each other: {circle}", min(left))


def _check_runnable(document: Document, process: str) -> None:
    """Refuse what the engine would drop or get wrong in silence, in the words of the lint."""
    if not document.of_process(process)[0].executable:
        raise refuse(
            "process.drawing", f"流程“{process}”标为不可执行", f"The process “{process}” is only a drawing", process
        )
    for problem in engine_problems(document, process):
        raise DiagramError(problem.rule, problem.message, process=process, element=problem.element)


# --- through the library -----------------------------------------------------------------


@contextmanager
def _library_faults(process_id: str) -> Iterator[None]:
    """Whatever the library says while it parses, said as a DiagramError."""
    try:
        yield
    except (SpiffWorkflowException, LxmlError, RecursionError) as fault:
        where = getattr(fault, "id", "") or process_id
        raise refuse("diagram.unreadable", "图转不成可运行的流程", "The diagram cannot be run", where) from fault


def _specs(
    files: Mapping[str, bytes], process_id: str, elements: Mapping[str, Mapping[str, Element]]
) -> dict[str, BpmnProcessSpec]:
    homes = _homes(files)
    parser = Parser()
    with _library_faults(process_id):
        for xml in dict.fromkeys(files.values()):
            parser.add_bpmn_xml(pruned(_document(xml).root))
        specs = {process_id: parser.get_spec(process_id), **parser.get_subprocess_specs(process_id)}
    for name, spec in specs.items():
        _finish(spec, elements[homes[name]])
    _nothing_lost(specs.values(), elements)
    return specs


def _homes(files: Mapping[str, bytes]) -> dict[str, str]:
    """The process in which each process or sub-process stands; ids are one space for all called files."""
    found: dict[str, str] = {}
    for xml in dict.fromkeys(files.values()):
        for scope in _document(xml).scopes:
            if scope.id in found:
                raise refuse("id.repeated", f"编号“{scope.id}”用了两次", f"The id “{scope.id}” is used twice", scope.id)
            found[scope.id] = scope.process
    return found


def _finish(spec: BpmnProcessSpec, elements: Mapping[str, Element]) -> None:
    """Tie each spec to its element, and each loop to its child, so that the spec is never written again."""
    for task_spec in spec.task_specs.values():
        task_spec.element = elements.get(task_spec.bpmn_id) if getattr(task_spec, "bpmn_id", None) else None
        if isinstance(task_spec, MultiInstanceTask):
            task_spec.data_input = Collection(task_spec.data_input.bpmn_id)
            spec.task_specs[task_spec.task_spec].completed_event.connect(task_spec.merge_child)
        for event in _definitions(getattr(task_spec, "event_definition", None)):
            event.element = elements[event.element_id]


def _definitions(event: object) -> list[Message | DueDate]:
    inner = getattr(event, "event_definitions", None)
    candidates = inner if inner is not None else [event]
    return [each for each in candidates if isinstance(each, (Message, DueDate))]


def _nothing_lost(specs: Iterable[BpmnProcessSpec], elements: Mapping[str, Mapping[str, Element]]) -> None:
    """Every element drawn must be one that the engine has: the library drops what no token can reach."""
    have = {
        (task_spec.element.process, task_spec.element.id)
        for spec in specs
        for task_spec in spec.task_specs.values()
        if task_spec.element is not None
    }
    for process, drawn in elements.items():
        for element in drawn:
            if (process, element) not in have:
                raise refuse("node.unreachable", "没有一条路通到这里", "No path leads here", element)


def check_loads(document: Document) -> None:
    """Load the executable processes of one file by themselves; raises DiagramError if the library cannot."""
    parser = Parser()
    elements: dict[str, dict[str, Element]] = {}
    specs = []
    with _library_faults(""):
        parser.add_bpmn_xml(pruned(document.root))
        for process in document.processes():
            if process.executable:
                elements[process.id] = elements_of(document, process.id)
                parts = [parser.get_spec(scope.id) for scope in document.of_process(process.id)]
                for spec in parts:
                    _finish(spec, elements[process.id])
                specs += parts
    _nothing_lost(specs, elements)
