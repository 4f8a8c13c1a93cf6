"""守望 Shouwang: a city's child-protection plan, drawn as BPMN diagrams, that runs."""

from __future__ import annotations

import secrets

from flask import Flask
from flask_migrate import Migrate

import app.models  # noqa: F401 - every table must be known before a migration or a query
from app import api, cli, logs, web
from app.db import db, engine_options
from app.settings import ROOT, Settings


def create_app(settings: Settings | None = None) -> Flask:
    """The application, wired: database, sign-in, pages, API and command line."""
    settings = settings or Settings.read()
    logs.configure()
    settings.instance_dir.mkdir(parents=True, exist_ok=True)
    app = Flask("app", static_folder=None, template_folder="web/templates")
    app.config["SETTINGS"] = settings
    app.config["SECRET_KEY"] = settings.secret_key or secrets.token_urlsafe(32)
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(settings.database_url)
    db.init_app(app)
    Migrate(app, db, directory=str(ROOT / "migrations"), render_as_batch=True)
    web.register(app)
    api.register(app)
    cli.register(app)
    return app
