from __future__ import annotations

import time
from pathlib import Path

from nlp.places import find_places, place_names
from nlp.training.streets import pack, useful


def test_the_table_is_complete_compact_and_quick() -> None:
    place_names.cache_clear()
    start = time.process_time()
    names = place_names()
    assert time.process_time() - start < 0.3  # 0.05 s on an idle core
    assert len(names) > 34_000
    assert {"岳麓区", "长沙市", "湖南省", "东华门街道"} <= names
    assert not {"城区", "街道", "小区", "开发区", "市辖区"} & names
    packed = Path(__file__).parents[2] / "nlp" / "data" / "places.txt.xz"
    assert packed.stat().st_size < 600_000


def test_finds_the_longest_name_at_each_end() -> None:
    text = "我住在长沙市岳麓区"
    assert [text[start:end] for start, end in find_places(text)] == ["长沙市", "岳麓区"]
    assert list(find_places("没有地名")) == []


def test_keeps_names_with_a_level_and_drops_the_rest() -> None:
    names = [
        "东华门街道",
        "张镇",
        "城区",
        "永兴",
        "某某产业基地",
        "白云街道办事处",
        "白云街道",
        "岳麓区",
        " 岳麓区 ",
        "A7县",
    ]
    assert useful(names) == ["东华门街道", "岳麓区", "白云街道"]


def test_packs_reproducibly() -> None:
    assert pack(["一街道", "二街道"]) == pack(["一街道", "二街道"])
