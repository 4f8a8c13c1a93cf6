"""What an audit found, in words: what holds, what does not and where, and what nobody can tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.services.audit.heads import SignedHead
from app.text import Text

WRONG: Mapping[str, Text] = {
    "number": Text("编号不连续，前面可能少了记录", "The numbers have a gap: events before this one may be missing"),
    "link": Text("接不上前一条记录", "It does not follow the event before it"),
    "hash": Text("内容和校验值不符，可能被改过", "The content does not fit its hash: it may have been altered"),
    "form": Text("内容的写法不规范，不是本系统写入的", "The content is not in canonical form: this system did not write it"),
    "column": Text("列里的值和记录内容不一致", "A column differs from the content of the record"),
    "sealed": Text("加密的内容打不开，或和当时的承诺值不符", "What is sealed does not open, or is not what was committed to"),
    "end": Text("个案登记的末条和记录不符，末尾可能被删", "The case names another last event: the end may have been cut off"),
    "key_gone": Text("密钥没有了，却没有依法删除的记录", "The key is gone, and no lawful erasure is on record"),
    "key_back": Text("依法删除过的密钥又出现了", "A key that was lawfully erased is back"),
    "place": Text("日志的位置不连续，应为第 {due} 位", "The places of the log have a gap: place {due} was due"),
    "gone": Text("日志里登记过的记录不见了", "An event that has its place in the log is gone"),
    "leaf": Text("日志里登记的不是这条记录：记录或日志被改过",
                 "The log holds another event here: the event or the log was altered"),
    "node": Text("日志树的中间值和记录不符", "A stored node of the log's tree does not fit the events"),
    "reach": Text("日志登记到第 {reach} 条，实际到第 {seq} 条",
                  "The log is said to hold the case up to event {reach}; it holds it up to {seq}"),
    "state": Text("日志登记的总数或右沿和内容不符", "The log's own count or edge does not fit its entries"),
    "head_number": Text("签名的编号不连续，应为第 {due} 次", "The heads have a gap: head {due} was due"),
    "head_form": Text("签名的内容读不出来，或和列不符", "The head cannot be read, or differs from its columns"),
    "head_link": Text("接不上前一次签名", "It does not follow the head before it"),
    "head_back": Text("比前一次签名的日志短，或时间更早", "It is shorter or earlier than the head before it"),
    "signature": Text("签名不是受信任的密钥签的", "It was not signed by a trusted key"),
    "root": Text("日志第 {start} 到 {end} 位之间的内容，和签名时不同",
                 "What stands in the log from place {start} to before place {end} is not what was signed"),
    "short": Text("签名时日志有 {size} 条，现在只有 {now} 条，末尾被删",
                  "When this was signed the log had {size} entries, now it has {now}: the end was cut off"),
    "heads_end": Text("应有 {due} 次签名，只有 {now} 次，末尾被删", "There should be {due} heads, there are {now}: the last are gone"),
    "anchor_line": Text("存证的一行读不出来：{line}", "A line of the anchors cannot be read: {line}"),
    "anchor_signature": Text("存证上的签名不是受信任的密钥签的", "The anchored head was not signed by a trusted key"),
    "anchor_head": Text("存过证的签名，数据库里没有，或者不一样", "A head that was anchored is missing from the database, or differs"),
    "anchor_event": Text("存证时这里是个案 {case} 的第 {seq} 条，现在{now}",
                         "When it was anchored, event {seq} of case {case} stood here; now {now_en}"),
    "anchor_short": Text("存证时日志有 {size} 条，现在只有 {now} 条，末尾被删",
                         "When it was anchored the log had {size} entries, now it has {now}: the end was cut off"),
    "anchor_root": Text("日志前 {size} 位的内容，和存证时不同",
                        "What stands in the first {size} places of the log is not what was anchored"),
    "look_gone": Text("封进记录的一次查看不见了", "A look that the record holds is gone"),
    "look_added": Text("多出一次查看，记录里没有", "There is a look here that the record does not hold"),
    "look_changed": Text("这次查看和封进记录时不同：人、时间或看的东西被改过",
                         "This look is not what the record holds: who, when or what was altered"),
    "looks_more": Text("另有 {count} 次查看对不上，没有逐条列出", "Another {count} looks do not hold and are not named here"),
}  # fmt: skip

CHAIN = frozenset(("number", "link", "hash", "form", "column", "end"))
"""Breaks of a case's own chain: behind the first, others only follow from it."""


@dataclass(frozen=True, slots=True)
class Break:
    """Something that does not hold: what (a key of WRONG), and the event, place, head, anchored head or look where it shows."""

    code: str
    case_id: int | None = None
    seq: int | None = None
    position: int | None = None
    head: int | None = None
    look: int | None = None
    values: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def text(self) -> Text:
        """What is wrong, in words."""
        words, told = WRONG[self.code], {"case": self.case_id, "seq": self.seq, **self.values}
        return Text(words.zh.format(**told), words.en.format(**told))

    @property
    def where(self) -> Text:
        """Where, in words: the event first, then its place in the log, then the head."""
        zh, en = [], []
        if self.case_id is not None:
            zh.append(f"个案 {self.case_id}" + (f" 第 {self.seq} 条" if self.seq is not None else ""))
            en.append(f"case {self.case_id}" + (f" event {self.seq}" if self.seq is not None else ""))
        if self.position is not None:
            zh.append(f"日志第 {self.position} 位")
            en.append(f"log place {self.position}")
        if self.head is not None:
            zh.append(f"第 {self.head} 次签名")
            en.append(f"head {self.head}")
        if self.look is not None:
            zh.append(f"查看第 {self.look} 号（第 {self.values['batch']} 批）")
            en.append(f"look {self.look} (batch {self.values['batch']})")
        return Text("，".join(zh) or "日志", ", ".join(en) or "log")


@dataclass(slots=True)
class Report:
    """An audit's result: how much was checked, what does not hold, and remarks that are no fault."""

    cases: int = 0
    events: int = 0
    entries: int = 0
    sealed: int = 0
    erased: int = 0
    looks: int = 0
    """Looks of which the record holds the hash."""
    heads: int = 0
    anchors: int = 0
    anchored: int = 0
    """Entries of the log that the newest anchored head covers."""
    last: SignedHead | None = None
    breaks: list[Break] = field(default_factory=list)
    remarks: list[Text] = field(default_factory=list)
    _seen: set[tuple[str, int | None, int | None]] = field(default_factory=set)

    def add(self, code: str, **where: Any) -> None:
        """Note the first break of each chain, each look, and the first of each other kind in a case or in the log."""
        known = {name: where.pop(name) for name in ("case_id", "seq", "position", "head", "look") if name in where}
        kind = ("chain" if code in CHAIN else code), known.get("case_id"), known.get("look")
        if kind not in self._seen:
            self._seen.add(kind)
            self.breaks.append(Break(code, **known, values=where))

    def remark(self, zh: str, en: str) -> None:
        """Note what a reader should know."""
        self.remarks.append(Text(zh, en))

    def words(self) -> list[Text]:
        """What was checked and holds; only said where nothing is broken."""
        said = [
            Text(f"{self.cases} 个个案的 {self.events} 条记录：编号连续，逐条相接，内容和校验值相符。",
                 f"{self.events} events of {self.cases} cases: numbered without gaps, each follows from the one before,"
                 " content fits its hash."),
            Text(f"其中 {self.entries} 条已登入总日志：位置连续，和日志树相符。",
                 f"{self.entries} of them have their place in the log: without gaps, as the tree says."),
        ]  # fmt: skip
        if self.sealed:
            said.append(Text(f"{self.sealed} 条加密内容打得开，和当时的承诺值相符。",
                             f"{self.sealed} sealed contents open and are what was committed to."))  # fmt: skip
        if self.erased:
            said.append(Text(f"{self.erased} 个个案的个人信息已依法删除，链条完整。",
                             f"The personal data of {self.erased} cases was lawfully erased; their chains are whole."))  # fmt: skip
        if self.looks:
            said.append(Text(f"{self.looks} 次查看，和封进记录时一样，没有少也没有多。",
                             f"{self.looks} looks are what was folded into the record; none is gone, none was added."))  # fmt: skip
        if self.heads:
            said.append(Text(f"{self.heads} 次签名：编号连续，逐次相接，都由受信任的密钥签成，签的就是这些记录。",
                             f"{self.heads} heads: numbered without gaps, each follows from the one before, all signed by"
                             " a trusted key, over these very events."))  # fmt: skip
        if self.anchors:
            said.append(Text(f"{self.anchors} 次存证都和数据库一致，最新一次管到日志前 {self.anchored} 位。",
                             f"{self.anchors} anchored heads agree with the database; the newest covers the first"
                             f" {self.anchored} places."))  # fmt: skip
        return said
