"""Readers of event logs that know nothing of the program: the structure that each format's own schema asks for.

XES: the element order, attributes and value types of the schema of IEEE 1849-2016, and its rules on keys, globals
and classifiers. OCEL 2.0: the required members and types of its JSON schema, with the rules of its text on
declared types and references. Each returns what it read, or fails with the place.
"""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lxml import etree

XES = "{http://www.xes-standard.org/}"
NCNAME, XML_NAME = re.compile(r"[A-Za-z_][\w.-]*"), re.compile(r"[A-Za-z_:][\w.:-]*")
DATE_TIME = re.compile(r"-?\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
ATTRIBUTES = ("string", "date", "int", "float", "boolean", "id", "list")
LIFE_CYCLE = frozenset(("schedule", "assign", "withdraw", "reassign", "start", "suspend", "resume", "pi_abort",
                        "ate_abort", "complete", "autoskip", "manualskip", "unknown"))  # fmt: skip


@dataclass
class Read:
    """A log as its reader understood it: case → events, each a dict."""

    cases: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    about: dict[str, dict[str, Any]] = field(default_factory=dict)
    whole: dict[str, Any] = field(default_factory=dict)


def instant(text: str) -> datetime:
    """An xs:dateTime or RFC 3339 instant with its offset."""
    assert DATE_TIME.fullmatch(text), text
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


# --- XES -----------------------------------------------------------------------------------


def xes(text: str) -> Read:
    """A log in XES."""
    root = etree.fromstring(text.encode())
    assert root.tag == f"{XES}log"
    assert set(root.attrib) <= {"xes.version", "xes.features"}
    float(root.attrib["xes.version"])  # the schema's type is a decimal
    assert root.attrib["xes.version"] == "1849.2016"
    kinds = [etree.QName(child).localname for child in root]
    order = ["extension", "global", "classifier", "attribute", "trace", "event"]
    places = [order.index("attribute" if kind in ATTRIBUTES else kind) for kind in kinds]
    assert places == sorted(places), "the children of a log come in a fixed order"
    prefixes = {_extension(child) for child in root.iterchildren(f"{XES}extension")}
    scopes = {child.attrib["scope"]: _attributes(child, prefixes) for child in root.iterchildren(f"{XES}global")}
    assert set(scopes) == {"trace", "event"}
    for child in root.iterchildren(f"{XES}classifier"):
        _classifier(child, scopes)
    read = Read(whole=_attributes(root, prefixes))
    for trace in root.iterchildren(f"{XES}trace"):
        _trace(trace, prefixes, scopes, read)
    return read


def _extension(node: Any) -> str:
    assert set(node.attrib) == {"name", "prefix", "uri"}
    assert NCNAME.fullmatch(node.attrib["name"])
    assert node.attrib["uri"].endswith(f"/{node.attrib['prefix']}.xesext")
    return str(node.attrib["prefix"])


def _classifier(node: Any, scopes: dict[str, dict[str, Any]]) -> None:
    assert NCNAME.fullmatch(node.attrib["name"]), "a classifier's name is an NCName"
    for key in node.attrib["keys"].split():
        assert key in scopes[node.attrib.get("scope", "event")], "keys of a classifier are global attributes"


def _attributes(node: Any, prefixes: set[str]) -> dict[str, Any]:
    """The attributes of a component: each key once, of the type that its element says."""
    found: dict[str, Any] = {}
    for child in node:
        kind = etree.QName(child).localname
        if kind not in ATTRIBUTES:
            continue
        key, value = child.attrib["key"], child.attrib["value"]
        assert set(child.attrib) == {"key", "value"}
        assert XML_NAME.fullmatch(key), key
        assert ":" not in key or key.split(":")[0] in prefixes, f"{key} is of no declared extension"
        assert key not in found, f"{key} twice"
        found[key] = {"date": instant, "int": int, "float": float}.get(kind, str)(value)
    return found


def _trace(node: Any, prefixes: set[str], scopes: dict[str, dict[str, Any]], read: Read) -> None:
    kinds = [etree.QName(child).localname for child in node]
    first = kinds.index("event") if "event" in kinds else len(kinds)
    assert set(kinds[:first]) <= set(ATTRIBUTES)
    assert set(kinds[first:]) <= {"event"}
    about = _attributes(node, prefixes)
    assert scopes["trace"].keys() <= about.keys()
    assert about["concept:name"] not in read.cases, "a case is one trace"
    events = [_attributes(event, prefixes) for event in node.iterchildren(f"{XES}event")]
    for event in events:
        assert scopes["event"].keys() <= event.keys()
        assert event["lifecycle:transition"] in LIFE_CYCLE
    times = [event["time:timestamp"] for event in events]
    assert times == sorted(times)
    read.cases[about["concept:name"]], read.about[about["concept:name"]] = events, about


# --- OCEL ----------------------------------------------------------------------------------

TYPES = {"string": str, "time": instant, "integer": int, "float": float, "boolean": bool}


def ocel(text: str) -> Read:
    """A log in OCEL 2.0 JSON."""
    log = json.loads(text)
    assert set(log) == {"eventTypes", "objectTypes", "events", "objects"}
    event_types, object_types = _types(log["eventTypes"]), _types(log["objectTypes"])
    objects = {one["id"]: one for one in log["objects"]}
    assert len(objects) == len(log["objects"]), "an object's id is its own"
    for one in log["objects"]:
        assert {"id", "type"} <= set(one) <= {"id", "type", "attributes", "relationships"}
        _values(one, object_types[one["type"]], {"name", "value", "time"})
        _relations(one, objects)
    read = Read(about=objects)
    seen: set[str] = set()
    for event in log["events"]:
        assert {"id", "type", "time"} <= set(event) <= {"id", "type", "time", "attributes", "relationships"}
        assert event["id"] not in seen
        seen.add(event["id"])
        told = _values(event, event_types[event["type"]], {"name", "value"})
        linked = _relations(event, objects)
        (case,) = [name for name in linked if objects[name]["type"] == "case"]
        read.cases.setdefault(case, []).append(
            {"id": event["id"], "type": event["type"], "time": instant(event["time"]), "objects": linked, **told}
        )
    assert not set(objects) - {name for events in read.cases.values() for event in events for name in event["objects"]}
    return read


def _types(listed: Any) -> dict[str, dict[str, str]]:
    found = {}
    for one in listed:
        assert set(one) == {"name", "attributes"}
        assert isinstance(one["name"], str)
        found[one["name"]] = {each["name"]: each["type"] for each in one["attributes"]}
        assert len(found[one["name"]]) == len(one["attributes"])
        assert set(found[one["name"]].values()) <= set(TYPES)
    assert len(found) == len(listed), "a type is declared once"
    return found


def _values(one: Any, declared: dict[str, str], members: set[str]) -> dict[str, Any]:
    found = {}
    for each in one.get("attributes", []):
        assert set(each) == members
        assert isinstance(each["value"], str), "the published schema knows strings only"
        if "time" in each:
            instant(each["time"])
        found[each["name"]] = TYPES[declared[each["name"]]](each["value"])  # type: ignore[operator]
    return found


def _relations(one: Any, objects: dict[str, Any]) -> list[str]:
    for each in one.get("relationships", []):
        assert set(each) == {"objectId", "qualifier"}
        assert isinstance(each["qualifier"], str)
        assert each["objectId"] in objects, "a relation leads to an object of the log"
    return [each["objectId"] for each in one.get("relationships", [])]


# --- CSV -----------------------------------------------------------------------------------


def table(text: str) -> list[dict[str, str]]:
    """A log in CSV: a byte-order mark, a line of names, and as many fields in each line."""
    assert text.startswith("\ufeff")
    assert text.endswith("\r\n")
    names, *lines = csv.reader(io.StringIO(text[1:], newline=""), strict=True)
    assert len(set(names)) == len(names)
    assert {len(line) for line in lines} <= {len(names)}
    assert not any(cell[:1] in "=+-@\t" for line in lines for cell in line if cell), "a spreadsheet would run it"
    return [dict(zip(names, line, strict=True)) for line in lines]
