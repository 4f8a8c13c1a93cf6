"""The pages: one module for each audience, over a frame that all share."""

from __future__ import annotations

from flask import Flask

from app.rules.files import ENDINGS
from app.web import away, build, corrections, figures, filters, frame, inboxes, looks, reads, signin, suspensions
from app.web.account import account
from app.web.addresses import addresses
from app.web.audit import audit
from app.web.authenticator import authenticator
from app.web.cases import cases
from app.web.desk import desk
from app.web.drafts import pages as drafts
from app.web.files import files
from app.web.forms import sheet
from app.web.health import health
from app.web.help import help_pages
from app.web.kept import kept, send_report
from app.web.one_child import one_child
from app.web.oversight import oversight
from app.web.papers import papers
from app.web.people import people
from app.web.population import population
from app.web.practice import practice
from app.web.processes import processes
from app.web.records import records
from app.web.report import report
from app.web.studio import studio
from app.web.system import accounts, system, units

MB = 2**20
AT_ONCE = 5
"""How many of the largest files one request may hold."""
MORE = (away, corrections, figures, inboxes, reads, suspensions)
"""Modules that put their pages on another's blueprint."""


def register(app: Flask) -> None:
    """Give the application its pages."""
    app.static_folder = "web/static"
    app.add_url_rule("/static/<path:filename>", "static", app.send_static_file)
    frame.register(app)
    looks.register(app)
    signin.register(app)
    build.install(app)
    app.jinja_env.filters.update(filters.filters(frame.lang, frame.now))
    app.jinja_env.globals["form_sheet"] = sheet
    app.jinja_env.globals["file_endings"] = ",".join(ENDINGS)
    app.jinja_env.globals["file_max_mb"] = lambda: app.config["SETTINGS"].file_max_bytes // MB
    app.config["MAX_CONTENT_LENGTH"] = AT_ONCE * app.config["SETTINGS"].file_max_bytes
    app.config["MAX_FORM_MEMORY_SIZE"] = 4 * MB
    for blueprint in (
        files,
        desk,
        cases,
        one_child,
        oversight,
        people,
        audit,
        population,
        records,
        account,
        addresses,
        authenticator,
        papers,
        processes,
        studio,
        drafts,
        report,
        system,
        accounts,
        units,
        health,
        help_pages,
        kept,
    ):
        app.register_blueprint(blueprint)
    app.extensions["csrf"].exempt(send_report)  # it asks for the token itself, of whoever has signed in
    if signin.demo_settings(app):
        app.register_blueprint(practice)
