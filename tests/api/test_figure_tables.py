"""Figures as tables: every number that is known, labels and counts, a dash for what is not."""

from __future__ import annotations

import numpy as np
import pytest

from api.figure_tables import print_beside, print_figures
from nlp.training.beside import beside
from nlp.training.figures import figure_of
from nlp.training.held import Held
from nlp.training.peers import Said


def held_of(head: str = "topic", limits: tuple[float, ...] = (0.5, 0.5, 2.0)) -> Held:
    """Twelve rows, three of them wrong, two sources."""
    truth = np.repeat([0, 1, 2], 4)
    answer = truth.copy()
    answer[[0, 1, 4]] = [1, 1, 2]
    probabilities = np.full((12, 3), 0.05)
    probabilities[np.arange(12), answer] = 0.9
    source = np.array(["board", "more"] * 6)
    groups = {"source": source, "length": np.array(["≤ 60 字", "> 390 字"] * 6)}
    return Held(
        head,
        "留出的行",
        ("环境保护", "政法", "其他"),
        probabilities,
        answer,
        truth,
        np.arange(3),
        limits,
        source,
        np.arange(12),
        groups,
    )


def test_a_head_is_one_row_with_its_intervals(capsys: pytest.CaptureFixture[str]) -> None:
    figure = figure_of(held_of())
    print_figures([figure])
    shown = capsys.readouterr().out
    assert "0.750" in shown
    low, high = figure.intervals["accuracy"]
    assert f"{low:.3f}–{high:.3f}" in shown
    assert "事后最佳" in shown
    assert "不是承诺" in shown
    assert "混淆" not in shown


def test_classes_confusions_and_parts_are_shown_on_demand(capsys: pytest.CaptureFixture[str]) -> None:
    print_figures([figure_of(held_of())], classes=True)
    shown = capsys.readouterr().out
    for word in ("精确率", "混淆", "环境保护", "来源", "board", "more", "长度", "> 390 字"):
        assert word in shown, word
    assert shown.index("≤ 60 字") < shown.index("> 390 字")
    confused = shown[shown.index("应为") :]
    assert confused.index("环境保护") < confused.index("政法")


def test_what_a_head_does_not_have_is_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    print_figures([figure_of(held_of("demand_type", ()))])
    row = next(line for line in capsys.readouterr().out.splitlines() if "demand_type" in line)
    assert row.count("—") == 4  # kappa, the first three, coverage and its share right


def test_ways_stand_under_the_set_with_the_difference(capsys: pytest.CaptureFixture[str]) -> None:
    held = held_of()
    other = Said(np.zeros(12, dtype=np.int64), np.linspace(0, 1, 12))
    found = beside(held, "本模型", [("全部第一类", other)])
    print_beside("并列", found)
    shown = capsys.readouterr().out
    assert shown.count("留出的行") == 1
    ours, theirs = (next(line for line in shown.splitlines() if name in line) for name in ("本模型", "全部第一类"))
    assert "0.750" in ours
    assert "0.333" in theirs
    assert "+0.417" in theirs
    assert "—" in theirs  # margins have no calibration error
