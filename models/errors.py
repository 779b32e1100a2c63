"""One tree of errors. The family tells the caller what to do, the code tells the reader which.

    MinshengError
    ├── Retry        later, the same call may succeed (a server is busy or away)
    ├── Quarantine   this one record, never (it is kept aside with the reason)
    └── Refuse       tell the sender (bad input, no right, full)

Every concrete error has a code `MS` + three digits, unique in the tree (a house test says so), an HTTP status,
fields that hold the values seen, and a Chinese sentence with the value seen and the repair.
"""

from __future__ import annotations

from typing import Any, ClassVar


class MinshengError(Exception):
    """Root of the tree; never raised itself."""

    code: ClassVar[str] = "MS000"
    status: ClassVar[int] = 500
    sentence: ClassVar[str] = "内部错误。"

    def __init__(self, **fields: Any) -> None:
        self.fields = fields
        super().__init__(self.message)

    @property
    def message(self) -> str:
        return self.sentence.format(**self.fields)

    def __str__(self) -> str:
        return f"{self.code} {self.message}"


class Retry(MinshengError):
    """Later, the same call may succeed."""

    status = 503


class Quarantine(MinshengError):
    """This record, never; it is kept aside with the reason."""

    status = 422


class Refuse(MinshengError):
    """Tell the sender."""

    status = 400


# --- Retry: 1xx -------------------------------------------------------------------------------------------------
class StoreUnavailable(Retry):
    code = "MS101"
    sentence = "检索库 {engine} 暂时不可用（{reason}）。稍后重试；若持续出现，请运行 minsheng doctor。"


class DatabaseBusy(Retry):
    code = "MS102"
    sentence = "状态库忙（{reason}）。稍后重试。"


class InboxFull(Retry):
    code = "MS103"
    status = 429
    sentence = "收件箱已满：等待 {waiting} 件，上限 {limit} 件。请在 {retry_after_seconds} 秒后重发，本批未收下。"


class TooManyRequests(Retry):
    code = "MS104"
    status = 429
    sentence = "请求过多，上限为 {limit}。请在 {retry_after_seconds} 秒后再试。"


class SourceUnavailable(Retry):
    code = "MS108"
    sentence = "来源 {source} 取不到（{reason}）。已取到的不丢，下次从原处接着取。"


class BriefingUnsupported(Retry):
    code = "MS106"
    sentence = "简报中 {count} 处数字与库中不符（{first}），未印发。新数据正在入库时会这样，请稍后重试。"


class TrainingStopped(Retry):
    code = "MS107"
    sentence = "训练中断：{reason}。检查点没有丢，再次运行同一命令会接着训练。"


# --- Quarantine: 2xx --------------------------------------------------------------------------------------------
class EmptyText(Quarantine):
    code = "MS201"
    sentence = "标题和内容都是空的（来源 {source}，编号 {native_id}）。请补全后用 minsheng quarantine retry 重试。"


class BadField(Quarantine):
    code = "MS202"
    sentence = "字段 {field} 的值 {value!r} 无法识别：{reason}。请改正来源或映射后重试。"


class StoreRejected(Quarantine):
    code = "MS203"
    sentence = "检索库拒收此记录：{reason}。"


class PoisonedItem(Quarantine):
    code = "MS204"
    sentence = "处理此件时出错 {attempts} 次：{reason}。"


class UnreadableRow(Quarantine):
    code = "MS206"
    sentence = "来源 {source} 的一行无法转换（{problem}）。请修正来源或映射后重新导入。"


class QuarantineOverflow(Retry):
    code = "MS205"
    sentence = "隔离区连续进入 {count} 件，超过限度，处理线已停。请先查明原因：minsheng quarantine list。"


# --- Refuse: 3xx input, 4xx rights -------------------------------------------------------------------------------
class BadQuery(Refuse):
    code = "MS301"
    sentence = '检索式第 {position} 个字符处有误：{reason}。示例：噪音 AND 夜间 NOT 工地、topic:环境保护、"物业 收费"。'


class BadFile(Refuse):
    code = "MS302"
    sentence = "文件 {file} 无法读取：{reason}。"


class HostileFile(Refuse):
    code = "MS303"
    sentence = "文件 {file} 被拒收：{reason}。如确为正常文件，请另存为 CSV 后再导入。"


class MappingUnclear(Refuse):
    code = "MS304"
    sentence = "文件 {file} 的列无法自动对应：{reason}。请运行 minsheng feed inspect {file} 并保存映射。"


class BadSetting(Refuse):
    code = "MS305"
    sentence = "设置 {name} 的值 {value!r} 不可用：{reason}。"


class BadRequest(Refuse):
    code = "MS306"
    sentence = "参数 {name} 的值 {value!r} 不可用：{reason}。"


class TooLarge(Refuse):
    code = "MS307"
    status = 413
    sentence = "内容过大：{size_bytes} 字节，上限 {limit_bytes} 字节。请分批发送。"


class NotSignedIn(Refuse):
    code = "MS401"
    status = 401
    sentence = "尚未登录或登录已过期。请重新登录。"


class NotFound(Refuse):
    """Absent and forbidden answer alike, so that nobody learns what exists."""

    code = "MS404"
    status = 404
    sentence = "没有找到 {what}。"


class WrongPassword(Refuse):
    code = "MS402"
    status = 401
    sentence = "用户名或密码不对。连续 {limit} 次错误后账户锁定 {minutes} 分钟。"


class AccountLocked(Refuse):
    code = "MS403"
    status = 429
    sentence = "账户因多次密码错误已锁定，请在 {minutes} 分钟后再试，或由系统管理员解锁。"


class WeakPassword(Refuse):
    code = "MS405"
    sentence = "密码太弱：{reason}。至少 10 位，含字母与数字，且不与用户名相同。"


class MissingPart(Refuse):
    code = "MS308"
    status = 501
    sentence = "缺少组件 {part}。安装：pip install 'minsheng[{extra}]'。"


class BadModel(Refuse):
    """A language model that is in use or is to be; nobody goes on with another one in its place."""

    code = "MS309"
    status = 503
    sentence = (
        "语言模型 {model} 不能使用：{reason}。请用 minsheng model use 换一个（shipped 为随程序自带的），或重新训练。"
    )


class NoChineseFont(Refuse):
    code = "MS310"
    status = 501
    sentence = "本机没有能显示中文的字体，不能生成 PDF。请安装其中之一：{names}（Debian：apt install fonts-noto-cjk）；Word 不受影响。"


class StoreNewer(Retry):
    """Retry, not Refuse: no record is to blame; the worker line waits until somebody upgrades the program."""

    code = "MS321"
    sentence = "检索库索引 {index} 的映射版本 {found} 比本程序的 {known} 新，不能写入。请升级 minsheng。"
