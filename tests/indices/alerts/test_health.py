"""A sick source is alerted once a week, as an alert of sources."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import Engine

from indices.alerts.health import record_sick
from indices.civic.alerts import list_alerts
from indices.collection.health import Health
from models.clock import CITY_TIME
from models.labels import Level

AT = datetime(2026, 3, 3, 8, tzinfo=CITY_TIME)
DAY = date(2026, 3, 2)  # a Monday
FOUND = {
    "甲": Health("中断", "连续 1 天没有一件", 100.0, 0),
    "乙": Health("异常", "只有三成", 100.0, 30),
    "丙": Health("安静", "全市都少", 100.0, 40),
}


def test_what_is_broken_or_odd_is_raised_once_a_week(state: Engine) -> None:
    raised = record_sick(state, FOUND, DAY, at=AT)
    assert [(one.kind, one.level, one.title) for one in raised] == [
        ("source", Level.BLUE, "数据源“乙”来件异常"), ("source", Level.BLUE, "数据源“甲”没有来件"),
    ]  # fmt: skip
    assert raised[1].rule == "2026-03-02：连续 1 天没有一件"
    assert record_sick(state, FOUND, DAY + timedelta(days=1), at=AT + timedelta(days=1)) == []
    assert len(record_sick(state, FOUND, DAY + timedelta(days=7), at=AT + timedelta(days=7))) == 2
    assert len(list_alerts(state)) == 4


def test_a_source_that_turns_from_odd_to_broken_is_told_again(state: Engine) -> None:
    record_sick(state, {"乙": FOUND["乙"]}, DAY, at=AT)
    assert len(record_sick(state, {"乙": FOUND["甲"]}, DAY + timedelta(days=1), at=AT)) == 1
    assert record_sick(state, {"丙": FOUND["丙"]}, DAY, at=AT) == []
