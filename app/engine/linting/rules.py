"""Every rule of the lint: its id, how grave it is, what it says and how to mend it.

An "error" keeps a diagram from running; a "warning" does not. Ids are stable: tests, pages and
people rely on them. `{name}`-style places are filled by the finding.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from app.engine.faults import DiagramError
from app.text import Text

Severity = Literal["error", "warning"]
_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: `element` is its id in the diagram ("" for the whole file)."""

    rule: str
    severity: Severity
    element: str
    message: Text
    hint: Text


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule met at an element, with what fills the places in its words."""

    rule: str
    element: str
    places: tuple[tuple[str, str], ...] = ()


Findings = Iterator[Finding]


@dataclass(frozen=True, slots=True)
class _Rule:
    severity: Severity
    message: Text
    hint: Text


def found(rule: str, element: str, **places: str) -> Finding:
    """A finding; KeyError for a rule that does not exist."""
    RULES[rule]
    return Finding(rule, element, tuple(places.items()))


def of_file(fault: DiagramError) -> list[Problem]:
    """Why a whole file cannot be read."""
    places = {name: str(value) for name, value in fault.ids.items() if name != "element"}
    return problems([found(fault.code, "", **places)])


def problems(findings: Iterable[Finding]) -> list[Problem]:
    """The findings in words, each once, in the order found."""
    return [_say(finding) for finding in dict.fromkeys(findings)]


def _say(finding: Finding) -> Problem:
    rule = RULES[finding.rule]
    places = dict(finding.places)
    return Problem(finding.rule, rule.severity, finding.element, _fill(rule.message, places), _fill(rule.hint, places))


def _fill(text: Text, places: dict[str, str]) -> Text:
    said = {name: " ".join(value.split()) for name, value in places.items()}
    shown = {name: value if len(value) <= 80 else value[:77] + "…" for name, value in said.items()}
    zh, en = (_PLACE.sub(lambda place: shown.get(place[1], place[0]), each) for each in (text.zh, text.en))
    return Text(zh, en)


def _table(severity: Severity, rows: str) -> dict[str, _Rule]:
    """One rule a line: id | message zh | message en | hint zh | hint en."""
    table = {}
    for row in rows.strip().splitlines():
        rule, zh, en, hint_zh, hint_en = (part.strip() for part in row.split("|"))
        table[rule] = _Rule(severity, Text(zh, en), Text(hint_zh, hint_en))
    return table


_FILE = """
file.size | 文件超过 1 MB | The file is larger than 1 MB | 拆成几张图 | Split it into several diagrams
file.doctype | 文件声明了 DOCTYPE 或实体，出于安全不读 | The file declares a DOCTYPE or entities, which are never read | 用建模工具重新导出 | Export it again from a modelling tool
file.xml | 第 {line} 行起不是格式完好的 XML | From line {line} this is not well-formed XML | 用建模工具重新导出 | Export it again from a modelling tool
file.prefix | 第 {line} 行用了没有声明的命名空间前缀 | Line {line} uses a namespace prefix that is not declared | 在根元素上用 xmlns 声明它，或用建模工具重新导出 | Declare it by xmlns at the root, or export the file again from a modelling tool
file.not-bpmn | 不是 BPMN 2.0 文件 | This is not a BPMN 2.0 file | 导出时选 BPMN 2.0 XML | Choose BPMN 2.0 XML when exporting
file.misplaced | 第 {line} 行的流程元素夹在图形信息里，不属于任何流程 | The process element in line {line} stands inside the drawing information, in no process | 用建模工具重新导出 | Export it again from a modelling tool
file.elements | 元素超过 2000 个 | There are more than 2000 elements | 拆成几个流程，用调用活动相连 | Split it into processes joined by call activities
file.too-heavy | 读这份文件花的时间或内存太多，没有读完 | Reading this file took too much time or memory and was stopped | 拆成几张图，或用建模工具重新导出 | Split it into several diagrams, or export it again from a modelling tool
file.unjudged | 这份文件看不懂 | This file cannot be judged | 用建模工具打开并重新导出 | Open it in a modelling tool and export it again
diagram.unreadable | 图转不成可运行的流程 | The diagram cannot be made into a process that runs | 检查这一处的连线和设置 | Check the flows and settings at this place
"""

_STRUCTURE = """
id.missing | 有元素没有编号 | An element has no id | 用建模工具打开并保存，会自动编号 | Open and save it in a modelling tool, which numbers elements
id.repeated | 编号“{id}”用了不止一次 | The id “{id}” is used more than once | 每个编号只用一次 | Use each id once
id.reserved | 编号“{id}”留给引擎自用 | The id “{id}” is the engine's own | 换一个编号 | Choose another id
id.shape | 编号“{id}”里有不能用的字符或太长 | The id “{id}” is too long or holds characters it may not | 用字母、数字、下划线或汉字，不超过 100 个 | Use up to 100 letters, digits and underscores
flow.no-id | 有连线没有编号，引擎会丢掉它 | A sequence flow has no id: the engine would drop it | 用建模工具打开并保存 | Open and save it in a modelling tool
flow.twice | 同样的连线画了两条，会走出两个令牌 | The same flow is drawn twice: two tokens would move | 删去一条 | Remove one
flow.dangling | 连线没有接上同一层的两个元素 | A sequence flow does not join two elements of one level | 重新接好连线的两头 | Connect both ends of the flow
start.missing | 没有开始事件 | There is no start event | 加一个开始事件 | Add a start event
start.several | 有不止一个开始事件 | There is more than one start event | 只留一个开始；别的入口另画流程 | Keep one start; draw other entries as processes of their own
start.several-flows | 开始事件后有几条连线 | Several flows leave the start | 先接一个网关 | Put a gateway after the start
start.in-subprocess | 子流程的开始只能是空开始 | A sub-process begins with a plain start | 去掉开始事件里的定义 | Remove the start's event definition
end.missing | 没有结束事件，实例永远不会办结 | There is no end event: the instance would never be complete | 加一个结束事件 | Add an end event
node.unreachable | 从开始走不到这里 | No path from the start leads here | 接上连线或删去 | Connect it or remove it
node.dead-end | 走到这里就断了 | The path breaks off here | 接到下一步或结束事件 | Lead it on, or to an end event
start.incoming | 有连线回到开始事件 | A flow leads back into the start | 接到开始后的第一个元素 | Lead it to the first element after the start
end.outgoing | 结束事件后还有连线 | A flow leaves an end event | 删去连线，或改用中间事件 | Remove it, or use an intermediate event
"""

_ELEMENTS = """
element.unsupported | 引擎不运行“{tag}” | The engine does not run “{tag}” | 换用任务、网关、事件、子流程或调用活动 | Use tasks, gateways, events, sub-processes or call activities
gateway.complex | 不支持复杂网关 | Complex gateways are not run | 改用排他或包容网关 | Use an exclusive or inclusive gateway
subprocess.adhoc | 不支持即席子流程 | Ad-hoc sub-processes are not run | 画出顺序，或分别发起流程 | Draw the order, or start processes of their own
subprocess.event | 不支持事件子流程 | Event sub-processes are not run | 改用边界事件，或另立流程由消息发起 | Use a boundary event, or a process started by a message
subprocess.transaction | 不支持事务子流程 | Transactions are not run | 改用普通子流程 | Use a plain sub-process
task.script | 图中不能有脚本任务 | Script tasks are not run | 改为服务任务，写明登记过的操作 | Use a service task that names a registered operation
task.business-rule | 不支持业务规则任务 | Business rule tasks are not run | 改为服务任务，或用网关条件 | Use a service task, or conditions on a gateway
task.pre-script | 元素前后带有脚本 | A script is tied to this element | 删去脚本，改用服务任务 | Remove the script; use a service task
task.several-flows | 任务后有几条连线 | Several flows leave this element | 先接一个网关 | Put a gateway after it
flow.condition-on-task | 条件写在任务后的连线上，引擎不看 | A condition stands on a flow that leaves no gateway: it is never read | 在任务后加排他网关 | Put an exclusive gateway after the task
event.signal | 不支持信号：抛出后没有谁会收到 | Signals are not run: nobody would receive them | 改用消息 | Use a message
event.link | 不支持链接事件：令牌会丢失 | Link events are not run: the token would be lost | 直接用连线相接 | Connect the two with a flow
event.compensation | 不支持补偿：什么也不会发生 | Compensation is not run: nothing would happen | 把撤销画成普通步骤 | Draw the undoing as ordinary steps
event.conditional | 不支持条件事件：看不到数据变化 | Conditional events are not run: they never see the change | 改用消息 | Use a message
event.error | 不支持错误事件：会串到并行的分支，未捕获时照常往下走 | Error events are not run: they leak into parallel branches, and uncaught ones are ignored | 把结果记为变量，用排他网关分流 | Keep the result in a variable and branch on it
event.escalation | 不支持升级事件：会串到并行的分支 | Escalation events are not run: they leak into parallel branches | 改用消息，逾期由期限处理 | Use a message; deadlines see to what is late
event.cancel | 不支持取消事件 | Cancel events are not run | 改用排他网关 | Use an exclusive gateway
event.multiple | 一个事件里有几个定义 | One event has several definitions | 拆成几个事件，用事件网关 | Split it into events behind an event gateway
event.undefined | 这个事件没有说明等什么 | The event does not say what it waits for | 选消息或计时 | Choose a message or a timer
event.wrong-place | 这种事件不能放在这里 | This kind of event cannot stand here | 换一种事件 | Use another kind of event
message.missing | 没有选消息，或消息没有名称 | No message is chosen, or it has no name | 选一个消息并命名 | Choose a message and name it
receive.no-message | 接收任务没有选消息，会立即通过 | The receive task names no message: it would pass at once | 选一个消息 | Choose a message
boundary.non-interrupting-message | 不中断的消息边界事件只触发一次，之后出错 | A non-interrupting message boundary fires once and then fails | 改为中断，或另立流程由消息发起 | Make it interrupting, or start a process by the message
boundary.detached | 边界事件没有附在活动上 | The boundary event is attached to no activity | 把它拖到任务或子流程的边上 | Drag it onto the edge of a task or sub-process
boundary.incoming | 有连线进入边界事件 | A flow leads into a boundary event | 接到它后面的元素 | Lead it to the element behind it
loop.standard | 不支持标准循环标记 | The standard loop marker is not run | 用排他网关画出循环 | Draw the loop with an exclusive gateway
loop.cardinality | 多实例按次数重复，不知道为谁办 | The multi-instance task counts instead of naming for whom | 选一个集合变量 | Name a collection variable
loop.code | 多实例里写着代码“{text}”，从不执行 | The multi-instance task holds code, “{text}”, which is never run | 选一个集合变量 | Name a collection variable
loop.no-collection | 多实例没有选集合 | The multi-instance task names no collection | 选一个集合变量 | Name a collection variable
loop.data | 多实例带输入项或输出项，再次进入时会出错 | Input or output items of a multi-instance task fail on the second round | 删去，结果用操作汇总 | Remove them; gather results by an operation
loop.only-people | 多实例只能用于人的任务 | Only a person's task may be multi-instance | 为每一项发起一个流程 | Start a process for each item
call.no-process | 调用活动没有写明流程 | The call activity names no process | 写上流程编号 | Name the process
call.self | 流程调用了自己 | The process calls itself | 改用消息发起新的实例 | Start a new instance by a message
call.unknown | 没有流程“{process}” | There is no process “{process}” | 检查编号，或先上传那张图 | Check the id, or upload that diagram first
service.no-operation | 服务任务没有写明操作 | The service task names no operation | 写上登记过的操作 | Name a registered operation
"""

_TIMING = """
timer.months | 时长按月或年算，会错三天之多 | A duration in months or years can be three days wrong | 用期限：计时写 due_期限编号 | Use a deadline: let the timer name due_<deadline>
timer.duration | 时长写死在图里 | A duration is fixed in the diagram | 用期限：计时写 due_期限编号 | Use a deadline: let the timer name due_<deadline>
loop.no-way-out | 这一圈没有网关可以离开 | No gateway leads out of this loop | 在循环里加一个排他网关 | Put an exclusive gateway on the loop
timer.cycle | 不支持循环计时 | Timer cycles are not run | 用一次计时，到点后再等 | Use one timer and wait again
timer.not-a-variable | 计时“{text}”不是一个变量名 | The timer “{text}” is not the name of a variable | 写变量名，如 due_D02 | Write the name of a variable, such as due_D02
timer.undefined | 计时没有写时间 | The timer names no time | 写变量名，如 due_D02 | Write the name of a variable, such as due_D02
loop.no-wait | 这一圈里没有等待，会一直转下去 | Nothing on this loop waits: it would run for ever | 在循环里加任务、消息或计时 | Put a task, a message or a timer on the loop
"""

_TIMING_WARNINGS = """
wait.no-timer | 只等消息，没有期限，可能永远等下去 | It waits for a message without a limit, perhaps for ever | 加一个计时，到点由人催办 | Add a timer, so that a person chases it
timer.reused | 循环里重用同一个到期时间“{text}” | The same date “{text}” is used again in a loop | 每一轮重新算，或用 due_期限编号 | Compute it each round, or use due_<deadline>
message.two-branches | 并行的两支都等消息“{name}”，会走出两个令牌 | Two parallel branches wait for “{name}”: both would move | 在分支前等，或用不同的消息 | Wait before the split, or use two messages
"""

_BRANCHING = """
gateway.no-default | 没有默认分支 | There is no default branch | 把最稳妥的一支设为默认 | Make the most careful branch the default
gateway.no-condition | 分支没有条件 | A branch has no condition | 写上条件，或设为默认 | Write its condition, or make it the default
gateway.bad-default | 默认分支不是从这里出去的连线 | The default is no flow that leaves here | 重新选默认分支 | Choose the default again
gateway.split-and-join | 同一个网关又分又合，会把令牌弄错 | One gateway both splits and joins: tokens go wrong | 拆成两个网关 | Use two gateways
gateway.join-on-cycle | 汇合网关在循环里，会把上一轮的令牌算进来 | The joining gateway is on a loop: it counts tokens of earlier rounds | 把分与合放进一个子流程 | Put split and join into a sub-process of their own
gateway.overlap | 条件重叠：{value} 时有两支成立 | Conditions overlap: two branches hold when {value} | 让每个取值只走一支 | Let each value take one branch
gateway.never | 这一支永远不会走 | This branch is never taken | 改条件或删去 | Change the condition or remove it
gateway.too-many-paths | 从这里起并行的路太多，成倍增长 | Too many parallel paths lead on from here: they multiply | 把并行的部分放进子流程或调用活动 | Put parallel parts into sub-processes or call activities
event-gateway.timers | 事件网关后有不止一个计时 | More than one timer follows the event gateway | 只留一个计时 | Keep one timer
event-gateway.same-message | 事件网关后两处等同一个消息 | Two events behind the gateway wait for the same message | 用不同的消息 | Use different messages
event-gateway.one | 事件网关后不足两路，没有可等的选择 | Fewer than two ways leave the event gateway: there is nothing to choose | 加一路，或直接用事件 | Add a way, or use the event alone
event-gateway.target | 事件网关后只能接等消息或计时的事件 | Only events that catch a message or a timer may follow an event gateway | 换成捕获事件 | Use catching events
event-gateway.shared | 事件网关后的事件还有别的连线进入 | Another flow leads into an event behind the gateway | 让它只接在事件网关后 | Let only the gateway lead to it
condition.language | 条件写法不对：{why} | The condition cannot be read: {why_en} | 例：danger == "yes" and not found | Example: danger == "yes" and not found
condition.foreign | 条件“{what}”是给别的引擎写的，译不成本系统的写法 | The condition “{what}” is written for another engine and cannot be said in ours | 用表单里的项重写，例：danger == "yes" and not found | Rewrite it with the fields of a form, for example: danger == "yes" and not found
condition.unknown-name | 条件里的“{name}”没有任何表单、操作或消息给出 | Nothing gives the “{name}” in this condition: no form, operation or message | 检查拼写，或在表单里加这一项 | Check the spelling, or add the field to a form
condition.type | 条件里的类型对不上：{why} | The condition compares what cannot be compared: {why_en} | 按这一项的取值改写 | Write it for the values of this field
collection.unknown-name | 没有“{name}”这个集合 | There is no collection “{name}” | 检查拼写，或由操作给出 | Check the spelling, or let an operation set it
timer.unknown-name | 没有任何表单、操作或消息给出时间“{name}” | Nothing gives the date “{name}”: no form, operation or message | 检查拼写，或用 due_期限编号 | Check the spelling, or use due_<deadline>
"""

_BRANCHING_WARNINGS = """
gateway.default-condition | 默认分支上写了条件，引擎不看 | A condition stands on the default branch: it is never read | 删去条件 | Remove the condition
gateway.order-matters | 条件重叠：{value} 时有两支成立，按图中先后取一支 | Conditions overlap: when {value} two branches hold, and the first in the file is taken | 若要互斥，改写条件 | Write the conditions so that they exclude each other
gateway.default-unused | 每个取值都有分支，默认分支不会走 | Every value has its branch: the default is never taken | 删去一支的条件，让它作默认 | Let one of the branches be the default
condition.not-set-here | 本图里没有谁给出“{name}”，要由调用它的流程带来 | Nothing in this diagram sets “{name}”: a calling process must bring it | 确认调用方已给出 | Make sure that the caller sets it
name.no-english | 没有英文名 | There is no English name | 填 name_en | Fill in name_en
data.drawn-only | 数据对象和存储只是图示，引擎不读写 | Data objects and stores are only drawn: the engine neither reads nor writes them | 数据由表单和操作保存 | Data is kept by forms and operations
process.drawing | 流程标为不可执行：只作图示 | The process is marked not executable: it is kept as a drawing | 要运行请设为可执行 | Mark it executable to run it
process.none | 文件里没有流程：只作图示 | The file holds no process: it is kept as a drawing | 加一个可执行的流程 | Add an executable process
element.foreign | “{tag}”不是 BPMN 元素，引擎不读 | “{tag}” is no element of BPMN: the engine does not read it | 要运行就换用 BPMN 的任务、网关或事件 | For it to run, use a task, gateway or event of BPMN
beside.ignored | 这里的“{what}”只作图示，引擎不读 | “{what}” is only kept here: the engine does not read it | 用 role、form、deadline 写明谁办、办什么 | Say who does what by role, form and deadline
foreign.ignored | 这里的“{what}”是给别的引擎看的，本系统不读 | “{what}” is meant for another engine and is not read here | 用 role、form、deadline 写明谁办、办什么 | Say who does what by role, form and deadline
"""

_DUTIES = """
task.no-form | 任务没有表单 | The task has no form | 选一张表单 | Choose a form
task.no-role | 任务没有写明岗位 | The task does not say who does it | 选一个岗位 | Choose a role
task.no-deadline | 任务没有期限 | The task has no deadline | 选期限；确无期限选 D00 并说明 | Choose a deadline; D00, with its reason, if there is none
task.no-clause | 任务没有依据 | The task names no basis | 写条款，或 law:/proposal: 依据 | Name a clause, or a law: or proposal: basis
form.unknown | 没有表单“{id}” | There is no form “{id}” | 检查编号 | Check the id
role.unknown | 没有岗位“{id}” | There is no role “{id}” | 检查编号 | Check the id
deadline.unknown | 没有期限“{id}” | There is no deadline “{id}” | 检查编号 | Check the id
clause.unknown | 没有条款或依据“{id}” | There is no clause or basis “{id}” | 检查编号 | Check the id
operation.unknown | 没有登记的操作“{id}” | There is no registered operation “{id}” | 检查名称，或请开发登记 | Check the name, or have it registered
operation.sets | 操作“{id}”不给出“{name}” | The operation “{id}” does not set “{name}” | 改 sets，与操作登记的一致 | Make sets agree with the operation
message.unknown | 消息“{id}”没有登记 | The message “{id}” is not registered | 在 messages.json 登记 | Register it in messages.json
message.payload | 消息“{id}”不带“{name}” | The message “{id}” does not carry “{name}” | 改 payload，与登记的一致 | Make payload agree with the register
foreign.code | 这里的“{what}”要由别的引擎执行 | “{what}” is code for another engine | 改为服务任务，写明登记过的操作 | Use a service task that names a registered operation
"""

_CHANGES = """
mended.flow-id | 连线没有编号，编为“{id}” | A sequence flow had no id: it is now “{id}” | 核对后保存 | Look at it, then save
mended.id | 元素没有编号，编为“{id}” | An element had no id: it is now “{id}” | 核对后保存 | Look at it, then save
mended.renamed | 编号“{was}”不能用，改为“{id}” | The id “{was}” cannot be used: it is now “{id}” | 核对后保存 | Look at it, then save
layout.made | 图没有版面，已排好版 | The diagram had no layout: it was laid out | 核对后保存 | Look at it, then save
layout.remade | 版面里缺 {count} 个元素，整张图重新排了版 | The layout lacked {count} elements: the whole diagram was laid out anew | 核对后保存 | Look at it, then save
layout.plain | 元素有 {count} 个，只按格子排列 | There are {count} elements: they were put on a plain grid | 自己挪好，或拆成几张图 | Move them as you like, or split the diagram
layout.line | 这条连线没有画出，已补一条直线 | This flow was not drawn: a straight line was added | 核对后保存 | Look at it, then save
carried.over | “{what}”（{value}）照搬为“{to}” | “{what}” ({value}) is carried over as “{to}” | 核对是否同一回事 | Make sure that it means the same
carried.hint | “{what}”（{value}）本系统没有登记，记为提示“{to}” | “{what}” ({value}) is not registered here: it is kept as the hint “{to}” | 选一个登记过的，再删去提示 | Choose a registered one, then remove the hint
carried.condition | 条件“{was}”译为“{now}” | The condition “{was}” is now “{now}” | 核对是否同一回事 | Make sure that it means the same
"""

RULES: dict[str, _Rule] = {
    **_table("error", _FILE),
    **_table("error", _STRUCTURE),
    **_table("error", _ELEMENTS),
    **_table("error", _TIMING),
    **_table("warning", _TIMING_WARNINGS),
    **_table("error", _BRANCHING),
    **_table("warning", _BRANCHING_WARNINGS),
    **_table("error", _DUTIES),
    **_table("warning", _CHANGES),
}
