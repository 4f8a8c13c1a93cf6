"""Forms: reading their files, checking answers, and what follows from answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.rules.expressions import check
from app.rules.forms import Form, FormError, Shown, problems
from app.rules.forms_dates import parts, read_date, read_time

FILES = sorted((Path(__file__).parents[2] / "forms").glob("*.json"))
NOW = datetime(2026, 11, 23, 1, 41, tzinfo=UTC)  # Monday, 09:41 in Shanghai
TODAY = date(2026, 11, 23)


# --- building forms in tests ------------------------------------------------------------------


def component(kind: str, key: str, label: str = "题", **more: Any) -> dict[str, Any]:
    """One component as the editor writes it; what form-js does not know goes into `properties`."""
    properties = {"label_en": "Question", "sensitivity": "S1", **more.pop("properties", {})}
    values = more.pop("values", ())
    if values:
        properties["options_en"] = {value: value.title() for value in values}
        more["values"] = [{"value": value, "label": f"选{value}"} for value in values]
    return {"type": kind, "id": f"field_{key}", "key": key, "label": label, "properties": properties, **more}


def document(*components: dict[str, Any], derived: Any = ()) -> dict[str, Any]:
    properties = {"name_zh": "试表", "name_en": "Trial", "derived": list(derived)}
    return {"type": "default", "id": "F99", "properties": properties, "components": list(components)}


def form_of(*components: dict[str, Any], derived: Any = ()) -> Form:
    return Form.parse(document(*components, derived=derived))


def required(kind: str, key: str = "q", label: str = "题", **more: Any) -> dict[str, Any]:
    return component(kind, key, label, validate={"required": True, **more.pop("validate", {})}, **more)


def answer_to(form: Form, raw: Any, name: str = "q", **more: Any) -> Any:
    checked = form.validate({name: raw}, "zh", NOW, **more)
    assert checked.ok, checked.errors
    return checked.answers.get(name)


def error_in(form: Form, raw: dict[str, Any], lang: str = "zh", path: str = "q") -> str:
    checked = form.validate(raw, lang, NOW)
    assert path in checked.errors, checked
    assert path.split(".", maxsplit=1)[0] not in checked.answers
    return checked.errors[path]


# --- the files of the plan --------------------------------------------------------------------


def load(path: Path) -> Form:
    return Form.parse(json.loads(path.read_text(encoding="utf-8")))


def every_field(fields: Any) -> Iterator[Any]:
    """Every field and column, however deep."""
    for field in fields:
        yield field
        yield from every_field(field.fields)


def good(fields: Any, seed: int = 0) -> dict[str, Any]:
    """Answers as a page posts them, the option number `seed` chosen wherever there are options."""
    raw: dict[str, Any] = {}
    for field in fields:
        value = field.options[seed % len(field.options)].value if field.options else "u1"
        match field.kind:
            case "group":
                raw.update(good(field.fields, seed))
            case "textfield" | "textarea" | "given":
                raw[field.name] = "x" * (field.limits.shortest or 3)
            case "number":
                raw[field.name] = str(int(field.limits.low or 1))
            case "date":
                raw[field.name] = "昨天"
            case "datetime":
                raw[field.name] = {"date": "1122", "time": "9:05"}
            case "radio" | "select":
                raw[field.name] = value
            case "checklist" | "filepicker":
                raw[field.name] = [value]
            case "checkbox":
                raw[field.name] = "1"
            case "dynamiclist":
                raw[field.name] = [good(field.fields, seed), good(field.fields, seed + 1)]
    return raw


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_form_of_the_plan_can_be_used(path: Path) -> None:
    form = load(path)
    assert form.id == path.stem
    for seed in range(8):
        raw = good(form.fields, seed)
        checked = form.validate(raw, "zh", NOW)
        assert checked.errors == {}
        assert set(checked.answers) == form.visible(checked.answers) & set(form.questions)
        again = form.validate(checked.answers, "en", NOW)
        assert again.answers == checked.answers, "a stored answer is a valid answer"
        assert json.loads(json.dumps(checked.answers)) == checked.answers
        plain, secret = form.split(checked.answers)
        assert {**plain, **secret} == checked.answers
        assert set(form.variables(checked.answers)) == set(form.types())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_required_question_that_is_asked_has_to_be_answered(path: Path) -> None:
    form = load(path)
    checked = form.validate({}, "zh", NOW)
    asked = {name for name in form.visible({}) if form.questions[name].required}
    assert set(checked.errors) == asked
    assert all("还缺" in said or "还没" in said for said in checked.errors.values())


def test_the_plan_has_its_forms() -> None:
    assert len(FILES) > 140


def test_the_immediate_danger_flag_follows_from_the_plans_own_form() -> None:
    form = load(next(path for path in FILES if path.stem == "F02"))
    safe = {name: "yes" if "safe" in name else "no" for name in form.questions}
    assert form.derived(safe) == {"danger_now": False}
    assert all(form.derived({**safe, name: "unknown"}) == {"danger_now": True} for name in safe)
    assert form.derived({}) == {"danger_now": None}


# --- what a file may hold ---------------------------------------------------------------------


BROKEN = [
    (document(), "表里一个问题也没有"),
    (document(component("html", "q")), "不能用“html”这种题型"),
    (document(component("expression", "q")), "不能用“expression”这种题型"),
    (document(component("datetime", "q", subtype="time")), "subtype 要写 date 或 datetime"),
    (document(component("textfield", "q"), component("textarea", "q")), "“q”用了两次"),
    (document(component("textfield", "Q 1")), "“Q 1”不能作名称。请用小写字母开头，只含小写字母、数字和下划线"),
    (document(component("textfield", "csrf_token")), None),
    (document(component("textfield", "class")), None),
    (document(component("textfield", "q", label="")), "缺题目。请写 label"),
    (document(component("textfield", "q", properties={"label_en": " "})), "缺英文题目。请写 label_en"),
    (document(component("textfield", "q", description="怎么写")), "提示要中英文都写"),
    (document(component("radio", "q")), "没有选项。请写 values 或 options_from"),
    (document(component("radio", "q", values=("a", "a"))), "选项“a”写了两次"),
    (
        document(
            component("radio", "q", values=("a",), properties={"options_en": {}}) | {"properties": {"label_en": "Q"}}
        ),
        "选项“a”缺代码、中文或英文",
    ),
    (document(component("textfield", "q", properties={"sensitivity": "S9"})), "sensitivity 要写 S0、S1、S2 或 S3"),
    (document(component("textfield", "q", validate={"pattern": "(a+)+"})), "不能用“pattern”这条规则"),
    (document(component("number", "q", validate={"min": 3, "max": 2})), "最小值比最大值还大"),
    (document(component("textfield", "q", properties={"visible_if": 'gone == "x"'})), None),
    (document(component("textfield", "q", properties={"visible_if": "__import__"})), None),
    (document(component("textfield", "q", conditional={"hide": "=a"})), None),
    (document(component("dynamiclist", "q")), "这个列表一栏也没有"),
    (
        document(component("dynamiclist", "q", components=[component("filepicker", "f")])),
        "“filepicker”不能放在“dynamiclist”里",
    ),
    (document(component("group", "g", components=[component("group", "h")])), "“group”不能放在“group”里"),
    (document(component("datetime", "q"), component("textfield", "q_date")), "页面要用“q_date”这个名称，请换一个"),
    (document(component("textfield", "q"), derived=[{"name": "d", "type": "str", "rule": "True"}]), None),
    (document(component("textfield", "q"), derived=[{"name": "d", "type": "bool", "rule": "q == 1"}]), None),
    (document(component("checkbox", "q"), derived=[{"name": "q", "type": "bool", "rule": "q"}]), "“q”用了两次"),
    (document(*(component("textfield", f"q{n}") for n in range(201))), "超过200项，请拆成两张表"),
    ({**document(component("textfield", "q")), "id": "../x"}, "缺表号。请在 id 里写 F01 这样的编号"),
    ({**document(component("textfield", "q")), "properties": {"name_zh": "表"}}, None),
]


@pytest.mark.parametrize(("broken", "said"), BROKEN)
def test_a_file_outside_the_subset_is_refused_with_a_reason(broken: dict[str, Any], said: str | None) -> None:
    found = problems(broken)
    assert found
    assert all(problem.text.zh and problem.text.en for problem in found)
    if said:
        assert said in [problem.text.zh for problem in found]
    with pytest.raises(FormError) as refused:
        Form.parse(broken)
    assert list(refused.value.problems) == found
    assert found[0].text.en in str(refused.value)


def test_questions_that_wait_for_one_another_are_refused() -> None:
    ring = document(
        component("radio", "a", values=("x", "y"), properties={"visible_if": 'b == "x"'}),
        component("radio", "b", values=("x", "y"), properties={"visible_if": 'a == "x"'}),
    )
    assert ["互相等着对方" in problem.text.zh for problem in problems(ring)] == [True]


def test_all_problems_are_told_at_once() -> None:
    broken = document(component("iframe", "a"), component("textfield", "b", label=""), component("radio", "c"))
    assert [problem.field for problem in problems(broken)] == ["a", "b", "c"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
KEYS = (
    "type",
    "id",
    "key",
    "label",
    "properties",
    "components",
    "values",
    "validate",
    "subtype",
    "conditional",
    "path",
)


@given(
    st.dictionaries(st.sampled_from(KEYS), JSON | st.sampled_from(["group", "radio", "dynamiclist", "datetime"])), JSON
)
@settings(max_examples=300, deadline=None)
def test_reading_a_file_never_raises(piece: dict[str, Any], other: Any) -> None:
    assert problems(document(piece, {"type": "group", "components": [piece, other]}, derived=[other]))
    assert problems(other)


# --- each kind of question --------------------------------------------------------------------


def test_text_is_cleaned_and_keeps_its_lines() -> None:
    form = form_of(component("textarea", "q"))
    assert answer_to(form, "  一行\r\n二行\x00\x07\ud800 ") == "一行\n二行"
    assert answer_to(form, 12) == "12"
    assert answer_to(form, "   ") is None


@pytest.mark.parametrize(
    ("raw", "zh", "en"),
    [
        ({}, "还缺“题”。请填写，不清楚就写“不清楚”。", "“Question” is missing. Fill it in, or write “not known”."),
        ({"q": "a"}, "只写了1字，至少要2字。请写得再具体些。", None),
        ({"q": "a" * 6}, "写了6字，最多5字。请删短一些。", "This is 6 characters, the most is 5. Shorten it."),
        ({"q": ["a"]}, "这里要写文字。请重新填写。", None),
        ({"q": True}, "这里要写文字。请重新填写。", None),
    ],
)
def test_text_says_what_is_wrong(raw: dict[str, Any], zh: str, en: str | None) -> None:
    form = form_of(required("textfield", validate={"minLength": 2, "maxLength": 5}))
    assert error_in(form, raw) == zh
    assert en is None or error_in(form, raw, "en") == en


def test_text_has_a_cap_even_where_the_file_names_none() -> None:
    assert "最多200字" in error_in(form_of(component("textfield", "q")), {"q": "a" * 201})
    assert "最多5000字" in error_in(form_of(component("textarea", "q")), {"q": "a" * 5001})


@pytest.mark.parametrize(
    ("raw", "number"),
    [("12", 12), (" １２ ", 12), ("12.50", 12.5), ("1,200", 1200), (7, 7), (2.0, 2), ("-0", 0), ("+3", 3)],
)
def test_numbers_are_read_as_people_write_them(raw: Any, number: float) -> None:
    found = answer_to(form_of(component("number", "q")), raw)
    assert (found, type(found)) == (number, type(number))


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("十二", "这里要填数，最多2位小数，如12.5。请只写数字。"),
        ("1,2", "这里要填数，最多2位小数，如12.5。请只写数字。"),
        ("1.234", "这里要填数，最多2位小数，如12.5。请只写数字。"),
        ("nan", "这里要填数，最多2位小数，如12.5。请只写数字。"),
        ("1e3", "这里要填数，最多2位小数，如12.5。请只写数字。"),
        (True, "这里要填数，最多2位小数，如12.5。请只写数字。"),
        pytest.param(10**5000, "这里要填数，最多2位小数，如12.5。请只写数字。", id="huge"),
        ("0.5", "太小了。请填1或更大的数。"),
        ("2000.01", "太大了。请填2000或更小的数。"),
    ],
)
def test_numbers_say_what_is_wrong(raw: Any, said: str) -> None:
    form = form_of(component("number", "q", validate={"min": 1, "max": 2000}))
    assert error_in(form, {"q": raw}) == said


def test_whole_numbers_ask_for_whole_numbers() -> None:
    form = form_of(component("number", "q", decimalDigits=0))
    assert error_in(form, {"q": "1.5"}) == "这里要填整数，如12。请只写数字。"


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("2026-11-23", date(2026, 11, 23)),
        ("2026/1/5", date(2026, 1, 5)),
        ("2026年1月5日", date(2026, 1, 5)),
        ("20260105", date(2026, 1, 5)),
        ("1123", date(2026, 11, 23)),
        ("１１２３", date(2026, 11, 23)),
        ("11-2", date(2026, 11, 2)),
        ("11月2日", date(2026, 11, 2)),
        ("昨天", date(2026, 11, 22)),
        ("前天", date(2026, 11, 21)),
        ("今天", date(2026, 11, 23)),
        ("明天", date(2026, 11, 24)),
        ("today", date(2026, 11, 23)),
        (" Yesterday ", date(2026, 11, 22)),
        ("0105", date(2027, 1, 5)),  # the nearest: in six weeks, not ten months ago
        ("0705", date(2026, 7, 5)),
        ("0230", None),
        ("2026-13-01", None),
        ("1026-01-01", None),
        ("前些天", None),
        ("", None),
    ],
)
def test_days_as_people_write_them(said: str, day: date | None) -> None:
    assert read_date(said, TODAY) == day


def test_a_day_without_a_year_after_new_year_is_last_years() -> None:
    assert read_date("1231", date(2027, 1, 4)) == date(2026, 12, 31)
    assert read_date("0229", date(2027, 3, 1)) == date(2028, 2, 29)
    assert read_date("0229", date(2026, 3, 1)) is None


@pytest.mark.parametrize(
    ("said", "clock"),
    [
        ("9:05", time(9, 5)),
        ("09：05", time(9, 5)),
        ("09:05:33", time(9, 5)),
        ("0905", time(9, 5)),
        ("905", time(9, 5)),
        ("9点", time(9)),
        ("9点半", time(9, 30)),
        ("9时5分", time(9, 5)),
        ("24:00", None),
        ("9", None),
        ("早上", None),
    ],
)
def test_times_as_people_write_them(said: str, clock: time | None) -> None:
    assert read_time(said) == clock


def test_dates_are_kept_as_iso() -> None:
    form = form_of(component("datetime", "q", subtype="date"))
    assert answer_to(form, "昨天") == "2026-11-22"
    assert answer_to(form, "1224") == "2026-12-24"
    assert error_in(form, {"q": "某天"}).startswith("没看懂日期“某天”。请写成2026-11-23")
    assert error_in(form, {"q": 20261123}).startswith("没看懂日期")


def test_today_is_shanghais() -> None:
    form = form_of(component("datetime", "seen_at", subtype="date"))
    late = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)  # 00:30 on the 23rd
    assert form.validate({"seen_at": "今天"}, "zh", late).answers == {"seen_at": "2026-11-23"}


@pytest.mark.parametrize(
    "raw",
    [
        {"date": "2026-11-23", "time": "09:05"},
        {"date": "今天", "time": "9点5分"},
        "2026-11-23 09:05",
        "2026-11-23T09:05",
        "2026-11-23T09:05+08:00",
        "2026-11-23T01:05:59Z",
        "1123 0905",
    ],
)
def test_instants_are_kept_in_shanghai_time_to_the_minute(raw: Any) -> None:
    form = form_of(component("datetime", "q", subtype="datetime"))
    assert answer_to(form, raw) == "2026-11-23T09:05+08:00"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"date": "", "time": "09:05"}, "还缺日期。请写成2026-11-23，也可以写“昨天”。"),
        ({"date": "1123", "time": ""}, "还缺钟点。请写成09:05，记不清就写大约几点。"),
        ("2026-11-23", "还缺钟点。请写成09:05，记不清就写大约几点。"),
        ({"date": "1123", "time": "25:00"}, "没看懂钟点“25:00”。请写成09:05这样，从00:00到23:59。"),
        ({"date": "?", "time": "9:00"}, "没看懂日期“?”。请写成2026-11-23，也可以写1123或“昨天”。"),
        ({}, "还缺“题”。请写日期和钟点，如2026-11-23和09:05。"),
        (["x"], "还缺日期。请写成2026-11-23，也可以写“昨天”。"),
    ],
)
def test_instants_say_what_is_wrong(raw: Any, said: str) -> None:
    assert error_in(form_of(required("datetime", subtype="datetime")), {"q": raw}) == said


def test_what_has_happened_does_not_lie_ahead() -> None:
    form = form_of(component("datetime", "seen_at"), component("datetime", "left_at", subtype="date"))
    ahead = {"seen_at": "2026-11-24 08:00", "left_at": "明天"}
    assert form.validate(ahead, "zh", NOW).errors == dict.fromkeys(ahead, "日期在将来。请填实际发生的那天。")
    assert form.validate(ahead, "en", NOW).errors["left_at"] == "The date is in the future. Give the day it happened."
    later = form.validate({"seen_at": "2026-11-23 09:42"}, "zh", NOW)
    assert later.errors == {"seen_at": "时间在将来。请填实际发生的时间。"}
    assert form.validate({"seen_at": "2026-11-23 09:41"}, "zh", NOW).ok


def test_what_is_planned_may_lie_ahead() -> None:
    form = form_of(
        component("datetime", "trace_again_at", properties={"future": True}), component("datetime", "order_by")
    )
    assert form.validate({"trace_again_at": "明天 9:00", "order_by": "明天 9:00"}, "zh", NOW).ok


@pytest.mark.parametrize("kind", ["radio", "select"])
def test_one_of_the_options(kind: str) -> None:
    form = form_of(required(kind, values=("a", "b")))
    assert answer_to(form, "b") == "b"
    assert error_in(form, {"q": "c"}) == "没有这个选项。请从列出的里面选。"
    assert error_in(form, {"q": ["a"]}) == "没有这个选项。请从列出的里面选。"
    assert error_in(form, {"q": ""}) == "还缺“题”。请选一个。"


def test_some_of_the_options_in_their_order() -> None:
    form = form_of(required("checklist", values=("a", "b", "c")))
    assert answer_to(form, ["c", "a", "c"]) == ["a", "c"]
    assert answer_to(form, "b") == ["b"]
    assert error_in(form, {"q": ["a", "x"]}) == "没有这个选项。请从列出的里面选。"
    assert error_in(form, {"q": [""]}) == "还缺“题”。请至少选一项。"


def test_options_from_data_are_those_that_are_offered() -> None:
    form = form_of(component("select", "q", properties={"options_from": "units"}))
    units = {"units": (("7", "柳河镇"), ("9", "红柳滩村"))}
    assert answer_to(form, "7", choices=units) == "7"
    assert answer_to(form, 9, choices=units) == "9"
    assert form.validate({"q": "8"}, "zh", NOW, units).errors
    assert form.validate({"q": "8"}, "zh", NOW, {}).errors
    assert answer_to(form, "8") == "8"
    assert form.validate({"q": "<script>"}, "zh", NOW).errors


def test_a_box_is_ticked_or_not() -> None:
    form = form_of(component("checkbox", "q"))
    assert [answer_to(form, raw) for raw in ("1", "on", True, "0", False, "")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
    assert error_in(form, {"q": "maybe"}) == "这里只能打勾或不打勾。请重新选择。"
    assert error_in(form_of(required("checkbox")), {"q": "0"}) == "还缺“题”。请看过后打勾。"


def test_attachments_are_ids() -> None:
    form = form_of(required("filepicker"))
    assert answer_to(form, ["a1", "b2", "a1"]) == ["a1", "b2"]
    for wrong in (["../etc"], [f"f{n}" for n in range(21)], [{"x": "y"}]):
        assert error_in(form, {"q": wrong}) == "附件没有收到。请重新添加，最多20个。"
    assert error_in(form, {}) == "还缺“题”。请至少加一个附件。"


def test_rows_are_checked_one_by_one_and_blank_ones_dropped() -> None:
    columns = [required("textfield", "name"), component("number", "age", validate={"max": 18})]
    form = form_of(required("dynamiclist", "children", components=columns))
    rows = [{"name": "小禾", "age": "9"}, {"name": " ", "age": ""}, {"name": "", "age": "30"}]
    checked = form.validate({"children": rows}, "zh", NOW)
    assert checked.errors == {
        "children.2.name": "还缺“题”。请填写，不清楚就写“不清楚”。",
        "children.2.age": "太大了。请填18或更小的数。",
    }
    assert answer_to(form, rows[:2], "children") == [{"name": "小禾", "age": 9}]
    assert error_in(form, {"children": [{}]}, path="children") == "还缺“题”。请至少填一行。"
    assert error_in(form, {"children": ["x"]}, path="children.0") == "这一行没有收到。请重新填写。"
    assert error_in(form, {"children": rows[:1] * 51}, path="children") == "行数太多，最多50行。请分几次填。"
    assert form.validate({"children": [{"name": "a", "x": 1}]}, "zh", NOW).errors["children.0.x"]


# --- what is asked ----------------------------------------------------------------------------


def conditional() -> Form:
    return form_of(
        required("radio", "founded", values=("yes", "no")),
        required("radio", "how", values=("seen", "told"), properties={"visible_if": 'founded == "yes"'}),
        required("textarea", "who", properties={"visible_if": 'how == "told"'}),
        derived=[{"name": "heard", "type": "bool", "rule": 'how == "told"'}],
    )


def test_hidden_answers_are_dropped_and_not_required() -> None:
    form = conditional()
    checked = form.validate({"founded": "no", "how": "told", "who": "邻居"}, "zh", NOW)
    assert (checked.answers, checked.errors) == ({"founded": "no"}, {})
    assert form.variables(checked.answers) == {"founded": "no", "how": None, "heard": None}


def test_what_is_asked_is_required() -> None:
    form = conditional()
    assert set(form.validate({"founded": "yes"}, "zh", NOW).errors) == {"how"}
    assert set(form.validate({"founded": "yes", "how": "told"}, "zh", NOW).errors) == {"who"}
    assert form.visible({}) == {"founded"}


def test_a_question_may_stand_above_the_one_it_waits_for() -> None:
    form = form_of(
        required("textfield", "by", properties={"visible_if": 'accepted == "yes"'}),
        required("radio", "accepted", values=("yes", "no")),
    )
    assert form.validate({"accepted": "no", "by": "x"}, "zh", NOW).answers == {"accepted": "no"}
    assert set(form.validate({"accepted": "yes"}, "zh", NOW).errors) == {"by"}


def test_a_group_hides_what_it_holds() -> None:
    inner = [required("textfield", "inner"), required("radio", "deep", values=("a",))]
    form = form_of(
        component("checkbox", "more"),
        component("group", "g", components=inner, properties={"visible_if": "more"}),
    )
    assert form.validate({"inner": "x"}, "zh", NOW).answers == {"more": False}
    assert set(form.validate({"more": "1"}, "zh", NOW).errors) == {"inner", "deep"}


def test_what_is_left_alone_is_an_answer_too() -> None:
    form = form_of(
        component("checkbox", "tick"),
        component("checklist", "list", values=("a",)),
        component("textfield", "no", properties={"visible_if": "tick == False"}),
        component("textfield", "none", properties={"visible_if": "count(list) == 0"}),
    )
    assert form.validate({"no": "x", "none": "y"}, "zh", NOW).answers == {
        "tick": False,
        "list": [],
        "no": "x",
        "none": "y",
    }


def test_rows_have_their_own_conditions_and_see_the_form() -> None:
    columns = [
        required("radio", "kind", values=("x", "y")),
        required("textfield", "why", properties={"visible_if": 'kind == "y" and strict'}),
    ]
    form = form_of(component("checkbox", "strict"), component("dynamiclist", "rows", components=columns))
    rows = [{"kind": "x", "why": "dropped"}, {"kind": "y"}]
    assert set(form.validate({"strict": "1", "rows": rows}, "zh", NOW).errors) == {"rows.1.why"}
    assert form.validate({"rows": rows}, "zh", NOW).answers["rows"] == [{"kind": "x"}, {"kind": "y"}]


def test_questions_that_are_not_in_the_form_are_refused() -> None:
    form = form_of(component("textfield", "q"))
    checked = form.validate({"q": "a", "x": "b", "_schema": "c"}, "zh", NOW)
    assert checked.errors == dict.fromkeys(["x", "_schema"], "表里没有这一项。请刷新页面后再填。")
    assert checked.answers == {"q": "a"}


RAW = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["a", "b", "昨天", "1123", "2026-11-23T09:05", "9999-99-99", "0001-01-01T00:00", "1", "\ud800"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "date", "time"]), inner),
    max_leaves=8,
)
EVERY_KIND = form_of(
    required("textfield", "text"),
    required("textarea", "area", properties={"visible_if": 'one == "a" and day > "2026-01-01"'}),
    required("number", "number", properties={"visible_if": '"a" in some or not tick'}),
    required("datetime", "day", subtype="date"),
    required("datetime", "moment_at", properties={"visible_if": "number >= 2"}),
    required("radio", "one", values=("a", "b")),
    component("select", "unit", properties={"options_from": "units"}),
    component("checklist", "some", values=("a", "b")),
    component("checkbox", "tick"),
    component("filepicker", "files"),
    component("dynamiclist", "rows", components=[required("textfield", "a"), component("datetime", "b")]),
    derived=[{"name": "flag", "type": "bool", "rule": '"a" in some or number > 3'}],
)


@given(st.dictionaries(st.sampled_from([*EVERY_KIND.questions, "other"]), RAW), st.sampled_from(["zh", "en"]))
@settings(max_examples=400, deadline=None)
def test_whatever_is_sent_nothing_is_raised(raw: dict[str, Any], lang: str) -> None:
    checked = EVERY_KIND.validate(raw, lang, NOW)
    assert all(isinstance(said, str) and said for said in checked.errors.values())
    json.dumps(checked.answers, allow_nan=False).encode()
    kept = EVERY_KIND.keep(raw)
    json.dumps(kept, allow_nan=False).encode()
    for answers in (checked.answers, kept):
        EVERY_KIND.derived(answers)
        EVERY_KIND.variables(answers)
        EVERY_KIND.known(answers)
        EVERY_KIND.describe(answers, lang)
    if checked.ok:
        assert EVERY_KIND.validate(checked.answers, lang, NOW).answers == checked.answers


@given(st.dictionaries(st.sampled_from(list(EVERY_KIND.questions)), RAW))
@settings(max_examples=200, deadline=None)
def test_a_draft_is_read_like_what_was_typed(raw: dict[str, Any]) -> None:
    now, later = (EVERY_KIND.validate(typed, "zh", NOW) for typed in (raw, EVERY_KIND.keep(raw)))
    if now.ok:
        assert later.answers == now.answers


# --- what follows from answers ----------------------------------------------------------------


def test_a_draft_keeps_what_was_typed_right_or_wrong() -> None:
    form = conditional()
    raw = {"founded": "no", "who": " 邻居 ", "how": "", "gone": "x"}
    assert form.keep(raw) == {"founded": "no", "who": "邻居"}
    listed = form_of(component("dynamiclist", "rows", components=[component("datetime", "b")]))
    rows = [{"b": {"date": "昨", "time": "9"}}, {}]
    assert listed.keep({"rows": rows}) == {"rows": rows}


def test_answers_known_from_elsewhere_fill_the_form_in() -> None:
    form = form_of(
        component("textfield", "place"),
        component("radio", "one", values=("a",)),
        component("checklist", "some", values=("a",)),
    )
    elsewhere = {"place": "红柳滩", "one": "gone", "some": ["a"], "secret": "x"}
    assert form.known(elsewhere) == {"place": "红柳滩", "some": ["a"]}


def test_variables_hold_no_words() -> None:
    secret = {"properties": {"sensitivity": "S3"}}
    form = form_of(
        component("textarea", "words", **secret),
        component("textfield", "name"),
        component("datetime", "dob", subtype="date", properties={"sensitivity": "S2"}),
        component("datetime", "remind_on", subtype="date"),
        component("checklist", "some", values=("a", "b")),
        component("checkbox", "tick"),
        component("dynamiclist", "rows", components=[component("textfield", "t")]),
        component("filepicker", "files"),
        derived=[{"name": "flag", "type": "bool", "rule": '"a" in some and not tick'}],
    )
    raw = {
        "words": "她说",
        "name": "小禾",
        "dob": "2017-01-01",
        "remind_on": "明天",
        "some": ["a"],
        "rows": [{"t": "x"}],
    }
    answers = form.validate(raw, "zh", NOW).answers
    assert form.variables(answers) == {"remind_on": "2026-11-24", "some": ["a"], "tick": False, "flag": True}
    assert form.types() == {"remind_on": "date", "some": frozenset("ab"), "tick": "bool", "flag": "bool"}
    check('"a" in some and flag and remind_on > "2026-01-01"', form.types())


def test_answers_are_split_by_how_sensitive_they_are() -> None:
    form = form_of(
        component("textfield", "open", properties={"sensitivity": "S0"}),
        component("textfield", "child", properties={"sensitivity": "S2"}),
        component("dynamiclist", "rows", components=[component("textfield", "t", properties={"sensitivity": "S3"})]),
    )
    plain, secret = form.split({"open": 1, "child": 2, "rows": [{"t": 3}], "unknown": 4})
    assert (plain, secret) == ({"open": 1}, {"child": 2, "rows": [{"t": 3}], "unknown": 4})


def test_answers_are_read_back_in_words() -> None:
    form = form_of(
        component("radio", "one", "结论", values=("a", "b")),
        component("checklist", "some", "措施", values=("a", "b")),
        component("select", "unit", "单位", properties={"options_from": "units"}),
        component("checkbox", "tick", "已告知"),
        component("datetime", "seen_at", "见到孩子"),
        component("datetime", "due", "到期", subtype="date"),
        component("filepicker", "files", "附件"),
        component("dynamiclist", "rows", "儿童", components=[component("textfield", "t", "姓名")]),
        component("textarea", "words", "孩子怎么说", properties={"sensitivity": "S3"}),
    )
    answers = {
        "one": "a",
        "some": ["a", "b"],
        "unit": "7",
        "tick": False,
        "seen_at": "2026-11-23T09:05+08:00",
        "due": "2027-01-05",
        "files": ["x", "y"],
        "rows": [{"t": "小禾"}],
        "words": "不愿说",
    }
    said = form.describe(answers, "zh", {"units": (("7", "柳河镇"),)})
    assert said == [
        Shown("结论", "选a", "S1"),
        Shown("措施", "选a、选b", "S1"),
        Shown("单位", "柳河镇", "S1"),
        Shown("已告知", "否", "S1"),
        Shown("见到孩子", "2026年11月23日 周一 09:05", "S1"),
        Shown("到期", "2027年1月5日 周二", "S1"),
        Shown("附件", "2个附件", "S1"),
        Shown("儿童1　姓名", "小禾", "S1"),
        Shown("孩子怎么说", "不愿说", "S3"),
    ]
    english = dict(zip(answers, (line.value for line in form.describe(answers, "en")), strict=True))
    assert (english["seen_at"], english["tick"], english["files"]) == ("Mon 23 Nov 2026 09:05", "no", "2 files")
    assert form.describe({}, "zh") == []


def test_an_instant_is_shown_again_as_it_was_typed() -> None:
    assert parts("2026-11-23T09:05+08:00") == ("2026-11-23", "09:05")
    assert parts({"date": "昨天", "time": "九点"}) == ("昨天", "九点")
    assert parts("昨天 9:05") == ("昨天", "9:05")
    assert parts(None) == ("", "")
