"""The region tree to practise with: Zhangye and its six counties as they are, townships, villages and units invented.

A unit's code is its region's code, with the sector behind it when it does not govern the region.
Source: GB/T 2260 (620700, 620702, 620721 to 620725).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

CITY = "620700"
CITY_PATH = "/620000/620700/"
COUNTIES = (
    ("620702", "甘州区", "Ganzhou District"),
    ("620721", "肃南裕固族自治县", "Sunan Yugur Autonomous County"),
    ("620722", "民乐县", "Minle County"),
    ("620723", "临泽县", "Linze County"),
    ("620724", "高台县", "Gaotai County"),
    ("620725", "山丹县", "Shandan County"),
)
TOWNSHIPS = (
    ("柳河", "Liuhe"), ("沙井", "Shajing"), ("双桥", "Shuangqiao"), ("白塔", "Baita"),
    ("雪泉", "Xuequan"), ("松岭", "Songling"), ("鹿角湾", "Lujiaowan"), ("青石", "Qingshi"),
    ("永丰", "Yongfeng"), ("南渠", "Nanqu"), ("大坪", "Daping"), ("三墩", "Sandun"),
    ("平湖", "Pinghu"), ("新沟", "Xingou"), ("枣园", "Zaoyuan"), ("北滩", "Beitan"),
    ("长堤", "Changdi"), ("合水", "Heshui"), ("黑泉口", "Heiquankou"), ("石门", "Shimen"),
    ("东岭", "Dongling"), ("马场坡", "Machangpo"), ("清溪", "Qingxi"), ("远望", "Yuanwang"),
)  # fmt: skip
"""Four for each county, in the counties' order; invented."""
VILLAGES = (("红柳滩", "Hongliutan"), ("沙枣庄", "Shazaozhuang"), ("月牙湾", "Yueyawan"), ("胡麻沟", "Humagou"),
            ("骆驼墩", "Luotuodun"), ("苜蓿坪", "Muxuping"), ("青稞地", "Qingkedi"), ("石槽子", "Shicaozi"),
            ("白杨渠", "Baiyangqu"), ("芦苇塘", "Luweitang"), ("豆家庄", "Doujiazhuang"), ("上河沿", "Shangheyan"))  # fmt: skip
"""Three for each of a county's four townships, alike in every county; invented."""
OFFICES = {
    "city": (
        ("civil_affairs", "张掖市民政局", "Zhangye Civil Affairs Bureau"),
        ("police", "张掖市公安局", "Zhangye Public Security Bureau"),
        ("governance", "张掖市综治办", "Zhangye Comprehensive-Governance Office"),
        ("audit", "张掖市审计局", "Zhangye Audit Office"),
        ("education", "张掖市教育局", "Zhangye Education Bureau"),
        ("health", "张掖市卫生健康委", "Zhangye Health Commission"),
    ),
    "county": (
        ("civil_affairs", "民政局", "Civil Affairs Bureau"),
        ("police", "公安局", "Public Security Bureau"),
        ("education", "教育局", "Education Bureau"),
        ("health", "人民医院", "People’s Hospital"),
        ("justice", "法律援助中心", "Legal Aid Centre"),
        ("relief_institution", "救助管理站", "Relief Station"),
        ("welfare_institution", "儿童福利院", "Children’s Welfare Home"),
        ("womens_federation", "妇女联合会", "Women’s Federation"),
    ),
    "external": (
        ("social_work", "春苗社会工作服务中心", "Chunmiao Social Work Centre"),
        ("social_organisation", "守护之家公益协会", "Home of Care Association"),
        ("volunteer", "志愿者协会", "Volunteers’ Association"),
        ("care_committee", "关心下一代工作委员会", "Committee for the Next Generation"),
    ),
    "township": (
        ("police", "派出所", "Police Station"),
        ("education", "中心小学", "Central Primary School"),
    ),
}
"""Bodies beside the one that governs, by level: sector, name. Outside bodies serve a county."""


@dataclass(frozen=True, slots=True)
class Place:
    """A unit to be: where it stands in the tree and what it is called."""

    code: str
    parent: str | None
    path: str
    level: str
    sector: str
    zh: str
    en: str


def places() -> Iterator[Place]:
    """Every unit, each after the one above it; the body that governs a region comes first there."""
    yield Place(CITY, None, CITY_PATH, "city", "city_government", "张掖市", "Zhangye City")
    for sector, zh, en in OFFICES["city"]:
        yield Place(f"{CITY}-{sector}", CITY, CITY_PATH, "city", sector, zh, en)
    for index, (code, zh, en) in enumerate(COUNTIES):
        yield from _county(code, zh, en, TOWNSHIPS[4 * index : 4 * index + 4])


def _county(code: str, zh: str, en: str, townships: tuple[tuple[str, str], ...]) -> Iterator[Place]:
    path = f"{CITY_PATH}{code}/"
    yield Place(code, CITY, path, "county", "county_government", zh, en)
    for level in ("county", "external"):
        for sector, name_zh, name_en in OFFICES[level]:
            yield Place(f"{code}-{sector}", code, path, level, sector, f"{zh}{name_zh}", f"{en} {name_en}")
    for index, (name_zh, name_en) in enumerate(townships):
        villages = VILLAGES[3 * index : 3 * index + 3]
        yield from _township(f"{code}{101 + index}", code, path, name_zh, name_en, villages)


def _township(
    code: str, county: str, above: str, zh: str, en: str, villages: tuple[tuple[str, str], ...]
) -> Iterator[Place]:
    path = f"{above}{code}/"
    yield Place(code, county, path, "township", "township_government", f"{zh}镇", f"{en} Town")
    for sector, name_zh, name_en in OFFICES["township"]:
        yield Place(f"{code}-{sector}", code, path, "township", sector, f"{zh}{name_zh}", f"{en} {name_en}")
    for index, (name_zh, name_en) in enumerate(villages):
        village = f"{code}{201 + index}"
        yield Place(village, code, f"{path}{village}/", "village", "village", f"{name_zh}村", f"{name_en} Village")
