from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine

from indices.alerts.life import take_step
from indices.alerts.refit import LEAST, labelled, refit, use, versions, weights_in_use
from indices.civic.alerts import Alert
from indices.civic.heat import WEIGHTS, WEIGHTS_VERSION, Components, heat_parts
from models.errors import BadRequest, NotFound

Raise = Callable[..., Alert]


def decide(state: Engine, raise_alert: Raise, clock: Any, n: int, telling: str, *, noise: float = 0.0) -> None:
    """Alerts of which people confirm those whose component `telling` ranks high."""
    rng = Random(1)
    for number in range(n):
        ranks = {name: rng.random() for name in WEIGHTS}
        parts = {name: round(100 * WEIGHTS[name] * rank, 2) for name, rank in ranks.items()}
        one = raise_alert(at=clock.pass_by(hours=1), parts=parts, title=f"第{number}件")
        good = ranks[telling] + rng.gauss(0, noise) > 0.5
        take_step(state, one.id, "confirm" if good else "reject", "王")


def test_weights_move_to_what_people_go_by_and_are_used_only_when_said(
    state: Engine, raise_alert: Raise, clock: Any
) -> None:
    decide(state, raise_alert, clock, 80, "negativity", noise=0.1)
    report = refit(state, "王", at=clock())
    assert report.labels == 80
    assert report.auc_after > report.auc_before + 0.1
    assert report.better
    assert report.weights["negativity"] == max(report.weights.values())
    assert sum(report.weights.values()) == pytest.approx(1, abs=0.001)
    assert min(report.weights.values()) >= 0
    assert weights_in_use(state).version == WEIGHTS_VERSION
    assert use(state, report.version).values == report.weights
    assert [(name, in_use, who) for name, in_use, who, *_ in versions(state)] == [(report.version, True, "王")]
    assert use(state, WEIGHTS_VERSION).values == WEIGHTS
    with pytest.raises(NotFound):
        use(state, "fit-0")


def test_without_a_pattern_nothing_is_promised(state: Engine, raise_alert: Raise, clock: Any) -> None:
    decide(state, raise_alert, clock, 60, "burst", noise=100.0)
    report = refit(state, "王", at=clock())
    assert report.auc_after < 0.75  # judged on what was not fitted: chance stays chance


def test_too_few_labels_say_how_many_are_missing(state: Engine, raise_alert: Raise, clock: Any) -> None:
    decide(state, raise_alert, clock, LEAST - 1, "burst")
    with pytest.raises(BadRequest, match="50"):
        refit(state, "王")
    assert versions(state) == []


def test_one_sided_labels_teach_nothing(state: Engine, raise_alert: Raise, clock: Any) -> None:
    for number in range(LEAST):
        one = raise_alert(at=clock.pass_by(hours=1), parts={"burst": 10.0}, title=f"第{number}件")
        take_step(state, one.id, "confirm", "王")
    with pytest.raises(BadRequest, match="每种"):
        refit(state, "王")


def test_ranks_are_those_of_the_day_of_the_alert(state: Engine, raise_alert: Raise, clock: Any) -> None:
    one = raise_alert(at=clock(), parts={"burst": 15.0, "people": 20.0})
    assert labelled(state)[1].tolist() == []  # nobody has said anything yet
    silent = raise_alert(at=clock.pass_by(hours=1), parts={"burst": 15.0})
    for alert, steps in (
        (silent, ("acknowledge", "close")),
        (one, ("confirm", "close")),
    ):  # the first was closed without a judgement
        for step in steps:
            take_step(state, alert.id, step, "王")
    parts, labels = labelled(state)
    assert labels.tolist() == [1]
    assert dict(zip(WEIGHTS, parts[0].round(2).tolist(), strict=True))["burst"] == 0.5
    assert dict(zip(WEIGHTS, parts[0].round(2).tolist(), strict=True))["people"] == 1.0


def test_heat_follows_the_weights() -> None:
    one = Components(3.0, 9.0, 1.0, 0.5, 2.0, 1.0, 0.0, 1.0)
    only = heat_parts(one, [one], {"burst": 1.0})
    assert only["burst"] > 0
    assert sum(value for name, value in only.items() if name != "burst") == 0
