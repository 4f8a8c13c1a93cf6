"""Rules on what other engines' tools wrote into a file, and this one does not read."""

from __future__ import annotations

import re

from lxml import etree

from app.engine.linting.rules import Findings, found
from app.engine.reading import BPMN, Node

_VENDORS = re.compile(r"camunda|zeebe|activiti|flowable|jbpm|drools|bonitasoft|signavio|kie\.org", re.IGNORECASE)
_CODE = re.compile(
    r"class|expression|delegateExpression|resultVariable|topic|connector|script|executionListener|taskListener|"
    r"inputOutput|ioMapping|taskDefinition|calledDecision|calledElement|onEntry-script|onExit-script|field",
    re.IGNORECASE,
)
_SILENT = ("modelerTemplate", "modelerTemplateVersion", "modelerTemplateIcon", "diagramRelationId", "jobPriority")


def check_node(node: Node) -> Findings:
    """One finding for each foreign attribute or extension that would have had an effect elsewhere."""
    for name in _foreign(node.xml):
        rule = "foreign.code" if _CODE.fullmatch(name) else "foreign.ignored"
        yield found(rule, node.id, what=name)


def _foreign(xml: etree._Element) -> list[str]:
    qualified = [etree.QName(name) for name in xml.attrib]
    qualified += [etree.QName(child) for child in _extensions(xml)]
    loops = xml.findall(f"{{{BPMN}}}multiInstanceLoopCharacteristics")
    qualified += [etree.QName(name) for loop in loops for name in loop.attrib]
    return list(
        dict.fromkeys(
            each.localname
            for each in qualified
            if each.namespace and _VENDORS.search(each.namespace) and each.localname not in _SILENT
        )
    )


def _extensions(xml: etree._Element) -> list[etree._Element]:
    extensions = xml.find(f"{{{BPMN}}}extensionElements")
    return [] if extensions is None else [each for each in extensions if isinstance(each.tag, str)]
