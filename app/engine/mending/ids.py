"""Ids for processes, nodes and flows that have none or one that cannot be used; the same file gives the same ids."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from app.engine.linting.rules import Finding, Findings, found
from app.engine.linting.structure import reserved
from app.engine.reading import NODES, local

_FLOWS = ("sequenceFlow", "messageFlow")
_DRAWN = {"lane", "participant", "collaboration", "textAnnotation", "dataObjectReference", "dataStoreReference"}
_NAMED = NODES | _DRAWN | {"process", *_FLOWS}
_ATTRIBUTES = frozenset(
    [
        "sourceRef",
        "targetRef",
        "default",
        "attachedToRef",
        "bpmnElement",
        "processRef",
        "activityRef",
        "calledElement",
        "dataObjectRef",
    ]
)
_TEXTS = frozenset(["incoming", "outgoing", "flowNodeRef", "sourceRef", "targetRef"])
_OTHER = re.compile(r"[^\w.\-]+")


def give(root: etree._Element) -> Findings:
    """Number what lacks an id, and rename what cannot keep its own, with all that refers to it."""
    used = {each.get("id") for each in root.iter(etree.Element)}
    renamed: dict[str, str] = {}
    for xml in root.iter(etree.Element):
        if local(xml) in _NAMED:
            yield from _one(xml, used, renamed)
    if renamed:
        _refer(root, renamed)


def _one(xml: etree._Element, used: set[str | None], renamed: dict[str, str]) -> Iterator[Finding]:
    was = xml.get("id") or ""
    if not was.strip():
        new = _free(_suggestion(xml), used)
        xml.set("id", new)
        yield found("mended.flow-id" if local(xml) in _FLOWS else "mended.id", new, id=new)
    elif was != was.strip() or reserved(was):
        new = _free(f"{was.strip()}_1" if reserved(was.strip()) else was.strip(), used)
        xml.set("id", new)
        renamed[was] = renamed[was.strip()] = new
        yield found("mended.renamed", new, was=was, id=new)


def _suggestion(xml: etree._Element) -> str:
    if local(xml) not in _FLOWS:
        return f"{local(xml)}_1"
    return _OTHER.sub("_", "_".join(["flow", *((xml.get(end) or "x").strip() for end in ("sourceRef", "targetRef"))]))[
        :90
    ]


def _free(wanted: str, used: set[str | None]) -> str:
    """`wanted`, or with the next number that nobody has."""
    stem, number = re.sub(r"_\d+$", "", wanted), 1
    chosen = wanted
    while chosen in used:
        number += 1
        chosen = f"{stem}_{number}"
    used.add(chosen)
    return chosen


def _refer(root: etree._Element, renamed: dict[str, str]) -> None:
    for xml in root.iter(etree.Element):
        for name in _ATTRIBUTES & set(xml.attrib):
            xml.set(name, renamed.get(xml.get(name, ""), xml.get(name, "")))
        if local(xml) in _TEXTS and xml.text:
            xml.text = renamed.get(xml.text.strip(), xml.text)
