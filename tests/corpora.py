"""Diagrams that other tools drew, the verdict on each, and the paper that counts them: `python -m tests.corpora`."""

from __future__ import annotations

import tarfile
from collections import Counter
from functools import cache
from pathlib import Path

from app.engine import Catalog, Examined, examine
from app.engine.linting import RULES

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT.parent / "shared" / "corpora"
PAPER = ROOT / "docs" / "verdicts.md"
ARCHIVES = {
    "miwg": "BPMN Model Interchange Working Group, reference diagrams",
    "bpmnlint": "bpmnlint's own fixtures, valid and invalid",
    "camunda7-platform": "half of the test diagrams of Camunda 7",
}
KNOWN = Catalog()
"""Nothing is known: the counts do not change with our own release."""

HEAD = """# Verdicts: what becomes of any BPMN file

    flask --app app verdict FILE…          # one word a file, and why
    flask --app app verdict FILE… --json

Every file ends as one of three. 每份文件只有三种结果：

| | | |
|---|---|---|
| runnable | 可运行 | the engine has loaded every executable process in it |
| drawing | 图示 | it opens and can be viewed; said of each element is what is missing for it to run |
| refused | 不收 | it cannot be read, is unsafe, or contradicts itself; a diagram of our own is refused for any error |

A file is read in a process of its own: 1 GB of memory, 10 s of processor time, no entities, no network, no files, no
secrets. Nothing is dropped: what another tool wrote stays in the file; what is changed is said, element by element.

## What is carried over, and what is only kept
| Another tool says | Here |
|---|---|
| assignee, candidateGroups, candidateUsers, zeebe:assignmentDefinition, potentialOwner, performer | `role` if the release has that role, else `role_hint` |
| formKey, formRef, zeebe:formDefinition | `form` if the release has that form, else `form_hint` |
| topic, zeebe:taskDefinition type | `operation` if registered, else `operation_hint` |
| dueDate | `deadline` if registered, else `deadline_hint` |
| JUEL `${…}`, `#{…}` and FEEL `=…` in conditions | the closed language, where it can say the same; else `condition.foreign` |
| `${name}` as a date or a collection, zeebe:loopCharacteristics, zeebe:calledElement | the plain name |
| a period such as PT24H | kept, not run: a deadline is chosen by a person, because only a deadline knows the legal calendar |
| classes, expressions, scripts, listeners, mappings, retries, versions | kept, not run; each is named |

A flow, node, lane or pool without an id gets one that stays the same. A file without a layout, or with a part of one,
is laid out: lanes kept; above 60 elements or 80 flows on a plain grid. A lone missing line is drawn straight.
"""


@cache
def files() -> dict[str, bytes]:
    """Every file of the corpora: archive/path → content."""
    found = {}
    for archive in sorted(FOLDER.glob("*.tar.gz")):
        with tarfile.open(archive) as packed:
            for member in packed:
                content = packed.extractfile(member) if member.isfile() else None
                if content:
                    found[member.name] = content.read()
    return found


@cache
def judged() -> dict[str, Examined]:
    """The verdict on each, mended but not laid out."""
    return {name: examine(content, KNOWN) for name, content in files().items()}


def paper() -> str:
    """docs/verdicts.md as it should read."""
    return "\n".join([HEAD, *_verdicts(), "", *_reasons(), "", *_agreement()]) + "\n"


def _verdicts() -> list[str]:
    rows = ["## Counted", "| Files | of | runnable | drawing | refused |", "|---|---|---|---|---|"]
    counts = Counter((name.split("/")[0], found.verdict) for name, found in judged().items())
    for archive, title in ARCHIVES.items():
        each = [counts[archive, verdict] for verdict in ("runnable", "drawing", "refused")]
        rows.append(f"| {sum(each)} | {title} | {' | '.join(map(str, each))} |")
    totals = Counter(found.verdict for found in judged().values())
    rows.append(f"| {len(judged())} | all | {totals['runnable']} | {totals['drawing']} | {totals['refused']} |")
    return rows


def _reasons() -> list[str]:
    """By rule in how many files it is met; rules that no file meets are not listed."""
    met: Counter[tuple[str, str]] = Counter()
    for found in judged().values():
        met.update({(problem.rule, found.verdict) for problem in (*found.problems, *found.changes)})
    rows = ["## Reasons", "| Rule | 说什么 | Says | runnable | drawing | refused |", "|---|---|---|---|---|---|"]
    rules = sorted(RULES, key=lambda rule: -sum(met[rule, verdict] for verdict in ("runnable", "drawing", "refused")))
    for rule in rules:
        each = [met[rule, verdict] for verdict in ("runnable", "drawing", "refused")]
        if sum(each):
            said = RULES[rule].message
            rows.append(f"| `{rule}` | {said.zh} | {said.en} | {' | '.join(str(count or '') for count in each)} |")
    return rows


# --- bpmnlint ----------------------------------------------------------------------------

SAME_RULE: dict[str, tuple[str, ...]] = {
    "conditional-flows": ("gateway.no-condition", "gateway.no-default", "flow.condition-on-task"),
    "end-event-required": ("end.missing",),
    "event-based-gateway": ("event-gateway.one", "flow.condition-on-task"),
    "no-bpmndi": ("layout.made", "layout.remade", "layout.line", "flow.dangling"),
    "no-complex-gateway": ("gateway.complex",),
    "no-duplicate-sequence-flows": ("flow.twice",),
    "no-gateway-join-fork": ("gateway.split-and-join",),
    "no-implicit-end": ("node.dead-end",),
    "no-implicit-split": ("task.several-flows", "start.several-flows"),
    "no-implicit-start": ("node.unreachable",),
    "single-blank-start-event": ("start.several",),
    "single-event-definition": ("event.multiple",),
    "start-event-required": ("start.missing",),
    "sub-process-blank-start-event": ("start.in-subprocess",),
}
"""bpmnlint's rules that we have, by the ids of ours."""
DIFFERENT = {
    "no-gateway-join-fork/invalid.bpmn": "an exclusive gateway may join and split: no token goes wrong",
    "no-implicit-split/valid-default-conditional-flow.bpmn": "conditions on flows that leave a task are not run here",
    "single-blank-start-event/valid-typed.bpmn": "one start only: each other entry is a process of its own",
    "single-blank-start-event/valid-typed-sub-process.bpmn": "one start only: each other entry is a process of its own",
    "no-bpmndi/invalid-group.bpmn": "a group is never drawn anew: it frames by hand",
    "sub-process-blank-start-event/invalid-ad-hoc.bpmn": "an ad-hoc sub-process is refused as a whole",
}
"""Pairs where we decide otherwise on purpose, and why."""


def agreement() -> dict[str, tuple[bool, bool]]:
    """By fixture of a rule that we have too: what bpmnlint says is wrong, and what we say."""
    found = {}
    for name, content in files().items():
        parts = name.split("/")
        if parts[:3] == ["bpmnlint", "test", "rules"] and parts[3] in SAME_RULE:
            ours = examine(content, KNOWN, arranged=True)
            rules = {problem.rule for problem in (*ours.problems, *ours.changes)}
            found["/".join(parts[3:])] = parts[-1].startswith("invalid"), bool(rules & {*SAME_RULE[parts[3]]})
    return found


def _agreement() -> list[str]:
    pairs = agreement()
    rows = ["## bpmnlint", "", "Its fixtures for the rules that we have too:", ""]
    rows += ["| bpmnlint | ours | agree | of |", "|---|---|---|---|"]
    for rule, ours in SAME_RULE.items():
        of_rule = [theirs == mine for name, (theirs, mine) in pairs.items() if name.startswith(f"{rule}/")]
        said = ", ".join(f"`{each}`" for each in ours)
        rows.append(f"| {rule} | {said} | {sum(of_rule)} | {len(of_rule)} |")
    rows += ["", "Decided otherwise on purpose:", ""]
    return rows + [f"- {name}: {why}" for name, why in DIFFERENT.items()]


if __name__ == "__main__":
    PAPER.write_text(paper(), encoding="utf-8")
