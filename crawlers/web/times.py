"""Times as web pages write them: 3小时前, 昨天 08:30, 3月2日, 二〇二五年三月二日, and whole dates among other words.

What a page says is meant from the moment at which it was fetched; a date without a year is the latest one that is not in the future.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Final

from crawlers.feeds.times import parse_time
from models.clock import CITY_TIME, city_day

_NUMERALS: Final = {**{c: n for n, c in enumerate("零一二三四五六七八九")}, "〇": 0, "○": 0, "两": 2}
_NUMERAL: Final = "零〇○一二三四五六七八九十两"
_UNITS: Final = {"秒": 1, "秒钟": 1, "分": 60, "分钟": 60, "小时": 3_600, "个小时": 3_600, "钟头": 3_600, "个钟头": 3_600, "天": 86_400, "日": 86_400,
                 "周": 604_800, "星期": 604_800, "个星期": 604_800, "个月": 2_592_000, "月": 2_592_000, "年": 31_536_000}  # fmt: skip
_DAYS: Final = {"今天": 0, "今日": 0, "昨天": 1, "昨日": 1, "前天": 2, "前日": 2}
_AGO = re.compile(rf"(\d+|半|[{_NUMERAL}]+)\s*({'|'.join(sorted(_UNITS, key=len, reverse=True))})[以之]?前")
_CLOCK = r"(?:\s*(?P<half>上午|早上|凌晨|中午|下午|晚上|傍晚)?\s*(?P<hour>\d{1,2})\s*[:：时点]\s*(?P<minute>\d{1,2})?(?:\s*[:：分]\s*\d{1,2}(?!\d))?)?"
_NEAR = re.compile(rf"(?P<day>{'|'.join(_DAYS)}){_CLOCK}")
_WHOLE = re.compile(
    r"\d{4}\s*[-/.年]\s*\d{1,2}\s*[-/.月]\s*\d{1,2}\s*[日号]?(?:[T\s]*(?:(?:星期|周)[一二三四五六日天])?\s*(?:上午|下午|中午|晚上|凌晨)?\s*"
    r"\d{1,2}[:时点]\d{1,2}(?:[:分]\d{1,2})?(?:\.\d+)?秒?分?\s*(?:Z|[+-]\d{2}:?\d{2})?)?"
)
_YEARLESS = re.compile(rf"(?<![\d-])(?P<month>\d{{1,2}})(?:月|[-/])(?P<day>\d{{1,2}})[日号]?(?![\d-]){_CLOCK}")
_WRITTEN = re.compile(rf"([{_NUMERAL}]{{4}})年([{_NUMERAL}]{{1,3}})月([{_NUMERAL}]{{1,3}})[日号]")
_WIDE = str.maketrans("０１２３４５６７８９：／－．　", "0123456789:/-. ")


def web_time(text: str, fetched_at: datetime) -> datetime:
    """The aware instant that a page's words mean; those without a clock are the beginning of their day.

    Args:
        text: the words of one element, which may hold other words, too (发布时间：… 来源：…).
        fetched_at: when the page was fetched.

    Raises:
        ValueError: no time in it, with a Chinese reason.
    """
    plain = text.strip().translate(_WIDE)
    if match := _WRITTEN.search(plain):
        year, month, day = "".join(str(_NUMERALS[c]) for c in match[1]), _number(match[2]), _number(match[3])
        plain = plain[: match.start()] + f"{year}年{month}月{day}日" + plain[match.end() :]
    if match := _WHOLE.search(plain):
        return parse_time(match[0])
    if re.search("刚刚|刚才", plain):
        return fetched_at
    if match := _AGO.search(plain):
        count = 0.5 if match[1] == "半" else _number(match[1])
        return fetched_at - timedelta(seconds=count * _UNITS[match[2]])
    if match := _NEAR.search(plain):
        return _at(city_day(fetched_at) - timedelta(days=_DAYS[match["day"]]), match)
    if match := _YEARLESS.search(plain):
        return _at(_latest(int(match["month"]), int(match["day"]), city_day(fetched_at)), match)
    return parse_time(plain)


def _number(text: str) -> int:
    """123, 十二, 二十, 三十一, 两."""
    if text.isdigit():
        return int(text)
    if "十" not in text:
        return int("".join(str(_NUMERALS[c]) for c in text))
    tens, _, ones = text.partition("十")
    return 10 * (_NUMERALS[tens] if tens else 1) + (_NUMERALS[ones] if ones else 0)


def _latest(month: int, day: int, today: date) -> date:
    for year in range(today.year, today.year - 9, -1):  # the 29th of February may be eight years ago
        try:
            found = date(year, month, day)
        except ValueError:
            continue
        if found <= today:
            return found
    raise ValueError(f"{month} 月 {day} 日不是日期")


def _at(day: date, match: re.Match[str]) -> datetime:
    hour, minute = int(match["hour"] or 0), int(match["minute"] or 0)
    if (match["half"] in ("下午", "晚上", "傍晚") and hour < 12) or (match["half"] == "中午" and hour <= 3):
        hour += 12
    if hour > 23 or minute > 59:
        raise ValueError(f"{hour} 时 {minute} 分不是时刻")
    return datetime.combine(day, time(hour, minute), CITY_TIME)
