"""Which orders exist: numbers first, words later. Seasons, weather, shocks, over-dispersion, injected events, serial callers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from crawlers.simulation.city import City
from crawlers.simulation.counts import DISPERSION, Ints, spread
from crawlers.simulation.grammar import Issue
from crawlers.simulation.seasons import Floats, Shock, make_moods, make_shocks, make_weather, rhythm_factors
from models.errors import BadRequest

TYPE_SHARES: Final = {"咨询": 0.42, "求助": 0.16, "投诉": 0.29, "举报": 0.06, "建议": 0.05, "表扬": 0.02}
"""Within what cities publish (domain.md §2: 咨询 41–64 %, 求助 1.5–30 %)."""
CHANNEL_SHARES: Final = {"hotline": 0.62, "wechat": 0.12, "app": 0.10, "web": 0.06, "mailbox": 0.05, "board": 0.035, "weibo": 0.01,
                         "visit": 0.005}  # fmt: skip
COMPLAINTS: Final = ("求助", "投诉", "举报")
EVENT_SIZES: Final = (12, 25, 6, 16, 9, 40, 20, 8, 30, 50, 14, 10)
"""The sizes of events in turn; the first `RECENT_EVENTS` happen in the last ten days."""
RECENT_EVENTS: Final = 3
ISSUE_DISPERSION: Final = 6.0
"""Shape of the gamma that multiplies a matter's rate each day: what people talk about today, all over the city."""
LEAST_DAYS: Final = 21
_HOURS: Final = (
    1.2,
    0.8,
    0.5,
    0.4,
    0.4,
    0.7,
    1.6,
    3.2,
    6.2,
    8.6,
    8.4,
    6.4,
    4.6,
    5.4,
    7.2,
    7.6,
    7.0,
    6.0,
    5.0,
    5.2,
    5.4,
    4.6,
    3.2,
    2.0,
)


@dataclass(frozen=True, slots=True)
class Event:
    """Many people raise one matter at one place. Days count from the plan's start, both inclusive."""

    name: str
    issue: int
    street: int
    place: int
    first_day: int
    last_day: int
    size: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Orders in the order of time, one value each.

    Attributes:
        day, second: day from `start` and second of the day.
        issue, kind, street: indices into the issues, `types` and the city's streets.
        event, serial: the event or serial caller that it belongs to, −1 for none.
        serials: (issue, street, place) of each serial caller.
    """

    start: date
    types: tuple[str, ...]
    day: Ints
    second: Ints
    issue: Ints
    kind: Ints
    street: Ints
    event: Ints
    serial: Ints
    events: list[Event] = field(repr=False)
    serials: list[tuple[int, int, int]] = field(repr=False)
    shocks: list[Shock] = field(repr=False)

    def __len__(self) -> int:
        return len(self.day)

    def native_ids(self) -> list[str]:
        """Order numbers: the day and the order's rank in it."""
        firsts = np.searchsorted(self.day, self.day, side="left")
        ranks = np.arange(len(self)) - firsts + 1
        names = [f"GD{self.start + timedelta(days=int(d)):%Y%m%d}" for d in range(int(self.day.max(initial=0)) + 1)]
        return [f"{names[d]}{r:05d}" for d, r in zip(self.day.tolist(), ranks.tolist(), strict=True)]


def make_plan(seed: int, city: City, issues: Sequence[Issue], *, start: date, days: int, per_day: float, events: int,
              type_shares: Mapping[str, float] = TYPE_SHARES) -> Plan:  # fmt: skip
    """Draw the orders.

    Args:
        per_day: mean over the whole period, events not counted.
        type_shares: demand type → share; types without issues in the grammar get none.

    Raises:
        BadRequest: a number is not positive, or the days leave no room for events.
    """
    for name, value in (("days", days), ("per_day", per_day)):
        if value <= 0:
            raise BadRequest(name=name, value=value, reason="须大于 0")
    if events and days < LEAST_DAYS:
        raise BadRequest(name="days", value=days, reason=f"注入事件至少需要 {LEAST_DAYS} 天")
    rng = np.random.default_rng([seed, 20_261])
    rhythms = rhythm_factors(start, days, make_weather(rng, start, days))
    season = np.stack([rhythms[issue.rhythm] for issue in issues])
    shocks = make_shocks(rng, len(issues), days)
    kinds = _kinds(issues, tuple(type_shares), np.array(list(type_shares.values())))
    place = _street_weights(rng, city, issues)
    rate = kinds.sum(axis=1)[:, None] * season * shocks.factors * make_moods(rng, len(issues), days)
    rate *= rng.gamma(ISSUE_DISPERSION, 1 / ISSUE_DISPERSION, size=rate.shape)
    serials, serial_rows = _serial_calls(rng, kinds, place, city, issues, days, per_day)
    rate *= (per_day - len(serial_rows) / days) * days / rate.sum()
    expected = rate[:, None, :] * place[:, :, None]
    counts = rng.poisson(expected * rng.gamma(DISPERSION, 1 / DISPERSION, size=expected.shape))
    cells = np.argwhere(counts)
    rows = np.repeat(cells, counts[tuple(cells.T)], axis=0)  # issue, street, day
    ordinary = np.column_stack([rows, np.full((len(rows), 2), -1)])
    injected = _events(rng, city, issues, season, place, days, events)
    table = np.concatenate([ordinary, serial_rows, _event_rows(rng, injected)]).astype(np.int64)
    second = _seconds(rng, len(table))
    order = np.lexsort((second, table[:, 2]))
    table, second = table[order], second[order]
    kind = _draw_kinds(rng, kinds, tuple(type_shares), table)
    return Plan(start, tuple(type_shares), table[:, 2], second, table[:, 0], kind, table[:, 1], table[:, 3], table[:, 4],
                injected, serials, shocks.shocks)  # fmt: skip


def _kinds(issues: Sequence[Issue], types: tuple[str, ...], shares: Floats) -> Floats:
    """Rates (issues, types): each type's column sums to its share, or to 0 where no issue has it."""
    weights = np.array([[issue.types.get(kind, 0.0) for kind in types] for issue in issues])
    weights *= np.array([[issue.weight] for issue in issues]) / np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
    totals = weights.sum(axis=0)
    return np.asarray(weights * np.divide(shares, totals, out=np.zeros_like(totals), where=totals > 0))


def _street_weights(rng: np.random.Generator, city: City, issues: Sequence[Issue]) -> Floats:
    """Shares (issues, streets), rows sum to 1: size of the street × a habit of its own; 0 where it has no such place."""
    streets = city.streets
    size = np.array([street.weight for street in streets])
    has = np.array(
        [[issue.place == "street" or bool(street.places[issue.place]) for street in streets] for issue in issues]
    )
    weights = has * size * rng.lognormal(0.0, 0.4, size=has.shape)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _seconds(rng: np.random.Generator, count: int) -> Ints:
    hours = np.array(_HOURS) / sum(_HOURS)
    return np.asarray(rng.choice(24, size=count, p=hours) * 3600 + rng.integers(0, 3600, size=count))


def _draw_kinds(rng: np.random.Generator, kinds: Floats, types: tuple[str, ...], table: NDArray[np.int64]) -> Ints:
    """The demand type of each order; people of an event and serial callers complain or ask for help."""
    angry = kinds * np.array([name in COMPLAINTS for name in types])
    special = (table[:, 3] >= 0) | (table[:, 4] >= 0)
    rows = np.where(special[:, None], angry[table[:, 0]], kinds[table[:, 0]])
    edges = np.cumsum(rows, axis=1)
    return np.asarray((rng.random(len(table))[:, None] * edges[:, -1:] > edges).sum(axis=1))


def _serial_calls(rng: np.random.Generator, kinds: Floats, place: Floats, city: City, issues: Sequence[Issue], days: int,
                  per_day: float) -> tuple[list[tuple[int, int, int]], NDArray[np.int64]]:  # fmt: skip
    """People who call again and again about one thing, some for weeks."""
    can = np.array([i for i, issue in enumerate(issues) if set(issue.types) & set(COMPLAINTS)])
    weight = kinds[can].sum(axis=1)
    serials, rows = [], []
    for number in range(max(1, round(0.12 * per_day * days / 120))):
        issue = int(rng.choice(can, p=weight / weight.sum()))
        street = int(rng.choice(place.shape[1], p=place[issue]))
        first, length = int(rng.integers(0, days)), int(rng.integers(10, 60))
        called = np.flatnonzero(rng.random(max(0, min(length, days - first))) < rng.uniform(0.1, 0.5)) + first
        serials.append((issue, street, _place(rng, city, issues[issue], street)))
        rows += [(issue, street, int(day), -1, number) for day in called]
    return serials, np.array(rows, dtype=np.int64).reshape(-1, 5)


def _events(rng: np.random.Generator, city: City, issues: Sequence[Issue], season: Floats, place: Floats, days: int,
            count: int) -> list[Event]:  # fmt: skip
    """Events of issues that are in season; two that could be taken for one lie more than ten days apart."""
    can = [i for i, issue in enumerate(issues) if issue.event]
    weight = np.array([issues[i].weight for i in can])
    quiet = min(28, days // 4)
    made: list[Event] = []
    for _ in range(200 * count if can else 0):
        if len(made) == count:
            break
        length = int(rng.integers(3, 11))
        recent = days - min(10, length + int(rng.integers(0, 3)))
        first = recent if len(made) < RECENT_EVENTS else int(rng.integers(quiet, max(quiet + 1, days - length - 10)))
        last = min(first + length, days) - 1
        odds = weight * season[can, first]
        issue = can[int(rng.choice(len(can), p=odds / odds.sum()))]
        street = int(rng.choice(place.shape[1], p=place[issue]))
        where, size = _place(rng, city, issues[issue], street), EVENT_SIZES[len(made) % len(EVENT_SIZES)]
        event = Event(f"E{len(made) + 1:03d}", issue, street, where, first, last, size)
        if not any(_confusable(city, issues[issue], event, other) for other in made):
            made.append(event)
    if len(made) < count:
        raise BadRequest(
            name="events", value=count, reason=f"{days} 天内放不下，只放下 {len(made)} 个，请减少事件或加长天数"
        )
    return made


def _confusable(city: City, issue: Issue, one: Event, other: Event) -> bool:
    """Whether two events would be one in the eyes of a reader: same matter, near in time, same street or name of a place."""
    if one.issue != other.issue or one.first_day > other.last_day + 10 or one.last_day < other.first_day - 10:
        return False
    return one.street == other.street or place_name(city, issue, one) == place_name(city, issue, other)


def place_name(city: City, issue: Issue, event: Event) -> str:
    """The name of the place that an event is about."""
    street = city.streets[event.street]
    return street.name if issue.place == "street" else street.places[issue.place][event.place]


def _event_rows(rng: np.random.Generator, events: list[Event]) -> NDArray[np.int64]:
    rows = [
        (event.issue, event.street, event.first_day + day, number, -1)
        for number, event in enumerate(events)
        for day, count in enumerate(spread(rng, event.size, event.last_day - event.first_day + 1))
        for _ in range(count)
    ]
    return np.array(rows, dtype=np.int64).reshape(-1, 5)


def _place(rng: np.random.Generator, city: City, issue: Issue, street: int) -> int:
    if issue.place == "street":
        return 0
    return int(rng.integers(0, len(city.streets[street].places[issue.place])))
