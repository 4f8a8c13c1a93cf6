"""Invented names and sentences for practice data. No name, number or event here is anybody's."""

from __future__ import annotations

import random
from collections.abc import Mapping

SURNAMES = "王李张刘陈杨赵黄周吴徐孙马朱胡郭何林罗高梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎"
CHILDREN = [
    "小禾",
    "子轩",
    "雨桐",
    "浩然",
    "欣怡",
    "梓涵",
    "晨曦",
    "思远",
    "雅静",
    "嘉豪",
    "诗琪",
    "俊杰",
    "若曦",
    "天佑",
    "佳宁",
    "文博",
    "语嫣",
    "志远",
    "雪莹",
    "明轩",
    "可欣",
    "建平",
    "春燕",
    "小军",
    "玉兰",
    "海燕",
    "秀梅",
    "小龙",
    "巧云",
    "冬梅",
    "晓峰",
    "丽娜",
]
ADULTS = [
    "建国",
    "秀兰",
    "志强",
    "桂英",
    "永福",
    "玉珍",
    "海军",
    "淑芳",
    "国栋",
    "春梅",
    "红军",
    "翠花",
    "兴旺",
    "凤霞",
    "卫东",
    "彩霞",
    "有才",
    "月琴",
    "文斌",
    "晓燕",
    "学军",
    "丽萍",
    "振华",
    "金花",
]
PLACES = ("红柳滩村三社", "沙河湾村口第二家", "学校南边的平房", "村委会后面的院子", "大棚旁边的看护房")

PHRASES: Mapping[str, tuple[str, ...]] = {
    "reason": ("根据现有材料和当面了解的情况，这样处理对孩子最有利。", "几方意见一致，材料齐全，按方案办理。"),
    "note": ("已电话告知村里。", "下次一并核对户籍材料。", "没有其他要补充的。"),
    "facts": (
        "父母都在外务工，孩子一个人在家住了有一阵子，晚上也没有大人。",
        "孩子连续几天没来上学，上门看到家里只有孩子和年迈的奶奶。",
        "孩子胳膊上有几处淤青，问起来不愿说。",
        "家里冬天没生火，孩子吃的是方便面，联系不上父母。",
    ),
    "child_words": (
        "说想让妈妈早点回来。",
        "说晚上一个人害怕。",
        "说跟奶奶在一起挺好，就是想爸爸。",
        "不太愿意说话，点头或摇头。",
    ),
    "feedback_text": (
        "您反映的情况已经受理，正在办理，孩子目前有人照看。",
        "情况已核实，已安排专人跟进，谢谢您的报告。",
    ),
    "child_state": ("身上没有外伤，精神还好，有点冷。", "有些怕生，衣服单薄，已先吃了热饭。"),
    "basis": ("现场见到孩子独自在家，邻居证实父母年后外出未归。", "走访邻居、村干部和学校，说法一致。"),
    "handled": ("当面提醒照护人，联系村里每天看望。",),
    "diagnosis": ("轻度营养不良，其他正常。", "软组织挫伤，外用药，三天后复查。"),
    "condition": ("体温正常，无外伤。", "轻微感冒，已服药。"),
    "summary": ("已见到孩子并妥善安置照护，建议开展评估帮扶。", "经核实情况属实，已责成家长履行监护责任。"),
    "tried": ("上门劝诫两次、训诫一次，协助联系务工单位，均未改善。",),
    "dissent": ("无不同意见。",),
    "goal": ("父母每周至少联系孩子一次", "孩子按时上学", "落实可靠的照护人"),
    "measure": ("由村未保专干每周提醒并登记", "班主任每天点名，缺席当天联系"),
    "purpose": ("请为孩子提供情绪疏导，每周一次。", "请对照护人开展家庭教育指导。"),
    "outcome": ("孩子愿意说话了，照护人学会了安排作息。",),
    "what": ("与孩子面谈并做了游戏", "询问笔录一份", "现场照片"),
    "instruction": ("请今天联系到人并把进展写清楚。", "两天内办结，有困难及时报告。"),
    "done": ("已按要求落实，材料留存备查。", "上门看过，孩子在家，有大人照看。"),
    "strengths": ("奶奶身体尚可，和孩子感情好；学校老师关心。",),
    "parents_now": ("父亲在外地工地，母亲电话能接通，表示月底回来。",),
    "plan_text": ("每月看望两次，周末辅导作业，节日一起活动。",),
    "view": ("事实清楚，证据基本齐全，符合申请条件。",),
    "answer": ("当面解释了原因，孩子表示明白。",),
    "place": PLACES,
    "where_seen": PLACES,
    "place_name": ("甘州区救助管理站", "孩子外婆家", "村委会活动室"),
    "last_seen_place": ("学校门口", "集市东头"),
    "school": ("柳河中心小学", "沙河学校", "新墩初级中学"),
    "age_or_dob": ("7", "9", "11", "13"),
    "child_age": ("7", "9", "11", "13"),
    "reporter_phone": ("0936-0000011", "0936-0000012"),
    "phone": ("0936-0000021", "0936-0000022"),
    "contact": ("村委会值班室",),
    "reporter_unit": ("柳河中心小学", "红柳滩村村委会"),
    "work_place": ("外地建筑工地", "外省电子厂"),
    "hukou": ("张掖市甘州区",),
    "hospital": ("区人民医院", "镇卫生院"),
    "court": ("甘州区人民法院",),
    "docket": ("（2026）练习民特1号",),
    "doc_no": ("练习字〔2026〕1号",),
    "document_no": ("练习字〔2026〕2号",),
    "case_no": ("练习公（刑）立字〔2026〕1号",),
    "order_no": ("练习令〔2026〕1号",),
    "id_no": ("",),
    "carer_id": ("",),
    "sample_seed": ("2026-11",),
    "body": ("市公安司法鉴定中心",),
    "transfer_to": ("民乐县公安局",),
    "to_body": ("县监察委员会",),
    "from_unit": ("民乐县公安局",),
    "child_ref": ("1",),
    "ref": ("材料一",),
    "features": ("身高一米三左右，蓝色校服，背红色书包。",),
    "with_now": ("和派出所民警在一起",),
    "promise": ("承诺三天内返回，落实照护人。",),
}
PEOPLE = frozenset(
    [
        "name",
        "reporter_name",
        "carer_name",
        "adult_name",
        "applicant_name",
        "guardian_name",
        "helper_name",
        "lead",
        "whom",
        "who",
        "told_whom",
        "to_whom",
        "handed_by",
        "received_by",
        "proposed",
        "new_guardian",
        "respondent",
        "applicant",
        "lawyer",
        "chair",
        "met",
        "asked",
        "asked_whom",
        "maintenance_by",
        "adults_present",
        "suspected",
    ]
)
LONG = (
    "情况已核实并记录在案，有关材料齐全。",
    "按方案要求办理，相关人员已当面说明。",
    "经了解，情况基本稳定，将继续跟进。",
)
SHORT = ("已办妥", "按要求办理", "见附件材料")


def child_name(rng: random.Random) -> str:
    """An invented child's name."""
    return rng.choice(SURNAMES) + rng.choice(CHILDREN)


def adult_name(rng: random.Random, surname: str = "") -> str:
    """An invented grown-up's name; with `surname`, of that family."""
    return (surname or rng.choice(SURNAMES)) + rng.choice(ADULTS)


def phrase(name: str, kind: str, rng: random.Random) -> str:
    """What somebody might write where a form asks for `name`."""
    if name == "child_name":
        return child_name(rng)
    if name in PEOPLE:
        return adult_name(rng)
    return rng.choice(PHRASES.get(name) or (LONG if kind == "textarea" else SHORT))
