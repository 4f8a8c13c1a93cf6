"""Signing in, and who has."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from app.api.schemas.parts import is_


class Credentials(Schema):
    """A name and a password."""

    username = fields.String(required=True, validate=validate.Length(1, 64))
    password = fields.String(required=True, validate=validate.Length(1, 256), load_only=True)


class Token(Schema):
    """What a program sends as Authentication-Token from now on."""

    token = fields.String(required=True)
    expires_at = fields.AwareDateTime(required=True)


class Post(Schema):
    """A role that somebody holds in a region."""

    role = fields.String()
    region = fields.String(attribute="unit_path")


class Session(Schema):
    """Who calls."""

    id = fields.Integer()
    posts = fields.List(fields.Nested(Post))
    csrf_token = fields.String(metadata=is_("to be sent as X-CSRFToken by a browser's session; empty for a token"))


# --- reports --------------------------------------------------------------------------------
