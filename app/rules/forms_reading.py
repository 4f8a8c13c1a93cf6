"""Reading a form file: its layout, and everything in it that has to be mended before it may be used."""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any, cast, get_args

from app.rules.expressions import ExpressionError, Type, check, names
from app.rules.forms_layout import (
    CHOICES,
    SENSITIVITIES,
    UNANSWERED,
    Derived,
    Field,
    Kind,
    Layout,
    Limits,
    Option,
    Problem,
    Sensitivity,
    questions,
    types_of,
)
from app.text import Text

MAX_FIELDS = 200
PARTS: Mapping[Kind, tuple[str, ...]] = {"datetime": ("date", "time"), "filepicker": ("new",)}
"""A page sends these fields in parts of their own, named <name>_<part>."""

_FORM_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_TYPES = frozenset(get_args(Kind)) - {"date", "given"}  # these two are no types of form-js
_NOT_INSIDE: Mapping[Kind | None, frozenset[str]] = {
    "group": frozenset({"group"}),
    "dynamiclist": frozenset({"group", "dynamiclist", "filepicker"}),
}
_RULES = frozenset({"required", "min", "max", "minLength", "maxLength"})
# The expression language's own words, and names that would hide what scripts use of a form element.
_RESERVED = frozenset(
    [
        "csrf_token",
        "count",
        "known",
        "action",
        "attributes",
        "closest",
        "dataset",
        "elements",
        "method",
        "submit",
        "target",
    ]
)


def read(document: Any) -> tuple[Layout, tuple[Problem, ...]]:
    """The layout as far as it can be read, and its problems; whatever `document` is, nothing is raised."""
    reader = _Reader()
    layout = reader.layout(_mapping(document))
    reader.check_names(layout)
    reader.check_conditions(layout.fields, {})
    reader.check_derived(layout)
    return layout, tuple(reader.problems)


class _Reader:
    """Collects problems while it reads, so that one look shows all of them."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.left = MAX_FIELDS

    def say(self, field: str, zh: str, en: str) -> None:
        self.problems.append(Problem(field, Text(zh, en)))

    def layout(self, document: Mapping[str, Any]) -> Layout:
        form_id, properties = _string(document.get("id")), _mapping(document.get("properties"))
        if not _FORM_ID.fullmatch(form_id):
            self.say("", "缺表号。请在 id 里写 F01 这样的编号", "The form has no id: give one such as F01")
        name = Text(_string(properties.get("name_zh")), _string(properties.get("name_en")))
        if not (name.zh and name.en):
            self.say("", "缺表名。请把 name_zh 和 name_en 都写上", "The form has no name: give name_zh and name_en")
        fields = self.fields(document.get("components"), None)
        if not any(questions(fields)):
            self.say("", "表里一个问题也没有", "The form asks nothing")
        return Layout(form_id, name, fields, tuple(self.derived(properties.get("derived"))))

    def derived(self, entries: Any) -> Iterator[Derived]:
        for entry in _list(entries):
            flag = _mapping(entry)
            name, rule = _string(flag.get("name")), _string(flag.get("rule"))
            if not self._may_be_named(name):
                continue
            if flag.get("type") != "bool":
                self.say(name, "推导项只能是是非（bool）", "A derived value is a flag: its type is bool")
            yield Derived(name, rule)

    def fields(self, components: Any, inside: Kind | None) -> tuple[Field, ...]:
        if components is not None and not isinstance(components, list):
            self.say("", "components 要是一个列表", "components has to be a list")
        read = (self.field(_mapping(component), inside) for component in _list(components))
        return tuple(field for field in read if field is not None)

    def field(self, component: Mapping[str, Any], inside: Kind | None) -> Field | None:
        """One component, or None when it cannot be a field at all."""
        kind = self.kind(component, inside)
        self.left -= 1
        if kind is None or self.left < 0:
            if self.left == -1:
                self.say("", f"超过{MAX_FIELDS}项，请拆成两张表", f"More than {MAX_FIELDS} fields: make two forms")
            return None
        name = _key(component, kind)
        if kind not in UNANSWERED and not self._may_be_named(name):
            return None
        properties = _mapping(component.get("properties"))
        options_from = _string(properties.get("options_from"))
        columns = self.fields(component.get("components"), kind) if kind in ("group", "dynamiclist") else ()
        if kind == "dynamiclist" and not columns:
            self.say(name, "这个列表一栏也没有", "This list has no columns")
        return Field(
            name=name,
            kind=kind,
            label=self.label(name, kind, component, properties),
            hint=self.hint(name, component, properties),
            required=_mapping(component.get("validate")).get("required") is True,
            sensitivity=self.sensitivity(name, properties),
            options=self.options(name, component, properties) if kind in CHOICES and not options_from else (),
            options_from=options_from,
            limits=self.limits(name, component),
            visible_if=self.condition(name, component, properties),
            clauses=_codes(properties.get("clause")),
            future=properties.get("future") is True,
            fixed=component.get("allowAddRemove") is False or any(column.kind == "given" for column in columns),
            fields=columns,
        )

    def kind(self, component: Mapping[str, Any], inside: Kind | None) -> Kind | None:
        said, where = component.get("type"), _string(component.get("key")) or _string(component.get("id"))
        if not isinstance(said, str) or said not in _TYPES:
            self.say(where, f"不能用“{said}”这种题型", f"A component of type “{said}” is not part of the subset")
            return None
        if said in _NOT_INSIDE.get(inside, ()):
            self.say(where, f"“{said}”不能放在“{inside}”里", f"A “{said}” cannot stand inside a “{inside}”")
            return None
        if said == "text" and inside == "dynamiclist":
            return "given"
        if said == "datetime":
            said = component.get("subtype", "datetime")
            if said not in ("date", "datetime"):
                self.say(where, "subtype 要写 date 或 datetime", "The subtype has to be date or datetime")
                return None
        return cast("Kind", said)

    def label(self, name: str, kind: Kind, component: Mapping[str, Any], properties: Mapping[str, Any]) -> Text:
        zh = _string(component.get("label")) or (_string(component.get("text")) if kind == "text" else "")
        label = Text(zh, _string(properties.get("label_en")))
        if not label.zh:
            self.say(name, "缺题目。请写 label", "There is no label")
        if not label.en:
            self.say(name, "缺英文题目。请写 label_en", "The English label is missing: give label_en")
        return label

    def hint(self, name: str, component: Mapping[str, Any], properties: Mapping[str, Any]) -> Text:
        hint = Text(_string(component.get("description")), _string(properties.get("hint_en")))
        if bool(hint.zh) != bool(hint.en):
            self.say(name, "提示要中英文都写", "A hint has to be given in both languages")
        return hint

    def sensitivity(self, name: str, properties: Mapping[str, Any]) -> Sensitivity:
        said = properties.get("sensitivity", "S1")
        if said not in SENSITIVITIES:
            self.say(name, "sensitivity 要写 S0、S1、S2 或 S3", "sensitivity has to be S0, S1, S2 or S3")
            return "S3"
        return cast("Sensitivity", said)

    def options(self, name: str, component: Mapping[str, Any], properties: Mapping[str, Any]) -> tuple[Option, ...]:
        english = _mapping(properties.get("options_en"))
        read: list[Option] = []
        for entry in map(_mapping, _list(component.get("values"))):
            value = _string(entry.get("value"))
            option = Option(value, Text(_string(entry.get("label")), _string(english.get(value))))
            if not (value and option.label.zh and option.label.en):
                self.say(name, f"选项“{value}”缺代码、中文或英文", f"The option “{value}” lacks its code or a label")
            read.append(option)
        if not read:
            self.say(name, "没有选项。请写 values 或 options_from", "There are no options: give values or options_from")
        for value, times in Counter(option.value for option in read).items():
            if times > 1:
                self.say(name, f"选项“{value}”写了两次", f"The option “{value}” stands twice")
        return tuple(read)

    def limits(self, name: str, component: Mapping[str, Any]) -> Limits:
        rules = _mapping(component.get("validate"))
        for rule in sorted(set(map(str, rules)) - _RULES):
            self.say(name, f"不能用“{rule}”这条规则", f"The rule “{rule}” is not part of the subset")
        low, high = _number(rules.get("min")), _number(rules.get("max"))
        shortest, longest = _whole(rules.get("minLength")), _whole(rules.get("maxLength"))
        if (low is not None and high is not None and low > high) or (shortest or 0) > (longest or 10**9):
            self.say(name, "最小值比最大值还大", "The least is more than the most")
        digits = _whole(component.get("decimalDigits"))
        return Limits(low, high, shortest, longest, 2 if digits is None else digits)

    def condition(self, name: str, component: Mapping[str, Any], properties: Mapping[str, Any]) -> str:
        source = _string(properties.get("visible_if"))
        if not source and _string(_mapping(component.get("conditional")).get("hide")):
            self.say(
                name,
                "只写了 conditional，没写 visible_if：预览会藏起它，填表时不会",
                "There is a conditional but no visible_if: the preview would hide it, the form would not",
            )
        return source

    def _may_be_named(self, name: str) -> bool:
        if _NAME.fullmatch(name) and name not in _RESERVED and not keyword.iskeyword(name):
            return True
        self.say(
            name,
            f"“{name}”不能作名称。请用小写字母开头，只含小写字母、数字和下划线",
            f"“{name}” cannot be a key: start with a small letter, use small letters, digits and _ only",
        )
        return False

    # --- what can only be judged once everything is read -----------------------------------

    def check_names(self, layout: Layout) -> None:
        named = [*(field.name for field in _opened(layout.fields)), *(flag.name for flag in layout.derived)]
        self._check_unique(named, layout.fields)
        for field in questions(layout.fields):
            self._check_unique([column.name for column in field.fields], field.fields)

    def _check_unique(self, named: list[str], fields: tuple[Field, ...]) -> None:
        for name, times in Counter(filter(None, named)).items():
            if times > 1:
                self.say(name, f"“{name}”用了两次", f"“{name}” is used twice")
        taken = {f"{field.name}_{part}" for field in questions(fields) for part in PARTS.get(field.kind, ())}
        for name in sorted(taken & set(named)):
            self.say(
                name, f"页面要用“{name}”这个名称，请换一个", f"The page needs the name “{name}” itself: rename this"
            )

    def check_conditions(self, fields: tuple[Field, ...], outer: Mapping[str, Type]) -> None:
        types = {**outer, **types_of(fields)}
        for field in _opened(fields):
            if field.visible_if:
                self._check(field.name, field.visible_if, types)
            if field.kind == "dynamiclist":
                self.check_conditions(field.fields, types)
        self._check_order(fields)

    def _check(self, name: str, source: str, types: Mapping[str, Type]) -> None:
        try:
            check(source, types)
        except ExpressionError as fault:
            self.say(name, f"条件“{source}”：{fault.text.zh}", f"Condition “{source}”: {fault.text.en}")

    def _check_order(self, fields: tuple[Field, ...]) -> None:
        try:
            order_of(fields)
        except CycleError as fault:
            ring = [str(name) for name in fault.args[1]]
            self.say(ring[0], f"{'、'.join(ring)} 互相等着对方", f"{', '.join(ring)} wait for one another")
        except ExpressionError:
            return  # said already

    def check_derived(self, layout: Layout) -> None:
        types = types_of(layout.fields)
        for flag in layout.derived:
            self._check(flag.name, flag.rule, types)


def conditions(fields: tuple[Field, ...], above: tuple[str, ...] = ()) -> dict[str, tuple[str, ...]]:
    """For each question, the conditions that must all hold for it to be asked: its group's and its own."""
    found: dict[str, tuple[str, ...]] = {}
    for field in fields:
        own = (*above, field.visible_if) if field.visible_if else above
        if field.kind == "group":
            found.update(conditions(field.fields, own))
        elif field.kind not in UNANSWERED:
            found[field.name] = own
    return found


def order_of(fields: tuple[Field, ...]) -> tuple[str, ...]:
    """The questions so that each comes after those its conditions read. Raises CycleError, ExpressionError."""
    wanted = conditions(fields)
    graph = {
        name: sorted({read for source in sources for read in names(source)} & set(wanted))
        for name, sources in wanted.items()
    }
    return tuple(TopologicalSorter(graph).static_order())


def _opened(fields: tuple[Field, ...]) -> Iterator[Field]:
    """Every field, a group followed by what it holds; lists stay closed."""
    for field in fields:
        yield field
        if field.kind == "group":
            yield from _opened(field.fields)


def _key(component: Mapping[str, Any], kind: Kind) -> str:
    other = {"dynamiclist": "path", "group": "id", "text": "id"}.get(kind, "key")
    return _string(component.get("key")) or _string(component.get(other))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _string(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _codes(value: Any) -> tuple[str, ...]:
    said = value.split(",") if isinstance(value, str) else _list(value)
    return tuple(code for code in map(_string, said) if code)
