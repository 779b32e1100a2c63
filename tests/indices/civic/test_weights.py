"""Schemes of weights: versions with a first day, samples that are never in force, faults by name."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import Engine

from indices.civic.weights import in_force, known, save, shipped
from models.errors import BadRequest
from models.satisfaction import LAYERS, Scheme

TODAY = date(2026, 11, 27)


def scheme(version: str = "某市-2027", effective: date | None = date(2027, 1, 1), **weights: float) -> Scheme:
    return Scheme(
        version=version, title="某市", owner="政策研究室", weights=weights or {"满意": 1}, effective=effective
    )


def test_what_ships_is_whole_and_the_samples_are_never_in_force(database: Engine) -> None:
    for one in shipped():
        assert sum(one.shares.values()) == pytest.approx(1)
        assert set(one.shares) <= set(LAYERS)
    assert in_force(database, date(2011, 1, 1)).version == "五层-2026"
    assert sum(one.effective is None for one in known(database)) >= 3


def test_a_citys_own_counts_from_its_day(database: Engine) -> None:
    save(database, scheme(解决=2, 满意=1), "analyst", today=TODAY)
    assert in_force(database, date(2026, 12, 31)).version == "五层-2026"
    assert in_force(database, date(2027, 1, 1)).shares == pytest.approx({"解决": 2 / 3, "满意": 1 / 3})
    save(database, scheme("某市-2027修", date(2027, 1, 1), 满意=1), "analyst", today=TODAY)
    assert in_force(database, date(2027, 1, 1)).version == "某市-2027修", "of one day the one saved last"


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (scheme(满意度=1), "满意度.*响应、解决"),
        (scheme(满意=0), "大于 0"),
        (scheme(满意=-1, 解决=3), "0 与 1000"),
        (scheme("五层-2026"), "已有这一版"),
        (scheme(effective=date(2026, 11, 26)), "2026-11-26.*不能早于"),
        (scheme(""), "版本名"),
    ],
)
def test_faults_are_named_and_nothing_is_saved(database: Engine, bad: Scheme, words: str) -> None:
    before = known(database)
    with pytest.raises(BadRequest, match=words):
        save(database, bad, "analyst", today=TODAY)
    assert known(database) == before


def test_without_a_day_it_counts_from_today(database: Engine) -> None:
    assert save(database, scheme(effective=None), "analyst", today=TODAY).effective == TODAY
