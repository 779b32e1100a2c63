"""批示 are reminded of once a stage, through the outbox, without the leader's words."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from indices.alerts.channels import Channel
from indices.alerts.life import escalate
from indices.alerts.outbox import run, send_by_apprise
from indices.alerts.reminders import REMINDER, remind
from indices.civic.alerts import figure_of, list_alerts
from indices.instructions import Instruction, Instructions
from models.clock import CITY_TIME
from models.labels import Level

DUE = date(2026, 9, 10)


def on(day: int, hour: int = 9) -> datetime:
    return datetime(2026, 9, day, hour, tzinfo=CITY_TIME)


@pytest.fixture
def instruction(state: Engine) -> Instruction:
    return Instructions(state).add(
        "incident:SJ2026-00017", "务必在汛期前修好泵站", "周书记", "住建局 王强", DUE, at=on(1)
    )


def titles(state: Engine) -> list[tuple[Level, str]]:
    return [(one.level, one.title) for one in reversed(list_alerts(state))]


def test_each_stage_is_said_once(state: Engine, instruction: Instruction) -> None:
    assert [len(remind(state, at=on(day))) for day in (1, 8, 9, 9, 10, 10, 11, 11, 15, 18, 18)] == [
        0,
        0,
        1,
        0,
        1,
        0,
        1,
        0,
        0,
        1,
        0,
    ]
    assert titles(state) == [
        (Level.BLUE, "批示 1 明日到期，承办：住建局 王强"),
        (Level.BLUE, "批示 1 今日到期，承办：住建局 王强"),
        (Level.YELLOW, "批示 1 已逾期 1 天，承办：住建局 王强"),
        (Level.YELLOW, "批示 1 已逾期 8 天，承办：住建局 王强"),
    ]
    assert all(one.kind == REMINDER for one in list_alerts(state))


def test_what_is_answered_or_closed_is_not_reminded_of(state: Engine, instruction: Instruction) -> None:
    register = Instructions(state)
    register.answer(instruction.id, "泵站已更换，9 月 8 日试运行", "王强", at=on(8))
    assert remind(state, at=on(10)) == []
    register.close(instruction.id, at=on(9))
    assert remind(state, at=on(20)) == []


def test_the_message_names_number_owner_and_day_and_no_word_of_the_leader(
    state: Engine, instruction: Instruction, hook: Any
) -> None:
    remind(state, at=on(10))
    channel = Channel("督查室", hook.url)
    assert run(state, [channel], send_by_apprise, clock=lambda: on(10)).sent == 1
    assert run(state, [channel], send_by_apprise, clock=lambda: on(10)).sent == 0
    [letter] = hook.received
    [one] = list_alerts(state)
    assert letter["title"] == "【批示督办】批示 1 今日到期，承办：住建局 王强"
    assert letter["message"] == f"2026-09-01 对事件 SJ2026-00017的批示，期限 2026-09-10，尚未反馈。\n编号 {one.id}"
    assert "泵站" not in str(letter)


def test_a_reminder_is_not_escalated_and_its_figure_reads_as_empty(state: Engine, instruction: Instruction) -> None:
    [one] = remind(state, at=on(10))
    assert escalate(state, at=on(10) + timedelta(days=5)) == []
    figure = figure_of(state, one.figure)
    assert figure is not None
    assert figure.hotspots == ()
