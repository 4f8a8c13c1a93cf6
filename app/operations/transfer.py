"""What case-transfer asks the system to do. Source: proposal:transfer-keeps-duty; ADR 0022."""

from __future__ import annotations

from datetime import datetime

from app.operations.effects import Effects, Notice
from app.operations.registry import Facts, Variables, operation


@operation("case.transfer_unit", needs=("moves_to",))
def transfer_unit(facts: Facts, _variables: Variables, _now: datetime) -> Effects:
    """Move the case, and its open tasks with the dates they have, to where the child lives now."""
    return Effects(place=facts["moves_to"])


@operation("notice.transfer_refused")
def transfer_refused(_facts: Facts, _variables: Variables, _now: datetime) -> Effects:
    """Tell the township that has the duty that it keeps it."""
    return Effects(notices=(Notice("transfer_refused", "township_worker"),))
