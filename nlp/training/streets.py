"""Builds nlp/data/places.txt.xz, the table of districts, counties, streets, towns and townships.

Source: Administrative-divisions-of-China (modood; codes of the National Bureau of Statistics), licence WTFPL: the files areas.csv,
cities.csv, provinces.csv and streets.csv with a column `name`.

    python -m nlp.training.streets FOLDER
"""

from __future__ import annotations

import csv
import lzma
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

FILES: Final = ("provinces.csv", "cities.csv", "areas.csv", "streets.csv")
TARGET: Final = Path(__file__).parents[1] / "data" / "places.txt.xz"

# Names end in the word of a level; what ends otherwise (永兴, …产业基地) is also an everyday word or no name of a place to live.
_LEVEL: Final = re.compile("(?:省|自治区|市|地区|自治州|盟|县|区|旗|街道|街道办事处|镇|乡|苏木|农场|林场|牧场|渔场)$")
# Levels without a name, and words of everyday speech that some place is called by.
_GENERIC_WORDS: Final = """
市辖区 县 省直辖县级行政区划 自治区直辖县级行政区划 城区 郊区 矿区 新区 街道 镇区 开发区 高新区 经开区 工业区 园区 景区 老城区 新城区
县城区 城市社区 农场 林场 牧场 新镇 城镇 集镇 乡镇 村镇 古镇 小镇 老街道 城关区 生态区 保税区 度假区 旅游区 风景区 管理区 示范区 试验区
实验区 经济开发区 工业园区 产业园区 小区 社区 地区 中心街道 大街道 主城区
"""
_GENERIC: Final = frozenset(_GENERIC_WORDS.split())


def names(folder: Path) -> Iterator[str]:
    """The names in the files of the source, as they stand."""
    for file in FILES:
        with (folder / file).open(encoding="utf-8-sig", newline="") as lines:
            yield from (row["name"] for row in csv.DictReader(lines))


def useful(candidates: Iterable[str]) -> list[str]:
    """Sorted, distinct names of at least two characters that end in the word of their level."""
    kept = set()
    for name in candidates:
        name = re.sub("街道办事处$", "街道", name.strip())
        if len(name) >= 3 and name not in _GENERIC and _LEVEL.search(name) and re.fullmatch("[\u3400-\u9fff]+", name):
            kept.add(name)
    return sorted(kept)


def pack(kept: list[str]) -> bytes:
    """The table's file: one name a line, UTF-8, LZMA."""
    return lzma.compress("\n".join(kept).encode(), preset=9 | lzma.PRESET_EXTREME)


def main(folder: str) -> None:
    kept = useful(names(Path(folder)))
    TARGET.write_bytes(pack(kept))
    sys.stderr.write(f"{TARGET}: {len(kept)} names, {TARGET.stat().st_size} bytes\n")


if __name__ == "__main__":
    main(sys.argv[1])
