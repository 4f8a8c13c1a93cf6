"""How two releases differ, in words: what came, what went, and what is said otherwise of what stayed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from app.services.studio import words
from app.services.studio.inventory import Part, Said, inventory
from app.text import Text

Way = Literal["added", "removed", "changed"]
EMPTY = Text("", "")
UNTOLD = ("content", "layout", "order")
"""Of what it is enough to say that it changed."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs; `before` and `after` are empty where a whole part came or went."""

    part: Part
    way: Way
    name: Text
    attribute: str = ""
    before: Text = EMPTY
    after: Text = EMPTY

    @property
    def says(self) -> Text:
        """The change in a sentence: 期限 D03“告知”的期限从“……24 小时内”改为“……12 小时内”."""
        kind = words.kind(self.part.kind)
        zh, en = f"{kind.zh} {self.part.id}“{self.name.zh}”", f"{kind.en} {self.part.id} “{self.name.en}”"
        if self.part.kind == "file":
            zh, en = f"{kind.zh} {self.part.id}", f"{kind.en} {self.part.id}"
        if self.way != "changed":
            came = self.way == "added"
            return Text(f"{'增加' if came else '删去'}{zh}", f"{en} {'is new' if came else 'is gone'}")
        what = words.attribute(self.attribute)
        if self.attribute in UNTOLD:
            return Text(f"{zh}：{what.zh}{words.CHANGED.zh}", f"{en}: {what.en} {words.CHANGED.en}")
        before, after = _or_nothing(self.before), _or_nothing(self.after)
        return Text(
            f"{zh}：{what.zh}从{before.zh}改为{after.zh}", f"{en}: {what.en} changes from {before.en} to {after.en}"
        )


def _or_nothing(said: Text) -> Text:
    return Text(f"“{said.zh}”" if said.zh else words.NOTHING.zh, f"“{said.en}”" if said.en else words.NOTHING.en)


def compare(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> tuple[Change, ...]:
    """Every difference between two releases, given as files; empty for equal ones. Nothing is passed over."""
    paths = {path for path in {*old, *new} if old.get(path) != new.get(path)}
    before, after = inventory(old, paths), inventory(new, paths)
    parts = sorted({**before, **after}, key=lambda part: (part.path, part.kind == "file"))
    return tuple(change for part in parts for change in _changes(part, before.get(part), after.get(part)))


def _changes(part: Part, before: Said | None, after: Said | None) -> Iterator[Change]:
    if before is None or after is None:
        said = before or after
        assert said is not None, "a part stands in at least one of them"
        yield Change(part, "added" if before is None else "removed", said.name)
        return
    for attribute in {**before.attributes, **after.attributes}:
        was, now = before.attributes.get(attribute, EMPTY), after.attributes.get(attribute, EMPTY)
        if _reordered(was, now) if attribute == "order" else was != now:
            yield Change(part, "changed", after.name, attribute, was, now)


def _reordered(was: Text, now: Text) -> bool:
    """Whether what stands in both stands in another order; what came or went is told elsewhere."""
    before, after = was.zh.split("\n"), now.zh.split("\n")
    return [key for key in before if key in after] != [key for key in after if key in before]
