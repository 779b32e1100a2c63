from __future__ import annotations

import csv
from pathlib import Path

import pytest
from rich.console import Console

from crawlers.simulation.orders import Simulation
from crawlers.simulation.report import SAMPLE, Profile, compare_table, shares
from models.item import Item, Payload


def _item(text: str, **fields: str) -> Item:
    return Item(source="t", payload=Payload(text=text, **fields))


def test_counts_lengths_and_duplicates() -> None:
    profile = Profile("甲")
    for text in ("路灯坏了很多天没有人来修", "路灯坏了很多天没有人来修", "河水发黑发臭，请派人处理一下"):
        profile.add(_item(text, channel="app", stated_type="投诉"))
    assert profile.count == 3
    assert profile.length_quantiles()[2] == 12
    assert profile.duplicate_share() == pytest.approx(1 / 3)
    assert 0.4 < profile.type_token_ratio() < 1
    assert profile.types == {"投诉": 3}
    assert not profile.topics


def test_an_empty_profile_has_no_figures() -> None:
    empty = Profile("空")
    assert (empty.duplicate_share(), empty.type_token_ratio(), empty.length_quantiles()[0]) == (0.0, 0.0, 0)


def test_memory_does_not_grow_with_the_texts() -> None:
    profile = Profile("大")
    for number in range(SAMPLE * 2):
        profile.add(_item(f"第{number}件"))
    assert len(profile.texts) == SAMPLE
    late = sum(int(text[1:-1]) >= SAMPLE for text in profile.texts)
    assert 0.4 < late / SAMPLE < 0.6, "early and late texts alike"


def test_the_simulated_city_is_no_heap_of_copies(items: list[Item]) -> None:
    profile = Profile("模拟")
    for item in items[:800]:
        profile.add(item)
    assert profile.duplicate_share() < 0.08
    assert profile.type_token_ratio() > 0.08
    low, _, middle, _, high = profile.length_quantiles()
    assert 20 < low < middle < high
    assert high > 2 * middle


def test_shares_in_words(simulation: Simulation, items: list[Item]) -> None:
    profile = Profile("模拟")
    for item in items:
        profile.add(item)
    said = shares(simulation, profile)
    assert simulation.city.name in said
    assert f"{len(simulation):,} 件工单" in said
    assert "热线电话" in said
    assert "注入事件 8 个" in said


def test_beside_files(tmp_path: Path) -> None:
    with (tmp_path / "orders.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["工单编号", "受理时间", "标题", "内容"])
        rows.writerow(["A1", "2026-01-02 08:00:00", "路灯不亮", "门口的路灯三天没有亮了"])
        rows.writerow(["A2", "2026-01-03 08:00:00", "路面破损", "桥头的路面有一个大坑"])
    (tmp_path / "note.txt").write_text("不是表", encoding="utf-8")
    (found,) = Profile.of_folder(tmp_path)
    assert (found.name, found.count) == ("orders", 2)
    console = Console(width=200, record=True)
    console.print(compare_table([found]))
    assert "orders" in console.export_text()
