"""What a file draws, whether or not it runs: for comparing one drawing with another."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass

from lxml import etree

from app.engine.elements import elements_of
from app.engine.model import Element
from app.engine.reading import HOUSE, NODES, local, properties, read
from app.text import Text

_DI = "{http://www.omg.org/spec/BPMN/20100524/DI}BPMNDiagram"
_PROPERTY = f"{{{HOUSE}}}property"
_TOLD = frozenset(
    (
        "conditionExpression",
        "incoming",
        "outgoing",
        "flowNodeRef",
        "message",
        "messageEventDefinition",
        "timeDate",
        "loopDataInputRef",
    )
)
_NAMED = frozenset(("process", "lane", "sequenceFlow"))
_TOLD_ATTRIBUTES = frozenset(
    (
        "id",
        "name",
        "default",
        "calledElement",
        "attachedToRef",
        "cancelActivity",
        "messageRef",
        "isExecutable",
        "sourceRef",
        "targetRef",
    )
)
"""What elements, flows and messages of a drawing already tell, so that the rest is what they do not."""


@dataclass(frozen=True, slots=True)
class DrawnProcess:
    """One process of a file: its name and properties, and its elements in file order."""

    id: str
    name: Text
    executable: bool
    properties: Mapping[str, str]
    elements: tuple[Element, ...]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A file: its processes, and fingerprints of what else it says and of where it puts things."""

    processes: tuple[DrawnProcess, ...]
    rest: str
    layout: str


def drawn(xml: bytes) -> Drawn:
    """What `xml` draws. Raises DiagramError when it cannot be read at all."""
    document = read(xml)
    found = []
    for scope in document.processes():
        title, said = " ".join((scope.xml.get("name") or scope.id).split()), properties(scope.xml)
        found.append(
            DrawnProcess(
                scope.id,
                Text(title, said.get("name_en") or title),
                scope.executable,
                {name: value for name, value in said.items() if name != "name_en"},
                tuple(elements_of(document, scope.id).values()),
            )
        )
    pages = [page for page in document.root if page.tag == _DI]
    return Drawn(tuple(found), _fingerprint(_rest(document.root)), "".join(map(_fingerprint, pages)))


def _rest(root: etree._Element) -> etree._Element:
    """A copy of the file without its pages and without all that elements, flows and properties tell of."""
    rest = deepcopy(root)
    for child in list(rest.iter(etree.Element)):
        parent = child.getparent()
        if parent is None:
            continue
        if child.tag == _DI or local(child) in _TOLD or (child.tag == _PROPERTY and _told(child)):
            parent.remove(child)
        elif local(child) in NODES or local(child) in _NAMED:
            told = {name: value for name, value in child.items() if name not in _TOLD_ATTRIBUTES}
            kept = {"id": child.get("id") or ""} if told or local(child) == "lane" else {}
            child.attrib.clear()
            child.attrib.update(kept | told)
    _drop_empty(rest)
    return rest


def _told(said: etree._Element) -> bool:
    """Whether a property is told with what it belongs to: all those of steps and processes, else only English names."""
    owner = next((each for each in said.iterancestors() if local(each) not in ("", "extensionElements")), None)
    whose = "" if owner is None else local(owner)
    return whose in NODES or whose == "process" or (whose in _NAMED and said.get("name") == "name_en")


def _drop_empty(xml: etree._Element) -> None:
    """Take away, from the innermost outwards, whatever says nothing any more."""
    for child in list(xml):
        _drop_empty(child)
        if not (len(child) or child.attrib or (child.text or "").strip()):
            xml.remove(child)


def _fingerprint(xml: etree._Element) -> str:
    """The same for two spellings of the same XML: attributes in another order, other white space between tags."""
    return hashlib.sha256(etree.tostring(xml, method="c14n2", strip_text=True)).hexdigest()


def fingerprint(content: bytes) -> str:
    """Of any bytes."""
    return hashlib.sha256(content).hexdigest()
