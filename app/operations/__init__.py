"""Operations: what a service task does, as pure functions. Facts in, effects out.

The engine hands a call out; services read the facts the operation `needs`, run it, apply its
effects in the same transaction, and log the variables it set, so that replay needs no database.
Importing this package registers every operation.
"""

from app.operations import assistance, care, clock, escalation, intake, transfer, visits  # noqa: F401 - registers them
from app.operations.effects import (
    OUTSIDE,
    OWN,
    TABLES,
    CaseRef,
    Effects,
    Message,
    NewId,
    Notice,
    OpenCase,
    Row,
    Start,
    TaskChange,
)
from app.operations.needs import NEEDS
from app.operations.registry import (
    BadEffects,
    MissingFacts,
    Operation,
    UnknownOperation,
    find,
    registry,
    run,
)

__all__ = [
    "NEEDS",
    "OUTSIDE",
    "OWN",
    "TABLES",
    "BadEffects",
    "CaseRef",
    "Effects",
    "Message",
    "MissingFacts",
    "NewId",
    "Notice",
    "OpenCase",
    "Operation",
    "Row",
    "Start",
    "TaskChange",
    "UnknownOperation",
    "find",
    "registry",
    "run",
]
