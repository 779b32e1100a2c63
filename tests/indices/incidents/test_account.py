from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine

from indices.incidents.account import LIKE_SHOWN, Account, account, likeness, words_of
from indices.incidents.changes import Changes, log_of
from indices.incidents.register import find, take_in
from indices.stores.memory import MemoryStore
from models.figures import Hotspot
from models.labels import Status
from models.record import Annotation, Record

MakeHotspot = Callable[..., Hotspot]
AT = datetime(2026, 9, 1, 2, tzinfo=UTC)
ONE = "SJ2026-00001"


def store_of(records: list[Record]) -> MemoryStore:
    store = MemoryStore()
    store.upsert(records)
    return store


def record(number: int, day: int, **fields: object) -> Record:
    base = {
        "id": f"{number:032x}", "revision": 1, "intake": "1", "source": "热线", "native_id": f"N{number}", "channel": "hotline",
        "title": f"搅拌站夜里施工第{number}回", "text": f"我家住{number}栋，被吵得睡不着，请查一查这个搅拌站有没有手续。",
        "created_at": AT + timedelta(days=day, minutes=number), "district": "河东区", "speaker": f"{number:016x}",
        "annotation": Annotation(model="m", positive=0.1, urgency=number % 4),
    }  # fmt: skip
    return Record.model_validate({**base, **fields})


def told(state: Engine, hotspot: MakeHotspot, records: list[Record], today: date = date(2026, 9, 9)) -> Account:
    numbers = [int(one.id, 16) for one in records]
    take_in(state, [hotspot(*numbers)], at=AT)
    found = account(state, store_of(records), find(state, ONE), today=today)
    assert found is not None
    return found


def test_counts_and_curve(state: Engine, hotspot: MakeHotspot) -> None:
    found = told(
        state, hotspot, [record(1, 0), record(2, 0, channel="web"), record(3, 2), record(4, 2, speaker=f"{1:016x}")]
    )
    assert (len(found.records), found.people, found.hidden) == (4, 3, 0)
    assert found.channels == (("hotline", 3), ("web", 1))
    assert found.districts == (("河东区", 4),)
    assert [day.count for day in found.days] == [0, 0, 0, 2, 0, 2, 0, 0, 0]
    assert sum(day.negative for day in found.days) == 4
    assert sum(day.urgent for day in found.days) == 2


def test_the_timeline_says_what_happened_when(state: Engine, hotspot: MakeHotspot) -> None:
    answered = {"replied_at": AT + timedelta(days=3), "status": Status.REPLIED}
    records = [record(1, 0, **answered), record(2, 1, **answered), record(3, 1, **answered)]
    take_in(state, [hotspot(1, 2, 3)], at=AT + timedelta(days=1, hours=1))
    Changes(state, "王", clock=lambda: AT + timedelta(days=2)).step(ONE, "confirm", "已核实")
    found = account(state, store_of(records), find(state, ONE), today=date(2026, 9, 12))
    assert found is not None
    assert [one.kind for one in found.timeline] == [
        "first",
        "peak",
        "growth",
        "quiet",
        "change",
        "change",
        "reply",
        "reply",
    ]
    assert [one.words for one in found.timeline if one.kind == "change"] == ["系统发现", "王确认：已核实"]
    assert next(one for one in found.timeline if one.kind == "quiet").words == "此后 10 天没有新的来件"
    assert {one.record_id for one in found.timeline if one.kind in ("first", "peak", "growth")} <= {
        r.id for r in records
    }


def test_one_persons_open_orders_should_be_one(state: Engine, hotspot: MakeHotspot) -> None:
    same = f"{9:016x}"
    records = [
        record(1, 0, speaker=same),
        record(2, 1, speaker=same),
        record(3, 1),
        record(4, 1, speaker=same, status=Status.CLOSED),
    ]
    found = told(state, hotspot, records)
    assert [fold.shown_ids for fold in found.folds] == [("N1", "N2")]  # what is closed needs no folding
    assert found.folds[0].evidence.startswith("同一人，2 件，前后 1 天")
    Changes(state, "王").judge_fold(ONE, found.folds[0].record_ids, fold=False)
    again = account(state, store_of(records), find(state, ONE), today=date(2026, 9, 9))
    assert again is not None
    assert again.folds == ()
    Changes(state, "王").undo(ONE)
    asked = account(state, store_of(records), find(state, ONE), today=date(2026, 9, 9))
    assert asked is not None
    assert len(asked.folds) == 1


def test_copies_of_a_letter_should_be_one(state: Engine, hotspot: MakeHotspot) -> None:
    letter = "全体业主强烈要求搅拌站停止夜间作业，并公开环评文件与听证记录，给居民一个答复。"
    found = told(
        state,
        hotspot,
        [record(1, 0, title="联名信", text=letter), record(2, 0, title="联名信", text=letter + "！"), record(3, 0)],
    )
    assert [fold.evidence[:6] for fold in found.folds] == ["文字几乎相同"]


def test_who_sees_a_part_is_told_of_a_part_only(state: Engine, hotspot: MakeHotspot) -> None:
    take_in(state, [hotspot(1, 2, 3)], at=AT)
    Changes(state, "王").note(ONE, "涉及河西区")
    found = account(state, store_of([record(2, 0)]), find(state, ONE), today=date(2026, 9, 9))
    assert found is not None
    assert (len(found.records), found.hidden, found.log, found.like) == (1, 2, (), ())
    assert all(one.kind != "change" for one in found.timeline)
    assert account(state, store_of([]), find(state, ONE), today=date(2026, 9, 9)) is None


def test_likeness_is_of_earlier_incidents_with_rare_words_in_common(state: Engine, hotspot: MakeHotspot) -> None:
    others = [
        hotspot(10 * i + 1, 10 * i + 2, title=f"{name}路灯不亮", places=(name,), sentences=())
        for i, name in enumerate(("甲街", "乙街", "丙街", "丁街"))
    ]
    take_in(
        state,
        [
            *others,
            hotspot(201, 202, title="栖湖湾搅拌站粉尘", places=("栖湖湾",)),
            hotspot(301, 302, title="栖湖湾搅拌站噪声", places=("栖湖湾",)),
        ],
        at=AT,
    )
    later = find(state, "SJ2026-00006")
    found = likeness(state, later)
    assert found[0].incident.number == "SJ2026-00005"
    assert found[0].likeness > 0.4
    assert found[0].ended == "新发现"
    assert len(found) <= LIKE_SHOWN
    assert likeness(state, find(state, "SJ2026-00005")) == []  # nothing like it before
    assert all(0 <= like.likeness <= 1 for like in found)


@pytest.mark.parametrize(("kind", "words"), [("rename", "王改名：夜间施工"), ("merge", "王并入：SJ2026-00002")])
def test_log_in_words(state: Engine, hotspot: MakeHotspot, kind: str, words: str) -> None:
    take_in(state, [hotspot(1, 2), hotspot(7, 8)], at=AT)
    if kind == "rename":
        Changes(state, "王").rename(ONE, "夜间施工")
    else:
        Changes(state, "王").merge("SJ2026-00002", ONE)
    assert words_of(log_of(state, ONE)[-1]) == words


def heating(number: int, at: datetime) -> Record:
    note = Annotation(model="m", topic="城乡建设", subtopic="城乡建设/城市建设和市政管理", positive=0.3)
    return record(
        number, 0, created_at=at, annotation=note, title=f"供暖不热{number}", text=f"室温只有十{number % 10}度，请查。"
    )


def test_what_comes_back_every_year_is_called_seasonal(state: Engine, hotspot: MakeHotspot) -> None:
    now_ = [heating(number, AT + timedelta(hours=number)) for number in range(1, 7)]
    before = [heating(100 + number, AT - timedelta(days=364) + timedelta(hours=2 * number)) for number in range(30)]
    usual = [heating(1_000 + number, AT - timedelta(days=340 - 10 * number)) for number in range(30)]
    take_in(state, [hotspot(*range(1, 7))], at=AT)
    found = account(state, store_of([*now_, *before, *usual]), find(state, ONE), today=date(2026, 9, 9))
    assert found is not None
    assert found.season is not None
    assert found.season.returns
    assert (found.season.subtopic, found.season.last_year) == ("城乡建设/城市建设和市政管理", 30)
    assert found.season.usual < 3
    assert sum(count for _, count in found.season.days) == 30
    plain = account(
        state,
        store_of([*now_, *usual, heating(9_999, AT - timedelta(days=363))]),
        find(state, ONE),
        today=date(2026, 9, 9),
    )
    assert plain is not None
    assert plain.season is not None
    assert not plain.season.returns
    alone = account(state, store_of(now_), find(state, ONE), today=date(2026, 9, 9))
    assert alone is not None
    assert alone.season is None  # nobody knows what was a year ago


def test_the_curve_ends_today(state: Engine, hotspot: MakeHotspot) -> None:
    found = told(state, hotspot, [record(1, 0), record(2, 0)], today=date(2026, 9, 2))
    assert [day.day for day in found.days][-1] == date(2026, 9, 2)
    assert len(found.days) == 3 + 1 + 1
