"""What re-execution finds: a proof for each case, and where the record and the engine differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.text import Text

WRONG: Mapping[str, Text] = {
    "key": Text("个案的密钥打不开，可能被换过", "the case's key does not open; it may have been replaced"),
    "unsealed": Text("密封内容缺失", "what was sealed is missing"),
    "seal": Text("密封内容打不开，可能被改过", "what was sealed does not open; it may have been altered"),
    "commitment": Text("密封内容和记录承诺的不一致，被改过", "what was sealed is not what the event committed to: it was altered"),
    "unreadable": Text("记录的写法不对，不是本系统写入的", "the event is not written as this system writes it"),
    "instance": Text("记录所属的流程实例不存在", "the event belongs to an instance that is not there"),
    "definition": Text("流程图和记录的不是同一份", "the diagram is not the one that was recorded"),
    "refused": Text("引擎不接受这条命令", "the engine refuses the command"),
    "failed": Text("重新执行时出错", "running it again failed"),
    "answers": Text("引擎要的结果和记录的对不上", "the engine asks for another result than was recorded"),
    "date": Text("按记录的事实和期限规则算出另一个日期", "the recorded facts and the rule give another date"),
    "redated": Text("按今天的日历或规则会算出另一个日期", "today's calendar or rules would give another date"),
    "transitions": Text("流转和记录不同", "the transitions differ"),
    "state": Text("流转相同，但状态不同", "the transitions are the same, the state is not"),
    "status": Text("实例的状况和记录得出的不同", "the instance's status is not what the record leads to"),
    "stored_seal": Text("存储的状态不是这个实例的，可能被改过", "the stored state is not this instance's own; it may have been altered"),
    "stored": Text("存储的状态不是记录得出的", "the stored state is not what the record leads to"),
    "unrecorded": Text("有状态而没有记录，或有记录而没有状态", "there is a state without a record, or a record without a state"),
}  # fmt: skip
ERASED = Text("已依法删除，不能重新执行", "cannot be re-executed: lawfully erased")


class Differs(Exception):
    """Where running a command again parts from the record; `code` is one of WRONG."""

    def __init__(self, code: str, recorded: str = "", again: str = "") -> None:
        super().__init__(code)
        self.code, self.recorded, self.again = code, recorded, again


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first difference in an instance: the event's number in its case, the command, what stands against what."""

    case_id: int
    instance_id: int
    seq: int
    command: str
    code: str
    recorded: str = ""
    again: str = ""

    @property
    def text(self) -> Text:
        """Which case, event and command, and what is wrong, in words."""
        command = f" ({self.command})" if self.command else ""
        zh = f"个案 {self.case_id} 第 {self.seq} 条{command}：{WRONG[self.code].zh}"
        en = f"case {self.case_id}, event {self.seq}{command}: {WRONG[self.code].en}"
        if not (self.recorded or self.again):
            return Text(zh, en)
        recorded, again = self.recorded or "—", self.again or "—"
        return Text(f"{zh}；记录为 {recorded}，重算为 {again}", f"{en}; recorded {recorded}, again {again}")


@dataclass(frozen=True, slots=True)
class Proof:
    """What running one case again showed. It holds when nothing differs; an erased case is neither proved nor at fault.

    `exact` of the `steps` were compared byte for byte; the others were written by another version of
    the engine, and their transitions were compared. `redated` are dates that were provisional, or set
    by another version, and would be reckoned otherwise today: expected, and listed.
    """

    case_id: int
    instances: int = 0
    steps: int = 0
    exact: int = 0
    divergences: tuple[Divergence, ...] = ()
    redated: tuple[Divergence, ...] = ()
    erased: bool = False

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against the case."""
        return not self.divergences

    @property
    def text(self) -> Text:
        """The proof in a line."""
        if self.erased:
            return Text(f"个案 {self.case_id}：{ERASED.zh}", f"case {self.case_id}: {ERASED.en}")
        if self.divergences:
            first = self.divergences[0].text
            more = len(self.divergences) - 1
            return Text(f"{first.zh}（另有 {more} 处）", f"{first.en} (and {more} more)") if more else first
        return Text(
            f"个案 {self.case_id}：{self.instances} 个实例、{self.steps} 步重新执行，与记录一致",
            f"case {self.case_id}: {self.instances} instances, {self.steps} steps run again, as recorded",
        )


@dataclass(slots=True)
class Tally:
    """Proofs, counted."""

    cases: int = 0
    instances: int = 0
    steps: int = 0
    exact: int = 0
    erased: int = 0
    differing: int = 0
    redated: int = 0

    def add(self, proof: Proof) -> None:
        """Count one more case."""
        self.cases += 1
        self.instances += proof.instances
        self.steps += proof.steps
        self.exact += proof.exact
        self.erased += proof.erased
        self.differing += not proof.holds
        self.redated += len(proof.redated)

    def text(self, seconds: float) -> Text:
        """The summary line of a run that took `seconds`."""
        rate = self.cases / seconds if seconds else 0.0
        same = self.cases - self.differing - self.erased
        return Text(
            f"{self.cases} 个个案、{self.instances} 个实例、{self.steps} 步（{self.exact} 步逐字节比对）：{same} 个与记录一致，"
            f"{self.differing} 个不一致，{self.erased} 个已依法删除，{self.redated} 个日期今天会另算；"
            f"{seconds:.1f} 秒，每秒 {rate:.1f} 个个案",
            f"{self.cases} cases, {self.instances} instances, {self.steps} steps ({self.exact} byte for byte): "
            f"{same} as recorded, {self.differing} differ, {self.erased} lawfully erased, {self.redated} dates would "
            f"be reckoned otherwise today; {seconds:.1f} s, {rate:.1f} cases/s",
        )
