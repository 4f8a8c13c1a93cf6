"""What other engines' tools write into a file, and which of it has a counterpart here.

Camunda and its relatives hang attributes on elements; Zeebe hangs elements below extensionElements. Both are told
as (label, value): `assignee`, `taskDefinition.type`. Source: ADR 0028.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lxml import etree

from app.engine.reading import BPMN, NODES, local, properties
from app.rules.translated import plain_name

VENDORS = re.compile(r"camunda|zeebe|activiti|flowable|jbpm|drools|bonitasoft|signavio|kie\.org", re.IGNORECASE)
_SILENT = ("modelerTemplate", "modelerTemplateVersion", "modelerTemplateIcon", "diagramRelationId", "jobPriority")
_SPREAD = ("assignmentDefinition", "formDefinition", "taskDefinition", "calledElement", "loopCharacteristics")
"""Extension elements whose attributes are told one by one."""
_OTHERS = NODES | {"sequenceFlow"}

CARRIED: Mapping[str, str] = {
    "assignee": "role",
    "candidateGroups": "role",
    "candidateUsers": "role",
    "assignmentDefinition.assignee": "role",
    "assignmentDefinition.candidateGroups": "role",
    "assignmentDefinition.candidateUsers": "role",
    "formKey": "form",
    "formRef": "form",
    "formDefinition.formKey": "form",
    "formDefinition.formId": "form",
    "topic": "operation",
    "taskDefinition.type": "operation",
    "dueDate": "deadline",
}
"""By label the property in which it is kept here: as it is where the release knows it, else as a hint."""
CALLED = "calledElement.processId"
COLLECTIONS = ("collection", "loopCharacteristics.inputCollection")


@dataclass(frozen=True, slots=True)
class Foreign:
    """One thing that another engine would have read."""

    label: str
    value: str


def foreign(xml: etree._Element) -> Iterator[Foreign]:
    """What is said for other engines about one element, its loops and events; not about nodes and flows within it."""
    waiting = [xml]
    while waiting:
        current = waiting.pop(0)
        for name, value in current.attrib.items():
            yield from _told(str(name), value)
        for child in current:
            if local(child) == "extensionElements":
                for each in child:
                    yield from _extension(each)
            elif local(child) and local(child) not in _OTHERS:
                waiting.append(child)


def _told(name: str, value: str, owner: str = "") -> Iterator[Foreign]:
    qualified = etree.QName(name)
    if (owner or _is_vendor(qualified.namespace)) and qualified.localname not in _SILENT:
        yield Foreign(owner + qualified.localname, value.strip())


def _extension(xml: etree._Element) -> Iterator[Foreign]:
    if not isinstance(xml.tag, str) or not _is_vendor(etree.QName(xml).namespace):
        return
    name = etree.QName(xml).localname
    if name in _SPREAD:
        for attribute, value in xml.attrib.items():
            yield from _told(str(attribute), value, f"{name}.")
    elif name not in _SILENT:
        yield Foreign(name, "")


def _is_vendor(namespace: str | None) -> bool:
    return bool(namespace and VENDORS.search(namespace))


def is_carried(xml: etree._Element, told: Foreign) -> bool:
    """Whether the element says the same in our own words."""
    kept = CARRIED.get(told.label)
    if kept is not None:
        said = properties(xml)
        return bool(told.value in (said.get(kept), *said.get(f"{kept}_hint", "").split("; ")))
    if told.label == CALLED:
        return bool(xml.get("calledElement") == told.value)
    if told.label in COLLECTIONS:
        listed = xml.findtext(f"{{{BPMN}}}multiInstanceLoopCharacteristics/{{{BPMN}}}loopDataInputRef")
        return listed is not None and bool(listed.strip() == plain_name(told.value))
    return False
