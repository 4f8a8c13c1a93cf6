"""What SpiffWorkflow 3.2.0 itself does, as it was when the engine was written: run before an upgrade.

The library is asked in a process of its own, without our patches.
"""

from __future__ import annotations

import subprocess
import sys

import orjson
import pytest

SCRIPT = r"""
import json, logging
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.specs.event_definitions.timer import TimerEventDefinition, TimeDateEventDefinition
from SpiffWorkflow.bpmn.util.task import BpmnTaskIterator
from SpiffWorkflow.spiff.parser import SpiffBpmnParser
from SpiffWorkflow.util.deep_merge import DeepMerge
from SpiffWorkflow.util.task import TaskIterator, TaskState

HEAD = ('<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" id="d" targetNamespace="t">')

def flows(text):
    lines = ""
    for n, flow in enumerate(text.split(";")):
        ends, _, condition = flow.partition("?")
        a, b = ends.split()
        inner = "<bpmn:conditionExpression>%s</bpmn:conditionExpression>" % condition if condition else ""
        lines += '<bpmn:sequenceFlow id="f%d" sourceRef="%s" targetRef="%s">%s</bpmn:sequenceFlow>' % (n, a, b, inner)
    return lines

def workflow(nodes, arrows, more=""):
    xml = HEAD + '<bpmn:process id="p" isExecutable="true"><bpmn:startEvent id="s"/>%s%s</bpmn:process>%s</bpmn:definitions>'
    parser = SpiffBpmnParser()
    parser.add_bpmn_str((xml % (nodes, arrows if arrows.startswith("<") else flows(arrows), more)).encode())
    wf = BpmnWorkflow(parser.get_spec("p"), parser.get_subprocess_specs("p"))
    wf.do_engine_steps()
    return wf

def ready(wf):
    return sorted(t.task_spec.name for t in wf.get_tasks(state=TaskState.READY))

out = {"version": version("SpiffWorkflow")}
out["iterator defaults"] = [list(TaskIterator.__init__.__defaults__), list(BpmnTaskIterator.__init__.__defaults__)]
start = datetime(2026, 8, 31, tzinfo=timezone.utc)
months = TimerEventDefinition.get_timedelta_from_start({"months": 6}, start)
out["P6M from 31 August"] = (start + months).date().isoformat()

wf = workflow('<bpmn:userTask id="t"/><bpmn:endEvent id="e"/>',
              flows("s t") + '<bpmn:sequenceFlow sourceRef="t" targetRef="e"/>')
out["a flow without an id drops its target"] = sorted(name for name in wf.spec.task_specs if name in ("t", "e"))

wf = workflow('<bpmn:userTask id="t"/><bpmn:userTask id="u"/><bpmn:endEvent id="e"/>', "s t;t e;u e")
out["an unreachable node is dropped"] = "u" not in wf.spec.task_specs

wf = workflow('<bpmn:receiveTask id="r"/><bpmn:userTask id="t"/><bpmn:endEvent id="e"/>', "s r;r t;t e")
out["a receive task without a message passes"] = ready(wf)

wf = workflow('<bpmn:userTask id="t"/><bpmn:userTask id="u"/><bpmn:endEvent id="e"/>', "s t;t u?False;u e")
wf.get_next_task(state=TaskState.READY).run(); wf.do_engine_steps()
out["a condition on a task's flow is ignored"] = ready(wf)

wf = workflow('<bpmn:exclusiveGateway id="g" default="f2"/><bpmn:userTask id="t"/><bpmn:userTask id="u"/>',
              "s g;g t?__import__(\"os\").getpid() > 0;g u")
out["a condition runs any code"] = ready(wf)

wf = workflow('<bpmn:userTask id="t"/>', "s t")
wf.get_next_task(state=TaskState.READY).run(); wf.do_engine_steps()
out["without an end it is never complete"] = [wf.completed, ready(wf)]

signal = '<bpmn:endEvent id="e"><bpmn:signalEventDefinition signalRef="x"/></bpmn:endEvent>'
wf = workflow(signal, "s e", '<bpmn:signal id="x" name="x"/>')
out["a signal end throws nothing"] = [type(wf.spec.task_specs["e"].event_definition).__name__, len(wf.get_events())]

merged = {"x": ["a"]}
DeepMerge.merge(merged, {"x": ["b", "b", "c"]})
out["lists merge by place"] = merged["x"]
merged = {"x": "changed"}
DeepMerge.merge(merged, {"x": "as it was"})
out["the last branch undoes a change"] = merged["x"]

import SpiffWorkflow.bpmn.specs.event_definitions.timer as timer
now = datetime(2026, 1, 1, tzinfo=timezone.utc)
class Fixed(datetime):
    @classmethod
    def now(cls, tz=None): return cls.fromisoformat("2026-01-01T00:00:00+00:00")
timer.datetime = Fixed
wait = ('<bpmn:intermediateCatchEvent id="w"><bpmn:timerEventDefinition><bpmn:timeDate>"2026-01-01T00:00:00+00:00"'
        '</bpmn:timeDate></bpmn:timerEventDefinition></bpmn:intermediateCatchEvent><bpmn:userTask id="t"/>')
wf = workflow(wait, "s w;w t")
out["a timer due exactly now does not fire"] = ready(wf)

message = '<bpmn:message id="m" name="m"/>'
fork = ('<bpmn:parallelGateway id="g"/><bpmn:userTask id="t"/>'
        '<bpmn:intermediateThrowEvent id="x"><bpmn:messageEventDefinition messageRef="m"/></bpmn:intermediateThrowEvent>'
        '<bpmn:intermediateCatchEvent id="c"><bpmn:messageEventDefinition messageRef="m"/></bpmn:intermediateCatchEvent>'
        '<bpmn:endEvent id="e"/>')
wf = workflow(fork, "s g;g c;g x;x e;c t;t e", message)
out["a throw is swallowed by its own instance"] = [ready(wf), len(wf.get_events())]

loop = '<bpmn:exclusiveGateway id="g" default="f3"/><bpmn:userTask id="t"/><bpmn:endEvent id="e"/>'
wf = workflow(loop, "s g;g e?False;t g;g t")
rounds = 0
while (task := wf.get_next_task(state=TaskState.READY)) is not None and rounds < 600:
    task.run(); wf.do_engine_steps(); rounds += 1
out["a loop ends in silence"] = [rounds < 600, wf.completed]
print(json.dumps(out))
"""

EXPECTED = {
    "version": "3.2.0",
    "iterator defaults": [[None, 1000, True, None], [None, 1000, True, False, None]],
    "P6M from 31 August": "2027-03-03",
    "a flow without an id drops its target": ["t"],
    "an unreachable node is dropped": True,
    "a receive task without a message passes": ["t"],
    "a condition on a task's flow is ignored": ["u"],
    "a condition runs any code": ["t"],
    "without an end it is never complete": [False, []],
    "a signal end throws nothing": ["NoneEventDefinition", 0],
    "lists merge by place": ["a", "b", "c"],
    "the last branch undoes a change": "as it was",
    "a timer due exactly now does not fire": [],
    "a throw is swallowed by its own instance": [["t"], 0],
    "a loop ends in silence": [True, False],
}


@pytest.fixture(scope="module")
def said() -> dict:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, check=True, timeout=60)
    return orjson.loads(done.stdout)


@pytest.mark.parametrize("quirk", EXPECTED)
def test_quirk(quirk, said):
    assert said[quirk] == EXPECTED[quirk]
