import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.feeds.mapping import FIELDS, Mapping, find_mapping, fitting, load_mapping, mappings
from models.errors import BadFile, BadRequest

GOOD = Mapping(name="city", source="city", columns={"编号": "native_id", "标题": "title"})


def test_the_shipped_mappings_are_sound_and_named_once() -> None:
    shipped = mappings()
    assert {m.name for m in shipped} == {"message-board", "message-board-replies", "hotline-rivers"}
    assert [problem for m in shipped for problem in m.problems()] == []


def test_the_mapping_that_reads_more_of_the_columns_is_chosen() -> None:
    small = Mapping(name="s", source="s", columns={"标题": "title"})
    columns = ("编号", "标题", "内容")
    assert fitting(columns, [small, GOOD]) == GOOD
    assert fitting(("标题",), [small, GOOD]) == small
    assert fitting(("内容",), [small, GOOD]) is None


def test_a_citys_own_mapping_comes_before_a_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(GOOD.model_copy(update={"name": "message-board"}).to_toml(), encoding="utf-8")
    assert find_mapping("message-board", tmp_path).source == "city"


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(BadRequest, match="message-board-replies"):
        find_mapping("nothing")


texts = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)


@given(
    st.dictionaries(texts, st.sampled_from([f for f in FIELDS if f != "kind"]), max_size=6),
    st.dictionaries(texts, texts, max_size=3),
    texts,
)
def test_what_is_written_is_read_back(columns: dict[str, str], values: dict[str, str], title: str) -> None:
    mapping = Mapping(
        name="x", source="y", title=title, columns=columns, values={"rating": values}, constants={"channel": title}
    )
    expected = mapping if values else mapping.model_copy(update={"values": {}})
    assert Mapping.model_validate(tomllib.loads(mapping.to_toml())) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("name = ", "读不出来"),
        ('name = "x"\nsource = "x"\n', "columns"),
        ('name = "x"\nsource = "x"\nextra = 1\n[columns]\n"标题" = "title"\n', "extra"),
        ('name = "x"\nsource = "x"\n[columns]\n"标题" = "titel"\n', "'titel'"),
        ('name = "x"\nsource = "x"\n[columns]\n"甲" = "rating"\n"乙" = "rating"\n"标题" = "title"\n', "多列"),
        ('name = "x"\nsource = "x"\n[columns]\n"编号" = "native_id"\n', "title"),
        ('name = "x"\nsource = "x"\n[columns]\n"标题" = "title"\n[constants]\nrating = "9"\n', "'9'"),
    ],
)
def test_a_bad_mapping_is_refused_with_what_is_wrong(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "m.toml").write_text(text, encoding="utf-8")
    with pytest.raises(BadFile, match=why):
        load_mapping(tmp_path / "m.toml")
