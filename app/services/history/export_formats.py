"""Event logs as other tools read them: XES (IEEE 1849-2016), OCEL 2.0 JSON and CSV, each written piece by piece.

Pure: lines in, text out. Instants are ISO 8601 in UTC. All values of OCEL are strings, as its published schema asks,
and declared as string or time, as its text asks. Source: xes-standard.org; ocel-standard.org (2.0).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import quoteattr

import orjson

Note = Mapping[str, int | datetime | None]
"""What is said of a log as a whole."""
EPOCH = "1970-01-01T00:00:00Z"
"""OCEL's instant for what an object always was."""


@dataclass(frozen=True, slots=True)
class Line:
    """One event of the log. `transition` is a word of XES's standard life cycle; empty text and None say nothing."""

    case_id: int
    seq: int
    kind: str
    case_kind: str
    county: str
    at: datetime
    recorded_at: datetime
    activity: str
    transition: str = "complete"
    process: str = ""
    element: str = ""
    instance_id: int | None = None
    run: str = ""  # the process of the instance, which may have called the one of the step
    task_id: int | None = None
    actor: str = ""
    role: str = ""
    deadline: str = ""
    due: datetime | None = None

    @property
    def id(self) -> str:
        """Case and number in the case's chain: unique, and found again in the record."""
        return f"{self.case_id}.{self.seq}"


@dataclass(frozen=True, slots=True)
class Format:
    """How a log is written, and what a browser is told of it."""

    media: str
    suffix: str
    write: Callable[[Iterator[Line], Note], Iterator[str]]


def instant(at: datetime) -> str:
    """An instant as all three formats write it: always with microseconds, so that text sorts as time does."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _plain(value: Any) -> str:
    return "" if value is None else instant(value) if isinstance(value, datetime) else str(value)


# --- CSV ---------------------------------------------------------------------------------

CSV_COLUMNS: Mapping[str, str] = {
    "case": "case_id", "event": "seq", "case_kind": "case_kind", "county": "county", "activity": "activity",
    "transition": "transition", "time": "at", "recorded": "recorded_at", "kind": "kind", "process": "process",
    "element": "element", "instance": "instance_id", "task": "task_id", "actor": "actor", "role": "role",
    "deadline": "deadline", "due": "due",
}  # fmt: skip
"""Column → field of a line, in order."""


def csv_(lines: Iterator[Line], _note: Note) -> Iterator[str]:
    """The log as CSV."""
    return csv_rows(CSV_COLUMNS, ([getattr(line, field) for field in CSV_COLUMNS.values()] for line in lines))


def csv_rows(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """A table as CSV (RFC 4180), with a byte-order mark so that spreadsheets see the Chinese."""
    held = io.StringIO()
    writer = csv.writer(held)
    held.write("\ufeff")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(map(_plain, row))
        yield held.getvalue()
        held.seek(0)
        held.truncate()
    yield held.getvalue()


# --- XES ---------------------------------------------------------------------------------

EXTENSIONS = (("Concept", "concept"), ("Time", "time"), ("Lifecycle", "lifecycle"), ("Organizational", "org"))
XES_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<log xes.version="1849.2016" xes.features="" xmlns="http://www.xes-standard.org/">\n'
    + "".join(
        f'  <extension name="{name}" prefix="{prefix}" uri="http://www.xes-standard.org/{prefix}.xesext"/>\n'
        for name, prefix in EXTENSIONS
    )
    + '  <global scope="trace">\n    <string key="concept:name" value="UNKNOWN"/>\n  </global>\n'
    '  <global scope="event">\n    <string key="concept:name" value="UNKNOWN"/>\n'
    '    <string key="lifecycle:transition" value="complete"/>\n'
    f'    <date key="time:timestamp" value="{EPOCH}"/>\n  </global>\n'
    '  <classifier name="Activity" scope="event" keys="concept:name"/>\n'
    '  <classifier name="Transition" scope="event" keys="concept:name lifecycle:transition"/>\n'
    '  <string key="concept:name" value="shouwang"/>\n'
    '  <string key="lifecycle:model" value="standard"/>\n'
)


def xes(lines: Iterator[Line], note: Note) -> Iterator[str]:
    """The log as XES: a trace for each case. Lines come case by case, those of one in order of time."""
    yield XES_HEAD + "".join(_attribute(name, value, "  ") for name, value in note.items())
    case_id = 0
    for line in lines:
        if line.case_id != case_id:
            yield ("  </trace>\n" if case_id else "") + _xes_trace(line)
            case_id = line.case_id
        yield _xes_event(line)
    yield ("  </trace>\n" if case_id else "") + "</log>\n"


def _xes_trace(first: Line) -> str:
    told = {"concept:name": str(first.case_id), "kind": first.case_kind, "county": first.county}
    return "  <trace>\n" + "".join(_attribute(key, value, "    ") for key, value in told.items())


def _xes_event(line: Line) -> str:
    told: Mapping[str, Any] = {
        "concept:name": line.activity, "lifecycle:transition": line.transition, "time:timestamp": line.at,
        "org:resource": line.actor, "org:role": line.role, "event": line.seq, "kind": line.kind,
        "recorded": line.recorded_at, "process": line.process, "element": line.element,
        "instance": line.instance_id, "task": line.task_id, "deadline": line.deadline,
        "due": line.due,
    }  # fmt: skip
    inner = "".join(_attribute(key, value, "      ") for key, value in told.items())
    return f"    <event>\n{inner}    </event>\n"


def _attribute(key: str, value: Any, indent: str) -> str:
    if value is None or value == "":
        return ""
    kind = "date" if isinstance(value, datetime) else "int" if isinstance(value, int) else "string"
    return f"{indent}<{kind} key={quoteattr(key)} value={quoteattr(_plain(value))}/>\n"


# --- OCEL --------------------------------------------------------------------------------

EVENT_ATTRIBUTES: Mapping[str, str] = {
    "transition": "string", "kind": "string", "process": "string", "element": "string", "role": "string",
    "deadline": "string", "due": "time", "recorded_at": "time",
}  # fmt: skip
OBJECT_ATTRIBUTES: Mapping[str, Mapping[str, str]] = {
    "case": {"kind": "case_kind", "county": "county"},
    "instance": {"process": "run"},
    "task": {"process": "process", "element": "element", "role": "role", "deadline": "deadline"},
    "actor": {},
}
"""Kind of object → attribute → field of the first line that names it; all strings."""
BELONGS = {"instance": "case", "task": "instance"}
"""An object's relation to the one that it is a part of."""


def ocel(lines: Iterator[Line], _note: Note) -> Iterator[str]:
    """The log as OCEL 2.0 JSON: events of cases, instances, tasks and actors. Objects and types come last."""
    objects: dict[str, dict[str, Any]] = {}
    types: dict[str, None] = {}
    before = '{"events":['
    for line in lines:
        types[line.activity] = None
        yield f"{before}\n{orjson.dumps(_ocel_event(line, objects)).decode()}"
        before = ","
    yield '{"events":[' if before != "," else ""
    declared = [{"name": name, "type": kind} for name, kind in EVENT_ATTRIBUTES.items()]
    rest = {
        "objects": list(objects.values()),
        "eventTypes": [{"name": name, "attributes": declared} for name in types],
        "objectTypes": [
            {"name": name, "attributes": [{"name": each, "type": "string"} for each in attributes]}
            for name, attributes in OBJECT_ATTRIBUTES.items()
        ],
    }
    yield "\n]," + orjson.dumps(rest).decode()[1:] + "\n"


def _ocel_event(line: Line, objects: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """One event; objects that it names for the first time are added to `objects`."""
    ids = {"case": line.case_id, "instance": line.instance_id, "task": line.task_id, "actor": line.actor or None}
    named = {kind: f"{kind}:{id_}" for kind, id_ in ids.items() if id_ is not None}
    for kind, name in named.items():
        if name not in objects:
            objects[name] = _object(line, kind, name, named)
    told = {name: _plain(getattr(line, name)) for name in EVENT_ATTRIBUTES}
    return {
        "id": line.id,
        "type": line.activity,
        "time": instant(line.at),
        "attributes": [{"name": name, "value": value} for name, value in told.items() if value],
        "relationships": [{"objectId": name, "qualifier": kind} for kind, name in named.items()],
    }


def _object(line: Line, kind: str, name: str, named: Mapping[str, str]) -> dict[str, Any]:
    told = {each: _plain(getattr(line, field)) for each, field in OBJECT_ATTRIBUTES[kind].items()}
    whole = named.get(BELONGS.get(kind, ""))
    return {
        "id": name,
        "type": kind,
        "attributes": [{"name": each, "time": EPOCH, "value": value} for each, value in told.items() if value],
        "relationships": [{"objectId": whole, "qualifier": f"of {BELONGS[kind]}"}] if whole else [],
    }
