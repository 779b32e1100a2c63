from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.feeds.importer import Report, open_feed, read_items
from crawlers.feeds.mapping import Mapping
from models.clock import CITY_TIME
from models.errors import BadRequest, MappingUnclear
from models.identity import record_id, revision
from models.item import PROBLEM

NOW = datetime(2026, 3, 9, tzinfo=UTC)
DATA = Path(__file__).parents[4] / "shared" / "data" / "feeds"
HEAD = ["编号", "受理时间", "标题", "内容", "区县", "承办单位", "满意度"]
ROW = ["R-1", "2026/3/1 8:05", "路灯不亮", "\t\n柳堤路东段", "河东区", "河东区城管局", "满意"]
Write = Callable[..., Path]


def city(**changes: object) -> Mapping:
    columns = {"编号": "native_id", "受理时间": "created_at", "标题": "title", "内容": "text", "满意度": "rating"}
    return Mapping.model_validate({"name": "city", "source": "city", "columns": columns, **changes})


def test_another_citys_file_comes_in_without_a_mapping(workbook: Write) -> None:
    feed = open_feed(workbook([HEAD, ROW], name="工单2026-03.xlsx"))
    item = next(feed.items())
    assert feed.proposal is not None
    assert (item.source, item.native_id, item.payload.rating, item.payload.department) == (
        "工单",
        "R-1",
        4,
        "河东区城管局",
    )
    assert item.payload.created_at == datetime(2026, 3, 1, 8, 5, tzinfo=CITY_TIME)
    assert item.payload.text == "柳堤路东段"


def test_a_file_may_have_a_long_name(workbook: Write) -> None:
    feed = open_feed(workbook([HEAD, ROW], name=f"{'orders' * 30}.xlsx"))
    assert next(feed.items()).source == ("orders" * 30)[:100]


def test_a_file_with_doubts_stops_and_says_what_to_decide(workbook: Write) -> None:
    with pytest.raises(MappingUnclear, match=r"标题或内容.*inspect"):
        open_feed(workbook([["甲", "乙"], ["1", "2"]]))


def test_a_known_mapping_whose_columns_fit_is_taken(workbook: Write) -> None:
    head = ["留言编号", "留言用户", "留言主题", "留言时间", "留言详情", "反对数", "点赞数"]
    feed = open_feed(workbook([head, [7, "a", "标题", "2019/1/2 3:04:05", "内容", 0, 12]]), source="board-2019")
    item = next(feed.items())
    assert feed.mapping.name == "message-board"
    assert (item.source, item.native_id, item.payload.likes, item.payload.channel) == ("board-2019", "7", 12, "board")


def test_a_named_mapping_that_misses_columns_says_which(workbook: Write) -> None:
    with pytest.raises(MappingUnclear, match="点赞数"):
        open_feed(workbook([HEAD, ROW]), mapping="message-board")
    with pytest.raises(BadRequest):
        open_feed(workbook([HEAD, ROW]), mapping="nothing")


def test_a_value_that_cannot_be_read_is_counted_and_the_row_kept() -> None:
    report = Report()
    rows = [{"编号": str(n), "受理时间": "2026-3-1", "标题": "x", "满意度": "很好"} for n in range(3)]
    items = list(read_items(rows, city(), fetched_at=NOW, report=report))
    assert [item.payload.rating for item in items] == [None] * 3
    assert report.rows == 3
    assert any("满意度" in s and "'很好'" in s and "3 行" in s for s in report.sentences())


def test_a_row_without_a_readable_time_carries_its_problem() -> None:
    item = next(read_items([{"编号": "1", "受理时间": "前天下午", "标题": "x"}], city(), fetched_at=NOW))
    assert "'前天下午'" in item.extra[PROBLEM]


def test_a_column_named_problem_is_no_problem() -> None:
    (item,) = read_items([{"标题": "路灯不亮", "problem": "路面", PROBLEM: "x"}], city(), fetched_at=NOW)
    assert item.extra == {"problem": "路面"}


def test_a_row_that_is_no_item_keeps_what_is_valid_and_its_problem() -> None:
    item = next(
        read_items([{"编号": "1", "受理时间": "2026-3-1", "标题": "x" * 3_000, "内容": "y"}], city(), fetched_at=NOW)
    )
    assert item.native_id == "1"
    assert item.payload.text == "y"
    assert "title" in item.extra[PROBLEM]


def test_columns_without_a_field_stay_beside() -> None:
    item = next(read_items([{"编号": "1", "标题": "x", "备注": "急", "空": None}], city(), fetched_at=NOW))
    assert item.extra == {"备注": "急"}


def test_constants_and_joined_texts() -> None:
    mapping = city(
        columns={"标题": "title", "内容": "text", "补充": "text"}, constants={"channel": "电话", "status": "已回复"}
    )
    payload = next(read_items([{"标题": "a", "内容": "b", "补充": "c"}], mapping, fetched_at=NOW)).payload
    assert (payload.text, payload.channel, payload.status) == ("b\nc", "hotline", "已回复")


def test_the_same_row_is_the_same_item_and_a_rating_added_later_is_a_later_state() -> None:
    row = {"编号": "1", "受理时间": "2026-3-1", "标题": "x", "满意度": None}
    first, again = (next(read_items([row], city(), fetched_at=NOW)) for _ in range(2))
    later = next(read_items([{**row, "满意度": "不满意"}], city(), fetched_at=NOW))
    assert (record_id(first), revision(first)) == (record_id(again), revision(again))
    assert record_id(later) == record_id(first)
    assert revision(later) > revision(first)


cells = st.one_of(st.none(), st.text(max_size=50), st.floats(), st.integers(), st.booleans(), st.just("x" * 3_000))


@given(
    st.lists(
        st.fixed_dictionaries(dict.fromkeys(("编号", "受理时间", "标题", "内容", "满意度", "其他"), cells)),
        max_size=5,
    )
)
def test_every_row_becomes_exactly_one_item(rows: list[dict[str, object]]) -> None:
    report = Report()
    assert len(list(read_items(rows, city(), fetched_at=NOW, report=report))) == len(rows) == report.rows  # type: ignore[arg-type]


@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not here")
@pytest.mark.parametrize(
    ("name", "mapping", "count"),
    [
        ("message_board_2019", "message-board", 4_326),
        ("message_board_replies_2011_2018", "message-board-replies", 1_925),
        ("hotline_rivers_2016_2018", "hotline-rivers", 888),
    ],
)
def test_the_real_feeds_come_in_whole(name: str, mapping: str, count: int) -> None:
    feed = open_feed(DATA / f"{name}.xlsx")
    items = list(feed.items())
    assert feed.mapping.name == mapping
    assert len(items) == len({record_id(item) for item in items}) == count
    assert feed.report.sentences() == []
    assert all(PROBLEM not in item.extra and item.payload.created_at for item in items)
