"""Papers as people meet them: from the task to the issued PDF, on desktop and phone; templates of policy staff."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import docx
import pytest
from playwright.sync_api import Browser, Page, expect

from app.documents import shipped
from tests.browser.conftest import Site, _settle, filled, running
from tests.browser.looks import PAIR, look, named
from tests.world import World

PETITION = "revocation-petition"
NAME = "林小禾 {{ 7*7 }} #eval"


@pytest.fixture(scope="module")
def filing(chromium: Browser, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A county in which one petition is about to be filed."""
    at_rest = filled(tmp_path_factory.mktemp("filing"), sqlite_template, _petition)
    with running(chromium, tmp_path_factory.mktemp("copy"), at_rest) as made:
        yield made


def _stand(_: datetime) -> None:
    """The clock stands."""


def _petition() -> None:
    _settle()
    world = World(_stand)
    world.child(name=NAME, school="红柳滩小学")
    guardian = world.guardians()[0]
    world.start("petition_started", guardian_id=guardian, ground="g2")
    for day in ("2026-01-05", "2026-02-25"):
        world.arrive("performance_changed", guardian=guardian, observed_on=day, state="fails", source="visit",
                     refusal_known="yes", livelihood_lost="yes")  # fmt: skip
    world.send("t1", PETITION, petition_decision="petition", grounds=["g2"], tried="村委会劝诫两次，派出所训诫一次。",
               child_words="我想跟奶奶住。", reason="六个部门一致。")  # fmt: skip
    world.send("t2", PETITION, applicant_kind="civil")
    world.send("t3", PETITION)


def pictures_shown(page: Page) -> None:
    """Every sheet has come as a picture."""
    for image in page.locator(".paper-sheets img").all():
        image.scroll_into_view_if_needed()
        page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=image.element_handle())


@pytest.mark.parametrize(("lang", "phone"), PAIR)
def test_from_the_task_to_the_issued_paper(filing: Site, lang: str, phone: bool) -> None:
    end = named(lang, phone=phone)
    clerk = filing.person("fazhi", lang=lang, phone=phone)
    page = clerk.page
    task = clerk.find(PETITION, "t4")
    page.goto(f"/tasks/{task['id']}")
    if page.locator(".note form button").count():
        page.locator(".note form button").click()
    look(page, f"paper-task-{end}")
    page.locator("button[name=kind][value=petition]").click()
    page.wait_for_url("**/papers/*")
    pictures_shown(page)
    expect(page.locator("#gaps-title")).to_contain_text("空着" if lang == "zh" else "blank")
    look(page, f"paper-draft-{end}")

    page.locator("form[action$='/issue'] button").click()
    expect(page.locator(".field-error")).to_be_visible()
    look(page, f"paper-blanks-{end}")
    page.locator("input[name=court]").fill("甘州区人民法院")
    page.locator("form[action$='/fill'] button").click()
    expect(page.locator("input[name=court]")).to_have_value("甘州区人民法院")
    page.locator("input[name=blanks]").check(force=True)
    page.locator("form[action$='/issue'] button").click()
    expect(page.locator(".page-head")).to_contain_text("护申字〔2026〕")
    pictures_shown(page)
    look(page, f"paper-issued-{end}")

    for form, first in (("pdf", b"%PDF-"), ("docx", b"PK")):
        with page.expect_download() as waiting:
            page.locator(f"a[href$='/file.{form}']").click()
        content = Path(waiting.value.path()).read_bytes()
        assert content.startswith(first)
        assert waiting.value.suggested_filename.startswith("护申字〔2026〕")
    said = "\n".join(paragraph.text for paragraph in docx.Document(io.BytesIO(content)).paragraphs)
    assert NAME in said

    page.locator("#reason").fill("写错了法院")
    page.locator("form[action$='/withdraw'] button").click()
    expect(page.locator(".note-fix")).to_contain_text("写错了法院")
    look(page, f"paper-withdrawn-{end}")
    page.locator("nav a[href$='/papers']").click()
    look(page, f"papers-{end}")
    page.goto(f"/cases/{task['case_id']}")
    expect(page.locator("#papers-title")).to_be_visible()
    look(page, f"papers-case-{end}")


@pytest.mark.parametrize(("lang", "phone"), PAIR)
def test_policy_staff_change_a_template(filing: Site, tmp_path: Path, lang: str, phone: bool) -> None:
    end = named(lang, phone=phone)
    page = filing.person("zhengce", lang=lang, phone=phone).page
    page.goto("/paper-templates")
    look(page, f"paper-templates-{end}")

    document = docx.Document(io.BytesIO(shipped("petition") or b""))
    document.add_paragraph("联系人：{{ chld_name }}")
    document.save(str(tmp_path / "wrong.docx"))
    document.paragraphs[-1].text = "抄送：{{ court }}"
    document.save(str(tmp_path / "right.docx"))
    for name in ("wrong", "right"):
        page.locator("#petition summary").click() if not page.locator("#petition details[open]").count() else None
        page.locator("#petition-file").set_input_files(tmp_path / f"{name}.docx")
        page.locator("#petition-note").fill("加一行抄送")
        page.locator("#petition form button").click()
        if name == "wrong":
            expect(page.locator(".summary")).to_contain_text("child_name")
            look(page, f"paper-template-refused-{end}")
    expect(page.locator("#petition .paper-row").first).to_contain_text("加一行抄送")
