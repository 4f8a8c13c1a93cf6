"""Help: a guide for each audience, the words of the field, what practice is, and the tours of pages."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, send_from_directory, url_for
from flask.typing import ResponseReturnValue
from flask_security import auth_required, current_user

from app.rules.access import ADMIN, APPROVER, AUDITOR, POLICY, Person
from app.services import tours as service
from app.web import frame, guides, tours

help_pages = Blueprint("help", __name__, url_prefix="/help")
SYSTEM_GUIDES = {AUDITOR: "auditor", POLICY: "policy", APPROVER: "policy", ADMIN: "administrator"}


def own(person: Person) -> list[str]:
    """The guides that are for this person, first the one for what they do most."""
    roles = {post.role for post in person.posts}
    found = ["caseworker"] if frame.works(person) else []
    found += ["supervisor"] if tours.KEYS["oversight"].audience(person) else []
    return found + [guide for role, guide in SYSTEM_GUIDES.items() if role in roles]


@help_pages.get("/")
def index() -> ResponseReturnValue:
    """Where to find what; one's own guides first."""
    mine = own(frame.me()) or ["reporter"]
    return render_template("help/index.html", mine=mine, guides=guides.GUIDES, more=guides.MORE)


@help_pages.get("/words")
def words() -> ResponseReturnValue:
    """The words of the field, or those in which something stands."""
    asked = request.args.get("q", "").replace("\0", "")
    found = guides.find(asked)
    named = frame.books().clauses
    sources = {one.id: [named[id_].citation for id_ in one.source if id_ in named] for one in found}
    return render_template("help/words.html", words=found, asked=asked, sources=sources)


@help_pages.get("/practice")
def practice() -> ResponseReturnValue:
    """What practice mode is, and how one can tell."""
    return render_template("help/practice.html")


@help_pages.get("/pictures/<name>")
def picture(name: str) -> ResponseReturnValue:
    """A picture of a guide."""
    return send_from_directory(guides.PICTURES, name)


@help_pages.get("/tour/<key>")
def tour(key: str) -> ResponseReturnValue:
    """A tour as a plain page."""
    if key not in tours.KEYS:
        abort(404)
    return render_template("help/tour.html", told=tours.KEYS[key])


@help_pages.post("/tour/<key>")
@auth_required()
def seen(key: str) -> ResponseReturnValue:
    """Remember that a tour was seen or skipped."""
    if key not in tours.KEYS:
        abort(404)
    service.seen(current_user.id, key)
    return redirect(frame.onward(request.form.get("next", "/")))


@help_pages.get("/<page>")
def guide(page: str) -> ResponseReturnValue:
    """A guide, as it stands in docs/."""
    if page not in guides.PAGES:
        abort(404)
    text = guides.drawn(page, frame.lang())
    return render_template("help/guide.html", page=page, title=guides.PAGES[page], text=text, guides=guides.GUIDES)


@help_pages.app_template_global()
def means(word: str) -> str:
    """What a word of the glossary means."""
    return next(one.means for one in guides.words() if one.id == word).say(frame.lang())


@help_pages.app_template_global()
def about(word: str) -> str:
    """The address of a word in the glossary."""
    return url_for("help.words", _anchor=word)
