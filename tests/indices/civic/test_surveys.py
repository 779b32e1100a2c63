"""Questionnaires: weighted means with intervals, whole surveys or none, and nothing of another district."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from sqlalchemy import Engine

from indices.civic.surveys import Answer, Surveys, summary
from models.errors import BadRequest

DAY = date(2026, 5, 10)


def answers(district: str, scores: list[float], *, weight: float = 1.0, start: int = 0) -> list[Answer]:
    return [
        Answer(number=start + k, day=DAY, district=district, score=score, weight=weight)
        for k, score in enumerate(scores)
    ]


def test_means_by_district_the_largest_first_and_few_have_none(database: Engine) -> None:
    rows = [
        *answers("河东区", [75.0, 100.0] * 30),
        *answers("河西区", [50.0] * 40, start=60),
        *answers("河北区", [0.0] * 9, start=100),
    ]
    Surveys(database).keep("2026 年居民调查", rows, "t")
    [found] = Surveys(database).all()
    assert [(row.key, row.n, row.value) for row in found.rows] == [
        ("河东区", 60, 87.5),
        ("河西区", 40, 50.0),
        ("河北区", 9, None),
    ]
    assert found.overall.n == 109
    [part] = Surveys(database).all(["河西区"])
    assert [row.key for row in part.rows] == ["河西区"]
    assert part.overall.n == 40
    assert Surveys(database).all([]) == []


def test_weights_count_and_cost_effective_n() -> None:
    heavy, light = answers("甲", [100.0] * 30, weight=3.0), answers("甲", [0.0] * 30, weight=1.0, start=30)
    row = summary("x", [*heavy, *light]).overall
    assert row.value == 75.0
    assert row.n_effective == pytest.approx(60 * (4 / 2) ** 2 / 5, abs=0.1)
    assert summary("x", [one.model_copy(update={"weight": 7.0}) for one in heavy]).overall.n_effective == 30


def test_the_interval_covers_the_truth() -> None:
    inside, random = 0, np.random.default_rng(1)
    for _ in range(200):
        row = summary(
            "x",
            answers("甲", [float(v) for v in random.choice([0, 25, 50, 75, 100], 80, p=[0.05, 0.1, 0.2, 0.35, 0.3])]),
        ).overall
        assert row.low is not None
        assert row.high is not None
        inside += row.low <= 68.75 <= row.high
    assert 182 <= inside <= 198


def test_a_survey_is_kept_once_and_replaced_only_when_asked(database: Engine) -> None:
    surveys = Surveys(database)
    surveys.keep("调查", answers("甲", [50.0] * 30), "t")
    with pytest.raises(BadRequest, match="已有同名问卷（30 份）"):
        surveys.keep("调查", answers("甲", [60.0] * 40), "t")
    surveys.keep("调查", answers("甲", [60.0] * 40), "t", replace=True)
    assert surveys.all()[0].overall.value == 60.0
    for name in ("", " ", "长" * 101):
        with pytest.raises(BadRequest, match="问卷名"):
            surveys.keep(name, answers("甲", [50.0]), "t")
