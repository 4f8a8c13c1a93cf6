"""Examining files in a process of their own, so that no file can hang, fill or break the program that was sent it.

One process serves a whole batch; it is replaced only when a file kills it or takes too long. Source: ADR 0028.
"""

from __future__ import annotations

import pickle
import select
import struct
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from app.engine.gate import Examined
from app.engine.linting import Catalog, Problem
from app.engine.linting.rules import found, problems
from app.engine.reading import MAX_BYTES
from app.text import Text

SECONDS = 15
"""How long one file may take, on the wall clock; the process itself allows 10 s of processor time."""
_STARTING = 60
_BARE = (
    "import sys, types; app = types.ModuleType('app'); app.__path__ = [sys.argv[1]]; sys.modules['app'] = app; "
    "from app.engine.child import main; main()"
)
"""Starts the child with the package but without the application, which it neither needs nor may touch."""
_LENGTH = struct.Struct(">Q")
_HERE = Path(__file__).resolve().parent.parent


class _Lost(Exception):
    """The child has died, or has taken too long."""


class _Child:
    """One process that examines; to be stopped when done."""

    def __init__(self, known: Catalog) -> None:
        command = [sys.executable, "-c", _BARE, str(_HERE)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/", env={"LANG": "C.UTF-8"}
        )
        self.send(pickle.dumps(known))
        self.receive(_STARTING)

    def send(self, content: bytes) -> None:
        """A frame to the child. Raises _Lost."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(_LENGTH.pack(len(content)) + content)
            self.process.stdin.flush()
        except OSError:
            raise _Lost from None

    def receive(self, seconds: float) -> bytes:
        """A frame from the child. Raises _Lost after `seconds`."""
        until = time.monotonic() + seconds
        (length,) = _LENGTH.unpack(self._bytes(_LENGTH.size, until))
        return self._bytes(length, until)

    def _bytes(self, count: int, until: float) -> bytes:
        assert self.process.stdout is not None
        held = bytearray()
        while len(held) < count:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, until - time.monotonic()))
            part = self.process.stdout.raw.read(count - len(held)) if ready else b""  # type: ignore[attr-defined]
            if not part:
                raise _Lost
            held += part
        return bytes(held)

    def stop(self) -> None:
        """End it at once."""
        self.process.kill()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                _close(stream)
        self.process.wait()


def _close(stream: Any) -> None:
    try:
        stream.close()
    except OSError:  # what was left to send has no reader any more
        return


def examined(files: Iterable[bytes], known: Catalog, seconds: float = SECONDS) -> Iterator[Examined]:
    """Each file's verdict, in order, whatever the file does to the process that reads it."""
    child: _Child | None = None
    try:
        for xml in files:
            if len(xml) > MAX_BYTES:
                yield _refused("file.size")
                continue
            try:
                child = child or _Child(known)
                yield _asked(child, xml, seconds)
            except _Lost:
                if child:
                    child.stop()
                child = None
                yield _refused("file.too-heavy")
    finally:
        if child:
            child.stop()


def read_bounded(path: Path) -> bytes:
    """As much of a file as is needed to judge it: one that is too large is not read to its end."""
    with path.open("rb") as stream:
        return stream.read(MAX_BYTES + 1)


def _asked(child: _Child, xml: bytes, seconds: float) -> Examined:
    child.send(xml)
    said = orjson.loads(child.receive(seconds))
    text = child.receive(seconds)
    return Examined(
        said["verdict"], _problems(said["problems"]), text if said["read"] else None, _problems(said["changes"])
    )


def _problems(said: list[list[Any]]) -> tuple[Problem, ...]:
    return tuple(
        Problem(rule, severity, element, Text(zh, en), Text(hint_zh, hint_en))
        for rule, severity, element, zh, en, hint_zh, hint_en in said
    )


def _refused(rule: str) -> Examined:
    return Examined("refused", tuple(problems([found(rule, "")])), None, ())
