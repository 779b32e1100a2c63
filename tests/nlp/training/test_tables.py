"""Builders of the tables in nlp/data (streets, everyday words and given names, document frequencies)."""

from __future__ import annotations

import lzma
from pathlib import Path

import zstandard

from nlp.training import everyday, frequencies, streets


def test_streets_are_read_from_the_four_files(tmp_path: Path) -> None:
    for file, name in zip(streets.FILES, ("甲乙省", "丙丁市", "戊己区", "庚辛街道"), strict=True):
        (tmp_path / file).write_text(f'code,name\n1,"{name}"\n', encoding="utf-8")
    assert streets.useful(streets.names(tmp_path)) == ["丙丁市", "庚辛街道", "戊己区", "甲乙省"]
    assert lzma.decompress(streets.pack(["丙丁市", "甲乙省"])).decode() == "丙丁市\n甲乙省"


def test_everyday_words_begin_with_a_family_name() -> None:
    dictionary = ["高兴 500 a", "高平 30 nr", "王朝 90 nr", "高高 1 a", "高兴人 70 n", "路灯 90 n", "王平 99 nr"]
    rows = everyday.rows(dictionary, frozenset("高王"), frozenset("高"))
    assert "兴" in rows["高"]
    assert "高" not in rows["高"]
    assert "朝" in rows["王"]  # by hand
    assert "平" not in rows["王"]
    assert "路" not in rows


def test_given_names_are_those_that_are_no_words() -> None:
    dictionary = ["王建国 9 nr", "建军 30 nr", "李经理 5 nr", "经理 9000 n", "明天 8000 t", "王明天 3 nr"]
    assert everyday.pairs(dictionary, frozenset("王李"), frozenset("建国军明天经理")) == ["建军", "建国"]


def test_frequencies_count_texts_and_keep_known_words_only(tmp_path: Path) -> None:
    path = tmp_path / "texts.txt.zst"
    path.write_bytes(zstandard.ZstdCompressor().compress("路灯坏了，路灯不亮\n\n路灯１号\n物业费涨价\n".encode() * 3))
    total, counts = frequencies.count(frequencies.lines(path))
    assert total == 9
    assert counts["路灯"] == 6
    assert "坏" not in counts
    unpacked = lzma.decompress(frequencies.pack(total, counts, frozenset({"路灯", "涨价", "没有的词"}))).decode()
    assert unpacked.split("\n") == ["9", "路灯 6", "涨价 3"]
