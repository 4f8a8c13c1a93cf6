"""A case's events in sentences, from the record and the answers that are open (S0, S1); nothing sealed is opened.

The case page tells what mattered (story.py); the replay tells every event (`told`). Source: UI.md
"Case home", "Replay"; USERS complaint 4.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import engine
from app.clock import LAW_ZONE
from app.db import Row, table
from app.models import Case, Unit, User
from app.rules.forms import Form
from app.services import releases
from app.services.children import case_number
from app.services.history._walk import LIVE
from app.services.library import Library, library
from app.text import Text

USER = table(User)
SHOWN_ANSWERS = 3
NOTHING = Text("", "")
OPENED = {
    "child": Text("为这个孩子立了个案。", "A case was opened for this child."),
    "report": Text("收到一份报告。", "A report came in."),
}
PLAIN = {
    "case_closed": Text("这件事办结了：流程都走完了。", "The case was closed: everything in it has ended."),
    "case_reopened": Text("又有事要办，重新打开了。", "Something began again, and the case was reopened."),
    "facts_added": Text("报告人补充了情况。", "The reporter added to the report."),
    "new_danger": Text(
        "孩子有新危险，马上应急处置。", "The child is in new danger; an emergency response begins at once."
    ),
}
"""Events that say all with their kind."""
CAME = {
    "start": Text("启动“{name}”", "“{name}” began"),
    "complete": Text("“{name}”往下走", "“{name}” moved on"),
    "deliver": Text("“{name}”等到了消息", "“{name}” got the word it waited for"),
    "fire": Text("“{name}”等到了时间", "“{name}” came to its time"),
    "cancel": Text("“{name}”停止", "“{name}” was called off"),
}
OPENED_FOR = {
    "task": Text("查看了办这件事要用的封存内容", "read sealed content that their task needs"),
    "reason": Text("说明理由，查看了封存内容", "gave a reason and read sealed content"),
    "glass": Text("紧急打开了全部封存内容", "broke the glass on all sealed content"),
}
RESUMED = {
    "person": Text("主管让它接着走", "a supervisor says so"),
    "date": Text("暂停的日子到了", "its day has come"),
    "moved": Text("有人办了事，或者等的事来了", "somebody did a task, or what it waited for came"),
    "danger": Text(
        "孩子有危险，或六个月时钟有了提醒", "the child is in danger, or the six-month clock raised an alert"
    ),
}
VERDICTS = {
    "proper": Text("复核了紧急查看：妥当", "reviewed a broken glass: it was right"),
    "improper": Text("复核了紧急查看：不妥当", "reviewed a broken glass: it was not right"),
}
HANDED_OUT = {
    "docx": Text("下载了 Word 稿", "downloaded the Word file of"),
    "pdf": Text("下载了 PDF", "downloaded the PDF of"),
    "picture": Text("看了", "looked at"),
}
Told = tuple[Text, Text]
"""A sentence, and where it comes from."""


def names_of(session: Session, user_ids: Collection[int | None]) -> dict[int, str]:
    """The names of people, by id."""
    wanted = set(user_ids) - {None}
    return {row.id: row.name for row in session.execute(select(USER.c.id, USER.c.name).where(USER.c.id.in_(wanted)))}


def whom(data: Mapping[str, Any]) -> int | None:
    """For whom the actor of an event stood in, while they were away."""
    absent: int | None = data.get("for")
    return absent


def joined(names: Collection[Text]) -> Text:
    """Names in a row, each in quotation marks."""
    return Text("、".join(f"“{name.zh}”" for name in names), ", ".join(f"“{name.en}”" for name in names))


class Telling:
    """Tells events of a case; `sent` are the submissions that they are about, `names` people by their id."""

    def __init__(
        self, session: Session, instances: Mapping[int, Row], sent: Collection[Row], names: Mapping[int, str]
    ) -> None:
        self.session, self.instances, self.names = session, instances, names
        self.records = {row["id"]: row for row in sent}
        self.sent = {row["task_id"]: row for row in sent if row["task_id"] and not row["origin_id"]}

    def books(self, instance_id: int) -> Library:
        """The release of an instance."""
        return library(self.session, self.instances[instance_id]["release_id"])

    def element(self, event: Row, data: Mapping[str, Any]) -> engine.Element | None:
        """The element that an event of a task is about."""
        if "element" not in data or event["instance_id"] not in self.instances:
            return None
        return self.books(event["instance_id"]).definition(data["process"]).element(data["process"], data["element"])

    def by(self, event: Row, data: Mapping[str, Any]) -> Text:
        """Who did it, and for whom, if they stood in for somebody away."""
        name, absent = self.names.get(event["actor_id"], ""), self.names.get(whom(data) or 0, "")
        return Text(f"{name}（代{absent}）", f"{name} (for {absent})") if absent else Text(name, name)

    def told(self, event: Row, data: Mapping[str, Any]) -> Told:
        """The event in a sentence, whatever it is."""
        tell = getattr(self, f"_tell_{event['kind']}", None)
        found: Told | None = tell(event, data) if tell else None
        return found or (
            PLAIN.get(event["kind"], Text(f"记录了一件事（{event['kind']}）。", f"Recorded: {event['kind']}.")),
            NOTHING,
        )

    def _tell_case_opened(self, _event: Row, data: Mapping[str, Any]) -> Told:
        return OPENED.get(data["kind"], Text("立了一个事项。", "A case was opened.")), NOTHING

    def _tell_task_opened(self, event: Row, data: Mapping[str, Any]) -> Told | None:
        element = self.element(event, data)
        if element is None:
            return None
        books = self.books(event["instance_id"])
        role, name = books.role_name(data["role"]), element.name
        return Text(f"请{role.zh}办“{name.zh}”。", f"{role.en} was asked to do “{name.en}”."), books.process_name(
            data["process"]
        )

    def _tell_task_done(self, event: Row, data: Mapping[str, Any]) -> Told | None:
        element = self.element(event, data)
        if element is None:
            return None
        books = self.books(event["instance_id"])
        said = self._answers(event["task_id"], books, element)
        by = self.by(event, data)
        zh = f"{by.zh}办完“{element.name.zh}”"
        en = f"{by.en} did “{element.name.en}”" if by.en else f"“{element.name.en}” was done"
        text = Text(f"{zh}：{said.zh}。" if said.zh else f"{zh}。", f"{en}: {said.en}." if said.en else f"{en}.")
        return text, books.form(element.form or "").name

    def _answers(self, task_id: int, books: Library, element: engine.Element) -> Text:
        row = self.sent.get(task_id)
        return _said(books.form(element.form or ""), row["answers"]) if row else NOTHING

    def _tell_corrected(self, event: Row, data: Mapping[str, Any]) -> Told | None:
        """What was changed, before and after, as far as it is open; of the rest only how much."""
        element = self.element(event, data)
        if element is None:
            return None
        form = self.books(event["instance_id"]).form(element.form or "")
        rows = (self.records.get(data[which]) for which in ("supersedes", "submission"))
        before, after = (
            _said(form, {name: row["answers"].get(name) for name in data["fields"]} if row else {}) for row in rows
        )
        by, name = self.names.get(event["actor_id"], ""), element.name
        zh, en = f"{by}更正了“{name.zh}”", f"{by} corrected “{name.en}”"
        if before.zh or after.zh:
            zh += f"：{after.zh or '没有填'}（原来：{before.zh or '没有填'}）"
            en += f": {after.en or 'left open'} (before: {before.en or 'left open'})"
        elif data["fields"]:
            many = len(data["fields"])
            zh, en = f"{zh}，改了{many}处", f"{en}: {many} answer{'s' if many > 1 else ''} changed"
        else:
            zh, en = f"{zh}发生的时间", f"{by} corrected when “{name.en}” happened"
        return Text(f"{zh}。", f"{en}."), form.name

    def _tell_paper_issued(self, event: Row, data: Mapping[str, Any]) -> Told:
        by, name = self.by(event, data), self._paper(data)
        again = Text("，替换了原来的一份", ", in place of an earlier one") if data["former"] else NOTHING
        return (
            Text(
                f"{by.zh}签发“{name.zh}”{data['number']}{again.zh}。",
                f"{by.en} issued “{name.en}” {data['number']}{again.en}.",
            ),
            Text("文书", "Papers"),
        )

    def _tell_paper_withdrawn(self, event: Row, data: Mapping[str, Any]) -> Told:
        by, name = self.names.get(event["actor_id"], ""), self._paper(data)
        return (
            Text(f"{by}撤回“{name.zh}”{data['number']}。", f"{by} withdrew “{name.en}” {data['number']}."),
            Text("文书", "Papers"),
        )

    def _tell_paper_read(self, event: Row, data: Mapping[str, Any]) -> Told:
        by, name = self.names.get(event["actor_id"], ""), self._paper(data)
        how = HANDED_OUT[data["format"]]
        return (
            Text(f"{by}{how.zh}“{name.zh}”。", f"{by} {how.en} “{name.en}”."),
            Text("文书", "Papers"),
        )

    def _paper(self, data: Mapping[str, Any]) -> Text:
        """What kind of paper it is, as the release in force calls it."""
        return library(self.session, releases.current(self.session)).paper_name(data["type"])

    def _tell_task_cancelled(self, event: Row, data: Mapping[str, Any]) -> Told | None:
        element = self.element(event, data)
        if element is None:
            return None
        name = element.name
        return Text(f"“{name.zh}”不用办了。", f"“{name.en}” need not be done any more."), NOTHING

    def _tell_task_changed(self, _event: Row, data: Mapping[str, Any]) -> Told:
        source = Text("督办", "Supervision")
        if data["not_applicable"]:
            return Text("主管认定这个期限不适用。", "The supervisor found the deadline not applicable."), source
        if data["due"]:
            until = f"{datetime.fromisoformat(data['due']).astimezone(LAW_ZONE):%Y-%m-%d %H:%M}"
            return Text(f"主管把期限延到 {until}。", f"The supervisor moved the deadline to {until}."), source
        return Text("主管把这件事改派给别人。", "The supervisor gave this to somebody else."), source

    def _tell_case_moved(self, _event: Row, data: Mapping[str, Any]) -> Told:
        former, now = (self.session.get_one(Unit, data[which]) for which in ("from", "to"))
        many = len(data["tasks"])
        went = Text(
            f"，{many}件待办一起移过去，期限不变", f", with {many} open task{'s' if many != 1 else ''}; no date changed"
        )
        told = went if many else NOTHING
        return (
            Text(f"孩子的事从{former.name_zh}移到{now.name_zh}{told.zh}。",
                 f"The duty for the child went from {former.name_en} to {now.name_en}{told.en}."),
            Text("个案转移", "Case transfer"),
        )  # fmt: skip

    def _number(self, case_id: int) -> str:
        return case_number(case_id, self.session.get_one(Case, case_id).opened_at)

    def _tell_case_merged(self, event: Row, data: Mapping[str, Any]) -> Told:
        kept = event["case_id"] == data["survivor"]
        other = self._number(data["alias"] if kept else data["survivor"])
        did = (
            Text(f"把另一份档案{other}并了进来", f"merged another file, {other}, into this one")
            if kept
            else Text(f"把这份档案并入{other}", f"merged this file into {other}")
        )
        return self._who_did(event, data, did)[0], Text("合并档案", "Files merged")

    def _tell_case_unmerged(self, event: Row, data: Mapping[str, Any]) -> Told:
        other = self._number(data["alias"] if event["case_id"] == data["survivor"] else data["survivor"])
        did = Text(f"撤销了和{other}的合并，两份各是各的", f"undid the merge with {other}: each stands for itself")
        return self._who_did(event, data, did)[0], Text("合并档案", "Files merged")

    def _tell_report_attached(self, event: Row, data: Mapping[str, Any]) -> Told:
        if event["case_id"] == data["case"]:
            return self._who_did(event, data, Text("把另一份报告归到这个孩子", "attached another report to this child"))
        number = self._number(data["case"])
        return self._who_did(event, data, Text(f"把报告归到个案{number}", f"attached the report to case {number}"))

    def _tell_report_detached(self, event: Row, data: Mapping[str, Any]) -> Told:
        if event["case_id"] == data["case"]:
            return self._who_did(event, data, Text("把一份报告从这个孩子取下", "took a report away from this child"))
        number = self._number(data["case"])
        return self._who_did(event, data, Text(f"把报告从个案{number}取下", f"took the report away from case {number}"))

    def _tell_erased(self, event: Row, data: Mapping[str, Any]) -> Told:
        """Who destroyed the key, and on which basis; what an older release wrote names nobody."""
        by, basis = self.names.get(event["actor_id"], ""), data["basis"]
        zh = f"{by}依法删除了这个个案的个人信息，记录还在，内容再也看不到（依据 {basis}）。"
        en = f"{by} lawfully erased the personal data of this case" if by else "The personal data was lawfully erased"
        return Text(zh, f"{en}; the record stands, its content can never be read again (basis {basis})."), NOTHING

    def _tell_read(self, event: Row, data: Mapping[str, Any]) -> Told:
        return self._who_did(event, data, OPENED_FOR[data["why"]])

    def _tell_read_reviewed(self, event: Row, data: Mapping[str, Any]) -> Told:
        return self._who_did(event, data, VERDICTS[data["verdict"]])

    def _tell_remarked(self, event: Row, data: Mapping[str, Any]) -> Told | None:
        element = self.element(event, data)
        if element is None:
            return None
        at = Text(f"在“{element.name.zh}”下留言", f"left a note at “{element.name.en}”")
        return self._who_did(event, data, at)

    def _tell_file_added(self, event: Row, data: Mapping[str, Any]) -> Told:
        return self._who_did(event, data, Text(f"加了一个附件（{data['kind']}）", f"added a file ({data['kind']})"))

    def _tell_file_read(self, event: Row, data: Mapping[str, Any]) -> Told:
        return self._who_did(event, data, Text("打开了一个附件", "opened a file"))

    def _tell_notice_read(self, event: Row, data: Mapping[str, Any]) -> Told:
        return self._who_did(event, data, Text("看到了通知", "read a notice"))

    def _who_did(self, event: Row, data: Mapping[str, Any], did: Text) -> Told:
        by = self.by(event, data)
        return Text(f"{by.zh}{did.zh}。", f"{by.en} {did.en}."), NOTHING

    def _tell_message(self, event: Row, data: Mapping[str, Any]) -> Told | None:
        if not self.instances:
            return None
        sender = event["instance_id"] if event["instance_id"] in self.instances else next(iter(self.instances))
        rules = self.books(sender).messages[data["message"]]
        label = Text(rules["label_zh"], rules["label_en"])
        if self.registered(event, rules):
            return Text(f"记下：{label.zh}。", f"Registered: {label.en}."), Text("记一件事", "Registered at the desk")
        return Text(f"发出消息：{label.zh}。", f"Sent: {label.en}."), NOTHING

    def registered(self, event: Row, rules: Mapping[str, Any]) -> bool:
        """True for a message that a person registered at the desk."""
        return event["actor_id"] is not None and bool(rules.get("desk"))

    def _tell_ended(self, event: Row, data: Mapping[str, Any]) -> Told:
        definition = self.books(event["instance_id"]).definition(data["process"])
        ends = [element.name for element in definition.elements(data["process"]) if element.id in data["at"]]
        zh, en = "、".join(name.zh for name in ends), ", ".join(name.en for name in ends)
        name = definition.name
        return Text(f"“{name.zh}”走完：{zh}。", f"“{name.en}” ended: {en}."), name

    def _tell_deadline(self, event: Row, data: Mapping[str, Any]) -> Told | None:
        if data["kind"] == "task":
            said = self.books(event["instance_id"]).deadlines.describe(data["rule"])
            source = said.source.strip("—")
            return Text(f"期限已过：{said.name.zh}。", f"Past due: {said.name.en}."), Text(source, source)
        if data["kind"] == "start":
            return Text("到了定好的日子。", "The day that was set has come."), NOTHING
        return Text("等的时间到了。", "The time that was waited for has come."), NOTHING

    def _tell_tried_again(self, event: Row, _data: Mapping[str, Any]) -> Told:
        by = self.names.get(event["actor_id"], "")
        return Text(f"{by}让系统把没走成的一步再做一次。", f"{by} had a failed step tried again."), NOTHING

    def _tell_done_by_hand(self, event: Row, _data: Mapping[str, Any]) -> Told:
        by = self.names.get(event["actor_id"], "")
        return Text(
            f"系统有一步没走成，{by}请人先人工办理。", f"A step failed; {by} had it done by hand meanwhile."
        ), NOTHING

    def _tell_asked_again(self, event: Row, _data: Mapping[str, Any]) -> Told:
        by = self.names.get(event["actor_id"], "")
        return Text(f"{by}重新督办这件过期的事。", f"{by} took this overdue task up again."), Text(
            "督办", "Supervision"
        )

    def _tell_suspended(self, event: Row, data: Mapping[str, Any]) -> Told:
        name, by = self.books(event["instance_id"]).process_name(data["process"]), self.names.get(event["actor_id"], "")
        until = f"{datetime.fromisoformat(data['until']).astimezone(LAW_ZONE):%Y-%m-%d %H:%M}"
        return Text(
            f"{by}把“{name.zh}”暂停到 {until}。法律的期限照走。",
            f"{by} suspended “{name.en}” until {until}. The law’s limits run on.",
        ), Text("督办", "Supervision")

    def _tell_resumed(self, event: Row, data: Mapping[str, Any]) -> Told:
        process = self.instances[event["instance_id"]]["process"]
        name, why = self.books(event["instance_id"]).process_name(process), RESUMED[data["why"]]
        return Text(f"“{name.zh}”恢复：{why.zh}。", f"“{name.en}” goes on: {why.en}."), Text("督办", "Supervision")

    def _tell_scheduled(self, event: Row, data: Mapping[str, Any]) -> Told:
        name = self.books(event["instance_id"]).process_name(data["process"])
        until = f"{datetime.fromisoformat(data['start_at']).astimezone(LAW_ZONE):%Y-%m-%d %H:%M}"
        return Text(f"定好 {until} 开始“{name.zh}”。", f"“{name.en}” was put down for {until}."), NOTHING

    def _tell_step(self, event: Row, data: Mapping[str, Any]) -> Told:
        """What set the process moving, and where it stands after this step."""
        books = self.books(event["instance_id"])
        name, definition = books.process_name(data["process"]), books.definition(data["process"])
        came = CAME.get(data["command"], CAME["complete"])
        reached = joined([element.name for element in _reached(definition, data["transitions"])])
        zh, en = came.zh.format(name=name.zh), came.en.format(name=name.en)
        if reached.zh:
            zh, en = (
                f"{zh}，走到{reached.zh}",
                f"{en} to {reached.en}" if data["command"] == "complete" else f"{en}: {reached.en}",
            )
        return Text(f"{zh}。", f"{en}."), NOTHING


def _said(form: Form, answers: Mapping[str, Any]) -> Text:
    """The first answers that were chosen from options, in a row."""
    chosen = {name: value for name, value in answers.items() if name in form.questions and form.questions[name].options}
    zh, en = (form.describe(chosen, lang)[:SHOWN_ANSWERS] for lang in ("zh", "en"))
    return Text(
        "；".join(
            f"{line.label}{line.value}" if line.label[-1] in "？?" else f"{line.label}：{line.value}" for line in zh
        ),
        "; ".join(f"{line.label} {line.value}" for line in en),
    )


def _reached(definition: engine.Definition, moves: Collection[Any]) -> list[engine.Element]:
    """Where tokens arrived in a step and still stand; a call is told by what it called."""
    standing: dict[int, engine.Element] = {}
    for task, process, name, before, after in moves:
        standing.pop(task, None)
        if after in LIVE and process in definition.processes:
            element = definition.element(process, name)
            if before not in LIVE and not element.attached and element.type != "call":
                standing[task] = element
    return list({(element.process, element.id): element for element in standing.values()}.values())
