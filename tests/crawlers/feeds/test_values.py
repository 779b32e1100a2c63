from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.feeds.mapping import FIELDS
from crawlers.feeds.values import EMPTY, parse_value, plain
from models.labels import CHANNELS, Resolved


@pytest.mark.parametrize(
    ("value", "rating"),
    [
        ("非常满意", 5),
        ("满意", 4),
        ("基本满意", 3),
        ("不满意", 2),
        ("非常不满意", 1),
        ("5", 5),
        (3.0, 3),
        ("4分", 4),
        ("2星", 2),
    ],
)
def test_ratings(value: object, rating: int) -> None:
    assert parse_value("rating", value) == rating


@pytest.mark.parametrize("value", ["很好", "6", "0", "4.5"])
def test_a_rating_that_is_none_is_named(value: str) -> None:
    with pytest.raises(ValueError, match="非常满意"):
        parse_value("rating", value)


@pytest.mark.parametrize("field", FIELDS)
def test_cells_that_say_nothing(field: str) -> None:
    for cell in (*EMPTY, "  ", None, "NULL", "N/A"):
        assert parse_value(field, cell) is None


@pytest.mark.parametrize(
    ("field", "cell", "value"),
    [
        ("resolved", "已解决", Resolved.YES), ("resolved", "部分解决", Resolved.PARTLY), ("resolved", "否", Resolved.NO),
        ("contacted", "是", True), ("contacted", "未联系", False), ("returns", "2次", 2), ("likes", "1,097", 1097), ("likes", 3.0, 3),
        ("native_id", 188006.0, "188006"), ("native_id", "A-01 ", "A-01"), ("longitude", "112.9388", 112.9388),
        ("channel", "电话", "hotline"), ("channel", "12345app", "app"), ("channel", "区长信箱", "mailbox"), ("channel", "微信小程序", "wechat"),
        ("channel", "hotline", "hotline"), ("channel", "传真", "传真"), ("district", " 河东区 ", "河东区"),
    ],
)  # fmt: skip
def test_values(field: str, cell: object, value: object) -> None:
    assert parse_value(field, cell) == value


def test_a_mappings_own_words_come_first() -> None:
    assert parse_value("rating", "优", {"优": "5"}) == 5
    assert parse_value("rating", "无", {"无": "3"}) == 3
    assert parse_value("created_at", "昨", {"昨": "2026-01-01"}).year == 2026  # type: ignore[union-attr, attr-defined]


@given(st.sampled_from(FIELDS), st.one_of(st.text(max_size=30), st.floats(), st.integers(), st.booleans(), st.none()))
def test_any_cell_is_a_value_nothing_or_a_value_error(field: str, cell: object) -> None:
    with suppress(ValueError):
        assert parse_value(field, cell) != ""


def test_plain_numbers_have_no_tail() -> None:
    assert [plain(v) for v in (1.0, 1.5, 10**20, True, None)] == ["1", "1.5", str(10**20), "是", ""]


def test_channel_words_lead_to_known_channels() -> None:
    assert {parse_value("channel", word) for word in ("网站", "邮件", "短信", "微博", "来访", "客户端")} <= set(
        CHANNELS
    )
    assert [parse_value("channel", word) for word in ("日报热线版", "晚报", "网上举报", "举报电话")] == [
        "hotline",
        "press",
        "web",
        "hotline",
    ]
