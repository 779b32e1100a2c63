"""Kept figures: when one is shown again and when it is computed anew."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import Engine, func, select

from indices.figures import FigureCache, figures

DAY = 86_400.0


class Count(BaseModel):
    value: int
    words: str = "河东区"


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Counting:
    """A computation that tells how often it ran: its figure is the number of the run."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self) -> Count:
        self.runs += 1
        return Count(value=self.runs)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def compute() -> Counting:
    return Counting()


@pytest.fixture
def ask(database: Engine, clock: Clock, compute: Counting) -> Callable[..., int]:
    """ask(name=, question=, mark=, max_age_seconds=) -> the value of the figure"""
    cache = FigureCache(database, clock)

    def get(**fields: Any) -> int:
        known = {"name": "hotspots", "question": "* 2026", "mark": 1, "max_age_seconds": 60.0, "compute": compute}
        return cache.get(Count, **(known | fields)).value

    return get


def rows(database: Engine) -> int:
    with database.connect() as connection:
        return connection.execute(select(func.count()).select_from(figures)).scalar_one()


def test_a_figure_is_kept_while_nothing_came_in_however_old_it_is(
    ask: Callable[..., int], clock: Clock, compute: Counting
) -> None:
    assert ask() == 1
    clock.now += 400 * DAY
    assert ask() == 1
    assert compute.runs == 1


def test_a_young_figure_is_shown_although_something_came_in(ask: Callable[..., int], clock: Clock) -> None:
    assert ask(mark=1) == 1
    clock.now += 59.9
    assert ask(mark=2) == 1


def test_an_old_figure_is_computed_anew_when_something_came_in_and_then_kept(
    ask: Callable[..., int], clock: Clock, database: Engine
) -> None:
    assert ask(mark=1) == 1
    clock.now += 60.0
    assert ask(mark=2) == 2
    clock.now += 10 * DAY
    assert ask(mark=2) == 2
    assert rows(database) == 1


def test_a_caller_who_allows_no_age_gets_what_is_there_now(ask: Callable[..., int]) -> None:
    assert [ask(mark=mark, max_age_seconds=0.0) for mark in (1, 2, 2, 3)] == [1, 2, 2, 3]


def test_another_question_and_another_name_are_other_figures(ask: Callable[..., int], database: Engine) -> None:
    """The scope of the viewer stands in the question: one district's figure is never shown to another."""
    assert ask(question="河东区 2026") == 1
    assert ask(question="河西区 2026") == 2
    assert ask(question="河东区 2026", name="index") == 3
    assert ask(question="河东区 2026") == 1
    assert rows(database) == 3


def test_name_and_question_do_not_run_together(ask: Callable[..., int]) -> None:
    assert ask(name="hot", question="spots") == 1
    assert ask(name="hotspots", question="") == 2


def test_what_is_kept_is_the_whole_figure(database: Engine) -> None:
    cache = FigureCache(database)
    made = cache.get(Count, "n", "q", mark=1, max_age_seconds=0, compute=lambda: Count(value=7, words="路灯\n“亮”"))
    kept = cache.get(Count, "n", "q", mark=1, max_age_seconds=0, compute=lambda: Count(value=8))
    assert kept == made == Count(value=7, words="路灯\n“亮”")


def test_a_computation_that_fails_keeps_nothing_and_loses_nothing(
    ask: Callable[..., int], clock: Clock, database: Engine
) -> None:
    def broken() -> Count:
        raise RuntimeError("away")

    with pytest.raises(RuntimeError):
        ask(compute=broken)
    assert rows(database) == 0
    assert ask() == 1
    clock.now += DAY
    with pytest.raises(RuntimeError):
        ask(mark=2, compute=broken)
    assert ask(mark=1) == 1


def test_what_came_in_during_the_computation_makes_the_figure_old(ask: Callable[..., int], clock: Clock) -> None:
    """The mark is read before; a figure computed while the store grew is not taken for one of the grown store."""
    assert ask(mark=5) == 1
    clock.now += DAY
    assert ask(mark=6) == 2


def test_two_who_compute_the_same_figure_at_once_both_get_one(database: Engine) -> None:
    cache, together, failed = FigureCache(database), threading.Barrier(4, timeout=20), []

    def compute() -> Count:
        together.wait()
        return Count(value=1)

    def ask(question: str) -> None:
        try:
            cache.get(Count, "n", question, mark=1, max_age_seconds=0, compute=compute)
        except Exception as error:  # noqa: BLE001 - told to the test
            failed.append(error)
            together.abort()

    for round_number in range(2):
        threads = [threading.Thread(target=ask, args=(f"q{round_number}",)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failed == []
    assert rows(database) == 2


def test_old_figures_are_removed_and_only_those(ask: Callable[..., int], database: Engine, clock: Clock) -> None:
    ask(question="old")
    clock.now += 10 * DAY
    ask(question="new")
    clock.now += 1
    cache = FigureCache(database, clock)
    assert cache.expire(10) == 1
    assert rows(database) == 1
    assert cache.expire(10) == 0
    assert ask(question="new") == 2
    assert ask(question="old") == 3
