"""Releases and their processes."""

from __future__ import annotations

from marshmallow import Schema, fields

from app.api.schemas.parts import Said, is_


class Release(Schema):
    """A bundle of diagrams and forms under which cases start."""

    id = fields.Integer()
    hash = fields.String()
    note = fields.String()
    loaded_at = fields.AwareDateTime()
    published_at = fields.AwareDateTime(allow_none=True, metadata=is_("null: never published"))
    current = fields.Boolean()


class ReleaseList(Schema):
    """Every release, newest first."""

    releases = fields.List(fields.Nested(Release))


class Process(Schema):
    """A process of a release."""

    id = fields.String()
    name = Said()
    steps = fields.Integer(metadata=is_("steps that people do"))
    running = fields.Integer(metadata=is_("instances that run now"))


class ProcessList(Schema):
    """The processes of the release in force, in the order in which a child meets them."""

    release_id = fields.Integer()
    processes = fields.List(fields.Nested(Process))
