from __future__ import annotations

import pytest

from nlp.name_evidence import doubtful_families, given_characters, given_pairs, lexicon, single_families
from nlp.names import family_name, find_names


def masked(text: str, *anchors: int) -> str:
    done: list[tuple[int, int]] = []
    for found in sorted(
        set(find_names(text, frozenset(anchors))), key=lambda found: (found.start - found.end, found.start)
    ):
        if all(found.end <= start or end <= found.start for start, end in done):
            done.append((found.start, found.end))
    for start, end in sorted(done, reverse=True):
        text = text[:start] + family_name(text[start:end]) + "*" + text[end:]
    return text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("我叫张伟国，", "我叫张*，"),
        ("我叫李强家住城东", "我叫李*家住城东"),
        ("联系人：欧阳建国 ", "联系人：欧阳* "),
        ("姓名：买买提·艾力，", "姓名：买*，"),
        ("联系人：王芳、李小龙和赵敏。", "联系人：王*、李*和赵*。"),
        ("【姓名】吕超；", "【姓名】吕*；"),
        ("向李小明主任反映", "向李*主任反映"),
        ("高志强先生", "高*先生"),
        ("业主陈晓红，", "业主陈*，"),
        ("村民周大勇反映", "村民周*反映"),
        ("房东是钟明辉，", "房东是钟*，"),
        ("，郑雨欣，女，", "，郑*，女，"),
        ("昨天我找到陈伟鹏理论", "昨天我找到陈*理论"),
        ("李某、王某某、张*都在", "李某、王某某、张*都在"),
    ],
)
def test_masks_names_with_evidence(text: str, expected: str) -> None:
    assert masked(text) == expected


def test_a_name_before_a_number_needs_no_cue() -> None:
    text = "望回复。刘建军 13800138000"
    assert masked(text, text.index("138")) == "望回复。刘* 13800138000"


@pytest.mark.parametrize(
    "text",
    [
        "王先生说", "找李主任", "业主高兴极了", "投诉人于昨日反映", "老师和家长都反对", "经理从不露面",
        "居民安全没有保障", "本人高中毕业", "我叫了救护车", "我叫他别走", "联系人：无", "姓名：保密",
        "申请人（领款人）签字", "物业公司经理", "社区主任", "项目经理", "班主任老师", "森林公安民警",
        "市长期待", "房产会计划处", "我是高新区的业主", "村民李家村组", "名叫石桥幼儿园", "沃尔玛超市，沃尔玛，",
        "业主方面", "谢谢书记", "袁家岭附近", "反映人不详", "老板连工资都不发",
    ],
)  # fmt: skip
def test_leaves_what_only_looks_like_one(text: str) -> None:
    assert masked(text) == text


def test_family_name() -> None:
    assert [family_name(name) for name in ("欧阳建国", "王明", "司马光", "买买提")] == ["欧阳", "王", "司马", "买"]


def test_the_tables_are_sound() -> None:
    known = lexicon()
    assert not known.common & known.doubtful
    assert single_families() == known.common | known.doubtful
    assert doubtful_families() < single_families()
    assert {"王", "李", "张"} <= known.common
    assert all(len(name) == 2 for name in known.double)
    assert {"高兴", "单位", "项目"} <= known.words
    assert {"志强", "丽华"} <= given_pairs()
    assert not {"经理", "明天"} & given_pairs()
    assert all(set(pair) <= given_characters() for pair in given_pairs())
