"""Making a file from elsewhere usable here: ids for what has none, our words for what other engines said.

Nothing is taken away: other engines' attributes stay beside ours, and every change is told as a problem of severity
"warning" whose rule begins with `mended.`, `carried.` or `layout.`. A file that needs nothing keeps its bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from app.engine.arranging import arrange
from app.engine.linting import Catalog, Problem
from app.engine.linting.rules import problems
from app.engine.mending import carrying, ids
from app.engine.reading import document, parse_xml


@dataclass(frozen=True, slots=True)
class Mended:
    """The text as it can be used here, and what was changed, in words."""

    xml: bytes
    changes: tuple[Problem, ...]


def mend(xml: bytes, known: Catalog | None = None, *, arranged: bool = False) -> Mended:
    """`xml` with stable ids and with what other engines' attributes mean here. `arranged`: with a layout.

    Raises DiagramError if unreadable.
    """
    root = parse_xml(xml, comments=True)
    changes = list(ids.give(root))
    changes += carrying.carry(document(root), known or Catalog())
    changes += arrange(root) if arranged else ()
    if not changes:
        return Mended(xml, ())
    return Mended(written(root), tuple(problems(changes)))


def written(root: etree._Element) -> bytes:
    """The file as text, in UTF-8."""
    text: bytes = etree.tostring(root.getroottree(), xml_declaration=True, encoding="UTF-8")
    return text
