"""The danger rule: what must never be missed, and everyday words that it must leave alone."""

from __future__ import annotations

import pytest

from indices.civic.danger import danger


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("楼下煤气泄漏了，有老人晕倒", "煤气泄漏"), ("闻到天然气严重泄露的味道", "天然气严重泄露"), ("厨房好像在漏煤气", "漏煤气"),
        ("有人站在天台上要跳楼", "跳楼"), ("邻居在群里说想轻生", "轻生"), ("孩子落水，快来救人！", "落水"), ("隔壁着火了", "着火了"),
        ("电线掉在水里，刚才有人触电", "触电"), ("有人持刀闹事", "持刀"), ("老人昏迷不醒", "昏迷"), ("电梯坏了，我们被困在里面", "被困在"),
        ("仓库正在燃烧", "正在燃烧"), ("快救我", "快救我"), ("一家三口一氧化碳中毒", "一氧化碳中毒"), ("随时有生命危险", "生命危险"),
    ],
)  # fmt: skip
def test_danger_to_life_is_seen_with_the_words_that_say_so(text: str, words: str) -> None:
    assert danger(text) == words


@pytest.mark.parametrize(
    "text",
    ["", "商场卖跳楼价", "游乐园的跳楼机停运", "这是我们的救命钱", "被房价绑架的年轻人", "路灯不亮，老人出门看不清台阶", "火车站附近的餐馆火了", "煤气费太贵",
     "请问燃气开户需要什么材料", "建议小区安装燃气报警器", "水管漏水，水漏到楼下", "毒跑道"],
)  # fmt: skip
def test_everyday_words_are_no_danger(text: str) -> None:
    assert danger(text) == ""


def test_a_long_text_costs_little() -> None:
    assert danger("煤气" * 50_000 + "快救" * 50_000) == ""
