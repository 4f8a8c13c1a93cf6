"""A scanner of the installation's own, asked about each file before it is kept; without one, nothing is scanned."""

from __future__ import annotations

import logging
import shlex
import subprocess

from app.db import settings
from app.text import Text

log = logging.getLogger(__name__)
PATIENCE = 60
CLEAN, FOUND = 0, 1
INFECTED = Text(
    "查毒程序不让加这个文件。请不要再打开它，告诉管理员。",
    "The virus scanner refuses this file. Do not open it again; tell the administrator.",
)
NOT_SCANNED = Text(
    "现在没法查毒，文件没有加上。请过一会儿再试。",
    "Files cannot be scanned just now; it was not added. Try again in a while.",
)


def on() -> bool:
    """Whether a scanner is set."""
    return bool(settings().file_scan_command)


def objection(content: bytes) -> Text | None:
    """Why the scanner does not let the file in; a scanner that fails lets nothing in."""
    if not on():
        return None
    try:
        done = subprocess.run(
            shlex.split(settings().file_scan_command), input=content, capture_output=True, timeout=PATIENCE, check=False
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        log.exception("the file scanner could not be asked")
        return NOT_SCANNED
    if done.returncode == CLEAN:
        return None
    if done.returncode != FOUND:
        log.error("the file scanner failed", extra={"status": done.returncode})
    return INFECTED if done.returncode == FOUND else NOT_SCANNED
