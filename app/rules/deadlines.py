"""The legal and chosen limits of deadlines.json: when each ends, and what it rests on.

A deadline is a list of rules (condition, start fact, period); the first whose condition holds
wins, and an unknown fact makes its comparison false. Pure: facts in, instants out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Self

from app.clock import LAW_ZONE
from app.errors import NotFound, Refused
from app.rules.calendar import (
    LAW,
    Calendar,
    Due,
    Rule,
    add_months,
    end_of,
    explain,
    instant,
    midnight_after,
    parse_rule,
)
from app.rules.deadline_words import case_words, period_words
from app.rules.expressions import Closure, Type, check, compile_expression, names
from app.rules.facts import presumed_risk
from app.text import Text

Facts = Mapping[str, Any]

NO_LIMIT = Text("没有期限", "No limit")

HOURS_OF_A_DAY = 24
NOW = timedelta(hours=4)
"""Whoever gets so little time has to set out at once: nobody finds it in a list in time. Choice. Source: ADR 0019."""

_MOVING = "last_"
"""Start facts so named move on with every round; the others are fixed points of a schedule."""

_COUNTED = re.compile(r"(?P<form>F\w+) submitted in the instance")

_NEXT_YEAR = frozenset({("D20s", "01-01")})
"""The day after a fourth quarter, or a year, lies in the year after the one it reports on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlineDue(Due):
    """When a deadline ends, from which fact it was counted, and when to remind (aware UTC, ascending).

    `assumed`: the start fact was not known, so it was counted from the task's opening.
    """

    id: str
    start: str
    started_at: datetime
    assumed: bool = False
    remind_at: tuple[datetime, ...] = ()

    @property
    def urgent(self) -> bool:
        """Whether the limit leaves so few hours that somebody must be told at once, at night too."""
        span = parse_rule(self.rule).span
        return span is not None and span <= NOW

    @property
    def explanation(self) -> Text:
        """From when, how long, and why it was moved or is provisional."""
        start = "task_opened_at" if self.assumed else self.start
        return explain(period_words(start, parse_rule(self.rule)), self)


@dataclass(frozen=True, slots=True)
class RuleText:
    """One rule in words; `when` is its condition, None for the rule that applies otherwise."""

    when: str | None
    case: Text | None
    text: Text


@dataclass(frozen=True, slots=True)
class DeadlineText:
    """What a person may read of a deadline: name, rule, source, and whether it is only our choice."""

    id: str
    name: Text
    rule: Text
    rules: tuple[RuleText, ...]
    kind: str
    basis: tuple[str, ...]
    source: str
    quote: str
    note: str
    is_choice: bool
    unverified: bool


@dataclass(frozen=True, slots=True)
class _Rule:
    when: str | None
    applies: Closure
    start: str | None
    value: str | None

    @property
    def text(self) -> Text:
        if self.start is None or self.value is None:
            return NO_LIMIT
        return period_words(self.start, parse_rule(self.value))


@dataclass(frozen=True, slots=True)
class _Deadline:
    row: Mapping[str, Any]
    rules: tuple[_Rule, ...]
    reminders: tuple[float | str, ...]
    chases: bool

    def matching(self, facts: Facts) -> _Rule | None:
        """The first rule that holds. Whether a chasing counts depends on the rule that would hold without it."""
        unchased = self._first({**facts, "chased": False})
        if not self.chases or unchased is None:
            return unchased
        return self._first({**facts, "chased": _chased_since(unchased.start, facts)})

    def _first(self, facts: Facts) -> _Rule | None:
        return next((rule for rule in self.rules if rule.applies(facts)), None)


@dataclass(frozen=True)
class DeadlineRules:
    """All deadlines, checked and compiled; make one with `load`."""

    types: Mapping[str, Type]
    calendar: Calendar = LAW
    _deadlines: Mapping[str, _Deadline] = field(default_factory=dict, repr=False)

    @classmethod
    def load(cls, document: Mapping[str, Any], calendar: Calendar = LAW) -> Self:
        """The rules of deadlines.json. Raises Refused, naming the deadline, for anything it cannot compute."""
        types = {fact["name"]: _type_of(fact) for fact in document["facts"]}
        deadlines: dict[str, _Deadline] = {}
        for row in document["deadlines"]:
            if row["id"] in deadlines:
                raise _refused(row["id"], Text("编号重复", "the id stands twice"))
            deadlines[row["id"]] = _compiled(row, types)
        return cls(types, calendar, deadlines)

    @property
    def ids(self) -> tuple[str, ...]:
        """Every deadline's id, in the file's order."""
        return tuple(self._deadlines)

    def due(self, id_: str, facts: Facts, now: datetime) -> DeadlineDue | None:
        """When `id_` ends under `facts`, or None where it sets no limit. Raises NotFound.

        While nobody has set a risk it is presumed (see facts.presumed_risk); `chased` is reckoned here.
        Counted from the matching rule's start fact; if that is unknown, from task_opened_at,
        else from `now`. In a series a point of the schedule that has passed gives way to a later
        one (see `_skip_passed`). Reminders that lie before `now` are left out.
        """
        deadline, facts = self._get(id_), _presumed(facts)
        found = self._due(id_, deadline, facts, now)
        if found and deadline.row["kind"] == "series":
            found = self._skip_passed(found, deadline, facts, now)
        return found

    @cached_property
    def in_hours(self) -> frozenset[str]:
        """Those that may end within a day: a rule of theirs counts hours or minutes, up to twenty-four. What is urgent."""
        return frozenset(
            id_ for id_, one in self._deadlines.items() if any(_in_hours(rule.value) for rule in one.rules)
        )

    def counted_form(self, id_: str) -> str | None:
        """The form whose submissions in the instance are the rounds of `id_`; None where arrivals are counted."""
        found = _COUNTED.fullmatch(self._get(id_).row.get("round_counts") or "")
        return found["form"] if found else None

    def describe(self, id_: str, facts: Facts | None = None) -> DeadlineText:
        """`id_` in words; `rule` is the one that `facts` choose, or the one that applies otherwise. Raises NotFound."""
        deadline = self._get(id_)
        row, chosen = deadline.row, deadline.matching(_presumed(facts or {}))
        return DeadlineText(
            id=id_,
            name=Text(row["name_zh"], row["name_en"]),
            rule=chosen.text if chosen else NO_LIMIT,
            rules=tuple(
                RuleText(rule.when, case_words(rule.when) if rule.when else None, rule.text) for rule in deadline.rules
            ),
            kind=row["kind"],
            basis=tuple(row["basis"]),
            source=row["source"],
            quote=row["quote"],
            note=row["note"],
            is_choice=set(row["basis"]) <= {"proposal"},
            unverified="unverified" in row["basis"],
        )

    def _get(self, id_: str) -> _Deadline:
        try:
            return self._deadlines[id_]
        except KeyError:
            raise NotFound("deadline", Text(f"没有期限 {id_}", f"There is no deadline {id_}"), deadline=id_) from None

    def _due(self, id_: str, deadline: _Deadline, facts: Facts, now: datetime) -> DeadlineDue | None:
        rule = deadline.matching(facts)
        if rule is None or rule.start is None or rule.value is None:
            return None
        started_at, assumed = _started(rule.start, facts, now)
        if (id_, rule.value) in _NEXT_YEAR:
            started_at = _january(started_at.astimezone(LAW_ZONE).year + 1)
        end = end_of(started_at, rule.value, self.calendar)
        reminders = sorted({_remind(by, started_at, end) for by in deadline.reminders})
        return DeadlineDue(
            at=end.at,
            provisional=end.provisional,
            law_date=end.law_date,
            rule=rule.value,
            rolled_from=end.rolled_from,
            id=id_,
            start=rule.start,
            started_at=started_at,
            assumed=assumed,
            remind_at=tuple(at for at in reminders if at > now),
        )

    def _skip_passed(self, found: DeadlineDue, deadline: _Deadline, facts: Facts, now: datetime) -> DeadlineDue:
        """The first point of the schedule after `now`; if none is known, `found` stands and is due at once.

        Only fixed points are skipped, and only for a later point from the same fixed fact or for
        one counted from the last round.
        """
        round_ = int(facts.get("round") or 1)
        while found.at <= now and not found.start.startswith(_MOVING) and round_ < len(deadline.rules) + 1:
            round_ += 1
            later = self._due(found.id, deadline, {**facts, "round": round_}, now)
            if later and _follows(later, found):
                found = later
        return found


def _in_hours(value: str | None) -> bool:
    rule = parse_rule(value) if value else None
    return rule is not None and (rule.unit == "M" or (rule.unit == "H" and rule.count <= HOURS_OF_A_DAY))


def _presumed(facts: Facts) -> Facts:
    return {**facts, "risk": presumed_risk(facts)}


def _follows(later: DeadlineDue, found: DeadlineDue) -> bool:
    anchored = later.start == found.start or later.start.startswith(_MOVING)
    return anchored and not later.assumed and later.at > found.at


# --- reading the file --------------------------------------------------------------------


def _type_of(fact: Mapping[str, Any]) -> Type:
    match fact["type"]:
        case "enum":
            return tuple(fact["values"])
        case "year":
            return "int"
        case "bool" | "int" | "date" | "datetime" as kind:
            return kind  # type: ignore[no-any-return]
    raise Refused("deadline_fact", Text(f"“{fact['name']}”的类型不认识", f"“{fact['name']}” has an unknown type"))


def _compiled(row: Mapping[str, Any], types: Mapping[str, Type]) -> _Deadline:
    try:
        rules = tuple(_compiled_rule(rule, types) for rule in row["rules"])
        reminders = _reminders(row["remind_at"])
    except Refused as error:
        raise _refused(row["id"], error.text) from error
    return _Deadline(row, rules, reminders, any(rule.when and "chased" in names(rule.when) for rule in rules))


def _compiled_rule(rule: Mapping[str, Any], types: Mapping[str, Type]) -> _Rule:
    when, start, value = rule["when"], rule["start"], rule["value"]
    if when is not None:
        check(when, types)
    if (start is None) != (value is None):
        raise Refused(
            "deadline_rule", Text("起算点和期间要么都有，要么都没有", "a start needs a period, and a period a start")
        )
    if start is not None and start not in types:
        raise Refused("deadline_rule", Text(f"没有起算事实“{start}”", f"there is no start fact “{start}”"))
    if value is not None:
        parse_rule(value)
    return _Rule(when, compile_expression(when, "false") if when else _always, start, value)


def _always(_facts: Facts) -> bool:
    return True


def _reminders(given: Any) -> tuple[float | str, ...]:
    listed: Sequence[Any] = given if isinstance(given, list) else [] if given is None else [given]
    for by in listed:
        if isinstance(by, str):
            parse_rule(by)
        elif not 0 < by < 1:
            raise Refused("deadline_reminder", Text("提醒点要在 0 和 1 之间", "a reminder lies between 0 and 1"))
    return tuple(listed)


def _refused(id_: str, why: Text) -> Refused:
    return Refused("deadline_file", Text(f"期限 {id_}：{why.zh}", f"Deadline {id_}: {why.en}"), deadline=id_)


# --- instants ----------------------------------------------------------------------------


def _started(start: str, facts: Facts, now: datetime) -> tuple[datetime, bool]:
    """The instant of the start fact and whether another had to stand in for it."""
    if start == "year":
        year = facts.get("year")
        return (_january(int(str(year)[:4])), False) if year else (now, True)
    for name in (start, "task_opened_at"):
        if value := facts.get(name):
            return _instant(value), name != start
    return now, start != "task_opened_at"


def _chased_since(start: str | None, facts: Facts) -> bool:
    """Whether the last chasing came after the start fact: an older one was about an earlier wait."""
    chased, started = facts.get("last_chase_at"), facts.get(start or "")
    return bool(chased) and (not started or _instant(chased) > _instant(started))


def _instant(value: Any) -> datetime:
    return value.astimezone(UTC) if isinstance(value, datetime) else instant(str(value))


def _january(year: int) -> datetime:
    return datetime(year, 1, 1, tzinfo=LAW_ZONE).astimezone(UTC)


def _remind(by: float | str, started_at: datetime, end: Due) -> datetime:
    """When to remind: `by` is a share of the period, or a period before its end (days: that day's 00:00)."""
    if isinstance(by, str):
        return _before(parse_rule(by), end)
    period = parse_rule(end.rule)
    if period.unit in ("months", "Y"):
        return _share_of_months(by, started_at, period)
    return started_at + (end.at - started_at) * by


def _before(span: Rule, end: Due) -> datetime:
    if span.unit == "H":
        return end.at - timedelta(hours=span.count)
    if span.unit == "M":
        return end.at - timedelta(minutes=span.count)
    day = end.law_date - timedelta(days=span.count) if span.unit == "D" else add_months(end.law_date, -span.count)
    return midnight_after(day - timedelta(days=1))


def _share_of_months(share: float, started_at: datetime, period: Rule) -> datetime:
    """Whole months by the calendar, the rest as days of a 30-day month: 0.75 of P6M is 4 months and 15 days."""
    months = share * period.count * (12 if period.unit == "Y" else 1)
    day = add_months(started_at.astimezone(LAW_ZONE).date(), int(months))
    return midnight_after(day + timedelta(days=round(30 * (months - int(months)))))
