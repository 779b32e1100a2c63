from __future__ import annotations

from datetime import date
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.views.search import Ask, search_view
from models.errors import BadRequest
from models.query import Query, Sort


def params(address: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(address).query)


@given(
    st.builds(
        Ask,
        text=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20).map(str.strip),
        since=st.none() | st.dates(date(1990, 1, 1), date(2020, 1, 1)),
        until=st.none() | st.dates(date(2020, 1, 1), date(2100, 1, 1)),
        filters=st.dictionaries(
            st.sampled_from(("topic", "district")),
            st.lists(st.text("甲乙&=", min_size=1), min_size=1, unique=True).map(tuple),
        ),
        sort=st.none() | st.sampled_from(Sort),
        page=st.integers(1, 500),
    )
)
def test_a_question_survives_its_own_address(ask: Ask) -> None:
    assert Ask.from_params(params(ask.url())) == ask


@pytest.mark.parametrize(
    ("name", "value"),
    [("from", "昨天"), ("from", "2026-13-01"), ("to", "0001-01-01"), ("to", "9999-12-31"), ("page", "0"), ("page", "501"), ("page", "-1"),
     ("page", "²"), ("sort", "heat"), ("q", "字" * 501)],
)  # fmt: skip
def test_a_bad_parameter_is_refused_with_its_name(name: str, value: str) -> None:
    with pytest.raises(BadRequest) as caught:
        Ask.from_params({name: [value]})
    assert caught.value.fields["name"] == name
    assert len(caught.value.message) < 160


def test_an_end_before_the_beginning_is_refused() -> None:
    with pytest.raises(BadRequest, match="早于"):
        Ask.from_params({"from": ["2026-11-02"], "to": ["2026-11-01"]})


def test_unknown_parameters_and_empty_values_do_nothing() -> None:
    assert Ask.from_params({"q": [" "], "topic": ["", "政法"], "speaker": ["p1"]}) == Ask(filters={"topic": ("政法",)})


def test_words_are_sorted_by_relevance_and_everything_else_by_time() -> None:
    assert Ask(text="供暖").order is Sort.RELEVANCE
    assert Ask().order is Sort.NEWEST
    assert Ask(text="供暖", sort=Sort.OLDEST).order is Sort.OLDEST


def test_hits_facets_and_chart_count_the_same_records(city: ModuleType, kept: Any) -> None:
    view = search_view(kept, Ask(text="供暖"), parse=city.parse)
    assert view.total == kept.search(Query(match=city.parse("供暖"), size=0)).total > 0
    assert (view.first, view.last, len(view.hits)) == (1, 20, 20)
    for facet in view.facets:
        assert sum(value.count for value in facet.values) == view.total, facet.key
    assert view.chart
    assert sum(value or 0 for value in view.chart.series[0].values) == view.total
    assert any(piece.mark for piece in view.hits[0].title)


def test_a_chosen_value_narrows_hits_and_chart_but_not_its_own_facet(city: ModuleType, kept: Any) -> None:
    whole = search_view(kept, Ask(), parse=city.parse)
    part = search_view(kept, Ask(filters={"district": ("东桥区",)}), parse=city.parse)
    districts = {facet.key: facet for facet in part.facets}["district"]
    assert [value.count for value in districts.values] == [
        value.count for value in {f.key: f for f in whole.facets}["district"].values
    ]
    chosen = [value for value in districts.values if value.chosen]
    assert [value.name for value in chosen] == ["东桥区"]
    assert part.total == chosen[0].count < whole.total
    assert params(chosen[0].url) == {}
    other = next(value for value in districts.values if not value.chosen)
    assert params(other.url)["district"] == ["东桥区", other.name]


def test_a_chosen_value_without_records_can_still_be_taken_away(city: ModuleType, kept: Any) -> None:
    view = search_view(kept, Ask(filters={"topic": ("没有这一类",)}), parse=city.parse)
    assert view.total == 0
    assert view.chart is None
    assert view.chips == (("分类：没有这一类", "/search"),)
    topics = {facet.key: facet for facet in view.facets}["topic"]
    assert (topics.values[-1].name, topics.values[-1].count, topics.values[-1].chosen) == ("没有这一类", 0, True)


def test_a_period_is_whole_days_and_its_chart_fills_it(city: ModuleType, kept: Any) -> None:
    view = search_view(kept, Ask(since=date(2026, 11, 20), until=date(2026, 11, 22)), parse=city.parse)
    assert view.chart
    assert view.chart.x == ("2026-11-20", "2026-11-21", "2026-11-22")
    assert view.chart.x == view.chart.ends
    assert params(view.chart.select) == {}
    assert view.chips[0][0] == "时间：2026年11月20日–22日"


def test_a_bad_query_is_shown_at_its_place(city: ModuleType, kept: Any) -> None:
    view = search_view(kept, Ask(text='供暖 "夜间'), parse=city.parse)
    assert view.error
    assert (view.error.before, view.error.at, view.error.after) == ("供暖 ", '"', "夜间")
    assert "第 4 个字符" in view.error.sentence
    assert (view.total, view.facets, view.exports) == (0, (), ())


def test_pages_go_to_the_end_of_the_window(city: ModuleType, kept: Any) -> None:
    view = search_view(kept, Ask(page=3), parse=city.parse)
    assert view.first == 41
    assert [label for label, _, _ in view.pages][:6] == ["1", "2", "3", "4", "5", "…"]
    assert [label for label, _, on in view.pages if on] == ["3"]
    assert int(view.pages[-1][0]) == -(-view.total // 20)
    assert params(view.pages[0][1]) == {}


def test_exports_take_everything_found_in_every_format(city: ModuleType, kept: Any) -> None:
    view = search_view(kept, Ask(text="供暖", page=2), parse=city.parse)
    assert [params(url) for _, url in view.exports] == [
        {"q": ["供暖"], "format": [f]} for f in ("csv", "xlsx", "jsonl")
    ]
    assert search_view(kept, Ask(), parse=city.parse).exports[0][1] == "/search/export?format=csv"


def test_the_product_language_is_used_where_none_is_given(kept: Any) -> None:
    assert search_view(kept, Ask(text="(供暖")).error


def test_every_example_of_the_syntax_help_is_understood() -> None:
    from dashboards.views.search import SYNTAX
    from indices.query_language import parse

    assert all(parse(example.replace("…", "甲")) for example, _ in SYNTAX)


def test_a_word_that_only_the_reply_has_is_shown_there(city: ModuleType) -> None:
    record = city.record(1, city.NOW, city.ISSUES[0], city.Random(1), reply="已现场核实，责令停工整改。")
    hit = search_view(
        city.store([record]), Ask(text="核实"), parse=lambda _: city.Tokens(tokens=("责令", "停工"))
    ).hits[0]
    assert "".join(piece.text for piece in hit.text) == "答复：已现场核实，责令停工整改。"
    assert [piece.text for piece in hit.text if piece.mark] == ["责令停工"]
