"""What every page shares: language, the frame's sections, practice bar, security headers, error pages."""

from __future__ import annotations

import logging
import re
import secrets
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Flask, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import Babel
from flask_babel import gettext as _
from flask_security import current_user
from flask_wtf import CSRFProtect
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException
from werkzeug.routing import IntegerConverter, Map
from werkzeug.wrappers import Response

from app import errors
from app.db import db
from app.models import Unit
from app.rules.access import ADMIN, APPROVER, AUDITOR, POLICY, SYSTEM_POSTS, Person
from app.services import access, people, practice, releases
from app.services.library import Library
from app.text import Text
from app.web import forms, presenters, signin, tours

log = logging.getLogger(__name__)
locale = Blueprint("locale", __name__)
LANGUAGES = ("zh", "en")
PATH = re.compile(r"/(?![/\\])[^\s\\\x00-\x1f\x7f]*")
COOKIE = "lang"
YEAR = 365 * 24 * 3600
BUILT = "/static/dist/assets/"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
)
NOT_PROVEN = Text(
    "没有提交：这一页开得太久，或者中途换了登录。请回到上一页，刷新后再提交。",
    "Nothing was sent: this page was open too long, or somebody else signed in. Go back, reload it, and send again.",
)
TOO_LARGE_CODE = 413
TOO_LARGE = Text(
    "没有提交：一次传得太多。请回到上一页，少选几个附件，或者选小一点的。",
    "Nothing was sent: too much at once. Go back and choose fewer or smaller files.",
)
STATUS: dict[type[errors.Refused], int] = {
    errors.NotFound: 404, errors.Forbidden: 403, errors.Stale: 409, errors.Invalid: 422, errors.TooMany: 429,
    errors.Refused: 422,
}  # fmt: skip


def lang() -> str:
    """The language of this request: what its address says, else the cookie's, else Chinese; read once, asked often."""
    chosen = g.get("lang") or (request.cookies.get(COOKIE) if request else None)
    if chosen not in LANGUAGES:
        chosen = LANGUAGES[0]
    if request:
        g.lang = chosen
    return chosen


def now() -> Any:
    """The time of this request, read once."""
    if "now" not in g:
        g.now = practice.now()
    return g.now


def me() -> Person:
    """The signed-in person, read once for a request."""
    if "person" not in g:
        g.person = signin.person()
    return g.person  # type: ignore[no-any-return]


def books() -> Library:
    """The release in force."""
    return releases.current_library()


def onward(target: str) -> str:
    """`target` where it is a path of this site, else the first page; browsers read backslashes and drop tabs."""
    return target if PATH.fullmatch(target) else "/"


@locale.get("/language/<lang>")
def switch(lang: str) -> ResponseReturnValue:
    """Change the language and stay on the page."""
    answer = redirect(onward(request.args.get("next", "/")))
    answer.set_cookie(COOKIE, lang if lang in LANGUAGES else "zh", max_age=YEAR, samesite="Lax", httponly=True)
    return answer


def works(person: Person) -> bool:
    """Whether this person does casework, and so has an inbox."""
    return bool({post.role for post in person.posts} - SYSTEM_POSTS)


def supervises(person: Person) -> bool:
    """Whether this person answers for the work of others."""
    policy = access.policy(db.session())
    return any(policy.supervises(post.role) for post in person.posts)


def sections(person: Person) -> list[dict[str, Any]]:
    """The sections this person may use, in order."""
    roles = {post.role for post in person.posts}
    has_inbox = works(person)
    here = {"accounts": "people", "drafts": "studio"}.get(request.blueprint or "", request.blueprint)
    wanted = [
        ("desk", _("待办"), "desk.inbox", "inbox", has_inbox),
        ("audit", _("审计"), "audit.index", "file-search", AUDITOR in roles),
        ("cases", _("个案"), "cases.index", "users", has_inbox or AUDITOR in roles),
        ("oversight", _("督办台"), "oversight.index", "flag", supervises(person)),
        ("system", _("系统状况"), "system.index", "heartbeat", ADMIN in roles),
        ("people", _("人员"), "people.index", "users", ADMIN in roles),
        ("units", _("单位名录"), "units.index", "building", ADMIN in roles),
        ("processes", _("流程"), "processes.index", "route", True),
        ("studio", _("版本"), "studio.index", "git-compare", bool(roles & {POLICY, APPROVER, AUDITOR})),
        ("papers", _("文书模板"), "papers.templates", "file-text", POLICY in roles),
        ("desk", _("通知"), "desk.notices", "bell", AUDITOR in roles and not has_inbox),
        ("population", _("总体"), "population.index", "chart-dots-3", AUDITOR in roles),
    ]
    return [
        {"key": key, "label": label, "href": url_for(endpoint), "icon": icon, "current": here == key}
        for key, label, endpoint, icon, allowed in wanted
        if allowed
    ]


def context() -> dict[str, Any]:
    """What base.html needs; an error page must be drawn even when the database does not answer."""
    given: dict[str, Any] = {"lang": lang(), "nav": [], "person": None, "practice": None, "find_url": None, "who": ""}
    given["now_iso"] = now().isoformat()
    if signin.demo():
        given["practice"] = {
            "now": presenters.absolute(now(), now(), lang()),
            "password": practice.PASSWORD,
            "people": [],
        }
        if request.endpoint == "security.login":
            given["practice"]["people"] = _sign_ins()
    if current_user and current_user.is_authenticated:
        given["nav"] = sections(me())
        given["person"] = _who(me())
        given["find_url"] = url_for("cases.index")
        given["who"] = people.alias(me().id)
        given["tour"] = tours.here(me())
        given["tour_opens"] = tours.to_show(given["tour"])
    return given


def _sign_ins() -> list[dict[str, str]]:
    """Whom one may sign in as in practice mode, with the post in words."""
    return [{**one, "post": books().role_name(one["post"]).say(lang())} for one in practice.people(lang())]


def _who(person: Person) -> dict[str, str]:
    post = person.posts[0] if person.posts else None
    unit = db.session.get(Unit, post.unit_id) if post else None
    role = books().role_name(post.role) if post else None
    name = presenters.say(role, lang()) if role else ""
    place = (unit.name_en if lang() == "en" else unit.name_zh) if unit else ""
    return {"name": current_user.name, "unit": place, "post": name}


def safe_context() -> dict[str, Any]:
    """The frame's context, or the bare minimum when it cannot be had."""
    try:
        return context()
    except Exception:
        log.exception("the frame could not be filled")
        return {"lang": lang(), "nav": [], "person": None, "practice": None}


def settled(answer: Response) -> Response:
    """Tell the page that comes next that what it kept under this key has arrived. Source: ADR 0018."""
    key = forms.key(request.form)
    if key:
        answer.set_cookie("settled", key, max_age=600, samesite="Lax", secure=not signin.demo())
    return answer


def headers(answer: Response) -> Response:
    """Strict headers on every answer; personal pages are never cached, built files, named after what they hold, for good."""
    answer.headers.setdefault("Content-Security-Policy", CSP)
    answer.headers.setdefault("X-Content-Type-Options", "nosniff")
    answer.headers.setdefault("Referrer-Policy", "same-origin")
    answer.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    answer.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
    if request.endpoint not in ("static", "security.static"):
        answer.headers["Cache-Control"] = "no-store"  # the sign-in library's own header is malformed
    elif request.path.startswith(BUILT) and answer.status_code < HTTPStatus.BAD_REQUEST:
        answer.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable"
    return answer


def refused(error: errors.Refused) -> ResponseReturnValue:
    """A refusal as a page: what happened, what is safe, what to do."""
    status = next(code for kind, code in STATUS.items() if isinstance(error, kind))
    log.info("refused", extra={"code": error.code, "status": status, **error.ids})
    ask = None
    if isinstance(error, errors.NeedsReason) and request.method == "GET":
        ask = url_for("records.reason", case_id=error.ids["case"], next=request.full_path.rstrip("?"))
    return render_template(f"errors/{status}.html", text=error.text.say(lang()), ask=ask), status


def failed(error: HTTPException) -> ResponseReturnValue:
    """An HTTP error as a page."""
    if isinstance(error, CSRFError):
        return render_template("errors/422.html", text=NOT_PROVEN.say(lang())), 400
    if error.code == TOO_LARGE_CODE:
        return render_template("errors/422.html", text=TOO_LARGE.say(lang())), TOO_LARGE_CODE
    known = error.code if error.code in (403, 404, 409, 422, 429) else 404
    return render_template(f"errors/{known}.html"), error.code or 500


def broken(error: Exception) -> ResponseReturnValue:
    """Our fault: a short number that is also in the log, and what to do meanwhile."""
    number = secrets.token_hex(3)
    log.error("request failed", exc_info=error, extra={"number": number, "endpoint": request.endpoint})
    db.session.rollback()
    return render_template("errors/500.html", number=number, saved=False, duty="", again=request.path), 500


class RowId(IntegerConverter):
    """An integer in an address, as large as a row's id can be; beyond that there is no such page."""

    def __init__(self, map: Map, *args: Any, **options: Any) -> None:  # noqa: A002 - werkzeug's name
        super().__init__(map, *args, **{"max": 2**63 - 1, **options})


def register(app: Flask) -> None:
    """Give the application its frame."""
    app.url_map.converters["int"] = RowId
    Babel(app, default_locale="zh", locale_selector=lang, default_translation_directories="translations")
    app.config["WTF_CSRF_TIME_LIMIT"] = None  # as long as the session: nobody loses a form that took an hour
    CSRFProtect(app)
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.context_processor(safe_context)
    app.after_request(headers)
    app.register_error_handler(errors.Refused, refused)
    app.register_error_handler(HTTPException, failed)
    app.register_error_handler(Exception, broken)
    app.register_blueprint(locale)
