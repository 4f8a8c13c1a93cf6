"""The engine: diagrams in, steps out. The only importer of SpiffWorkflow.

`parse` makes a definition, `advance` takes one step, `dry_run` looks ahead, `lint` and `verdict`
judge a file before it runs.
"""

from app.engine.apart import examined, read_bounded
from app.engine.diagrams import parse
from app.engine.drawn import Drawn, DrawnProcess, drawn, fingerprint
from app.engine.execution import advance, dry_run
from app.engine.faults import DiagramError, EngineError
from app.engine.gate import Examined, Verdict, examine, verdict
from app.engine.linting import Catalog, Problem, lint, speaks_house, with_context
from app.engine.model import Definition, Element, Flow
from app.engine.state import open_state, seal_state
from app.engine.step import (
    Await,
    Cancel,
    ClosedTask,
    Command,
    Complete,
    Deliver,
    Fire,
    OpenTask,
    OperationCall,
    Start,
    Step,
    Thrown,
    Timer,
    Transition,
    stuck,
)

__all__ = [
    "Await",
    "Cancel",
    "Catalog",
    "ClosedTask",
    "Command",
    "Complete",
    "Definition",
    "Deliver",
    "DiagramError",
    "Drawn",
    "DrawnProcess",
    "Element",
    "EngineError",
    "Examined",
    "Fire",
    "Flow",
    "OpenTask",
    "OperationCall",
    "Problem",
    "Start",
    "Step",
    "Thrown",
    "Timer",
    "Transition",
    "Verdict",
    "advance",
    "drawn",
    "dry_run",
    "examine",
    "examined",
    "fingerprint",
    "lint",
    "open_state",
    "parse",
    "read_bounded",
    "seal_state",
    "speaks_house",
    "stuck",
    "verdict",
    "with_context",
]
