"""What a release says, part by part, with every part's name and what is said of it in words.

A part is a process, a step, a flow, a question, a deadline, a role …; two releases differ where their
inventories do, and whatever a file says beyond the parts that are known stands in them under its own name.
Any file can be taken in, also one that does not run yet.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import orjson

from app import engine
from app.engine import DiagramError, DrawnProcess, Element
from app.errors import Refused
from app.rules.calendar import parse_rule
from app.rules.deadline_words import period_words
from app.rules.deadlines import NO_LIMIT
from app.services.studio import words
from app.text import Text


class Part(NamedTuple):
    """Which part of a release: its file, its kind, its id there."""

    path: str
    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class Said:
    """What a release says of a part: its name, and each thing in words."""

    name: Text
    attributes: Mapping[str, Text]


class Named(Text):
    """A thing named by its id: another name of the same thing is no change."""

    id: str

    def __init__(self, id_: str, name: Text) -> None:
        super().__init__(name.zh, name.en)
        object.__setattr__(self, "id", id_)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Named) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)


Inventory = dict[Part, Said]


def inventory(files: Mapping[str, bytes], paths: Collection[str]) -> Inventory:
    """Every part of those files of a release that `paths` name, in the order in which they stand in them."""
    names = Names(files)
    found: Inventory = {}
    for path in sorted(set(paths) & set(files)):
        try:
            found.update(_diagram(path, files[path], names) if path.endswith(".bpmn") else _json(path, files[path]))
        except (DiagramError, ValueError, TypeError, KeyError, AttributeError):
            content = words.plain(engine.fingerprint(files[path]))
            found[Part(path, "file", path)] = Said(words.plain(path), {"content": content})
    return found


class Names:
    """What registers and forms call the things that diagrams name by id."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files

    @cached_property
    def _known(self) -> dict[tuple[str, str], Text]:
        found: dict[tuple[str, str], Text] = {}
        for register, path in (("role", "bpmn/roles.json"), ("deadline", "bpmn/deadlines.json")):
            for row in _rows(self._files.get(path, b"[]")):
                found[register, str(row.get("id"))] = Text(str(row.get("name_zh")), str(row.get("name_en")))
        for path in self._files:
            if path.startswith("forms/"):
                said = _object(self._files[path]).get("properties", {})
                found["form", path[6:-5]] = Text(str(said.get("name_zh", "")), str(said.get("name_en", "")))
        return found

    def of(self, register: str, id_: str) -> Named:
        """The id with its name: D03 受理告知."""
        name = self._known.get((register, id_), Text("", ""))
        return Named(id_, Text(f"{id_} {name.zh}".strip(), f"{id_} {name.en}".strip()))


def _object(content: bytes) -> dict[str, Any]:
    try:
        read = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return read if isinstance(read, dict) else {}


def _rows(content: bytes) -> list[dict[str, Any]]:
    try:
        read = orjson.loads(content)
    except orjson.JSONDecodeError:
        return []
    rows = read.get("deadlines", []) if isinstance(read, dict) else read
    return [row for row in rows if isinstance(row, dict)]


# --- diagrams ----------------------------------------------------------------------------


def _diagram(path: str, content: bytes, names: Names) -> Iterator[tuple[Part, Said]]:
    drawn = engine.drawn(content)
    for process in drawn.processes:
        yield Part(path, "process", process.id), Said(process.name, _of_process(process))
        steps = {element.id: element.name for element in process.elements}
        for element in process.elements:
            yield Part(path, "element", element.id), Said(element.name, _of_element(element, names))
            yield from _flows(path, element, steps)
    whole = {"content": words.plain(drawn.rest), "layout": words.plain(drawn.layout)}
    yield Part(path, "file", path), Said(words.plain(path), whole)


def _of_process(process: DrawnProcess) -> dict[str, Text]:
    named = {"name_zh": words.plain(process.name.zh), "name_en": words.plain(process.name.en)}
    return named | {"executable": words.plain(process.executable)} | _plain(process.properties)


def _of_element(element: Element, names: Names) -> dict[str, Text]:
    said = {
        "name_zh": words.plain(element.name.zh),
        "name_en": words.plain(element.name.en),
        "type": words.TYPES.get(element.type, words.plain(element.type)),
        "lane": element.lane or Text("", ""),
        "message": words.plain(element.message),
        "timer": words.plain(element.timer),
        "collection": words.plain(element.collection),
        "called": words.plain(element.called),
        "attached": words.plain(element.attached),
        "interrupting": words.plain(element.interrupting),
    }
    for register in ("role", "form", "deadline"):
        said[register] = names.of(register, element.properties.get(register, ""))
    known = {"name_en", "role", "form", "deadline"}
    return said | _plain({name: value for name, value in element.properties.items() if name not in known})


def _flows(path: str, element: Element, steps: Mapping[str, Text]) -> Iterator[tuple[Part, Said]]:
    for flow in element.flows:
        target = steps.get(flow.target, words.plain(flow.target))
        way = Text(f"{element.name.zh} → {target.zh}", f"{element.name.en} → {target.en}")
        said = {
            "from": Named(element.id, element.name), "to": Named(flow.target, target), "condition": words.plain(flow.expr),
            "default": words.plain(flow.default), "name_zh": words.plain(flow.name.zh), "name_en": words.plain(flow.name.en),
        }  # fmt: skip
        yield Part(path, "flow", flow.id), Said(way, said)


# --- forms and registers -----------------------------------------------------------------


def _json(path: str, content: bytes) -> Iterator[tuple[Part, Said]]:
    read = orjson.loads(content)
    stem = path.rsplit("/", maxsplit=1)[-1].removesuffix(".json")
    if path.startswith("forms/"):
        yield from _form(path, stem, read)
    elif stem == "deadlines":
        yield from ((Part(path, stem, row["id"]), Said(_name(row), _deadline(row))) for row in read["deadlines"])
        rest = {key: value for key, value in read.items() if key != "deadlines"}
        yield Part(path, "file", path), Said(words.plain(path), _plain(dict(_flat(rest))))
    elif isinstance(read, dict):
        yield from (
            (Part(path, stem, key), Said(_name(row, key), _plain(dict(_flat(row))))) for key, row in read.items()
        )
    else:
        yield from ((Part(path, stem, row["id"]), Said(_name(row), _plain(dict(_flat(row))))) for row in read)


def _name(row: Mapping[str, Any], otherwise: str = "") -> Text:
    zh = row.get("name_zh") or row.get("label_zh") or row.get("summary_zh") or row.get("id") or otherwise
    return Text(str(zh), str(row.get("name_en") or row.get("label_en") or row.get("summary_en") or zh))


def _deadline(row: Mapping[str, Any]) -> dict[str, Text]:
    said = _plain(dict(_flat({key: value for key, value in row.items() if key != "rules"})))
    for rule in row["rules"]:
        case = f"{words.CASE}{rule['when']}" if rule["when"] else "otherwise"
        said[case if len(row["rules"]) > 1 else "period"] = _period(rule)
    return said | {"order": _order(str(rule["when"]) for rule in row["rules"])}


def _period(rule: Mapping[str, Any]) -> Text:
    if not rule["value"]:
        return NO_LIMIT
    try:
        return period_words(rule["start"], parse_rule(rule["value"]))
    except Refused:
        return words.plain(f"{rule['start']} + {rule['value']}")


def _form(path: str, stem: str, read: Mapping[str, Any]) -> Iterator[tuple[Part, Said]]:
    rest = {key: value for key, value in read.items() if key != "components"}
    said = read.get("properties", {})
    name = Text(str(said.get("name_zh", stem)), str(said.get("name_en", stem)))
    order = _order(key for key, _ in _questions(read["components"]))
    yield Part(path, "form", stem), Said(name, _plain(dict(_flat(rest))) | {"order": order})
    for key, row in _questions(read["components"]):
        label = str(row.get("label") or row.get("text") or key)
        asked = Text(label, str(row.get("properties", {}).get("label_en") or label))
        own = {name: value for name, value in row.items() if name not in ("values", "components")}
        yield Part(path, "question", key), Said(asked, _plain(dict(_flat(own))) | _options(row))


def _questions(components: Iterable[Mapping[str, Any]], within: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for row in components:
        key = within + str(row.get("key") or row.get("path") or row.get("id"))
        yield key, row
        yield from _questions(row.get("components", ()), f"{key}.")


def _order(keys: Iterable[str]) -> Text:
    return words.plain("\n".join(keys))


def _options(row: Mapping[str, Any]) -> dict[str, Text]:
    english = row.get("properties", {}).get("options_en", {})
    return {
        f"{words.OPTION}{option['value']}": Text(
            str(option["label"]), str(english.get(option["value"], option["label"]))
        )
        for option in row.get("values", ())
    }


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, object]]:
    """A JSON value as paths and plain values: a list of plain values is one, other rows go by their number."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(inner, (Mapping, list)) for inner in value):
        for number, inner in enumerate(value, 1):
            yield from _flat(inner, f"{path}.{number}")
    else:
        yield path, "、".join(map(str, value)) if isinstance(value, list) else value


def _plain(said: Mapping[str, object]) -> dict[str, Text]:
    return {name: words.plain(value) for name, value in said.items() if name != "properties.options_en"}
