"""数据源: a row per source with its state in words. A feed that died unnoticed is the worst failure of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal

from dashboards import formats
from dashboards.charts import Spark, spark
from dashboards.views.counts import window
from indices.civic.silence import ENDED_DAYS, Rhythm
from models.clock import city_day
from models.ports import Reader
from models.query import Query

Health = Literal["正常", "迟缓", "中断", "出错", "已停", "未接入"]
CURVE_DAYS: Final = 28
NONE_YET: Final = "还没有接入数据源。可用 minsheng ingest 导入工单文件，或向 POST /items 推送。"
NONE_SEEN: Final = "可见区县还没有工单。"


@dataclass(frozen=True, slots=True)
class SourceInput:
    """What is known of a source.

    Attributes:
        name: `Record.source` and `Item.source`.
        rhythm: how it delivers and for how long it has not; None: nothing has come yet.
        received … waiting: the books of the inbox for this source.
        last_run, next_run, last_error: of its job, where it has one.
    """

    name: str
    title: str = ""
    kind: str = ""
    rhythm: Rhythm | None = None
    last_item: datetime | None = None
    received: int = 0
    stored: int = 0
    updated: int = 0
    duplicate: int = 0
    quarantined: int = 0
    refused: int = 0
    waiting: int = 0
    last_run: datetime | None = None
    next_run: datetime | None = None
    last_error: str = ""
    owner: str = ""
    legal_basis: str = ""
    grade: str = ""


@dataclass(frozen=True, slots=True)
class SourceRow:
    source: SourceInput
    name: str
    health: Health
    words: str
    curve: Spark | None
    month: int
    delay: str
    balanced: bool
    quarantine_share: str


@dataclass(frozen=True, slots=True)
class SourcesView:
    rows: tuple[SourceRow, ...]
    totals: Mapping[str, int]
    balanced: bool
    difference: int
    troubled: int
    part: str = ""
    empty: str = NONE_YET


def daily_counts(reader: Reader, day: date) -> dict[str, list[int]]:
    """Records of the last 28 days by source, oldest first (by creation time)."""
    since = day - timedelta(days=CURVE_DAYS - 1)
    query: Query = window(since, day)
    out: dict[str, list[int]] = {}
    for bucket in reader.aggregate(query, ["source", "day"]):
        row = out.setdefault(bucket.keys[0], [0] * CURVE_DAYS)
        row[(date.fromisoformat(bucket.keys[1]) - since).days] = bucket.count
    return out


def sources_view(
    sources: Sequence[SourceInput],
    *,
    now: datetime,
    daily: Mapping[str, Sequence[int]] | None = None,
    part: str = "",
) -> SourcesView:
    """The page.

    Args:
        sources: all of them, or those of the viewer's own records.
        daily: from `daily_counts`; None or a missing source: no curve (an administrator sees no records).
        part: the districts in words, where the viewer sees some only: then there are no books and no counts of the whole.
    """
    rows = [_row(source, now, (daily or {}).get(source.name, ()), bool(part)) for source in sources]
    rows.sort(key=lambda row: (_WORST.index(row.health), row.name))
    names = ("received", "stored", "duplicate", "quarantined", "refused", "waiting")
    totals = {name: sum(getattr(source, name) for source in sources) for name in names}
    difference = totals["received"] - sum(totals[name] for name in names[1:])
    return SourcesView(
        rows=tuple(rows),
        totals=totals,
        balanced=not difference,
        difference=difference,
        troubled=sum(row.health in ("中断", "出错") for row in rows),
        part=part,
        empty=NONE_SEEN if part else NONE_YET,
    )


_WORST: Final[tuple[Health, ...]] = ("中断", "出错", "迟缓", "已停", "未接入", "正常")


def _row(source: SourceInput, now: datetime, counts: Sequence[int], part: bool) -> SourceRow:
    health, words = health_of(source, now, part=part)
    books = source.stored + source.duplicate + source.quarantined + source.refused + source.waiting
    return SourceRow(
        source=source,
        name=source.title or source.name,
        health=health,
        words=words,
        curve=spark(counts, width=160, height=32, summary=f"近 {CURVE_DAYS} 天 {sum(counts)} 件") if counts else None,
        month=sum(counts),
        delay=formats.elapsed(now - source.last_item) if source.last_item else formats.DASH,
        balanced=books == source.received,
        quarantine_share=formats.percent(source.quarantined, source.received),
    )


def health_of(source: SourceInput, now: datetime, *, part: bool = False) -> tuple[Health, str]:
    """The state of a source, and why, in words; to who sees a `part` of it without what the whole usually brings."""
    rhythm = source.rhythm
    if source.last_item is None or rhythm is None:
        return "未接入", "还没有收到过任何一件"
    if rhythm.state == "silent":
        return "中断", _quiet_words(rhythm, part)
    if source.last_error:
        return "出错", source.last_error
    if rhythm.state == "late":
        return "迟缓", _quiet_words(rhythm, part)
    if rhythm.state == "ended":
        return "已停", f"已 {rhythm.quiet_days} 天没有新件；超过 {ENDED_DAYS} 天不再提示"
    if rhythm.state == "no rhythm":
        return "正常", f"一次性导入，{formats.day(city_day(source.last_item), year=True)}"
    return "正常", f"最近一件在 {formats.ago(source.last_item, now)}"


def _quiet_words(rhythm: Rhythm, part: bool) -> str:
    quiet = f"连续 {rhythm.quiet_days} 天没有新件"
    usual = f"（此前最多 {rhythm.longest_days} 天）；按平时应有约 {formats.number(round(rhythm.missing))} 件"
    return quiet if part else quiet + usual
