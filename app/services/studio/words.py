"""What the parts of a release, and what is said of them, are called in a list of changes."""

from __future__ import annotations

from collections.abc import Mapping

from app.rules.deadline_words import case_words
from app.text import Text

OPTION, CASE = "option.", "case."
"""What the names of a question's options, and of a deadline's cases, begin with."""
KINDS: Mapping[str, Text] = {
    "file": Text("文件", "File"),
    "process": Text("流程", "Process"),
    "element": Text("步骤", "Step"),
    "flow": Text("连线", "Flow"),
    "form": Text("表单", "Form"),
    "question": Text("问题", "Question"),
    "deadlines": Text("期限", "Deadline"),
    "roles": Text("岗位", "Role"),
    "messages": Text("消息", "Message"),
    "clauses": Text("条款", "Clause"),
    "legal_bases": Text("法律依据", "Legal basis"),
    "papers": Text("文书", "Paper"),
    "entry": Text("条目", "Entry"),
}
TYPES: Mapping[str, Text] = {
    "user": Text("人办", "done by a person"),
    "service": Text("系统办", "done by the system"),
    "call": Text("子流程", "sub-process"),
    "subprocess": Text("内嵌子流程", "embedded sub-process"),
    "throw": Text("发出消息", "sends a message"),
    "catch": Text("等消息", "waits for a message"),
    "timer": Text("等时间", "waits for a time"),
    "boundary_message": Text("中途来消息", "a message on the way"),
    "boundary_timer": Text("中途到时间", "a time on the way"),
    "event_gateway": Text("等其一", "waits for one of several"),
    "xor": Text("择一", "one way of several"),
    "or": Text("择几", "some ways of several"),
    "and": Text("并行", "all ways at once"),
    "start": Text("开始", "start"),
    "end": Text("结束", "end"),
}
ATTRIBUTES: Mapping[str, Text] = {
    "name": Text("名称", "name"),
    "name_zh": Text("名称", "Chinese name"),
    "name_en": Text("英文名称", "English name"),
    "type": Text("类别", "kind"),
    "lane": Text("泳道", "lane"),
    "role": Text("谁办", "role"),
    "form": Text("表", "form"),
    "deadline": Text("期限", "deadline"),
    "period": Text("期限", "period"),
    "otherwise": Text("其余情形", "otherwise"),
    "clause": Text("依据条款", "clauses"),
    "operation": Text("系统操作", "operation"),
    "message": Text("消息", "message"),
    "payload": Text("随消息带的数据", "data sent along"),
    "sets": Text("写入的变量", "variables set"),
    "timer": Text("等到", "waits until"),
    "collection": Text("逐个办理", "once for each of"),
    "called": Text("调用的流程", "process called"),
    "attached": Text("附在哪一步", "step it is on"),
    "interrupting": Text("到时停下那一步", "stops that step"),
    "executable": Text("可执行", "executable"),
    "layout": Text("图上的位置", "place on the page"),
    "content": Text("其他内容", "other content"),
    "from": Text("从哪一步", "from"),
    "to": Text("到哪一步", "to"),
    "condition": Text("条件", "condition"),
    "default": Text("其余情形走这里", "otherwise this way"),
    "label": Text("问法", "wording"),
    "properties.label_en": Text("英文问法", "English wording"),
    "description": Text("提示", "hint"),
    "properties.hint_en": Text("英文提示", "English hint"),
    "properties.visible_if": Text("什么时候问", "asked when"),
    "properties.sensitivity": Text("密级", "sensitivity"),
    "properties.name_zh": Text("名称", "Chinese name"),
    "properties.name_en": Text("英文名称", "English name"),
    "conditional.hide": Text("编辑器里的隐藏条件", "hidden in the editor when"),
    "validate.required": Text("必填", "required"),
    "validate.min": Text("最小", "least"),
    "validate.max": Text("最大", "most"),
    "validate.minLength": Text("最少字数", "least length"),
    "validate.maxLength": Text("最多字数", "greatest length"),
    "order": Text("次序", "order"),
    "basis": Text("依据", "basis"),
    "source": Text("出处", "source"),
    "quote": Text("原文", "quotation"),
    "note": Text("说明", "note"),
    "remind_at": Text("提前提醒", "reminder"),
    "escalates_to": Text("逾期报给", "late work goes to"),
    "sees": Text("看得到什么", "what it sees"),
    "starts": Text("启动的流程", "process it starts"),
    "summary_zh": Text("大意", "Chinese summary"),
    "summary_en": Text("英文大意", "English summary"),
    "citation": Text("引文", "citation"),
    "lead": Text("牵头单位", "lead body"),
    "cooperating": Text("配合单位", "cooperating bodies"),
}
YES, NO = Text("是", "yes"), Text("否", "no")
NOTHING = Text("无", "none")
UNREADABLE = Text("读不出来", "cannot be read")
CHANGED = Text("有改动", "changed")


def kind(code: str) -> Text:
    """What a kind of part is called."""
    return KINDS.get(code, KINDS["entry"])


def attribute(code: str) -> Text:
    """What is said of a part; a name that nobody has put in words is shown as it stands."""
    if code.startswith(OPTION):
        value = code.removeprefix(OPTION)
        return Text(f"选项 {value}", f"option {value}")
    if code.startswith(CASE):
        return case_words(code.removeprefix(CASE))
    return ATTRIBUTES.get(code, Text(code, code))


def plain(value: object) -> Text:
    """A value as it stands in a file, for reading."""
    if isinstance(value, bool):
        return YES if value else NO
    said = "" if value is None else str(value)
    return Text(said, said)
