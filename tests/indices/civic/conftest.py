"""A small invented city in words: a background of unrelated complaints and events that the tests put into it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from models.record import Annotation, Entity, Record

START = datetime(2026, 1, 1, 2, tzinfo=UTC)
NAMES = [
    "云溪",
    "栖霞",
    "望江",
    "锦绣",
    "桂香",
    "松涛",
    "碧波",
    "金桥",
    "梧桐",
    "银杏",
    "芳草",
    "听雨",
    "长青",
    "东篱",
    "南苑",
    "北辰",
    "观澜",
    "朝晖",
    "丹枫",
    "翠湖",
]
COMPLAINTS = {
    "路灯不亮": "楼前的灯坏了一个多月，晚上出门要打手电，物业说不归他们管。",
    "快递柜占用通道": "新装的柜子把消防登高面挡住了一半，电动车也停在旁边。",
    "公交末班太早": "下班后赶不上车，建议把最后一班延后半小时，或者加开区间车。",
    "流浪狗扰民": "夜里一群狗在草坪上叫，小孩不敢下楼，盼有关部门来处理。",
    "健身器材损坏": "单杠的螺丝松了，老人锻炼时差点摔倒，请尽快维修或者更换。",
    "学位不足": "附近新建了三个楼盘，小学却没有扩班，报名系统里排到了两百多号。",
    "医保报销流程": "异地就医的材料交了两次都被退回，窗口和电话说法不一样。",
    "树木遮挡光线": "香樟长到三楼窗前，白天也要开灯，申请修剪已经两年。",
    "井盖松动": "车一压就哐当响，整夜睡不好，旁边还陷下去一块。",
    "外卖车逆行": "中午时分人行道上全是骑手，接送孩子的家长很担心。",
}
EVENT = (
    "半夜机器轰鸣，窗户都在抖，孩子没法睡觉。", "粉尘落满阳台，衣服晒出去就灰一层。", "罐车一辆接一辆从门口过，路面全是泥浆。",
    "环评公示从来没有见过，这个站是怎么批下来的？", "请把搅拌站搬离居民区，我们只想好好睡一觉。", "水泥灰飘进幼儿园，老师只好关窗上课。",
)  # fmt: skip
OPENINGS = ("投诉", "反映", "强烈反对", "请管一管", "再次反映", "求助：")
ENDINGS = ("的问题", "何时处理", "影响居民生活", "扰民严重", "无人过问", "")

Make = Callable[..., Record]


def _record(number: int, at: datetime, title: str, text: str, *, place: str = "", topic: str | None = None, annotated: bool = True,
            **fields: object) -> Record:  # fmt: skip
    from nlp.segment import segment

    note = None
    if annotated:
        start = title.find(place) if place else -1
        entities = (Entity(text=place, kind="community", start=start, end=start + len(place)),) if start >= 0 else ()
        note = Annotation(
            model="test", title_tokens=tuple(segment(title)), text_tokens=tuple(segment(text)), entities=entities,
            topic=topic, positive=0.2, urgency=1,
        )  # fmt: skip
    base: dict[str, object] = {
        "id": f"{number:032x}", "revision": 1, "intake": "1", "source": "board", "native_id": f"N{number}", "channel": "board",
        "speaker": f"{number:016x}",
    }  # fmt: skip
    return Record.model_validate({**base, "title": title, "text": text, "created_at": at, "annotation": note, **fields})


@pytest.fixture(scope="session")
def record() -> Make:
    """record(number, at, title, text, place="", topic=None, annotated=True, **fields) -> Record"""
    return _record


@pytest.fixture(scope="session")
def background() -> Callable[..., list[Record]]:
    """background(seed, count, days) -> unrelated complaints, evenly spread."""

    def make(seed: int, count: int, days: int = 120, *, annotated: bool = True) -> list[Record]:
        rng = random.Random(seed)
        found = []
        for index in range(count):
            place, (what, text) = (
                f"{rng.choice(NAMES)}{rng.choice('一二三四五')}期小区",
                rng.choice(list(COMPLAINTS.items())),
            )
            at = START + timedelta(days=rng.uniform(0, days))
            order = rng.sample(text.split("，"), k=text.count("，") + 1)
            found.append(
                _record(100_000 * seed + index, at, f"{place}{what}", f"{'，'.join(order)}第{rng.randint(1, 99)}栋业主。", place=place,
                        topic="城乡建设", annotated=annotated)
            )  # fmt: skip
        return found

    return make


@pytest.fixture(scope="session")
def event() -> Callable[..., list[Record]]:
    """event(place, count, first_day, days) -> records of one event: a mixing plant near a compound, each in other words."""

    def make(place: str = "栖湖湾小区", count: int = 30, first_day: float = 100.0, days: float = 8.0, *, base: int = 900_000, seed: int = 5,
             annotated: bool = True, topic: str | None = "环境保护", **fields: object) -> list[Record]:  # fmt: skip
        rng = random.Random(seed)
        found = []
        for index in range(count):
            title = f"{rng.choice(OPENINGS)}{place}{rng.choice(('旁边', '附近', '隔壁'))}搅拌站{rng.choice(('噪音', '粉尘', '污染'))}{rng.choice(ENDINGS)}"
            text = "".join(rng.sample(EVENT, k=3)) + f"我家住{rng.randint(1, 40)}栋{rng.randint(1, 30)}楼。"
            at = START + timedelta(days=first_day + days * (index + 0.5) / count)
            found.append(
                _record(base + index, at, title, text, place=place, topic=topic, annotated=annotated, **fields)
            )
        return found

    return make


@pytest.fixture(scope="session")
def stored() -> Callable[[Sequence[Record]], object]:
    """stored(records) -> a memory store that holds them."""
    from indices.stores.memory import MemoryStore

    def make(records: Sequence[Record]) -> object:
        store = MemoryStore()
        store.upsert(records)
        return store

    return make
