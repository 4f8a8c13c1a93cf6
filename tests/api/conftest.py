"""Fixtures: the installation on both databases, told once for the run and copied for each module or test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from app import clock
from tests import conftest, postgres
from tests.api.site import Site, build, running
from tests.conftest import copied

NOW = conftest.START + timedelta(hours=1)


@pytest.fixture(scope="session")
def sqlite_site(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with both families, to copy from."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(sqlite_template, folder / "site.db")
    with running(f"sqlite:///{folder / 'site.db'}", folder) as app:
        build(app)
    return folder / "site.db"


@pytest.fixture(scope="session")
def postgres_site(server: postgres.Server, postgres_template: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a PostgreSQL database with both families, to copy from."""
    name = f"site_{postgres_template}"
    server.create(name, template=postgres_template)
    with running(server.url(name), tmp_path_factory.mktemp("site")) as app:
        build(app)
    return name


@contextmanager
def _copy(request: pytest.FixtureRequest, folder: Path) -> Iterator[Site]:
    with (
        copied(request, folder / "site.db", "sqlite_site", "postgres_site") as url,
        running(url, folder) as app,
        clock.fixed(NOW) as move,
    ):
        yield Site(app, move)


@pytest.fixture(params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """The installation, for one test alone."""
    with _copy(request, tmp_path) as made:
        yield made


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared_site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The installation, for a module whose tests change nothing that another looks at."""
    with _copy(request, tmp_path_factory.mktemp("shared")) as made:
        yield made
