"""Golden histories: small, true records of one instance each, kept as files to be run again for ever.

A file says which engine and which definition it belongs to, and which sources that definition was
parsed from; those lie beside it, each once, so that a history outlives changes of its diagram. When
a diagram changes, the histories of the old one stay, and this module adds some for the new one:

    python -m tests.audit.histories             # for what no history reaches as it is drawn now
    python -m tests.audit.histories --walks 300 # look longer for far corners

A history holds ids, codes and dates, as the record does; never a name or an answer in words.
"""

from __future__ import annotations

import argparse
import base64
import json
import shutil
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app import clock, engine
from app.engine import Definition
from app.rules.deadlines import DeadlineRules
from app.services._rebuilt import Rebuilt
from app.services._recorded import Recorded
from app.services.releases import read_folder
from tests import conftest
from tests.audit.forger import Forger
from tests.audit.seekers import GOALS, Seeker
from tests.process import reach
from tests.process.worlds import running
from tests.world import INSTANCE, World, found

GOLDEN = Path(__file__).parent / "golden"
SOURCES = GOLDEN / "sources.json"
RULES = "bpmn/deadlines.json"
STEPS = 45
"""Things that happen in a walk."""


@dataclass(frozen=True)
class History:
    """One instance's record: its steps as their events hold them, and the files that they ran on, by path."""

    process: str
    definition_hash: str
    engine: str
    sources: Mapping[str, bytes]
    steps: tuple[Mapping[str, Any], ...]

    @property
    def definition(self) -> Definition:
        """The diagram as it was then."""
        diagrams = {path[5:-5]: content for path, content in self.sources.items() if path.endswith(".bpmn")}
        return engine.parse(diagrams, self.process)

    @property
    def recorded(self) -> Iterator[Recorded]:
        """Each step, as re-execution takes it."""
        same = {"process": self.process, "definition": self.definition_hash, "engine": self.engine}
        for number, step in enumerate(self.steps, start=1):
            data = {**step, **same, "command": step["command"]["kind"].lower()}
            yield Recorded.of(number, step["at"], data, step)

    def run_again(self) -> Rebuilt:
        """The instance rebuilt, every step compared. Raises Differs."""
        rebuilt = Rebuilt(self.definition, DeadlineRules.load(json.loads(self.sources[RULES])))
        for step in self.recorded:
            rebuilt.take(step)
        return rebuilt

    @cached_property
    def reached(self) -> frozenset[str]:
        """The elements and branches that it walked through."""
        return frozenset(name for step in self.steps for name in reach.walked(step["transitions"]))


# --- files --------------------------------------------------------------------------------


def read() -> dict[str, History]:
    """Every golden history, by the name of its file."""
    kept = {key: zlib.decompress(base64.b85decode(text)) for key, text in _kept().items()}
    return {file.stem: _history(json.loads(file.read_bytes()), kept) for file in _files()}


def _files() -> list[Path]:
    return sorted(file for file in GOLDEN.glob("*.json") if file != SOURCES)


def _kept() -> dict[str, str]:
    return json.loads(SOURCES.read_bytes()) if SOURCES.exists() else {}  # type: ignore[no-any-return]


def _history(told: dict[str, Any], kept: Mapping[str, bytes]) -> History:
    sources = {path: kept[key] for path, key in told["sources"].items()}
    return History(told["process"], told["definition"], told["engine"], sources, tuple(told["steps"]))


def write(histories: Iterable[History]) -> None:
    """Keep these beside those that are kept already; sources that none needs any more go."""
    GOLDEN.mkdir(exist_ok=True)
    wanted = {**read()}
    for history in histories:
        name = f"{history.process}.{history.definition_hash[:8]}"
        number = sum(other.startswith(name) for other in wanted) + 1
        wanted[f"{name}.{number}"] = history
        (GOLDEN / f"{name}.{number}.json").write_text(_text(history), encoding="utf-8")
    contents = {_key(content): content for history in wanted.values() for content in history.sources.values()}
    kept = {key: base64.b85encode(zlib.compress(content, 9)).decode() for key, content in sorted(contents.items())}
    SOURCES.write_text(json.dumps(kept, indent=0) + "\n", encoding="utf-8")


def _key(content: bytes) -> str:
    return sha256(content).hexdigest()


def _text(history: History) -> str:
    """The file: a line for what it belongs to, a line for each step."""
    head = {"process": history.process, "definition": history.definition_hash, "engine": history.engine,
            "sources": {path: _key(content) for path, content in sorted(history.sources.items())}}  # fmt: skip
    steps = ",\n".join(json.dumps(step, sort_keys=True) for step in history.steps)
    return f'{json.dumps(head)[:-1]},\n"steps": [\n{steps}\n]}}\n'


# --- making them --------------------------------------------------------------------------


def of_world(world: World) -> Iterator[History]:
    """The history of every instance of a world."""
    files = read_folder()
    for one in world.rows(sa.select(INSTANCE).where(INSTANCE.c.state.is_not(None))):
        definition = world.library.definition(one["process"])
        steps = [(body, secret) for _, body, secret in Forger(one["case_id"]).steps()
                 if body["instance"] == one["id"]]  # fmt: skip
        paths = [f"bpmn/{process}.bpmn" for process in definition.processes]
        yield History(
            process=one["process"],
            definition_hash=definition.hash,
            engine=steps[0][0]["data"]["engine"],
            sources={path: files[path] for path in (*paths, RULES)},
            steps=tuple(
                {"at": body["at"], **secret, "state": body["data"]["state"], "transitions": body["data"]["transitions"]}
                for body, secret in steps
            ),
        )


def reached_now(histories: Iterable[History]) -> set[str]:
    """What these reach of the diagrams as they are drawn now."""
    hashes = {definition.hash for definition in reach.diagrams().values()}
    return {name for history in histories if history.definition_hash in hashes for name in history.reached}


def few(histories: Iterable[History], seen: set[str]) -> list[History]:
    """A few short ones that together reach all that any of them reaches beyond `seen`."""
    left, chosen, seen = list(histories), [], set(seen)
    while left := [history for history in left if not history.reached <= seen]:
        best = max(left, key=lambda history: len(history.reached - seen) / (len(history.steps) + 2))
        seen |= best.reached
        chosen.append(best)
    return sorted(chosen, key=lambda history: (history.process, len(history.steps)))


def main() -> None:
    """Walk with those diagrams in mind that the kept histories do not reach everywhere; keep a few of what happened."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--walks", type=int, default=6 * len(GOALS), help="how many seeds to try")
    walks = parser.parse_args().walks
    seen = reached_now(read().values())
    goals = {stem for stem in reach.diagrams() if reach.wanted(stem) - seen}
    made: list[History] = []
    with tempfile.TemporaryDirectory() as folder:
        start = county(Path(folder))
        for seed in (seed for seed in range(walks) if GOALS[seed % len(GOALS)] in goals):
            made += walked(start, seed)
            print(f"seed {seed}, {GOALS[seed % len(GOALS)]}: {len(made)} histories", flush=True)
    chosen = few(made, seen)
    write(chosen)
    missing = reach.missing(seen | reached_now(chosen))
    print(f"{len(chosen)} histories kept; still out of reach: {missing or 'nothing'}")


def county(folder: Path) -> Path:
    """A SQLite file with the county founded."""
    url = f"sqlite:///{folder / 'county.db'}"
    conftest.migrate(url, folder)
    with running(url, folder), clock.fixed(conftest.START):
        found()
    return folder / "county.db"


def walked(start: Path, seed: int) -> list[History]:
    """The histories of one walk."""
    file = Path(shutil.copy(start, start.parent / "walk.db"))
    try:
        with running(f"sqlite:///{file}", start.parent), clock.fixed(conftest.START) as move:
            world = World(move)
            Seeker(world, seed).walk(STEPS)
            return list(of_world(world))
    finally:
        for part in start.parent.glob("walk.db*"):
            part.unlink()


if __name__ == "__main__":
    main()
