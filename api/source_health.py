"""The health of all sources as figures that are kept for some minutes, and the alerts that come of it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from indices.collection.health import SEASON_DAYS, Health, judge_all
from models.clock import CITY_TIME, city_day, now

if TYPE_CHECKING:
    from api.wiring import House
    from indices.civic.alerts import Alert
    from indices.collection.places import Place

FRESH_SECONDS = 300.0


class Healths(BaseModel):
    """By source, at the end of `day`."""

    day: date
    found: dict[str, Health]


def healths(house: House) -> dict[str, Health]:
    """Every source at the end of yesterday: the day that runs is not over, and a source is not silent because it has just begun."""
    day = city_day(now()) - timedelta(days=1)

    def compute() -> Healths:
        days = house.days.read(day - timedelta(days=SEASON_DAYS + 1))
        failing = {name: place.error for name, place in house.places.all().items() if place.error and not place.paused}
        return Healths(day=day, found=judge_all(days, day, failing))

    mark = house.inbox.books().stored
    return house.figures.get(
        Healths, "source_health", day.isoformat(), mark=mark, max_age_seconds=FRESH_SECONDS, compute=compute
    ).found


def broken(house: House) -> tuple[str, ...]:
    """Names of the sources that are 中断."""
    return tuple(sorted(name for name, one in healths(house).items() if one.state == "中断"))


def registered(house: House) -> dict[str, dict[str, Any]]:
    """What is known of sources that have a definition or ran once: fields of `dashboards.views.sources.SourceInput`."""
    from crawlers.definitions import usable
    from crawlers.web.source import WebSource

    found: dict[str, dict[str, Any]] = {}
    definitions, places = usable(house.sources_folder)[0], house.places.all()
    for name, source in definitions.items():
        form = source.form.value if isinstance(source, WebSource) else source.system.value
        found[name] = {"title": source.title, "kind": f"{_FORMS[form]}，每 {source.every_minutes} 分钟", "owner": source.owner,
                       "legal_basis": source.legal_basis, "grade": source.grade.value, "defined": True}  # fmt: skip
    for name, place in places.items():
        told = found.setdefault(name, {})
        told |= {"paused": place.paused, "last_error": place.error, "last_reason": place.reason}
        if place.began_at is not None:
            told["last_run"] = datetime.fromtimestamp(place.began_at, CITY_TIME)
            if name in definitions and not place.paused:
                told["next_run"] = _next_run(place, definitions[name].every_minutes)
    return found


def _next_run(place: Place, every_minutes: int) -> datetime:
    if place.asked_for() or place.unfinished:
        return now()
    due = max((place.began_at or 0.0) + 60 * every_minutes, place.not_before)
    return max(datetime.fromtimestamp(due, CITY_TIME), now())


_FORMS = {"list": "网页（列表）", "sitemap": "网页（站点地图）", "feed": "RSS", "api": "网页接口", "board": "留言板", "search": "网页（查询表单）",
          "sql": "数据库", "rest": "接口", "imap": "邮箱", "kafka": "消息主题", "folder": "目录"}  # fmt: skip


def record_health(house: House) -> list[Alert]:
    """Raise what is new: each source that is 中断 or 异常, once a week as long as it stays so."""
    from indices.alerts.health import record_sick

    paused = {name for name, place in house.places.all().items() if place.paused}
    found = {name: one for name, one in healths(house).items() if name not in paused}
    return record_sick(house.database, found, city_day(now()) - timedelta(days=1))
