"""What the engine refuses, in words for the person who must mend it."""

from __future__ import annotations

from app.errors import Refused


class EngineError(Refused):
    """A step that cannot be taken; `ids` name the process and element, never a person."""

    def __str__(self) -> str:
        where = ".".join(str(self.ids[key]) for key in ("process", "element") if self.ids.get(key))
        return f"{self.code}: {self.text.en}" + (f" ({where})" if where else "")


class DiagramError(EngineError):
    """A diagram that cannot be read or run; `ids["element"]` is where, if one place can be named."""
