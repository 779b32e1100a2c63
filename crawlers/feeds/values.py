"""What cells mean: yes and no, ratings, outcomes, channels, counts, in the words that hotline systems use."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from crawlers.feeds.times import parse_time
from models.item import Payload
from models.labels import CHANNELS, Kind, Resolved

EMPTY: Final = frozenset(
    {"", "-", "--", "—", "——", "/", "无", "暂无", "空", "null", "none", "nan", "n/a", "na", "未评价", "未回访", "未知"}
)
TIMES: Final = frozenset(name for name, field in Payload.model_fields.items() if name.endswith("_at"))
COUNTS: Final = frozenset({"returns", "transfers", "reminders", "reopens", "likes", "dislikes", "views"})
DEGREES: Final = frozenset({"longitude", "latitude"})

_RATINGS: Final[dict[str, int]] = {
    "非常满意": 5, "很满意": 5, "十分满意": 5, "满意": 4, "比较满意": 4, "基本满意": 3, "一般": 3, "较满意": 4,
    "不满意": 2, "不太满意": 2, "较不满意": 2, "非常不满意": 1, "很不满意": 1, "极不满意": 1,
}  # fmt: skip
_RESOLVED: Final[dict[str, Resolved]] = {
    "解决": Resolved.YES, "已解决": Resolved.YES, "完全解决": Resolved.YES, "是": Resolved.YES, "部分解决": Resolved.PARTLY,
    "未完全解决": Resolved.PARTLY, "基本解决": Resolved.PARTLY, "未解决": Resolved.NO, "没有解决": Resolved.NO, "否": Resolved.NO,
    "yes": Resolved.YES, "no": Resolved.NO, "1": Resolved.YES, "0": Resolved.NO,
}  # fmt: skip
_YES_NO: Final[dict[str, bool]] = {
    "是": True, "有": True, "已联系": True, "联系": True, "y": True, "yes": True, "true": True, "1": True,
    "否": False, "没有": False, "未联系": False, "n": False, "no": False, "false": False, "0": False,
}  # fmt: skip
_CHANNELS: Final[tuple[tuple[str, str], ...]] = (
    ("12345app", "app"), ("app", "app"), ("客户端", "app"), ("微信", "wechat"), ("小程序", "wechat"), ("公众号", "wechat"), ("微博", "weibo"),
    ("信箱", "mailbox"), ("邮件", "mailbox"), ("邮箱", "mailbox"), ("来信", "mailbox"), ("信件", "mailbox"), ("留言", "board"), ("论坛", "board"),
    ("来访", "visit"), ("走访", "visit"), ("窗口", "visit"), ("电话", "hotline"), ("热线", "hotline"), ("来电", "hotline"), ("短信", "hotline"),
    ("12345", "hotline"), ("媒体", "press"), ("报", "press"), ("网", "web"), ("qq", "web"),
)  # fmt: skip


def parse_value(field: str, value: object, words: Mapping[str, str] | None = None) -> object:
    """The field's value, or None for a cell that says "nothing".

    Args:
        field: a field of `models.item.Payload`, or native_id or revision.
        words: the mapping's own translations for this field, tried first on the cell as it is.

    Raises:
        ValueError: with a Chinese reason; the value is not one of the field's.
    """
    text = plain(value)
    if words and text in words:
        text = words[text]
    elif text.lower() in EMPTY:
        return None
    if field in TIMES:
        return parse_time(value if not words or isinstance(value, datetime) else text)
    return _PARSERS.get(field, _text)(text)


def plain(value: object) -> str:
    """A cell as text: 188006.0 is 188006, whitespace around is gone."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value).strip()


def _text(text: str) -> str | None:
    return text or None


def _count(text: str) -> int:
    match = re.fullmatch(r"(\d[\d,，]*)(?:\.0+)?\s*[次件人个]?", text)
    if not match:
        raise ValueError("应为不小于 0 的整数")
    return int(re.sub("[,，]", "", match[1]))


def _degree(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("应为十进制度数，如 112.9388") from None


def _rating(text: str) -> int:
    if text in _RATINGS:
        return _RATINGS[text]
    match = re.fullmatch(r"([1-5])(?:\.0)?\s*[分星级]?", text)
    if not match:
        raise ValueError("应为 1–5 或 非常满意、满意、基本满意、不满意、非常不满意")
    return int(match[1])


def _one_of(words: Mapping[str, object], what: str) -> Callable[[str], object]:
    def parse(text: str) -> object:
        try:
            return words[text.lower()]
        except KeyError:
            raise ValueError(f"应为 {what}") from None

    return parse


def _channel(text: str) -> str:
    low = text.lower()
    if low in CHANNELS:
        return low
    known = low.replace("举报", "")  # 网上举报 is no newspaper
    return next((channel for part, channel in _CHANNELS if part in known), text)


_PARSERS: Final[dict[str, Callable[[str], object]]] = {
    **dict.fromkeys(COUNTS | {"revision"}, _count), **dict.fromkeys(DEGREES, _degree),
    "rating": _rating, "resolved": _one_of(_RESOLVED, "解决、部分解决、未解决"), "contacted": _one_of(_YES_NO, "是、否"),
    "kind": _one_of({kind.value: kind for kind in Kind}, "、".join(Kind)), "channel": _channel,
}  # fmt: skip
