"""The model card tells figures by source, confusions and the price of abstention, and stays readable by what reads it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from api.commands.model import main_figures
from nlp.training import card
from nlp.training.figures import HeadFigure, figures
from nlp.training.held import CIVIC, facts_of
from nlp.training.linear import Trained
from nlp.training.rows import read_corpus


@pytest.fixture(scope="module")
def found(trained: Trained, labelled_folder: Path) -> list[HeadFigure]:
    facts = facts_of(read_corpus(labelled_folder), trained.held_out)
    return figures(trained.judged, trained.held_out, facts=facts)


@pytest.fixture(scope="module")
def told(found: list[HeadFigure]) -> str:
    return card.as_markdown("某模型", ["由测试所造"], found, {"civic_by_reading": 480})


def rows_of(told: str, heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its head."""
    lines = told[told.index(heading) :].split("\n\n")[1].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.mark.parametrize("head", card.CONFUSED)
def test_confusions_of_the_heads_that_dispatch(head: str, told: str, found: list[HeadFigure]) -> None:
    figure = next(one for one in found if (one.head, one.rows) == (head, CIVIC))
    assert figure.confusions
    assert rows_of(told, f"## 最常见的混淆：{head}") == [
        [each.true, each.said, str(each.n)] for each in figure.confusions
    ]


def test_no_confusions_of_the_others(told: str) -> None:
    assert "混淆：urgency" not in told


def test_parts_stand_in_order_and_add_up(told: str, found: list[HeadFigure]) -> None:
    rows = rows_of(told, "## 分开看")
    for figure in (one for one in found if one.rows == CIVIC):
        times = [row for row in rows if row[0] == figure.head and row[1] == "时间"]
        assert sum(int(row[3]) for row in times) == figure.n


def test_the_price_of_abstention_is_told_beside_what_hindsight_would_allow(told: str, found: list[HeadFigure]) -> None:
    for figure in found:
        line = next((line for line in told.splitlines() if line.startswith(f"- {figure.head} · {figure.rows}：")), "")
        assert bool(line) == (figure.coverage is not None), figure.head
        if figure.coverage is not None:
            assert figure.oracle is not None
            assert f"回答 {figure.coverage:.1%}" in line
            assert f"（承诺 {figure.wanted:.0%}）" in line
            assert f"{figure.oracle:.1%}" in line
            assert "不是承诺" in line


def test_every_table_has_the_cells_of_its_head(told: str) -> None:
    blocks = [block.splitlines() for block in told.split("\n\n") if block.startswith("|")]
    assert len(blocks) > len(card.CONFUSED)
    for block in blocks:
        assert len({line.count("|") for line in block}) == 1, block[0]


def test_the_keys_that_are_read_elsewhere_are_there(found: list[HeadFigure]) -> None:
    kept = card.as_json("linear-1", found, {"civic_by_reading": 480}, 12)
    again = json.loads(json.dumps(kept, allow_nan=False))
    assert {"model", "size_bytes", "rows", "trained_on", "licence_of_texts", "limits", "promised_share_right"} < set(
        again
    )
    shown = main_figures(again["figures"])
    for figure in found:
        if figure.rows == CIVIC:
            assert shown[figure.head]["n"] == figure.n
            assert shown[figure.head]["rows"] == CIVIC
    assert again["figures"][0]["confusions"][0].keys() == {"true", "said", "n"}


def test_without_parts_and_thresholds_their_headings_are_left_out(found: list[HeadFigure]) -> None:
    from dataclasses import replace

    bare = [replace(figure, parts=(), confusions=(), coverage=None) for figure in found]
    told = card.as_markdown("某模型", [], bare, {})
    for heading in ("分开看", "混淆", "弃权在留出行上"):
        assert heading not in told
