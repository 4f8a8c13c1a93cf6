"""The inbox with a thousand, a hundred thousand and a million open tasks: the service's page, and the page over HTTP.

Everybody's share grows with the whole, so that a deep inbox is met as well as a full table.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from datetime import timedelta

import sqlalchemy as sa
from flask.testing import FlaskClient

from app import clock
from app.db import db, table, transaction
from app.models import Post, Task, User
from app.services import people
from app.services.inbox import listing
from tests.bench import ticks
from tests.bench.ground import Ground
from tests.bench.measure import Report, span_of
from tests.bench.pages import get, signed_in

SIZES = (1_000, 100_000, 1_000_000)
LOOKS = 40
APART = 20_000_000
"""From here on rows made here are numbered, out of the way of those that the product makes."""
CASES = 90_000
"""Cases that the tasks are in: fewer than the ticker was measured on."""
DAYS = 97
"""The days over which due dates are spread: some are past."""
TASK, POST = table(Task), table(Post)


def measure(ground: Ground, report: Report) -> None:
    """Figures of the inbox, as open tasks grow in the cases that the ticker was measured on."""
    user = _somebody()
    http = signed_in(user)
    found = {size: _looks(report, user, http, size) for size in SIZES}
    last, first = found[SIZES[-1]], found[SIZES[0]]
    report.figure(
        "inbox_http_p95_many_vs_few", last / first, "ratio", f"{SIZES[-1]} and {SIZES[0]} open tasks; bar 1.5"
    )


def _somebody() -> User:
    """The person whose post is the most usual: a village's children's director."""
    query = sa.select(User).join(Post, Post.user_id == User.id).where(Post.role == "village_worker").order_by(User.id)
    user = db.session.scalars(query).first()
    assert user is not None
    return user


def _looks(report: Report, user: User, http: FlaskClient, size: int) -> float:
    _fill(size)
    person = people.person(db.session(), user.id)
    _figures(report, f"inbox_service_ms_{size}", lambda: listing.page(person, "unit"))
    return _figures(report, f"inbox_http_ms_{size}", lambda: get(http, "/inbox?view=unit"))


def _figures(report: Report, name: str, look: Callable[[], object]) -> float:
    look()
    spans = sorted(span_of(look).wall for _ in range(LOOKS))
    p95 = spans[int(len(spans) * 0.95) - 1]
    report.figure(f"{name}_p50", statistics.median(spans), "ms", "a village director's inbox")
    report.figure(f"{name}_p95", p95, "ms", "a village director's inbox")
    return p95


def _fill(size: int) -> None:
    """Open tasks up to `size`, dealt out to every post and over the days, in the cases that are there."""
    with transaction() as session:
        have = session.scalar(sa.select(sa.func.count()).select_from(TASK).where(TASK.c.status == "open")) or 0
        top = max(APART, session.scalar(sa.select(sa.func.max(TASK.c.id))) or 0)
        number = sa.select(sa.literal(top + 1).label("i")).cte("number", recursive=True)
        number = number.union_all(sa.select(number.c.i + 1).where(number.c.i < top + size - have))
        posts = sa.select(POST.c.role, POST.c.unit_id, (sa.func.row_number().over(order_by=POST.c.id) - 1).label("k"))
        post = posts.cte("dealt")
        days = [sa.select(sa.literal(day).label("k"), sa.literal(clock.now() + timedelta(days=day - 7, minutes=day),
                TASK.c.due_at.type).label("at")) for day in range(DAYS)]  # fmt: skip
        due = sa.union_all(*days).cte("due")
        one = session.execute(sa.select(TASK).limit(1)).mappings().one()
        fixed = {name: sa.literal(one[name], TASK.c[name].type) for name in
                 ("process", "element", "engine_id", "version", "opened_at", "deadline_id", "due", "escalations")}  # fmt: skip
        case = ticks.APART + 1 + number.c.i % CASES
        values = fixed | {
            "id": number.c.i, "role": post.c.role, "unit_id": post.c.unit_id, "due_at": due.c.at,
            "status": sa.literal("open"), "case_id": case, "instance_id": case,
        }  # fmt: skip
        many = sa.select(sa.func.count()).select_from(post).scalar_subquery()
        query = sa.select(*values.values()).select_from(
            number.join(post, post.c.k == number.c.i % many).join(due, due.c.k == number.c.i % DAYS)
        )
        session.execute(sa.insert(TASK).from_select(list(values), query, include_defaults=False))
    with transaction() as session:
        session.execute(sa.text("ANALYZE"))
