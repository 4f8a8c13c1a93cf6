"""The words of the shipped templates, paper by paper; staff change them in Word, this is only where they begin.

A line is (role, text): the roles are styles of shipped_layout.py. A `Grid` is a table: its heads and shares of
the line, then the cells of its rows; with `each` one row for every row of that list field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

STAMP = "（盖章）"
CHILD = "{{ child_name }}，{{ child_sex }}，年龄或出生日期：{{ child_born }}，住{{ child_place }}，就读于{{ child_school }}。"


@dataclass(frozen=True, slots=True)
class Grid:
    """A table."""

    heads: tuple[str, ...]
    shares: tuple[int, ...]
    rows: tuple[tuple[str, ...], ...]
    each: str = ""


Line = tuple[str, str] | Grid

_EVIDENCE = Grid(
    ("序号", "证据名称", "形成日期", "文号或记录号", "证明事项", "页码"), (9, 24, 21, 24, 28, 9),
    (("{{ row.no }}", "{{ row.name }}", "{{ row.date }}", "{{ row.docket }}", "{{ row.proves }}", ""),), "evidence",
)  # fmt: skip
_SPELLS = Grid(
    ("序号", "起", "止", "履职情况"), (8, 25, 25, 42),
    (("{{ row.no }}", "{{ row.start }}", "{{ row.end }}", "{{ row.state }}"),), "spells",
)  # fmt: skip
_ATTEMPTS = Grid(
    ("序号", "时间", "联系谁", "方式", "结果"), (8, 32, 24, 18, 18),
    (("{{ row.no }}", "{{ row.date }}", "{{ row.who }}", "{{ row.how }}", "{{ row.result }}"),), "attempts",
)  # fmt: skip


def _end(*, by: str = "") -> tuple[Line, ...]:
    return (("signed", f"{by}{{{{ unit }}}}{STAMP}"), ("signed", "{{ paper_date }}"))


TEXTS: Mapping[str, tuple[Line, ...]] = {
    "petition": (
        ("title", "撤销监护人资格申请书"),
        ("number", "{{ number }}"),
        ("body", "申请人：{{ unit }}"),
        ("body", "住所：＿＿＿　　负责人：＿＿＿　　联系电话：＿＿＿"),
        ("body", "被申请人：{{ respondent }}，系未成年人的{{ respondent_kind }}。"),
        ("body", "公民身份号码：＿＿＿　　住址：＿＿＿"),
        ("body", f"未成年人：{CHILD}"),
        ("heading", "申请事项"),
        ("body", "一、依法撤销被申请人{{ respondent }}对{{ child_name }}的监护人资格。"),
        ("body", "二、依法指定{{ proposed_guardian }}为{{ child_name }}的监护人。"),
        ("heading", "事实和理由"),
        ("body", "一、申请事由。{{ grounds }}。"),
        ("body", "二、履行监护职责的情况。依据履职观察记录计算（规则版本{{ clock_rule }}），未履行监护职责的时间：当前连续{{ clock_current }}，"
                 "最长连续{{ clock_longest }}，近十二个月累计{{ clock_year }}。各段起止见附件2。"),
        ("body", "三、已经采取的干预措施。{{ tried }}"),
        ("body", "四、会商研判意见。{{ conference_reason }}"),
        ("body", "五、未成年人本人的意见。{{ child_words }}"),
        ("if injury_result", "六、伤情鉴定。经{{ injury_body }}鉴定：{{ injury_result }}"),
        ("body", "依照《中华人民共和国民法典》第三十六条的规定，特向贵院提出申请，请依法裁判。"),
        ("body", "此致"),
        ("to", "{{ court }}"),
        ("annex", "附件：1. 证据清单"),
        ("annex", "　　　2. 履行监护职责计时情况"),
        *_end(by="申请人："),
        ("page", "附件1"),
        ("caption", "证据清单"),
        _EVIDENCE,
        ("page", "附件2"),
        ("caption", "履行监护职责计时情况"),
        _SPELLS,
    ),
    "protection-order": (
        ("title", "人身安全保护令申请书"),
        ("number", "{{ number }}"),
        ("body", f"申请人：{CHILD}"),
        ("body", "代为申请：{{ order_applicant }}（{{ unit }}）　　联系电话：＿＿＿"),
        ("body", "被申请人：{{ respondent }}，与申请人的关系：{{ respondent_kind }}。"),
        ("body", "公民身份号码：＿＿＿　　住址：＿＿＿"),
        ("heading", "请求事项"),
        ("body", "请求裁定采取下列措施（在□内打勾）："),
        ("body", "□ 禁止被申请人实施家庭暴力"),
        ("body", "□ 禁止被申请人骚扰、跟踪、接触申请人及其相关近亲属"),
        ("body", "□ 责令被申请人迁出申请人住所"),
        ("body", "□ 保护申请人人身安全的其他措施：＿＿＿"),
        ("heading", "事实和理由"),
        ("body", "{{ violence_facts }}"),
        ("if injury_result", "经{{ injury_body }}鉴定：{{ injury_result }}"),
        ("body", "情况是否紧急：{{ urgent }}。"),
        ("body", "依照《中华人民共和国反家庭暴力法》第二十三条、第二十七条、第二十九条的规定，特向贵院申请人身安全保护令。"),
        ("body", "此致"),
        ("to", "{{ court }}"),
        ("annex", "附件：证据清单"),
        *_end(by="代为申请人："),
        ("page", "附件"),
        ("caption", "证据清单"),
        _EVIDENCE,
    ),
    "caution": (
        ("title", "家庭暴力告诫书"),
        ("number", "{{ number }}"),
        ("body", "被告诫人：{{ respondent }}，与受害人的关系：{{ respondent_kind }}。"),
        ("body", "公民身份号码：＿＿＿　　住址：＿＿＿"),
        ("body", "受害人：{{ child_name }}，{{ child_sex }}，年龄或出生日期：{{ child_born }}。"),
        ("body", "经查：{{ caution_facts }}"),
        ("body", "以上行为属于家庭暴力，情节较轻，依法不给予治安管理处罚。依照《中华人民共和国反家庭暴力法》第十六条、第十七条的规定，现告诫如下："),
        ("body", "一、立即停止家庭暴力，今后不得再以任何形式实施家庭暴力。"),
        ("body", "二、再次实施家庭暴力，构成违反治安管理行为的，依法给予治安管理处罚；构成犯罪的，依法追究刑事责任。"),
        ("body", "三、公安派出所和村（居）民委员会将对收到告诫书的加害人、受害人进行查访，监督加害人不再实施家庭暴力。"),
        ("body", "本告诫书送交：{{ caution_served }}。"),
        *_end(),
        ("body", "以上内容已经向我宣读，我已知晓。"),
        ("body", "被告诫人（签名）：＿＿＿　　＿＿年＿＿月＿＿日"),
    ),
    "return-order": (
        ("title", "责令履行监护职责通知书"),
        ("number", "{{ number }}"),
        ("to", "{{ child_name }}的{{ order_to }}："),
        ("body", "{{ child_name }}，{{ child_sex }}，年龄或出生日期：{{ child_born }}，住{{ child_place }}。经核实，该未成年人目前没有得到你的实际照护。联系你的情况如下："),
        _ATTEMPTS,
        ("body", "依照《中华人民共和国未成年人保护法》第七条、第一百一十八条和《国务院关于加强农村留守儿童关爱保护工作的意见》（国发〔2016〕13号）的有关规定，"
                 "现责令你：{{ order_content }}。最迟于{{ return_by }}前办好，并把结果告知本单位。"),
        ("body", "逾期不履行的，依法予以训诫；构成违反治安管理行为的，依法处罚；拒不履行监护职责达到法定情形的，有关个人或者组织可以依法向人民法院申请撤销监护人资格。"),
        ("body", "联系人：{{ author }}　　联系电话：＿＿＿"),
        *_end(),
        ("body", "受送达人（签名）：＿＿＿　　＿＿年＿＿月＿＿日"),
    ),
    "hand-over": (
        ("title", "儿童照护交接书"),
        ("number", "{{ number }}"),
        Grid(
            ("项目", "内容"), (28, 72),
            (
                ("儿童", "{{ child_name }}，{{ child_sex }}，年龄或出生日期：{{ child_born }}"),
                ("个案编号", "{{ case_number }}"),
                ("移交人", "{{ handed_by }}"),
                ("接收单位", "{{ receiving_unit }}"),
                ("接收人", "{{ received_by }}"),
                ("具体地点", "{{ place_name }}"),
                ("交接时间", "{{ handed_at }}"),
                ("身体状况", "{{ condition }}"),
                ("随身物品", "{{ belongings }}"),
                ("制发单位和日期", "{{ unit }}（盖章）　{{ paper_date }}"),
            ),
        ),
        ("if carer_name", "委托照护：由{{ carer_name }}（与儿童的关系：{{ carer_relation }}）照护，委托到{{ entrusted_to }}。"),
        ("body", "接收方自接收时起负责儿童的日常照护和人身安全，不得把儿童再转交他人；儿童有伤病、走失或者其他紧急情况的，立即报告移交方和公安机关。"),
        ("body", "具体地点只告知履行职责必需的人员，任何人不得泄露。"),
        ("body", "移交人（签名）：＿＿＿　　＿＿年＿＿月＿＿日＿＿时"),
        ("body", "接收人（签名）：＿＿＿　　＿＿年＿＿月＿＿日＿＿时"),
        ("body", "儿童本人（愿意时签名）：＿＿＿"),
    ),
    "township-notice": (
        ("title", "处置情况告知函"),
        ("number", "{{ number }}"),
        ("to", "{{ township }}："),
        ("body", "{{ child_name }}，{{ child_sex }}，年龄或出生日期：{{ child_born }}，住{{ child_place }}（个案编号{{ case_number }}）。现将处置情况告知如下："),
        ("body", "一、儿童现状：{{ outcome }}。"),
        ("body", "二、处置情况：{{ outcome_summary }}"),
        ("body", "三、属实或者需要帮扶：{{ help_needed }}。"),
        ("body", "请接函后组织调查评估，落实帮扶，并把安排告知本单位。函中内容涉及未成年人个人信息，只用于履行职责，请妥善保管。"),
        ("body", "联系人：{{ author }}　　联系电话：＿＿＿"),
        *_end(),
    ),
    "rectification": (
        ("title", "整改通知书"),
        ("number", "{{ number }}"),
        ("to", "{{ rectify_unit }}："),
        ("body", "经查，你单位存在下列问题："),
        ("body", "{{ rectify_problem }}"),
        ("body", "以上问题不符合：{{ rectify_basis }}。"),
        ("body", "请于{{ rectify_by }}前完成整改，并把整改结果书面报告本单位。逾期不整改或者整改不到位的，依照有关规定处理。"),
        ("body", "联系人：{{ author }}　　联系电话：＿＿＿"),
        *_end(),
    ),
}  # fmt: skip
