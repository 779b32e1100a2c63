"""What surrounds a page: rhythm and silence of sources, freshness, scope and period from the address."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi.testclient import TestClient
from starlette.requests import Request

from api import frames
from api.wiring import House
from dashboards.views.sources import sources_view
from indices.access import ScopedStore
from indices.civic.hotspots import find_hotspots
from indices.civic.silence import Rhythm
from indices.figures import FigureCache
from models.clock import city_day, day_start, now
from models.errors import BadRequest
from models.item import Item, Payload
from models.labels import Role
from models.record import Annotation, Record
from models.viewer import Viewer

Client = Callable[..., TestClient]
EAST, WEST = "河东区", "河西区"
LEADER = Viewer(name="w", role=Role.LEADER)


def asked(**params: str) -> Request:
    return Request(
        {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": urlencode(params).encode()}
    )


def reader(house: House, viewer: Viewer = LEADER) -> ScopedStore:
    return ScopedStore(house.store, viewer, house.audit)


def arrival(number: int, at: datetime, source: str, district: str = EAST) -> Record:
    known = {"revision": 1, "intake": "1", "native_id": str(number), "text": "x", "annotation": Annotation(model="m-2")}
    return Record.model_validate({"id": f"{number:032x}", "created_at": at, "source": source, "district": district, **known})  # fmt: skip


@pytest.fixture
def feed(house: House) -> Callable[..., None]:
    """feed(name, days=20, last=1) -> a source with an item on each of `days` days, the newest `last` days ago"""
    house.store.forget([f"{n:032x}" for n in range(120)])

    def deliver(name: str, days: int = 20, last: int = 1) -> None:
        start = sum(map(ord, name)) * 1_000
        house.store.upsert(
            [arrival(start + n, now() - timedelta(days=last + n), name, WEST if n % 2 else EAST) for n in range(days)]
        )

    return deliver


class Clock:
    """The time of the frame and of the figures together."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock(house: House, monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(frames, "now", clock)
    house.__dict__["figures"] = FigureCache(house.database, lambda: clock().timestamp())
    return clock


# --- rhythm -----------------------------------------------------------------------------------------------------------
def test_every_source_of_books_or_store_has_a_row(house: House, feed: Callable[..., None]) -> None:
    feed("热线", days=20, last=0)
    house.inbox.accept([Item(source="信箱", native_id="1", payload=Payload(text="x"))])
    rows = {row.name: row for row in frames.source_inputs(house)}
    assert set(rows) == {"信箱", "热线"}
    assert (rows["信箱"].received, rows["信箱"].waiting, rows["信箱"].last_item) == (1, 1, None)
    assert (rows["热线"].received, rows["热线"].rhythm) == (0, Rhythm(20, 20, 0, 0))
    assert rows["热线"].last_item is not None
    assert rows["热线"].last_item <= now(), "a day that is not over has not been delivered to its end"


def test_page_bar_and_figure_call_the_same_sources_silent(house: House, feed: Callable[..., None]) -> None:
    """One rule (`indices/civic/silence.py`), asked in three ways."""
    feed("按日", last=2)
    feed("停了", last=6)
    feed("早已停了", last=70)
    feed("一次导入", days=5, last=20)
    assert frames.silent_sources(house) == ("停了",)
    rows = sources_view(frames.source_inputs(house), now=now()).rows
    assert {row.name: row.health for row in rows} == {
        "停了": "中断",
        "早已停了": "已停",
        "按日": "正常",
        "一次导入": "正常",
    }
    over = day_start(city_day(now()))
    assert find_hotspots(house.store, over - timedelta(days=7), over).silent_sources == ("停了",)


def test_a_record_with_a_date_in_the_future_hides_no_silence(house: House, feed: Callable[..., None]) -> None:
    feed("停了", last=6)
    house.store.upsert([arrival(9, now() + timedelta(days=300), "停了")])
    assert frames.silent_sources(house) == ("停了",)


def test_today_has_only_begun(house: House, feed: Callable[..., None]) -> None:
    feed("热线", days=40, last=1)
    assert {row.name: row.rhythm for row in frames.source_inputs(house)} == {"热线": Rhythm(40, 40, 0, 0)}


# --- freshness --------------------------------------------------------------------------------------------------------
def test_freshness_is_of_what_the_viewer_sees(house: House, feed: Callable[..., None]) -> None:
    feed("热线", days=20, last=1)
    whole = frames.freshness(house, reader(house))
    assert (whole.orders, whole.districts, whole.model) == (20, [EAST, WEST], "m-2")
    assert city_day(whole.newest or now()) == city_day(now() - timedelta(days=1))
    own = frames.freshness(house, reader(house, Viewer(name="e", role=Role.LEADER, districts=frozenset({EAST}))))
    assert (own.orders, own.districts) == (10, [EAST])
    nobody = frames.freshness(house, reader(house, Viewer(name="a", role=Role.SYSTEM_ADMIN)))
    assert (nobody.orders, nobody.newest, nobody.districts) == (0, None, [])
    assert frames.freshness(house, reader(house)).orders == 20


def test_scopes_that_read_alike_are_not_mixed_up(house: House, feed: Callable[..., None]) -> None:
    feed("热线")
    assert frames.freshness(house, reader(house)).orders == 20
    for scope in ({"*"}, {f"{EAST},{WEST}"}, set()):
        viewer = Viewer(name="x", role=Role.LEADER, districts=frozenset(scope))
        assert frames.freshness(house, reader(house, viewer)).orders == 0, scope
    both = Viewer(name="b", role=Role.LEADER, districts=frozenset({EAST, WEST}))
    assert frames.freshness(house, reader(house, both)).orders == 20


def test_a_feed_that_stops_is_noticed_although_nothing_comes_in(
    house: House, feed: Callable[..., None], clock: Clock
) -> None:
    """What is kept is fresh while the store stays the same; that a feed died is seen from just that."""
    feed("热线", days=20, last=0)
    assert frames.freshness(house, reader(house)).silent_sources == []
    clock.ahead = timedelta(days=6)
    assert frames.freshness(house, reader(house)).silent_sources == ["热线"]


def test_freshness_costs_nothing_on_the_next_request(
    house: House, feed: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    feed("热线")
    first = frames.freshness(house, reader(house))

    def never(*_: Any) -> Any:
        raise AssertionError("computed again")

    monkeypatch.setattr(house.store, "search", never)
    assert frames.freshness(house, reader(house)) == first


def test_an_empty_house_has_a_frame_too(house: House, client: Client, feed: Callable[..., None]) -> None:
    assert frames.freshness(house, reader(house)).newest is None
    for path in ("/", "/hotspots", "/satisfaction", "/sources", "/search"):
        role = Role.LEADER if path in ("/", "/hotspots") else Role.ANALYST
        answer = client(role).get(path)
        assert answer.status_code == 200, path


# --- scope and period of the address ----------------------------------------------------------------------------------
def test_a_viewer_of_one_district_has_that_one_whatever_the_address_says(house: House) -> None:
    one = reader(house, Viewer(name="e", role=Role.LEADER, districts=frozenset({EAST})))
    assert frames.chosen_district(asked(district=WEST), one) == EAST
    assert frames.chosen_district(asked(), one) == EAST
    assert frames.chosen_district(asked(district=WEST), reader(house)) == WEST
    assert frames.chosen_district(asked(district=""), reader(house)) is None


def test_a_day_is_read_or_the_fallback_taken() -> None:
    fallback = date(2026, 11, 24)
    assert frames.chosen_day(asked(day="2025-02-28"), "day", fallback) == date(2025, 2, 28)
    assert frames.chosen_day(asked(day=""), "day", fallback) == fallback
    assert frames.chosen_day(asked(), "day", fallback) == fallback


@pytest.mark.parametrize(
    "value", ["gestern", "2025-02-29", "2025-13-01", "0001-01-01", "9999-12-31", "2025-1-1", "x" * 99]
)
def test_a_day_that_is_none_is_named(value: str) -> None:
    with pytest.raises(BadRequest) as caught:
        frames.chosen_day(asked(day=value), "day", date(2026, 1, 1))
    assert repr(value[:40]) in caught.value.message
    assert "day" in caught.value.message


def test_the_period_is_the_last_days_unless_chosen() -> None:
    last = date(2026, 3, 10)
    assert frames.chosen_period(asked(), last, 7) == (date(2026, 3, 4), last)
    assert frames.chosen_period(asked(to="2026-03-05"), last, 7) == (date(2026, 2, 27), date(2026, 3, 5))
    assert frames.chosen_period(asked(**{"from": "2026-03-10"}), last, 7) == (last, last)
    assert frames.chosen_period(asked(**{"from": "2025-02-03", "to": "2026-03-10"}), last, 7)[0] == date(2025, 2, 3)


@pytest.mark.parametrize(
    "params",
    [
        {"from": "2026-03-11"},
        {"from": "2026-03-05", "to": "2026-03-04"},
        {"from": "2025-02-02"},
        {"from": "1900-01-01"},
    ],
    ids=["after the end", "turned", "401 days", "a century"],
)
def test_a_period_that_is_turned_or_too_long_is_named(params: dict[str, str]) -> None:
    with pytest.raises(BadRequest) as caught:
        frames.chosen_period(asked(**params), date(2026, 3, 10), 7)
    assert params["from"] in caught.value.message
    assert "400 天" in caught.value.message


@pytest.mark.parametrize(
    "path", ["/?day=", "/hotspots?from=", "/hotspots?to=", "/satisfaction?from=", "/briefing?day="]
)
def test_pages_answer_a_bad_day_with_a_sentence(client: Client, path: str) -> None:
    role = Role.ANALYST if "satisfaction" in path else Role.LEADER
    answer = client(role, headers={"accept": "text/html"}).get(f"{path}2026-02-30")
    assert answer.status_code == 400
    assert "2026-02-30" in answer.text


def test_the_frame_says_who_looks_and_at_what(client: Client, house: House) -> None:
    page = client(Role.LEADER, [EAST]).get("/hotspots").text
    assert f"leader-{EAST}" in page
    assert EAST in page
    assert WEST not in page
