"""New topics on texts that were written for this: planted ones are found, keep their numbers, and small samples say nothing."""

from collections.abc import Iterator
from datetime import date, timedelta
from importlib.util import find_spec
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Engine

from indices.database import connect, create_tables
from indices.stores.memory import MemoryStore
from indices.topics.register import DROPPED, Run, adopt, drop, find_topic, list_topics, run, taxonomy
from models.clock import day_start
from models.errors import BadRequest, NotFound
from models.record import Annotation, Record
from nlp.topics import LEAST_TEXTS, find_topics, likeness

pytestmark = pytest.mark.skipif(  # not imported here: every worker of the suite would wait for it
    find_spec("bertopic") is None, reason="the extra `topics` is not installed: pip install 'minsheng[topics]'"
)

LAST = date(2026, 9, 27)
THEMES = {
    "drone": "无人机 低空 飞手 航拍 扰民 坠落 隐私 窗外 禁飞 喷洒 噪声 小区",
    "pile": "充电桩 车位 占用 油车 物业 安装 拒绝 电表 扩容 排队 私桩 报装",
    "cat": "流浪猫 投喂 绝育 救助站 抓伤 疫苗 楼道 饲养 遗弃 领养 猫粮 卫生",
    "court": "篮球场 照明 夜间 收费 预约 场馆 关闭 时间 羽毛球 社区 健身 开放",
    "parcel": "驿站 包裹 丢失 理赔 上门 派送 拒绝 取件码 滞留 快递 签收 退回",
}  # fmt: skip


def record(number: int, theme: str, day: date, rng: Random, topic: str | None = None) -> Record:
    words = rng.sample(THEMES[theme].split(), 7)
    note = Annotation(model="m", topic=topic, title_tokens=tuple(words[:3]), text_tokens=tuple(words[3:]))
    return Record.model_validate({
        "id": f"{number:032x}", "revision": 1, "intake": "1", "source": "热线", "native_id": str(number), "title": " ".join(words[:3]),
        "text": " ".join(words), "created_at": day_start(day) + timedelta(hours=number % 24), "annotation": note,
    })  # fmt: skip


def fill(store: MemoryStore, first: date, days: int, themes: tuple[str, ...], per_day: int, base: int) -> None:
    rng = Random(base)
    store.upsert([
        record(base + day * 100 + n, themes[n % len(themes)], first + timedelta(days=day), rng) for day in range(days) for n in range(per_day)
    ])  # fmt: skip


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Engine]:
    engine = connect(f"sqlite:///{tmp_path / 'state.db'}")
    create_tables(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def store() -> MemoryStore:
    """Three topics for six weeks, and one that begins in the last week but one."""
    found = MemoryStore()
    fill(found, LAST - timedelta(days=41), 42, ("pile", "cat", "court"), 6, 10_000)
    fill(found, LAST - timedelta(days=8), 9, ("drone",), 5, 50_000)
    rng = Random(3)
    found.upsert(
        [record(90_000 + n, "parcel", LAST, rng, topic="交通运输") for n in range(40)]
    )  # explained: not looked at
    return found


def theme_of(words: tuple[str, ...]) -> str:
    return max(THEMES, key=lambda theme: len(set(words) & set(THEMES[theme].split())))


def test_planted_topics_are_found_and_the_newest_grows_fastest(state: Engine, store: MemoryStore) -> None:
    done = run(state, store, LAST)
    assert done.enough
    assert done.found == done.new >= 4
    found = list_topics(state)
    assert {theme_of(one.words) for one in found} == {"drone", "pile", "cat", "court"}
    assert theme_of(found[0].words) == "drone"
    assert found[0].growth > 3
    examples = [store.get(record_id) for record_id in found[0].examples]
    assert all(one is not None and any(word in one.text for word in THEMES["drone"].split()) for one in examples)
    assert sum(one.count for one in found) <= done.texts


def test_numbers_stay_from_week_to_week(state: Engine, store: MemoryStore) -> None:
    run(state, store, LAST - timedelta(days=14))
    before = {theme_of(one.words): one.id for one in list_topics(state)}
    run(state, store, LAST)
    after: dict[str, set[int]] = {}
    for one in list_topics(state):
        after.setdefault(theme_of(one.words), set()).add(one.id)
    assert set(before) == {"pile", "cat", "court"}
    assert all(before[theme] in after[theme] for theme in before)
    assert "drone" in after
    assert {one.first_seen for one in list_topics(state) if one.id in before.values()} == {LAST - timedelta(days=14)}


def test_the_same_week_again_gives_the_same(state: Engine, store: MemoryStore) -> None:
    run(state, store, LAST)
    before = list_topics(state)
    assert run(state, store, LAST).new == 0
    assert list_topics(state) == before


def test_a_small_sample_says_nothing(state: Engine) -> None:
    few = MemoryStore()
    fill(few, LAST, 1, ("pile",), LEAST_TEXTS - 1, 1)
    assert run(state, few, LAST) == Run(LEAST_TEXTS - 1, 0, 0)
    assert not run(state, MemoryStore(), LAST).enough
    assert list_topics(state) == []


def test_a_person_makes_a_class_of_it_or_drops_it(state: Engine, store: MemoryStore) -> None:
    run(state, store, LAST)
    first, second, *_ = list_topics(state)
    assert adopt(state, first.id, "交通运输/ 低空飞行 ", "王").adopted_as == "交通运输/低空飞行"
    drop(state, second.id, "王")
    assert {first.id, second.id}.isdisjoint(one.id for one in list_topics(state))
    run(state, store, LAST)
    assert {first.id, second.id}.isdisjoint(one.id for one in list_topics(state))  # a decision stays
    assert find_topic(state, second.id).state == DROPPED
    assert [(name, number, who) for name, number, who, _ in taxonomy(state)] == [("交通运输/低空飞行", first.id, "王")]
    for bad in ("", "a/b/c", "长" * 21, "/x"):
        with pytest.raises(BadRequest):
            adopt(state, first.id, bad, "王")
    for ask in (lambda: adopt(state, 999, "x", "王"), lambda: drop(state, 999, "王")):
        with pytest.raises(NotFound):
            ask()


def test_topics_of_words_and_likeness() -> None:
    rng = Random(1)
    texts = [rng.sample(THEMES[theme].split(), 7) for theme in ("pile", "cat") for _ in range(60)] + [[], ["一"]]
    found = find_topics(texts)
    assert found == find_topics(texts)
    assert {theme_of(one.words) for one in found} == {"pile", "cat"}
    assert all(abs(likeness(one.centroid, one.centroid) - 1) < 1e-3 for one in found)
    assert len({member for one in found for member in one.members}) == sum(len(one.members) for one in found)
    assert likeness(found[0].centroid, {}) == 0
