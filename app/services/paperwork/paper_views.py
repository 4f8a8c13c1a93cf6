"""What services hand to pages and the API about papers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.services.views import Seal
from app.text import Text

Status = Literal["draft", "issued", "replaced", "withdrawn"]


@dataclass(frozen=True, slots=True)
class PaperKind:
    """A kind of paper that may be drawn up."""

    id: str
    name: Text


@dataclass(frozen=True, slots=True)
class PaperLine:
    """A paper in the list of its case; nothing of what it says."""

    id: int
    kind: str
    name: Text
    number: str
    status: Status
    version: int
    unit: Text
    by: str
    at: datetime  # issued, else drafted


@dataclass(frozen=True, slots=True)
class CasePapers:
    """The papers of a case, newest first, and which this person may draw up."""

    case_id: int
    number: str
    papers: tuple[PaperLine, ...]
    kinds: tuple[PaperKind, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """A field that leaves a blank. `seal` when it is on record, but shut to this person; `typed` what was put in by hand."""

    name: str
    label: Text
    seal: Seal | None = None
    typed: str = ""
    rows: bool = False  # a list: it cannot be typed in

    @property
    def sealed(self) -> bool:
        """Whether it is on record, but shut."""
        return self.seal is not None


@dataclass(frozen=True, slots=True)
class PaperPage:
    """One paper. Not `open`: it holds sealed facts, and `locks` are the records to be opened first."""

    line: PaperLine
    case_id: int
    case_number: str
    task_id: int | None
    open: bool
    locks: tuple[int, ...]
    sheets: int
    gaps: tuple[Gap, ...]  # blanks that are left, and those filled by hand
    unprintable: str
    template: Text
    docx_hash: str
    pdf_hash: str
    former: PaperLine | None
    newer: PaperLine | None
    drafted_by: str
    drafted_at: datetime
    issued_by: str
    issued_at: datetime | None
    withdrawn: str  # why; empty while it stands
    withdrawn_at: datetime | None
    may: frozenset[str]  # fill, renew, issue, drop, revise, withdraw
    erased: bool = False

    @property
    def blanks(self) -> int:
        """How many blanks are left."""
        return sum(1 for gap in self.gaps if not gap.typed)


@dataclass(frozen=True, slots=True)
class PaperFile:
    """A file to be handed out."""

    content: bytes
    name: str
    media: str


@dataclass(frozen=True, slots=True)
class TemplateLine:
    """A template of a kind of paper; version 0 is the one that comes with the program."""

    version: int
    hash: str
    note: str
    by: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class TemplateKind:
    """A kind of paper with its templates, the one in force first; `sealed` are the S3 fields it may use."""

    id: str
    name: Text
    word: str
    forms: tuple[Text, ...]
    sealed: tuple[str, ...]
    versions: tuple[TemplateLine, ...]
