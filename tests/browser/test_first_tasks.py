"""The ten first tasks of each audience, clicked as docs/first-tasks.json lists them."""

from __future__ import annotations

from playwright.sync_api import Error as PlaywrightError

from tests.browser import clicks
from tests.browser.conftest import Site


def test_the_first_tasks_of_everybody_as_the_paper_lists_them(town: Site) -> None:
    """What is clicked stands in docs/; this county is worked on by nobody else."""
    kept: dict[str, str] = {}
    for audience in clicks.audiences():
        assert len(audience["tasks"]) == 10
        someone = clicks.Clicks(town, kept, phone=audience["phone"])
        for number, task in enumerate(audience["tasks"], start=1):
            for click in task["clicks"]:
                try:
                    someone.run(click)
                except (AssertionError, PlaywrightError) as error:
                    raise AssertionError(f"{audience['id']} {number}: {click}") from error
