"""Which forms of a case's record are evidence, and of what: the list that is annexed to petitions.

`day` and `docket` are questions of the form; without them stand the day on which it was sent and its
number in the record. What a form says is never quoted here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a form shows to a court."""

    proves: str
    day: str = ""
    docket: str = ""


EVIDENCE: Mapping[str, Evidence] = {
    "F01": Evidence("报告的时间、来源和内容", "learned_at"),
    "F06": Evidence("出警和见到儿童的情况", "seen_at"),
    "F06H": Evidence("制止侵害的情况", "done_at"),
    "F07": Evidence("对情形的认定"),
    "F09": Evidence("联系监护人的次数和结果"),
    "F10": Evidence("责令监护人返回或者委托照护", "served_at"),
    "F11": Evidence("训诫监护人的情况", "done_at"),
    "F11G": Evidence("对监护人的批评教育或者训诫", "done_at"),
    "F12": Evidence("委托照护的核实情况", "visited_at"),
    "F13": Evidence("就医情况", "arrived_at"),
    "F14": Evidence("调查取证的情况"),
    "F15": Evidence("伤情及鉴定", "commissioned_at"),
    "F16": Evidence("现场处置和告诫", "done_at"),
    "F16P": Evidence("治安管理处罚", "decided_at", "doc_no"),
    "F16C": Evidence("刑事立案", "filed_at", "case_no"),
    "F17": Evidence("安置交接的情况", "handed_at"),
    "F20": Evidence("家庭和监护状况的评估"),
    "F24": Evidence("劝诫的经过和对方态度", "done_at"),
    "F25": Evidence("监护人履行职责的情况", "observed_on"),
    "F26": Evidence("多部门会商的意见"),
    "F32": Evidence("走访时儿童和家庭的情况", "visited_at"),
    "F42": Evidence("复评时家庭和监护的状况"),
    "F43": Evidence("裁判文书", "received_at", "doc_no"),
    "F46M": Evidence("三个月时对履职情况的研判"),
    "F46S": Evidence("六个月时对履职情况的研判"),
}
