"""An invented city for page tests: 望川市, its orders of 60 days, two hotspots, an index, sources, users. All texts are made up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from dashboards.frame import DataState, Frame, Scope
from dashboards.views.admin import UserInput
from dashboards.views.source_page import CHART_DAYS, SourcePage, source_page
from dashboards.views.sources import SourceInput
from indices.civic.silence import Rhythm
from indices.collection.days import Day
from indices.collection.health import Health, expect
from indices.stores.memory import MemoryStore
from models.clock import day_start
from models.errors import BadQuery
from models.figures import (
    DayCount,
    Hotspot,
    Hotspots,
    Index,
    IndexCell,
    IndexRow,
    Reason,
    Routing,
    Sentence,
    SimilarOrder,
    Source,
)
from models.labels import Level, Role, Status
from models.query import Expression, Query, Tokens
from models.record import Annotation, Candidate, Record
from models.viewer import Viewer

CITY = "望川市"
DAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 24, 2, 5, tzinfo=UTC)
DISTRICTS = ("东桥区", "南浦区", "北苑区", "云台区", "清溪县", "白石县")
STREETS = ("柳营街道", "长堤街道", "新塘街道", "文昌街道", "青石镇", "渡口镇")
ISSUES = (
    ("夜间施工噪音扰民", "环境保护", "生态", "投诉", "工地在夜里十一点以后仍有打桩声，老人和孩子无法入睡，请有关部门到现场核实并督促按规定时段施工。"),
    ("小区供暖温度不达标", "城乡建设", "公用", "投诉", "入户测温只有十四度，换热站说管网压力不足，已经连续三天，请尽快解决。"),
    ("公交线路末班车过早", "交通运输", "交通", "建议", "下夜班的人赶不上末班车，建议把末班时间延后到二十二点三十分。"),
    ("路灯不亮存在隐患", "城乡建设", "城管", "求助", "长堤路北段有七盏路灯不亮，夜里骑车看不清路面，希望尽快维修。"),
    ("社保缴费记录查询", "劳动和社会保障", "人社", "咨询", "换了工作单位，想了解如何查询并合并两地的缴费记录。"),
    ("占道经营影响出行", "城乡建设", "城管", "投诉", "菜市场外的摊位占满人行道，早高峰只能走机动车道，反映过两次没有改善。"),
    ("学校门口交通拥堵", "政法", "交警", "求助", "放学时段双向堵车，建议增派警力并设置临时停车区。"),
    ("物业收费不透明", "城乡建设", "住建", "投诉", "物业费上涨没有公示，公共收益账目也不公开，业主多次询问没有答复。"),
    ("医保异地备案咨询", "卫生计生", "医保", "咨询", "老人随子女居住在外地，想知道如何办理异地就医备案。"),
)  # fmt: skip
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'><b>粗</b>{{7*7}}"


def split(text: str) -> list[str]:
    """Two characters a token: enough for page tests, and no dictionary to load."""
    flat = "".join(text.split()).lower()
    return [flat[i : i + 2] for i in range(0, len(flat), 2)]


def parse(text: str) -> Expression | None:
    """A stand-in for the query language: one phrase; an open quotation mark is an error at its place."""
    if text.count('"') % 2:
        raise BadQuery(position=text.rindex('"') + 1, reason="引号没有成对")
    return Tokens(tokens=tuple(split(text))) if text.strip() else None


def record(number: int, when: datetime, issue: Sequence[str], random: Random, **changes: Any) -> Record:
    title, topic, department, kind, text = issue
    sure = random.uniform(0.42, 0.97)
    others = random.sample([x[2] for x in ISSUES if x[2] != department], 2)
    district = random.choices(DISTRICTS, (5, 4, 3, 2, 2, 1))[0]
    done = random.random() < 0.7
    values: dict[str, Any] = {
        "id": f"{number:032x}", "revision": 1, "intake": str(number), "source": random.choice(("热线工单", "网上信箱", "留言板")),
        "native_id": f"WC{number:06d}", "channel": random.choices(("hotline", "mailbox", "board", "wechat"), (6, 2, 1, 1))[0],
        "title": title, "text": text, "created_at": when, "accepted_at": when + timedelta(minutes=12),
        "due_at": when + timedelta(days=5), "returns": int(random.random() < 0.06),
        "replied_at": when + timedelta(days=random.choice((1, 2, 3, 6))) if done else None, "district": district, "street": random.choice(STREETS),
        "department": department,
        "status": Status.CLOSED.value if done else random.choice((Status.HANDLING.value, Status.RETURNED.value, Status.SIGNED.value)),
        "stated_type": kind, "speaker": f"p{random.randrange(900)}", "rating": random.choices((5, 4, 3, 2, 1, None), (4, 3, 2, 1, 1, 6))[0],
        "annotation": Annotation(
            model="linear-2026.11", title_tokens=tuple(split(title)), text_tokens=tuple(split(text)), topic=topic,
            topics=(Candidate(label=topic, probability=0.86), Candidate(label="其他", probability=0.09)), demand_type=kind,
            demand_types=(Candidate(label=kind, probability=0.91),), urgency=random.choices((0, 1, 2, 3), (8, 4, 2, 1))[0],
            departments=(Candidate(label=department, probability=sure), Candidate(label=others[0], probability=(1 - sure) * 0.6),
                         Candidate(label=others[1], probability=(1 - sure) * 0.3)),
            positive=random.random(), emotion="angry" if kind == "投诉" else "neutral", keywords=(title[:2], title[2:4]),
        ),
    }  # fmt: skip
    return Record(**{**values, **changes})


def records(per_day: int = 40, days: int = 60, seed: int = 7) -> list[Record]:
    random = Random(seed)
    out = []
    for back in range(days - 1, -1, -1):
        day = DAY - timedelta(days=back)
        base = per_day * (0.7 if day.weekday() >= 5 else 1.0) * random.uniform(0.85, 1.15)
        for _ in range(int(base)):
            when = day_start(day) + timedelta(minutes=random.randrange(6 * 60, 23 * 60))
            out.append(record(len(out), when, random.choice(ISSUES), random))
        if back < 4:
            for _ in range(6):
                when = day_start(day) + timedelta(hours=random.randrange(7, 22))
                out.append(
                    record(len(out), when, ISSUES[1], random, district="东桥区", street="柳营街道", place="望江苑小区")
                )
    return out


def store(kept: Sequence[Record] | None = None) -> MemoryStore:
    made = MemoryStore(segmenter=split)
    made.upsert(records() if kept is None else kept)
    return made


def source(n: int = 2400) -> Source:
    return Source(query=Query(), n=n, computed_at=NOW, versions={"规则": "2026.1", "模型": "linear-2026.11"})


def hotspot(rank: int, level: Level, title: str, **changes: Any) -> Hotspot:
    random = Random(rank)
    daily = [DayCount(day=DAY - timedelta(days=13 - i), count=random.randrange(3) + (0 if i < 10 else (i - 9) * (6 - rank)), expected=1.2 + 0.1 * (i % 7))
             for i in range(14)]  # fmt: skip
    count = sum(d.count for d in daily[-4:])
    values: dict[str, Any] = {
        "rank": rank, "title": title, "heat": 88.0 - 9 * rank, "count": count, "people": count - 3, "level": level, "key": f"hot-{rank}",
        "parts": {"burst": 29.1, "people": 18.2, "growth": 13.6, "negativity": 7.4, "spread": 5.5, "unresolved": 3.2, "novelty": 2.0},
        "first": day_start(DAY - timedelta(days=3)) + timedelta(hours=7, minutes=20), "last": day_start(DAY) + timedelta(hours=21),
        "places": ("望江苑小区", "柳营街道"), "topic": "城乡建设", "members": tuple(f"WC{i:06d}" for i in range(5)),
        "record_ids": tuple(f"{i:032x}" for i in range(5)), "districts": ("东桥区",), "channels": ("hotline", "mailbox"),
        "sentences": (Sentence(text="入户测温只有十四度，换热站说管网压力不足。", id="WC002101"), Sentence(text="已经连续三天，家里有老人。", id="WC002107")),
        "department": "公用", "p_value": 2e-6, "expected": 5.1, "daily": tuple(daily),
        "rule": "突增 3（p=2e-06 < 1e-4，人数 ≥ 20）；范围 1（街道 ≥ 2）；严重 1（同一对象 ≥ 5 人）；负面 0 → 橙",
    }  # fmt: skip
    return Hotspot(**{**values, **changes})


def hotspots() -> Hotspots:
    found = (
        hotspot(1, Level.ORANGE, "望江苑小区等三处供暖温度不达标"),
        hotspot(2, Level.YELLOW, "长堤路北段夜间施工噪音", places=("长堤路北段",), topic="环境保护", department="生态"),
        hotspot(3, Level.BLUE, "文昌街道路灯连片不亮", places=("文昌街道",), department="城管"),
        hotspot(
            4,
            Level.RED,
            "渡口镇自来水浑浊，多人反映腹泻",
            places=("渡口镇", "青石镇"),
            topic="卫生计生",
            department="水务",
        ),
    )
    return Hotspots(hotspots=(found[3], *found[:3]), source=source())


def no_hotspots(silent: tuple[str, ...] = ()) -> Hotspots:
    return Hotspots(hotspots=(), source=source(), silent_sources=silent)


def row(key: str, value: float | None, half: float, n: int) -> IndexRow:
    if value is None:
        return IndexRow(key=key, value=None, low=None, high=None, n=n, n_effective=n, status="样本不足")
    status = "not_ranked" if half > 7.5 else "ok"
    return IndexRow(
        key=key,
        value=value,
        low=value - half,
        high=value + half,
        n=n,
        n_effective=n * 0.8,
        status=status,
        raw=value + 1.3,
    )


def index(by: Any = "district") -> Index:
    names: dict[str, Sequence[str]] = {
        "district": DISTRICTS, "department": ("城管", "公用", "交警", "人社", "住建", "生态"),
        "topic": ("城乡建设", "环境保护", "交通运输", "劳动和社会保障", "卫生计生", "政法"),
        "week": [(DAY - timedelta(weeks=12 - i)).isoformat() for i in range(12)],
    }  # fmt: skip
    random = Random(by)
    values = [(random.uniform(58, 84), random.uniform(1.2, 5), random.randrange(40, 900)) for _ in names[by]]
    rows = [row(name, *value) for name, value in zip(names[by], values, strict=True)]
    if by != "week":
        rows[-1] = row(names[by][-1], None, 0, 7)
        rows[-2] = row(names[by][-2], 66.0, 9.1, 34)
    return Index(by=by, rows=tuple(rows), overall=row("总体", 71.4, 0.9, 5120), source=source(5120))


def cells() -> list[IndexCell]:
    """Every district in every week; the last one has too little in every other week."""
    found = []
    for i, area in enumerate(DISTRICTS):
        for k, week in enumerate(row.key for row in index("week").rows):
            value = 56.0 + 4 * i + 2.1 * ((k * 7 + i) % 5)
            known = {"n": 5} if i == 5 and k % 2 else {"n": 80, "value": value, "low": value - 3, "high": value + 3}
            found.append(IndexCell.model_validate({"unit": area, "week": week, **known}))
    return found


def routing(order: Record, to_person: bool = False) -> Routing:
    note = order.annotation
    assert note
    return Routing(
        department=None if to_person else note.departments[0].label, confidence=note.departments[0].probability,
        candidates=note.departments, to_person=to_person, topic=note.topic, demand_type=note.demand_type, urgency=note.urgency,
        model="linear-2026.11", reason=Reason(words=((order.title[:2], 1.92), (order.title[2:4], 1.31), (order.text[:3], 0.44)),
                                              rule="派单目录 2026-07：城乡建设—市政设施，东桥区 → 区城市管理局"),
        similar=(SimilarOrder(id="S3", record_id=f"{3:032x}", title="长堤路南段路灯损坏", department="城管", similarity=0.91),
                 SimilarOrder(id="S4", record_id=f"{4:032x}", title="公园步道照明不足", department="城管", similarity=0.64)),
    )  # fmt: skip


def sources() -> list[SourceInput]:
    day = timedelta(days=1)
    daily = Rhythm(count=900, span_days=60, longest_days=0, quiet_days=0)
    return [
        SourceInput("热线工单", kind="数据库，每 10 分钟", rhythm=daily, last_item=NOW - timedelta(minutes=6), received=98_214,
                    stored=97_902, duplicate=290, quarantined=14, waiting=8, last_run=NOW - timedelta(minutes=6),
                    next_run=NOW + timedelta(minutes=4), owner="市热线中心", grade="一般3级", legal_basis="职责范围内采集"),
        SourceInput("网上信箱", kind="推送", rhythm=daily, last_item=NOW - timedelta(hours=30), received=12_031, stored=11_940, duplicate=91,
                    last_run=NOW - timedelta(hours=30), owner="市信访局", grade="一般3级"),
        SourceInput("留言板", kind="网页采集，每日", rhythm=replace(daily, quiet_days=4), last_item=NOW - 5 * day, received=4_410, stored=4_388, quarantined=22,
                    last_run=NOW - timedelta(hours=5), last_error="", owner="市网信办", grade="一般2级", legal_basis="公开信息"),
        SourceInput("历史工单 2019", kind="文件，一次性", rhythm=Rhythm(4_326, 2, 0, 90), last_item=NOW - 90 * day, received=4_326, stored=4_326),
        SourceInput("微信公众号", kind="推送"),
        SourceInput("政务信箱", kind="网页（列表），每 120 分钟", rhythm=daily, last_item=NOW - timedelta(hours=2), received=2_000, stored=2_000, defined=True,
                    last_run=NOW - timedelta(hours=2), next_run=NOW, last_reason="读完", owner="市信访局", judged=judged()),
    ]  # fmt: skip


def judged(state: str = "异常") -> Health:
    quality = {"完整": 0.97, "准确": 1.0, "一致": 0.99, "及时": 0.92, "唯一": 0.998, "规范": 1.0}
    return Health(state, "收到 9 件，只有应有约 33 件的 27%", 33.0, 9, quality)


def source_days() -> dict[date, Day]:
    """Ten weeks of one source, the last day a poor one."""
    counts = Random(5)
    found = {}
    for n in range(90):
        day = DAY - timedelta(days=n)
        items = 9 if n == 0 else counts.randint(28, 38)
        found[day] = Day(items=items, stored=items, timely=items, consistent=items, proper=items, delay_hours=3.0 * items, requests=40, bytes=2_000_000,
                         fields={"title": items, "text": items, "created_at": items, "reply": items // 2})  # fmt: skip
    return found


def source_view(output: str = "") -> SourcePage:
    days, day = source_days(), DAY
    expected = {at: expect(days, at) for n in range(CHART_DAYS) if (at := day - timedelta(days=n))}
    one = next(one for one in sources() if one.defined)
    return source_page(one, days, expected, one.judged, now=NOW, day=day, may_act=True, output=output)


def users() -> list[UserInput]:
    return [
        UserInput(
            "lin.hao", Role.LEADER, None, last_seen=NOW - timedelta(hours=2), created_at=NOW - timedelta(days=200)
        ),
        UserInput(
            "chen.yu", Role.ANALYST, frozenset({"东桥区", "南浦区"}), tokens=1, created_at=NOW - timedelta(days=90)
        ),
        UserInput(
            "wu.min", Role.OPERATOR, None, locked_until=NOW + timedelta(minutes=11), created_at=NOW - timedelta(days=30)
        ),
        UserInput("audit", Role.AUDIT_ADMIN, frozenset(), active=False),
    ]


def frame(page: str, path: str, role: Role = Role.ANALYST, **changes: Any) -> Frame:
    made = Frame(
        viewer=Viewer(name="林浩", role=role), page=page, path=path, city=CITY, params={}, csrf="token-1",
        scope=Scope(DAY - timedelta(days=27), DAY, districts=DISTRICTS),
        data=DataState(newest=NOW, orders=123_456, silent_sources=("留言板",), model="linear-2026.11"),
    )  # fmt: skip
    return replace(made, **changes)
