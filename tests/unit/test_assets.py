"""The pages' assets: what is built, how it is found, and what templates may not hold."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from flask import Flask
from jinja2 import Environment, nodes

from app.settings import ROOT
from app.web import build, first_tasks, guides
from app.web.build import ASSETS, DIST, TEMPLATES, BuildFailed

OURS = ("base.html", "components.html", "errors/", "report/", "security/", "macros/ui.html", "macros/frame.html")
ICON_ARGUMENT = {"icon": 0, "empty": 0, "button": 2, "link_button": 3, "tag": 2}


@pytest.fixture(scope="module")
def built() -> Path:
    build.build()
    return DIST


@pytest.fixture
def app(built: Path) -> Iterator[Flask]:
    app = Flask("test", static_folder=str(built.parent))
    build.install(app)
    with app.test_request_context("/"):
        yield app


def templates() -> list[Path]:
    return sorted(TEMPLATES.rglob("*.html"))


# What is built


def test_only_one_font_format_is_shipped(built: Path) -> None:
    fonts = {path.suffix for path in (built / "assets").iterdir()} & {".eot", ".ttf", ".woff", ".svgz"}
    assert not fonts
    assert not list(built.glob("assets/bpmn*.svg"))


def test_no_built_script_makes_code_from_text(built: Path) -> None:
    for script in built.glob("assets/*.js"):
        assert not re.search(r"\bnew Function\b|\beval\(", script.read_text()), script.name


def test_styles_never_leave_this_origin(built: Path) -> None:
    for style in built.glob("assets/*.css"):
        assert not re.search(r"url\(\"?(?:https?:)?//", style.read_text()), style.name


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads((ASSETS / "package-lock.json").read_text())
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
    assert all("integrity" in package for name, package in lock["packages"].items() if name)


# How it is found


def test_an_entry_gives_its_style_and_its_script(app: Flask) -> None:
    tags = str(build.assets("main"))
    assert re.search(r'<link rel="stylesheet" href="/static/dist/assets/main-[\w-]+\.css">', tags)
    assert re.search(r'<script type="module" src="/static/dist/assets/main-[\w-]+\.js"></script>', tags)


def test_styles_of_shared_chunks_come_first_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {
        "src/page.js": {"file": "p.js", "css": ["page.css"], "imports": ["_a.js", "_b.js"]},
        "_a.js": {"file": "a.js", "css": ["shared.css"]},
        "_b.js": {"file": "b.js", "imports": ["_a.js"]},
    }
    (tmp_path / "manifest.json").write_text(json.dumps(names))
    monkeypatch.setattr(build, "DIST", tmp_path)
    app = Flask("test")
    with app.test_request_context("/"):
        assert re.findall(r"\w+\.css", str(build.assets("page"))) == ["shared.css", "page.css"]


def test_a_missing_build_says_which_command_makes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "DIST", tmp_path)
    with pytest.raises(BuildFailed, match=re.escape("make web")):
        build.manifest()


def test_templates_learn_which_endpoints_exist(app: Flask) -> None:
    has = app.jinja_env.globals["has_endpoint"]
    assert has("static")
    assert not has("practice.travel")


# When it is built


def test_a_second_build_has_nothing_to_do(built: Path) -> None:
    assert build.build() is False


def test_the_fingerprint_depends_on_names_and_contents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "APP", tmp_path)
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("a")
    two.write_text("b")
    before = build.fingerprint([one, two])
    assert build.fingerprint([two, one]) == before
    two.write_text("c")
    assert build.fingerprint([one, two]) != before


def test_without_node_on_the_path_the_python_package_serves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    node, npm = build.find_node()
    assert build._version(node[0]) >= build.OLDEST_NODE
    assert Path(npm[-1]).is_file()


def test_an_old_node_on_the_path_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("node", "npm"):
        fake = tmp_path / name
        fake.write_text("#!/bin/sh\necho v12.22.9\n")
        fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")
    assert str(tmp_path) not in build.find_node()[0][0]


def test_a_failing_tool_is_quoted_without_colours_or_its_own_stack() -> None:
    told = "\x1b[31mCould not resolve './x.css'\x1b[0m\n\n    at build (vite.js:1:2)\n"
    assert build._gist(told) == ["Could not resolve './x.css'"]


@pytest.mark.skipif(shutil.which("sh") is None, reason="needs a shell")
def test_a_failing_build_says_what_was_being_done(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BuildFailed, match=r"The pages could not be built:\nno such icon"):
        build._run(["sh", "-c", "echo no such icon >&2; exit 1"], "The pages could not be built")


# Translations


def test_a_catalogue_is_compiled_once(tmp_path: Path) -> None:
    folder = tmp_path / "en" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "messages.po").write_text('msgid "待办"\nmsgstr "Tasks"\n')
    assert build.compile_translations(tmp_path) is True
    assert build.compile_translations(tmp_path) is False
    assert (folder / "messages.mo").stat().st_size > 0


def test_every_text_of_the_frame_and_the_public_pages_has_its_english() -> None:
    with (build.TRANSLATIONS / "en" / "LC_MESSAGES" / "messages.po").open("rb") as source:
        english = read_po(source, locale="en")
    found = extract_from_dir(str(TEMPLATES), method_map=[("**.html", "jinja2")])
    missing = [
        (name, text) for name, _, text, *_ in found if name.startswith(OURS) and not _says(english.get(_key(text)))
    ]
    assert not missing


def test_english_keeps_every_placeholder() -> None:
    with (build.TRANSLATIONS / "en" / "LC_MESSAGES" / "messages.po").open("rb") as source:
        english = read_po(source, locale="en")
    assert [message.id for message, errors in english.check() if errors] == []
    lost = [m.id for m in english if isinstance(m.id, str) and m.string and _places(m.id) != _places(m.string)]
    assert not lost


def _places(text: str) -> list[str]:
    return sorted(re.findall(r"%\(\w+\)s|\{\w+\}", text))


def _key(text: str | tuple[str, ...]) -> str:
    return text if isinstance(text, str) else text[0]


def _says(message: object) -> bool:
    said = getattr(message, "string", "")
    return all(said) if isinstance(said, tuple) else bool(said)


# What templates may not hold


@pytest.mark.parametrize("path", templates(), ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_a_template_holds_no_inline_style_or_script(path: Path) -> None:
    source = path.read_text()
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=\"|javascript:", source)
    assert all("src=" in tag or "application/json" in tag for tag in re.findall(r"<script[^>]*>", source))


def test_every_icon_that_templates_name_is_in_the_sprite(built: Path) -> None:
    sprite = (built / str(build.manifest()["src/icons.svg"]["file"])).read_text()
    there = set(re.findall(r'<symbol id="([^"]+)"', sprite))
    named = {name for path in templates() for name in _icons(path)}
    assert named
    assert named <= there


def _icons(path: Path) -> Iterator[str]:
    """Every constant that stands where a macro expects an icon, also inside a choice between two."""
    tree = Environment(extensions=["jinja2.ext.i18n", "jinja2.ext.do"], autoescape=True).parse(path.read_text())
    for call in tree.find_all(nodes.Call):
        name = getattr(call.node, "attr", None) or getattr(call.node, "name", None)
        if name not in ICON_ARGUMENT:
            continue
        given = [*call.args[ICON_ARGUMENT[name] :][:1], *(word.value for word in call.kwargs if word.key == "icon")]
        for argument in given:
            yield from (constant.value for constant in _constants(argument) if isinstance(constant.value, str))


def _constants(node: nodes.Node) -> Iterator[nodes.Const]:
    if isinstance(node, nodes.CondExpr):
        yield from _constants(node.expr1)
        if node.expr2:
            yield from _constants(node.expr2)
    elif isinstance(node, nodes.Const):
        yield node


def test_the_list_of_first_tasks_says_what_is_clicked() -> None:
    """`python -m app.web.first_tasks` writes it anew."""
    for lang, name in first_tasks.NAMES.items():
        assert (guides.DOCS / name).read_text(encoding="utf-8") == first_tasks.paper(lang)


def test_every_word_of_the_glossary_is_whole_and_its_sources_exist() -> None:
    known = {
        row["id"]
        for name in ("clauses", "legal_bases")
        for row in json.loads((ROOT / "bpmn" / f"{name}.json").read_bytes())
    }
    ids = [one.id for one in guides.words()]
    assert len(set(ids)) == len(ids) > 30
    for one in guides.words():
        assert all((one.word.zh, one.word.en, one.means.zh.endswith("。"), one.means.en.endswith("."))), one.id
        assert set(one.source) <= known, one.id
    assert {
        "流程",
        "版本",
        "实例",
        "待办",
        "期限",
        "逾期",
        "督办",
        "个案",
        "报告",
        "单位",
        "岗位",
        "六个月时钟",
        "临时照料",
        "申请撤销监护人资格",
    } <= {one.word.zh for one in guides.words()}
