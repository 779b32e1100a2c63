"""Times as hotline systems write them: ten forms of text, Excel's serial numbers, seconds since 1970."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from models.clock import CITY_TIME

_EXCEL_EPOCH: Final = datetime(1899, 12, 30, tzinfo=CITY_TIME)
_EXCEL_RANGE: Final = (20_000, 80_000)  # 1954 … 2119
_UNIX_RANGE: Final = (300_000_000, 5_000_000_000)  # 1979 … 2128
_DIGITS = str.maketrans("０１２３４５６７８９：／－．　", "0123456789:/-. ")
_FORM = re.compile(
    r"(?P<year>\d{4})\s*[-/.年]\s*(?P<month>\d{1,2})\s*[-/.月]\s*(?P<day>\d{1,2})\s*[日号]?"
    r"(?:[T\s,，]*(?:星期.|周.|[(（]?(?:周|星期).[)）]?)?\s*(?P<half>上午|下午|中午|晚上|凌晨|AM|PM|am|pm)?\s*"
    r"(?P<hour>\d{1,2})\s*[:时点]\s*(?P<minute>\d{1,2})?\s*(?:[:分]\s*(?P<second>\d{1,2})(?:\.\d+)?\s*秒?)?\s*分?\s*(?P<after>AM|PM|am|pm)?)?"
    r"\s*(?P<zone>Z|[+-]\d{2}:?\d{2})?"
)
_PACKED = re.compile(
    r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})(?:(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2})?)?"
)
_LATE = {"下午", "晚上", "pm", "PM"}
_NOON_ENDS: Final = 3  # 中午1点 is 13:00


def parse_time(value: object) -> datetime:
    """The aware instant that a cell means; without a zone it is the city's time. Raises ValueError with a Chinese reason."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=CITY_TIME)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(float(value))
    text = str(value).strip().translate(_DIGITS)
    if match := _PACKED.fullmatch(text) or _FORM.fullmatch(text):
        return _from_parts(match.groupdict())
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return _number(float(text))
    raise ValueError("不是认得的时间写法，应如 2026-11-24 09:30")


def _number(value: float) -> datetime:
    if _EXCEL_RANGE[0] <= value <= _EXCEL_RANGE[1]:
        # Serial days lose milliseconds; hotline times are whole seconds.
        return _EXCEL_EPOCH + timedelta(seconds=round(value * 86_400))
    seconds = value / 1_000 if value > _UNIX_RANGE[1] else value
    if _UNIX_RANGE[0] <= seconds <= _UNIX_RANGE[1]:
        return datetime.fromtimestamp(seconds, UTC)
    raise ValueError("数字不在 Excel 日期序号或时间戳的范围内")


def _from_parts(parts: dict[str, str | None]) -> datetime:
    hour = int(parts.get("hour") or 0)
    half = parts.get("half") or parts.get("after")
    if half in _LATE and hour < 12:
        hour += 12
    elif half in ("凌晨", "上午", "am", "AM") and hour == 12:
        hour = 0
    elif half == "中午" and hour <= _NOON_ENDS:
        hour += 12
    zone, next_day = parts.get("zone"), half == "晚上" and hour == 12
    try:
        found = datetime(int(parts["year"] or 0), int(parts["month"] or 0), int(parts["day"] or 0), hour, int(parts.get("minute") or 0),
                         int(parts.get("second") or 0), tzinfo=CITY_TIME)  # fmt: skip
        if zone:
            offset = "+00:00" if zone == "Z" else zone if ":" in zone else f"{zone[:3]}:{zone[3:]}"
            found = datetime.fromisoformat(found.replace(tzinfo=None).isoformat() + offset)
        if next_day:  # 晚上12点 is the midnight that ends the day
            found += timedelta(hours=12)
        found.astimezone(UTC)  # the first hours of the year 1 are no instant of UTC
        return found
    except (ValueError, OverflowError):
        raise ValueError("日期或时刻不存在") from None
