"""What each command does, on small diagrams and the real engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from engine_drawings import (
    boundary,
    call,
    catch,
    draw,
    end,
    gateway,
    many,
    message_event,
    node,
    service,
    start,
    sub,
    throw,
    timer,
    timer_event,
    user,
)

from app.engine import (
    Cancel,
    Complete,
    Deliver,
    DiagramError,
    EngineError,
    Fire,
    Start,
    Step,
    advance,
    dry_run,
    parse,
    runtime,
    stuck,
)

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
DAY = timedelta(days=1)


class Instance:
    """One instance, stored after every step as services store it."""

    def __init__(self, *nodes, flows, messages="", operate=None, deadline=None, facts=None, **others):
        self.definition = parse({"p": draw("p", *nodes, flows=flows, messages=messages), **others}, "p")
        self.operate = operate or (lambda _call: {})
        self.deadline = deadline or (lambda *_: NOW + DAY)
        self.facts = facts or {}
        self.state = None

    def take(self, command, now=NOW) -> Step:
        step = advance(
            self.definition, self.state, command, self.facts, now, operate=self.operate, deadline=self.deadline
        )
        self.state = step.state
        return step

    def refused(self, command, now=NOW) -> str:
        with pytest.raises(EngineError) as refusal:
            self.take(command, now)
        return refusal.value.code


def ids(tasks) -> list[str]:
    return [task.element.id for task in tasks]


LINE = ["s t", "t e"]
WAIT = ["s g", "g c", "g w", "c e", "w t", "t g"]


def waiting(**how) -> Instance:
    parts = (start(), gateway("event", "g"), catch("c", "reply"), timer("w", "due_D1"), user("t"), end())
    return Instance(*parts, flows=WAIT, messages="reply", **how)


def line(*nodes, **how) -> Instance:
    return Instance(start(), *nodes, end(), flows=LINE, **how)


# --- tasks -------------------------------------------------------------------------------


def test_a_task_opens_and_closes():
    instance = line(user("t", form="F01", role="police", clause="4.2,9.9", name_en="Do"))
    one = instance.take(Start({"report_id": 7}))
    assert ids(one.opened) == ["t"]
    element = one.open[0].element
    assert (element.form, element.role, element.clauses, element.name.en) == ("F01", "police", ("4.2", "9.9"), "Do")
    two = instance.take(Complete(one.open[0].id))
    assert two.completed
    assert two.ended_at == ("e",)
    assert [(each.element.id, each.how) for each in two.closed] == [("t", "done")]
    assert two.variables == {"report_id": 7}


def test_a_task_is_done_only_once_and_only_when_open():
    instance = Instance(start(), user("t"), user("u"), end(), flows=["s t", "t u", "u e"])
    first = instance.take(Start()).open[0].id
    instance.take(Complete(first))
    assert instance.refused(Complete(first)) == "task.not-open"
    assert instance.refused(Complete(first + 2)) == "task.not-open"
    assert instance.refused(Complete(9999)) == "task.not-open"


def test_only_variables_that_the_diagram_reads_are_kept_and_none_removes():
    instance = Instance(start(), user("t"), user("u"), gateway("xor", "g"), end(), end("e2"),
                        flows=["s t", "t u", "u g", 'g e: seen == "yes" and known(place)', "g e2 *"])  # fmt: skip
    one = instance.take(Start({"place": "x"}))
    two = instance.take(Complete(one.open[0].id, {"seen": "yes", "narrative": "never kept"}))
    assert two.variables == {"place": "x", "seen": "yes"}
    three = instance.take(Complete(two.open[0].id, {"place": None}))
    assert three.ended_at == ("e2",)
    assert three.variables == {"seen": "yes"}


def test_what_payloads_name_is_kept():
    instance = Instance(
        start(), user("t"), throw("m", "told", "a,b"), end(), flows=["s t", "t m", "m e"], messages="told"
    )
    step = instance.take(Complete(instance.take(Start()).open[0].id, {"a": 1, "c": 2}))
    assert [(each.message, each.payload, dict(each.variables)) for each in step.thrown] == [
        ("told", ("a", "b"), {"a": 1})
    ]


def test_a_second_start_and_steps_after_the_end_are_refused():
    instance = line(user("t"))
    one = instance.take(Start())
    assert instance.refused(Start()) == "started"
    instance.take(Complete(one.open[0].id))
    for command in (Complete(one.open[0].id), Deliver("x"), Cancel("x"), Fire("x.1")):
        assert instance.refused(command) == "instance.over"


def test_other_commands_cannot_begin_an_instance():
    for command in (Complete(1), Deliver("x"), Fire("x.1")):
        assert line(user("t")).refused(command) == "not-started"


def test_cancel_ends_everything_open():
    instance = Instance(start(), gateway("and", "a"), user("t"), call("k", "c"), end(),
                        flows=["s a", "a t", "a k", "t e", "k e"],
                        c=draw("c", start("cs"), user("u"), end("ce"), flows=["cs u", "u ce"]))  # fmt: skip
    instance.take(Start())
    step = instance.take(Cancel("moved away"))
    assert step.completed
    assert [(each.element.id, each.how) for each in step.closed] == [("t", "cancelled"), ("u", "cancelled")]
    assert (step.open, step.timers, step.awaits, step.ended_at) == ((), (), (), ())


@pytest.mark.parametrize("sequential", [False, True])
def test_each_member_of_a_collection_gets_its_task(sequential):
    instance = line(many("t", "units", sequential))
    step, items = instance.take(Start({"units": ["a", "b", "c"]})), []
    assert len(step.open) == (1 if sequential else 3)
    while not step.completed:
        items.append(step.open[0].item)
        step = instance.take(Complete(step.open[0].id))
    assert items == ["a", "b", "c"]
    assert step.counts["p.t"] == 1


def test_tasks_of_an_interrupted_collection_are_cancelled_in_the_log_too():
    instance = Instance(
        start(),
        many("t", "units"),
        boundary("b", "t", message_event("stop")),
        end(),
        end("e2"),
        flows=[*LINE, "b e2"],
        messages="stop",
    )
    opened = instance.take(Start({"units": ["a", "b"]})).opened
    step = instance.take(Deliver("stop"))
    assert [(each.id, each.how) for each in step.closed] == [(each.id, "cancelled") for each in opened]
    ended = {each[0] for each in step.transitions if each[4] == "CANCELLED"}
    assert {each.id for each in opened} <= ended


def test_an_empty_collection_needs_nobody_and_a_missing_one_is_refused():
    assert line(many("t", "units")).take(Start({"units": []})).completed
    assert line(many("t", "units")).refused(Start()) == "collection"
    assert line(many("t", "units")).refused(Start({"units": "abc"})) == "collection"


# --- conditions --------------------------------------------------------------------------


def choose(**known) -> Step:
    instance = Instance(start(), gateway("xor", "g"), end("e1"), end("e2"), end("e3"),
                        flows=["s g", 'g e1: kind == "a"', "g e2: urgent", "g e3 *"])  # fmt: skip
    return instance.take(Start(known))


def test_branches_are_tried_in_the_order_of_the_file():
    assert choose(kind="a", urgent=True).ended_at == ("e1",)
    assert choose(kind="b", urgent=True).ended_at == ("e2",)
    assert choose(kind="b", urgent=False).ended_at == ("e3",)


def test_a_condition_over_something_unknown_names_its_place():
    with pytest.raises(EngineError) as refusal:
        choose(kind="b")
    assert refusal.value.code == "condition"
    assert refusal.value.ids == {"process": "p", "element": "g"}


# --- operations --------------------------------------------------------------------------


def test_operations_are_called_as_reached_with_the_variables_so_far():
    calls = []

    def operate(call):
        calls.append((call.operation, call.element.id, dict(call.variables)))
        return {"x": len(calls), "gone": None, "units": ["a"]}

    instance = Instance(start(), service("o1", "first"), service("o2", "second"), user("t"), end(),
                        flows=["s o1", "o1 o2", "o2 t", "t e"], operate=operate)  # fmt: skip
    step = instance.take(Start({"gone": 1}))
    assert calls == [("first", "o1", {"gone": 1}), ("second", "o2", {"x": 1, "units": ("a",)})]
    assert step.variables == {"x": 2, "units": ("a",)}


def test_an_operation_that_fails_fails_the_step_with_its_own_error():
    instance = line(service("t"), operate=lambda _: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        instance.take(Start())


def test_an_operation_cannot_return_what_is_not_flat():
    assert line(service("t"), operate=lambda _: {"x": {"y": 1}}).refused(Start()) == "variable.value"


def test_a_loop_that_never_waits_is_cut_off(monkeypatch):
    monkeypatch.setattr(runtime, "MAX_COMPLETIONS", 50)
    instance = Instance(start(), gateway("xor", "g"), timer("t", "at"), end(),
                        flows=["s g", 'g t: again == "yes"', "g e *", "t g"])  # fmt: skip
    assert instance.refused(Start({"again": "yes", "at": NOW.isoformat()})) == "endless"


# --- timers ------------------------------------------------------------------------------


def test_a_timer_due_exactly_now_fires():
    """The library's own would not: it asks whether due < now."""
    instance = waiting()
    timer_ = instance.take(Start()).timers[0]
    assert (timer_.due_at, timer_.element.id) == (NOW + DAY, "w")
    step = instance.take(Fire(timer_.key), timer_.due_at)
    assert step.fired == (timer_.key,)
    assert ids(step.open) == ["t"]
    assert step.timers == ()


def test_a_timer_fires_though_the_clock_is_behind_it():
    instance = waiting()
    step = instance.take(Fire(instance.take(Start()).timers[0].key), NOW - DAY)
    assert ids(step.open) == ["t"]


def test_due_timers_fire_before_the_command():
    instance = waiting()
    instance.take(Start())
    step = instance.take(Deliver("reply"), NOW + DAY)
    assert not step.caught
    assert ids(step.open) == ["t"]


def test_due_timers_fire_one_by_one_in_order():
    dates = {"D1": NOW + 2 * DAY, "D2": NOW + DAY}
    instance = Instance(start(), user("t"), boundary("b1", "t", timer_event("due_D1")),
                        boundary("b2", "t", timer_event("due_D2")), end(), end("e1"), end("e2"),
                        flows=[*LINE, "b1 e1", "b2 e2"], deadline=lambda name, *_: dates[name])  # fmt: skip
    one = instance.take(Start())
    keys = {each.element.id: each.key for each in one.timers}
    step = instance.take(Fire(keys["b1"]), NOW + 9 * DAY)
    assert step.completed
    assert step.ended_at == ("e2",)
    assert step.fired == (keys["b2"],)
    assert [(each.element.id, each.how) for each in step.closed] == [("t", "cancelled")]


def test_deadlines_are_asked_on_arrival_with_facts_and_round():
    asked = []

    def deadline(name, element, facts):
        asked.append((name, element.id, dict(facts)))
        return NOW + len(asked) * DAY

    instance = waiting(deadline=deadline, facts={"risk": "high"})
    step = instance.take(Start({"report_id": 7}))
    for _ in range(2):
        step = instance.take(Fire(step.timers[0].key))
        step = instance.take(Complete(step.open[0].id))
    assert [each[2]["round"] for each in asked] == [1, 2, 3]
    assert asked[0] == ("D1", "w", {"report_id": 7, "risk": "high", "round": 1})
    assert step.counts["p.w"] == 3
    assert step.counts["p.t"] == 2


def test_an_armed_timer_keeps_its_date():
    dates = iter([NOW + DAY])
    instance = waiting(deadline=lambda *_: next(dates))
    before = instance.take(Start()).timers
    assert instance.take(Deliver("nobody")).timers == before


def test_a_plain_timer_reads_its_variable():
    at = "2026-04-01T09:00:00+08:00"
    step = line(timer("t", "at")).take(Start({"at": at}))
    assert step.timers[0].due_at == datetime(2026, 4, 1, 1, 0, tzinfo=UTC)


def test_a_timer_with_a_day_fires_at_its_beginning():
    (timer_,) = line(timer("t", "at")).take(Start({"at": "2026-04-01"})).timers
    assert timer_.due_at == datetime(2026, 3, 31, 16, tzinfo=UTC)


@pytest.mark.parametrize("at", [None, "soon", "2026-04-01T09:00:00", 7])
def test_a_timer_without_a_date_is_refused_by_name(at):
    instance = line(timer("t", "at"))
    with pytest.raises(EngineError) as refusal:
        instance.take(Start({"at": at}))
    assert refusal.value.code == "timer.no-date"
    assert refusal.value.ids == {"process": "p", "element": "t"}
    assert line(timer("t", "due_D1"), deadline=lambda *_: None).refused(Start()) == "timer.no-date"


def test_a_timer_that_is_past_on_arrival_fires_in_the_same_step():
    assert line(timer("t", "due_D1"), deadline=lambda *_: NOW - DAY).take(Start()).completed


def test_unknown_timers_are_refused():
    instance = waiting()
    instance.take(Start())
    assert instance.refused(Fire("w.999")) == "timer.unknown"


# --- messages ----------------------------------------------------------------------------


def test_a_message_reaches_the_event_gateway_and_brings_its_variables():
    instance = waiting()
    one = instance.take(Start({"a": 1, "b": 2}))
    assert [(each.message, each.element.id) for each in one.awaits] == [("reply", "c")]
    two = instance.take(Deliver("reply", {"document_id": 5, "b": None}))
    assert two.caught
    assert two.completed
    assert two.variables == {"a": 1, "document_id": 5}


def test_a_message_that_nobody_awaits_changes_nothing():
    instance = waiting()
    before = instance.take(Start())
    step = instance.take(Deliver("other", {"x": 1}))
    assert not step.caught
    assert step.transitions == ()
    assert (step.open, step.timers, step.awaits, step.variables) == (
        before.open, before.timers, before.awaits, before.variables)  # fmt: skip


def test_an_interrupting_message_closes_the_task():
    instance = Instance(start(), user("t"), boundary("b", "t", message_event("stop")), user("u"), end(),
                        flows=["s t", "t e", "b u", "u e"], messages="stop")  # fmt: skip
    instance.take(Start())
    step = instance.take(Deliver("stop"))
    assert [(each.element.id, each.how) for each in step.closed] == [("t", "cancelled")]
    assert ids(step.opened) == ["u"]


def test_a_throw_is_never_swallowed_by_the_instance_that_waits_for_it():
    instance = Instance(start(), gateway("and", "a"), catch("c", "news"), throw("m", "news"), end(),
                        flows=["s a", "a c", "a m", "c e", "m e"], messages="news")  # fmt: skip
    step = instance.take(Start())
    assert [each.message for each in step.thrown] == ["news"]
    assert [each.message for each in step.awaits] == ["news"]


def test_an_end_may_throw_and_a_start_waits_for_nothing():
    instance = Instance(node("startEvent", "s", message_event("begin")), user("t"),
                        node("endEvent", "e", message_event("done"), payload="x"), flows=LINE, messages="begin done")  # fmt: skip
    one = instance.take(Start({"x": 1}))
    assert one.awaits == ()
    two = instance.take(Complete(one.open[0].id))
    assert [(each.message, each.element.id) for each in two.thrown] == [("done", "e")]


def test_a_receive_task_and_a_send_task():
    nodes = [
        start(),
        node("sendTask", "m", attributes='messageRef="m_ask"'),
        node("receiveTask", "t", attributes='messageRef="m_reply"'),
        end(),
    ]
    instance = Instance(*nodes, flows=["s m", "m t", "t e"], messages="ask reply")
    assert [each.message for each in instance.take(Start()).thrown] == ["ask"]
    assert instance.take(Deliver("reply")).completed


# --- calls and sub-processes -------------------------------------------------------------

CHILD = draw("c", start("cs"), user("u"), end("ce"), flows=["cs u", "u ce"])


def test_a_called_process_runs_within_the_instance():
    instance = Instance(start(), call("t", "c"), user("v"), end(), flows=["s t", "t v", "v e"], c=CHILD)
    assert instance.definition.processes == ("p", "c")
    one = instance.take(Start({"x": 1}))
    assert [(each.process, each.element.id) for each in one.open] == [("c", "u")]
    two = instance.take(Complete(one.open[0].id))
    assert ids(two.open) == ["v"]
    assert two.variables == {"x": 1}
    assert two.ended_at == ()


def test_elements_of_a_sub_process_belong_to_their_process():
    inner = sub("x", start("xs"), user("u"), end("xe"), flows=["xs u", "u xe"])
    instance = Instance(start(), inner, end(), flows=["s x", "x e"])
    one = instance.take(Start())
    assert [(each.process, each.element.id) for each in one.open] == [("p", "u")]
    assert instance.take(Complete(one.open[0].id)).ended_at == ("e",)


def test_calls_must_be_known_and_must_not_go_in_circles():
    xml = draw("p", start(), call("t", "c"), end(), flows=LINE)
    back = draw("c", start("cs"), call("u", "p"), end("ce"), flows=["cs u", "u ce"])
    for sources, code in (({"p": xml}, "call.unknown"), ({"p": xml, "c": back}, "call.circle")):
        with pytest.raises(DiagramError) as refusal:
            parse(sources, "p")
        assert refusal.value.code == code


def test_called_files_share_no_ids_of_scopes():
    inner = sub("x", start("a1"), end("a2"), flows=["a1 a2"])
    sources = {
        "p": draw("p", start(), inner, call("t", "c"), end(), flows=["s x", "x t", "t e"]),
        "c": draw("c", start("cs"), inner, end("ce"), flows=["cs x", "x ce"]),
    }
    with pytest.raises(DiagramError) as refusal:
        parse(sources, "p")
    assert refusal.value.code == "id.repeated"


def test_the_hash_covers_what_is_called():
    xml = draw("p", start(), call("t", "c"), end(), flows=LINE)
    one = parse({"p": xml, "c": CHILD}, "p")
    other = parse({"p": xml, "c": CHILD.replace(b'name="u"', b'name="U"')}, "p")
    assert one.hash != other.hash
    assert one is parse({"p": xml, "c": CHILD}, "p")
    assert one.xml("c") == CHILD
    assert one.element("c", "u").name.zh == "u"


# --- looking ahead, and being stuck ------------------------------------------------------


def ahead(instance: Instance, command) -> Step:
    return dry_run(instance.definition, instance.state, command, {}, NOW, instance.deadline)


def test_a_dry_run_stops_where_an_operation_decides():
    never = lambda _call: pytest.fail("a dry run calls nothing")  # noqa: E731
    instance = Instance(start(), user("t"), service("o1", "note.it"), service("o2", "decide.it", sets="x"), user("u"),
                        end(), flows=["s t", "t o1", "o1 o2", "o2 u", "u e"], operate=never)  # fmt: skip
    one = instance.take(Start())
    step = ahead(instance, Complete(one.open[0].id))
    assert [call.operation for call in step.undecided] == ["decide.it"]
    assert step.state == b""
    assert step.open == ()
    assert not stuck(step)
    assert ahead(instance, Complete(one.open[0].id)) == step


def test_a_dry_run_agrees_with_the_step():
    instance = Instance(
        start(),
        user("t"),
        gateway("xor", "g"),
        user("u"),
        timer("w", "due_D1"),
        end(),
        flows=["s t", "t g", "g u: ok", "g w *", "u e", "w e"],
    )
    task = instance.take(Start()).open[0].id
    looked = {ok: ahead(instance, Complete(task, {"ok": ok})) for ok in (True, False)}
    assert [each.element.id for each in looked[False].timers] == ["w"]
    taken = instance.take(Complete(task, {"ok": True}))
    assert (taken.open, taken.transitions, taken.counts) == (
        looked[True].open,
        looked[True].transitions,
        looked[True].counts,
    )


def test_stuck_is_open_without_anything_to_come():
    instance = waiting()
    assert not stuck(instance.take(Start()))
    step = instance.take(Deliver("reply"))
    assert not stuck(step)
    lost = Step(b"", (), (), (), (), (), (), (), {}, completed=False, ended_at=(), variables={})
    assert stuck(lost)


def test_times_need_a_zone():
    assert line(user("t")).refused(Start(), datetime(2026, 1, 1)) == "clock"  # noqa: DTZ001


def test_the_log_shows_what_moved_on_the_diagram_and_nothing_else():
    instance = Instance(start(), user("t"), boundary("b", "t", timer_event("due_D1")), end(), end("e2"),
                        flows=[*LINE, "b e2"])  # fmt: skip
    one = instance.take(Start())
    assert [each[2:] for each in one.transitions if each[2] != "s"] == [
        ("b", "MAYBE", "WAITING"),
        ("t", "FUTURE", "READY"),
    ]
    two = instance.take(Complete(one.open[0].id))
    assert [each[2:] for each in two.transitions] == [
        ("t", "READY", "COMPLETED"),
        ("b", "WAITING", "CANCELLED"),
        ("e", "FUTURE", "READY"),
        ("e", "READY", "COMPLETED"),
    ]
