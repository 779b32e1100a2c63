from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from indices.alerts.life import LONGEST_NOTE, STEPS, escalate, find_alert, snooze, steps_of, take_step
from indices.civic.alerts import Alert
from models.errors import BadRequest, NotFound
from models.labels import Level

Raise = Callable[..., Alert]


def test_steps_and_their_log(state: Engine, raise_alert: Raise, clock: Any) -> None:
    one = raise_alert(Level.ORANGE)
    for kind, name in (("acknowledge", "acknowledged"), ("confirm", "confirmed"), ("close", "closed")):
        assert take_step(state, one.id, kind, "王", f"因{kind}", at=clock.pass_by(minutes=1)).state == name
    assert [(step.kind, step.who, step.note) for step in steps_of(state, one.id)] == [
        ("acknowledge", "王", "因acknowledge"), ("confirm", "王", "因confirm"), ("close", "王", "因close"),
    ]  # fmt: skip
    take_step(state, one.id, "close", "李")
    assert len(steps_of(state, one.id)) == 3  # again is not twice


@pytest.mark.parametrize(
    ("first", "second"), [([], "close"), (["reject"], "acknowledge"), (["acknowledge", "close"], "reject")]
)
def test_a_state_allows_only_some_steps(state: Engine, raise_alert: Raise, first: list[str], second: str) -> None:
    one = raise_alert()
    for kind in first:
        take_step(state, one.id, kind, "王")
    with pytest.raises(BadRequest, match="只能从"):
        take_step(state, one.id, second, "王")


def test_rejecting_can_be_corrected(state: Engine, raise_alert: Raise) -> None:
    one = raise_alert()
    take_step(state, one.id, "reject", "王")
    assert take_step(state, one.id, "confirm", "王").state == "confirmed"
    assert take_step(state, one.id, "reject", "王").state == "rejected"


def test_alerts_are_found_by_eight_characters(state: Engine, raise_alert: Raise) -> None:
    one = raise_alert()
    assert find_alert(state, one.id[:8]) == find_alert(state, one.id) == one
    for bad in (one.id[:7], "", "nothing-here", "%%%%%%%%"):
        with pytest.raises(NotFound):
            find_alert(state, bad)


def test_the_clock_escalates_what_nobody_acknowledged_once(state: Engine, raise_alert: Raise, clock: Any) -> None:
    late, seen, sleeping = raise_alert(Level.RED), raise_alert(Level.RED), raise_alert(Level.RED)
    slow = raise_alert(Level.BLUE)
    take_step(state, seen.id, "acknowledge", "王", at=clock())
    snooze(state, sleeping.id, "王", clock() + timedelta(hours=2), "等现场回话", at=clock())
    assert escalate(state, at=clock.pass_by(minutes=29)) == []
    assert escalate(state, at=clock.pass_by(minutes=5)) == [late]
    assert escalate(state, at=clock.pass_by(minutes=5)) == []
    assert steps_of(state, late.id)[0].note == "逾期 4 分钟未签收"
    assert escalate(state, at=clock.pass_by(hours=2)) == [sleeping]
    assert escalate(state, at=clock.pass_by(hours=22)) == [slow]


@pytest.mark.parametrize(
    ("hours", "reason"), [(2, ""), (0, "理由"), (-1, "理由"), (200, "理由"), (1, "长" * (LONGEST_NOTE + 1))]
)
def test_a_snooze_needs_a_reason_and_an_end(
    state: Engine, raise_alert: Raise, clock: Any, hours: float, reason: str
) -> None:
    one = raise_alert()
    with pytest.raises(BadRequest):
        snooze(state, one.id, "王", clock() + timedelta(hours=hours), reason, at=clock())
    assert steps_of(state, one.id) == []


def test_what_is_settled_is_not_snoozed_and_unknown_steps_are_named(
    state: Engine, raise_alert: Raise, clock: Any
) -> None:
    one = raise_alert()
    take_step(state, one.id, "reject", "王")
    with pytest.raises(BadRequest):
        snooze(state, one.id, "王", clock() + timedelta(hours=1), "理由", at=clock())
    with pytest.raises(BadRequest, match="、".join(STEPS)):
        take_step(state, one.id, "explode", "王")
    with pytest.raises(NotFound):
        take_step(state, "nothing!", "confirm", "王")
