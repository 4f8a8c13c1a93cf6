"""Text that is data, in both of the project's languages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """A short text in Chinese and English; Chinese is what it says when nobody asks."""

    zh: str
    en: str

    def say(self, lang: str) -> str:
        """The text in `lang` ("zh" or "en"); anything else gets Chinese."""
        return self.en if lang.startswith("en") else self.zh

    def __str__(self) -> str:
        return self.zh
