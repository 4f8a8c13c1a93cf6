"""The process in which files from anywhere are read: small, alone, bounded in memory and time, without secrets.

It loads only what reads diagrams, not the application. Frames on standard input: first what the release knows, then
files; one answer for each. Started and watched by `apart`. Source: ADR 0028.
"""

from __future__ import annotations

import pickle
import resource
import struct
import sys
import time
from collections.abc import Iterable
from typing import Any, BinaryIO

import orjson

from app.engine.gate import Examined, examine
from app.engine.linting import Problem

MEMORY = 1024**3
"""Bytes of address space; a healthy child has some 100 MB."""
CPU = 10
"""Seconds of processor time for one file."""
_LENGTH = struct.Struct(">Q")


def main() -> None:
    """Answer until standard input ends."""
    incoming, outgoing = sys.stdin.buffer, sys.stdout.buffer
    _bound()
    known = pickle.loads(read_frame(incoming) or b"")  # noqa: S301 - from our own parent, never from a file
    write_frame(outgoing, b"ready")
    while (xml := read_frame(incoming)) is not None:
        resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + CPU, resource.RLIM_INFINITY))
        found = examine(xml, known, arranged=True)
        write_frame(outgoing, orjson.dumps(_plain(found)))
        write_frame(outgoing, found.xml or b"")


def _bound() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for limit in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
        resource.setrlimit(limit, (0, 0))


def _plain(found: Examined) -> dict[str, Any]:
    return {
        "verdict": found.verdict,
        "read": found.xml is not None,
        "problems": _problems(found.problems),
        "changes": _problems(found.changes),
    }


def _problems(problems: Iterable[Problem]) -> list[list[str]]:
    return [
        [each.rule, each.severity, each.element, each.message.zh, each.message.en, each.hint.zh, each.hint.en]
        for each in problems
    ]


def read_frame(stream: BinaryIO) -> bytes | None:
    """One frame; None at the end of the stream."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    return stream.read(_LENGTH.unpack(head)[0])


def write_frame(stream: BinaryIO, content: bytes) -> None:
    """One frame, sent at once."""
    stream.write(_LENGTH.pack(len(content)) + content)
    stream.flush()
