"""Tables. Queries live in the service that owns the noun."""

from app.models.audit import LogAnchor, LogCase, LogEntry, LogHead, LogNode, LogState
from app.models.cases import (
    Case,
    CaseBar,
    CaseLink,
    CaseMerge,
    Child,
    ClockAlert,
    CodeTry,
    Guardian,
    Performance,
    Placement,
    Report,
    ReportChild,
    ReportLink,
)
from app.models.drafts import DraftFile, DraftMove, ReleaseDraft
from app.models.files import Attachment
from app.models.library import Definition, Practice, Release
from app.models.log import Delivery, Event, Incident, Look, Notice, Outbox, SealedRead
from app.models.papers import Paper, PaperNumber, PaperTemplate
from app.models.people import Absence, AccountChange, AddressCode, Duty, FormerPost, JobRun, Post, Unit, User
from app.models.samples import AuditSample
from app.models.work import Deadline, Draft, Instance, SavedFilter, Submission, Subscription, Suspension, Task, TaskMark

__all__ = [
    "Absence", "AccountChange", "AddressCode", "Attachment", "AuditSample", "Case", "CaseBar", "CaseLink", "CaseMerge", "Child", "ClockAlert", "CodeTry", "Deadline", "Definition", "Delivery", "Draft", "DraftFile", "DraftMove", "Duty", "Event", "FormerPost", "Guardian",
    "Incident", "Instance", "JobRun", "LogAnchor", "LogCase", "LogEntry", "LogHead", "LogNode", "LogState", "Look", "Notice",
    "Outbox", "Paper", "PaperNumber", "PaperTemplate", "Performance", "Placement", "Post", "Practice", "Release", "ReleaseDraft", "Report", "ReportChild", "ReportLink",
    "SavedFilter", "SealedRead", "Submission", "Subscription", "Suspension", "Task", "TaskMark", "Unit", "User",
]  # fmt: skip
