"""For operators and their machines: is the process up, can it work, how much waits.

The figures are for this machine, or for whoever holds METRICS_TOKEN where one is set; to anybody
else there is no such page. A proxy on this machine makes every caller look local: set the token there.
"""

from __future__ import annotations

import hmac
from dataclasses import asdict
from http import HTTPStatus

from flask import Blueprint, abort, current_app, request
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from app.services import health as service
from app.services.commands import STEPS
from app.services.outward import deliveries
from app.web import frame

health = Blueprint("health", __name__)
PLAIN = {"Content-Type": "text/plain; charset=utf-8"}
LOOPBACK = ("127.0.0.1", "::1")
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP")
HELP = {
    "tasks_open": "Tasks that wait for a person.",
    "tasks_overdue": "Open tasks past their limit.",
    "deadlines_due": "Deadlines that have come and have not fired yet.",
    "outbox_waiting": "Messages and notices that wait to be delivered.",
    "incidents_open": "Steps that failed and wait for a person.",
}


@health.get("/healthz")
def alive() -> ResponseReturnValue:
    """The process answers."""
    return "ok\n", PLAIN


@health.get("/readyz")
def ready() -> ResponseReturnValue:
    """The installation can work; 503 with the reason when it cannot."""
    obstacle = service.obstacle()
    if obstacle is None:
        said = [text.say(frame.lang()) for text in (service.scanning(), deliveries.says())]
        return "\n".join(["ok", *said, ""]), PLAIN
    return f"{obstacle.say(frame.lang())}\n", HTTPStatus.SERVICE_UNAVAILABLE, PLAIN


@health.get("/metrics")
def metrics() -> ResponseReturnValue:
    """Figures in Prometheus' text format."""
    if not _may_read():
        abort(404)
    registry = CollectorRegistry()
    registry.register(STEPS)
    for name, count in asdict(service.figures()).items():
        Gauge(f"shouwang_{name}", HELP[name], registry=registry).set(count)
    return generate_latest(registry), {"Content-Type": CONTENT_TYPE_LATEST}


def _may_read() -> bool:
    """Whether the caller holds the token; without one set, whether the call comes straight from this machine."""
    token = current_app.config["SETTINGS"].metrics_token
    if token:
        return hmac.compare_digest(request.headers.get("Authorization", "").encode(), f"Bearer {token}".encode())
    return request.remote_addr in LOOPBACK and not any(name in request.headers for name in FORWARDED)
