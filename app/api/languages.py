"""The caller's language: Accept-Language, else Chinese."""

from __future__ import annotations

from flask import request

LANGUAGES = ("zh", "en")


def lang() -> str:
    """The language in which this caller is answered: "zh" or "en"."""
    return request.accept_languages.best_match(LANGUAGES) or "zh"
