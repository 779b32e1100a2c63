import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from indices.civic import alerts
from indices.civic.alerts import figure_of, list_alerts, record_alerts
from indices.database import connect, create_tables
from models.figures import Hotspot, Hotspots, LoudSource, Source
from models.labels import Level
from models.query import Query

AT = datetime(2026, 4, 10, 8, tzinfo=UTC)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Engine]:
    engine = connect(f"sqlite:///{tmp_path / 'state.db'}")
    create_tables(engine)
    yield engine
    engine.dispose()


def hotspot(level: Level = Level.YELLOW, ids: tuple[int, ...] = (1, 2, 3), **changed: object) -> Hotspot:
    records = tuple(f"{number:032x}" for number in ids)
    base: dict[str, object] = {
        "rank": 1, "title": "搅拌站扰民", "heat": 80.0, "parts": {"burst": 80.0}, "count": len(ids), "people": len(ids), "first": AT, "last": AT,
        "places": ("栖湖湾",), "topic": "环境保护", "level": level, "members": tuple(map(str, ids)), "sentences": (), "key": records[0],
        "record_ids": records, "rule": "突增 2 → 黄色预警",
    }  # fmt: skip
    return Hotspot.model_validate({**base, **changed})


def figure(*hotspots: Hotspot, day: int = 10, silent: tuple[str, ...] = ()) -> Hotspots:
    until = datetime(2026, 4, day, 16, tzinfo=UTC)
    source = Source(query=Query(since=until - timedelta(days=7), until=until), n=9, computed_at=until)
    return Hotspots(hotspots=hotspots, source=source, silent_sources=silent)


def test_an_incident_alerts_once_a_level(state: Engine) -> None:
    first = record_alerts(state, figure(hotspot()), at=AT)
    assert [(one.level, one.title, one.people) for one in first] == [(Level.YELLOW, "搅拌站扰民", 3)]
    assert record_alerts(state, figure(hotspot()), at=AT) == []
    assert record_alerts(state, figure(hotspot(), day=11), at=AT + timedelta(days=1)) == []
    assert record_alerts(state, figure(hotspot(Level.BLUE), day=11), at=AT) == []  # it is known to be worse
    higher = record_alerts(state, figure(hotspot(Level.ORANGE), day=12), at=AT)
    assert [one.level for one in higher] == [Level.ORANGE]
    assert higher[0].incident == first[0].incident
    assert higher[0].id != first[0].id


def test_an_incident_that_fell_apart_alerts_once_at_its_highest_level(state: Engine) -> None:
    record_alerts(state, figure(hotspot(Level.BLUE, ids=(1, 2, 3, 4))), at=AT)
    halves = (hotspot(ids=(1, 2)), hotspot(Level.ORANGE, ids=(3, 4)), hotspot(Level.ORANGE, ids=(4, 5)))
    raised = record_alerts(state, figure(*halves, day=11), at=AT)
    assert [(one.level, one.count) for one in raised] == [(Level.ORANGE, 2)]
    assert record_alerts(state, figure(*halves, day=12), at=AT) == []


def test_an_incident_is_known_by_its_members_when_its_key_changes(state: Engine) -> None:
    record_alerts(state, figure(hotspot(ids=(5, 6, 7))), at=AT)
    assert record_alerts(state, figure(hotspot(ids=(4, 5, 6, 7, 8))), at=AT) == []  # an earlier member turned up
    assert record_alerts(state, figure(hotspot(ids=(8, 9))), at=AT) == []  # the window moved on
    assert len(record_alerts(state, figure(hotspot(ids=(20, 21))), at=AT)) == 1


def test_two_incidents_in_one_figure(state: Engine) -> None:
    raised = record_alerts(
        state, figure(hotspot(), hotspot(Level.RED, ids=(8, 9), rank=2), hotspot(Level.NONE, ids=(11,), rank=3)), at=AT
    )
    assert [one.level for one in raised] == [Level.YELLOW, Level.RED]
    listed = list_alerts(state)
    assert listed == raised[::-1]
    assert list_alerts(state, limit=1) == [raised[1]]
    assert raised[1].acknowledge_by == AT + timedelta(minutes=30)


def test_the_figure_is_kept_with_its_alert(state: Engine) -> None:
    found = figure(hotspot())
    raised = record_alerts(state, found, at=AT)
    assert figure_of(state, raised[0].figure) == found
    assert figure_of(state, "0" * 32) is None
    record_alerts(state, figure(day=15), at=AT)  # nothing raised, nothing kept
    with state.connect() as connection:
        assert connection.execute(select(func.count()).select_from(alerts.alert_figures)).scalar_one() == 1


def test_a_failure_between_figure_and_alert_leaves_neither(state: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "row_of", lambda alert: {"id": alert.id})  # the insert violates NOT NULL
    with pytest.raises(Exception, match="NOT NULL"):
        record_alerts(state, figure(hotspot()), at=AT)
    monkeypatch.undo()
    assert list_alerts(state) == []
    assert len(record_alerts(state, figure(hotspot()), at=AT)) == 1


def test_those_who_record_at_once_raise_once(state: Engine) -> None:
    raised: list[int] = []
    threads = [
        threading.Thread(target=lambda: raised.append(len(record_alerts(state, figure(hotspot()), at=AT))))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(raised) == [0, 0, 0, 0, 0, 1]


def test_a_silent_source_alerts_once_a_week(state: Engine) -> None:
    raised = record_alerts(state, figure(silent=("board",), day=7), at=AT)
    assert [(one.kind, one.level, "board" in one.title) for one in raised] == [("source", Level.BLUE, True)]
    assert record_alerts(state, figure(silent=("board",), day=9), at=AT) == []
    assert len(record_alerts(state, figure(silent=("board",), day=16), at=AT)) == 1


def test_a_large_incident_is_recorded(state: Engine) -> None:
    assert len(record_alerts(state, figure(hotspot(ids=tuple(range(1, 2_000)))), at=AT)) == 1
    assert record_alerts(state, figure(hotspot(ids=tuple(range(1_500, 2_500)))), at=AT) == []


def test_only_orange_and_red_need_a_person() -> None:
    assert {Level.ORANGE, Level.RED} == alerts.NEEDS_PERSON
    assert tuple(Level) == alerts.LEVELS


def test_a_loud_source_alerts_once_a_day(state: Engine) -> None:
    loud = (LoudSource(source="热线", count=900, most=120),)
    first = figure(day=7).model_copy(update={"loud_sources": loud})
    [raised] = record_alerts(state, first, at=AT)
    assert (raised.kind, raised.level, raised.count) == ("source", Level.BLUE, 900)
    assert "来件 900，此前 60 天最多一天 120" in raised.rule
    assert record_alerts(state, first, at=AT) == []
    assert len(record_alerts(state, figure(day=8).model_copy(update={"loud_sources": loud}), at=AT)) == 1
