"""Being away for a time, and who is on duty: pages beside the hand-over list."""

from __future__ import annotations

from datetime import date

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_security import auth_required

from app.errors import Invalid, NotFound
from app.rules.rota import SHIFTS, Shift
from app.services import access
from app.services.presence import absences, rota
from app.services.presence.absences import Asked
from app.web import frame
from app.web.people import people

NOTHING = Asked(None, None, "", "")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@people.get("/<int:user_id>/away")
@auth_required()
def away(user_id: int) -> ResponseReturnValue:
    """A person's absences, and the form for another."""
    return _away(user_id, NOTHING, {})


@people.post("/<int:user_id>/away")
@auth_required()
def enter_away(user_id: int) -> ResponseReturnValue:
    """Put an absence down; back with what is wrong."""
    given = {name: request.form.get(name, "") for name in ("first", "last", "why", "substitute")}
    asked = Asked(_day(given["first"]), _day(given["last"]), given["why"], given["substitute"])
    try:
        let_down = absences.enter(frame.me(), user_id, asked, frame.lang())
    except Invalid as error:
        return _away(user_id, asked, error.fields), 422
    flash(_("已登记。到时候自动生效，回来那天自动恢复。"), "done")
    if let_down:
        names = _("、").join(let_down)
        flash(_("这段时间原定代%(names)s，现在改由主管接。请告诉他们。", names=names), "fix")
    return redirect(url_for("people.away", user_id=user_id))


def _away(user_id: int, asked: Asked, errors: dict[str, str]) -> str:
    page = absences.page(frame.me(), user_id, frame.lang())
    return render_template("people/away.html", page=page, asked=asked, errors=errors, reasons=absences.WHY)


@people.post("/absences/<int:absence_id>/end")
@auth_required()
def end_away(absence_id: int) -> ResponseReturnValue:
    """Back early, or not going after all."""
    user_id = absences.end(frame.me(), absence_id)
    flash(_("已结束。手上的事现在起都回到本人。"), "done")
    return redirect(url_for("people.away", user_id=user_id))


@people.get("/me/away")
@auth_required()
def my_away() -> ResponseReturnValue:
    """One's own absences."""
    return redirect(url_for("people.away", user_id=frame.me().id))


# --- on duty ---------------------------------------------------------------------------------


@people.get("/duty")
@auth_required()
def rotas() -> ResponseReturnValue:
    """The rotas within reach, and what is missing in the coming week."""
    return render_template("people/rotas.html", page=rota.index(frame.me(), frame.lang()))


@people.get("/duty/<int:unit_id>/<role>")
@auth_required()
def duty(unit_id: int, role: str) -> ResponseReturnValue:
    """A post's week: the one in which `day` lies, else this one."""
    page = rota.week(frame.me(), unit_id, role, _day(request.args.get("day", "")), frame.lang())
    return render_template("people/duty.html", page=page)


@people.post("/duty/<int:unit_id>/<role>")
@auth_required()
def keep_duty(unit_id: int, role: str) -> ResponseReturnValue:
    """Keep a week as the grid says."""
    wanted = {}
    for name, value in request.form.items():
        shift = _shift(name)
        if shift is not None:
            wanted[shift] = int(value) if value.isdecimal() else None
    if not wanted:
        raise NotFound("no_shift", access.NOTHING_HERE)
    rota.keep(frame.me(), unit_id, role, wanted)
    flash(_("已保存。"), "done")
    return redirect(url_for("people.duty", unit_id=unit_id, role=role, day=min(wanted).day.isoformat()))


def _shift(name: str) -> Shift | None:
    """The shift that a field of the grid is for: 2026-03-07.night."""
    day, _dot, which = name.partition(".")
    found = _day(day)
    return next((Shift(found, one) for one in SHIFTS if found is not None and one == which), None)
