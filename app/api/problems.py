"""Everything that goes wrong, as application/problem+json (RFC 9457) in the caller's language.

`type` is a stable URN made of `code`; `detail` says what happened and how to mend it; `fields`
maps the path of an answer to what is wrong with it. Nothing that was sent is repeated.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from flask import Response, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from app.api.languages import lang
from app.db import db
from app.errors import Forbidden, Invalid, NeedsReason, NotFound, Refused, Stale, TooMany
from app.text import Text

log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
STATUS: Mapping[type[Refused], int] = {
    NotFound: 404,
    Forbidden: 403,
    Stale: 409,
    Invalid: 422,
    TooMany: 429,
    Refused: 422,
}
KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")

TITLES: Mapping[int, Text] = {
    400: Text("请求看不懂", "Request not understood"),
    401: Text("请先登录", "Sign in first"),
    403: Text("不归你的岗位办", "Not for your post"),
    404: Text("没有这样东西", "Not found"),
    405: Text("这个地址不能这样用", "Method not allowed"),
    409: Text("别人刚刚改过", "Changed meanwhile"),
    413: Text("内容太大", "Too large"),
    415: Text("只接受 JSON", "JSON only"),
    422: Text("还不能这样办", "Cannot be done like this"),
    429: Text("试得太多了", "Too many tries"),
    500: Text("系统出了问题", "Our fault"),
}
ON_THE_PAGE = Text("接口不收理由，请在网页上说明：{0}", " The API takes no reasons; give it on the page {0}.")
OTHER = Text("请求没有办成", "The request failed")
DETAILS: Mapping[int, Text] = {
    400: Text("请求体必须是一个 JSON 对象。", "The body must be a JSON object."),
    401: Text(
        "带上 Authentication-Token 请求头，或者先在网页登录。",
        "Send the header Authentication-Token, or sign in on the web pages first.",
    ),
    403: Text("你的岗位不能这样做。", "Your post may not do this."),
    404: Text("没有这样东西，或者你的岗位看不到它。", "There is no such thing, or your post may not see it."),
    405: Text("请换一种方法，见 Allow 响应头。", "Use another method; see the header Allow."),
    413: Text("请求体不能超过 1 MB。", "A body may be 1 MB at most."),
    415: Text("请求体要用 application/json。", "Send the body as application/json."),
    422: Text("有几处要改，见 fields。", "Some values do not fit; see fields."),
}
NO_CSRF = Text(
    "用网页登录的会话写入时，要带 X-CSRFToken 请求头，见 /api/v1/session。",
    "A session of the web pages must send the header X-CSRFToken to write; see /api/v1/session.",
)
SAID: Mapping[str, str] = {
    "Missing data": "这一项要填。",
    "Field may not be null": "这一项不能是空。",
    "Unknown field": "没有这一项。",
    "Not a valid": "这里要填别的类型。",
    "Invalid input type": "请求体必须是一个 JSON 对象。",
    "Must be one of": "没有这个选项。",
    "Shorter than": "太短。",
    "Longer than": "太长。",
    "Length must": "太短或者太长。",
    "Must be": "太小或者太大。",
}
"""What marshmallow says, by its beginning, in Chinese."""
BROKEN = Text(
    "这一步没有办成，什么都没有改动。报编号 {0}。", "Nothing was changed. When you report this, give number {0}."
)


class SignInNeeded(HTTPException):
    """Nobody is signed in, or the token is not valid (any more)."""

    code = 401

    def __init__(self, text: Text | None = None, slug: str = "sign_in") -> None:
        super().__init__()
        self.text, self.slug = text or DETAILS[401], slug

    def get_headers(self, environ: Any = None, scope: Any = None) -> list[tuple[str, str]]:
        """With the header that says how to sign in."""
        return [*super().get_headers(environ, scope), ("WWW-Authenticate", 'Token realm="shouwang"')]


def problem(status: int, code: str, detail: str, fields: Mapping[str, str] | None = None) -> Response:
    """One problem as a response."""
    body: dict[str, Any] = {
        "type": f"urn:shouwang:problem:{code}",
        "title": TITLES.get(status, OTHER).say(lang()),
        "status": status,
        "detail": detail,
        "instance": request.path,
        "code": code,
    }
    if fields:
        body["fields"] = dict(fields)
    return Response(orjson.dumps(body), status, content_type=MEDIA_TYPE)


def refused(error: Refused) -> Response:
    """A service's refusal: its own code and its own words."""
    status = next(code for kind, code in STATUS.items() if isinstance(error, kind))
    log.info("refused", extra={"code": error.code, "status": status, **error.ids})
    fields = error.fields if isinstance(error, Invalid) else None
    answer = problem(status, error.code, f"{error.text.say(lang())}{_where(error)}", fields)
    if isinstance(error, TooMany):
        answer.headers["Retry-After"] = str(error.seconds)
    return answer


def _where(error: Refused) -> str:
    """The page on which to say why: reasons are given, and glasses broken, on the pages only (ADR 0015)."""
    if not isinstance(error, NeedsReason):
        return ""
    page = url_for("records.reason", case_id=error.ids["case"])
    return ON_THE_PAGE.say(lang()).format(page)


def failed(error: HTTPException) -> Response:
    """What Flask refuses by itself: no such path, no such method, a body that does not fit."""
    code, said = _what(error)
    answer = problem(error.code or 500, code, said.say(lang()), dict(_fields(error)))
    for name, value in error.get_headers():
        if name in KEPT_HEADERS:
            answer.headers[name] = value
    return answer


def _what(error: HTTPException) -> tuple[str, Text]:
    """The code of an error and its words."""
    if isinstance(error, SignInNeeded):
        return error.slug, error.text
    if isinstance(error, CSRFError):
        return "csrf", NO_CSRF
    return error.name.lower().replace(" ", "_"), DETAILS.get(error.code or 500, OTHER)


def _fields(error: HTTPException) -> Iterator[tuple[str, str]]:
    """What webargs found wrong, by path; where in the request it stood goes without saying."""
    messages = getattr(error, "data", {}).get("messages", {})
    for found in messages.values() if isinstance(messages, Mapping) else ():
        yield from _flat(found, "")


def _flat(found: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(found, Mapping):
        for name, inner in found.items():
            yield from _flat(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(found, list):
        yield path or "body", " ".join(_said(str(one)).say(lang()) for one in found)


def _said(message: str) -> Text:
    return Text(next((zh for start, zh in SAID.items() if message.startswith(start)), message), message)


def broken(error: Exception) -> Response:
    """Our fault: a short number that is also in the log."""
    number = secrets.token_hex(3)
    log.error("request failed", exc_info=error, extra={"number": number, "endpoint": request.endpoint})
    db.session.rollback()
    return problem(500, "broken", BROKEN.say(lang()).format(number))
