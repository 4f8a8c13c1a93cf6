"""What report-intake asks the system to do: open cases, pass the report on, tell who must know.

Source: plan 4.2.2, 4.2.3-a,n; A4.9-a,g. One report names one or more children; each child
has one case, made when first needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from app.operations.effects import CaseRef, Effects, Message, NewId, Notice, OpenCase, Row, new_case
from app.operations.needs import ReportChild
from app.operations.registry import Facts, Variables, operation

LOCAL_BODIES = ("township_worker", "county_worker")

CaseId = int | NewId
Links = set[tuple[frozenset[CaseId], str]]


@operation("report.open_urgent_cases", needs=("report_id", "report_children"))
def open_urgent_cases(facts: Facts, _variables: Variables, _now: datetime) -> Effects:
    """Open a provisional case for each child of the report without one, and start the response.

    Danger never waits for matching.
    """
    report_id: int = facts["report_id"]
    waiting = [child for child in facts["report_children"] if child.case_id is None]
    return Effects(
        cases=tuple(_open(report_id, child, provisional=True) for child in waiting),
        rows=tuple(_link(report_id, child, "urgent", _case(child)) for child in waiting),
        messages=tuple(_emergency(report_id, _case(child)) for child in waiting),
    )


@operation("report.open_cases", needs=("report_id", "report_children", "case_links"))
def open_cases(facts: Facts, variables: Variables, _now: datetime) -> Effects:
    """Attach the report to each matched child's case, or open a case; link siblings as one incident.

    A child already opened as urgent keeps its case. If it proved to be a child we know, the two
    cases are linked and the known one hears of the danger.
    """
    report_id: int = facts["report_id"]
    children: tuple[ReportChild, ...] = facts["report_children"]
    links: Links = {(frozenset({one, other}), kind) for one, other, kind in facts["case_links"]}
    danger = bool(variables.get("danger_now"))
    parts = [_settle(report_id, child, danger, links) for child in children]
    siblings = _incident([_settled_case(child) for child in children], links)
    return Effects(
        cases=tuple(case for part in parts for case in part.cases),
        rows=(*(row for part in parts for row in part.rows), *siblings),
        messages=tuple(_once(message for part in parts for message in part.messages)),
    )


@operation("report.transfer", needs=("report_id", "notices_sent"))
def transfer(facts: Facts, _variables: Variables, _now: datetime) -> Effects:
    """Send the report to the police with jurisdiction and ask for a receipt.

    The address stands in F04; the receipt comes back as transfer_receipt.
    """
    if "transfer_letter" in facts["notices_sent"]:
        return Effects()
    letter = Notice("transfer_letter", "police_elsewhere", {"report_id": facts["report_id"]}, receipt=True)
    return Effects(notices=(letter,))


@operation("report.acknowledge_and_notify", needs=("report_id", "report_anonymous", "notices_sent"))
def acknowledge_and_notify(facts: Facts, _variables: Variables, _now: datetime) -> Effects:
    """Give the reporter the number (with the code if anonymous); tell township and civil affairs."""
    receipt = "receipt_with_code" if facts["report_anonymous"] else "receipt"
    wanted = [(receipt, "reporter"), *(("report_accepted", role) for role in LOCAL_BODIES)]
    ids = {"report_id": facts["report_id"]}
    return Effects(notices=tuple(Notice(kind, role, ids) for kind, role in wanted if kind not in facts["notices_sent"]))


@operation("report.draft", needs=("submission_id", "drafted_report_id"), sets=("report_id",))
def draft(facts: Facts, _variables: Variables, _now: datetime) -> Effects:
    """Draft a report from the form just submitted, once for each submission; a person completes it."""
    if facts["drafted_report_id"] is not None:
        return Effects(variables={"report_id": facts["drafted_report_id"]})
    values = {"submission_id": facts["submission_id"], "channel": "visit"}
    return Effects(
        variables={"report_id": NewId("report")},
        cases=(OpenCase("report-case", kind="report"),),
        rows=(Row("report", values, case=new_case("report-case"), key="report"),),
    )


def _settle(report_id: int, child: ReportChild, danger: bool, links: Links) -> Effects:
    """Where one child of the report goes."""
    if child.case_id is not None:
        return _settle_opened(report_id, child, child.case_id, links)
    if child.match == "same" and child.candidate_case_id is not None:
        return _attach(report_id, child, child.candidate_case_id, danger)
    unsure = child.match not in ("same", "different")
    return Effects(
        cases=(_open(report_id, child, provisional=unsure),),
        rows=(_link(report_id, child, "opened", _case(child)),),
        messages=(_emergency(report_id, _case(child)),),
    )


def _settle_opened(report_id: int, child: ReportChild, case_id: int, links: Links) -> Effects:
    """What matching adds for a child whose case this report has opened already."""
    other = child.candidate_case_id
    if child.match == "same" and other is not None and other != case_id:
        rows = tuple(_case_links([(case_id, other)], "same_child", links))
        return Effects(rows=rows, messages=tuple(_re_endangered(report_id, other) for _ in rows))
    if child.match == "different" and child.provisional:
        return Effects(rows=(_link(report_id, child, "confirmed", case_id),))
    return Effects()


def _attach(report_id: int, child: ReportChild, case_id: int, danger: bool) -> Effects:
    """A report about a child we know: those at work there hear of it, and danger gets a response.

    Where nobody is at work, only a response of its own makes anybody look.
    """
    messages = [_re_endangered(report_id, case_id)]
    if danger or not child.candidate_live:
        messages.append(_emergency(report_id, case_id))
    return Effects(rows=(_link(report_id, child, "attached", case_id),), messages=tuple(messages))


def _settled_case(child: ReportChild) -> CaseId:
    """The case the child has once this operation is applied."""
    if child.case_id is not None:
        return child.case_id
    if child.match == "same" and child.candidate_case_id is not None:
        return child.candidate_case_id
    return NewId(_key(child))


def _incident(cases: Iterable[CaseId], links: Links) -> Iterator[Row]:
    """Each further case of the report tied to the first."""
    distinct = list(dict.fromkeys(cases))
    return _case_links([(distinct[0], other) for other in distinct[1:]], "incident", links)


def _case_links(pairs: Iterable[tuple[CaseId, CaseId]], kind: str, links: Links) -> Iterator[Row]:
    for case_id, other in pairs:
        if (frozenset({case_id, other}), kind) not in links:
            yield Row("case_link", {"case_id": case_id, "other_id": other, "kind": kind})


def _once(messages: Iterable[Message]) -> Iterable[Message]:
    """Two children of a report may prove to be one: their case hears of it once."""
    return {(message.name, message.case): message for message in messages}.values()


def _open(report_id: int, child: ReportChild, *, provisional: bool) -> OpenCase:
    return OpenCase(_key(child), report_id=report_id, child_ref=child.ref, provisional=provisional)


def _link(report_id: int, child: ReportChild, kind: str, case: CaseRef) -> Row:
    return Row("report_link", {"report_id": report_id, "child_ref": child.ref, "kind": kind}, case=case)


def _emergency(report_id: int, case: CaseRef) -> Message:
    return Message("emergency_started", {"report_id": report_id}, case)


def _re_endangered(report_id: int, case: CaseRef) -> Message:
    return Message("re_endangered", {"report_id": report_id}, case)


def _key(child: ReportChild) -> str:
    return f"child-{child.ref}"


def _case(child: ReportChild) -> CaseRef:
    return new_case(_key(child))
