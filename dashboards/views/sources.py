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
from indices.collection.health import Health
from models.clock import city_day
from models.ports import Reader
from models.query import Query

State = Literal["正常", "安静", "迟缓", "异常", "中断", "出错", "暂停", "已停", "未接入"]
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
        last_run, next_run, last_error, last_reason: of its job, where it has one.
        paused: somebody paused it; defined: there is a definition, so that it can be run.
        pages: of a web source, how many are known and wanted, in words.
        judged: from the days of its arrivals (`indices.collection.health`); None: they say nothing of it.
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
    last_reason: str = ""
    paused: bool = False
    defined: bool = False
    pages: str = ""
    judged: Health | None = None
    owner: str = ""
    legal_basis: str = ""
    grade: str = ""


@dataclass(frozen=True, slots=True)
class SourceRow:
    source: SourceInput
    name: str
    health: State
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
    may_act: bool = False
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
    may_act: bool = False,
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
        troubled=sum(row.health in TROUBLED for row in rows),
        part=part,
        may_act=may_act,
        empty=NONE_SEEN if part else NONE_YET,
    )


TROUBLED: Final = ("中断", "异常", "出错")
_WORST: Final[tuple[State, ...]] = ("中断", "异常", "出错", "迟缓", "暂停", "已停", "未接入", "安静", "正常")


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


def health_of(source: SourceInput, now: datetime, *, part: bool = False) -> tuple[State, str]:
    """The state of a source, and why, in words; to who sees a `part` of it without what the whole usually brings.

    What is broken by the days of its records or by those of its arrivals is broken; else the days of arrivals speak, where they can.
    """
    rhythm, judged = source.rhythm, source.judged
    if source.paused:
        return "暂停", "有人暂停了它"
    if judged is not None and _speaks(judged, source):
        told = judged.reason
        if judged.state == "正常" and source.last_item:
            told = f"最近一件在 {formats.ago(source.last_item, now)}；{told}"
        return _STATES[judged.state], _PART[judged.state] if part else told
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


def _speaks(judged: Health, source: SourceInput) -> bool:
    """Whether the days of arrivals have the say: always where they say 中断, never of a young source, else where the records' days see nothing."""
    if judged.state == "中断":
        return True
    usual = source.rhythm is None or source.rhythm.state == "usual"
    return judged.state != "未满" and usual and (judged.state == "异常" or not source.last_error)


_STATES: Final[dict[str, State]] = {"正常": "正常", "迟缓": "迟缓", "安静": "安静", "异常": "异常", "中断": "中断"}
_PART: Final = {
    "正常": "来件如常",
    "迟缓": "来得比平时迟",
    "安静": "来件少，在偶然的范围内，或全市都少",
    "异常": "来件与平时不同",
    "中断": "没有来件",
}


def _quiet_words(rhythm: Rhythm, part: bool) -> str:
    quiet = f"连续 {rhythm.quiet_days} 天没有新件"
    usual = f"（此前最多 {rhythm.longest_days} 天）；按平时应有约 {formats.number(round(rhythm.missing))} 件"
    return quiet if part else quiet + usual
