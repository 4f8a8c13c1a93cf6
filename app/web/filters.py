"""The Jinja filters: presenters bound to the language and the time of the request."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from app.web import clock_chart
from app.web import presenters as p


def filters(lang: Callable[[], str], now: Callable[[], datetime]) -> dict[str, Callable[..., Any]]:
    """The Jinja filters; `lang` and `now` are asked once per use, so that a page agrees with its request."""
    return {
        "say": lambda text: p.say(text, lang()),
        "absolute": lambda at, end=False: p.absolute(at, now(), lang(), end=end),
        "near": lambda at, end=False: p.near(at, now(), lang(), end=end),
        "on_day": lambda day: p.on_day(day, now(), lang()),
        "month_day": lambda day: p.month_day(day, now(), lang()),
        "weekday": lambda day: p.weekday(day, lang()),
        "clock_time": p.clock_time,
        "relative": lambda at: p.relative(at, now(), lang()),
        "since": lambda at: p.since(at, now(), lang()),
        "ago": lambda at: p.ago(at, now(), lang()),
        "due": lambda view: p.due(view, now(), lang()),
        "late_entry": lambda line: p.late_entry(line.occurred_at, line.recorded_at, now(), lang()),
        "risk": lambda value: p.risk(value, lang()),
        "age": lambda years: p.age(years, lang()),
        "sex": lambda value: p.sex(value, lang()),
        "child": lambda line: p.child(line, lang()),
        "joined": lambda parts: p.joined(parts, lang()),
        "commas": lambda parts: p.commas(parts, lang()),
        "spaced": lambda parts: p.spaced(parts, lang()),
        "chosen": p.chosen,
        "by_place": lambda options: p.by_place(options, lang()),
        "clock_chart": lambda clocks: clock_chart.chart(clocks, p.today(now()), lang()),
    }
