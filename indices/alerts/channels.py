"""Where alerts are sent: a TOML file of the administrator's, each channel an address that apprise understands.

[[channel]]
name = "值班群"
url = "wecombot://KEY"              # 企业微信; dingtalk://…, feishu://…, mailto://…, json://… and others
levels = ["黄", "橙", "红"]          # default: all
quiet = "22:00-07:00"               # nothing in these hours but red; what comes then is sent at their end
workdays = true                     # on working days only but red (Chinese holidays and make-up days)
escalations = true                  # is told of alerts that nobody acknowledged in time
"""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

from indices.civic.workdays import is_workday
from models.clock import CITY_TIME
from models.errors import BadSetting
from models.labels import Level

LEVELS: Final = (Level.BLUE, Level.YELLOW, Level.ORANGE, Level.RED)
_KNOWN: Final = frozenset({"name", "url", "levels", "quiet", "workdays", "escalations"})
_LOOK_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class Channel:
    """One receiver. `url` holds secrets and is never shown."""

    name: str
    url: str = field(repr=False)
    levels: frozenset[Level] = frozenset(LEVELS)
    quiet: tuple[time, time] | None = None
    workdays: bool = False
    escalations: bool = False

    def earliest(self, level: Level, moment: datetime) -> datetime:
        """When an alert of this level may be sent, not before `moment`; red always at once."""
        if level is Level.RED:
            return moment
        when = moment.astimezone(CITY_TIME)
        for _ in range(_LOOK_DAYS):
            if self.workdays and not is_workday(when.date()):
                when = datetime.combine(when.date() + timedelta(days=1), time(), CITY_TIME)
            elif (end := self._quiet_until(when)) is not None:
                when = end
            else:
                return when
        return when

    def _quiet_until(self, when: datetime) -> datetime | None:
        if self.quiet is None or self.quiet[0] == self.quiet[1]:
            return None
        begin, end = self.quiet
        now = when.time()
        within = begin <= now < end if begin < end else now >= begin or now < end
        if not within:
            return None
        day = when.date() + timedelta(days=1) if begin > end and now >= begin else when.date()
        return datetime.combine(day, end, CITY_TIME)


def read_channels(path: Path) -> tuple[Channel, ...]:
    """The channels of a file; none where there is no file.

    Raises:
        BadSetting: the file is no TOML, a field is missing, unknown or of the wrong form, or two channels have one name. The
            address is never repeated in the message.
    """
    if not path.exists():
        return ()
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8")).get("channel", [])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetting(name=path.name, value="", reason=f"不是合法的 TOML：{error}") from error
    found = tuple(_channel(path, number, row) for number, row in enumerate(rows, start=1))
    names = [one.name for one in found]
    if len(set(names)) < len(names):
        raise BadSetting(name=path.name, value="、".join(names), reason="渠道名不能重复")
    return found


def _channel(path: Path, number: int, row: Mapping[str, Any]) -> Channel:
    def bad(name: str, value: object, reason: str) -> BadSetting:
        return BadSetting(name=f"{path.name} 第 {number} 个渠道 {name}", value=str(value)[:40], reason=reason)

    if unknown := sorted(set(row) - _KNOWN):
        raise bad(unknown[0], "", f"没有这一项；可用：{'、'.join(sorted(_KNOWN))}")
    for name in ("name", "url"):
        if not isinstance(row.get(name), str) or not row[name].strip():
            raise bad(name, "", "必须写")
    if plugin_of(row["url"]) is None:
        raise bad("url", "", "apprise 不认识这个地址，写法见 docs/alerts.md")
    levels = row.get("levels", [str(level) for level in LEVELS])
    if not levels or any(level not in LEVELS for level in levels):
        raise bad("levels", levels, "应取自 蓝、黄、橙、红")
    quiet = None
    if "quiet" in row:
        try:
            begin, end = (time.fromisoformat(part.strip()) for part in str(row["quiet"]).split("-"))
        except ValueError as error:
            raise bad("quiet", row["quiet"], "应写成 22:00-07:00") from error
        quiet = (begin, end)
    for name in ("workdays", "escalations"):
        if not isinstance(row.get(name, False), bool):
            raise bad(name, row[name], "应为 true 或 false")
    return Channel(row["name"].strip(), row["url"], frozenset(map(Level, levels)), quiet, row.get("workdays", False),
                   row.get("escalations", False))  # fmt: skip


def plugin_of(url: str) -> Any:
    """apprise's plugin for the address; None where it has none or a part is missing."""
    import apprise

    logging.getLogger("apprise").propagate = False  # it repeats addresses, which hold secrets
    return apprise.Apprise.instantiate(url, suppress_exceptions=True)
