"""Log lines for operators: one JSON object a line, a constant message, ids in fields, never names."""

from __future__ import annotations

import logging
import sys

import orjson

_PLAIN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """One JSON object a line; what is passed in `extra` becomes fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line of JSON."""
        line = {"at": self.formatTime(record), "level": record.levelname, "logger": record.name, "msg": record.msg}
        line |= {key: value for key, value in record.__dict__.items() if key not in _PLAIN}
        if record.exc_info:
            line["error"] = getattr(record.exc_info[0], "__name__", "")
        return orjson.dumps(line, default=str).decode()


def configure() -> None:
    """Send the project's log lines to standard error, once."""
    root = logging.getLogger("app")
    if root.handlers:
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    root.propagate = False
