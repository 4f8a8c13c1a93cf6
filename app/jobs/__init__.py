"""The ticker: every few seconds, in every worker, look for what has come; the database decides who does it.

APScheduler holds no state: what is due stands in tables, each deadline and delivery is done in one
transaction by whoever locks it first, so any number of workers may run. Source: ARCHITECTURE rule 3;
RELIABILITY §2; ADR 0004.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial

from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from app import clock
from app.services import checks, deadlines, outbox, provisional
from app.services.audit import look_log, sequencer
from app.services.outward import deliveries
from app.services.studio import drafts

log = logging.getLogger(__name__)
EVERY = timedelta(seconds=5)
HALF_MINUTE = timedelta(seconds=30)
MINUTE = timedelta(minutes=1)
DAILY = timedelta(days=1)
JOBS: tuple[tuple[str, timedelta, Callable[[], int]], ...] = (
    ("deadlines", EVERY, deadlines.tick),
    ("releases", HALF_MINUTE, drafts.publish_due),
    ("outbox", EVERY, outbox.deliver),
    ("digests", HALF_MINUTE, deliveries.digests),
    ("mail", EVERY, partial(deliveries.send, "mail")),
    ("sms", EVERY, partial(deliveries.send, "sms")),
    ("looks", MINUTE, look_log.fold),
    ("log", HALF_MINUTE, sequencer.tick),
    ("provisional", DAILY, provisional.recompute),
)
"""Name, how often, what; each returns how many things it did."""


def start(app: Flask) -> BackgroundScheduler:
    """Begin to tick, in threads of this process; `shutdown` of what is returned ends it after the running jobs."""
    if app.config["SETTINGS"].audit_key is None:
        log.warning("no AUDIT_KEY_FILE: the log's heads are not signed")
    scheduler = BackgroundScheduler(
        timezone="UTC", job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None}
    )
    for name, every, work in JOBS:
        scheduler.add_job(
            _within(app, name, work, every),
            "interval",
            seconds=every.total_seconds(),
            id=name,
            next_run_time=clock.real_now(),
        )
    scheduler.start()
    return scheduler


def _within(app: Flask, name: str, work: Callable[[], int], every: timedelta) -> Callable[[], None]:
    """`work` in the application's context; a failure is logged and the next tick tries again. That it ran is kept."""

    def run() -> None:
        with app.app_context():
            try:
                done = work()
                checks.ran(name, every)
            except Exception:
                log.exception("job failed", extra={"job": name})
                with suppress(SQLAlchemyError):
                    checks.ran(name, every, failed=True)
                return
            if done:
                log.info("job done", extra={"job": name, "count": done})

    return run


def worker(app: Flask) -> None:
    """Tick until the process is told to stop (SIGTERM, SIGINT); what is under way is finished first."""
    stop = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stop.set())
    scheduler = start(app)
    log.info("worker started")
    stop.wait()
    scheduler.shutdown()
    log.info("worker stopped")
