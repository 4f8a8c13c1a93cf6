"""The diagrams of a case at one moment: what was known marked as on the case page, what was not known then set apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from app import engine
from app.services.history import story
from app.services.history._telling import joined
from app.services.history._timeline import Head, Timeline, fold
from app.services.history._walk import Walk, Walks
from app.services.history.replay_views import Scene, TwinRow, TwinState
from app.services.library import library
from app.text import Text


def scenes(timeline: Timeline, place: int, seen: list[Head]) -> tuple[Scene, ...]:
    """Every diagram on which something had happened up to the event at `place`, the one that moved last first."""
    steps, happened = timeline.steps(place), timeline.heads[: place + 1]
    real = fold(timeline, steps, happened)
    known = real if len(seen) == len(happened) else fold(timeline, steps, seen)
    return tuple(
        _scene(timeline, instance_id, process, known.get(instance_id), walks)
        for instance_id, walks in reversed(real.items())
        for process in reversed(walks.of)
    )


def _scene(timeline: Timeline, instance_id: int, process: str, known: Walks | None, real: Walks) -> Scene:
    instance, there = timeline.instances[instance_id], real.walk(process)
    walk = known.walk(process) if known else Walk(there.elements)
    hidden = there.reached - walk.reached
    unknown = tuple(name for name, element in there.elements.items() if name in hidden and not element.attached)
    going = any(each.tokens for each in (known or real).of.values())
    marks = story.view(instance_id, "running" if going else "done", real.definition, process, walk)
    standing = [name for name in walk.now if walk.elements[name].type != "call"]
    return Scene(
        case_id=instance["case_id"],
        release=instance["release_id"],
        whole=real.definition.name,
        marks=marks,
        unknown=unknown,
        since=walk.now,
        standing=tuple(walk.elements[name].name for name in standing),
    )


def chosen(found: tuple[Scene, ...], on: str, head: Head, data: dict[str, Any]) -> tuple[Scene | None, bool]:
    """The diagram to show, and whether it was asked for: else that of the event, else the one that moved last."""
    pinned = next((scene for scene in found if scene.key == on), None)
    own = [scene for scene in found if scene.marks.instance_id == head.instance_id]
    exact = [scene for scene in own if "element" in data and scene.marks.process == data["process"]]
    return pinned or next(iter((*exact, *own, *found)), None), pinned is not None


def in_words(timeline: Timeline, scene: Scene) -> Scene:
    """The scene with a row for each element: the same that the picture shows."""
    instance = timeline.instances[scene.marks.instance_id]
    definition = library(timeline.session, instance["release_id"]).definition(instance["process"])
    elements = definition.elements(scene.marks.process)
    return replace(scene, rows=tuple(_row(element, scene, elements) for element in elements))


def _row(element: engine.Element, scene: Scene, elements: Iterable[engine.Element]) -> TwinRow:
    marks, names = scene.marks, {each.id: each.name for each in elements}
    states: dict[TwinState, tuple[str, ...]] = {"now": marks.now, "done": marks.done, "cancelled": marks.cancelled}
    state: TwinState = next((state for state, ids in states.items() if element.id in ids), "")
    taken = [flow for flow in element.flows if flow.id in marks.flows]
    return TwinRow(
        id=element.id,
        name=element.name,
        type=element.type,
        lane=element.lane,
        state=state,
        unknown=element.id in scene.unknown,
        since=scene.since.get(element.id),
        went=tuple(_went(flow, names[flow.target]) for flow in taken),
    )


def _went(flow: engine.Flow, target: Text) -> Text:
    """Where a flow leads, with its branch: “联系父母（单独居住）”."""
    if not flow.name.zh:
        return target
    return Text(f"{target.zh}（{flow.name.zh}）", f"{target.en} ({flow.name.en})")


def lead(found: tuple[Scene, ...]) -> Text:
    """Which processes were under way, and where each stood."""
    going: dict[int, tuple[Text, list[Text]]] = {}
    for scene in found:
        marks = scene.marks
        if marks.status == "running" and marks.process not in story.BEHIND:
            _, where = going.setdefault(marks.instance_id, (scene.whole, []))
            where += [name for name in scene.standing if name not in where]
    if not going:
        return Text("没有在办的流程。", "Nothing was under way.")
    told = [
        Text(f"{name.zh}（{joined(where).zh}）", f"{name.en} ({joined(where).en})") for name, where in going.values()
    ]
    return Text(f"正在办：{'、'.join(one.zh for one in told)}。", f"Under way: {'; '.join(one.en for one in told)}.")
