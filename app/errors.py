"""What can go wrong, without a word of HTTP: web and api map these to their own answers."""

from __future__ import annotations

from app.text import Text


class Refused(Exception):
    """The request cannot be carried out; `text` tells the person why and how to mend it.

    `code` is stable and machine-readable; `ids` are safe to log (never names or narrative).
    """

    def __init__(self, code: str, text: Text, **ids: object) -> None:
        super().__init__(code)
        self.code = code
        self.text = text
        self.ids = ids


class NotFound(Refused):
    """There is no such thing, or this person may not know that there is."""


class Forbidden(Refused):
    """This person may not do this; `ids["rule"]` names the access rule."""


class NeedsReason(Forbidden):
    """This person may, once they have said why; `ids["case"]` is the case to which the reason is given."""


class Stale(Refused):
    """Somebody else changed it meanwhile: nothing was written, nothing typed is lost."""


class TooMany(Refused):
    """Tried too often; `seconds` until the next try."""

    def __init__(self, code: str, text: Text, seconds: int) -> None:
        super().__init__(code, text)
        self.seconds = seconds


class Invalid(Refused):
    """Answers that do not fit their form; `fields` maps a field's path to its message."""

    def __init__(self, code: str, text: Text, fields: dict[str, str], **ids: object) -> None:
        super().__init__(code, text, **ids)
        self.fields = fields


class Transient(Exception):
    """A fault that another try may get past (a lock not got, a connection lost)."""
