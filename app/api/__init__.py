"""The API for programs, /api/v1: the same services and the same rules of access as the pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flask_smorest
from flask import Flask, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from app.api import caller, description, problems
from app.api.blueprints import PREFIX, Blueprint
from app.api.cases import cases
from app.api.deadlines import deadlines
from app.api.drafts import pages as drafts
from app.api.papers import papers
from app.api.releases import releases
from app.api.reports import reports
from app.api.schemas.parts import Problem
from app.api.tasks import tasks
from app.api.tokens import session, tokens
from app.errors import Refused
from app.web import frame

BLUEPRINTS = (tokens, session, reports, tasks, cases, papers, deadlines, releases, drafts)
Handler = Callable[[Any], ResponseReturnValue]


class Api(flask_smorest.Api):  # type: ignore[misc]  # flask-smorest is not typed
    """The description and its routes; errors are answered by `problems`, not by the library."""

    ERROR_SCHEMA = Problem
    DEFAULT_ERROR_RESPONSE_NAME = None

    def register_blueprint(self, blp: Blueprint, **options: Any) -> None:
        """As the library does it, but described under what it is about, not under its name in the program."""
        self._app.extensions["flask-smorest"]["blp_name_to_api"][blp.name] = self
        self._app.register_blueprint(blp, **options)
        blp.register_views_in_doc(self, self._app, self.spec, name=blp.name, parameters=None)
        self.spec.tag({"name": blp.tag, "description": blp.description})

    def _register_error_handlers(self) -> None:
        """None of its own: it would answer for the pages too."""


def register(app: Flask) -> None:
    """Give the application its API; the pages must be registered already."""
    app.config.update(
        API_TITLE=description.TITLE,
        API_VERSION=description.VERSION,
        OPENAPI_VERSION=description.OPENAPI,
        OPENAPI_URL_PREFIX=PREFIX,
        API_SPEC_OPTIONS=description.options(),
    )
    app.json.ensure_ascii = False  # type: ignore[attr-defined]  # a choice of Flask's own provider
    caller.configure(app)
    api = Api(app)
    for blueprint in BLUEPRINTS:
        app.extensions["csrf"].exempt(blueprint)  # caller.recognise checks it, knowing who calls
        api.register_blueprint(blueprint)
    for kind, page, problem in (
        (Refused, frame.refused, problems.refused),
        (HTTPException, frame.failed, problems.failed),
        (Exception, frame.broken, problems.broken),
    ):
        app.register_error_handler(kind, _by_path(page, problem))


def _by_path(page: Handler, problem: Handler) -> Handler:
    """An error below /api/ is a problem, anywhere else a page; also where no route matched."""

    def answer(error: Any) -> ResponseReturnValue:
        return (problem if request.path.startswith("/api/") else page)(error)

    return answer
