"""The fields that a template may use: declared once, each with its meaning and where it comes from.

`origin` is read by services/paperwork/_paper_facts.py: "form:F28.court" is the newest answer to that question in the
case (alternatives apart by "|"), anything else one of its named sources. What is sealed (S3) is marked, and
only papers whose purpose needs it may use it (bpmn/papers.json). Source: ADR 0017.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.text import Text

Values = Mapping[str, str | Sequence[Mapping[str, str]]]
"""What is known, by field: a text, or rows of texts. What is not known is absent or empty."""

Uses = frozenset[tuple[str, str]]
"""The fields a template uses, each with the field on whose being known it depends, or ""."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field that a template may use; one with `columns` is a list, to be gone through row by row."""

    name: str
    label: Text
    origin: str
    sealed: bool = False
    columns: Mapping[str, Text] = field(default_factory=dict)


def _text(name: str, zh: str, en: str, origin: str, *, sealed: bool = False) -> Field:
    return Field(name, Text(zh, en), origin, sealed)


def _rows(name: str, zh: str, en: str, origin: str, /, **columns: tuple[str, str]) -> Field:
    said = {column: Text(*words) for column, words in columns.items()}
    return Field(name, Text(zh, en), origin, columns={"no": Text("序号", "No."), **said})


AT_ISSUE = frozenset(("number", "paper_date"))
"""Fields that nobody can know before the paper is issued."""

_DECLARED = (
    _text("number", "文号", "Number of the paper", "issue"),
    _text("paper_date", "签发日期", "Date of issue", "issue"),
    _text("unit", "本单位", "Our unit", "unit"),
    _text("author", "承办人", "Who drew it up", "author"),
    _text("case_number", "个案编号", "Case number", "case"),
    _text("opened_on", "立案日期", "Case opened on", "case"),
    _text("township", "儿童所在乡镇", "The child's township", "case"),
    _text("child_name", "儿童姓名", "Child's name", "child"),
    _text("child_sex", "儿童性别", "Child's sex", "child"),
    _text("child_born", "儿童年龄或出生日期", "Child's age or date of birth", "child"),
    _text("child_school", "儿童所在学校", "Child's school", "child"),
    _text("child_place", "儿童住地", "Where the child lives", "child"),
    _rows("guardians", "监护人和照护人", "Guardians and carers", "guardians",
          kind=("身份", "Relation"), name=("姓名", "Name")),
    _text("respondent", "被申请人姓名", "Respondent's name", "respondent"),
    _text("respondent_kind", "被申请人与儿童的关系", "Respondent's relation to the child", "respondent"),
    _text("clock_current", "未履职当前连续时长", "Current spell without care", "clock"),
    _text("clock_longest", "未履职最长连续时长", "Longest spell without care", "clock"),
    _text("clock_year", "近十二个月未履职累计", "Without care in the last twelve months", "clock"),
    _text("clock_rule", "计时规则版本", "Version of the clock's rule", "clock"),
    _rows("spells", "履职计时各段", "Spells of the clock", "clock",
          start=("起", "From"), end=("止", "To"), state=("情况", "State")),
    _rows("observations", "履职观察", "Observations of the guardian", "observations",
          date=("日期", "Date"), who=("监护人", "Guardian"), state=("情况", "State"), source=("来源", "Source")),
    _rows("attempts", "联系监护人记录", "Attempts to reach the guardians", "attempts",
          date=("时间", "When"), who=("联系谁", "Whom"), how=("方式", "How"), result=("结果", "Result")),
    _rows("evidence", "证据清单", "Evidence list", "evidence",
          name=("证据名称", "Evidence"), date=("形成日期", "Date"), docket=("文号或记录号", "Docket number"),
          proves=("证明什么", "What it shows")),
    _text("caution_facts", "家庭暴力事实", "Facts of the violence", "form:F16.caution_facts"),
    _text("violence_facts", "暴力或侵害事实", "Facts of the violence or harm", "form:F16.caution_facts|F11G.facts|F24.facts"),
    _text("caution_served", "告诫书送给谁", "To whom the caution goes", "form:F16.caution_served"),
    _text("order_to", "责令或通知谁", "Whom the order addresses", "form:F10.order_to"),
    _text("order_content", "责令做什么", "What is ordered", "form:F10.order_content"),
    _text("return_by", "最迟什么时候", "By when", "form:F10.return_by"),
    _text("place_name", "安置的具体地点", "Address of the placement", "form:F17.place_name", sealed=True),
    _text("receiving_unit", "指定接收单位", "Receiving body", "form:F17N.unit"),
    _text("condition", "交接时身体状况", "Condition at hand-over", "form:F17.condition"),
    _text("belongings", "随身物品", "Belongings", "form:F17.belongings"),
    _text("handed_by", "移交人", "Handed over by", "form:F17.handed_by"),
    _text("received_by", "接收人", "Received by", "form:F17.received_by|F17H.to_whom|F17G.guardian_name"),
    _text("handed_at", "交接时间", "Time of hand-over", "form:F17.handed_at|F17H.fetched_at|F17G.handed_at"),
    _text("carer_name", "受托照护人", "Entrusted carer", "form:F12.carer_name"),
    _text("carer_relation", "照护人与儿童的关系", "Carer's relation", "form:F12.relation"),
    _text("entrusted_to", "委托到哪天", "Entrusted until", "form:F12.period_to"),
    _text("outcome", "孩子现在怎么样", "How the child is", "form:F18.outcome"),
    _text("outcome_summary", "处置摘要", "Summary of what was done", "form:F18.summary"),
    _text("help_needed", "是否需要帮扶", "Is help needed?", "form:F18.help_needed"),
    _text("grounds", "申请事由", "Grounds of the petition", "form:F28.petition_grounds|F26.grounds"),
    _text("tried", "已经做过的干预", "What was tried", "form:F26.tried"),
    _text("conference_reason", "会商理由", "Reasons of the conference", "form:F26.reason"),
    _text("proposed_guardian", "建议的监护人", "Guardian proposed", "form:F28.proposed"),
    _text("court", "受理法院", "Court", "form:F28.court|F28R.court"),
    _text("child_words", "儿童意见", "The child's own words", "form:F26.child_words|F20.child_words|F32.child_words",
          sealed=True),
    _text("injury_body", "伤情鉴定机构", "Who appraised the injury", "form:F15.body"),
    _text("injury_result", "伤情鉴定意见", "Appraisal of the injury", "form:F15.result", sealed=True),
    _text("order_applicant", "代为申请人", "Who applies on the child's behalf", "form:F44.applicant"),
    _text("urgent", "是否紧急", "Is it urgent?", "form:F44.urgent"),
    _text("rectify_unit", "责任单位", "Unit that must rectify", "form:F39.unit"),
    _text("rectify_problem", "存在的问题", "What is wrong", "form:F39.problem"),
    _text("rectify_basis", "依据条款", "On what basis", "form:F39.basis"),
    _text("rectify_by", "整改期限", "To be rectified by", "form:F39.due_on"),
)  # fmt: skip

FIELDS: Mapping[str, Field] = {one.name: one for one in _DECLARED}
"""Every field by name, in the order in which a person would look for it."""
