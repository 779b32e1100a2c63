from __future__ import annotations

import pytest

from nlp.doors import find_doors


def masked(text: str) -> str:
    """With every door number of `text` replaced; of two that overlap the longer one."""
    done: list[tuple[int, int]] = []
    for found in sorted(set(find_doors(text)), key=lambda found: found.start - found.end):
        if all(found.end <= start or end <= found.start for start, end in done):
            done.append((found.start, found.end))
    replacements = {found[:2]: found.replacement for found in find_doors(text)}
    for start, end in sorted(done, reverse=True):
        text = text[:start] + replacements[start, end] + text[end:]
    return text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("幸福里3栋2单元501室漏水", "幸福里*栋*单元*室漏水"),
        ("幸福里3栋501漏水", "幸福里*栋*漏水"),
        ("12号楼1单元1101", "*号楼*单元*"),
        ("五栋二单元六零一室", "*栋*单元*室"),
        ("A座1203", "*座*"),
        ("幸福里3-2-501", "幸福里*-*-*"),
        ("幸福里3#2-501", "幸福里*#*-*"),
        ("幸福里3-501室", "幸福里*-*室"),
        ("石桥村三组15号", "石桥村三组*号"),
        ("古井巷12号附3号", "古井巷*号附*号"),
        ("中山路128号，", "中山路*号，"),
        ("中山路128号3栋501", "中山路*号*栋*"),
        ("家住幸福里3栋", "家住幸福里*栋"),
        ("住址：中山路128号", "住址：中山路*号"),
    ],
)
def test_cuts_the_address_to_community_or_road(text: str, expected: str) -> None:
    assert masked(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "3栋电梯坏了", "7栋至9栋停水", "2栋1500户居民", "3栋2023年交房", "1栋100多人", "政务大厅301室",
        "中山路128号人民医院", "地铁5号线3号口", "2号桥", "3单元门坏了", "2019-12-501", "第3条5号文件",
        "一房二卖", "河道3号支河", "三组2号井", "12栋101商铺", "A3区", "3号楼楼下",
    ],
)  # fmt: skip
def test_leaves_what_names_no_household(text: str) -> None:
    assert masked(text) == text
