"""Proposing a mapping for a file never seen before: column names by their Chinese synonyms, then by the shape of the values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from crawlers.feeds.mapping import Mapping
from crawlers.feeds.tables import Row
from crawlers.feeds.values import parse_value, plain

# Best name first. A column is taken by the field whose synonym it equals, else by the longest synonym that it contains.
SYNONYMS: Final[dict[str, tuple[str, ...]]] = {
    "native_id": ("工单编号", "工单号", "编号", "留言编号", "信件编号", "诉求编号", "受理编号", "业务编号", "案件编号", "事件编号", "流水号", "id"),
    "created_at": ("受理时间", "来电时间", "诉求时间", "登记时间", "留言时间", "提交时间", "创建时间", "来信时间", "写信时间", "投诉时间",
                   "反映时间", "发布时间", "时间", "日期", "受理日期"),
    "title": ("标题", "工单标题", "留言主题", "诉求标题", "主题", "信件标题", "事件标题", "来信主题"),
    "text": ("内容", "工单内容", "诉求内容", "留言详情", "留言内容", "问题描述", "详情", "正文", "反映内容", "投诉内容", "来信内容", "事件描述",
             "主要内容", "诉求描述", "描述"),
    "reply": ("答复内容", "答复意见", "回复内容", "办理结果", "处理结果", "答复", "回复", "办结意见", "办理意见", "反馈内容"),
    "channel": ("受理渠道", "诉求渠道", "来源渠道", "渠道", "信息来源", "诉求来源", "工单来源", "受理方式", "来源"),
    "district": ("区县", "所属区县", "事发区县", "所在区域", "区域", "辖区", "行政区", "所属区域", "县区", "区"),
    "street": ("街道", "街道/乡镇", "乡镇街道", "街道乡镇", "所属街道", "镇街", "乡镇"),
    "community": ("社区", "社区/村", "村社区", "所属社区", "村居"),
    "place": ("地点", "事发地址", "事发地点", "地址", "详细地址", "发生地点", "问题地点", "位置"),
    "adcode": ("行政区划代码", "区划代码", "adcode"),
    "longitude": ("经度", "lon", "lng", "longitude"),
    "latitude": ("纬度", "lat", "latitude"),
    "stated_type": ("诉求类型", "工单类型", "诉求类别", "类型", "性质", "诉求性质", "信件类型", "业务类型"),
    "stated_topic": ("问题分类", "诉求分类", "分类", "类别", "问题类别", "事项分类", "问题类型", "归口分类", "一级分类"),
    "department": ("承办单位", "主办单位", "承办部门", "办理单位", "责任单位", "处理单位", "派发单位", "主责单位", "受理单位", "答复单位"),
    "status": ("状态", "工单状态", "办理状态", "处理状态", "当前状态"),
    "accepted_at": ("正式受理时间",),
    "dispatched_at": ("派单时间", "派发时间", "转办时间", "交办时间"),
    "signed_at": ("签收时间", "接单时间"),
    "due_at": ("到期时间", "办理期限", "截止时间", "应办结时间", "时限"),
    "replied_at": ("答复时间", "回复时间", "反馈时间", "答复日期"),
    "closed_at": ("办结时间", "结案时间", "完成时间", "归档时间"),
    "called_back_at": ("回访时间", "评价时间"),
    "changed_at": ("更新时间", "修改时间", "变更时间"),
    "contacted": ("是否联系", "是否及时联系", "响应情况"),
    "resolved": ("是否解决", "解决情况", "问题是否解决"),
    "rating": ("满意度", "满意度评价", "满意情况", "评价", "满意程度", "回访满意度", "是否满意"),
    "rating_reason": ("不满意原因", "不满意理由"),
    "returns": ("退单次数", "退回次数"),
    "transfers": ("转派次数", "改派次数", "转办次数", "转处理次数"),
    "reminders": ("催办次数", "催单次数"),
    "merged_into": ("并单号", "关联工单", "主工单编号"),
    "speaker": ("来电人", "诉求人", "留言用户", "联系电话", "来电号码", "电话", "手机号", "姓名", "用户", "投诉人", "反映人", "联系人"),
    "likes": ("点赞数", "点赞", "支持数"),
    "dislikes": ("反对数", "点踩"),
    "views": ("浏览量", "阅读数", "点击量", "浏览次数", "查看次数"),
    "url": ("链接", "网址", "url", "原文链接"),
}  # fmt: skip
_NEVER_ASKED = {"speaker"}  # several columns name the caller; the first is taken, the others stay aside
_SAMPLE = 50


@dataclass(frozen=True, slots=True)
class Proposal:
    """`doubts` are decisions that a person has to take; without any the mapping can be used as it is."""

    mapping: Mapping
    doubts: tuple[str, ...]
    unused: tuple[str, ...]


def propose(name: str, columns: Sequence[str], sample: Sequence[Row]) -> Proposal:
    """A mapping for the columns, checked against the sample rows."""
    scored = sorted(
        (
            (score, -position, column, field)
            for position, column in enumerate(columns)
            for field, score in _scores(column, sample)
        ),
        reverse=True,
    )
    taken: dict[str, str] = {}
    doubts: list[str] = []
    best: dict[str, float] = {}
    for score, _, column, field in scored:
        if column in taken:
            continue
        if field in best:
            if score == best[field] and field not in _NEVER_ASKED and not _empty(column, sample):
                other = next(c for c, f in taken.items() if f == field)
                doubts.append(f"「{other}」和「{column}」都像 {field}，请选定一列")
            continue
        taken[column], best[field] = field, score
    _by_shape(columns, sample, taken)
    doubts += _needed(taken)
    ordered = {column: taken[column] for column in columns if column in taken}
    mapping = Mapping(name=name, source=name, columns=ordered)
    return Proposal(mapping, tuple(doubts), tuple(c for c in columns if c not in taken))


def _scores(column: str, sample: Sequence[Row]) -> list[tuple[str, float]]:
    """Fields that the column may be, each with how well its name fits; a field whose parser refuses the values is out."""
    name = re.sub(r"[\s（(].*|[*＊:：]", "", column).lower()
    found = []
    for field, words in SYNONYMS.items():
        equal = [1_000.0 - rank for rank, word in enumerate(words) if name == word]
        inside = [float(len(word)) for word in words if len(word) >= 2 and word in name]
        score = max(equal or inside or [0.0])
        if score and _readable(field, column, sample):
            found.append((field, score))
    return found


def _readable(field: str, column: str, sample: Sequence[Row]) -> bool:
    """At least four in five of the cells that say something are values of the field."""
    good = bad = 0
    for row in sample[:_SAMPLE]:
        try:
            good += parse_value(field, row.get(column)) is not None
        except ValueError:
            bad += 1
    return good >= 4 * bad


def _empty(column: str, sample: Sequence[Row]) -> bool:
    return not any(plain(row.get(column)) for row in sample[:_SAMPLE])


def _by_shape(columns: Sequence[str], sample: Sequence[Row], taken: dict[str, str]) -> None:
    """Text and time without a telling name: the longest texts are the text, the only column of times is the time."""
    free = [column for column in columns if column not in taken and not _empty(column, sample)]
    if "text" not in taken.values() and free:
        lengths = {
            c: sum(len(plain(row.get(c))) for row in sample[:_SAMPLE]) / max(len(sample[:_SAMPLE]), 1) for c in free
        }
        longest = max(free, key=lambda c: lengths[c])
        if lengths[longest] >= 15:
            taken[longest] = "text"
    if "created_at" not in taken.values():
        times = [c for c in free if c not in taken and _readable("created_at", c, sample) and not _numeric(c, sample)]
        if len(times) == 1:
            taken[times[0]] = "created_at"


def _numeric(column: str, sample: Sequence[Row]) -> bool:
    return all(re.fullmatch(r"[\d.]*", plain(row.get(column))) for row in sample[:_SAMPLE])


def _needed(taken: dict[str, str]) -> list[str]:
    fields = set(taken.values())
    doubts = []
    if not fields & {"title", "text"}:
        doubts.append("找不到标题或内容列")
    if "created_at" not in fields:
        doubts.append("找不到受理时间列")
    if "native_id" not in fields:
        doubts.append("找不到编号列：没有编号时，同一诉求的后续变更会被当作新的诉求")
    return doubts
