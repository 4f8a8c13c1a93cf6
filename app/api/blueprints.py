"""A blueprint of the API: knows its callers, reads strict JSON, answers problems, describes itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import flask_smorest
import orjson
from flask import Request
from marshmallow import Schema
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from app.api import caller, problems
from app.api.schemas.parts import Problem

PREFIX = "/api/v1"
BYTES = {"schema": {"type": "string", "format": "binary"}, "content_type": "application/octet-stream"}
View = TypeVar("View", bound=Callable[..., Any])


class StrictJson(FlaskParser):
    """Reads a body only where it says that it is JSON, so that no other site's form is taken for one."""

    def load_json(self, req: Request, _schema: Schema) -> Any:
        """The body. Raises UnsupportedMediaType, BadRequest (also for text that is no Unicode)."""
        if not req.is_json:
            raise UnsupportedMediaType
        try:
            return orjson.loads(req.get_data())
        except orjson.JSONDecodeError as error:
            raise BadRequest from error


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]  # flask-smorest is not typed
    """Routes about one thing; `public` ones may be called by nobody in particular."""

    ARGUMENTS_PARSER = StrictJson()

    def __init__(self, name: str, description: str, *, public: bool = False) -> None:
        super().__init__(f"api-{name}", __name__, description=description, url_prefix=f"{PREFIX}/{name}")
        self.public, self.tag = public, name
        self.before_request(caller.recognise if public else caller.require)

    def operation(  # noqa: PLR0913 - all that the description says of it, by name
        self,
        call: str,
        name: str,
        *,
        gives: type[Schema] | None = None,
        status: int = 200,
        body: type[Schema] | None = None,
        query: type[Schema] | None = None,
        headers: type[Schema] | None = None,
        refuses: tuple[int, ...] = (),
        file: bool = False,
    ) -> Callable[[View], View]:
        """Serve `call` ("GET /path") under the name that clients made from the description will use.

        What `body`, `query` and `headers` read is given to the view in this order; what it returns
        is written as `gives`; `file`: it gives the bytes of a file. `refuses`: statuses of the problems it may answer with beside 401.
        """
        method, _, path = call.partition(" ")
        problems_too = sorted({*refuses, *(() if self.public else (401,)), *((400, 415, 422) if body else ())})
        places = (("json", body), ("query", query), ("headers", headers))

        def serve(view: View) -> View:
            served: Any = view
            for refused in reversed(problems_too):
                served = self._refuses(refused)(served)
            served = self.response(status, **(BYTES if file else {"schema": gives}))(served)
            for location, schema in reversed(places):
                served = self.arguments(schema, location=location)(served) if schema else served
            served = self.doc(operationId=name, **({"security": []} if self.public else {}))(served)
            self.route(path, methods=[method], tags=[self.tag])(served)
            return view

        return serve

    def _refuses(self, status: int) -> Any:
        said = problems.TITLES[status].en
        return self.alt_response(status, schema=Problem, content_type=problems.MEDIA_TYPE, description=said)
