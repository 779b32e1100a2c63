from datetime import UTC, date, datetime, timedelta

import pytest

from indices.civic import metrics
from indices.civic.metrics import definition, measure, registry
from indices.stores.memory import MemoryStore
from models.clock import day_start
from models.errors import NotFound
from models.query import Query
from models.record import Record

START = datetime(2026, 3, 2, tzinfo=UTC)


def store_of(*fields: dict[str, object]) -> MemoryStore:
    store = MemoryStore()
    base = {"revision": 1, "intake": "1", "source": "t", "created_at": START, "text": "x"}
    store.upsert([Record.model_validate({**base, "id": str(number), **one}) for number, one in enumerate(fields)])
    return store


def test_every_definition_says_what_who_and_since_when() -> None:
    for one in registry():
        assert one.title
        assert one.owner
        assert len(one.definition) > 10
    keys = [one.version for one in registry()]
    assert len(keys) == len(set(keys))


def test_a_rate_counts_the_numerator_within_the_denominator() -> None:
    store = store_of({"resolved": "解决"}, {"resolved": "未解决"}, {"resolved": "部分解决"}, {})
    found = measure(store, "resolution_rate", Query())
    assert (found.value, found.numerator, found.denominator, found.unit) == (33.33, 1, 3, "%")
    assert found.source is not None
    assert found.source.n == 3
    assert found.source.versions == {"metric": "resolution_rate@2026-01-01"}


def test_an_empty_denominator_gives_no_value() -> None:
    found = measure(store_of({}, {}), "satisfaction_rate", Query())
    assert (found.value, found.numerator, found.denominator) == (None, 0, 0)


@pytest.mark.parametrize(
    ("name", "fields", "value"),
    [
        ("received", [{}, {}], 2.0),
        ("contact_rate", [{"contacted": True}, {"contacted": False}, {}], 50.0),
        ("satisfaction_rate", [{"rating": n} for n in (1, 2, 3, 4, 5)], 60.0),
        ("return_rate", [{"returns": 0}, {"returns": 2}, {}, {"returns": 0}, {"returns": 0}], 25.0),
        (
            "timely_rate",
            [
                {"due_at": START + timedelta(days=5), "replied_at": START + timedelta(days=4)},
                {"due_at": START + timedelta(days=5), "replied_at": START + timedelta(days=6)},
                {"due_at": START + timedelta(days=5)},
            ],
            50.0,
        ),
    ],
)
def test_each_metric_on_a_table_done_by_hand(name: str, fields: list[dict[str, object]], value: float) -> None:
    assert measure(store_of(*fields), name, Query()).value == value


def test_the_window_and_filters_of_the_question_hold() -> None:
    store = store_of(
        {"district": "河东区"}, {"district": "河西区"}, {"district": "河东区", "created_at": START + timedelta(days=9)}
    )
    query = Query(since=START, until=START + timedelta(days=7), filters={"district": ("河东区",)})
    assert measure(store, "received", query).value == 1


def test_before_a_definition_there_is_none() -> None:
    with pytest.raises(NotFound):
        definition("received", date(1999, 12, 31))
    with pytest.raises(NotFound):
        definition("happiness", date(2026, 1, 1))


def test_a_window_is_measured_by_the_definition_of_its_last_day_not_of_the_day_after(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    later = definition("received", date(2026, 3, 1)).model_copy(update={"effective": date(2026, 4, 1)})
    monkeypatch.setattr(metrics, "registry", lambda: (*registry(), later))
    for until, version in ((date(2026, 4, 1), "received@2000-01-01"), (date(2026, 4, 2), "received@2026-04-01")):
        found = measure(store_of({}), "received", Query(since=START, until=day_start(until)))
        assert found.source is not None
        assert found.source.versions == {"metric": version}
