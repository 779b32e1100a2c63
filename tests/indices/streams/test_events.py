from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indices.stores.memory import MemoryStore
from indices.streams.events import MEMORY_HOURS, build_events, events_path, find_event, group_titles, list_events
from indices.streams.links import links, words_of
from indices.streams.ranks import take_in
from models.errors import NotFound
from models.record import Annotation, Record
from nlp.segment import segment

BEGIN = datetime(2026, 5, 1, 2, tzinfo=UTC)
OTHERS = [
    "公交新线开通",
    "高考报名时间",
    "樱花节开幕",
    "地铁延长运营",
    "博物馆夜场",
    "蓝天保卫战",
    "医保新政解读",
    "旧衣回收点",
]


def ranks(folder: Path, *rows: tuple[int, int, str]) -> Path:
    """(hour, rank, title) as a file."""
    path = folder / f"ranks{len(rows)}.csv"
    lines = [
        f"{(BEGIN + timedelta(hours=hour + 8)):%Y-%m-%d %H:%M:%S},{rank},{title},{1000 - rank}"
        for hour, rank, title in rows
    ]
    path.write_text("\n".join(["time,rank,title,heat", *lines]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    rows = [(hour, 10 + hour % 5, "柳堤路水管爆裂") for hour in range(3)] + [
        (hour, 2, "柳堤路水管爆裂 全街停水") for hour in range(2, 8)
    ]
    rows += [(hour, 30, OTHERS[hour % 8]) for hour in range(24)]
    take_in(tmp_path, "weibo", ranks(tmp_path, *rows))
    build_events(tmp_path, "weibo")
    return tmp_path


def test_titles_of_one_matter_are_one_event(listed: Path) -> None:
    found = list_events(listed, "weibo", BEGIN, BEGIN + timedelta(days=1))
    assert len(found) == 1 + len(OTHERS)
    first = found[0]
    assert first.titles == ("柳堤路水管爆裂", "柳堤路水管爆裂 全街停水")
    assert first.title == "柳堤路水管爆裂 全街停水"  # longest on the list
    assert (first.first, first.last, first.hours, first.duration_hours) == (BEGIN, BEGIN + timedelta(hours=7), 8, 8)
    assert (first.best_rank, first.peak_heat) == (2, 998)
    assert [rank for _, rank in first.curve] == [10, 11, 2, 2, 2, 2, 2, 2]
    assert find_event(listed, "weibo", first.id) == first
    assert list_events(listed, "weibo", BEGIN + timedelta(days=9), BEGIN + timedelta(days=10)) == []
    assert len(list_events(listed, "weibo", BEGIN, BEGIN + timedelta(days=1), top=3)) == 3


def test_an_event_keeps_its_id_when_more_hours_arrive(listed: Path) -> None:
    before = {one.title: one for one in list_events(listed, "weibo", BEGIN, BEGIN + timedelta(days=2))}
    take_in(listed, "weibo", ranks(listed, (30, 1, "柳堤路水管爆裂 抢修完成"), (31, 8, "夜市开张")))
    build_events(listed, "weibo")
    after = list_events(listed, "weibo", BEGIN, BEGIN + timedelta(days=2))
    assert {one.id for one in before.values()} <= {one.id for one in after}
    grown = find_event(listed, "weibo", before["柳堤路水管爆裂 全街停水"].id)
    assert len(grown.titles) == 3
    assert grown.best_rank == 1


def test_the_same_words_much_later_are_another_event(tmp_path: Path) -> None:
    far = MEMORY_HOURS + 5
    take_in(tmp_path, "weibo", ranks(tmp_path, (0, 1, "柳堤路水管爆裂"), (far, 1, "柳堤路水管又爆裂")))
    assert build_events(tmp_path, "weibo") == 2


def test_nothing_and_unknown(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        build_events(tmp_path, "weibo")
    with pytest.raises(NotFound):
        find_event(tmp_path, "weibo", "x")
    assert list_events(tmp_path, "weibo", BEGIN, BEGIN) == []
    assert not events_path(tmp_path, "weibo").exists()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.text("柳堤路水管爆裂停电夜市", min_size=1, max_size=8), st.integers(0, 40), st.integers(0, 30)), max_size=25, unique_by=lambda r: r[0]),
       st.integers(0, 25))  # fmt: skip
def test_what_comes_later_changes_nothing_that_was_decided(rows: list[tuple[str, int, int]], cut: int) -> None:
    rows = sorted(rows, key=lambda row: (row[1], row[0]))
    titles = [title for title, _, _ in rows]
    first = np.array([3_600 * at for _, at, _ in rows], dtype=np.int64)
    last = np.array([3_600 * (at + long) for _, at, long in rows], dtype=np.int64)
    whole = group_titles(first, last, titles)
    part = group_titles(first[:cut], last[:cut], titles[:cut])
    assert whole[:cut].tolist() == part.tolist()
    assert sorted(set(whole.tolist())) == list(range(len(set(whole.tolist()))))


def record(number: int, day: int, title: str, district: str = "河东区") -> Record:
    tokens = tuple(segment(title))
    note = Annotation(model="m", title_tokens=tokens, text_tokens=tokens)
    return Record.model_validate({
        "id": f"{number:032x}", "revision": 1, "intake": "1", "source": "热线", "native_id": str(number), "title": title, "text": title,
        "created_at": BEGIN + timedelta(days=day), "annotation": note, "district": district,
    })  # fmt: skip


def test_orders_about_the_same_are_linked_with_their_words(listed: Path) -> None:
    store = MemoryStore()
    store.upsert(
        [
            record(1, 0, "柳堤路水管爆裂后全街停水"),
            record(2, 0, "路灯不亮"),
            record(3, 30, "柳堤路水管爆裂"),
            record(4, 2, "水管漏水"),
        ]
    )
    event = list_events(listed, "weibo", BEGIN, BEGIN + timedelta(days=1))[0]
    assert len(words_of(event)) >= 2
    found = links(store, event)
    assert [link.record.native_id for link in found] == ["1"]
    assert len(found[0].words) >= 2
