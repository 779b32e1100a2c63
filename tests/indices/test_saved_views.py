"""Saved views: one's own, of this house's pages only, so many and no more."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from indices.saved_views import MOST_EACH, SavedViews
from models.errors import BadRequest, NotFound


def test_everybody_has_their_own(database: Engine) -> None:
    views = SavedViews(database)
    first, second = (views.keep("甲", name, f"/satisfaction?by={name}") for name in ("week", "topic"))
    other = views.keep("乙", "检索", "/search?q=路灯")
    assert views.own("甲") == [second, first]
    with pytest.raises(NotFound):
        views.remove("甲", other.number)
    views.remove("乙", other.number)
    assert views.own("乙") == []


@pytest.mark.parametrize(
    "path",
    [
        "https://elsewhere.example/",
        "//elsewhere.example/satisfaction",
        "/admin",
        "https:/satisfaction",
        "javascript:/satisfaction",
        "elsewhere.example/satisfaction",
        "satisfaction",
        "",
        "/satisfactions",
        "/search/" + "x" * 2_000,
    ],
)
def test_only_addresses_of_these_pages(database: Engine, path: str) -> None:
    with pytest.raises(BadRequest, match="path"):
        SavedViews(database).keep("甲", "x", path)


@pytest.mark.parametrize("title", ["", "  ", "长" * 61])
def test_a_title_of_readable_length(database: Engine, title: str) -> None:
    with pytest.raises(BadRequest, match="title"):
        SavedViews(database).keep("甲", title, "/satisfaction")


def test_fifty_and_no_more(database: Engine) -> None:
    views = SavedViews(database)
    for number in range(MOST_EACH):
        views.keep("甲", str(number), "/satisfaction/change?by=topic")
    with pytest.raises(BadRequest, match="至多"):
        views.keep("甲", "多", "/satisfaction")
    assert views.keep("乙", "可以", "/satisfaction").title == "可以"
