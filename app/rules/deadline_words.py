"""What deadline rules say in plain words: from when a period runs, and in which case.

Labels complete "…起 72 小时内" and "within 72 hours of …".
"""

from __future__ import annotations

from collections.abc import Mapping

from app.rules.calendar import Rule
from app.text import Text

START_LABELS: Mapping[str, Text] = {
    "learned_at": Text("报告人知道情况", "the reporter's learning of it"),
    "received_at": Text("收到报告", "the report's arrival"),
    "accepted_at": Text("受理", "acceptance"),
    "transferred_at": Text("移送", "the transfer"),
    "task_opened_at": Text("待办产生", "the task's opening"),
    "situation_established_at": Text("认定情形", "the situation's being established"),
    "order_served_at": Text("送达", "service"),
    "last_notice_at": Text("上一次通知", "the last notice"),
    "missing_reported_at": Text("报告失踪", "the report that the child is missing"),
    "last_check_at": Text("上一次核查", "the last check"),
    "caution_issued_at": Text("发出告诫书", "the caution"),
    "last_visit_at": Text("上一次见到孩子", "the last visit that saw the child"),
    "placed_at": Text("安置交接", "the placement"),
    "last_review_at": Text("上一次复核", "the last review"),
    "placement_needed_at": Text("提出安置需要", "the need for placement"),
    "conference_at": Text("会商", "the conference"),
    "team_formed_at": Text("评估小组组成", "the team's forming"),
    "level_set_at": Text("确定风险等级", "the setting of the risk level"),
    "plan_made_at": Text("帮扶计划制定", "the plan's making"),
    "referral_sent_at": Text("发出转介", "the referral"),
    "service_end_on": Text("计划的服务结束日", "the planned end of the service"),
    "legal_aid_applied_at": Text("收到法律援助申请", "the legal-aid application"),
    "legal_aid_decided_at": Text("作出法律援助决定", "the legal-aid decision"),
    "application_filed_at": Text("法院收到申请", "the filing of the application"),
    "ruling_effective_at": Text("裁定送达", "service of the ruling"),
    "valid_to": Text("保护令到期日", "the order's last day"),
    "order_issued_at": Text("保护令作出", "the order's issue"),
    "docketed_at": Text("立案", "docketing"),
    "petition_filed_at": Text("提交申请书", "the filing of the petition"),
    "refusal_served_at": Text("不予受理或驳回送达", "service of the refusal"),
    "paper_received_at": Text("收到文书", "the paper's arrival"),
    "carer_named_at": Text("确定照护人", "the naming of the carer"),
    "revoked_at": Text("撤销监护人资格", "the revocation"),
    "court_due_on": Text("法院指定日", "the day the court named"),
    "period_start": Text("本期开始", "the start of the period"),
    "period_end": Text("本期结束", "the end of the period"),
    "returned_at": Text("退回", "the sending back"),
    "year": Text("本年", "the year"),
    "year_nov_1": Text("11 月 1 日", "1 November"),
    "registered_at": Text("登记", "registration"),
    "transfer_sent_at": Text("发出转移摘要", "the sending of the transfer summary"),
    "lost_since": Text("失去联系", "losing touch"),
    "order_due_on": Text("通知书载明的日期", "the day the order names"),
    "police_case_accepted_at": Text("公安受案", "the police's taking the case"),
    "changed_at": Text("得知变化", "learning of the change"),
    "found_at": Text("发现孩子", "the child's being found"),
    "absence_recorded_at": Text("登记缺课", "the recorded absence"),
    "absent_since": Text("开始缺课", "the first day of absence"),
    "dropout_registered_at": Text("登记辍学", "the registered dropout"),
    "pairing_started_at": Text("结对开始", "the start of the pairing"),
    "last_activity_at": Text("上一次活动", "the last activity"),
    "spell_started_on": Text("不履职开始", "the start of the failure to perform"),
    "named_notice_at": Text("指定监护人通知送达", "notice of the naming"),
    "record_made_at": Text("记录形成", "the record's making"),
    "birthday_18": Text("年满十八周岁", "the eighteenth birthday"),
    "last_chase_at": Text("上一次催办", "the last chasing"),
}

CASES: Mapping[str, Text] = {
    "art40_2": Text("有不得恢复情形的", "where restoration is barred"),
    "birthday_ahead": Text("未满十八周岁的", "before the eighteenth birthday"),
    'change_kind == "update"': Text("更新档案的", "for an update"),
    "chased": Text("催办之后", "after a chasing"),
    "court_date_given": Text("法院指定日期的", "where the court named a day"),
    "danger_now": Text("有即时危险的", "in immediate danger"),
    "extended": Text("批准延长的", "where extended"),
    'ground == "g3"': Text("严重受损的", "for serious harm"),
    "order_due_given": Text("通知书载明日期的", "where the order names a day"),
    'order_kind == "judicial_advice"': Text("司法建议的", "for a judicial recommendation"),
    'period_kind == "year"': Text("年度的", "for the year"),
    'quarter == "q1"': Text("第一季度的", "for the first quarter"),
    'quarter == "q2"': Text("第二季度的", "for the second quarter"),
    'quarter == "q3"': Text("第三季度的", "for the third quarter"),
    'risk == "red"': Text("红色风险的", "at red risk"),
    'risk == "orange"': Text("橙色风险的", "at orange risk"),
    'risk == "yellow"': Text("黄色风险的", "at yellow risk"),
    'role == "township_worker"': Text("乡镇的", "for the township"),
    'role == "village_worker"': Text("村级的", "for the village"),
    "round <= 4": Text("第四次及以前", "up to the fourth time"),
    "round <= 7": Text("第七次及以前", "up to the seventh time"),
    "round > 1": Text("第二次起", "from the second time"),
    "unattended_now": Text("无人照看的", "where nobody looks after the child"),
    'urgent == "yes"': Text("情况紧急的", "where urgent"),
    "valid_to_given": Text("裁定载明到期日的", "where the ruling names a last day"),
    **{f"round == {n}": Text(f"第 {n} 次", f"round {n}") for n in range(1, 10)},
}


def case_words(condition: str) -> Text:
    """`condition` in words; one that policy staff have written since is shown as it stands."""
    return CASES.get(condition, Text(condition, condition))


def start_words(fact: str) -> Text:
    """What happened at the start fact; an undeclared one is shown by its name."""
    return START_LABELS.get(fact, Text(fact, fact))


def period_words(start: str, period: Rule) -> Text:
    """From when, and how long: "收到报告起 30 分钟内"."""
    label, said = start_words(start), period.text
    if period.unit == "date":
        return said
    if period.count == 0:
        return Text(f"{label.zh}{said.zh}", f"{said.en}: {label.en}")
    return Text(f"{label.zh}起 {said.zh}", f"{said.en} of {label.en}")
